diagnosis_12 = "c"  # answer


def test_layer_shapes(layer_shapes):
    # answer
    net = nn.Sequential(nn.Conv2d(1, 4, kernel_size=3), nn.BatchNorm2d(4))
    before = {name: value.clone() for name, value in net.state_dict().items()}
    layer_shapes(net, 2, 1, 8, 6)
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    # end of answer
