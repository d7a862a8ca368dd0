diagnosis_2 = "a"  # answer


def test_unit(ResidualUnit):
    # answer
    unit = ResidualUnit(4, 4)
    for parameter in unit.parameters():
        nn.init.zeros_(parameter)  # now F(x) is zero, and only the input is left
    X = torch.randn(2, 4, 6, 5)
    assert torch.equal(unit(X), F.relu(X))
    # end of answer
