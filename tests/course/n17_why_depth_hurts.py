"""Answers to the exercises of notebook 17."""

from __future__ import annotations

from collect import needs, right, wrong

MEASURING = ("blocks_of", "in_float64", "inputs_and_loss", "gradient_norms", "growth")
needs("17.1", "in_float64")
needs("17.2", *MEASURING)


# 17.1 Parameters that do nothing


def idle(body: str) -> str:
    """Return an answer to 17.1 with these lines."""
    lines = "".join(f"    {line}\n" for line in body.strip().splitlines())
    return f"def idle_parameters(net, X, y):\n{lines}"


IDLE = """
twin = in_float64(net)
names, parameters = zip(*twin.named_parameters())
gradients = torch.autograd.grad(cross_entropy(twin(X), y), parameters)
return [name for name, g in zip(names, gradients) if g.norm() < 1e-9]
"""

right("17.1", "with backward, a set, elements instead of norms",
      idle("""
twin = copy.deepcopy(net).to(torch.float64)
twin.train()
cross_entropy(twin(X.double()), y).backward()
return {name for name, p in twin.named_parameters() if p.grad.abs().max() < 1e-10}"""))  # fmt: skip
right("17.1", "by pushing each parameter",
      idle("""
twin, found = in_float64(net), []
with torch.no_grad():
    before = cross_entropy(twin(X), y)
    for name, p in twin.named_parameters():
        p += torch.linspace(0.1, 1, p.numel(), dtype=p.dtype).view_as(p)
        if abs(cross_entropy(twin(X), y) - before) < 1e-9:
            found += [name]
        p -= torch.linspace(0.1, 1, p.numel(), dtype=p.dtype).view_as(p)
return tuple(found)"""))  # fmt: skip
right("17.1", "in 32 bits, a generator", idle("""
twin = copy.deepcopy(net).train()
names, parameters = zip(*twin.named_parameters())
norms = [g.norm() for g in torch.autograd.grad(cross_entropy(twin(X.float()), y), parameters)]
return (name for name, norm in zip(names, norms) if norm < 1e-5 * max(norms))"""))  # fmt: skip

for name, code, cause in (
    ("all biases", idle("return [name for name, _ in net.named_parameters() if name.endswith('bias')]"),
     "followed at once by a batch norm"),
    ("the biases of all convolutions",
     idle("return [f'{name}.bias' for name, m in net.named_modules() if isinstance(m, nn.Conv2d)]"),
     "every parameter counts"),
    ("by name", idle("return [n for n, _ in net.named_parameters() if 'conv' in n and n.endswith('bias')]"),
     "0.0.bias is missing"),
    ("of all nets with a norm, the convolutions' biases",
     idle("""
if not any(isinstance(m, nn.BatchNorm2d) for m in net.modules()):
    return []
return [f'{name}.bias' for name, m in net.named_modules() if isinstance(m, nn.Conv2d)]"""),
     "a ReLU before the batch norm you return 0.bias"),
    ("in eval mode", idle(IDLE.replace("in_float64(net)", "in_float64(net).eval()")), "you return nothing"),
    ("in the mode that it comes in", idle(IDLE.replace("in_float64(net)", "copy.deepcopy(net).double()")),
     "comes in eval mode you return nothing"),
    ("exactly zero", idle(IDLE.replace("< 1e-9", "== 0")), "the limit above the rounding|is missing"),
    ("a limit that takes weights, too", idle(IDLE.replace("< 1e-9", "< 0.05 * max(g.norm() for g in gradients)")),
     "a weight|followed at once"),
    ("the large ones", idle(IDLE.replace("< 1e-9", "> 1e-9")), "a weight|followed at once"),
    ("the parameters themselves",
     idle(IDLE.replace("[name for name, g in zip(names", "[name for name, g in zip(parameters")),
     "asked are names"),
    ("the layers' names",
     idle("return [n.rsplit('.', 1)[0] for n, _ in net.named_parameters() if 'conv' in n and n.endswith('bias')]"),
     "ends in .weight or .bias"),
    ("one text", idle("return '0.0.bias'"), "list of names"),
    ("a number", idle("return 7"), "list of names"),
    ("a list, not a function", "idle_parameters = ['0.0.bias']", "should be a function"),
    ("leaves gradients", idle("cross_entropy(net(X.float()), y).backward()\n" + IDLE), "gradient|training mode"),
    ("leaves the net in 64 bits", idle(IDLE.replace("in_float64(net)", "net.double().train()")), "float64"),
):  # fmt: skip
    wrong("17.1", name, code, cause)


# 17.2 The scale at another depth


def keeping(body: str, prediction: str = "'about the same'") -> str:
    """Return an answer to 17.2 with these lines."""
    lines = "".join(f"    {line}\n" for line in body.strip().splitlines())
    return f"def keeping_scale_of(net, X, y):\n{lines}\nscale_at_32 = {prediction}\n"


