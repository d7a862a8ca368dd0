"""Answers to the exercises of notebook 20."""

from __future__ import annotations

from collect import needs, right, wrong

# 20.1: the strides put back

INPUTS = """
def inputs_of_linear(side, strides, pool, channels):
    for s in strides:
        {conv}
    {pool}
    return {result}
my_strides = {strides}
"""


def inputs(
    conv="side = -(-side // s)",
    pool="side = side // pool",
    result="channels * side ** 2",
    strides="[1, 2, 1, 2, 1, 1, 1]",
):
    return INPUTS.format(conv=conv, pool=pool, result=result, strides=strides)


right("20.1", "rounded up", inputs())
right("20.1", "by PyTorch, and strides as a tuple", """
def inputs_of_linear(side, strides, pool, channels):
    X = torch.zeros(1, 1, side, side)
    for s in strides:
        X = nn.Conv2d(1, 1, 3, padding=1, stride=s)(X)
    return nn.Flatten()(nn.AvgPool2d(pool)(X)).shape[1] * channels
my_strides = (4, 1, 1, 1, 1, 1, 1)
""")  # fmt: skip
wrong("20.1", "the script's mistake", inputs(result="channels"), "the script's mistake|cells that the pool leaves")
wrong("20.1", "one side", inputs(result="channels * side"), "two sides")
wrong("20.1", "no channels", inputs(result="side * side"), "its own map")
wrong("20.1", "no pool", inputs(pool="pass"), "pool is missing")
wrong("20.1", "no strides", inputs(conv="pass"), "smaller before")
wrong("20.1", "pool rounded up", inputs(pool="side = -(-side // pool)"), "round down")
wrong("20.1", "strides rounded down", inputs(conv="side //= s"), "round up")
wrong(
    "20.1",
    "rounded to the next",
    inputs(conv="side = round(side / s)"),
    r"inputs_of_linear\(5, \[2\], 1, 1\) = 4; PyTorch's layers give 9$",
)
wrong("20.1", "seven strides at most", inputs().replace("in strides:", "in strides[:7]:"), "PyTorch's layers give")
wrong("20.1", "no padding", inputs(conv="side = (side - 3) // s + 1"), "have padding 1")
wrong("20.1", "one more", inputs(conv="side = side // s + 1"), r"give 27$")
wrong("20.1", "channels twice", inputs(result="(channels * side) ** 2"), r"give 1,024$")
wrong("20.1", "six strides", inputs(strides="[1, 2, 1, 2, 1, 1]"), "seven convolutions")
wrong("20.1", "halved once", inputs(strides="[2, 1, 1, 1, 1, 1, 1]"), "more than one window")
wrong("20.1", "halved three times", inputs(strides="[2, 2, 1, 2, 1, 1, 1]"), "smaller than a window")
wrong("20.1", "a third", inputs(strides="[3, 1, 1, 1, 1, 1, 1]"), "leave out")
wrong(
    "20.1",
    "the list eaten",
    inputs().replace("for s in strides:", "while strides:\n        s = strides.pop()"),
    "strides is not left",
)

# 20.2: the larger head contains the smaller

HEAD = """
def larger_head(small, cells):
    large = nn.Linear(small.in_features * cells, small.out_features)
    large.weight.data = {weight}
    large.bias.data = {bias}
    return large
"""


def head(weight="small.weight.data.repeat_interleave(cells, 1) / cells", bias="small.bias.data.clone()"):
    return HEAD.format(weight=weight, bias=bias)


right("20.2", "through the data", head())
right("20.2", "by a loop", """
def larger_head(small, cells):
    large = nn.Linear(small.in_features * cells, small.out_features)
    with torch.no_grad():
        large.bias[:] = small.bias
        for column in range(large.in_features):
            large.weight[:, column] = small.weight[:, column // cells] / cells
    return large
""")  # fmt: skip
right("20.2", "expanded", head("(small.weight.detach()[:, :, None] / cells).expand(-1, -1, cells).flatten(1)"))
wrong("20.2", "not divided", head("small.weight.data.repeat_interleave(cells, 1)"), "divide the weights")
wrong("20.2", "in turn", head("small.weight.data.repeat(1, cells) / cells"), "beside each other")
wrong("20.2", "in turn and not divided", head("small.weight.data.repeat(1, cells)"), "beside each other")
wrong("20.2", "always sixteen", head("small.weight.data.repeat_interleave(cells, 1) / 16"), "0.25 times what they")
wrong(
    "20.2",
    "divided twice",
    head("small.weight.data.repeat_interleave(cells, 1) / cells ** 2"),
    "0.0625 times what they",
)
wrong(
    "20.2",
    "a mean bias",
    head(bias="small.bias.data.mean().expand(small.out_features).clone()"),
    "bias is not that of small",
)
wrong("20.2", "the same bias", head(bias="small.bias.data"), "share their numbers")
wrong("20.2", "the small head inside", """
def larger_head(small, cells):
    return nn.Sequential(nn.Unflatten(1, (-1, cells)), nn.AvgPool2d((1, cells)), nn.Flatten(), small)
""", "should return an nn.Linear")  # fmt: skip
wrong("20.2", "bias forgotten", head(bias="torch.zeros(small.out_features)"), "bias is missing")
wrong("20.2", "bias divided", head(bias="small.bias.data / cells"), "not divided")
wrong("20.2", "by the root", head("small.weight.data.repeat_interleave(cells, 1) / cells ** 0.5"), "root")
wrong("20.2", "weights as drawn", """
def larger_head(small, cells):
    return nn.Linear(small.in_features * cells, small.out_features)
""", "differ by up to")  # fmt: skip
wrong("20.2", "rows in place of columns", head("small.weight.data.repeat_interleave(cells, 0) / cells"), "shape")
wrong(
    "20.2",
    "small changed",
    head().replace("    return large", "    small.weight.data /= cells\n    return large"),
    "small is not left",
)

