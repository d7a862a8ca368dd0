"""Answers to the exercises of notebook 11."""

from __future__ import annotations

from collect import needs, right, wrong

# 11.1: count any bottleneck network

needs("11.1", "convolution", "Block", "projection", "bottleneck")
right(
    "11.1",
    "from a network that is built",
    """
def bottleneck_parameters(counts, width, num_classes):
    with torch.device("meta"):
        stem = convolution(3, width, 7, strides=2)
        net = d2l.resnet(stem, counts, width, num_classes, bottleneck, expansion=4)
    return sum(p.numel() for p in net.parameters())
""",
)
right(
    "11.1",
    "in closed form",
    """
def bottleneck_parameters(counts, width, num_classes):
    total = torch.tensor(149 * width)
    for i, n in enumerate(counts):
        m = width << i
        b = width if i == 0 else 2 * m
        total = total + n * (17 * m * m + 12 * m) - (4 * m - b) * m + b * 4 * m + 8 * m
    return total + (4 * m + 1) * num_classes
""",
)
right(
    "11.1",
    "from torchvision's blocks",
    """
def bottleneck_parameters(counts, width, num_classes):
    def weights(c, d, k):
        return c * d * k * k + d + d
    shapes, c = [(3, width, 7)], width
    for stage in range(len(counts)):
        m = width * 2 ** stage
        for j in range(counts[stage]):
            shapes += [(c, m, 1), (m, m, 3), (m, 4 * m, 1)] + [(c, 4 * m, 1)] * (j == 0)
            c = 4 * m
    return float(sum(weights(*shape) for shape in shapes) + num_classes * c + num_classes)
""",
)

COUNT = """
def bottleneck_parameters(counts, width, num_classes):
    total, before = {stem}, width
    for stage, count in enumerate(counts):
        m = width * 2**stage
        for position in range(count):
            total += before * m + 9 * {inside}**2 + m * 4 * m + {norm} * (m + m + 4 * m)
            if {projects}:
                total += before * 4 * m + {shortcut_norm} * 4 * m
            before = 4 * m
    return total + {head}
"""


def counted(
    stem="3 * 49 * width + 2 * width",
    inside="m",
    norm=2,
    projects="position == 0",
    shortcut_norm=2,
    head="(before + 1) * num_classes",
):
    parts = {"stem": stem, "inside": inside, "norm": norm, "projects": projects}
    return COUNT.format(**parts, shortcut_norm=shortcut_norm, head=head)


right("11.1", "block by block", counted())
for name, code, cause in (
    ("no norms", counted("3 * 49 * width", norm=0, shortcut_norm=0), "two numbers"),
    ("norms with statistics", counted("151 * width", norm=4, shortcut_norm=4), "stored, not learned"),
    ("no shortcuts", counted(projects="False"), "shortcuts are missing"),
    ("not in stage 1", counted(projects="position == 0 and stage"), "stage 1 needs"),
    ("on every shortcut", counted(projects="True"), "only the first block"),
    ("no norm on the shortcuts", counted(shortcut_norm=0), "norms on the shortcuts"),
    ("biases", counted("150 * width", norm=3, shortcut_norm=3), "no biases"),
    ("gray images", counted("51 * width"), "three colors"),
    ("stem forgotten", counted("0"), "stem is missing"),
    ("no bias in the head", counted(head="before * num_classes"), "bias for each class"),
    ("head forgotten", counted(head="0"), "linear layer is missing"),
    ("3×3 on all channels", counted(inside="(4 * m)"), "inside the bottleneck"),
    ("3×3 in the stem", counted("29 * width"), "part by part"),
    ("biases in place of norms", counted("148 * width", norm=1, shortcut_norm=1), "what a bias would be"),
    ("the number of ResNet-50", "def bottleneck_parameters(*_):\n    return 25_557_032\n", "part by part"),
    ("nothing returned", counted().replace("return total", "total = total"), "should be a number"),
):
    wrong("11.1", name, code, cause)

# 11.2: the way back

