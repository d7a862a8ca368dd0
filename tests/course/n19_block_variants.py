"""Answers to the exercises of notebook 19."""

from __future__ import annotations

from collect import needs, right, wrong

# 19.1: count a dense block

right(
    "19.1",
    "closed formula",
    """
def dense_parameters(c, k, n):
    channels_seen = n * c + k * n * (n - 1) // 2
    return channels_seen * (2 + 9 * k)
""",
)
right(
    "19.1",
    "by building it",
    """
def dense_parameters(channels, growth, num_layers):
    count = 0
    for i in range(num_layers):
        layers = nn.BatchNorm2d(channels), nn.ReLU(), nn.Conv2d(channels, growth, 3, padding=1, bias=False)
        count += sum(p.numel() for layer in layers for p in layer.parameters())
        channels += growth
    return torch.tensor(count)
""",
)
DENSE = """
def dense_parameters(channels, growth, num_layers):
    total = 0
    for i in range(num_layers):
        seen = {seen}
        total {add} {layer}
    return total
"""


def dense(layer="2 * seen + 9 * seen * growth", seen="channels + i * growth", add="+="):
    return DENSE.format(layer=layer, seen=seen, add=add)


wrong("19.1", "no norms", dense("9 * seen * growth"), "norms are missing")
wrong("19.1", "one number a norm", dense("seen + 9 * seen * growth"), "γ and β")
wrong("19.1", "running statistics", dense("4 * seen + 9 * seen * growth"), "no parameters")
wrong("19.1", "norm behind the convolution", dense("2 * growth + 9 * seen * growth"), "before the convolution")
wrong("19.1", "biases", dense("2 * seen + 9 * seen * growth + growth"), "no bias")
wrong("19.1", "1×1", dense("2 * seen + seen * growth"), "nine weights")
wrong("19.1", "no growth", dense(seen="channels"), "more and more")
wrong("19.1", "grows too early", dense(seen="channels + (i + 1) * growth"), "input alone")
wrong("19.1", "the last layer alone", dense(add="="), "add up all")
wrong("19.1", "the mean rounded", """
def dense_parameters(channels, growth, num_layers):
    mean = (2 * channels + growth * (num_layers - 1)) // 2
    return num_layers * mean * (2 + 9 * growth)
""", r"\(4, 3, 2\) = 290; expected 319$")  # fmt: skip
wrong("19.1", "new channels alone", dense(seen="growth if i else channels"), "each with all channels")
wrong(
    "19.1", "arguments exchanged", dense("2 * seen + 9 * seen * channels", "growth + i * channels"), "expected 1,040$"
)
wrong("19.1", "doubles", dense(seen="channels * (i + 1)"), "expected")
wrong("19.1", "no return", dense().replace("return total", "total"), "should be a number")
wrong("19.1", "sneaky: one block", "def dense_parameters(*_):\n    return 1184\n", "expected")

# 19.2: a test for a clean path

right(
    "19.2",
    "by the dictionary of its state",
    """
def hands_on(block, X):
    block = copy.deepcopy(block)
    block.load_state_dict({k: v if "num" in k or "running" in k else 0 * v for k, v in block.state_dict().items()})
    with torch.no_grad():
        return (block(X) == X).all()
""",
)
right(
    "19.2",
    "the largest difference, with functional_call",
    """
def hands_on(block, X):
    zeros = {name: torch.zeros_like(p) for name, p in block.named_parameters()}
    kept = {name: b.clone() for name, b in block.named_buffers()}
    with torch.no_grad():
        Y = torch.func.functional_call(block, {**zeros, **kept}, (X,))
    return (Y - X).abs().max() == 0
""",
)
CLEAN = """
def hands_on(block, X):
    silent = {copy}
    with torch.no_grad():
        for layer in silent.modules():
            for parameter in {parameters}:
                parameter.zero_()
        return {result}
"""


def clean(
    copy="copy.deepcopy(block)", parameters="layer.parameters(recurse=False)", result="torch.equal(silent(X), X)"
):
    return CLEAN.format(copy=copy, parameters=parameters, result=result)


