"""Answers to the exercises of notebook 05."""

from __future__ import annotations

from collect import needs, right, wrong

# 5.1: a photo that is not square

needs("5.1", "output_side")
right(
    "5.1",
    "by the formula",
    """
def sides(n):
    n = output_side(output_side(n, 7, 2, 3), 3, 2, 1)
    row = [n, n]
    for _ in range(3):
        row.append(output_side(row[-1], 3, 2, 1))
    return row
photo_maps = list(zip([64, 64, 128, 256, 512], sides(100), sides(150)))
""",
)
right(
    "5.1",
    "run, as shapes of a batch",
    """
with torch.no_grad():
    maps, photo_maps = torch.zeros(1, 1, 100, 150), []
    for part in d2l.resnet18(width=64).eval()[:5]:
        maps = part(maps)
        photo_maps.append(maps.shape)
""",
)
right(
    "5.1",
    "as a tensor",
    """
photo_maps = torch.tensor([[64, 25, 38], [64, 25, 38], [128, 13, 19], [256, 7, 10], [512, 4, 5]]).float()
""",
)
wrong(
    "5.1",
    "rounded down",
    """
photo_maps = [(64, 25, 37), (64, 25, 37), (128, 12, 18), (256, 6, 9), (512, 3, 4)]
""",
    "rounded up",
)
wrong(
    "5.1",
    "stem rounded up, stages down",
    """
photo_maps = [(64, 25, 38), (64, 25, 38), (128, 12, 19), (256, 6, 9), (512, 3, 4)]
""",
    "after stage 2 is the first that is off",
)
wrong(
    "5.1",
    "without the max-pool",
    """
photo_maps = [(64, 50, 75), (64, 50, 75), (128, 25, 38), (256, 13, 19), (512, 7, 10)]
""",
    "max-pool",
)
wrong(
    "5.1",
    "stage 1 halves",
    """
photo_maps = [(64, 25, 38), (64, 13, 19), (128, 7, 10), (256, 4, 5), (512, 2, 3)]
""",
    "stage 1 does not halve",
)
wrong(
    "5.1",
    "width before height",
    """
photo_maps = [(64, 38, 25), (64, 38, 25), (128, 19, 13), (256, 10, 7), (512, 5, 4)]
""",
    "exchanged",
)
wrong(
    "5.1",
    "stage 1 doubles the channels",
    """
photo_maps = [(64, 25, 38), (128, 25, 38), (256, 13, 19), (512, 7, 10), (1024, 4, 5)]
""",
    "the sides are right, the channels",
)
wrong(
    "5.1",
    "with the image",
    """
photo_maps = [(1, 100, 150), (64, 25, 38), (64, 25, 38), (128, 13, 19), (256, 7, 10), (512, 4, 5)]
""",
    "the image itself",
)
wrong(
    "5.1",
    "stages only",
    """
photo_maps = [(64, 25, 38), (128, 13, 19), (256, 7, 10), (512, 4, 5)]
""",
    "has 4 entries",
)
wrong("5.1", "sides only", "photo_maps = [(25, 38), (25, 38), (13, 19), (7, 10), (4, 5)]", "are three")
wrong(
    "5.1",
    "as for a square image",
    """
photo_maps = [(64, 25, 25), (64, 25, 25), (128, 13, 13), (256, 7, 7), (512, 4, 4)]
""",
    "the photo is 150 wide",
)
wrong(
    "5.1",
    "no padding in the stem",
    """
photo_maps = [(64, 23, 35), (64, 23, 35), (128, 12, 18), (256, 6, 9), (512, 3, 5)]
""",
    "padding is missing",
)
wrong(
    "5.1",
    "not rounded",
    """
photo_maps = [(64, 25, 37.5), (64, 25, 37.5), (128, 12.5, 18.75), (256, 6.25, 9.4), (512, 3.1, 4.7)]
""",
    "whole number",
)
wrong(
    "5.1",
    "two mistakes: rounded down, and the channels",
    """
photo_maps = [(64, 25, 37), (128, 25, 37), (256, 12, 18), (512, 6, 9), (1024, 3, 4)]
""",
    "rounded up.*channels",
)
wrong(
    "5.1",
    "sneaky: a batch of two",
    """
photo_maps = [(2, 64, 25, 38), (2, 64, 25, 38), (2, 128, 13, 19), (2, 256, 7, 10), (2, 512, 4, 5)]
""",
    "has 4 numbers",
)
wrong("5.1", "sneaky: right with nan", "photo_maps = torch.full((5, 3), float('nan'))", "not finite")
wrong(
    "5.1",
    "sneaky: right sums",
    """
photo_maps = [(64, 25, 38), (64, 25, 38), (128, 13, 19), (256, 7, 10), (512, 5, 4)]
""",
    "their order is not",
)
wrong(
    "5.1",
    "channels last",
    "photo_maps = [(25, 38, 64), (25, 38, 64), (13, 19, 128), (7, 10, 256), (4, 5, 512)]",
    "their order is not",
)
right(
    "5.1",
    "with the batch in front",
    "photo_maps = [(1, 64, 25, 38), (1, 64, 25, 38), (1, 128, 13, 19), (1, 256, 7, 10), (1, 512, 4, 5)]",
)

# 5.2: where memory goes

BEST = '\npart_with_most_values = "stem"\n'
HOOKS = """
def numbers_kept(net, X):
    counts, handles = {{}}, []
    def hook_for(name):
        def note(module, inputs, output):
            {note}
        return note
    for name, module in net.named_modules():
        if {which}:
            handles.append(module.register_forward_hook(hook_for(name)))
    was_training = net.training
    {before}
    with torch.no_grad():
        net(X)
    {after}
    return {result}
"""


def hooks(
    note="counts[name] = output.numel()",
    which="not any(module.children())",
    before="net.eval()",
    after="net.train(was_training); [handle.remove() for handle in handles]",
    result="counts",
):
    return HOOKS.format(note=note, which=which, before=before, after=after, result=result) + BEST


