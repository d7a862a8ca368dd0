diagnosis_8 = "b"  # answer


def test_identity_block(IdentityBlock):
    # answer
    X = torch.rand(2, 4, 6, 5)  # no number is negative
    assert (IdentityBlock(4)(X) < X).any()
    # end of answer
