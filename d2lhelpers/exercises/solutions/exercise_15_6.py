diagnosis_6 = "a"  # answer


def test_stage(stage):
    # answer
    X = torch.randn(2, 4, 24, 16)
    assert stage(4, 8, 3)(X).shape == (2, 8, 12, 8)
    assert stage(4, 4, 3, first_block=True)(X).shape == X.shape
    # end of answer
