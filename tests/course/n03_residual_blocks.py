"""Answers to the exercises of notebook 03."""

from __future__ import annotations

from collect import right, wrong

# 3.1 A block without batch norm

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
    "3.1",
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
    "3.1",
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
    "3.1",
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
    "3.1",
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
    wrong("3.1", name, without_norm(body), cause)

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
    wrong("3.1", name, code, cause)

wrong(
    "3.1",
    "a block, not the class",
    without_norm("return F.relu(self.conv2(F.relu(self.conv1(X))) + X)")
    + """
ResidualWithoutNorm = ResidualWithoutNorm(5)
""",
    "class itself",
)

right(
    "3.1",
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
    wrong("3.1", name, without_norm(body), cause)
for name, body, cause in (
    ("ReLU first", "X = F.relu(X)\nreturn F.relu(self.conv2(F.relu(self.conv1(X))) + X)", "ReLU at the start"),
    ("ReLU before conv1", "return F.relu(self.conv2(self.conv1(F.relu(X))) + X)", "belongs between conv1"),
    ("another activation", "return F.relu(self.conv2(F.gelu(self.conv1(X))) + X)", "stands gelu"),
):
    wrong("3.1", name, without_norm(body), cause)

for name, old, new, cause in (
    ("frozen", "    def forward", "        self.requires_grad_(False)\n\n    def forward", "asks for no gradient"),
    ("parameters of its own", "super().__init__()", "super().__init__(); self.scale = nn.Parameter(torch.ones(1))",
     "parameters of its own"),
    ("one weight for both", "    def forward",
     "        self.conv2.weight = self.conv1.weight\n\n    def forward", "share their weights"),
    ("a transposed convolution", "nn.Conv2d", "nn.ConvTranspose2d", "an nn.Conv2d"),
):  # fmt: skip
    code = without_norm("return F.relu(self.conv2(F.relu(self.conv1(X))) + X)").replace(old, new)
    wrong("3.1", name, code, cause)
wrong(
    "3.1",
    "a layer that cannot learn",
    without_norm("""
Y = F.conv2d(F.relu(self.conv1(X)), self.conv2.weight.detach(), self.conv2.bias, padding=1)
return F.relu(Y + X)
"""),
    "the gradient of conv2.weight is not",
)


# Layers that are other than they should be, and blocks that are right in one mode

PADDED = "kernel_size=3, padding=1"


def with_other_layers(number: str, code: str) -> None:
    """Add variants of a right class, most of them wrong."""
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


with_other_layers("3.1", without_norm("return F.relu(self.conv2(F.relu(self.conv1(X))) + X)"))


# 3.2 A detector


def detector(body: str) -> str:
    """Return a detector with these lines."""
    lines = "".join(f"    {line}\n" for line in body.strip().splitlines())
    return f"import copy\n\ndef adds_its_input(block, X):\n{lines}"


right(
    "3.2",
    "with a hook, on a copy",
    detector("""
victim = copy.deepcopy(block)
heard = []
victim.bn2.register_forward_hook(lambda layer, inputs, output: heard.append(output.detach().clone()))
return torch.allclose(victim(X.clone()), F.relu(heard[0] + X), atol=1e-5)
"""),
)
right(
    "3.2",
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
    "3.2",
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
    "3.2",
    "layer by layer",
    detector("""
one, other = copy.deepcopy(block), copy.deepcopy(block)
expected = F.relu(one.bn2(one.conv2(F.relu(one.bn1(one.conv1(X))))) + X)
return bool((other(X) - expected).abs().max() < 1e-4)
"""),
)
right(
    "3.2",
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
    "3.2",
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
        "by the stored statistics",
        """
victim = copy.deepcopy(block).eval()
heard = []
victim.bn2.register_forward_hook(lambda layer, inputs, output: heard.append(output.clone()))
victim(X)
return torch.allclose(copy.deepcopy(block)(X), F.relu(heard[0] + X), atol=1e-4)""",
        "every right block in train mode.*statistics of the batch, not its stored ones",
    ),
    (
        "goes by the mode",
        "return not block.training",
        "about a new block that is right",
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
    wrong("3.2", name, detector(body), cause)

for name, result, cause in (
    (
        "looks at correlation",
        "torch.corrcoef(torch.stack([Y.flatten(), F.relu(X).flatten()]))[0, 1] > 0.99",
        "nine tenths",
    ),
    ("looks at the average difference", "(Y - F.relu(X)).mean().abs() < 0.05", "True about a block"),
):
    wrong(
        "3.2",
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
    wrong("3.2", name, detector(f"{before}\n{ZEROED}return {result}"), cause)
right("3.2", "a hook on the block itself, in eval mode, all put back", detector("""
was_training, heard = block.training, []
handle = block.bn2.register_forward_hook(lambda layer, inputs, output: heard.append(output.clone()))
with torch.no_grad():
    output = block.eval()(X)
handle.remove()
block.train(was_training)
return torch.allclose(output, F.relu(heard[0] + X), atol=1e-5)
"""))  # fmt: skip


# 3.3 More parameters, fewer functions


def sizes(kernel: str = "7", pair: str = "20450", one: str = "19620") -> str:
    """Return an answer to 3.3, right in all that is not given."""
    return f"kernel_size_of_the_one, parameters_of_the_pair, parameters_of_the_one = {kernel}, {pair}, {one}"


right(
    "3.3",
    "counted by PyTorch",
    """
count = lambda *layers: sum(p.numel() for layer in layers for p in layer.parameters())
kernel_size_of_the_one = nn.Conv2d(20, 20, 7).kernel_size
parameters_of_the_pair = count(nn.Conv2d(20, 30, 5), nn.Conv2d(30, 20, 3))
parameters_of_the_one = count(nn.Conv2d(20, 20, kernel_size=7))
""",
)
right("3.3", "an array for the kernel", "import numpy as np\n" + sizes("np.array([7, 7])"))
right("3.3", "floats and a tensor", sizes("7.0", "2.045e4", "torch.tensor([19620])"))
right("3.3", "a list for the kernel", sizes("[7, 7]", "25 * 600 + 30 + 9 * 600 + 20", "7**2 * 20**2 + 20"))

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
    wrong("3.3", name, code, cause)


# 3.4 Inception block and residual block


def comparison(shape: str = "(2, 256, 28, 20)", statements: str = "{1, 4, 6, 7}") -> str:
    """Return an answer to 3.4, right in all that is not given."""
    return f"inception_shape = {shape}\ntrue_statements = {statements}\n"


right("3.4", "a filter", comparison(statements="filter(lambda k: k not in (2, 3, 5), range(1, 8))"))
right("3.4", "a torch.Size and a list", comparison("torch.Size([2, 256, 28, 20])", "[7, 6, 4, 1]"))
right("3.4", "from tensors", comparison("torch.zeros(2, 256, 28, 20).shape", "torch.tensor([1, 4, 6, 7])"))
right("3.4", "a list and a tuple with floats", comparison("[2, 256.0, 28, 20]", "(1.0, 4, 6, 7, 7)"))
right("3.4", "computed", comparison("torch.cat([torch.zeros(2, c, 28, 20) for c in (64, 128, 32, 32)], 1).shape"))

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
    wrong("3.4", name, code, cause)

# A cause that another block does not bear out: how alike output and input are says nothing about shift or statistics

for least, cause in ((0.6, "^(?!.*With F = 0).*False about a new block"), (0.5, "^(?!.*shift).*nobody would choose"),
                     (0.3, "^(?!.*stored).*in eval mode")):  # fmt: skip
    wrong(
        "3.2",
        f"a correlation of {least}",
        detector(f"""
with torch.no_grad():
    Y = copy.deepcopy(block)(X.clone())
return bool(torch.corrcoef(torch.stack([Y.flatten(), X.flatten()]))[0, 1] > {least})"""),
        cause,
    )
