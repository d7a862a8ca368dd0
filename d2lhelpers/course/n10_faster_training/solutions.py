# Exercise 10.1

def least_seconds(conv, X, multiply_adds_per_second, bytes_per_second):
    # answer
    Y = conv(X)
    multiply_adds = Y.numel() * conv.weight[0].numel()  # each number of Y takes one for each weight of a filter
    numbers = X.numel() + conv.weight.numel() + Y.numel()
    arithmetic = multiply_adds / multiply_adds_per_second
    memory = numbers * X.element_size() / bytes_per_second
    return max(arithmetic, memory), "arithmetic" if arithmetic > memory else "memory"
    # end of answer


smallest_width = 18  # answer


# Exercise 10.2

def whitening(images, side):
    # answer
    channels = images.shape[1]
    patches = F.unfold(images, side).transpose(1, 2).flatten(0, 1)  # (patches, channels · side²)
    mean = patches.mean(dim=0)
    covariance = (patches - mean).T @ (patches - mean) / len(patches)
    eigenvalues, eigenvectors = torch.linalg.eigh(covariance)  # the eigenvectors are the columns
    filters = (eigenvectors / eigenvalues.sqrt()).T
    return filters.reshape(-1, channels, side, side), -filters @ mean
    # end of answer


# Exercise 10.3

def flipped(epoch, number_of_images, seed):
    # answer
    generator = torch.Generator().manual_seed(seed)  # its own, so that no other random number changes
    first_half = torch.rand(number_of_images, generator=generator) < 0.5
    return first_half if epoch % 2 == 0 else ~first_half
    # end of answer


one_side_only = 1 / 8  # answer


# Exercise 10.4

def orthogonalized(gradient):
    # answer
    U, _, V_transposed = torch.linalg.svd(gradient.flatten(start_dim=1), full_matrices=False)
    return (U @ V_transposed).view_as(gradient)
    # end of answer


# answer
# Muon's polynomial makes a small s 3.4 times as large in a step, the other 1.5 times. In return it never settles at 1.
def steps_needed(polynomial, s=0.01):
    steps = 0
    while s < 0.7:
        s, steps = polynomial(s), steps + 1
    return steps


cubic_steps = steps_needed(lambda s: 1.5 * s - 0.5 * s**3)
muon_steps = steps_needed(lambda s: 3.4445 * s - 4.775 * s**3 + 2.0315 * s**5)
# end of answer


# Exercise 10.5

def averaged(gradients, sizes):
    # answer
    shares = [size / sum(sizes) for size in sizes]
    return [sum(share * part for share, part in zip(shares, parts)) for parts in zip(*gradients)]
    # end of answer


def loss_factors(sizes):
    # answer
    # The plain mean divides by the number of processes, so multiply by it.
    return [len(sizes) * size / sum(sizes) for size in sizes]
    # end of answer


# answer
# Each process normalizes with the mean and the variance of its own images. An image's scores then depend on the
# images beside it, and they are other images than in one process.
my_batch_norm = "c"
# end of answer
