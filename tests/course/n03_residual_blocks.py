"""Answers to the exercises of notebook 03."""

from __future__ import annotations

from collect import needs, right, wrong

# 3.1 Option C for ResNet-18

right(
    "3.1",
    "counted by PyTorch",
    """
extra_parameters_of_option_c = sum(
    sum(p.numel() for p in nn.Conv2d(c, c, kernel_size=1).parameters()) for c in (64, 64, 128, 256, 512)
)
""",
)
right("3.1", "as a float", "extra_parameters_of_option_c = 353280.0")
right("3.1", "as a tensor", "extra_parameters_of_option_c = torch.tensor([64, 64, 128, 256, 512]).pow(2).sum() + 1024")
right(
    "3.1",
    "from the network itself",
    """
def gain(block):
    return 0 if block.conv3 is not None else sum(
        p.numel() for p in nn.Conv2d(block.conv1.in_channels, block.conv1.out_channels, 1).parameters()
    )

extra_parameters_of_option_c = sum(gain(block) for block in d2l.resnet18().modules() if isinstance(block, d2l.Residual))
""",
)

for name, code, cause in (
    ("without biases", "2 * 64**2 + 128**2 + 256**2 + 512**2", "without the biases"),
    ("3x3 convolutions", "sum(9 * c * c + c for c in (64, 64, 128, 256, 512))", "3×3"),
    ("one block of the first stage forgotten", "sum(c * c + c for c in (64, 128, 256, 512))", "one block of the first"),
    ("the first stage forgotten", "sum(c * c + c for c in (128, 256, 512))", "first stage is missing"),
    ("all eight, each as wide as its output", "2 * sum(c * c + c for c in (64, 128, 256, 512))", "eight blocks"),
    ("those of option B", "sum(c * (c // 2) + c for c in (128, 256, 512))", "option B has already"),
    ("all convolutions of C", "353280 + 172928", "all eight"),
    ("with batch norms", "sum(c * c + 3 * c for c in (64, 64, 128, 256, 512))", "no|none"),
    ("one bias for each convolution", "sum(c * c + 1 for c in (64, 64, 128, 256, 512))", "each output channel"),
    ("the network afterwards", "11_531_658", "what it gains"),
    ("a text", "'353,280'", "should be a number"),
    ("off by a little", "353281", "is not it"),
    ("the wrong number of the old sample", "350208", "is not it"),
):
    wrong("3.1", name, f"extra_parameters_of_option_c = {code}", cause)


# 3.2 A block without batch norm

WITHOUT_NORM = """
class ResidualWithoutNorm(nn.Module):
    def __init__(self, num_channels):
        super().__init__()
        self.conv1 = nn.Conv2d(num_channels, num_channels, kernel_size=3, padding=1)
        self.conv2 = nn.Conv2d(num_channels, num_channels, kernel_size=3, padding=1)

    def forward(self, X):
"""


def without_norm(body: str) -> str:
    """Return the class with other lines in `forward`."""
    return WITHOUT_NORM + "".join(f"        {line}\n" for line in body.strip().splitlines())


right(
    "3.2",
    "functional, in place, other names",
    without_norm("""
shortcut = X
out = self.conv1(X)
out = F.relu_(out)
out = self.conv2(out)
out += shortcut
return out.relu_()
"""),
)
right(
    "3.2",
    "layers in another order, without biases, ReLU as a module",
    """
class ResidualWithoutNorm(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.relu = nn.ReLU()
        self.conv2 = nn.Conv2d(c, c, 3, 1, 1, bias=False)
        self.conv1 = nn.Conv2d(c, c, (3, 3), padding="same", bias=False)
        self.branch = nn.Sequential(self.conv1, self.relu, self.conv2)

    def forward(self, images):
        return self.relu(images + self.branch(images))
""",
)
right(
    "3.2",
    "lazy layers",
    """
class ResidualWithoutNorm(nn.Module):
    def __init__(self, num_channels):
        super().__init__()
        self.conv1 = nn.LazyConv2d(num_channels, kernel_size=3, padding=1)
        self.conv2 = nn.LazyConv2d(num_channels, kernel_size=3, padding=1)

    def forward(self, X):
        return torch.clamp(self.conv2(torch.relu(self.conv1(X))) + X, min=0)
""",
)
right(
    "3.2",
    "padding by hand, conv2 born as zero",
    """
class ResidualWithoutNorm(nn.Module):
    def __init__(self, num_channels):
        super().__init__()
        self.conv1 = nn.Conv2d(num_channels, num_channels, 3)
        self.conv2 = nn.Conv2d(num_channels, num_channels, 3)
        nn.init.zeros_(self.conv2.weight)
        nn.init.zeros_(self.conv2.bias)

    def forward(self, X):
        Y = self.conv2(F.pad(self.conv1(F.pad(X, (1, 1, 1, 1))).relu(), (1, 1, 1, 1)))
        return torch.maximum(Y.add(X), torch.tensor(0.0))
""",
)

for name, body, cause in (
    ("never adds", "return F.relu(self.conv2(F.relu(self.conv1(X))))", "F set to zero"),
    ("never adds, no last ReLU", "return self.conv2(F.relu(self.conv1(X)))", "F\\(x\\) alone"),
    ("no ReLU after the sum", "return self.conv2(F.relu(self.conv1(X))) + X", "ReLU after the addition is missing"),
    ("adds after the last ReLU", "return F.relu(self.conv2(F.relu(self.conv1(X)))) + X", "belongs after it"),
    ("a ReLU too many", "return F.relu(F.relu(self.conv2(F.relu(self.conv1(X)))) + X)", "too many"),
    ("no ReLU inside", "return F.relu(self.conv2(self.conv1(X)) + X)", "no ReLU between"),
    ("no ReLU at all", "return self.conv2(self.conv1(X)) + X", "no ReLU at all"),
    ("overwrites X", "X = F.relu(self.conv1(X))\nreturn F.relu(self.conv2(X) + X)", "left the first ReLU"),
    ("adds what left conv1", "Y = self.conv1(X)\nreturn F.relu(self.conv2(F.relu(Y)) + Y)", "what left conv1"),
    ("conv1 twice", "return F.relu(self.conv1(F.relu(self.conv1(X))) + X)", "conv1 is used twice"),
    ("conv2 first", "return F.relu(self.conv1(F.relu(self.conv2(X))) + X)", "conv2 is used before"),
    ("subtracts", "return F.relu(self.conv2(F.relu(self.conv1(X))) - X)", "subtracted"),
    ("multiplies", "return F.relu(self.conv2(F.relu(self.conv1(X))) * X)", "multiplied"),
    ("adds in place to the input", "X += self.conv2(F.relu(self.conv1(X)))\nreturn F.relu(X)", "changes its input"),
    ("a ReLU on the shortcut", "return F.relu(self.conv2(F.relu(self.conv1(X))) + F.relu(X))", "passes a ReLU"),
    ("a ReLU in place on the input",
     "Y = self.conv2(F.relu(self.conv1(F.relu(X, inplace=True))))\nreturn F.relu(Y + X)", "changes its input"),
    ("detaches the shortcut", "return F.relu(self.conv2(F.relu(self.conv1(X))) + X.detach())", "gradient"),
    ("F without gradient",
     "with torch.no_grad():\n    Y = self.conv2(F.relu(self.conv1(X)))\nreturn F.relu(Y + X)", "gradient"),
    ("adds in train mode only",
     "Y = self.conv2(F.relu(self.conv1(X)))\nreturn F.relu(Y + X) if self.training else F.relu(Y)", "F set to zero"),
    ("a dropout", "return F.relu(F.dropout(self.conv2(F.relu(self.conv1(X))), 0.5) + X)", "each time"),
    ("adds the first image to all", "return F.relu(self.conv2(F.relu(self.conv1(X))) + X[:1])", "is not relu"),
    ("returns a tuple", "return F.relu(self.conv2(F.relu(self.conv1(X))) + X), X", "should be a tensor"),
    ("forgets to return", "Y = F.relu(self.conv2(F.relu(self.conv1(X))) + X)", "should be a tensor; it is None"),
    ("one hundred per cent of the mean",
     "return F.relu(self.conv2(F.relu(self.conv1(X))) + X.mean(1, keepdim=True))", "is not relu"),
):  # fmt: skip
    wrong("3.2", name, without_norm(body), cause)

