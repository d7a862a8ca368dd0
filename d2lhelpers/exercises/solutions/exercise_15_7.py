diagnosis_7 = "d"  # answer


def test_branch(BlockWithBranch):
    # answer
    branch = BlockWithBranch(3).eval().branch
    A, B = torch.randn(1, 3, 6, 5), torch.randn(1, 3, 6, 5)
    assert not torch.allclose(branch((A + B) / 2), (branch(A) + branch(B)) / 2, atol=1e-5)
    # end of answer
