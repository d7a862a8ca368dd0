diagnosis_11 = "d"  # answer


def test_adding_block(AddingBlock):
    # answer
    X = torch.randn(2, 4, 6, 5)
    before = X.clone()
    with torch.no_grad():
        AddingBlock(4)(X)
    assert torch.equal(X, before)
    # end of answer
