# Exercise 11.1

def bottleneck_parameters(counts, width, num_classes):
    """Parameters of a network of bottlenecks with 1×1 convolutions where the shape changes."""
    # answer
    total, before = 3 * 7 * 7 * width + 2 * width, width
    for stage, count in enumerate(counts):
        inner = width * 2**stage
        outer = 4 * inner
        for _ in range(count):
            total += before * inner + 9 * inner**2 + inner * outer + 2 * (inner + inner + outer)
            if before != outer:
                total += before * outer + 2 * outer
            before = outer
    return total + (before + 1) * num_classes
    # end of answer


# Exercise 11.2

def their_name(name):
    """What a weight of our network is called in torchvision's."""
    # answer
    for theirs, ours in outside.items():
        if name.startswith(ours + "."):
            return theirs + name.removeprefix(ours)
    stage, block, place = name.split(".", 2)
    for theirs, ours in inside.items():
        if place.startswith(ours + "."):
            return f"layer{stage}.{block}.{theirs}{place.removeprefix(ours)}"
    # end of answer


# Exercise 11.3

def groups_of(layer, channels):
    """How many groups a convolution has that one cannot look into, from its gradients."""
    # answer
    X = torch.rand(1, channels, 9, 9, requires_grad=True)
    (gradient,) = torch.autograd.grad(layer(X)[0, 0].sum(), X)
    channels_read = (gradient.abs().sum(dim=(0, 2, 3)) > 0).sum().item()
    return channels // channels_read
    # end of answer


# Exercise 11.4

# answer
# P and S: the same weights, so the mistake has none. In P the first 1×1 does less work, and its output is smaller: the
# stride. In S the first layer after the stem is off, and the stem's own convolution and norm are not: the pooling.
# Q: the layer that differs is the first that sees what the first ReLU should have cut off.
# R: all that the first block computes agrees, and the next block gets something else: the sum.
# T: other shapes of weights, and fewer of them: the groups that nobody asked for.
cause_of = {"P": "c", "Q": "e", "R": "a", "S": "f", "T": "b"}
# end of answer