for name, old, new, cause in (
    ("no padding", ", padding=1", "", "padding=1 keeps"),
    ("too much padding", "padding=1", "padding=2", "padding=1 keeps"),
    ("a kernel of 1x1", "kernel_size=3, padding=1", "kernel_size=1", "3×3 convolution"),
    ("a kernel of 5x5", "kernel_size=3, padding=1", "kernel_size=5, padding=2", "3×3 convolution"),
    ("channels fixed at 64", "num_channels, num_channels,", "64, 64,", "from num_channels"),
    ("twice as wide inside", "self.conv1 = nn.Conv2d(num_channels, num_channels,",
     "self.conv1 = nn.Conv2d(num_channels, 2 * num_channels,", "from num_channels to num_channels"),
    ("other names", "self.conv", "self.layer", "needs a layer conv1"),
    ("not a module", "(nn.Module)", "", "raised|should be an nn.Module"),
    ("forgets super", "super().__init__()", "pass", "raised AttributeError"),
    ("one layer under two names", "self.conv2 = nn.Conv2d(num_channels, num_channels, kernel_size=3, padding=1)",
     "self.conv2 = self.conv1", "one and the same"),
    ("with a batch norm", "super().__init__()",
     "super().__init__(); self.bn1 = nn.BatchNorm2d(num_channels)", "batch norm"),
    ("reflected borders", "padding=1", "padding=1, padding_mode='reflect'", "padding_mode"),
    ("a layer too many", "super().__init__()",
     "super().__init__(); self.conv3 = nn.Conv2d(num_channels, num_channels, 1)", "needs none"),
):  # fmt: skip
    code = without_norm("return F.relu(self.conv2(F.relu(self.conv1(X))) + X)").replace(old, new)
    if name == "other names":
        code = code.replace("self.conv", "self.layer")
    wrong("3.2", name, code, cause)

wrong(
    "3.2",
    "a block, not the class",
    without_norm("return F.relu(self.conv2(F.relu(self.conv1(X))) + X)")
    + """
ResidualWithoutNorm = ResidualWithoutNorm(5)
""",
    "class itself",
)

right(
    "3.2",
    "64 bits inside",
    """
class ResidualWithoutNorm(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.conv1 = nn.Conv2d(c, c, 3, padding=1).double()
        self.conv2 = nn.Conv2d(c, c, 3, padding=1).double()

    def forward(self, X):
        return F.relu(self.conv2(F.relu(self.conv1(X.double()))) + X).float()
""",
)
for name, body, cause in (
    ("other activations", "return F.leaky_relu(self.conv2(F.gelu(self.conv1(X))) + X)", "is not relu"),
    ("another norm", "return F.relu(self.conv2(F.relu(F.instance_norm(self.conv1(X)))) + X)", "is not relu"),
    ("X mirrored", "return F.relu(self.conv2(F.relu(self.conv1(X))) + X.flip(3))", "is not relu"),
):
    wrong("3.2", name, without_norm(body), cause)
for name, body, cause in (
    ("ReLU first", "X = F.relu(X)\nreturn F.relu(self.conv2(F.relu(self.conv1(X))) + X)", "ReLU at the start"),
    ("ReLU before conv1", "return F.relu(self.conv2(self.conv1(F.relu(X))) + X)", "belongs between conv1"),
    ("another activation", "return F.relu(self.conv2(F.gelu(self.conv1(X))) + X)", "stands gelu"),
):
    wrong("3.2", name, without_norm(body), cause)

for name, old, new, cause in (
    ("frozen", "    def forward", "        self.requires_grad_(False)\n\n    def forward", "asks for no gradient"),
    ("parameters of its own", "super().__init__()", "super().__init__(); self.scale = nn.Parameter(torch.ones(1))",
     "parameters of its own"),
    ("one weight for both", "    def forward",
     "        self.conv2.weight = self.conv1.weight\n\n    def forward", "share their weights"),
    ("a transposed convolution", "nn.Conv2d", "nn.ConvTranspose2d", "an nn.Conv2d"),
):  # fmt: skip
    code = without_norm("return F.relu(self.conv2(F.relu(self.conv1(X))) + X)").replace(old, new)
    wrong("3.2", name, code, cause)
wrong(
    "3.2",
    "a layer that cannot learn",
    without_norm("""
Y = F.conv2d(F.relu(self.conv1(X)), self.conv2.weight.detach(), self.conv2.bias, padding=1)
return F.relu(Y + X)
"""),
    "the gradient of conv2.weight is not",
)

# 3.3 A detector


def detector(body: str) -> str:
    """Return a detector with these lines."""
    lines = "".join(f"    {line}\n" for line in body.strip().splitlines())
    return f"import copy\n\ndef adds_its_input(block, X):\n{lines}"