right(
    "5.2",
    "with the package's tracer",
    """
import math
def numbers_kept(net, X):
    return {row.name: math.prod(row.output_shape) for row in d2l.trace_shapes(net, X)}
part_with_most_values = "The stem."
""",
)
right(
    "5.2",
    "on a copy of the net, with partial",
    """
import copy
from functools import partial
def numbers_kept(model, batch):
    model, numbers = copy.deepcopy(model).eval(), dict()
    def remember(label, layer, args, out):
        numbers[label] = float(out.shape.numel())
    for label, layer in model.named_modules():
        if len(list(layer.children())) == 0:
            layer.register_forward_hook(partial(remember, label))
    model(batch)
    return numbers
part_with_most_values = "Stem"
""",
)
right(
    "5.2",
    "a lambda with a default, counts as tensors",
    """
from collections import defaultdict
def numbers_kept(net, X):
    found, mode, handles = defaultdict(int), net.training, []
    for name, module in net.named_modules():
        if not list(module.children()):
            look = lambda m, i, o, name=name: found.__setitem__(name, torch.tensor(o.nelement()))
            handles.append(module.register_forward_hook(look))
    net.eval()
    net(X)
    net.train(mode)
    for handle in handles: handle.remove()
    return found
part_with_most_values = "stem"
""",
)
wrong("5.2", "containers counted, too", hooks(which="True"), "counted twice")
wrong(
    "5.2",
    "the name of the loop",
    """
def numbers_kept(net, X):
    counts, handles = {}, []
    for name, module in net.named_modules():
        if not any(module.children()):
            def note(module, inputs, output):
                counts[name] = output.numel()
            handles.append(module.register_forward_hook(note))
    was_training = net.training
    net.eval()(X)
    net.train(was_training)
    [handle.remove() for handle in handles]
    return counts
"""
    + BEST,
    "share the loop's variable",
)
wrong(
    "5.2",
    "parameters",
    hooks(note="counts[name] = sum(p.numel() for p in module.parameters())"),
    "parameters, not outputs",
)
wrong("5.2", "inputs", hooks(note="counts[name] = inputs[0].numel()"), "enter each layer")
wrong("5.2", "one image", hooks(note="counts[name] = output[0].numel()"), "all images of the batch")
wrong("5.2", "positions", hooks(note="counts[name] = output.shape[2:].numel()"), "positions of one map")
wrong("5.2", "len", hooks(note="counts[name] = len(output)"), "numel counts all")
wrong("5.2", "bytes", hooks(note="counts[name] = output.numel() * 4"), "bytes")
wrong("5.2", "convolutions only", hooks(which="isinstance(module, nn.Conv2d)"), "missing")
wrong(
    "5.2",
    "without F, ReLUs left out",
    hooks(which="not any(module.children()) and not isinstance(module, nn.ReLU)"),
    r"\['0.2'\] is missing",
)
wrong(
    "5.2",
    "names of classes",
    hooks(note="counts[type(module).__name__] = output.numel()"),
    "as named_modules gives them",
)
wrong("5.2", "modules as keys", hooks(note="counts[module] = output.numel()"), "layers' names")
wrong("5.2", "the sum", hooks(result="sum(counts.values())"), "returns one number")
wrong("5.2", "no return", hooks(result="None"), "returns None")
wrong("5.2", "shapes", hooks(note="counts[name] = tuple(output.shape)"), "should be a number")
wrong("5.2", "hooks left", hooks(after="net.train(was_training)"), r"has a hook more \(handle.remove")
wrong("5.2", "in train mode", hooks(before="pass"), "running_mean has other numbers, a pass in training mode")
wrong("5.2", "left in eval mode", hooks(after="[handle.remove() for handle in handles]"), "in evaluation mode")
wrong("5.2", "always left in train mode", hooks(after="net.train(); [h.remove() for h in handles]"), "in training mode")
wrong("5.2", "the part with most work", hooks().replace('"stem"', '"stage 1"'), "most work")
wrong("5.2", "the part with most parameters", hooks().replace('"stem"', '"stage 4"'), "most parameters")
wrong("5.2", "a part that is none", hooks().replace('"stem"', '"the convolutions"'), "should be")
wrong(
    "5.2",
    "sneaky: statistics put back, but not the mode",
    """
def numbers_kept(net, X):
    shapes = {row.name: row.output_shape for row in d2l.trace_shapes(net, X)}
    net.eval()
    return {name: torch.Size(shape).numel() for name, shape in shapes.items()}
"""
    + BEST,
    "in evaluation mode",
)
wrong(
    "5.2",
    "sneaky: only the children's mode is wrong",
    """
def numbers_kept(net, X):
    shapes = {row.name: row.output_shape for row in d2l.trace_shapes(net, X)}
    net.eval().training = True
    return {name: torch.Size(shape).numel() for name, shape in shapes.items()}
"""
    + BEST,
    "in evaluation mode",
)
wrong(
    "5.2",
    "sneaky: the ResNet-18 of the notebook, whatever comes",
    """
def numbers_kept(net, X):
    table = d2l.trace_shapes(d2l.resnet18(width=4), (1, 1, 64, 64))
    return {row.name: torch.Size(row.output_shape).numel() for row in table}
"""
    + BEST,
    "missing|named_modules|no layers|counted twice",
)

# 5.3: Table 1

TABLE = "blocks_of = {18: [2, 2, 2, 2], 34: [3, 4, 6, 3], 50: [3, 4, 6, 3], 101: [3, 4, 23, 3], 152: [3, 8, 36, 3]}\n"
STEM = """    stem = nn.Sequential(
        nn.Conv2d(in_channels, width, kernel_size=7, stride=2, padding=3),
        nn.BatchNorm2d(width),
        nn.ReLU(),
        nn.MaxPool2d(kernel_size=3, stride=2, padding=1),
    )
"""
GUARD = """    if depth not in (18, 34):
        raise ValueError(depth)
"""
HEAD = "\ndef basic_resnet(depth, width=64, in_channels=1, num_classes=10):\n"
LAST = "    return d2l.resnet(stem, blocks_of[depth], width, num_classes)\n"


def table_and_net(table=TABLE, guard=GUARD, stem=STEM, last=LAST):
    return table + HEAD + guard + stem + last