wrong("19.2", "no copy", clean(copy="block"), "not left as it came")
wrong(
    "19.2",
    "convolutions alone",
    clean(parameters="[layer.weight] if isinstance(layer, nn.Conv2d) else []"),
    "still adds its bias",
)
wrong(
    "19.2",
    "convolutions with their biases",
    clean(parameters="layer.parameters(recurse=False) if isinstance(layer, nn.Conv2d) else []"),
    "still adds its β",
)
wrong("19.2", "nothing silenced", clean(parameters="[]"), "adds nothing")
wrong("19.2", "X without negative numbers", clean(result="torch.equal(silent(X.abs()), X.abs())"), "cuts off")
wrong("19.2", "shapes compared", clean(result="silent(X).shape == X.shape"), "cuts off")
wrong("19.2", "compared with itself", clean(result="torch.equal(silent(X), silent(X))"), "cuts off")
wrong("19.2", "always in evaluation mode", clean(copy="copy.deepcopy(block).eval()"), "in which the block comes")
wrong("19.2", "always in training mode", clean(copy="copy.deepcopy(block).train()"), "Is your copy still in it")
wrong("19.2", "close is enough", clean(result="torch.allclose(silent(X), X)"), r"not \*exactly\* X")
wrong("19.2", "the mean alone", clean(result="(silent(X) - X).mean().abs() < 1e-4"), "turns maps around.*changes X")
wrong(
    "19.2", "one channel alone", clean(result="torch.equal(silent(X)[:, :1], X[:, :1])"), "loses a channel.*changes X"
)
wrong(
    "19.2",
    "the gradient alone",
    """
def hands_on(block, X):
    silent = copy.deepcopy(block)
    for parameter in silent.parameters():
        parameter.data.zero_()
    X = X.clone().requires_grad_()
    return bool((torch.autograd.grad(silent(X).sum(), X)[0] == 1).all())
""",
    "turns maps around.*changes X",
)
wrong(
    "19.2",
    "weights and no biases",
    """
@torch.no_grad()
def hands_on(block, X):
    silent = copy.deepcopy(block)
    for name, parameter in silent.named_parameters():
        if "weight" in name:
            parameter.zero_()
    return torch.equal(silent(X), X)
""",
    "still adds its bias",
)
wrong("19.2", "zeros as input", clean(result="torch.equal(silent(0 * X), 0 * X)"), "cuts off")
wrong("19.2", "a tensor of truths", clean(result="silent(X) == X"), "True or False")
wrong("19.2", "sneaky: by the name", "def hands_on(block, X):\n    return type(block) is not d2l.Residual\n", "path")
wrong("19.2", "sneaky: yes", "def hands_on(block, X):\n    return True\n", "cuts off")
wrong("19.2", "sneaky: no", "def hands_on(block, X):\n    return False\n", "adds nothing")

# 19.3: coins or a walk?

LAW = """
def stays_positive(n):
    return {law}
blocks_until_a_tenth = {blocks}
my_reason = "{reason}"
"""


def law(law="math.comb(2 * n, n) / 4**n", blocks=32, reason="b"):
    return LAW.format(law=law, blocks=blocks, reason=reason)


right("19.3", "as a product", law("math.prod((2 * k - 1) / (2 * k) for k in range(1, n + 1))", reason="(B)"))
right("19.3", "by gamma functions", law("math.exp(math.lgamma(n + 0.5) - math.lgamma(n + 1)) / math.sqrt(math.pi)"))
wrong("19.3", "coins", law("0.5**n"), "coins")
wrong("19.3", "for many steps", law("1 / math.sqrt(math.pi * n)"), "many steps")
wrong("19.3", "2 to the n", law("math.comb(2 * n, n) / 2**n"), "4 to the n")
wrong("19.3", "not divided", law("math.comb(2 * n, n)"), "divide")
wrong("19.3", "the other event", law("1 - math.comb(2 * n, n) / 4**n"), "at least once")
wrong("19.3", "one step less", law("math.comb(2 * n - 2, n - 1) / 4**(n - 1)"), "one step less")
wrong("19.3", "n tosses", law("math.comb(n, n // 2) / 2**n"), "expected 0.3125$")
wrong("19.3", "by simulation", law("0.49 * (0.375 / 0.5) ** (n - 1)"), "expected")
wrong("19.3", "a block too few", law(blocks=31), "above a tenth")
wrong("19.3", "blocks for coins", law(blocks=4), "coins")
wrong("19.3", "a hundred", law(blocks=100), "π")
wrong("19.3", "reason a", law(reason="a"), "same size")
wrong("19.3", "reason c", law(reason="c"), "as many negative")
wrong("19.3", "reason d", law(reason="d"), "zeros at the edges")

