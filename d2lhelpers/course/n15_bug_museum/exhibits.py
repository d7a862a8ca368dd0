# Exhibit 15.1

class Residual(nn.Module):
    def __init__(self, input_channels, num_channels, use_1x1conv=False, strides=1):
        super().__init__()
        self.conv1 = nn.Conv2d(input_channels, num_channels, kernel_size=3, padding=1, stride=strides)
        self.conv2 = nn.Conv2d(num_channels, num_channels, kernel_size=3, padding=1)
        if use_1x1conv:
            self.conv3 = nn.Conv2d(input_channels, num_channels, kernel_size=3, padding=1, stride=strides)  # broken
            self.conv3 = nn.Conv2d(input_channels, num_channels, kernel_size=1, stride=strides)  # fixed
        else:
            self.conv3 = None
        self.bn1 = nn.BatchNorm2d(num_channels)
        self.bn2 = nn.BatchNorm2d(num_channels)

    def forward(self, X):
        Y = F.relu(self.bn1(self.conv1(X)))
        Y = self.bn2(self.conv2(Y))
        if self.conv3 is not None:
            X = self.conv3(X)
        return F.relu(Y + X)


# Exhibit 15.2

class ResidualUnit(nn.Module):
    def __init__(self, in_channels, out_channels, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, out_channels, kernel_size=3, padding=1, stride=stride, bias=False)
        self.bn1 = nn.BatchNorm2d(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, kernel_size=3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(out_channels)
        self.downsample = None
        if stride != 1 or in_channels != out_channels:
            self.downsample = nn.Sequential(
                nn.Conv2d(in_channels, out_channels, kernel_size=1, stride=stride, bias=False),
                nn.BatchNorm2d(out_channels),
            )

    def forward(self, x):
        identity = x
        out = F.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        if self.downsample is not None:
            identity = self.downsample(x)
        return F.relu(out)  # broken
        return F.relu(out + identity)  # fixed


# Exhibit 15.3

def train_with_milestones(net, batches, num_epochs, lr, milestones):
    """Train; from each milestone on with a tenth of the learning rate. Return the rate of each epoch."""
    optimizer = torch.optim.SGD(net.parameters(), lr=lr)
    scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, milestones, gamma=0.1)
    rates = []
    for epoch in range(num_epochs):
        rates.append(optimizer.param_groups[0]["lr"])
        for X, y in batches:
            loss = F.cross_entropy(net(X), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        scheduler.step()  # fixed
    return rates


# Exhibit 15.4

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
        out = F.adaptive_avg_pool2d(out, 1)  # fixed
        return self.linear(out.flatten(start_dim=1))


# Exhibit 15.5

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
    blocks = [NormedBlock(channels, norm) for _ in range(num_blocks)]  # fixed
    head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 10))
    return nn.Sequential(stem, *blocks, head)


# Exhibit 15.6

class StageBlock(nn.Module):
    def __init__(self, input_channels, num_channels, strides=1):
        super().__init__()
        self.conv1 = nn.Conv2d(input_channels, num_channels, kernel_size=3, padding=1, stride=strides)
        self.conv2 = nn.Conv2d(num_channels, num_channels, kernel_size=3, padding=1)
        self.bn1, self.bn2 = nn.BatchNorm2d(num_channels), nn.BatchNorm2d(num_channels)
        self.conv3 = None
        if strides != 1 or input_channels != num_channels:
            self.conv3 = nn.Conv2d(input_channels, num_channels, kernel_size=1, stride=strides)

    def forward(self, X):
        Y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(X)))))
        return F.relu(Y + (X if self.conv3 is None else self.conv3(X)))


def stage(input_channels, num_channels, num_residuals, first_block=False):
    blocks = []
    for i in range(num_residuals):
        halves = i == 0 or not first_block  # broken
        halves = i == 0 and not first_block  # fixed
        blocks.append(StageBlock(input_channels, num_channels, strides=2 if halves else 1))
        input_channels = num_channels
    return nn.Sequential(*blocks)


# Exhibit 15.7

class BlockWithBranch(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.branch = nn.Sequential(
            nn.Conv2d(channels, channels, kernel_size=3, padding=1),
            nn.BatchNorm2d(channels),
            nn.ReLU(),  # fixed
            nn.Conv2d(channels, channels, kernel_size=3, padding=1),
            nn.BatchNorm2d(channels),
        )

    def forward(self, X):
        return F.relu(self.branch(X) + X)


# Exhibit 15.8

class IdentityBlock(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, kernel_size=3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, kernel_size=3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)

    def forward(self, x):
        out = F.relu(self.bn1(self.conv1(x)))
        out = F.relu(self.bn2(self.conv2(out)))  # broken
        out = self.bn2(self.conv2(out))  # fixed
        return F.relu(out + x)


# Exhibit 15.9

def evaluate(net, batches):
    """Return the share of the images that the net classifies rightly."""
    net.eval()
    shares = []  # broken
    correct, total = 0, 0  # fixed
    with torch.no_grad():
        for X, y in batches:
            predicted = net(X).argmax(dim=1)
            shares.append((predicted == y).float().mean().item())  # broken
            correct += (predicted == y).sum().item()  # fixed
            total += len(y)  # fixed

    return sum(shares) / len(shares)  # broken
    return correct / total  # fixed


# Exhibit 15.10

def train_and_evaluate(net, train_batches, test_batches, num_epochs, lr):
    """Train; return the accuracy on the test images after each epoch."""
    optimizer = torch.optim.SGD(net.parameters(), lr=lr)
    accuracies = []
    net.train()  # broken
    for epoch in range(num_epochs):
        net.train()  # fixed
        for X, y in train_batches:
            loss = F.cross_entropy(net(X), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        net.eval()
        with torch.no_grad():
            correct = sum((net(X).argmax(dim=1) == y).sum().item() for X, y in test_batches)
        accuracies.append(correct / sum(len(y) for _, y in test_batches))
    return accuracies


# Exhibit 15.11

class AddingBlock(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, kernel_size=3, padding=1)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, kernel_size=3, padding=1)
        self.bn2 = nn.BatchNorm2d(channels)

    def forward(self, X):
        Y = F.relu(self.bn1(self.conv1(X)))
        Y = self.bn2(self.conv2(Y))
        X += Y  # broken
        X = X + Y  # fixed
        return F.relu(X)


# Exhibit 15.12

def layer_shapes(net, *size):
    """Send random numbers of this size through an nn.Sequential; return each layer's name and output shape."""
    X = torch.rand(size)
    shapes = []
    for layer in net:  # broken
        X = layer(X)  # broken
        shapes.append((type(layer).__name__, tuple(X.shape)))  # broken
    with evaluating(net):  # fixed
        for layer in net:  # fixed
            X = layer(X)  # fixed
            shapes.append((type(layer).__name__, tuple(X.shape)))  # fixed
    return shapes


# Exhibit 15.13

growth = {}
for depth in (8, 20):
    growth[depth] = 1.1**depth

gains = torch.linspace(0.9, 1.1, 21)


def signal_after(gain, layers):
    """Return the size of a signal that starts as 1 and is multiplied by `gain` in each of the layers."""
    rounds = range(depth)  # broken
    rounds = range(layers)  # fixed
    signal = torch.ones_like(torch.as_tensor(gain))
    for _ in rounds:
        signal = signal * gain
    return signal


lines = {layers: signal_after(gains, layers) for layers in (2, 20, 56)}