needs("11.2", "outside", "inside", "our_name")
right(
    "11.2",
    "by dictionaries turned around",
    """
def their_name(name):
    words = name.split(".")
    top = {ours: theirs for theirs, ours in outside.items()}
    deep = {ours: theirs for theirs, ours in inside.items()}
    for n in (1, 2):
        if ".".join(words[:n]) in top and len(words) <= n + 1:
            return ".".join([top[".".join(words[:n])], *words[n:]])
    stage, block, *words = words
    n = 1 if words[0] == "shortcut" else 3
    return ".".join([f"layer{stage}", block, deep[".".join(words[:n])], *words[n:]])
""",
)
right(
    "11.2",
    "by regular expressions",
    r"""
import re

def their_name(name):
    for pattern, new in [(r"^0\.0\.(\w+)$", r"conv1.\1"), (r"^0\.1\.(\w+)$", r"bn1.\1"), (r"^7\.(\w+)$", r"fc.\1")]:
        if re.match(pattern, name):
            return re.sub(pattern, new, name)
    name = re.sub(r"^", "layer", name).replace("shortcut", "downsample")
    return re.sub(
        r"path\.(\d)\.(\d)", lambda m: ("conv", "bn")[int(m[2])] + str(int(m[1]) // 2 + 1), name
    )
""",
)

right(
    "11.2",
    "by a table of all names",
    """
table = {our_name(name): name for name in models.resnet18().state_dict()}
for stage, count in enumerate((3, 8, 36, 3), start=1):
    block = models.resnet.Bottleneck(4, 1, downsample=nn.Sequential(nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4)))
    for i in range(count):
        names = [f"layer{stage}.{i}.{name}" for name in block.state_dict() if i == 0 or "downsample" not in name]
        table |= {our_name(name): name for name in names}

def their_name(name):
    return table[name]
""",
)

BACK = """
def their_name(name):
    words = name.split(".")
    if words[0] == "7":
        return {fc}
    if words[0] == "0":
        return {stem}
    stage, block, kind, *rest = words
    if kind == "shortcut":
        return {shortcut}
    k, pair, which = rest
    return {path}
"""


def back(
    fc='f"fc.{words[1]}"',
    stem='("conv1", "bn1")[int(words[1])] + "." + words[2]',
    shortcut='f"layer{stage}.{block}.downsample." + ".".join(rest)',
    path='f"layer{stage}.{block}." + ("conv", "bn")[int(pair)] + f"{int(k) // 2 + 1}.{which}"',
):
    parts = {"fc": fc, "stem": stem, "shortcut": shortcut, "path": path}
    code = BACK
    for name, part in parts.items():
        code = code.replace("{" + name + "}", part)
    return code


right("11.2", "word by word", back())
for name, code, cause in (
    ("not renamed", "def their_name(name):\n    return name\n", "still our name"),
    ("stem in a stage", back(stem='f"layer{name}"'), "in no stage"),
    ("linear layer in a stage", back(fc='f"layer{name}"'), "in no stage"),
    ("no layer in the name", back(path=back.__defaults__[3].replace("layer", "")), "called `layer`"),
    ("places as numbers", back(path=back.__defaults__[3].replace("int(k) // 2 + 1", "int(k)")), "0, 2 and 4"),
    ("norm and convolution exchanged", back(path=back.__defaults__[3].replace('"conv", "bn"', '"bn", "conv"')),
     "0 is the convolution|which weight"),
    ("shortcut stays", back(shortcut='f"layer{stage}.{block}.shortcut." + ".".join(rest)'), "downsample"),
    ("shortcut without its number", back(shortcut='f"layer{stage}.{block}.downsample.{rest[-1]}"'), "expected"),
    ("the weight forgotten", back(path=back.__defaults__[3].replace(".{which}", "")), "last word|stays"),
    ("nothing for the shortcut", back(shortcut="None"), "returns nothing"),
    ("not a text", back(fc="7"), "is a text"),
    ("blocks from one", back(path=back.__defaults__[3].replace("{block}", "{int(block) + 1}")), "stage and block"),
    ("stages from zero", back(path=back.__defaults__[3].replace("{stage}", "{int(stage) - 1}")), "stage and block"),
    ("the stem's norm from zero", back(stem='("conv1", "bn0")[int(words[1])] + "." + words[2]'), "'bn0.weight': expe"),
    ("only ten blocks", back().replace("stage, block,", "if len(words[1]) > 1: return name\n    stage, block,"),
     "still our name"),
):  # fmt: skip
    wrong("11.2", name, code, cause)

# 11.3: groups from outside