right(
    "3.3",
    "with a hook, on a copy",
    detector("""
victim = copy.deepcopy(block)
heard = []
victim.bn2.register_forward_hook(lambda layer, inputs, output: heard.append(output.detach().clone()))
return torch.allclose(victim(X.clone()), F.relu(heard[0] + X), atol=1e-5)
"""),
)
right(
    "3.3",
    "puts everything back by state_dict",
    detector("""
state = {name: values.clone() for name, values in block.state_dict().items()}
with torch.no_grad():
    block.bn2.weight.zero_()
    block.bn2.bias.zero_()
    output = block(X)
block.load_state_dict(state)
return (output == F.relu(X)).all()
"""),
)
right(
    "3.3",
    "in eval mode, restored, with numpy",
    detector("""
was, weight, bias = block.training, block.bn2.weight.data.clone(), block.bn2.bias.data.clone()
block.eval()
block.bn2.weight.data.fill_(0)
block.bn2.bias.data.fill_(0)
output = block(X).detach().numpy()
block.bn2.weight.data, block.bn2.bias.data = weight, bias
block.train(was)
import numpy
return numpy.allclose(output, X.clamp(min=0).numpy())
"""),
)
right(
    "3.3",
    "layer by layer",
    detector("""
one, other = copy.deepcopy(block), copy.deepcopy(block)
expected = F.relu(one.bn2(one.conv2(F.relu(one.bn1(one.conv1(X))))) + X)
return bool((other(X) - expected).abs().max() < 1e-4)
"""),
)
right(
    "3.3",
    "by the gradient, with F at zero",
    detector("""
victim = copy.deepcopy(block)
victim.bn2.weight.data *= 0
victim.bn2.bias.data *= 0
Z = X.clone().requires_grad_()
output = victim(Z)
output.backward(X)
return torch.equal(Z.grad, X * (X > 0)) and not bool((output < 0).any())
"""),
)
right(
    "3.3",
    "a hook that makes F zero",
    detector("""
victim = copy.deepcopy(block)
handle = victim.bn2.register_forward_hook(lambda layer, inputs, output: torch.zeros_like(output))
try:
    return bool(victim(X).sub(X.relu()).abs().sum() == 0)
finally:
    handle.remove()
"""),
)

for name, body, cause in (
    ("looks at the shape", "return block(X).shape == X.shape", "every block.*Shape"),
    ("says True", "return True", "every block"),
    ("says False", "return False", "False about every block"),
    ("counts parameters", "return sum(p.numel() for p in block.parameters()) == 180", "every block"),
    ("looks for a shortcut layer", "return hasattr(block, 'conv3')", "every block"),
    (
        "asks whether the output depends on the input",
        "victim = copy.deepcopy(block)\nreturn not torch.equal(victim(X), victim(0 * X))",
        "every block",
    ),
    (
        "expects x with F = 0",
        """
victim = copy.deepcopy(block)
nn.init.zeros_(victim.bn2.weight)
nn.init.zeros_(victim.bn2.bias)
return torch.equal(victim(X), X)""",
        "returns relu\\(x\\), and not x",
    ),
    (
        "leaves the shift",
        """
victim = copy.deepcopy(block)
nn.init.zeros_(victim.bn2.weight)
return torch.equal(victim(X), F.relu(X))""",
        "scale and shift",
    ),
    (
        "sets conv2 to zero",
        """
victim = copy.deepcopy(block)
nn.init.zeros_(victim.conv2.weight)
nn.init.zeros_(victim.conv2.bias)
return torch.allclose(victim(X), F.relu(X))""",
        "scale and shift|eval mode",
    ),
    (
        "spoils the block",
        """
nn.init.zeros_(block.bn2.weight)
nn.init.zeros_(block.bn2.bias)
return torch.equal(block(X), F.relu(X))""",
        "bn2.weight has other numbers",
    ),
    (
        "state_dict without copies",
        """
state = block.state_dict()
nn.init.zeros_(block.bn2.weight)
nn.init.zeros_(block.bn2.bias)
output = block(X)
block.load_state_dict(state)
return torch.equal(output, F.relu(X))""",
        "bn2.weight has other numbers",
    ),
    (
        "puts back what a new norm has",
        """
nn.init.zeros_(block.bn2.weight)
nn.init.zeros_(block.bn2.bias)
output = block(X)
nn.init.ones_(block.bn2.weight)
return torch.equal(output, F.relu(X))""",
        "has other numbers",
    ),
    (
        "moves the statistics",
        """
weight, bias = block.bn2.weight.detach().clone(), block.bn2.bias.detach().clone()
nn.init.zeros_(block.bn2.weight)
nn.init.zeros_(block.bn2.bias)
output = block(X)
with torch.no_grad():
    block.bn2.weight.copy_(weight)
    block.bn2.bias.copy_(bias)
return torch.equal(output, F.relu(X))""",
        "running_mean has other numbers, a pass in training mode",
    ),
    (
        "stays in eval mode",
        """
weight, bias = block.bn2.weight.data.clone(), block.bn2.bias.data.clone()
block.eval()
block.bn2.weight.data.zero_()
block.bn2.bias.data.zero_()
output = block(X)
block.bn2.weight.data.copy_(weight)
block.bn2.bias.data.copy_(bias)
return torch.equal(output, F.relu(X))""",
        "it is in (evaluation|training) mode",
    ),
    (
        "always back to train mode",
        """
weight, bias = block.bn2.weight.data.clone(), block.bn2.bias.data.clone()
block.eval()
block.bn2.weight.data.zero_()
block.bn2.bias.data.zero_()
output = block(X)
block.bn2.weight.data.copy_(weight)
block.bn2.bias.data.copy_(bias)
block.train()
return torch.equal(output, F.relu(X))""",
        "it is in (evaluation|training) mode",
    ),
    (
        "leaves the hook",
        """
heard, state = [], copy.deepcopy(block.state_dict())
block.bn2.register_forward_hook(lambda layer, inputs, output: heard.append(output.clone()))
output = block(X)
block.load_state_dict(state)
return torch.allclose(output, F.relu(heard[0] + X))""",
        "handle.remove",
    ),
    (
        "hears what is overwritten",
        """
victim, heard = copy.deepcopy(block), []
victim.bn2.register_forward_hook(lambda layer, inputs, output: heard.append(output))
return torch.allclose(victim(X), F.relu(heard[0] + X))""",
        "unless it is cloned",
    ),
    (
        "by the formula of the train mode",
        """
def norm(Z, bn):
    mean, var = Z.mean((0, 2, 3), keepdim=True), Z.var((0, 2, 3), keepdim=True, unbiased=False)
    return bn.weight[:, None, None] * (Z - mean) / (var + bn.eps).sqrt() + bn.bias[:, None, None]
victim = copy.deepcopy(block)
Y = norm(block.conv2(F.relu(norm(block.conv1(X), block.bn1))), block.bn2)
return torch.allclose(victim(X), F.relu(Y + X), atol=1e-4)""",
        "eval mode",
    ),
    (
        "looks at sums",
        """
victim = copy.deepcopy(block)
nn.init.zeros_(victim.bn2.weight)
nn.init.zeros_(victim.bn2.bias)
return torch.allclose(victim(X).sum(), F.relu(X).sum())""",
        "number by number",
    ),
    (
        "asks whether anything is left",
        """
victim = copy.deepcopy(block)
nn.init.zeros_(victim.bn2.weight)
nn.init.zeros_(victim.bn2.bias)
return bool(victim(X).any())""",
        "left the first ReLU",
    ),
    (
        "tries an input without negative numbers",
        """
victim = copy.deepcopy(block)
nn.init.zeros_(victim.bn2.weight)
nn.init.zeros_(victim.bn2.bias)
return torch.equal(victim(X.abs()), X.abs())""",
        "after the last ReLU",
    ),
    (
        "changes the input",
        """
victim = copy.deepcopy(block)
nn.init.zeros_(victim.bn2.weight)
nn.init.zeros_(victim.bn2.bias)
return torch.equal(victim(X), F.relu_(X))""",
        "X is not left as it came",
    ),
    (
        "compares element by element",
        """
victim = copy.deepcopy(block)
nn.init.zeros_(victim.bn2.weight)
nn.init.zeros_(victim.bn2.bias)
return victim(X) == F.relu(X)""",
        "True or False; it returned a tensor",
    ),
    ("forgets to return", "copy.deepcopy(block)(X)", "True or False; it returned None"),
    (
        "compares tensors with if",
        """
if copy.deepcopy(block)(X) == F.relu(X):
    return True
return False""",
        "raised RuntimeError",
    ),
    (
        "asks for the gradient on the input",
        """
Z = X.clone().requires_grad_()
copy.deepcopy(block)(Z).sum().backward()
return Z.grad is not None and bool(Z.grad.abs().sum() > 0)""",
        "every block",
    ),
    (
        "replaces a layer",
        """
block.bn2 = nn.BatchNorm2d(3, affine=False)
block.bn2 = nn.Identity()
return True""",
        "every block",
    ),
    (
        "replaces bn2 for good",
        """
result = copy.deepcopy(block)
nn.init.zeros_(result.bn2.weight)
nn.init.zeros_(result.bn2.bias)
block.bn2 = nn.Identity()
return torch.equal(result(X), F.relu(X))""",
        "other layers",
    ),
    (
        "too wide a tolerance",
        """
victim = copy.deepcopy(block)
nn.init.zeros_(victim.bn2.weight)
nn.init.zeros_(victim.bn2.bias)
return torch.allclose(victim(X), F.relu(X), atol=1.0)""",
        "nine tenths",
    ),
    (
        "one number only",
        """
victim = copy.deepcopy(block)
nn.init.zeros_(victim.bn2.weight)
nn.init.zeros_(victim.bn2.bias)
return bool(victim(X)[0, 0, 0, 0] == F.relu(X)[0, 0, 0, 0])""",
        "True about a block",
    ),
    (
        "where X is positive",
        """
victim = copy.deepcopy(block)
nn.init.zeros_(victim.bn2.weight)
nn.init.zeros_(victim.bn2.bias)
return torch.equal(victim(X)[X > 0], X[X > 0])""",
        "after the last ReLU",
    ),
    (
        "the first image only",
        """
victim = copy.deepcopy(block)
nn.init.zeros_(victim.bn2.weight)
nn.init.zeros_(victim.bn2.bias)
return torch.equal(victim(X[:1]), F.relu(X[:1]))""",
        "another image",
    ),
    (
        "too wide a tolerance by a little",
        """
victim = copy.deepcopy(block)
nn.init.zeros_(victim.bn2.weight)
nn.init.zeros_(victim.bn2.bias)
return torch.allclose(victim(X), F.relu(X), atol=0.05)""",
        "0.99 of its input",
    ),
    (
        "the first channel only",
        """
victim = copy.deepcopy(block)
nn.init.zeros_(victim.bn2.weight)
nn.init.zeros_(victim.bn2.bias)
return torch.equal(victim(X)[:, 0], F.relu(X)[:, 0])""",
        "first channel only",
    ),
    (
        "the last column only",
        """
victim = copy.deepcopy(block)
nn.init.zeros_(victim.bn2.weight)
nn.init.zeros_(victim.bn2.bias)
return torch.equal(victim(X)[..., -1], F.relu(X)[..., -1])""",
        "last column only",
    ),
    (
        "runs all, compares the first image",
        """
victim = copy.deepcopy(block)
nn.init.zeros_(victim.bn2.weight)
nn.init.zeros_(victim.bn2.bias)
return torch.equal(victim(X)[0], F.relu(X)[0])""",
        "first image only",
    ),
    (
        "an input of its own, of three channels",
        """
victim = copy.deepcopy(block)
nn.init.zeros_(victim.bn2.weight)
nn.init.zeros_(victim.bn2.bias)
X = torch.randn(2, 3, 6, 6)
return torch.equal(victim(X), F.relu(X))""",
        "to have 5 channels, but got 3",
    ),
    (
        "leaves gradients",
        """
victim = copy.deepcopy(block)
nn.init.zeros_(victim.bn2.weight)
nn.init.zeros_(victim.bn2.bias)
block.eval()(X).sum().backward()
block.train(victim.training)
return torch.equal(victim(X), F.relu(X))""",
        "conv1.weight has another gradient",
    ),
    (
        "False unless a shift is there",
        """
victim = copy.deepcopy(block)
nn.init.zeros_(victim.bn1.weight)
return torch.equal(victim(X), F.relu(X))""",
        "False about every block.*look at the two tensors",
    ),
    (
        "knows the class by name",
        "return 'Never' not in type(block).__name__",
        "class, name or source.*False about a NeverAdds",
    ),
):
    wrong("3.3", name, detector(body), cause)