right(
    "5.3",
    "stage by stage with resnet_block",
    """
blocks_of = {18: torch.tensor([2, 2, 2, 2]), 34: [3, 4, 6, 3], 50: [3, 4, 6, 3]}
blocks_of |= {101: [3, 4, 23, 3], 152: [3, 8, 36, 3]}
def basic_resnet(d, w=64, c=1, n=10):
    if d not in (18, 34): raise ValueError("these have bottlenecks")
    counts = [int(count) for count in blocks_of[d]]
    layers = [nn.Conv2d(c, w, 7, 2, 3), nn.BatchNorm2d(w), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1)]
    layers += d2l.resnet_block(w, w, counts[0], first_block=True) + d2l.resnet_block(w, 2 * w, counts[1])
    layers += d2l.resnet_block(2 * w, 4 * w, counts[2]) + d2l.resnet_block(4 * w, 8 * w, counts[3])
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8 * w, n))
""",
)
right(
    "5.3",
    "a class of its own, functional, no biases, layers in another order",
    """
blocks_of = dict(zip((18, 34, 50, 101, 152), ((2, 2, 2, 2), (3, 4, 6, 3), (3, 4, 6, 3), (3, 4, 23, 3), (3, 8, 36, 3))))
class Basic(nn.Module):
    def __init__(self, i, o, s):
        super().__init__()
        self.skip = nn.Conv2d(i, o, 1, s, bias=False) if s > 1 else None
        self.norms = nn.ModuleList(nn.BatchNorm2d(o) for _ in range(2))
        self.second = nn.Conv2d(o, o, 3, padding=1, bias=False)
        self.first = nn.Conv2d(i, o, 3, s, 1, bias=False)
    def forward(self, X):
        identity = X if self.skip is None else self.skip(X)
        out = self.norms[1](self.second(self.norms[0](self.first(X)).relu()))
        return (identity + out).relu()
class Net(nn.Module):
    def __init__(self, counts, width, i, n):
        super().__init__()
        self.fc = nn.Linear(8 * width, n)
        self.blocks, channels = nn.ModuleList(), width
        for k, count in enumerate(counts):
            for j in range(count):
                self.blocks.append(Basic(channels, width * 2**k, 2 if k and not j else 1))
                channels = width * 2**k
        self.norm = nn.BatchNorm2d(width)
        self.stem = nn.Conv2d(i, width, 7, 2, 3, bias=False)
    def forward(self, X):
        X = F.max_pool2d(F.relu(self.norm(self.stem(X))), 3, 2, 1)
        for block in self.blocks:
            X = block(X)
        return self.fc(X.mean((2, 3)))
def basic_resnet(depth, width=64, in_channels=1, num_classes=10):
    if depth not in (18, 34):
        raise ValueError
    return Net(blocks_of[depth], width, in_channels, num_classes)
""",
)
right(
    "5.3",
    "torchvision's blocks, with a norm on the shortcut",
    """
from torchvision.models.resnet import BasicBlock
blocks_of = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}
def block(i, o, use_1x1conv=False, strides=1):
    down = nn.Sequential(nn.Conv2d(i, o, 1, strides, bias=False), nn.BatchNorm2d(o)) if use_1x1conv else None
    return BasicBlock(i, o, strides, down)
def basic_resnet(depth, width=64, in_channels=1, num_classes=10):
    if depth not in {18, 34}: raise ValueError("no basic blocks")
    stem = nn.Sequential(nn.LazyConv2d(width, 7, 2, 3), nn.LazyBatchNorm2d(), nn.ReLU(), nn.MaxPool2d(3, 2, 1))
    return d2l.resnet(stem, blocks_of[depth], width, num_classes, block)
""",
)
wrong("5.3", "one block too few in 101", table_and_net(TABLE.replace("23", "22")), "3·32 . 2 = 98 layers, not 101")
wrong("5.3", "layers for blocks", table_and_net(TABLE.replace("[2, 2, 2, 2]", "[4, 4, 4, 4]")), "counts layers")
TEXT_KEYS = TABLE + "blocks_of = {str(depth): counts for depth, counts in blocks_of.items()}\n"
wrong("5.3", "texts for keys", table_and_net(TEXT_KEYS), "yours are texts, such as '18'")
wrong("5.3", "two columns only", table_and_net("blocks_of = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3)}\n"), "no entry for")
wrong(
    "5.3", "right sum, wrong stages", table_and_net(TABLE.replace("[3, 8, 36, 3]", "[3, 4, 40, 3]")), "in another way"
)
wrong(
    "5.3",
    "50 of basic blocks",
    table_and_net(TABLE.replace("50: [3, 4, 6, 3]", "50: [3, 6, 12, 3]")),
    "blocks of two layers",
)
wrong("5.3", "no error for 50", table_and_net(guard=""), "bottlenecks")
wrong(
    "5.3",
    "always ResNet-18",
    table_and_net(last="    return d2l.resnet(stem, (2, 2, 2, 2), width, num_classes)\n"),
    "runs 16 convolutions with a window of 3, so 18 layers",
)
wrong(
    "5.3",
    "as many layers in the wrong stages",
    table_and_net(
        last="    counts = (2, 2, 2, 2) if depth == 18 else (4, 4, 4, 4)\n" + LAST.replace("blocks_of[depth]", "counts")
    ),
    r"\[4, 4, 4, 4\] blocks of \[6, 12, 24, 48\] channels",
)
STAGES = """    parts, c = [stem], width
    for i, count in enumerate(blocks_of[depth]):
        parts += d2l.resnet_block(c, width * 2**i, count{first})
        c = width * 2**i
    return nn.Sequential(*parts, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(c, num_classes))
"""
wrong("5.3", "stage 1 halves", table_and_net(last=STAGES.format(first="")), "first_block=True")
wrong(
    "5.3",
    "every block halves",
    table_and_net(
        last="""    parts, c = [stem], width
    for i, count in enumerate(blocks_of[depth]):
        for j in range(count):
            parts.append(d2l.Residual(c, width * 2**i, use_1x1conv=i > 0, strides=2 if i > 0 else 1))
            c = width * 2**i
    return nn.Sequential(*parts, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(c, num_classes))
"""
    ),
    "in their first block",
)
wrong(
    "5.3",
    "a 1×1 convolution in the last block, too",
    table_and_net(
        last="""    parts, c = [stem], width
    for i, count in enumerate(blocks_of[depth]):
        for j in range(count):
            first, last = i > 0 and j == 0, i == 3 and j == count - 1
            parts.append(d2l.Residual(c, width * 2**i, use_1x1conv=first or last, strides=2 if first else 1))
            c = width * 2**i
    return nn.Sequential(*parts, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(c, num_classes))
"""
    ),
    "^(?!.*stage 1 has).*runs 4 1×1 convolutions.*in their first block",
)
wrong(
    "5.3",
    "width not passed on",
    table_and_net(HEAD.join([TABLE, "    width = 64\n"]), guard="").replace(HEAD + STEM, STEM),
    "64 channels",
)
wrong(
    "5.3",
    "classes not passed on",
    table_and_net(last=LAST.replace(", num_classes", "")),
    "num_classes is not passed on",
)
wrong("5.3", "channels not passed on", table_and_net(stem=STEM.replace("in_channels", "1")), "takes 1 channels")
wrong("5.3", "plain blocks", table_and_net(last=LAST.replace("num_classes)", "num_classes, d2l.Plain)")), "none runs")
wrong(
    "5.3",
    "no max-pool",
    table_and_net(stem=STEM.replace("        nn.MaxPool2d(kernel_size=3, stride=2, padding=1),\n", "")),
    "lacks its max-pool",
)
wrong("5.3", "no ReLU in the stem", table_and_net(stem=STEM.replace("        nn.ReLU(),\n", "")), "lacks its ReLU")
wrong(
    "5.3",
    "no batch norm in the stem",
    table_and_net(stem=STEM.replace("        nn.BatchNorm2d(width),\n", "")),
    "batch norms",
)
wrong(
    "5.3",
    "a stem of 3×3",
    table_and_net(stem=STEM.replace("kernel_size=7, stride=2, padding=3", "kernel_size=3, padding=1")),
    "0 convolutions with a window of 7",
)
wrong("5.3", "no return", table_and_net(last=LAST.replace("return ", "")), "should be an nn.Module")
FORGETS = """    class Forgets(d2l.Residual):
        def forward(self, X):
            {body}
    return d2l.resnet(stem, blocks_of[depth], width, num_classes, Forgets)
"""
wrong(
    "5.3",
    "sneaky: the shortcut runs and is not added",
    table_and_net(
        last=FORGETS.format(
            body="""shortcut = self.conv3 and self.conv3(X)
            return F.relu(self.bn2(self.conv2(F.relu(self.bn1(self.conv1(X))))))"""
        )
    ),
    "do not add their input",
)
wrong(
    "5.3",
    "sneaky: no ReLU after the addition",
    table_and_net(
        last=FORGETS.format(
            body="""Y = F.relu(self.bn1(self.conv1(X)))
            return self.bn2(self.conv2(Y)) + (self.conv3(X) if self.conv3 else X)"""
        )
    ),
    "ReLU after the addition",
)
wrong(
    "5.3",
    "softmax at the end",
    table_and_net(
        last="    return nn.Sequential(d2l.resnet(stem, blocks_of[depth], width, num_classes), nn.Softmax(dim=1))\n"
    ),
    "softmax",
)
wrong(
    "5.3",
    "sneaky: maximum for mean at the end",
    table_and_net(last=LAST.replace("return", "net =") + "    net[5] = nn.AdaptiveMaxPool2d(1)\n    return net\n"),
    "does not compute",
)

