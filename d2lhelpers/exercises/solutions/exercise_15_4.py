diagnosis_4 = "b"  # answer


def test_pooled_net(PooledNet):
    # answer
    assert PooledNet()(torch.randn(2, 3, 32, 32)).shape == (2, 10)
    # end of answer
