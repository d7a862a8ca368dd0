def layer_shapes(net, *size):
    """Send random numbers of this size through an nn.Sequential; return each layer's name and output shape."""
    was_training = net.training  # mended
    net.eval()  # mended
    X = torch.rand(size)
    shapes = []
    for layer in net:
        X = layer(X)
        shapes.append((type(layer).__name__, tuple(X.shape)))
    net.train(was_training)  # mended
    return shapes