# 20.3: a test that weighs images

TEST = """
from d2lhelpers.evaluating import evaluating
def test_repaired(net, device, batches):
    loss, correct, images = 0.0, 0, 0
    {mode}
        for X, y in batches:
            y_hat, y = net(X.to(device)), y.to(device)
            loss += {loss}
            correct += (y_hat.argmax(dim=1) == y).sum().item()
            images += len(y)
    return {result}
"""


def tested(
    mode="with evaluating(net), torch.no_grad():",
    loss="F.cross_entropy(y_hat, y).item() * len(y)",
    result="loss / images, correct / images",
):
    return TEST.format(mode=mode, loss=loss, result=result)


right("20.3", "the package's mode keeper", tested())
right("20.3", "all scores at once", """
@torch.no_grad()
def test_repaired(net, device, batches):
    modes = [(m, m.training) for m in net.modules()]
    net.eval()
    scores = torch.cat([net(X.to(device)) for X, _ in batches])
    y = torch.cat([y for _, y in batches]).to(device)
    for m, mode in modes:
        m.training = mode
    return [F.cross_entropy(scores, y), (scores.argmax(1) == y).double().mean()]
""")  # fmt: skip
right(
    "20.3",
    "on a copy",
    """
import copy
def test_repaired(net, device, batches):
    twin = copy.deepcopy(net).eval()
    with torch.inference_mode():
        pairs = [(twin(X.to(device)), y.to(device)) for X, y in batches]
    losses = torch.cat([F.cross_entropy(scores, y, reduction="none") for scores, y in pairs])
    hits = torch.cat([scores.argmax(1) == y for scores, y in pairs])
    return losses.mean().item(), hits.float().mean().item()
""",
)
wrong(
    "20.3",
    "as circulated",
    tested(loss="F.cross_entropy(y_hat, y).item()", result="loss / len(batches), correct / images"),
    "mean over the batches",
)
wrong("20.3", "divided by images only", tested(loss="F.cross_entropy(y_hat, y).item()"), "multiply it by")
wrong(
    "20.3",
    "the sum divided by batches",
    tested(result="loss / len(batches), correct / images"),
    "divided by the number of batches",
)
wrong("20.3", "not divided", tested(result="loss, correct / images"), "not divided")
wrong("20.3", "the number of right ones", tested(result="loss / images, correct"), "divide by the number of images")
wrong("20.3", "in percent", tested(result="loss / images, 100 * correct / images"), "a share")
wrong("20.3", "in the wrong order", tested(result="correct / images, loss / images"), "loss comes first")
wrong("20.3", "left in eval mode", tested("net.eval()\n    with torch.no_grad():"), "evaluation mode")
wrong(
    "20.3",
    "always back to training",
    tested("net.eval()\n    with torch.no_grad():").replace("    return", "    net.train()\n    return"),
    "training mode",
)
wrong(
    "20.3",
    "all layers back to the net's mode",
    tested("was = net.training\n    net.eval()\n    with torch.no_grad():").replace(
        "    return", "    net.train(was)\n    return"
    ),
    "batch norm that was frozen",
)
wrong(
    "20.3", "gradients gone", tested("net.zero_grad()\n    with evaluating(net), torch.no_grad():"), "lost its gradient"
)
wrong(
    "20.3",
    "softmax first",
    tested(loss="F.cross_entropy(y_hat.softmax(1), y).item() * len(y)"),
    "the scores themselves",
)
wrong(
    "20.3",
    "dropout left on",
    tested("with torch.no_grad():\n        was = [m.training for m in net.modules()]\n        net[1].eval()").replace(
        "    return", "    for m, t in zip(net.modules(), was):\n        m.training = t\n    return"
    ),
    "evaluation mode meanwhile",
)
wrong(
    "20.3",
    "a smoothed loss",
    tested(loss="F.cross_entropy(y_hat, y, label_smoothing=0.1).item() * len(y)"),
    r"not \d\.\d+$",
)
wrong(
    "20.3",
    "in training mode",
    tested("net.train()\n    with torch.no_grad():"),
    "eval mode|training mode|Expected more than 1",
)
wrong("20.3", "the loss alone", tested(result="loss / images"), "two numbers")

