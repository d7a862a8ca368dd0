# Exercise 19.1

def dense_parameters(channels, growth, num_layers):
    # answer
    total = 0
    for i in range(num_layers):
        seen = channels + i * growth  # channels that come into layer i
        total += 2 * seen + 9 * seen * growth  # γ and β of the norm, and the kernels; no bias
    return total
    # end of answer


# Exercise 19.2

def hands_on(block, X):
    # answer
    silent = copy.deepcopy(block)  # the block itself stays as it came
    with torch.no_grad():
        for parameter in silent.parameters():
            parameter.zero_()
        return torch.equal(silent(X), X)
    # end of answer


# Exercise 19.3

def stays_positive(n):
    # answer
    return math.comb(2 * n, n) / 4**n
    # end of answer


# answer
blocks_until_a_tenth = next(n for n in range(1, 1000) if stays_positive(n) < 0.1)
# After many blocks the numbers that are left are large: a walk that has stayed above zero for long has wandered far up,
# and its next step, as long as all others, rarely takes it below. Coins forget; a walk remembers.
my_reason = "b"
# end of answer


# Exercise 19.4

class FrugalDenseBlock(nn.Module):
    def __init__(self, channels, growth, num_layers):
        super().__init__()
        self.branches = nn.ModuleList()
        for width in range(channels, channels + num_layers * growth, growth):
            conv = nn.Conv2d(width, growth, kernel_size=3, padding=1, bias=False)
            self.branches.append(nn.Sequential(nn.BatchNorm2d(width), nn.ReLU(), conv))

    def forward(self, X):
        # answer
        features = [X]
        for branch in self.branches:

            def layer(*features, branch=branch):
                return branch(torch.cat(features, dim=1))

            features.append(checkpoint(layer, *features, use_reentrant=False))
        return torch.cat(features, dim=1)
        # end of answer