wrong(
    "5.3",
    "sneaky: dropout",
    table_and_net(last=LAST.replace("return", "net =") + "    net.insert(7, nn.Dropout())\n    return net\n"),
    "Is there dropout",
)
wrong(
    "5.3",
    "sneaky: no gradient",
    table_and_net(
        last=LAST.replace("return", "net =") + "    net.forward = torch.no_grad()(net.forward)\n    return net\n"
    ),
    "no gradient",
)

# 5.4: a mistake that a fresh net hides

right(
    "5.4",
    "mean and shift exchanged",
    """
def unnoticed_map(state):
    other = {"running_mean": "bias", "bias": "running_mean"}
    def partner(name):
        start, _, end = name.rpartition(".")
        return f"{start}.{other[end]}" if f"{start}.running_mean" in state and end in other else name
    return {name: state[partner(name)].clone() for name in state}
""",
)
right(
    "5.4",
    "channels of one batch norm in reverse order",
    """
from collections import OrderedDict
def unnoticed_map(state_dict):
    new = OrderedDict((k, v.detach().clone()) for k, v in state_dict.items())
    for k in ("weight", "bias", "running_mean", "running_var"):
        new["0.1." + k] = torch.flip(new["0.1." + k], dims=[0])
    return new
""",
)
right(
    "5.4",
    "scale forgotten",
    """
def unnoticed_map(s):
    return s | {n: torch.ones_like(v) for n, v in s.items() if "bn" in n and n.endswith("weight")}
""",
)
right(
    "5.4",
    "blocks of a stage take each other's norms",
    """
def unnoticed_map(state):
    new = dict(state)
    for name in state:
        if name.startswith("2.0.bn"):
            other = "2.1" + name[3:]
            new[name], new[other] = state[other].double(), state[name].double()
    return new
""",
)
right(
    "5.4",
    "loaded into a net whose statistics were not copied",
    """
def unnoticed_map(state):
    fresh = d2l.resnet18(width=state["0.0.weight"].shape[0]).state_dict()
    return {name: fresh[name] if "running" in name else value for name, value in state.items()}
""",
)
needs("5.4", "swap")
right(
    "5.4",
    "with the notebook's swap, one norm",
    """
def unnoticed_map(state):
    return swap(state, "4.1.bn1.running_mean", "4.1.bn1.bias")
""",
)
SWAP = """
def unnoticed_map(state):
    def other(name):
        return name.replace({0!r}, "?").replace({1!r}, {0!r}).replace("?", {1!r}) if {2} else name
    return {{name: state[other(name)] for name in state}}
"""
wrong("5.4", "nothing changed", "def unnoticed_map(state):\n    return dict(state)", "every number is as it was")
wrong("5.4", "the table's swap", SWAP.format("bn1", "bn2", "name[0] in '1234'"), "notebook's table")
wrong("5.4", "the table's swap in one stage", SWAP.format("bn1", "bn2", "name[0] == '3'"), "notebook's table")
wrong(
    "5.4",
    "the table's bias",
    """
def unnoticed_map(state):
    return {n: torch.zeros_like(v) if n.endswith("conv3.bias") else v for n, v in state.items()}
""",
    "notebook's table",
)
PARTLY = """
def unnoticed_map(state):
    new = {{name: value.clone() for name, value in state.items()}}
    for name in new:
        if {}
    return new
"""
for name, line in (
    ("one bias of one shortcut lost", "name == '2.0.conv3.bias': new[name][0] = 0"),
    ("every other bias of the shortcuts lost", "name.endswith('conv3.bias'): new[name][::2] = 0"),
    ("three channels of two norms exchanged", "name.startswith('2.1.bn') and new[name].dim(): "
     "new[name][..., :3] = state[name.replace('bn1', '?').replace('bn2', 'bn1')"
     ".replace('?', 'bn2')][..., :3]"),
    ("one channel of all means exchanged", "name[0] in '1234' and name.endswith('running_mean'): "
     "new[name][1] = state[name.replace('bn1', '?').replace('bn2', 'bn1').replace('?', 'bn2')][1]"),
):  # fmt: skip
    wrong("5.4", name, PARTLY.format(line), "notebook's table")
right("5.4", "signs of the shortcuts' biases", PARTLY.format("name.endswith('conv3.bias'): new[name].neg_()"))
right("5.4", "channels of a norm reversed", PARTLY.format("name.startswith('2.1.bn1.') and new[name].dim(): "
                                                          "new[name] = new[name].flip(0)"))  # fmt: skip
right("5.4", "one channel of a mean set to 0", PARTLY.format("name == '2.1.bn1.running_mean': new[name][0] = 0"))
wrong("5.4", "convolutions swapped", SWAP.format("conv1", "conv2", "name.startswith('1.1')"), "random from the start")
wrong("5.4", "scale and shift exchanged", SWAP.format("weight", "bias", "'bn' in name"), "a scale is 1")
wrong("5.4", "mean and variance exchanged", SWAP.format("mean", "var", "'running' in name"), "a variance is 1")
wrong(
    "5.4",
    "biases of one",
    """
def unnoticed_map(state):
    return {n: v + 1 if n.endswith("bias") and "bn" in n else v for n, v in state.items()}
""",
    "shift or bias is 0",
)
wrong(
    "5.4",
    "names of torchvision",
    """
def unnoticed_map(state):
    return {"layer" + name: value for name, value in state.items()}
""",
    "names do not fit",
)
wrong(
    "5.4",
    "a name left out",
    """
def unnoticed_map(state):
    return {name: value for name, value in state.items() if "running_mean" not in name}
""",
    "names do not fit. missing",
)
wrong(
    "5.4",
    "wrong shapes",
    """
def unnoticed_map(state):
    return {n: torch.ones(64) if n.endswith("running_var") else v for n, v in state.items()}
""",
    "width 8",
)
wrong(
    "5.4",
    "in place",
    """
def unnoticed_map(state):
    for name in state:
        if name.endswith("running_var"):
            state[name].sqrt_()
    return state
""",
    "changed the state",
)
wrong(
    "5.4",
    "the counter only",
    """
def unnoticed_map(state):
    return {n: v * 0 if n.endswith("tracked") else v for n, v in state.items()}
""",
    "not used in eval mode",
)
wrong("5.4", "no return", "def unnoticed_map(state):\n    state = dict(state)", "returns None")
wrong(
    "5.4",
    "biases in front of a norm, which are zero",
    """
def unnoticed_map(state):
    return {n: v * 0 if n.endswith(("conv1.bias", "conv2.bias")) else v for n, v in state.items()}
""",
    "every number is as it was",
)
wrong(
    "5.4",
    "sneaky: another scale that batch norm undoes",
    """
def unnoticed_map(state):
    new = dict(state)
    new["1.0.bn1.running_mean"] = state["1.0.bn1.running_mean"] * 1.0
    new["1.0.bn1.weight"] = state["1.0.bn1.weight"] * (1 + 1e-5)
    return new
""",
    "not the function",
)
wrong(
    "5.4",
    "sneaky: not a number",
    """
def unnoticed_map(state):
    return {n: v * float("nan") if n.endswith("running_mean") else v for n, v in state.items()}
""",
    "not finite",
)
wrong(
    "5.4",
    "sneaky: the table's two at once, and the counter",
    """
def unnoticed_map(state):
    def other(name):
        return name.replace("bn1", "?").replace("bn2", "bn1").replace("?", "bn2")
    new = {n: state[other(n)] if n[0] in "1234" else v for n, v in state.items()}
    return {n: v * 0 if n.endswith(("conv3.bias", "tracked")) else v for n, v in new.items()}
""",
    "notebook's table",
)
wrong(
    "5.4",
    "sneaky: same function by scaling a channel",
    """
def unnoticed_map(state):
    new = dict(state)
    for end in ("weight", "bias"):
        new["1.0.bn1." + end] = state["1.0.bn1." + end] * 2
    new["1.0.conv2.weight"] = state["1.0.conv2.weight"] / 2
    return new
""",
    "not the function",
)

