class PooledNet(nn.Module):
    """Map images of 32×32 pixels, (batch, 3, 32, 32), to scores, (batch, 10)."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 64, kernel_size=3, padding=1)
        self.conv1 = nn.Conv2d(64, 64, kernel_size=3, padding=1)
        self.conv2 = nn.Conv2d(64, 64, kernel_size=3, padding=1)
        self.bn0, self.bn1, self.bn2 = nn.BatchNorm2d(64), nn.BatchNorm2d(64), nn.BatchNorm2d(64)
        self.linear = nn.Linear(64, 10)

    def forward(self, images):
        x = F.relu(self.bn0(self.stem(images)))
        out = F.relu(self.bn1(self.conv1(x)))
        out = F.relu(self.bn2(self.conv2(out)) + x)
        out = F.avg_pool2d(out, 8)  # broken
        out = F.adaptive_avg_pool2d(out, 1)  # mended
        return self.linear(out.flatten(start_dim=1))
