# Exercise 3.1

extra_parameters_of_option_c = sum(c * c + c for c in (64, 64, 128, 256, 512))  # answer


# Exercise 3.2

class ResidualWithoutNorm(nn.Module):
    def __init__(self, num_channels):
        super().__init__()
        # answer
        self.conv1 = nn.Conv2d(num_channels, num_channels, kernel_size=3, padding=1)
        self.conv2 = nn.Conv2d(num_channels, num_channels, kernel_size=3, padding=1)
        # end of answer

    def forward(self, X):
        # answer
        Y = self.conv2(F.relu(self.conv1(X)))
        return F.relu(Y + X)
        # end of answer


# Exercise 3.3

def adds_its_input(block, X):
    """Return whether `block` adds its input to what leaves `bn2`, with the ReLU after the sum."""
    # answer
    from copy import deepcopy

    copy = deepcopy(block)
    nn.init.zeros_(copy.bn2.weight)
    nn.init.zeros_(copy.bn2.bias)
    return torch.equal(copy(X), F.relu(X))
    # end of answer


# Exercise 3.4

kernel_size_of_the_one = 5 + 3 - 1  # answer
parameters_of_the_pair = (25 * 20 * 30 + 30) + (9 * 30 * 20 + 20)  # answer
parameters_of_the_one = 49 * 20 * 20 + 20  # answer


# Exercise 3.5

def folded(conv1, bn1, conv2, bn2):
    """Return one 5×5 convolution that equals bn2(conv2(bn1(conv1(X)))) in eval mode."""

    # answer
    def convolution(weight, bias):
        layer = nn.Conv2d(weight.shape[1], weight.shape[0], kernel_size=weight.shape[2], dtype=weight.dtype)
        with torch.no_grad():
            layer.weight.copy_(weight)
            layer.bias.copy_(bias)
        return layer

    def with_norm(conv, bn):
        factor = bn.weight / (bn.running_var + bn.eps).sqrt()
        return convolution(conv.weight * factor[:, None, None, None], (conv.bias - bn.running_mean) * factor + bn.bias)

    return convolution(*compose(with_norm(conv1, bn1), with_norm(conv2, bn2)))
    # end of answer


# Exercise 3.6

class PreActivationResidual(nn.Module):
    def __init__(self, num_channels):
        super().__init__()
        # answer
        self.bn1 = nn.BatchNorm2d(num_channels)
        self.conv1 = nn.Conv2d(num_channels, num_channels, kernel_size=3, padding=1)
        self.bn2 = nn.BatchNorm2d(num_channels)
        self.conv2 = nn.Conv2d(num_channels, num_channels, kernel_size=3, padding=1)
        # end of answer

    def forward(self, X):
        # answer
        Y = self.conv1(F.relu(self.bn1(X)))
        Y = self.conv2(F.relu(self.bn2(Y)))
        return Y + X
        # end of answer


# Exercise 3.7

inception_shape = (2, 64 + 128 + 32 + 32, 28, 20)  # answer
# answer
# Inception: branches of several kernel sizes see one input; their channels stand side by side.
# Residual: the input passes unchanged and is added, so that the layers learn a difference.
true_statements = {1, 4, 6, 7}
# end of answer