for name, result, cause in (
    (
        "looks at correlation",
        "torch.corrcoef(torch.stack([Y.flatten(), F.relu(X).flatten()]))[0, 1] > 0.99",
        "nine tenths",
    ),
    ("looks at the average difference", "(Y - F.relu(X)).mean().abs() < 0.05", "True about a block"),
):
    wrong(
        "3.3",
        name,
        detector(f"""
victim = copy.deepcopy(block)
nn.init.zeros_(victim.bn2.weight)
nn.init.zeros_(victim.bn2.bias)
Y = victim(X)
return bool({result})"""),
        cause,
    )


ZEROED = """
victim = copy.deepcopy(block)
nn.init.zeros_(victim.bn2.weight)
nn.init.zeros_(victim.bn2.bias)
"""
for name, before, result, cause in (
    ("clears gradients", "block.zero_grad()", "torch.equal(victim(X), F.relu(X))", "weight has lost its gradient"),
    ("sets gradients to zero", "block.zero_grad(set_to_none=False)", "torch.equal(victim(X), F.relu(X))",
     "conv1.weight has another gradient"),
    ("takes hooks away", "for layer in block.modules():\n    layer._forward_hooks.clear()",
     "torch.equal(victim(X), F.relu(X))", "lost a hook"),
    ("asks X for a gradient", "X.requires_grad_()", "torch.equal(victim(X), F.relu(X))",
     "answers are right, but X is not left as it came: it asks for a gradient"),
    ("True and False swapped", "", "not torch.equal(victim(X), F.relu(X))", "True and False swapped"),
    ("the class of the book", "", "type(block).__name__ == 'Residual'", "class, name or source.*True about a Residual"),
    ("the book's class itself", "", "type(block) is d2l.Residual", "class, name or source"),
    ("asks whether it is derived from the book's", "", "isinstance(block, d2l.Residual)", "class, name or source"),
    ("another class than the book's", "", "type(block) is not d2l.Residual", "class, name or source"),
    ("reads the source", "import inspect", "'Y + X' in inspect.getsource(type(block).forward)", "name or source"),
):  # fmt: skip
    wrong("3.3", name, detector(f"{before}\n{ZEROED}return {result}"), cause)
