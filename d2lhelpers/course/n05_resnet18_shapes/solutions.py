# Exercise 5.1

# (channels, height, width) after the stem, stage 1, stage 2, stage 3, stage 4
photo_maps = [(64, 25, 38), (64, 25, 38), (128, 13, 19), (256, 7, 10), (512, 4, 5)]  # answer


# Exercise 5.2

def numbers_kept(net, X):
    # answer
    counts, handles = {}, []

    def hook_for(name):
        def note(module, inputs, output):
            counts[name] = output.numel()

        return note

    for name, module in net.named_modules():
        if not any(module.children()):
            handles.append(module.register_forward_hook(hook_for(name)))
    was_training = net.training
    with torch.no_grad():
        net.eval()(X)
    net.train(was_training)
    for handle in handles:
        handle.remove()
    return counts
    # end of answer


part_with_most_values = "stem"  # answer


# Exercise 5.3

# depth -> blocks in each of the four stages
blocks_of = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}  # answer


def basic_resnet(depth, width=64, in_channels=1, num_classes=10):
    # answer
    if depth not in (18, 34):
        raise ValueError(f"basic blocks make the depths 18 and 34; got {depth}")
    stem = nn.Sequential(
        nn.Conv2d(in_channels, width, kernel_size=7, stride=2, padding=3),
        nn.BatchNorm2d(width),
        nn.ReLU(),
        nn.MaxPool2d(kernel_size=3, stride=2, padding=1),
    )
    return d2l.resnet(stem, blocks_of[depth], width, num_classes)
    # end of answer


# Exercise 5.4

def unnoticed_map(state):
    # answer
    # The variance where its root, the standard deviation, is meant: in a fresh net both are 1.
    return {name: value.sqrt() if name.endswith("running_var") else value for name, value in state.items()}
    # end of answer


# Exercise 5.5

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