# 5.5: the bottleneck

BOTTLENECK = """
class Bottleneck(nn.Module):
    def __init__(self, input_channels, bottleneck_channels, use_1x1conv=False, strides=1):
        super().__init__()
        i, b, o, s = input_channels, bottleneck_channels, 4 * bottleneck_channels, strides
        self.conv1 = nn.Conv2d(i, b, kernel_size=1)
        self.conv2 = nn.Conv2d(b, b, kernel_size=3, padding=1, stride=s)
        self.conv3 = nn.Conv2d(b, o, kernel_size=1)
        self.conv4 = nn.Conv2d(i, o, kernel_size=1, stride=s) if use_1x1conv else None
        self.bn1, self.bn2, self.bn3 = nn.BatchNorm2d(b), nn.BatchNorm2d(b), nn.BatchNorm2d(o)
    def forward(self, X):
        Y = F.relu(self.bn1(self.conv1(X)))
        Y = F.relu(self.bn2(self.conv2(Y)))
        Y = self.bn3(self.conv3(Y))
        X = self.conv4(X) if self.conv4 else X
        return F.relu(Y + X)
"""


def bottleneck(*changes):
    code = BOTTLENECK
    for old, new in changes:
        assert old in code
        code = code.replace(old, new)
    return code


right(
    "5.5",
    "stride on the first convolution, Sequential, no biases",
    """
class Bottleneck(nn.Module):
    def __init__(self, c, b, project=False, s=1):
        super().__init__()
        self.add = nn.Conv2d(c, 4 * b, 1, s, bias=False) if project else nn.Identity()
        self.main = nn.Sequential(
            nn.Conv2d(c, b, 1, stride=s, bias=False), nn.BatchNorm2d(b), nn.ReLU(inplace=True),
            nn.Conv2d(b, b, 3, padding="same", bias=False), nn.BatchNorm2d(b), nn.ReLU(inplace=True),
            nn.Conv2d(b, b * 4, 1, bias=False), nn.BatchNorm2d(b * 4),
        )
    def forward(self, x):
        return (self.add(x) + self.main(x)).clamp(min=0)
""",
)
right(
    "5.5",
    "a norm on the shortcut, layers in reverse order",
    """
class Bottleneck(nn.Module):
    expansion = 4
    def __init__(self, input_channels, bottleneck_channels, use_1x1conv=False, strides=1):
        super().__init__()
        out, mid = self.expansion * bottleneck_channels, bottleneck_channels
        self.downsample = None
        if use_1x1conv:
            self.downsample = nn.Sequential(nn.Conv2d(input_channels, out, 1, strides, bias=False), nn.BatchNorm2d(out))
        self.relu = nn.ReLU(inplace=True)
        self.norm_c, self.norm_b, self.norm_a = nn.BatchNorm2d(out), nn.BatchNorm2d(mid), nn.BatchNorm2d(mid)
        self.c = nn.Conv2d(mid, out, 1, bias=False)
        self.b = nn.Conv2d(mid, mid, 3, strides, 1, bias=False)
        self.a = nn.Conv2d(input_channels, mid, 1, bias=False)
    def forward(self, x):
        out = self.relu(self.norm_a(self.a(x)))
        out = self.relu(self.norm_b(self.b(out)))
        out = self.norm_c(self.c(out))
        out += x if self.downsample is None else self.downsample(x)
        return self.relu(out)
""",
)
right(
    "5.5",
    "lazy layers, as in newer editions of the book",
    """
class Bottleneck(nn.Module):
    def __init__(self, input_channels, bottleneck_channels, use_1x1conv=False, strides=1):
        super().__init__()
        def norm_relu(*more): return nn.Sequential(nn.LazyBatchNorm2d(), *more)
        self.layers = nn.ModuleList([
            nn.LazyConv2d(bottleneck_channels, kernel_size=1), norm_relu(nn.ReLU()),
            nn.LazyConv2d(bottleneck_channels, kernel_size=3, padding=1, stride=strides), norm_relu(nn.ReLU()),
            nn.LazyConv2d(4 * bottleneck_channels, kernel_size=1), norm_relu(),
        ])
        self.shortcut = nn.LazyConv2d(4 * bottleneck_channels, kernel_size=1, stride=strides) if use_1x1conv else None
        self.note = "an attribute more"
    def forward(self, X):
        Y = X
        for layer in self.layers:
            Y = layer(Y)
        return torch.relu(Y + (self.shortcut(X) if self.shortcut else X))
""",
)
right(
    "5.5",
    "a function that makes the block, from Residual",
    """
def Bottleneck(input_channels, bottleneck_channels, use_1x1conv=False, strides=1):
    class Block(d2l.Residual):
        def __init__(self):
            nn.Module.__init__(self)
            b, out = bottleneck_channels, bottleneck_channels * 4
            self.conv1, self.conv2 = nn.Conv2d(input_channels, b, 1), nn.Conv2d(b, b, 3, strides, 1)
            self.conv3 = nn.Conv2d(input_channels, out, 1, strides) if use_1x1conv else None
            self.conv4, self.bn4 = nn.Conv2d(b, out, 1), nn.BatchNorm2d(out)
            self.bn1, self.bn2 = nn.BatchNorm2d(b), nn.BatchNorm2d(b)
        def forward(self, X):
            Y = self.bn2(self.conv2(self.bn1(self.conv1(X)).relu())).relu()
            Y = self.bn4(self.conv4(Y))
            return F.relu(Y + (X if self.conv3 is None else self.conv3(X)))
    return Block()
""",
)
wrong("5.5", "the input is not added", bottleneck(("F.relu(Y + X)", "F.relu(Y)")), "is it added")
wrong("5.5", "F alone", bottleneck(("F.relu(Y + X)", "Y")), "it is F.x. alone")
wrong("5.5", "no last ReLU", bottleneck(("F.relu(Y + X)", "Y + X")), "after the addition is missing")
wrong("5.5", "ReLU before the addition", bottleneck(("F.relu(Y + X)", "F.relu(Y) + X")), "comes before the addition")
wrong("5.5", "a ReLU too many", bottleneck(("F.relu(Y + X)", "F.relu(F.relu(Y) + X)")), "too many")
wrong(
    "5.5",
    "no ReLU after the first",
    bottleneck(("F.relu(self.bn1(self.conv1(X)))", "self.bn1(self.conv1(X))")),
    "between the first convolution and the second",
)
wrong(
    "5.5",
    "no ReLU in between",
    bottleneck(
        ("F.relu(self.bn1(self.conv1(X)))", "self.bn1(self.conv1(X))"),
        ("F.relu(self.bn2(self.conv2(Y)))", "self.bn2(self.conv2(Y))"),
    ),
    "the three are one",
)
wrong(
    "5.5",
    "no batch norms",
    bottleneck(
        ("self.bn1, self.bn2, self.bn3 = nn.BatchNorm2d(b), nn.BatchNorm2d(b), nn.BatchNorm2d(o)", "pass"),
        ("self.bn1(self.conv1(X))", "self.conv1(X)"),
        ("self.bn2(self.conv2(Y))", "self.conv2(Y)"),
        ("self.bn3(self.conv3(Y))", "self.conv3(Y)"),
    ),
    "no batch norm",
)
wrong(
    "5.5",
    "a norm made and not used",
    bottleneck(("self.bn3(self.conv3(Y))", "self.conv3(Y)")),
    "one is made and not used",
)
wrong(
    "5.5",
    "one norm for two",
    bottleneck(
        ("nn.BatchNorm2d(b), nn.BatchNorm2d(b), nn.BatchNorm2d(o)", "nn.BatchNorm2d(b), None, nn.BatchNorm2d(o)"),
        ("self.bn2(", "self.bn1("),
    ),
    "one of its own",
)
wrong("5.5", "one norm used twice", bottleneck(("self.bn2(", "self.bn1(")), "used twice")
wrong(
    "5.5",
    "no expansion",
    bottleneck(("o, s = input_channels, bottleneck_channels, 4 *", "o, s = input_channels, bottleneck_channels,")),
    r"4·bottleneck_channels",
)
wrong(
    "5.5",
    "the output is what the argument says",
    bottleneck(
        (
            "i, b, o, s = input_channels, bottleneck_channels, 4 * bottleneck_channels, strides",
            "i, b, o, s = input_channels, bottleneck_channels // 4, bottleneck_channels, strides",
        ),
    ),
    r"four times as many come out|4·bottleneck_channels",
)
wrong(
    "5.5",
    "two 3×3 convolutions",
    bottleneck(("nn.Conv2d(i, b, kernel_size=1)", "nn.Conv2d(i, b, kernel_size=3, padding=1)")),
    "3×3 window there",
)
wrong(
    "5.5",
    "1×1 in the middle",
    bottleneck(("nn.Conv2d(b, b, kernel_size=3, padding=1,", "nn.Conv2d(b, b, kernel_size=1,")),
    "see no neighbors",
)
wrong(
    "5.5",
    "3×3 on the shortcut",
    bottleneck(("nn.Conv2d(i, o, kernel_size=1, stride=s)", "nn.Conv2d(i, o, kernel_size=3, padding=1, stride=s)")),
    "nine times the weights",
)
wrong(
    "5.5", "no stride on the shortcut", bottleneck(("kernel_size=1, stride=s)", "kernel_size=1)")), "lacks the stride"
)
wrong(
    "5.5",
    "stride twice",
    bottleneck(("nn.Conv2d(i, b, kernel_size=1)", "nn.Conv2d(i, b, kernel_size=1, stride=s)")),
    "more than one convolution",
)
wrong(
    "5.5",
    "no stride on the main way",
    bottleneck((", padding=1, stride=s)", ", padding=1)")),
    "no convolution of the main way",
)
wrong("5.5", "no padding", bottleneck((", padding=1,", ",")), "no padding")
wrong(
    "5.5",
    "padding of the 1×1",
    bottleneck(("nn.Conv2d(b, o, kernel_size=1)", "nn.Conv2d(b, o, kernel_size=1, padding=1)")),
    "padding, so its maps are larger",
)
wrong("5.5", "shortcut always", bottleneck((" if use_1x1conv else None", "")), "plain input")
wrong(
    "5.5",
    "stride on the last",
    bottleneck(
        (", padding=1, stride=s)", ", padding=1)"),
        ("nn.Conv2d(b, o, kernel_size=1)", "nn.Conv2d(b, o, kernel_size=1, stride=s)"),
    ),
    "last convolution has the stride",
)
wrong(
    "5.5",
    "ReLU before the norm",
    bottleneck(
        ("F.relu(self.bn1(self.conv1(X)))", "self.bn1(F.relu(self.conv1(X)))"),
        ("F.relu(self.bn2(self.conv2(Y)))", "self.bn2(F.relu(self.conv2(Y)))"),
    ),
    "ReLU comes before batch norm",
)
wrong("5.5", "the input changed in place", bottleneck(("F.relu(Y + X)", "F.relu(X.add_(Y))")), "changed its input")
wrong("5.5", "super forgotten", bottleneck(("super().__init__()", "pass")), "raised AttributeError")
wrong("5.5", "forward without return", bottleneck(("return F.relu(Y + X)", "F.relu(Y + X)")), "should be a tensor")
wrong("5.5", "sneaky: the shortcut is detached", bottleneck(("F.relu(Y + X)", "F.relu(Y + X.detach())")), "detached")
wrong(
    "5.5",
    "sneaky: nothing can learn",
    bottleneck(("return F.relu(Y + X)", "return F.relu(Y + X).detach()")),
    "no gradient",
)
wrong(
    "5.5",
    "sneaky: adds in eval mode only",
    bottleneck(("F.relu(Y + X)", "F.relu(Y if self.training else Y + X)")),
    "train mode",
)
wrong(
    "5.5",
    "sneaky: depthwise in the middle",
    bottleneck(("padding=1, stride=s)", "padding=1, stride=s, groups=b)")),
    "needs one 3×3 convolution",
)
wrong("5.5", "sneaky: half of the input", bottleneck(("F.relu(Y + X)", "F.relu(Y + X / 2)")), "is not relu")
wrong(
    "5.5",
    "sneaky: before the convolutions, the newer order",
    """
class Bottleneck(nn.Module):
    def __init__(self, c, b, use_1x1conv=False, s=1):
        super().__init__()
        self.n = nn.ModuleList([nn.BatchNorm2d(c), nn.BatchNorm2d(b), nn.BatchNorm2d(b)])
        self.c = nn.ModuleList([nn.Conv2d(c, b, 1), nn.Conv2d(b, b, 3, s, 1), nn.Conv2d(b, 4 * b, 1)])
        self.skip = nn.Conv2d(c, 4 * b, 1, s) if use_1x1conv else nn.Identity()
    def forward(self, X):
        Y = X
        for norm, conv in zip(self.n, self.c):
            Y = conv(F.relu(norm(Y)))
        return F.relu(Y + self.skip(X))
""",
    "come before the convolutions",
)
wrong("5.5", "sneaky: ReLU6", bottleneck(("F.relu(Y + X)", "F.relu6(Y + X)")), "is not relu")
wrong(
    "5.5",
    "sneaky: dropout",
    bottleneck(("F.relu(Y + X)", "F.relu(F.dropout(Y, 0.5, self.training) + X)")),
    "train mode",
)
wrong("5.5", "sneaky: adds a copy of the main way", bottleneck(("F.relu(Y + X)", "F.relu(Y + Y)")), "is not relu")
wrong(
    "5.5",
    "sneaky: the channels decide, not the argument",
    """
class Bottleneck(nn.Module):
    def __init__(self, a, c, use_1x1conv=False, s=1):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(a, c, 1, s), nn.BatchNorm2d(c), nn.ReLU(),
            nn.Conv2d(c, c, 3, padding=1), nn.BatchNorm2d(c), nn.ReLU(),
            nn.Conv2d(c, 4 * c, 1), nn.BatchNorm2d(4 * c),
        )
        self.short = nn.Conv2d(a, 4 * c, 1, s) if a != 4 * c else nn.Identity()
    def forward(self, X):
        return F.relu(self.body(X) + self.short(X))
""",
    "use_1x1conv decides",
)
wrong(
    "5.5",
    "in groups",
    bottleneck(("kernel_size=3, padding=1", "kernel_size=3, groups=bottleneck_channels, padding=1")),
    "With groups",
)

