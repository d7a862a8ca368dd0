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