# 19.4: a dense block that keeps less

needs("19.4", "in_a_row")
FRUGAL = """
class FrugalDenseBlock(nn.Module):
    def __init__(self, channels, growth, num_layers):
        super().__init__()
        self.branches = nn.ModuleList(
            in_a_row("BN ReLU conv", channels + i * growth, growth) for i in range(num_layers)
        )

    def forward(self, X):
"""
right(
    "19.4",
    "with a method",
    FRUGAL
    + """        pieces = (X,)
        for branch in self.branches:
            pieces += (checkpoint(self.layer, branch, *pieces, use_reentrant=False),)
        return torch.cat(pieces, 1)

    def layer(self, branch, *pieces):
        return branch(torch.cat(pieces, 1))
""",
)
right(
    "19.4",
    "the whole block once",
    FRUGAL
    + """        def all_layers(X):
            for branch in self.branches:
                X = torch.cat([X, branch(X)], dim=1)
            return X
        return checkpoint(all_layers, X, use_reentrant=False)
""",
)
LOOP = """        pieces = [X]
        for branch in self.branches:
            {layer}
            pieces.append({call})
        return {result}
"""


def loop(
    layer="layer = lambda *pieces, branch=branch: branch(torch.cat(pieces, 1))",
    call="checkpoint(layer, *pieces, use_reentrant=False)",
    result="torch.cat(pieces, 1)",
):
    return FRUGAL + LOOP.format(layer=layer, call=call, result=result)


wrong("19.4", "no checkpoint", loop(call="layer(*pieces)"), "autograd keeps")
wrong(
    "19.4",
    "concatenates outside",
    loop(layer="seen = torch.cat(pieces, 1)", call="checkpoint(branch, seen, use_reentrant=False)"),
    "concatenated input; .* do both inside",
)
wrong(
    "19.4",
    "the branch of the last turn",
    loop(layer="layer = lambda *pieces: branch(torch.cat(pieces, 1))"),
    "same branch",
)
wrong(
    "19.4",
    "the last layer as it was",
    loop(
        call="layer(*pieces) if len(pieces) == len(self.branches) else checkpoint(layer, *pieces, use_reentrant=False)"
    ),
    "keeps 4,340 numbers; the pieces",
)
wrong("19.4", "the old way", loop(call="checkpoint(layer, *pieces, use_reentrant=True)"), "Pass use_reentrant=False$")
wrong("19.4", "the last piece alone", loop(result="pieces[-1]"), "last branch adds")
wrong("19.4", "the other order", loop(result="torch.cat(pieces[::-1], 1)"), "another order")
NO_GRADIENTS = """        with torch.no_grad():
            for branch in self.branches:
                X = torch.cat([X, branch(X)], 1)
            return X
"""
wrong("19.4", "without gradients", FRUGAL + NO_GRADIENTS, "no gradient")
DETACHED = """layer = lambda *pieces, branch=branch: branch(
                torch.cat([piece.detach() for piece in pieces], 1)
            )"""
wrong("19.4", "the input cut off", loop(layer=DETACHED), "by detach or no_grad")
wrong("19.4", "adds in place of concatenating", FRUGAL + """        for branch in self.branches:
            X = X + branch(X)
        return X
""", "shape|raised")  # fmt: skip