right("3.3", "a hook on the block itself, in eval mode, all put back", detector("""
was_training, heard = block.training, []
handle = block.bn2.register_forward_hook(lambda layer, inputs, output: heard.append(output.clone()))
with torch.no_grad():
    output = block.eval()(X)
handle.remove()
block.train(was_training)
return torch.allclose(output, F.relu(heard[0] + X), atol=1e-5)
"""))  # fmt: skip


# 3.4 More parameters, fewer functions

needs("3.5", "compose")


def sizes(kernel: str = "7", pair: str = "20450", one: str = "19620") -> str:
    """Return an answer to 3.4, right in all that is not given."""
    return f"kernel_size_of_the_one, parameters_of_the_pair, parameters_of_the_one = {kernel}, {pair}, {one}"


right(
    "3.4",
    "counted by PyTorch",
    """
count = lambda *layers: sum(p.numel() for layer in layers for p in layer.parameters())
kernel_size_of_the_one = nn.Conv2d(20, 20, 7).kernel_size
parameters_of_the_pair = count(nn.Conv2d(20, 30, 5), nn.Conv2d(30, 20, 3))
parameters_of_the_one = count(nn.Conv2d(20, 20, kernel_size=7))
""",
)
right("3.4", "an array for the kernel", "import numpy as np\n" + sizes("np.array([7, 7])"))
right("3.4", "floats and a tensor", sizes("7.0", "2.045e4", "torch.tensor([19620])"))
right("3.4", "a list for the kernel", sizes("[7, 7]", "25 * 600 + 30 + 9 * 600 + 20", "7**2 * 20**2 + 20"))

for name, code, cause in (
    ("the larger kernel", sizes(kernel="5"), "larger kernel"),
    ("the sum", sizes(kernel="8"), "less one"),
    ("the product", sizes(kernel="15"), "not multiplied"),
    ("two on each side", sizes(kernel="9"), "one place further"),
    ("places, not a side", sizes(kernel="49"), "length of a side"),
    ("a kernel of two sizes", sizes(kernel="(7, 5)"), "should be a number"),
    ("pair without biases", sizes(pair="20400"), "without the biases"),
    ("pair with half its biases", sizes(pair="20420"), "first convolution are missing"),
    ("biases of the input channels", sizes(pair="25 * 600 + 20 + 9 * 600 + 30 - 10"), "output channel"),
    ("first alone", sizes(pair="15030"), "first convolution alone"),
    ("k for k squared", sizes(pair="8 * 600 + 50"), "k² places"),
    ("one without biases", sizes(one="19600"), "without the biases"),
    ("one with the channels between", sizes(one="49 * 600 + 20"), "channels between are gone"),
    ("both sets of biases kept", sizes(one="19650"), "merge"),
    ("one of 5x5", sizes(one="25 * 400 + 20"), "7×7"),
    ("exchanged", sizes(pair="19620", one="20450"), "asked is the pair"),
    ("the pair twice", sizes(one="20450"), "that is the pair"),
    ("some other number", sizes(one="12345"), "from 20 to 20 channels"),
):
    wrong("3.4", name, code, cause)


# 3.5 Fold a block

right(
    "3.5",
    "with PyTorch's own folding",
    """
from torch.nn.utils.fusion import fuse_conv_bn_eval

def folded(conv_a, norm_a, conv_b, norm_b):
    weight, bias = compose(fuse_conv_bn_eval(conv_a, norm_a), fuse_conv_bn_eval(conv_b, norm_b))
    one = nn.Conv2d(conv_a.in_channels, conv_b.out_channels, 5).double()
    one.weight, one.bias = nn.Parameter(weight), nn.Parameter(bias)
    return one
""",
)
right(
    "3.5",
    "by probing with single pixels",
    """
@torch.no_grad()
def folded(conv1, bn1, conv2, bn2):
    function = lambda X: bn2(conv2(bn1(conv1(X))))
    c = conv1.in_channels
    single = torch.eye(c * 25, dtype=conv1.weight.dtype).reshape(-1, c, 5, 5)
    bias = function(torch.zeros(1, c, 5, 5, dtype=conv1.weight.dtype))[0, :, 0, 0]
    answers = function(single)[:, :, 0, 0] - bias
    one = nn.Conv2d(c, conv2.out_channels, (5, 5), dtype=conv1.weight.dtype)
    one.weight.copy_(answers.T.reshape(one.weight.shape))
    one.bias.copy_(bias)
    return one
""",
)
right(
    "3.5",
    "the kernels folded by a convolution",
    """
def folded(conv1, bn1, conv2, bn2):
    std1, std2 = torch.sqrt(bn1.running_var + bn1.eps), torch.sqrt(bn2.running_var + bn2.eps)
    a, b = bn1.weight / std1, bn2.weight / std2
    W1, W2 = torch.einsum("m,mcij->mcij", a, conv1.weight), torch.einsum("o,omij->omij", b, conv2.weight)
    one = nn.Conv2d(conv1.in_channels, conv2.out_channels, kernel_size=5)
    one.weight.data = F.conv2d(W1.transpose(0, 1), W2.flip(-1, -2), padding=2).transpose(0, 1).detach()
    t1 = a * (conv1.bias - bn1.running_mean) + bn1.bias
    t2 = b * (conv2.bias - bn2.running_mean) + bn2.bias
    one.bias.data = (W2.sum((-1, -2)) @ t1 + t2).detach()
    return one
""",
)

FOLDED = """
def folded(conv1, bn1, conv2, bn2):
    s1 = bn1.weight / (bn1.running_var + bn1.eps) ** 0.5
    s2 = bn2.weight / (bn2.running_var + bn2.eps) ** 0.5
    t1 = bn1.bias - bn1.running_mean * s1
    t2 = bn2.bias - bn2.running_mean * s2
    w1, b1 = conv1.weight * s1.reshape(-1, 1, 1, 1), conv1.bias * s1 + t1
    w2, b2 = conv2.weight * s2.reshape(-1, 1, 1, 1), conv2.bias * s2 + t2
    K = torch.zeros(w2.shape[0], w1.shape[1], 5, 5, dtype=w1.dtype)
    for i in range(3):
        for j in range(3):
            K[:, :, i:i + 3, j:j + 3] += torch.einsum("om,mcuv->ocuv", w2[:, :, i, j], w1)
    b = b2 + w2.sum(dim=(2, 3)) @ b1
    one = nn.Conv2d(w1.shape[1], w2.shape[0], 5, dtype=torch.float64)
    one.weight.data, one.bias.data = K.detach(), b.detach()
    return one
"""
right("3.5", "in small steps", FOLDED)

