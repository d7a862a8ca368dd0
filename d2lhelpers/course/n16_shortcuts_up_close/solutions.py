# Exercise 16.1

extra_parameters_of_option_c = sum(c * c + c for c in (64, 64, 128, 256, 512))  # answer


# Exercise 16.2

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


# Exercise 16.3

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