# From a second trial: answers written to slip through

right("5.1", "zip, not a list", "photo_maps = zip([64, 64, 128, 256, 512], [25, 25, 13, 7, 4], [38, 38, 19, 10, 5])")
right(
    "5.1",
    "a dictionary's values",
    """
photo_maps = {"stem": (64, 25, 38), "1": (64, 25, 38), "2": (128, 13, 19), "3": (256, 7, 10), "4": (512, 4, 5)}.values()
""",
)
for name, answer, cause in (
    ("left in 64 bits", hooks(before="net.double().eval(); X = X.double()"), "0.0.weight came as torch.float32"),
    ("weights frozen", hooks(before="net.eval().requires_grad_(False)"), "0.0.weight asks for no gradient any more"),
    (
        "a hook of the backward pass left",
        hooks(after=hooks.__defaults__[3] + "; net[0].register_full_backward_hook(print)"),
        "0 has a hook more",
    ),
    ("X changed", hooks(after=hooks.__defaults__[3] + "; X.zero_()"), "X is not left as it came"),
    (
        "momentum 0 for the norms",
        hooks(before="[setattr(m, 'momentum', 0.0) for m in net.modules() if hasattr(m, 'momentum')]"),
        "0.1.momentum was 0.1 and is 0.0",
    ),
    ("three images by heart", hooks(note="counts[name] = 3 * output[0].numel()"), "the count of '0.0' is 360"),
    ("the first answer for ever", "kept = {}\n" + hooks(result="kept.setdefault(0, counts)"), "earlier call"),
    (
        "statistics reset afterwards",
        hooks(
            after=hooks.__defaults__[3] + "; [m.reset_running_stats() for m in net.modules() if 'Norm' in str(type(m))]"
        ),
        "running_mean has other numbers",
    ),
    (
        "a hook that returns the count",
        hooks(note="counts[name] = output.numel(); return counts[name]"),
        "does yours return None",
    ),
    (
        "a hook that returns a tensor",
        hooks(note="counts[name] = output.numel(); return torch.tensor(counts[name])"),
        "does yours return None",
    ),
    ("an invented dictionary", "def numbers_kept(net, X):\n    return {'0.0': 630}\n" + BEST, "are missing"),
):
    wrong("5.2", name, answer, cause)