for name, changes, cause in (
    ("eps forgotten", {" + bn1.eps": "", " + bn2.eps": ""}, "eps is missing"),
    ("eps of its own", {"bn1.eps": "1e-5", "bn2.eps": "1e-5"}, "1e-5"),
    ("divides by the variance", {" ** 0.5": ""}, "standard deviation"),
    ("scale forgotten", {"bn1.weight /": "1 /", "bn2.weight /": "1 /"}, "γ"),
    ("only the first norm folded into the weights", {"conv2.weight * s2.reshape(-1, 1, 1, 1)": "conv2.weight"}, "bn2"),
    ("only the second norm folded into the weights", {"conv1.weight * s1.reshape(-1, 1, 1, 1)": "conv1.weight"}, "bn1"),
    ("the norms left out", {"s1 = ": "s1 = 0 * bn1.weight + 1 #", "s2 = ": "s2 = 0 * bn2.weight + 1 #"},
     "factors are missing"),
    ("kernel reversed", {"K.detach()": "K.flip(2, 3).detach()"}, "upside down"),
    ("second kernel reversed", {"w2[:, :, i, j]": "w2[:, :, 2 - i, 2 - j]"}, "conv2's kernels got reversed"),
    ("transposed kernel", {"K.detach()": "K.transpose(2, 3).detach()"}, "rows and columns"),
    ("the right kernel at random", {"K.detach()": "torch.rand_like(K)"}, "the bias is right"),
    ("one in name only", {"return one": """
    class Folded(nn.Conv2d):
        def forward(self, X):
            return bn2(conv2(bn1(conv1(X))))
    return Folded(3, 4, 5, dtype=torch.float64)
"""}, "nor is the bias"),
    ("rounds in forward", {"return one": """
    class Folded(nn.Conv2d):
        def forward(self, X):
            return super().forward(X).float().double()
    other = Folded(3, 4, 5, dtype=torch.float64)
    other.load_state_dict(one.state_dict())
    return other
"""}, "what a convolution with them"),
    ("shift of the first forgotten", {"b2 + w2.sum(dim=(2, 3)) @ b1": "b2"}, "passes conv2"),
    ("shift of bn1 forgotten", {"conv1.bias * s1 + t1": "conv1.bias * s1"}, "shift of bn1"),
    ("bias of conv1 forgotten", {"conv1.bias * s1 + t1": "t1"}, "bias of conv1 is missing"),
    ("bias of conv2 forgotten", {"conv2.bias * s2 + t2": "t2"}, "bias of conv2 is missing"),
    ("both biases forgotten", {"conv1.bias * s1 + t1": "t1", "conv2.bias * s2 + t2": "t2"}, "biases of the conv"),
    ("biases not scaled", {"conv1.bias * s1": "conv1.bias", "conv2.bias * s2": "conv2.bias"},
     "multiplied by the factors"),
    ("means forgotten", {" - bn1.running_mean * s1": "", " - bn2.running_mean * s2": ""}, "running_mean"),
    ("means added", {" - bn1.run": " + bn1.run", " - bn2.run": " + bn2.run"}, "subtracts it"),
    ("means not scaled", {"running_mean * s1": "running_mean", "running_mean * s2": "running_mean"},
     "stored mean is to be"),
    ("shifts forgotten", {"bn1.bias -": "-", "bn2.bias -": "-"}, "β"),
    ("first bias not summed over the kernel", {"w2.sum(dim=(2, 3))": "w2[:, :, 1, 1]"}, "image of zeros"),
    ("32 bits",
     {"dtype=torch.float64)": "dtype=torch.float32)", "K.detach(), b.detach()": "K.detach().float(), b.float()"},
     "float32"),
    ("one number of channels", {"w1.shape[1], w2.shape[0], 5": "3, 4, 5",
     "one.weight.data, one.bias.data = K.detach(), b.detach()":
     "one.weight.data[:len(K), :K.shape[1]], one.bias.data[:len(b)] = K.detach(), b.detach()"}, "from 1 to 1 channels"),
    ("gradients deleted", {"return one": "conv1.zero_grad(); return one"}, "conv1 is not left.*gradient"),
    ("frozen afterwards", {"return one": "bn2.requires_grad_(False); return one"}, "bn2 is not left.*no gradient"),
    ("rounded on the way", {"K.detach()": "K.detach().float().double()"}, "32 bits only"),
    ("padding", {"5, dtype=torch.float64": "5, padding=2, dtype=torch.float64"}, "without padding"),
    ("no bias", {"5, dtype=torch.float64": "5, bias=False, dtype=torch.float64",
     "one.weight.data, one.bias.data = K.detach(), b.detach()":
     "one.weight.data = K.detach()"}, "no bias"),
    ("a kernel of 3x3",
     {"5, dtype=torch.float64": "3, dtype=torch.float64", "K.detach()": "K[:, :, 1:-1, 1:-1].detach()"},
     "5×5"),
    ("returns weight and bias", {"return one": "return K, b"}, "should return one nn.Conv2d"),
    ("returns the four layers", {"return one": "return nn.Sequential(conv1, bn1, conv2, bn2)"}, "one nn.Conv2d"),
    ("spoils what it was given", {"w1, b1 =": "conv1.bias.data = 2 * conv1.bias.data; w1, b1 ="}, "conv1 is.*: bias"),
    ("folds in place", {"return one": "conv1.weight.data = w1.detach(); return one"}, "conv1 is not left.*: weight"),
    ("switches to train mode", {"return one": "bn1.train(); return one"}, "it is in training mode"),
    ("fills a leaf in place", {"one.weight.data, one.bias.data = K.detach(), b.detach()": "one.weight.copy_(K)"},
     "raised RuntimeError"),
):  # fmt: skip
    code = FOLDED
    for old, new in changes.items():
        assert old in code, old
        code = code.replace(old, new)
    wrong("3.5", name, code, cause)
wrong(
    "3.5",
    "biases and means without the factor",
    FOLDED.replace("running_mean * s", "running_mean + 0 * s")
    .replace("bias * s1", "bias")
    .replace("bias * s2", "bias"),
    "bias, less the stored mean",
)

for name, before, cause in (
    ("clears gradients", "bn1.zero_grad()", "bn1 is not left as it came: weight has lost its gradient"),
    ("takes hooks away", "conv2._forward_hooks.clear()", "conv2 is not left as it came: it has lost a hook"),
    ("leaves a layer in training mode", "conv1.train()", "conv1 is not left as it came: it is in training mode"),
):
    head = "def folded(conv1, bn1, conv2, bn2):\n"
    wrong("3.5", name, FOLDED.replace(head, f"{head}    {before}\n"), cause)

# 3.6 The order of 2016


def pre_activation(body: str) -> str:
    """Return the class with other lines in `forward`."""
    lines = "".join(f"        {line}\n" for line in body.strip().splitlines())
    return f"""
class PreActivationResidual(nn.Module):
    def __init__(self, num_channels):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(num_channels)
        self.conv1 = nn.Conv2d(num_channels, num_channels, kernel_size=3, padding=1)
        self.bn2 = nn.BatchNorm2d(num_channels)
        self.conv2 = nn.Conv2d(num_channels, num_channels, kernel_size=3, padding=1)

    def forward(self, X):
{lines}"""