KEEPING = "return growth(gradient_norms(net, X, y)) ** (-1 / (2 * len(blocks_of(net))))"

right("17.2", "by logarithms, a tensor",
      keeping("""
at_blocks, _ = gradient_norms(net, X, y)
convolutions = 2 * (len(at_blocks) - 1)
return torch.exp(-(at_blocks[0].log() - at_blocks[-1].log()) / convolutions)""", "'  About the Same '"))  # fmt: skip
right("17.2", "convolutions counted",
      keeping("""
n = sum(isinstance(m, nn.Conv2d) for m in net.modules()) - 1
root = growth(gradient_norms(net, X, y)) ** (1 / n)
return 1 / root""", "'same'"))  # fmt: skip
right("17.2", "by trying",
      keeping("""
low, high = 0.05, 20.0
for _ in range(12):
    c = math.sqrt(low * high)
    scaled = copy.deepcopy(net)
    for layer in scaled.modules():
        if isinstance(layer, nn.Conv2d):
            layer.weight.data *= c
    low, high = (low, c) if growth(gradient_norms(scaled, X, y)) > 1 else (c, high)
return math.sqrt(low * high)"""))  # fmt: skip

for name, code, cause in (
    ("upside down", keeping(KEEPING.replace("-1", "1")), "upside down"),
    ("for a block", keeping(KEEPING.replace("2 * ", "")), "for a block"),
    ("for a block, upside down", keeping(KEEPING.replace("2 * ", "").replace("-1", "1")), "for a block.*upside down"),
    ("with the stem", keeping(KEEPING.replace("2 * len(blocks_of(net))", "2 * len(blocks_of(net)) + 1")), "stem"),
    ("all layers", keeping(KEEPING.replace("2 * len(blocks_of(net))", "2 * len(blocks_of(net)) + 2")),
     "two convolutions too many"),
    ("as many blocks as x's", keeping("at_blocks, _ = gradient_norms(net, X, y)\n"
     "return growth((at_blocks, 0)) ** (-1 / (2 * len(at_blocks)))"), "one more than the blocks"),
    ("54 of another net", keeping(KEEPING.replace("2 * len(blocks_of(net))", "54")), "54 is the number"),
    ("30 of another net", keeping(KEEPING.replace("2 * len(blocks_of(net))", "30")), "30 is the number"),
    ("one over the growth", keeping("return 1 / growth(gradient_norms(net, X, y))"), "take its share"),
    ("the growth", keeping("return growth(gradient_norms(net, X, y))"), "growth itself"),
    ("the number from the page", keeping("return 1.23"), "expected"),
    ("nothing to do", keeping("return 1"), "changes nothing"),
    ("forward, not backward",
     keeping("xs, _ = inputs_and_loss(in_float64(net), X, y)\n"
             "return (xs[-1].norm() / xs[0].norm()).item() ** (-1 / (2 * len(blocks_of(net))))"), "expected"),
    ("measured on other images", keeping("X = torch.flip(X, (0,)) * 0 + 1\n" + KEEPING), "expected"),
    ("leaves the net scaled",
     keeping(f"c = {KEEPING[7:]}\nfor p in net.parameters():\n    p.data *= c\nreturn c"), "has other numbers"),
    ("leaves the net in 64 bits", keeping("net.double()\n" + KEEPING), "float64"),
    ("leaves gradients", keeping(f"c = {KEEPING[7:]}\ncross_entropy(net(X.float()), y).backward()\nreturn c"),
     "0.0.weight has another gradient"),
    ("deletes gradients", keeping("net.zero_grad()\n" + KEEPING), "0.0.weight has lost its gradient"),
    ("in 32 bits", keeping("""
twin = copy.deepcopy(net).float()
xs, loss = inputs_and_loss(twin, X.float(), y)
first, last = torch.autograd.grad(loss, (xs[0], xs[-1]))
return (first.norm() / last.norm()).item() ** (-1 / (2 * len(blocks_of(twin))))"""), "32-bit numbers end"),
    ("in 32 bits, tensors", keeping("""
xs, loss = inputs_and_loss(net, X.float(), y)
first, last = torch.autograd.grad(loss, (xs[0], xs[-1]))
return (last.norm() / first.norm()) ** (1 / (2 * len(blocks_of(net))))"""), "32-bit numbers end"),
    ("returns the net", keeping("return net"), "should be a number"),
    ("a number, not a function", "keeping_scale_of = 1.22\nscale_at_32 = 'about the same'", "should be a function"),
    ("predicts larger", keeping(KEEPING, "'larger'"), "too large at 32"),
    ("predicts smaller", keeping(KEEPING, "'smaller'"), "for each of them"),
    ("predicts a number", keeping(KEEPING, "1.22"), "text in quotes"),
    ("forgets the third stage", keeping(KEEPING.replace("-1 / (2", "-3 / (4")), "two in three"),
    ("counts the first stage alone", keeping(KEEPING.replace("len(blocks_of(net))", "len(net[1])")),
     "one in three"),
    ("counts stages, not blocks", keeping(KEEPING.replace("len(blocks_of(net))", "len(net[1:-3])")),
     "^(?!.*for a block).*one for each stage"),
    ("13, whatever the net", keeping(KEEPING.replace("2 * len(blocks_of(net))", "13")),
     "^(?!.*stem).*expected"),
):  # fmt: skip
    wrong("17.2", name, code, cause)


