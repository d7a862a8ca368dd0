growth = {}
for depth in (8, 20):
    growth[depth] = 1.1**depth

gains = torch.linspace(0.9, 1.1, 21)


def signal_after(gain, layers):
    """Return the size of a signal that starts as 1 and is multiplied by `gain` in each of the layers."""
    rounds = range(depth)  # broken
    rounds = range(layers)  # mended
    signal = torch.ones_like(torch.as_tensor(gain))
    for _ in rounds:
        signal = signal * gain
    return signal


lines = {layers: signal_after(gains, layers) for layers in (2, 20, 56)}
