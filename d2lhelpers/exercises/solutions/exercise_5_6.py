class Bottleneck(nn.Module):
    def __init__(self, input_channels, bottleneck_channels, use_1x1conv=False, strides=1):
        super().__init__()
        # answer
        output_channels = 4 * bottleneck_channels
        self.conv1 = nn.Conv2d(input_channels, bottleneck_channels, kernel_size=1)
        self.conv2 = nn.Conv2d(bottleneck_channels, bottleneck_channels, kernel_size=3, padding=1, stride=strides)
        self.conv3 = nn.Conv2d(bottleneck_channels, output_channels, kernel_size=1)
        self.bn1 = nn.BatchNorm2d(bottleneck_channels)
        self.bn2 = nn.BatchNorm2d(bottleneck_channels)
        self.bn3 = nn.BatchNorm2d(output_channels)
        self.shortcut = nn.Identity()
        if use_1x1conv:
            self.shortcut = nn.Conv2d(input_channels, output_channels, kernel_size=1, stride=strides)
        # end of answer

    def forward(self, X):
        # answer
        Y = F.relu(self.bn1(self.conv1(X)))
        Y = F.relu(self.bn2(self.conv2(Y)))
        Y = self.bn3(self.conv3(Y))
        return F.relu(Y + self.shortcut(X))
        # end of answer
