diagnosis_9 = "b"  # answer


def test_evaluate(evaluate):
    # answer
    scores = torch.eye(2)[[0] * 10]  # ten images, and the net says class 0 each time
    batches = [(scores[:9], torch.zeros(9, dtype=int)), (scores[9:], torch.ones(1, dtype=int))]
    assert abs(evaluate(nn.Identity(), batches) - 0.9) < 1e-6
    # end of answer