right(
    "11.3",
    "by changing one channel at a time",
    """
@torch.no_grad()
def groups_of(layer, channels):
    X = torch.zeros(channels + 1, channels, 7, 7)
    for c in range(channels):
        X[c, c] = 1
    Y = layer(X)
    first = (Y[:-1, 0] - Y[-1, 0]).abs().amax(dim=(1, 2)) > 1e-7
    return channels / first.sum()
""",
)
right(
    "11.3",
    "with backward",
    """
def groups_of(layer, channels):
    X = torch.randn(2, channels, 11, 11).requires_grad_()
    layer(X)[:, -1].pow(2).sum().backward()
    seen = X.grad.flatten(2).ne(0).any(dim=2).any(dim=0)
    return round(channels / int(seen.sum()))
""",
)
right(
    "11.3",
    "all output channels, the different sets of inputs",
    """
def groups_of(layer, channels):
    X = torch.rand(1, channels, 9, 9)
    J = torch.autograd.functional.jacobian(lambda X: layer(X).sum(dim=(0, 2, 3)), X)
    return len({tuple(row.abs().sum(dim=(0, 2, 3)).gt(0).tolist()) for row in J})
""",
)
GROUPS = """
def groups_of(layer, channels):
    X = torch.rand(1, channels, 9, 9, requires_grad=True)
    Y = layer(X)
    (gradient,) = torch.autograd.grad({of}, X)
    read = (gradient.abs().sum(dim={dims}) > 0).sum().item()
    return {result}
"""


def grouped(of="Y[0, 0].sum()", dims="(0, 2, 3)", result="channels // read"):
    return GROUPS.format(of=of, dims=dims, result=result)


for name, code, cause in (
    ("channels of a group", grouped(result="read"), "how many input channels one output"),
    ("sum over all output channels", grouped(of="Y.sum()"), "all output channels together"),
    ("all channels", grouped(result="channels"), "how many input channels there are"),
    ("output channels", grouped(result="Y.shape[1]"), "output channels"),
    ("output channels of a group", grouped(result="Y.shape[1] * read // channels"), "came out as"),
    ("sums that may be negative", grouped().replace("gradient.abs()", "gradient"), "negative weights"),
    ("one group more", grouped(result="channels // read + 1"), "count the input channels"),
    ("counts positions", grouped(dims="1, keepdim=True", result="channels // read"), "such as their positions"),
    ("too high a threshold", grouped("Y[0, 0].mean()", result="channels // max(1, read)").replace("> 0)", "> 0.1)"),
     "came out as"),
    ("asks the weights", "def groups_of(layer, channels):\n    return channels // next(layer.parameters()).shape[1]\n",
     "IndexError"),
    ("a table of what the check asked",
     "def groups_of(layer, channels):\n    return {24: 3, 8: 2, 6: 6, 10: 1, 32: 32, 16: 4}[channels]\n",
     "came out as 2"),
    ("asks the layer", "def groups_of(layer, channels):\n    return layer.groups\n", "groups"),
    ("always 32", grouped(result="32"), "came out as"),
    ("a share", grouped(result="read / channels / 3"), "whole number"),
    ("nothing", grouped(result="None"), "should be a number"),
):  # fmt: skip
    wrong("11.3", name, code, cause)

# 11.4: five symptoms

ALL = {"P": "c", "Q": "e", "R": "a", "S": "f", "T": "b"}
right("11.4", "other letters", 'cause_of = dict(p="C", q="(e)", r="A.", s="f", t="b")')
right("11.4", "in another order", f"cause_of = {dict(sorted(ALL.items(), reverse=True))}")
right("11.4", "not to be changed", f"from types import MappingProxyType\ncause_of = MappingProxyType({ALL})")
for name, letter, cause in (
    ("P", "b", "would not load"), ("P", "f", "very first 1×1"), ("Q", "a", "next block"), ("Q", "c", "multiply-adds"),
    ("Q", "g", "shows at a norm"), ("R", "e", "very first block"), ("R", "d", "left over"), ("S", "e", "3×3"),
    ("S", "a", "next block"), ("T", "d", "left over"), ("T", "c", "another place"),
):  # fmt: skip
    wrong("11.4", f"{name} is {letter}", f"cause_of = {ALL | {name: letter}}", f"for {name}: .*{cause}")
wrong("11.4", "one missing", "cause_of = {'P': 'c', 'Q': 'e', 'R': 'a', 'S': 'f'}", "nothing about T")
wrong("11.4", "a list", "cause_of = ['c', 'e', 'a', 'f', 'b']", "dictionary")
wrong("11.4", "no letter", f"cause_of = {ALL | {'S': 'pooling'}}", "one of the letters")
