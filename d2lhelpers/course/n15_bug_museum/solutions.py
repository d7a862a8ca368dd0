# Exercise 15.1

diagnosis_1 = "c"  # answer


def test_shortcut(Residual):
    # answer
    block = Residual(4, 6, use_1x1conv=True, strides=2)
    assert sum(parameter.numel() for parameter in block.conv3.parameters()) == 4 * 6 + 6
    # end of answer


# Exercise 15.2

diagnosis_2 = "a"  # answer


def test_unit(ResidualUnit):
    # answer
    unit = ResidualUnit(4, 4)
    for parameter in unit.parameters():
        nn.init.zeros_(parameter)  # now F(x) is zero, and only the input is left
    X = torch.randn(2, 4, 6, 5)
    assert torch.equal(unit(X), F.relu(X))
    # end of answer


# Exercise 15.3

diagnosis_3 = "d"  # answer


def test_rates(train_with_milestones):
    # answer
    batches = [(torch.randn(4, 3), torch.tensor([0, 1, 1, 0]))]
    rates = train_with_milestones(nn.Linear(3, 2), batches, 3, 1.0, [1, 2])
    assert torch.allclose(torch.tensor(rates), torch.tensor([1.0, 0.1, 0.01]))
    # end of answer


# Exercise 15.4

diagnosis_4 = "b"  # answer


def test_pooled_net(PooledNet):
    # answer
    assert PooledNet()(torch.randn(2, 3, 32, 32)).shape == (2, 10)
    # end of answer


# Exercise 15.5

diagnosis_5 = "c"  # answer


def test_norms(small_resnet):
    # answer
    layers = list(small_resnet(2, norm=nn.InstanceNorm2d).modules())
    norms = sum(isinstance(layer, nn.InstanceNorm2d) for layer in layers)
    assert norms == sum(isinstance(layer, nn.Conv2d) for layer in layers)
    # end of answer


# Exercise 15.6

diagnosis_6 = "a"  # answer


def test_stage(stage):
    # answer
    X = torch.randn(2, 4, 24, 16)
    assert stage(4, 8, 3)(X).shape == (2, 8, 12, 8)
    assert stage(4, 4, 3, first_block=True)(X).shape == X.shape
    # end of answer


# Exercise 15.7

diagnosis_7 = "d"  # answer


def test_branch(BlockWithBranch):
    # answer
    branch = BlockWithBranch(3).eval().branch
    A, B = torch.randn(1, 3, 6, 5), torch.randn(1, 3, 6, 5)
    assert not torch.allclose(branch((A + B) / 2), (branch(A) + branch(B)) / 2, atol=1e-5)
    # end of answer


# Exercise 15.8

diagnosis_8 = "b"  # answer


def test_identity_block(IdentityBlock):
    # answer
    X = torch.rand(2, 4, 6, 5)  # no number is negative
    assert (IdentityBlock(4)(X) < X).any()
    # end of answer


# Exercise 15.9

diagnosis_9 = "b"  # answer


def test_evaluate(evaluate):
    # answer
    scores = torch.eye(2)[[0] * 10]  # ten images, and the net says class 0 each time
    batches = [(scores[:9], torch.zeros(9, dtype=int)), (scores[9:], torch.ones(1, dtype=int))]
    assert abs(evaluate(nn.Identity(), batches) - 0.9) < 1e-6
    # end of answer


# Exercise 15.10

diagnosis_10 = "a"  # answer


def test_training(train_and_evaluate):
    # answer
    net = nn.Sequential(nn.BatchNorm1d(3), nn.Linear(3, 2))
    batches = [(torch.randn(4, 3), torch.tensor([0, 1, 1, 0])) for _ in range(5)]
    train_and_evaluate(net, batches, batches, 2, 0.1)
    assert net[0].num_batches_tracked == 2 * 5
    # end of answer


# Exercise 15.11

diagnosis_11 = "d"  # answer


def test_adding_block(AddingBlock):
    # answer
    X = torch.randn(2, 4, 6, 5)
    before = X.clone()
    with torch.no_grad():
        AddingBlock(4)(X)
    assert torch.equal(X, before)
    # end of answer


# Exercise 15.12

diagnosis_12 = "c"  # answer


def test_layer_shapes(layer_shapes):
    # answer
    net = nn.Sequential(nn.Conv2d(1, 4, kernel_size=3), nn.BatchNorm2d(4))
    before = {name: value.clone() for name, value in net.state_dict().items()}
    layer_shapes(net, 2, 1, 8, 6)
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    # end of answer


# Exercise 15.13

diagnosis_13 = "b"  # answer


def test_signal(signal_after):
    # answer
    assert [float(signal_after(2.0, layers)) for layers in (0, 1, 3)] == [1, 2, 8]
    # end of answer