RIGHT_ORDER = "return X + self.conv2(F.relu(self.bn2(self.conv1(F.relu(self.bn1(X))))))"
right(
    "3.6",
    "ReLU in place, without biases, layers in another order",
    """
class PreActivationResidual(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.conv1 = nn.Conv2d(c, c, 3, padding=1, bias=False)
        self.conv2 = nn.Conv2d(c, c, 3, padding=1, bias=False)
        self.relu = nn.ReLU(inplace=True)
        self.bn2, self.bn1 = nn.BatchNorm2d(c), nn.BatchNorm2d(c)

    def forward(self, x):
        out = self.relu(self.bn1(x))
        out = self.conv1(out)
        out = self.relu(self.bn2(out))
        out = self.conv2(out)
        out += x
        return out
""",
)
right(
    "3.6",
    "as one sequence, lazy layers, other eps",
    """
class PreActivationResidual(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.bn1, self.conv1 = nn.LazyBatchNorm2d(eps=1e-3), nn.LazyConv2d(width, 3, padding="same")
        self.bn2, self.conv2 = nn.LazyBatchNorm2d(eps=1e-3), nn.LazyConv2d(width, 3, padding="same")
        self.F = nn.Sequential(self.bn1, nn.ReLU(), self.conv1, self.bn2, nn.ReLU(), self.conv2)

    def forward(self, X):
        return torch.add(self.F(X), X)
""",
)
right(
    "3.6",
    "functional",
    pre_activation("""
bn, conv = self.bn1, self.conv1
Z = F.batch_norm(X, bn.running_mean, bn.running_var, bn.weight, bn.bias, self.training, bn.momentum, bn.eps)
Z = F.conv2d(Z.clamp(min=0), conv.weight, conv.bias, padding=1)
return self.conv2(torch.relu(self.bn2(Z))) + X
"""),
)

for name, options in (("momentum", "momentum=None"), ("no statistics", "track_running_stats=False")):
    right("3.6", name, pre_activation(RIGHT_ORDER).replace("d(num_channels)", f"d(num_channels, {options})"))

for name, body, cause in (
    ("ReLU after the sum", f"return F.relu({RIGHT_ORDER[7:]})", "nothing comes after"),
    ("never adds", "return self.conv2(F.relu(self.bn2(self.conv1(F.relu(self.bn1(X))))))", "F set to zero"),
    ("never adds, ReLU at the end", "return F.relu(self.conv2(F.relu(self.bn2(self.conv1(F.relu(self.bn1(X)))))))",
     "not added"),
    ("overwrites X", "X = F.relu(self.bn1(X))\nreturn self.conv2(F.relu(self.bn2(self.conv1(X)))) + X", "bn1 and ReLU"),
    ("shortcut behind bn1", "X = self.bn1(X)\nreturn self.conv2(F.relu(self.bn2(self.conv1(F.relu(X))))) + X",
     "passed bn1;"),
    ("shortcut behind a ReLU", RIGHT_ORDER.replace("return X", "return F.relu(X)"), "passed a ReLU"),
    ("ReLU before the addition", f"return X + F.relu({RIGHT_ORDER[11:]})", "only push up"),
    ("the order of Residual", "return F.relu(self.bn2(self.conv2(F.relu(self.bn1(self.conv1(X))))) + X)",
     "order of Residual:"),
    ("the order of Residual, no last ReLU", "return self.bn2(self.conv2(F.relu(self.bn1(self.conv1(X))))) + X",
     "without its last ReLU"),
    ("no ReLU after bn1", "return X + self.conv2(F.relu(self.bn2(self.conv1(self.bn1(X)))))", "between bn1 and conv1"),
    ("no ReLU after bn2", "return X + self.conv2(self.bn2(self.conv1(F.relu(self.bn1(X)))))", "between bn2 and conv2"),
    ("no ReLU", "return X + self.conv2(self.bn2(self.conv1(self.bn1(X))))", "both ReLUs"),
    ("ReLU before norm", "return X + self.conv2(self.bn2(F.relu(self.conv1(self.bn1(F.relu(X))))))", "exchanged"),
    ("ReLU only before", "return X + self.bn2(self.conv2(F.relu(self.bn1(self.conv1(F.relu(X))))))", "only the ReLUs"),
    ("bn1 twice", RIGHT_ORDER.replace("bn2", "bn1"), "bn1 is used twice"),
    ("conv1 twice", RIGHT_ORDER.replace("conv2", "conv1"), "conv1 is used twice"),
    ("without bn2", "return X + self.conv2(F.relu(self.conv1(F.relu(self.bn1(X)))))", "bn2 is never"),
    ("subtracts", RIGHT_ORDER.replace("X +", "X -"), "subtracted"),
    ("in place on the input", "X += self.conv2(F.relu(self.bn2(self.conv1(F.relu(self.bn1(X))))))\nreturn X",
     "changes its input"),
    ("ReLU in place on the input", "F.relu_(X)\n" + RIGHT_ORDER, "changes its input"),
    ("always the batch's statistics", """
def norm(Z, bn):
    return F.batch_norm(Z, None, None, bn.weight, bn.bias, training=True)
return X + self.conv2(F.relu(norm(self.conv1(F.relu(norm(X, self.bn1))), self.bn2)))""", "in eval mode the output"),
    ("always the stored statistics", "self.bn1.eval(), self.bn2.eval()\n" + RIGHT_ORDER, "in train mode the output"),
    ("detaches the shortcut", RIGHT_ORDER.replace("X +", "X.detach() +"), "gradient"),
    ("detaches F", f"return X + ({RIGHT_ORDER[11:]}).data", "gradient"),
    ("second batch norm first", RIGHT_ORDER.replace("bn2", "bn0").replace("bn1", "bn2").replace("bn0", "bn1"),
     "bn2 is used before"),
    ("adds in eval mode only",
     "Y = self.conv2(F.relu(self.bn2(self.conv1(F.relu(self.bn1(X))))))\nreturn Y if self.training else Y + X",
     "F set to zero"),
    ("bn1 twice, the second time for nothing", "self.bn1(X)\n" + RIGHT_ORDER, "statistics of bn1.*called twice"),
    ("bn2 by-passed in train mode", """
Y = self.conv1(F.relu(self.bn1(X)))
Y = F.batch_norm(Y, None, None, self.bn2.weight, self.bn2.bias, True) if self.training else self.bn2(Y)
return X + self.conv2(F.relu(Y))""", "statistics of bn2.*not called at all"),
    ("a layer that cannot learn", """
Y = F.conv2d(F.relu(self.bn1(X)), self.conv1.weight.data, self.conv1.bias, padding=1)
return X + self.conv2(F.relu(self.bn2(Y)))""", "gradient of conv1.weight"),
    ("adds the batch's mean", RIGHT_ORDER.replace("X +", "X.mean(0, keepdim=True) +"), "is not F"),
    ("a tenth of F", RIGHT_ORDER.replace("X +", "X + 0.1 *"), "is not F"),
    ("a norm after the sum", f"return self.bn1({RIGHT_ORDER[7:]})", "is not F"),
    ("adds only what is positive",
     "Y = self.conv2(F.relu(self.bn2(self.conv1(F.relu(self.bn1(X))))))\nreturn torch.where(X > 0, X + Y, Y)",
     "passed a ReLU"),
    ("forgets to return", RIGHT_ORDER[7:], "should be a tensor; it is None"),
):  # fmt: skip
    wrong("3.6", name, pre_activation(body), cause)