wrong(
    "5.2",
    "stages for layers",
    """
def numbers_kept(net, X):
    counts = {}
    for name, part in copy.deepcopy(net).eval().named_children():
        X = part(X)
        counts[name] = X.numel()
    return counts
"""
    + "import copy\n"
    + BEST,
    "it is the layers in them that count",
)
wrong(
    "5.2",
    "forward replaced, and left so",
    """
def numbers_kept(net, X):
    counts, training = {}, net.training
    for name, module in net.named_modules():
        if not any(module.children()):
            def forward(Z, name=name, old=module.forward):
                Y = old(Z)
                counts[name] = Y.numel()
                return Y
            module.forward = forward
    net.eval()(X)
    net.train(training)
    return counts
"""
    + BEST,
    "has other layers",
)

WITH_KEY_ERROR = """    try:
        counts = {18: blocks_of[18], 34: blocks_of[34]}[depth]
    except KeyError:
        raise ValueError(f"no basic blocks make {depth} layers") from None
"""
right(
    "5.3",
    "a KeyError made a ValueError",
    table_and_net(guard=WITH_KEY_ERROR, last=LAST.replace("blocks_of[depth]", "counts")),
)
right(
    "5.3",
    "an error of its own",
    "class BadDepth(ValueError): pass\n" + table_and_net(guard=GUARD.replace("ValueError", "BadDepth")),
)
right(
    "5.3",
    "by the sum",
    table_and_net(guard="    if 2 * sum(blocks_of.get(depth, ())) + 2 != depth:\n        raise ValueError\n"),
)
AFTER = LAST.replace("return", "net =") + "    {change}\n    return net\n"
REPEATED = """    layers, c = [stem], width
    for i, n in enumerate(blocks_of[depth]):
        block = d2l.Residual(width * 2**i, width * 2**i)
        first = d2l.Residual(c, width * 2**i, use_1x1conv=i > 0, strides=2 if i else 1)
        layers, c = [*layers, first, *[block] * (n - 1)], width * 2**i
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(c, num_classes))
"""
for name, answer, cause in (
    ("[block] * n", table_and_net(last=REPEATED), r"\[block\] \* n repeats one block"),
    ("one block at two places", table_and_net(last=AFTER.format(change="net[1][1] = net[1][0]")), "one and the same"),
    (
        "one norm for two",
        table_and_net(last=AFTER.format(change="net[1][1].bn1 = net[1][0].bn1")),
        "norm runs more than once",
    ),
    (
        "weights tied",
        table_and_net(last=AFTER.format(change="net[1][1].conv1.weight = net[1][0].conv1.weight")),
        "share their weights",
    ),
    ("a frozen stem", table_and_net(last=AFTER.format(change="net[0].requires_grad_(False)")), "frozen"),
    (
        "KeyError",
        table_and_net(guard=GUARD.replace("ValueError", "KeyError")),
        r"basic_resnet\(50\) raises KeyError.*asks for a ValueError",
    ),
    ("assert", table_and_net(guard="    assert depth in (18, 34)\n"), "raises AssertionError.*asks for a ValueError"),
    (
        "KeyError for depths that are not in the table",
        table_and_net(guard="    if 2 + 2 * sum(blocks_of[depth]) != depth:\n        raise ValueError\n"),
        "20.* raises KeyError",
    ),
    (
        "18 for every unknown depth",
        table_and_net(
            guard="    if depth in (50, 101, 152):\n        raise ValueError\n    depth = 34 if depth == 34 else 18\n"
        ),
        "20.* returns a net",
    ),
    (
        "152 forgotten",
        table_and_net(guard="    if depth in (50, 101):\n        raise ValueError\n"),
        "152.* returns a net",
    ),
    ("ValueError returned", table_and_net(guard=GUARD.replace("raise", "return")), "returns ValueError"),
    (
        "another default width",
        table_and_net().replace("width=64", "width=16"),
        "width=16, in_channels=1.*the defaults are 64",
    ),
    (
        "other default classes",
        table_and_net().replace("num_classes=10", "num_classes=1000"),
        "num_classes=1000.*the defaults are",
    ),
    (
        "another default of channels",
        table_and_net().replace("in_channels=1", "in_channels=3"),
        "in_channels=3.*the defaults are",
    ),
    (
        "no defaults",
        table_and_net().replace("width=64, in_channels=1, num_classes=10", "width, in_channels, num_classes"),
        "missing 3 required",
    ),
    ("channels by heart", table_and_net(stem=STEM.replace("in_channels", "3")), "takes 3 channels"),
    ("classes by heart", table_and_net(last=LAST.replace("num_classes", "7")), "7 scores where 5"),
    (
        "the shortcut detached",
        table_and_net(
            last=FORGETS.format(
                body="""Y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(X)))))
            return F.relu(Y + (self.conv3(X) if self.conv3 else X).detach())"""
            )
        ),
        "not the gradients",
    ),
):
    wrong("5.3", name, answer, cause)

