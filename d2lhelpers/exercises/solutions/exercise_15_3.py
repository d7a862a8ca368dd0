diagnosis_3 = "d"  # answer


def test_rates(train_with_milestones):
    # answer
    batches = [(torch.randn(4, 3), torch.tensor([0, 1, 1, 0]))]
    rates = train_with_milestones(nn.Linear(3, 2), batches, num_epochs=3, lr=1.0, milestones=[1, 2])
    assert torch.allclose(torch.tensor(rates), torch.tensor([1.0, 0.1, 0.01]))
    # end of answer
