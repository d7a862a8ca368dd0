def convolution(in_channels, out_channels, norm=None):
    layers = [nn.Conv2d(in_channels, out_channels, kernel_size=3, padding=1)]
    if norm is not None:
        layers.append(norm(out_channels))
    return nn.Sequential(*layers)


class NormedBlock(nn.Module):
    def __init__(self, channels, norm=None):
        super().__init__()
        self.conv1 = convolution(channels, channels, norm)
        self.conv2 = convolution(channels, channels, norm)

    def forward(self, X):
        return F.relu(self.conv2(F.relu(self.conv1(X))) + X)


def small_resnet(num_blocks, channels=8, norm=nn.BatchNorm2d):
    stem = nn.Sequential(convolution(1, channels, norm), nn.ReLU())
    blocks = [NormedBlock(channels) for _ in range(num_blocks)]  # broken
    blocks = [NormedBlock(channels, norm) for _ in range(num_blocks)]  # mended
    head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 10))
    return nn.Sequential(stem, *blocks, head)
