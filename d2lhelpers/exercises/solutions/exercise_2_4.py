def with_one_more_block(net):
    """Return a longer net that computes the same; leave this one as it is."""
    # answer
    longer = copy.deepcopy(net)
    for stage in longer[1:4]:
        channels = stage[-1].conv2.out_channels
        block = d2l.Residual(channels, channels)
        nn.init.zeros_(block.bn2.weight)
        nn.init.zeros_(block.bn2.bias)
        stage.append(block)
    return longer
    # end of answer


depth_after_20 = 20 + 3 * 2  # answer
