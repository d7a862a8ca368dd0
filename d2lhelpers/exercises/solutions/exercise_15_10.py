diagnosis_10 = "a"  # answer


def test_training(train_and_evaluate):
    # answer
    net = nn.Sequential(nn.BatchNorm1d(3), nn.Linear(3, 2))
    batches = [(torch.randn(4, 3), torch.tensor([0, 1, 1, 0])) for _ in range(5)]
    train_and_evaluate(net, batches, batches, num_epochs=2, lr=0.1)
    assert net[0].num_batches_tracked == 2 * 5
    # end of answer
