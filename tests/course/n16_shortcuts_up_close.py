"""Answers to the exercises of notebook 16."""

from __future__ import annotations

from collect import needs, right, wrong
from n03_residual_blocks import with_other_layers

# 16.1 Option C for ResNet-18

right(
    "16.1",
    "counted by PyTorch",
    """
extra_parameters_of_option_c = sum(
    sum(p.numel() for p in nn.Conv2d(c, c, kernel_size=1).parameters()) for c in (64, 64, 128, 256, 512)
)
""",
)
right("16.1", "as a float", "extra_parameters_of_option_c = 353280.0")
right("16.1", "as a tensor", "extra_parameters_of_option_c = torch.tensor([64, 64, 128, 256, 512]).pow(2).sum() + 1024")
right(
    "16.1",
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
    wrong("16.1", name, f"extra_parameters_of_option_c = {code}", cause)


needs("16.2", "compose")

# 16.2 Fold a block

right(
    "16.2",
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
    "16.2",
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
    "16.2",
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
right("16.2", "in small steps", FOLDED)

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
    ("eps added for good", {"return one": "bn1.running_var.add_(bn1.eps); return one"},
     "bn1 is not left.*running_var has other numbers, a pass in training mode moves them, and so does writing"),
    ("fills a leaf in place", {"one.weight.data, one.bias.data = K.detach(), b.detach()": "one.weight.copy_(K)"},
     "raised RuntimeError"),
):  # fmt: skip
    code = FOLDED
    for old, new in changes.items():
        assert old in code, old
        code = code.replace(old, new)
    wrong("16.2", name, code, cause)
wrong(
    "16.2",
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
    wrong("16.2", name, FOLDED.replace(head, f"{head}    {before}\n"), cause)


# 16.3 The order of 2016


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
    "16.3",
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
    "16.3",
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
    "16.3",
    "functional",
    pre_activation("""
bn, conv = self.bn1, self.conv1
Z = F.batch_norm(X, bn.running_mean, bn.running_var, bn.weight, bn.bias, self.training, bn.momentum, bn.eps)
Z = F.conv2d(Z.clamp(min=0), conv.weight, conv.bias, padding=1)
return self.conv2(torch.relu(self.bn2(Z))) + X
"""),
)

for name, options in (("momentum", "momentum=None"), ("no statistics", "track_running_stats=False")):
    right("16.3", name, pre_activation(RIGHT_ORDER).replace("d(num_channels)", f"d(num_channels, {options})"))

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
    wrong("16.3", name, pre_activation(body), cause)

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
    wrong("16.3", name, pre_activation(RIGHT_ORDER).replace(old, new), cause)
for name, last, cause in (
    ("conv, BN, ReLU twice", "F.relu(self.bn2(self.conv2(Y))) + X", "conv, BN, ReLU, twice"),
    ("that with a ReLU at the end", "F.relu(F.relu(self.bn2(self.conv2(Y))) + X)", "conv, BN, ReLU, twice"),
    ("a plain block", "F.relu(self.bn2(self.conv2(Y)))", "a plain block"),
):
    wrong("16.3", name, pre_activation(f"Y = F.relu(self.bn1(self.conv1(X)))\nreturn {last}"), cause)
with_other_layers("16.3", pre_activation(RIGHT_ORDER))