for name, old, new, cause in (
    ("no padding", ", padding=1", "", "padding=1 keeps"),
    ("1x1 convolutions", "kernel_size=3, padding=1", "kernel_size=1", "3×3 convolution"),
    ("no bn2", "self.bn2 = nn.BatchNorm2d(num_channels)", "pass", "needs a layer bn2"),
    ("a norm for rows", "nn.BatchNorm2d", "nn.BatchNorm1d", "nn.BatchNorm2d"),
    ("one norm under two names", "self.bn2 = nn.BatchNorm2d(num_channels)", "self.bn2 = self.bn1", "one and the same"),
    ("a norm too many", "super().__init__()",
     "super().__init__(); self.bn3 = nn.BatchNorm2d(num_channels)", "BatchNorm2d with parameters"),
    ("channels fixed at 64", "BatchNorm2d(num_channels)", "BatchNorm2d(64)", "as many channels"),
):  # fmt: skip
    wrong("3.6", name, pre_activation(RIGHT_ORDER).replace(old, new), cause)
for name, last, cause in (
    ("conv, BN, ReLU twice", "F.relu(self.bn2(self.conv2(Y))) + X", "conv, BN, ReLU, twice"),
    ("that with a ReLU at the end", "F.relu(F.relu(self.bn2(self.conv2(Y))) + X)", "conv, BN, ReLU, twice"),
    ("a plain block", "F.relu(self.bn2(self.conv2(Y)))", "a plain block"),
):
    wrong("3.6", name, pre_activation(f"Y = F.relu(self.bn1(self.conv1(X)))\nreturn {last}"), cause)

# 3.2 and 3.6: layers that are other than they should be, and blocks that are right in one mode

PADDED = "kernel_size=3, padding=1"
for number, code in (
    ("3.2", without_norm("return F.relu(self.conv2(F.relu(self.conv1(X))) + X)")),
    ("3.6", pre_activation(RIGHT_ORDER)),
):
    for name, changed, cause in (
        ("padding 2, then none", code.replace(PADDED, "kernel_size=3, padding=2", 1).replace(PADDED, "kernel_size=3"),
         r"conv1 has padding=\(2, 2\) and conv2 has padding=\(0, 0\)"),
        ("padding 0, then 2", code.replace(PADDED, "kernel_size=3", 1).replace(PADDED, "kernel_size=3, padding=2"),
         r"conv1 has padding=\(0, 0\) and conv2 has padding=\(2, 2\)"),
        ("a kernel with gaps", code.replace(PADDED, "kernel_size=3, padding=2, dilation=2"), r"dilation=\(2, 2\)"),
        ("conv2 made anew in forward", code.replace(
            "        return", "        self.conv2 = nn.Conv2d(X.shape[1], X.shape[1], 3, padding=1)\n        return"),
         "forward makes a new conv2 at each call"),
        ("a layer of forward alone", code.replace("self.conv2(F", "nn.Conv2d(X.shape[1], X.shape[1], 3, padding=1)(F"),
         "each time.*a layer made anew in forward"),
        ("adds nothing in eval mode",
         code.replace("+ X", "+ X * self.training").replace("X + ", "X * self.training + "),
         "right in training mode; in eval mode: .*is the input added"),
        ("adds nothing in training mode",
         code.replace("+ X", "+ X * (not self.training)").replace("X + ", "X * (not self.training) + "),
         "right in eval mode; in training mode: .*is the input added"),
    ):  # fmt: skip
        wrong(number, name, changed, cause)
    right(number, "a setting more, given as a list",
          code.replace(PADDED, "kernel_size=[3, 3], padding='same', dilation=1"))  # fmt: skip


# 3.7 Inception block and residual block


def comparison(shape: str = "(2, 256, 28, 20)", statements: str = "{1, 4, 6, 7}") -> str:
    """Return an answer to 3.7, right in all that is not given."""
    return f"inception_shape = {shape}\ntrue_statements = {statements}\n"


right("3.7", "a filter", comparison(statements="filter(lambda k: k not in (2, 3, 5), range(1, 8))"))
right("3.7", "a torch.Size and a list", comparison("torch.Size([2, 256, 28, 20])", "[7, 6, 4, 1]"))
right("3.7", "from tensors", comparison("torch.zeros(2, 256, 28, 20).shape", "torch.tensor([1, 4, 6, 7])"))
right("3.7", "a list and a tuple with floats", comparison("[2, 256.0, 28, 20]", "(1.0, 4, 6, 7, 7)"))
right("3.7", "computed", comparison("torch.cat([torch.zeros(2, c, 28, 20) for c in (64, 128, 32, 32)], 1).shape"))

for name, code, cause in (
    ("as after an addition", comparison("(2, 192, 28, 20)"), "as after an addition"),
    ("with the input", comparison("(2, 448, 28, 20)"), "not one of the branches"),
    ("with what is inside", comparison("(2, 368, 28, 20)"), "stay inside"),
    ("the widest branch", comparison("(2, 128, 28, 20)"), "widest"),
    ("without the pool", comparison("(2, 224, 28, 20)"), "pool is missing"),
    ("the pool as it is", comparison("(2, 416, 28, 20)"), "1×1 convolution to 32 follows"),
    ("channels last", comparison("(2, 28, 20, 256)"), "second"),
    ("side by side as images", comparison("(8, 64, 28, 20)"), "images it leaves"),
    ("side by side as rows", comparison("(2, 192, 112, 20)"), "height and width stay"),
    ("without the batch", comparison("(256, 28, 20)"), "there are four"),
    ("a number", comparison("256"), "should be a shape"),
    ("some other number", comparison("(2, 300, 28, 20)"), "how many leave each"),
    ("input as a branch", comparison(statements="{1, 2, 4, 6, 7}"), "statement 2"),
    ("parameters of a concatenation", comparison(statements="{1, 3, 4, 6, 7}"), "statement 3"),
    ("zero weights", comparison(statements="{1, 4, 5, 6, 7}"), "statement 5 is not true"),
    ("all of them", comparison(statements="{1, 2, 3, 4, 5, 6, 7}"), "statement 2"),
    ("not all", comparison(statements="{1, 4, 6}"), "something is missing: what would you call a branch"),
    ("none", comparison(statements="set()"), "empty"),
    ("a statement that is not there", comparison(statements="{0, 1, 4, 6, 7}"), "no statement 0"),
    ("a text", comparison(statements="'1467'"), "set of numbers"),
    ("truth values", comparison(statements="[True, False, False, True, False, True, True]"), "should be a number"),
):
    wrong("3.7", name, code, cause)
