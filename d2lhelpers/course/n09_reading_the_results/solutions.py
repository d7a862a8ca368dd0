# Exercise 9.1

def cheapest(probabilities, cost):
    # answer
    expected = probabilities @ cost  # (images, answers): each truth's cost, weighted with its probability
    return expected.argmin(dim=1)
    # end of answer


ask_below = 0.8  # answer


# Exercise 9.2

def calibration_error(certainty, right, num_bins):
    # answer
    bins = (certainty * num_bins).long().clamp_max(num_bins - 1)  # a certainty of 1 belongs to the last bin
    error = 0.0
    for i in range(num_bins):
        inside = bins == i
        if inside.any():
            gap = certainty[inside].mean() - right[inside].float().mean()
            error += inside.float().mean() * gap.abs()
    return error
    # end of answer


# Exercise 9.3

def agreement(wrong_a, wrong_b):
    # answer
    a, b = wrong_a.double().mean(), wrong_b.double().mean()
    observed = (wrong_a == wrong_b).double().mean()
    by_chance = a * b + (1 - a) * (1 - b)
    return (observed - by_chance) / (1 - by_chance)
    # end of answer


when_contained = 0.62  # answer


# Exercise 9.4

def with_lesions(net, lesions):
    # answer
    lesioned = deepcopy(net)
    for stage, i in lesions:
        shortcut = lesioned[stage][i].conv3
        # What is left is relu(0 + shortcut). Without a conv3 that is the input, which a ReLU has seen already.
        lesioned[stage][i] = nn.Identity() if shortcut is None else nn.Sequential(shortcut, nn.ReLU())
    return lesioned
    # end of answer


# Exercise 9.5

def enlarged(net, factor):
    # answer
    larger = deepcopy(net)
    with torch.no_grad():
        for layer in larger.modules():
            if isinstance(layer, nn.Conv2d):
                layer.weight *= factor
                layer.bias *= factor
            elif isinstance(layer, nn.BatchNorm2d):  # what comes in is `factor` times as large
                layer.running_mean *= factor
                layer.running_var *= factor**2
    return larger
    # end of answer


# answer
# A step of fixed length is a smaller part of larger weights, so it changes the function less: the same function looks
# flatter. Filter normalization makes the step larger with the weights, and the two surfaces are the same.
my_surface = "b"
# end of answer
