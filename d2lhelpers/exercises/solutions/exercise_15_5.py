diagnosis_5 = "c"  # answer


def test_norms(small_resnet):
    # answer
    layers = list(small_resnet(2, norm=nn.InstanceNorm2d).modules())
    norms = sum(isinstance(layer, nn.InstanceNorm2d) for layer in layers)
    assert norms == sum(isinstance(layer, nn.Conv2d) for layer in layers)
    # end of answer
