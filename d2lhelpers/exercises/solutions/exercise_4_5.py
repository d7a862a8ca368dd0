def growth_after_one_step(net, X, y, lr):
    """Return the growth after one step of plain gradient descent; the net itself stays as it is."""
    # answer
    # Seed 0: from 0.01 on it shrinks: from 3,000 to 350, and to 18 at 0.1. There the first
    # convolution's weights have grown from a norm of 4.4 to one of 5.5, and of 34 at 0.1.
    net = in_float64(net)
    parameters = list(net.parameters())
    gradients = torch.autograd.grad(cross_entropy(net(X), y), parameters)
    with torch.no_grad():
        for parameter, gradient in zip(parameters, gradients):
            parameter -= lr * gradient
    return growth(gradient_norms(net, X, y))
    # end of answer
