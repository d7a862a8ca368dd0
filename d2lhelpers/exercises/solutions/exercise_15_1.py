diagnosis_1 = "c"  # answer


def test_shortcut(Residual):
    # answer
    block = Residual(4, 6, use_1x1conv=True, strides=2)
    assert sum(parameter.numel() for parameter in block.conv3.parameters()) == 4 * 6 + 6
    # end of answer
