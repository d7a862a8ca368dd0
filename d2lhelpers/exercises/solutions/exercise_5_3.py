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
