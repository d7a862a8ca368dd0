# Exercise 17.1

def idle_parameters(net, X, y):
    """Return the names of all parameters whose gradient is zero but for rounding, in training mode."""
    # answer
    net = in_float64(net)  # a copy in training mode
    names, parameters = zip(*net.named_parameters())
    gradients = torch.autograd.grad(cross_entropy(net(X), y), parameters)
    norms = [gradient.norm() for gradient in gradients]
    return [name for name, norm in zip(names, norms) if norm < 1e-9 * max(norms)]
    # end of answer



# Exercise 17.2

def keeping_scale_of(net, X, y):
    """Return the factor on the weights of a net without norm with which its gradient keeps its size."""
    # answer
    convolutions = 2 * len(blocks_of(net))
    return growth(gradient_norms(net, X, y)) ** (-1 / convolutions)
    # end of answer


# answer
# The factor makes up for what one convolution loses at the borders. At each depth the three
# stages have equally many blocks, so the mean loss is the same. Seed 0: 1.22 at 32 layers, 1.23 at 56.
scale_at_32 = "about the same"
# end of answer


# Exercise 17.3

limit_of_correlation = round(math.exp(1 / 2) / math.exp(1), 2)  # answer
# answer
# Each block loses about 1/(2L) of the correlation, and there are L blocks, so depth does not add to the total.
# With branches scaled like this, gradients do not shatter however deep the net is: two images keep 0.61.
why_it_stops_there = "d"
# end of answer