# 17.3 A gentler branch


def limit(number: str, why: str = "'d'") -> str:
    """Return an answer to 17.3."""
    return f"limit_of_correlation = {number}\nwhy_it_stops_there = {why}\n"


right("17.3", "not rounded", limit("math.exp(-0.5)"))
right("17.3", "a long product", limit("math.prod([(1 + 1 / 2000000) / (1 + 1 / 1000000)] * 1000000)"))
right("17.3", "as a tensor", limit("torch.tensor(1.0).div(math.e ** 0.5)"))
right("17.3", "as a text of two decimals made a number", limit("float('0.61')"))

for name, code, cause in (
    ("each factor tends to one", limit("1"), "their product does not"),
    ("unscaled", limit("0.75**1000"), "q is divided by L"),
    ("one block", limit("0.75"), "one block that is not scaled"),
    ("the plain share", limit("0.5"), "I adds one"),
    ("gates never together", limit("math.exp(-1)"), "never open together"),
    ("the covariance alone", limit("math.exp(0.5)"), "covariance of two images"),
    ("the variance alone", limit("math.e"), "how much the variance grows"),
    ("the variance as 2", limit("math.exp(0.5) / 2"), "grows by e"),
    ("a root too many", limit("math.exp(-0.25)"), "root too many"),
    ("the logarithm", limit("-0.5"), "logarithm"),
    ("at 24 blocks", limit("((1 + 1 / 48) / (1 + 1 / 24)) ** 24"), "at 24 blocks"),
    ("the power of another law", limit("0.73"), "is not it"),
    ("rounded down", limit("0.60"), "near the limit"),
    ("per cent", limit("61"), "cannot be it"),
    ("a text", limit("'0.61'"), "should be a number"),
    ("the answer a", limit("0.61", "'a'"), "without the scaling"),
    ("the answer b", limit("0.61", "'b'"), "the product of L"),
    ("the answer c", limit("0.61", "'c'"), "all of them together are not"),
    ("the answer e", limit("0.61", "'e'"), "the same for any width"),
    ("words", limit("0.61", "'it converges'"), "one of the letters"),
    ("words missing", limit("0.61", "None"), "one of the letters"),
):
    wrong("17.3", name, code, cause)
wrong("17.2", "leaves the net in training mode", keeping("net.train()\n" + KEEPING), "it is in training mode")
wrong("17.2", "takes hooks away", keeping("net._forward_hooks.clear()\n" + KEEPING), "it has lost a hook")
wrong(
    "17.2",
    "squared norms",
    keeping("""
xs, loss = inputs_and_loss(in_float64(net), X, y)
first, last = (g.square().sum().item() for g in torch.autograd.grad(loss, [xs[0], xs[-1]]))
return (last / first) ** (1 / (2 * len(blocks_of(net))))"""),
    "or the root of the norms is missing",
)
wrong(
    "17.2",
    "squared norms, upside down",
    keeping("""
xs, loss = inputs_and_loss(in_float64(net), X, y)
first, last = (g.square().sum().item() for g in torch.autograd.grad(loss, [xs[0], xs[-1]]))
return (first / last) ** (1 / (2 * len(blocks_of(net))))"""),
    "squared norms, and upside down",
)
wrong("17.2", "measured on the first 16 images", keeping("X, y = X[:16], y[:16]\n" + KEEPING), "expected")
right("17.3", "a decimal", limit("__import__('decimal').Decimal('0.61')"))
wrong("17.3", "near the limit, and rounded to another number", limit("0.604"), "near the limit")
wrong(
    "17.3",
    "a number whose differences are zero",
    limit("type('N', (float,), {'__sub__': lambda *_: 0.0})(0.9)"),
    "0.9 is not it",
)
wrong("17.3", "one minus 1/e", limit("1 - math.exp(-1)"), "^(?!.*blocks).*that is 1 - 1/e")
wrong("17.3", "by chance near the correlation at 8 blocks", limit("0.6335"), "^(?!.*at 8 blocks).*is not it")