# 20.4: a schedule that fits

SIZE = """
def smallest_step_size(num_epochs, most_divisions):
    {lines}
step_for_two = {two}
"""


def size(lines="return (num_epochs - 1) // (most_divisions + 1) + 1", two=9):
    return SIZE.format(lines=lines, two=two)


right("20.4", "by trying", size("""size = 1
    while (num_epochs - 1) // size > most_divisions:
        size += 1
    return size"""))  # fmt: skip
right("20.4", "rounded up", size("import math\n    return math.ceil(num_epochs / (most_divisions + 1))", "9.0"))
right("20.4", "by stepping a scheduler", """
def smallest_step_size(num_epochs, most_divisions):
    for size in range(1, num_epochs + 1):
        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
        scheduler = torch.optim.lr_scheduler.StepLR(optimizer, size, gamma=0.5)
        for _ in range(num_epochs - 1):
            optimizer.step()
            scheduler.step()
        if scheduler.get_last_lr()[0] > 0.75 * 0.5 ** most_divisions:
            return size
step_for_two = torch.tensor(9)
""")  # fmt: skip
wrong("20.4", "rounded down", size("return max(1, num_epochs // (most_divisions + 1))"), "has been divided")
wrong(
    "20.4",
    "divided by the number of divisions",
    size("return max(1, num_epochs // max(1, most_divisions))"),
    "smaller step size|has been divided",
)
wrong("20.4", "stepped once more", size("return num_epochs // (most_divisions + 1) + 1"), "too late to count")
wrong("20.4", "zero", size("return (num_epochs - 1) // (most_divisions + 1)"), "1 or more|has been divided")
wrong("20.4", "at least two", size("return max(2, (num_epochs - 1) // (most_divisions + 1) + 1)"), "smaller step size")
wrong("20.4", "a larger one", size("return num_epochs"), "smaller step size")
wrong("20.4", "eight for two", size(two=8), "three times")
wrong("20.4", "thirteen for two", size(two=13), "one division")

# 20.5: the whole block as one convolution

needs("20.5", "as_one_kernel", "DigitBlock")
ONE = """
import copy
def one_convolution(block):
    c = block.conv1.in_channels
    weight, bias = as_one_kernel(copy.deepcopy(block).double(), c)
    weight = weight.clone()
    {change}
    one = nn.Conv2d(c, c, 7, padding={padding}).to({dtype})
    one.weight.data.copy_(weight)
    one.bias.data.copy_(bias)
    return one
"""


def one(change="for k in range(c):\n        weight[k, k, 3, 3] += 1", padding=3, dtype="block.conv1.weight.dtype"):
    return ONE.format(change=change, padding=padding, dtype=dtype)


right("20.5", "with a loop", one())
right("20.5", "composed by hand", """
def one_convolution(block):
    a, b = block.conv1, block.conv2
    c = a.in_channels
    one = nn.Conv2d(c, c, 7, padding=3, dtype=a.weight.dtype)
    with torch.no_grad():
        one.weight.zero_()
        for i in range(3):
            for j in range(3):
                one.weight[:, :, i:i + 5, j:j + 5] += torch.einsum("om,mcuv->ocuv", b.weight[:, :, i, j], a.weight)
        one.weight[:, :, 3, 3] += torch.eye(c, dtype=one.weight.dtype)
        one.bias.copy_(b.bias + b.weight.sum((2, 3)) @ a.bias)
    return one
""")  # fmt: skip
wrong("20.5", "no shortcut", one("pass"), "shortcut is missing")
wrong("20.5", "every channel to all", one("weight[:, :, 3, 3] += 1"), "each channel to itself")
wrong("20.5", "upside down", one("weight = weight.flip(2, 3); weight[range(c), range(c), 3, 3] += 1"), "upside down")
wrong(
    "20.5",
    "exchanged",
    one("weight = weight.transpose(0, 1).clone(); weight[range(c), range(c), 3, 3] += 1"),
    "exchanged",
)
wrong(
    "20.5",
    "the second bias only",
    one("weight[range(c), range(c), 3, 3] += 1; bias = block.conv2.bias"),
    "bias is not that",
)
wrong(
    "20.5",
    "mirrored at the edge",
    one("weight[range(c), range(c), 3, 3] += 1", padding="3, padding_mode='reflect'"),
    "what else",
)
wrong(
    "20.5",
    "on its side",
    one("weight = weight.transpose(2, 3).clone(); weight[range(c), range(c), 3, 3] += 1"),
    "height and width",
)
wrong("20.5", "no padding", one(padding=0), "padding 3")
wrong("20.5", "always 64 bits", one(dtype="torch.float64"), "float32")
wrong(
    "20.5",
    "the block made double",
    one().replace("copy.deepcopy(block).double()", "block.double()"),
    "the block is not left|those of your",
)
wrong("20.5", "the sum of the kernels", """
def one_convolution(block):
    c = block.conv1.in_channels
    return nn.Conv2d(c, c, 5, padding=2).to(block.conv1.weight.dtype)
""", "shape")  # fmt: skip