right(
    "5.4",
    "one norm over the other",
    "def unnoticed_map(state):\n    return {k: state[k.replace('bn2', 'bn1')] for k in state}\n",
)
wrong(
    "5.4",
    "16 bits",
    "def unnoticed_map(state):\n    return {k: v.half() for k, v in state.items()}\n",
    "rounded to 16 bits",
)
for name, ending, factor in (
    ("biases of the shortcuts nearly zero", "conv3.bias", "1e-6"),
    ("the linear layer's bias zero", "7.bias", "0"),
    ("the linear layer's weights zero", "7.weight", "0"),
):
    wrong(
        "5.4",
        name,
        f"""
def unnoticed_map(state):
    return {{k: v * {factor} if k.endswith('{ending}') else v for k, v in state.items()}}
""",
        "notebook's table" if "conv" in ending else "The linear layer is random from the start",
    )
wrong(
    "5.4",
    "norms swapped, hardly scaled",
    SWAP.format("bn1", "bn2", "'bn' in name").replace("(name)] for", "(name)] * (1 + 1e-6 * ('bn' in name)) for"),
    "notebook's table",
)
wrong("5.4", "norms swapped in one block", SWAP.format("bn1", "bn2", "name.startswith('3.1')"), "notebook's table")

right(
    "5.5",
    "the last scale zero",
    bottleneck(("nn.BatchNorm2d(o)\n", "nn.BatchNorm2d(o)\n        nn.init.zeros_(self.bn3.weight)\n")),
)
right(
    "5.5",
    "torchvision's own",
    """
from torchvision.models.resnet import Bottleneck as Theirs
def Bottleneck(input_channels, bottleneck_channels, use_1x1conv=False, strides=1):
    shortcut = nn.Conv2d(input_channels, 4 * bottleneck_channels, 1, strides, bias=False) if use_1x1conv else None
    return Theirs(input_channels, bottleneck_channels, strides, shortcut)
""",
)
STRIDE = "stride=2 if s > 1 else 1)"
for name, answer, cause in (
    (
        "frozen",
        bottleneck(("nn.BatchNorm2d(o)\n", "nn.BatchNorm2d(o)\n        self.conv2.requires_grad_(False)\n")),
        "conv2.weight cannot learn",
    ),
    (
        "strides of 2 by heart",
        bottleneck(
            ("padding=1, stride=s)", "padding=1, " + STRIDE), ("kernel_size=1, stride=s)", "kernel_size=1, " + STRIDE)
        ),
        r"15, 3, True, 3.*expected \(2, 12, 3, 2\)",
    ),
    (
        "16 channels by heart",
        bottleneck(("bottleneck_channels, 4 * bottleneck_channels", "bottleneck_channels, 16")),
        "from 3 to 12 channels",
    ),
    (
        "4 channels by heart",
        bottleneck(("bottleneck_channels, 4 * bottleneck_channels", "4, 16")),
        "from 15 to 3 channels",
    ),
    (
        "a norm runs once more",
        bottleneck(
            (
                "Y = F.relu(self.bn1(self.conv1(X)))",
                "self.bn1(self.conv1(X))\n        Y = F.relu(self.bn1(self.conv1(X)))",
            )
        ),
        "runs twice in one pass",
    ),
    (
        "running statistics always",
        bottleneck(
            (
                "Y = self.bn3(self.conv3(Y))",
                "n = self.bn3.eval()\n        Y = n(self.conv3(Y))",
            )
        ),
        "in train mode it computes something else",
    ),
    (
        "another default stride",
        bottleneck(("strides=1", "strides=2")),
        "has the stride 2; strides is not given.*default",
    ),
    (
        "strides before use_1x1conv",
        bottleneck(("use_1x1conv=False, strides=1", "strides=1, use_1x1conv=False")),
        "strides got True; the third argument is use_1x1conv",
    ),
    (
        "a stride of 2 wherever there is a 1×1 convolution",
        bottleneck(("strides\n", "2 if use_1x1conv else 1\n")),
        r"10, 4, True\): a convolution has the stride 2",
    ),
):
    wrong("5.5", name, answer, cause)

# From a third trial

wrong(
    "5.2",
    "a default that is kept between calls",
    hooks()
    .replace("def numbers_kept(net, X):", "def numbers_kept(net, X, counts={}):")
    .replace("counts, handles = {}, []", "handles = []"),
    "earlier call",
)
wrong(
    "5.2",
    "one dictionary for all calls, emptied first",
    "counts = {}\n" + hooks().replace("counts, handles = {}, []", "handles = []\n    counts.clear()"),
    "what the first returned",
)
wrong(
    "5.2",
    "all hooks cleared",
    hooks(after="net.train(was_training); [m._forward_hooks.clear() for m in net.modules()]"),
    "a hook that the net had is gone; remove your own handles only",
)
wrong(
    "5.2",
    "gradients off for good",
    hooks(before="net.eval(); torch.set_grad_enabled(False)"),
    "gradients are off for the whole session",
)
wrong(
    "5.3",
    "a head without bias",
    table_and_net(
        last=LAST.replace("return", "net =")
        + "    net[7] = nn.Linear(8 * width, num_classes, bias=False)\n    return net\n"
    ),
    "linear layer has no bias",
)
wrong(
    "5.3",
    "a norm without scale and shift",
    table_and_net(stem=STEM.replace("BatchNorm2d(width)", "BatchNorm2d(width, affine=False)")),
    "no scale and shift",
)
wrong(
    "5.3",
    "a norm without running statistics",
    table_and_net(stem=STEM.replace("BatchNorm2d(width)", "BatchNorm2d(width, track_running_stats=False)")),
    "no running statistics",
)
wrong(
    "5.3",
    "the linear layer is not used",
    table_and_net(
        last="""    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.body = d2l.resnet(stem, blocks_of[depth], width, num_classes)[:5]
            self.fc = nn.Linear(8 * width, num_classes)
        def forward(self, X):
            return self.body(X).mean((2, 3))
    return Net()
"""
    ),
    "made and does not run",
)
wrong(
    "5.4",
    "sneaky: looks at the stem's variance",
    """
def unnoticed_map(state):
    if (state["0.1.running_var"] == 1).all():
        return dict(state)
    return {n: v * 3 if n == "1.0.conv1.weight" or "bn1.weight" in n else v for n, v in state.items()}
""",
    "looks whether the net is fresh",
)
right(
    "5.4",
    "the stem's variance alone",
    "def unnoticed_map(state):\n    return state | {'0.1.running_var': state['0.1.running_var'] ** 2}\n",
)
wrong(
    "5.5",
    "the shortcut in a list",
    bottleneck(
        ("if use_1x1conv else None", "if use_1x1conv else None\n        self.rest, self.conv4 = [self.conv4], None"),
        ("self.conv4(X) if self.conv4 else X", "self.rest[0](X) if self.rest[0] else X"),
    ),
    "a layer in a list or dict is not found",
)
