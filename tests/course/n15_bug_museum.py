"""Answers to the exercises of notebook 15, the bug museum: a diagnosis, and a test of one argument."""

from __future__ import annotations

from collect import right, wrong

BOTH_PASS, BOTH_FAIL = "passes on the broken code too", "fails on the fixed code too"
TURNED, RETURNED, NARROW, MISSES = "upside down", "use assert", "written differently", "misses the same mistake"
UNSTEADY, NEVER_RUNS = "one thing and then another", "yield or async"


def hunt(number: int, letter: str, test: str, subject: str, body: str) -> str:
    """Return an answer as a learner types it."""
    lines = "\n".join(f"    {line}" for line in body.strip().splitlines())
    return f'diagnosis_{number} = "{letter}"\n\n\ndef {test}({subject}):\n{lines}\n'


def exhibit(
    number: int, letter: str, test: str, subject: str, good: dict[str, str], bad: dict[str, tuple[str, str]]
) -> None:
    """Add the answers to one exhibit; the first good test also serves with wrong diagnoses."""
    for name, body in good.items():
        right(f"15.{number}", name, hunt(number, letter, test, subject, body))
    for name, (body, cause) in bad.items():
        wrong(f"15.{number}", name, hunt(number, letter, test, subject, body), cause)
    body = next(iter(good.values()))
    attempt = "\n".join(f"    {line}" for line in body.strip().splitlines())
    failing = f"import pytest\ntry:\n{attempt}\nexcept Exception as error:\n    pytest.fail(str(error))"
    right(f"15.{number}", "pytest.fail", hunt(number, letter, test, subject, failing))
    right(f"15.{number}", "returns something too", hunt(number, letter, test, subject, f"{body}\nreturn True"))
    wrong(f"15.{number}", "a generator", hunt(number, letter, test, subject, f"{body}\nyield"), NEVER_RUNS)
    coroutine = hunt(number, letter, test, subject, body).replace(f"def {test}", f"async def {test}")
    wrong(f"15.{number}", "a coroutine", coroutine, NEVER_RUNS)
    toss = "import random\nassert random.random() < 0.9"
    wrong(f"15.{number}", "asks chance", hunt(number, letter, test, subject, toss), f"{BOTH_PASS}|{BOTH_FAIL}")
    wrong(f"15.{number}", "no test", f"diagnosis_{number} = '{letter}'\n{test} = None", "should be a function")
    wrong(f"15.{number}", "no letter", hunt(number, "the shortcut", test, subject, body), "one of the letters")
    wrong(f"15.{number}", "asserts nothing", hunt(number, letter, test, subject, subject), BOTH_PASS)
    wrong(f"15.{number}", "refuses all", hunt(number, letter, test, subject, "raise AssertionError"), BOTH_FAIL)
    counted = f"{test}.calls = getattr({test}, 'calls', 0) + 1\nassert {test}.calls != 2"
    wrong(f"15.{number}", "counts its calls", hunt(number, letter, test, subject, counted), UNSTEADY)
    every_other = counted.replace("calls != 2", "calls % 2")
    wrong(
        f"15.{number}",
        "fails every other time",
        hunt(number, letter, test, subject, every_other),
        f"{UNSTEADY}|{NARROW}|{MISSES}",
    )
    two = hunt(number, letter, test, f"broken, {subject}", body)
    wrong(f"15.{number}", "wants both versions at once", two, f"{BOTH_FAIL}.*TypeError")
    for other in sorted(set("abcd") - {letter}):
        cause = rf"it is not \({other}\): {OTHER_LETTERS[number, other]}"
        wrong(f"15.{number}", f"it is said to be {other}", hunt(number, other, test, subject, body), cause)


OTHER_LETTERS = {
    (1, "a"): "the input is added", (1, "b"): "conv1 and conv3 both", (1, "d"): "there is a ReLU",
    (2, "b"): "conv1 and the convolution of downsample", (2, "c"): ".*ReLU around bn1", (2, "d"): ".*kernel_size=1",
    (3, "a"): "zero_grad comes before", (3, "b"): ".*from this optimizer", (3, "c"): ".*a tenth",
    (4, "a"): ".*padding=1", (4, "c"): "start_dim=1", (4, "d"): ".*both sides",
    (5, "a"): ".*after the convolution", (5, "b"): ".*the stem has one", (5, "d"): ".*registers each",
    (6, "b"): ".*both get the stride", (6, "c"): ".*as many blocks", (6, "d"): "only the first block changes",
    (7, "a"): ".*after the addition", (7, "b"): "X is added once", (7, "c"): ".*keeps all rows",
    (8, "a"): ".*between the convolutions", (8, "c"): ".*after bn2", (8, "d"): ".*around the sum",
    (9, "a"): ".*comes first", (9, "c"): ".*over the classes", (9, "d"): "no_grad stands around",
    (10, "b"): ".*only looked at", (10, "c"): "zero_grad comes before", (10, "d"): ".*made once",
    (11, "a"): ".*stores nothing new", (11, "b"): "there is no dropout", (11, "c"): "no line of forward",
    (12, "a"): ".*made itself", (12, "b"): ".*each once", (12, "d"): ".*without an optimizer's step",
    (13, "a"): ".*on purpose", (13, "c"): ".*makes a new tensor", (13, "d"): ".*three keys",
}  # fmt: skip


exhibit(
    1, "c", "test_shortcut", "Residual",
    good={
        "the kernel": "assert Residual(4, 6, use_1x1conv=True, strides=2).conv3.kernel_size == (1, 1)",
        "all parameters, by hand": """
block = Residual(4, 6, True, 2)
convolutions = (9 * 4 * 6 + 6) + (9 * 6 * 6 + 6) + (4 * 6 + 6)
assert sum(p.numel() for p in block.parameters()) == convolutions + 2 * 2 * 6
""",
        "which pixels it sees": """
X = torch.zeros(1, 3, 7, 6, requires_grad=True)
Residual(3, 5, True).conv3(X)[0, 0, 3, 3].backward()
assert (X.grad != 0).any(dim=1).sum() == 1
""",
    },
    bad={
        "shapes": ("assert Residual(4, 6, True, 2)(torch.randn(2, 4, 8, 6)).shape == (2, 6, 4, 3)", BOTH_PASS),
        "upside down": ("assert Residual(4, 6, True, 2).conv3.kernel_size == (3, 3)", TURNED),
        "returns": ("return Residual(4, 6, True, 2).conv3.kernel_size == (1, 1)", RETURNED),
        "a tuple compared with a number": ("assert Residual(4, 6, True, 2).conv3.kernel_size == 1", BOTH_FAIL),
        "not the same as 3×3": ("assert Residual(4, 6, True, 2).conv3.kernel_size != (3, 3)", MISSES),
        "without biases": ("assert sum(p.numel() for p in Residual(4, 6, True).conv3.parameters()) == 24", BOTH_FAIL),
        "a shortcut that is not there": ("assert Residual(4, 4).conv3.kernel_size == (1, 1)", BOTH_FAIL),
    },
)  # fmt: skip

exhibit(
    2, "a", "test_unit", "ResidualUnit",
    good={
        "the second norm at zero": """
unit = ResidualUnit(3, 3)
with torch.no_grad():
    unit.bn2.weight.fill_(0)
X = torch.randn(4, 3, 5, 7)
assert torch.allclose(unit(X), X.clamp(min=0))
""",
        "a gradient reaches the shortcut's weights": """
unit = ResidualUnit(3, 6, stride=2)
unit(torch.randn(2, 3, 8, 6)).sum().backward()
assert all(parameter.grad is not None for parameter in unit.parameters())
""",
        "a large input shows": """
X = torch.full((2, 4, 6, 5), 1000.0)
assert ResidualUnit(4, 4).eval()(X).mean() > 900
""",
    },
    bad={
        "shapes": ("assert ResidualUnit(3, 6, 2)(torch.randn(2, 3, 8, 6)).shape == (2, 6, 4, 3)", BOTH_PASS),
        "the count": ("assert sum(p.numel() for p in ResidualUnit(4, 4).parameters()) == 2 * (9 * 16 + 8)", BOTH_PASS),
        "the layers are there": ("assert ResidualUnit(4, 8, 2).downsample is not None", BOTH_PASS),
        "upside down": ("""
unit = ResidualUnit(4, 4)
nn.init.zeros_(unit.bn2.weight)
assert unit(torch.randn(2, 4, 6, 5)).abs().sum() == 0
""", TURNED),
        "returns": ("return ResidualUnit(4, 4)(torch.ones(2, 4, 6, 5)).mean() > 0", RETURNED),
        "the last ReLU forgotten": ("""
unit = ResidualUnit(4, 4)
nn.init.zeros_(unit.bn2.weight)
X = torch.randn(2, 4, 6, 5)
assert torch.equal(unit(X), X)
""", BOTH_FAIL),
        "the addition in one exact form": ("""
unit = ResidualUnit(4, 4)
assert unit.conv1.bias is None
nn.init.zeros_(unit.bn2.weight)
X = torch.randn(2, 4, 6, 5)
assert torch.equal(unit(X), F.relu(X))
""", NARROW),
        "the output depends on the input": ("""
unit = ResidualUnit(4, 4)
assert not torch.equal(unit(torch.randn(2, 4, 6, 5)), unit(torch.randn(2, 4, 6, 5)))
""", BOTH_PASS),
    },
)  # fmt: skip

BATCHES = "batches = [(torch.randn(4, 3), torch.tensor([0, 1, 1, 0])) for _ in range(3)]\n"

exhibit(
    3, "d", "test_rates", "train_with_milestones",
    good={
        "last and first": BATCHES + """
rates = train_with_milestones(nn.Linear(3, 2), batches, 4, 0.5, [2])
assert rates[-1] < rates[0]
""",
        "by what is learned": BATCHES + """
ends = []
for milestones in ([1], []):
    torch.manual_seed(3)
    net = nn.Linear(3, 2)
    train_with_milestones(net, batches, 3, 0.5, milestones)
    ends.append(net.weight.detach().clone())
assert not torch.equal(*ends)
""",
        "a rate for each stretch": BATCHES + """
assert len(set(train_with_milestones(nn.Linear(3, 2), batches, 6, 0.1, (2, 4)))) == 3
""",
    },
    bad={
        "one epoch": (
            BATCHES + "assert train_with_milestones(nn.Linear(3, 2), batches, 1, 0.5, [1]) == [0.5]", BOTH_PASS),
        "no milestone on the way": (
            BATCHES + "assert train_with_milestones(nn.Linear(3, 2), batches, 3, 0.5, [9])[0] == 0.5", BOTH_PASS),
        "how many rates": (BATCHES + "assert len(train_with_milestones(nn.Linear(3, 2), batches, 3, 0.5, [1])) == 3",
                           BOTH_PASS),
        "upside down": (BATCHES + "assert len(set(train_with_milestones(nn.Linear(3, 2), batches, 3, 1.0, [1]))) == 1",
                        TURNED),
        "returns": (BATCHES + "return train_with_milestones(nn.Linear(3, 2), batches, 3, 1.0, [1])[-1] < 1", RETURNED),
        "half instead of a tenth": (
            BATCHES + "assert train_with_milestones(nn.Linear(3, 2), batches, 2, 1.0, [1]) == [1.0, 0.5]", BOTH_FAIL),
        "one epoch late": (
            BATCHES + "assert train_with_milestones(nn.Linear(3, 2), batches, 3, 1.0, [1])[1] == 1", TURNED),
        "asks how, not what": (BATCHES + """
steps = []
original = torch.optim.lr_scheduler.MultiStepLR.step
def step(self):
    steps.append(self)
    return original(self)
torch.optim.lr_scheduler.MultiStepLR.step = step
try:
    train_with_milestones(nn.Linear(3, 2), batches, 3, 1.0, [1])
finally:
    torch.optim.lr_scheduler.MultiStepLR.step = original
assert len(steps) > 1
""", NARROW),
    },
)  # fmt: skip

exhibit(
    4, "b", "test_pooled_net", "PooledNet",
    good={
        "a row for each image": "assert list(PooledNet()(torch.zeros(3, 3, 32, 32)).shape) == [3, 10]",
        "in eval mode, with a loss": """
scores = PooledNet().eval()(torch.rand(3, 3, 32, 32))
assert scores.shape == (3, 10) and F.cross_entropy(scores, torch.tensor([0, 5, 9])).isfinite()
""",
    },
    bad={
        "a loss, of however many scores": ("""
scores = PooledNet()(torch.rand(3, 3, 32, 32))
assert F.cross_entropy(scores, torch.tensor([0, 5, 9])).isfinite()
""", MISSES),
        "it runs": ("PooledNet()(torch.zeros(2, 3, 32, 32))", MISSES),
        "how many classes": ("assert PooledNet()(torch.zeros(2, 3, 32, 32)).shape[1] == 10", MISSES),
        "a layer's size besides": ("""
net = PooledNet()
assert net.linear.in_features == 64 and net(torch.rand(2, 3, 32, 32)).shape == (2, 10)
""", NARROW),
        "one number a channel reaches the linear layer": ("""
net, seen = PooledNet(), []
net.linear.register_forward_pre_hook(lambda layer, inputs: seen.append(inputs[0].shape[1]))
try:
    net(torch.rand(2, 3, 32, 32))
except RuntimeError:
    pass
assert seen == [64]
""", NARROW),
        "images on which it runs": ("assert PooledNet()(torch.rand(2, 3, 8, 8)).shape == (2, 10)",
                                    BOTH_PASS),
        "it has the layers": ("assert PooledNet().linear.in_features == 64", BOTH_PASS),
        "swallows the error": ("""
try:
    PooledNet()(torch.rand(2, 3, 32, 32))
except RuntimeError:
    pass
""", BOTH_PASS),
        "upside down": ("""
try:
    PooledNet()(torch.rand(2, 3, 32, 32))
except RuntimeError:
    return
raise AssertionError("it should not run")
""", TURNED),
        "wants what is not there": ("assert PooledNet().linear.in_features == 1024", BOTH_FAIL),
        "channels last": ("assert PooledNet()(torch.rand(2, 32, 32, 3)).shape == (2, 10)", BOTH_FAIL),
        "one channel": ("assert PooledNet()(torch.rand(2, 1, 32, 32)).shape == (2, 10)", BOTH_FAIL),
        "other sizes too": ("assert PooledNet()(torch.rand(2, 3, 40, 24)).shape == (2, 10)", NARROW),
        "returns": ("return PooledNet()(torch.rand(2, 3, 32, 32)).shape == (2, 10)", RETURNED),
    },
)  # fmt: skip

exhibit(
    5, "c", "test_norms", "small_resnet",
    good={
        "counts its own norms": """
made = []
def norm(channels):
    made.append(channels)
    return nn.BatchNorm2d(channels)
small_resnet(3, channels=4, norm=norm)
assert made == [4] * 7
""",
        "counts parameters": """
def count(norm):
    return sum(p.numel() for p in small_resnet(2, 6, norm).parameters())
assert count(nn.BatchNorm2d) - count(None) == 5 * 2 * 6
""",
        "by type, without a block and with four": """
def norms(blocks):
    return sum("BatchNorm" in type(layer).__name__ for layer in small_resnet(blocks).modules())
assert [norms(0), norms(4)] == [1, 9]
""",
    },
    bad={
        "what one more block adds": ("""
def norms(blocks):
    return sum("BatchNorm" in type(layer).__name__ for layer in small_resnet(blocks).modules())
assert norms(4) - norms(3) == 2
""", MISSES),
        "all but one will do": (
            "assert sum(isinstance(m, nn.BatchNorm2d) for m in small_resnet(8).modules()) >= 16", MISSES),
        "a Sequential besides": ("""
assert sum(isinstance(m, nn.BatchNorm2d) for m in small_resnet(8).modules()) == 17
assert isinstance(small_resnet(8), nn.Sequential)
""", NARROW),
        "there is one": ("assert any(isinstance(m, nn.BatchNorm2d) for m in small_resnet(2).modules())", BOTH_PASS),
        "shapes": ("assert small_resnet(2)(torch.rand(3, 1, 9, 7)).shape == (3, 10)", BOTH_PASS),
        "without norms": ("assert not any(isinstance(m, nn.BatchNorm2d) for m in small_resnet(2, 8, None).modules())",
                          BOTH_PASS),
        "upside down": ("assert sum(isinstance(m, nn.BatchNorm2d) for m in small_resnet(2).modules()) == 1", TURNED),
        "the stem forgotten": ("assert sum(isinstance(m, nn.BatchNorm2d) for m in small_resnet(2).modules()) == 4",
                               BOTH_FAIL),
        "more than one will do": ("assert sum(isinstance(m, nn.BatchNorm2d) for m in small_resnet(2).modules()) > 1",
                                  MISSES),
        "by the place of a layer": ("assert isinstance(small_resnet(2)[1].conv1[1], nn.BatchNorm2d)", NARROW),
        "returns": ("return sum(isinstance(m, nn.BatchNorm2d) for m in small_resnet(2).modules()) == 5", RETURNED),
    },
)  # fmt: skip

exhibit(
    6, "a", "test_stage", "stage",
    good={
        "one halving": """
X = torch.rand(1, 3, 16, 32)
assert stage(3, 6, 4)(X).shape[2:] == (8, 16)
assert stage(3, 3, 2, True)(X).shape[2:] == (16, 32)
""",
        "block by block, by the arguments' names": """
X = torch.rand(2, 4, 15, 17)
for first_block, size in ((True, (15, 17)), (False, (8, 9))):
    Y = X
    for block in stage(input_channels=4, num_channels=6, num_residuals=3, first_block=first_block):
        Y = block(Y)
        assert Y.shape == (2, 6, *size)
""",
    },
    bad={
        "counts halving convolutions": ("""
def halving(net):
    return sum(m.stride != (1, 1) and m.kernel_size == (3, 3) for m in net.modules() if isinstance(m, nn.Conv2d))
assert [halving(stage(4, 8, 3)), halving(stage(4, 4, 3, True))] == [1, 0]
""", NARROW),
        "counts shortcuts": ("""
def shortcuts(net):
    return sum(m.kernel_size == (1, 1) for m in net.modules() if isinstance(m, nn.Conv2d))
assert [shortcuts(stage(4, 8, 3)), shortcuts(stage(4, 4, 3, True))] == [1, 0]
""", NARROW),
        "counts parameters": ("""
assert sum(p.numel() for p in stage(4, 4, 2, True).parameters()) == 4 * (9 * 4 * 4 + 4) + 4 * 2 * 4
assert stage(4, 8, 3)(torch.rand(2, 4, 8, 6)).shape == (2, 8, 4, 3)
""", NARROW),
        "no stride in the first stage": ("""
assert all(getattr(m, "stride", 1) in (1, (1, 1)) for m in stage(4, 4, 2, True).modules())
assert stage(4, 8, 2)(torch.rand(2, 4, 8, 6)).shape == (2, 8, 4, 3)
""", MISSES),
        "later stages only": ("assert stage(2, 4, 3)(torch.rand(2, 2, 8, 24)).shape == (2, 4, 4, 12)", MISSES),
        "a stage of one block": ("assert stage(4, 8, 1)(torch.rand(2, 4, 8, 6)).shape == (2, 8, 4, 3)", BOTH_PASS),
        "one pixel stays one pixel": ("assert stage(4, 8, 2)(torch.rand(2, 4, 1, 1)).shape == (2, 8, 1, 1)", BOTH_PASS),
        "channels only": ("assert stage(4, 8, 3)(torch.rand(2, 4, 8, 6)).shape[1] == 8", BOTH_PASS),
        "the number of blocks": ("assert len(stage(4, 8, 3)) == 3", BOTH_PASS),
        "upside down": ("assert stage(4, 8, 2)(torch.rand(2, 4, 8, 16)).shape == (2, 8, 2, 4)", TURNED),
        "no halving at all": ("assert stage(4, 8, 2)(torch.rand(2, 4, 8, 6)).shape == (2, 8, 8, 6)", BOTH_FAIL),
        "the first stage only": ("assert stage(4, 4, 2, True)(torch.rand(2, 4, 8, 6)).shape == (2, 4, 8, 6)", MISSES),
        "by a layer's name": ("assert [block.conv1.padding_mode for block in stage(4, 8, 2)] and "
                              "stage(4, 8, 2)[1].conv3.stride == (1, 1)", BOTH_FAIL),
        "by the block's class": ("assert {type(b).__name__ for b in stage(4, 8, 2)} == {'StageBlock'}\n"
                                 "assert stage(4, 8, 2)(torch.rand(2, 4, 8, 6)).shape == (2, 8, 4, 3)", NARROW),
        "returns": ("return stage(4, 8, 2)(torch.rand(2, 4, 8, 6)).shape == (2, 8, 4, 3)", RETURNED),
    },
)  # fmt: skip

exhibit(
    7, "d", "test_branch", "BlockWithBranch",
    good={
        "sums": """
f = BlockWithBranch(2).eval().branch
A, B, zero = torch.randn(1, 2, 5, 7), torch.randn(1, 2, 5, 7), torch.zeros(1, 2, 5, 7)
assert (f(A + B) - f(A) - f(B) + f(zero)).abs().max() > 1e-4
""",
        "both signs": """
f = BlockWithBranch(3).eval().branch
X, zero = torch.randn(2, 3, 6, 5), torch.zeros(2, 3, 6, 5)
assert not torch.allclose(f(X) - f(zero), f(zero) - f(-X), atol=1e-5)
""",
        "through the whole block": """
block = BlockWithBranch(3).eval()
A, B = 50 + torch.randn(1, 3, 6, 5), 50 + torch.randn(1, 3, 6, 5)  # the last ReLU does nothing
A[0, 0] -= 100
F_of = lambda X: block.branch(X).double()
assert (F_of(A) + F_of(B) - 2 * F_of((A + B) / 2)).abs().max() > 1e-3
""",
        "the slope is not the same everywhere": """
branch = BlockWithBranch(3).double().eval().branch
slopes = []
for seed in (0, 1):
    torch.manual_seed(seed)
    X = torch.randn(1, 3, 6, 5, dtype=torch.double, requires_grad=True)
    slopes += torch.autograd.grad(branch(X).sum(), X)
assert not torch.allclose(*slopes)
""",
    },
    bad={
        "in training mode": ("""
f = BlockWithBranch(3).branch
A, B = torch.randn(4, 3, 6, 5), torch.randn(4, 3, 6, 5)
assert not torch.allclose(f((A + B) / 2), (f(A) + f(B)) / 2, atol=1e-5)
""", BOTH_PASS),
        "the whole block bends": ("""
f = BlockWithBranch(3).eval()
A, B = torch.randn(1, 3, 6, 5), torch.randn(1, 3, 6, 5)
assert not torch.allclose(f((A + B) / 2), (f(A) + f(B)) / 2, atol=1e-5)
""", BOTH_PASS),
        "shapes": ("assert BlockWithBranch(3)(torch.randn(2, 3, 6, 5)).shape == (2, 3, 6, 5)", BOTH_PASS),
        "the bias forgotten": ("""
f = BlockWithBranch(3).eval().branch
X = torch.randn(2, 3, 6, 5)
assert not torch.allclose(f(2 * X), 2 * f(X))
""", BOTH_PASS),
        "upside down": ("""
f = BlockWithBranch(3).eval().branch
A, B = torch.randn(1, 3, 6, 5), torch.randn(1, 3, 6, 5)
assert torch.allclose(f((A + B) / 2), (f(A) + f(B)) / 2, atol=1e-5)
""", TURNED),
        "by the number of layers": ("assert len(BlockWithBranch(3).branch) == 5", NARROW),
        "by the class of a layer": (
            "assert any(isinstance(layer, nn.ReLU) for layer in BlockWithBranch(3).branch.modules())", NARROW),
        "by the place of a layer": ("assert isinstance(BlockWithBranch(3).branch[1], nn.ReLU)", BOTH_FAIL),
        "two norms besides": ("""
f = BlockWithBranch(3).eval().branch
A, B = torch.randn(1, 3, 6, 5), torch.randn(1, 3, 6, 5)
assert not torch.allclose(f((A + B) / 2), (f(A) + f(B)) / 2, atol=1e-5)
assert sum(isinstance(layer, nn.BatchNorm2d) for layer in f.modules()) == 2
""", NARROW),
        "something stands between, a dropout will do": ("""
layers = list(BlockWithBranch(3).branch.children())
known = (nn.Conv2d, nn.BatchNorm2d)
assert not all(isinstance(layer, known) for layer in layers) or len(layers) == 4 and layers[0].bias is None
""", MISSES),
        "returns": ("return any(isinstance(m, nn.ReLU) for m in BlockWithBranch(3).branch.modules())", RETURNED),
    },
)  # fmt: skip

exhibit(
    8, "b", "test_identity_block", "IdentityBlock",
    good={
        "in eval mode, from above": """
block = IdentityBlock(3).eval()
X = torch.full((1, 3, 7, 6), 5.0) + torch.randn(1, 3, 7, 6)
assert not bool((block(X) >= X).all())
""",
        "the mean is kept": """
block = IdentityBlock(4)
X = 100 + torch.randn(8, 4, 6, 5)  # the last ReLU does nothing
assert abs((block(X) - X).mean()) < 1e-3
""",
        "the smallest change": "X = torch.rand(2, 5, 6, 7) + 9\nassert (IdentityBlock(5)(X) - X).min() < -0.1",
        "a class made of the class": """
class Probe(IdentityBlock):
    def forward(self, x):
        return super().forward(x) - x
assert issubclass(IdentityBlock, nn.Module) and isinstance(IdentityBlock(3), IdentityBlock)
assert Probe(4)(torch.rand(2, 4, 6, 5) + 9).min() < 0
""",
    },
    bad={
        "with negative numbers in X": (
            "X = torch.randn(2, 4, 6, 5)\nassert (IdentityBlock(4)(X) != X).any()", BOTH_PASS),
        "no negative output": ("assert (IdentityBlock(4)(torch.randn(2, 4, 6, 5)) >= 0).all()", BOTH_PASS),
        "F at zero": ("""
block = IdentityBlock(4)
for parameter in block.parameters():
    nn.init.zeros_(parameter)
X = torch.randn(2, 4, 6, 5)
assert torch.equal(block(X), F.relu(X))
""", BOTH_PASS),
        "shapes": ("assert IdentityBlock(4)(torch.rand(2, 4, 6, 5)).shape == (2, 4, 6, 5)", BOTH_PASS),
        "upside down": ("X = torch.rand(2, 4, 6, 5)\nassert (IdentityBlock(4)(X) >= X).all()", TURNED),
        "negative outputs wanted": ("assert (IdentityBlock(4)(torch.rand(2, 4, 6, 5)) < 0).any()", BOTH_FAIL),
        "everything pushed down": (
            "X = torch.rand(2, 4, 6, 5) + 9\nassert (IdentityBlock(4)(X) < X).all()", BOTH_FAIL),
        "rebuilt from its layers": ("""
block = IdentityBlock(4).eval()
X = torch.randn(2, 4, 6, 5)
assert torch.allclose(block(X), F.relu(block.bn2(block.conv2(F.relu(block.bn1(block.conv1(X))))) + X))
""", NARROW),
        "returns": ("X = torch.rand(2, 4, 6, 5)\nreturn (IdentityBlock(4)(X) < X).any()", RETURNED),
    },
)  # fmt: skip

UNEQUAL = """
right, wrong = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]])
labels = torch.zeros(8, dtype=torch.long)
batches = [(right.repeat(6, 1), labels[:6]), (wrong.repeat(2, 1), labels[6:])]
"""

exhibit(
    9, "b", "test_evaluate", "evaluate",
    good={
        "three quarters": UNEQUAL + "assert evaluate(nn.Identity(), batches) == 0.75",
        "cut in two ways": """
torch.manual_seed(4)
net, X, y = nn.Linear(3, 2), torch.randn(10, 3), torch.randint(2, (10,))
def accuracy(size):
    return evaluate(net, list(zip(X.split(size), y.split(size))))
assert len({round(accuracy(size), 6) for size in (10, 7, 9, 4, 3)}) == 1
""",
        "against one batch": UNEQUAL + """
whole = [tuple(torch.cat(parts) for parts in zip(*batches))]
assert abs(evaluate(nn.Identity(), batches) - evaluate(nn.Identity(), whole)) < 1e-6
""",
    },
    bad={
        "equal batches": ("""
X, y = torch.eye(2).repeat(4, 1), torch.zeros(8, dtype=torch.long)
assert evaluate(nn.Identity(), list(zip(X.split(4), y.split(4)))) == 0.5
""", BOTH_PASS),
        "one batch": ("assert evaluate(nn.Identity(), [(torch.eye(3), torch.tensor([0, 1, 0]))]) > 0.6", BOTH_PASS),
        "unequal batches, all right": ("""
X, y = torch.eye(2)[[0] * 7], torch.zeros(7, dtype=torch.long)
assert evaluate(nn.Identity(), list(zip(X.split(4), y.split(4)))) == 1
""", BOTH_PASS),
        "a range": (UNEQUAL + "assert 0 <= evaluate(nn.Identity(), batches) <= 1", BOTH_PASS),
        "upside down": (UNEQUAL + "assert evaluate(nn.Identity(), batches) == 0.5", TURNED),
        "a count": (UNEQUAL + "assert evaluate(nn.Identity(), batches) == 6", BOTH_FAIL),
        "per cent": (UNEQUAL + "assert evaluate(nn.Identity(), batches) == 75", BOTH_FAIL),
        "returns": (UNEQUAL + "return evaluate(nn.Identity(), batches)", RETURNED),
    },
)  # fmt: skip

SMALL_NET = "net = nn.Sequential(nn.BatchNorm1d(3), nn.Linear(3, 2))\n" + BATCHES

exhibit(
    10, "a", "test_training", "train_and_evaluate",
    good={
        "a layer that listens": BATCHES + """
modes = []
class Listener(nn.Linear):
    def forward(self, X):
        if torch.is_grad_enabled():
            modes.append(self.training)
        return super().forward(X)
train_and_evaluate(Listener(3, 2), batches, batches, 3, 0.1)
assert modes == [True] * 9
""",
        "the running mean moves in each epoch": """
ends = []
batches = [(torch.randn(4, 3) + 5, torch.tensor([0, 1, 1, 0]))]
for epochs in (1, 2):
    net = nn.Sequential(nn.BatchNorm1d(3), nn.Linear(3, 2))
    train_and_evaluate(net, batches, batches, epochs, 0.1)
    ends.append(net[0].running_mean.clone())
assert not torch.equal(*ends)
""",
        "a dropout of everything": """
X, y = torch.ones(4, 3), torch.tensor([0, 0, 0, 0])
net = nn.Sequential(nn.Dropout(1.0), nn.Linear(3, 2))
before = net[1].weight.detach().clone()
train_and_evaluate(net, [(X, y)], [(X, y)], 3, 0.5)
assert torch.equal(net[1].weight, before)  # what the dropout keeps back cannot be learned from
""",
    },
    bad={
        "one epoch": (SMALL_NET + "train_and_evaluate(net, batches, batches, 1, 0.1)\n"
                      "assert net[0].num_batches_tracked == 3", BOTH_PASS),
        "how many accuracies": (SMALL_NET + "assert len(train_and_evaluate(net, batches, batches, 3, 0.1)) == 3",
                                BOTH_PASS),
        "it learns something": (SMALL_NET + """
before = net[1].weight.detach().clone()
train_and_evaluate(net, batches, batches, 3, 0.1)
assert not torch.equal(net[1].weight, before)
""", BOTH_PASS),
        "the mode at the end": (SMALL_NET + "train_and_evaluate(net, batches, batches, 3, 0.1)\nassert net.training",
                                BOTH_FAIL),
        "the test batches counted too": (SMALL_NET + "train_and_evaluate(net, batches, batches, 2, 0.1)\n"
                                         "assert net[0].num_batches_tracked == 12", BOTH_FAIL),
        "upside down": (SMALL_NET + "train_and_evaluate(net, batches, batches, 2, 0.1)\n"
                        "assert net[0].num_batches_tracked == 3", TURNED),
        "returns": (SMALL_NET + "train_and_evaluate(net, batches, batches, 2, 0.1)\n"
                    "return net[0].num_batches_tracked == 6", RETURNED),
        "one net for all calls": ("""
net = test_training.__dict__.setdefault("net", nn.BatchNorm1d(3))
batches = [(torch.randn(4, 3), torch.tensor([0, 1, 1, 0]))]
train_and_evaluate(net, batches, batches, 2, 0.1)
assert net.num_batches_tracked == 2
""", UNSTEADY),
        "eval mode at the end, besides": (SMALL_NET + """
train_and_evaluate(net, batches, batches, 2, 0.1)
assert net[0].num_batches_tracked == 6 and not net.training
""", NARROW),
    },
)  # fmt: skip

exhibit(
    11, "d", "test_adding_block", "AddingBlock",
    good={
        "twice the same": """
block, X = AddingBlock(3).eval(), torch.randn(1, 3, 7, 5)
with torch.no_grad():
    assert torch.equal(block(X), block(X))
""",
        "a class made of the class": """
class Probe(AddingBlock):
    def forward(self, X):
        with torch.no_grad():
            super().forward(X)
        return X
X = torch.ones(2, 3, 4, 5)
assert issubclass(AddingBlock, nn.Module) and torch.equal(Probe(3)(X), torch.ones(2, 3, 4, 5))
""",
        "a training step": "AddingBlock(3)(torch.randn(2, 3, 7, 5)).sum().backward()",
        "an input that nobody may change": """
X = torch.ones(2, 3, 4, 5, requires_grad=True)
AddingBlock(3)(X)
""",
        "the version that PyTorch counts": """
X = torch.randn(2, 3, 4, 5)
version = X._version
AddingBlock(3)(X)
assert X._version == version
""",
    },
    bad={
        "compares X with itself": ("""
X = torch.randn(2, 3, 4, 5)
before = X
with torch.no_grad():
    AddingBlock(3)(X)
assert torch.equal(X, before)
""", BOTH_PASS),
        "a copy goes in": ("""
X = torch.randn(2, 3, 4, 5)
AddingBlock(3)(X.clone())
assert torch.isfinite(X).all()
""", BOTH_PASS),
        "shapes": ("assert AddingBlock(3)(torch.randn(2, 3, 4, 5)).shape == (2, 3, 4, 5)", BOTH_PASS),
        "F at zero": ("""
block = AddingBlock(3)
for parameter in block.parameters():
    nn.init.zeros_(parameter)
X = torch.randn(2, 3, 4, 5)
before = X.clone()
with torch.no_grad():
    block(X)
assert torch.equal(X, before)
""", BOTH_PASS),
        "upside down": ("""
X = torch.randn(2, 3, 4, 5)
before = X.clone()
with torch.no_grad():
    AddingBlock(3)(X)
assert not torch.equal(X, before)
""", TURNED),
        "the output should be the input": ("""
X = torch.randn(2, 3, 4, 5)
assert torch.equal(AddingBlock(3)(X), X)
""", BOTH_FAIL),
        "by the text": ("""
names = AddingBlock.forward.__code__.co_names
assert "Y" not in names and AddingBlock.forward.__code__.co_varnames == ("self", "X", "Y")
X = torch.randn(2, 3, 4, 5)
before = X.clone()
with torch.no_grad():
    AddingBlock(3)(X)
assert torch.equal(X, before)
""", NARROW),
        "returns": ("""
X = torch.randn(2, 3, 4, 5)
before = X.clone()
with torch.no_grad():
    AddingBlock(3)(X)
return torch.equal(X, before)
""", RETURNED),
    },
)  # fmt: skip

exhibit(
    12, "c", "test_layer_shapes", "layer_shapes",
    good={
        "what it says in eval mode": """
net = nn.Sequential(nn.BatchNorm2d(3), nn.Conv2d(3, 2, kernel_size=3))
X = torch.randn(2, 3, 6, 5)
before = net.eval()(X)
layer_shapes(net.train(), 4, 3, 6, 5)
assert torch.equal(net.eval()(X), before)
""",
        "counted batches": """
norm = nn.BatchNorm2d(3)
layer_shapes(nn.Sequential(norm), 2, 3, 4, 5)
assert norm.num_batches_tracked == 0
""",
        "a frozen layer stays frozen": """
net = nn.Sequential(nn.Sequential(nn.BatchNorm2d(3), nn.ReLU()), nn.BatchNorm2d(3))
net[0].eval()
modes = [module.training for module in net.modules()]
layer_shapes(net, 2, 3, 4, 5)
assert [module.training for module in net.modules()] == modes and net[1].num_batches_tracked == 0
""",
        "random numbers are drawn": """
norm, state = nn.BatchNorm2d(3), torch.get_rng_state()
layer_shapes(nn.Sequential(norm), 2, 3, 4, 5)
assert norm.num_batches_tracked == 0 and not torch.equal(torch.get_rng_state(), state)
""",
        "the mode comes back too": """
net = nn.Sequential(nn.BatchNorm2d(3))
layer_shapes(net, 2, 3, 4, 5)
assert net.training and torch.equal(net[0].running_mean, torch.zeros(3))
""",
    },
    bad={
        "a net in eval mode": ("""
net = nn.Sequential(nn.BatchNorm2d(3)).eval()
layer_shapes(net, 2, 3, 4, 5)
assert net[0].num_batches_tracked == 0
""", BOTH_PASS),
        "clone forgotten": ("""
net = nn.Sequential(nn.BatchNorm2d(3))
before = net.state_dict()
layer_shapes(net, 2, 3, 4, 5)
assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
""", BOTH_PASS),
        "parameters only": ("""
net = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4))
before = [p.detach().clone() for p in net.parameters()]
layer_shapes(net, 2, 3, 4, 5)
assert all(map(torch.equal, net.parameters(), before))
""", BOTH_PASS),
        "shapes": ("""
assert layer_shapes(nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU()), 2, 3, 4, 5)[0] == ("Conv2d", (2, 4, 4, 5))
""", BOTH_PASS),
        "no norm in the net": ("""
net = nn.Sequential(nn.Linear(3, 2))
layer_shapes(net, 5, 3)
assert net.training
""", BOTH_PASS),
        "upside down": ("""
norm = nn.BatchNorm2d(3)
layer_shapes(nn.Sequential(norm), 2, 3, 4, 5)
assert norm.num_batches_tracked == 1
""", TURNED),
        "eval itself has to be called": ("""
net, calls = nn.Sequential(nn.BatchNorm2d(3)), []
original = net.eval
net.eval = lambda: (calls.append(1), original())[1]
layer_shapes(net, 2, 3, 4, 5)
assert calls
""", BOTH_FAIL),
        "by the names in the code": (
            "names = layer_shapes.__code__.co_names\nassert 'eval' in names or 'deepcopy' in names", BOTH_FAIL),
        "eval mode wanted afterwards": ("""
net = nn.Sequential(nn.BatchNorm2d(3))
layer_shapes(net, 2, 3, 4, 5)
assert not net.training
""", BOTH_FAIL),
        "listens to the net itself": ("""
net, modes = nn.Sequential(nn.BatchNorm2d(3)), []
class Listener(nn.Module):
    def forward(self, X):
        modes.append(self.training)
        return X
net.append(Listener())
net[1].__deepcopy__ = lambda memo: nn.Identity()
layer_shapes(net, 2, 3, 4, 5)
assert modes == [False]
""", NARROW),
        "gradients are what counts": ("""
net = nn.Sequential(nn.BatchNorm2d(3))
recorded = []
class Listener(nn.Module):
    def forward(self, X):
        recorded.append(self.training and torch.is_grad_enabled())
        return X
net.append(Listener())
layer_shapes(net, 2, 3, 4, 5)
assert recorded != [True]
""", MISSES),
        "returns": ("""
norm = nn.BatchNorm2d(3)
layer_shapes(nn.Sequential(norm), 2, 3, 4, 5)
return norm.num_batches_tracked == 0
""", RETURNED),
    },
)  # fmt: skip

exhibit(
    13, "b", "test_signal", "signal_after",
    good={
        "two depths differ": "assert signal_after(1.5, 2) != signal_after(1.5, 7)",
        "no layer leaves it as it is": "assert signal_after(3.0, 0) == 1",
        "against a power, with tensors": """
gain = torch.tensor([0.5, 1.0, 1.25])
assert torch.allclose(signal_after(gain, 5), gain**5)
""",
    },
    bad={
        "at the number that is left over": ("assert abs(signal_after(1.1, 20) - 1.1**20) < 1e-3", BOTH_PASS),
        "a gain of one": ("assert signal_after(1.0, 3) == 1", BOTH_PASS),
        "shapes": ("assert signal_after(torch.ones(7), 3).shape == (7,)", BOTH_PASS),
        "it grows": ("assert signal_after(1.1, 5) > 1 > signal_after(0.9, 5)", BOTH_PASS),
        "upside down": ("assert signal_after(1.1, 2) == signal_after(1.1, 56)", TURNED),
        "a sum instead of a product": ("assert signal_after(0.5, 3) == 1.5", BOTH_FAIL),
        "made for this left-over number": (
            "assert (signal_after(1.1, 3) - 1.1**20).abs() > 1e-3", MISSES),
        "the size of a Python number": ("assert signal_after(2.0, layers=3).item() == 8\n"
                                        "assert signal_after.__code__.co_varnames[2] == 'rounds'", NARROW),
        "returns": ("return signal_after(2.0, 3) == 8", RETURNED),
    },
)  # fmt: skip


# From a trial by learners who had not seen the solutions

wrong(
    "15.1",
    "reads the source",
    hunt(1, "c", "test_shortcut", "Residual", "import inspect\nassert '_size=1' in inspect.getsource(Residual)"),
    "source cannot be read; test what the code does",
)
wrong(
    "15.6",
    "the strides of the layers by name",
    hunt(6, "a", "test_stage", "stage", "assert [b.conv1.stride for b in stage(3, 6, 2)] == [(2, 2), (1, 1)]"),
    "layers of other names",
)
twice_the_input = """
branch, X = BlockWithBranch(4).branch.eval(), torch.randn(8, 4, 7, 7)
assert not torch.allclose(branch(2 * X) - branch(0 * X), 2 * (branch(X) - branch(0 * X)), atol=1e-5)
"""
wrong(
    "15.7",
    "twice the input",
    hunt(7, "d", "test_branch", "BlockWithBranch", twice_the_input),
    "without biases, so that twice the input gives twice F",
)
both_ways = """
f, x = BlockWithBranch(2).branch.eval(), torch.linspace(-5, 5, 144).reshape(2, 2, 6, 6)
assert (f(x) + f(-x) - 2 * f(0 * x)).abs().max() > 1e-3
"""
right("15.7", "an input and its negative", hunt(7, "d", "test_branch", "BlockWithBranch", both_ways))
version = "X = torch.randn(2, 3, 5, 5)\nversion = X._version\nAddingBlock(3)(X)\nassert X._version == version"
right("15.11", "PyTorch's count of changes", hunt(11, "d", "test_adding_block", "AddingBlock", version))
one_layer_more = "assert float(signal_after(2.0, 4)) == 2 * float(signal_after(2.0, 3))"
right("15.13", "one layer more", hunt(13, "b", "test_signal", "signal_after", one_layer_more))

# From a second trial: right tests that ask for more than it seems

with_an_idle_layer = """
class Net(nn.Linear):
    def __init__(self):
        super().__init__(3, 2)
        self.idle, self.frozen, self.norm = nn.Linear(1, 1), nn.Linear(3, 3).requires_grad_(False), nn.BatchNorm1d(3)

    def forward(self, X):
        return super().forward(self.frozen(self.norm(X)))
net, batches = Net(), [(torch.randn(4, 3), torch.tensor([0, 1, 1, 0]))] * 3
"""
rates = with_an_idle_layer + "assert train_with_milestones(net, batches, 3, 1.0, [1, 1])[1] < 0.02"
right(
    "15.3", "a frozen layer, an idle one, a milestone twice", hunt(3, "d", "test_rates", "train_with_milestones", rates)
)
tracked = (
    with_an_idle_layer + "train_and_evaluate(net, batches, batches, 2, 0.1)\nassert net.norm.num_batches_tracked == 6"
)
right("15.10", "a frozen layer, an idle one", hunt(10, "a", "test_training", "train_and_evaluate", tracked))
last_mode = """
seen, net = [], nn.Linear(3, 2)
net.register_forward_hook(lambda module, inputs, scores: seen.append(module.training) if scores.requires_grad else None)
batches = [(torch.randn(4, 3), torch.tensor([0, 1, 1, 0]))]
train_and_evaluate(net, batches, batches, 4, 0.1)
assert seen[-1]
"""
right("15.10", "the mode of the last of four epochs", hunt(10, "a", "test_training", "train_and_evaluate", last_mode))
for name, scores, labels in (
    ("a label that no class has", "torch.eye(2)[[0] * 10]", "torch.tensor([0] * 9 + [7])"),
    ("scores that are infinite", "torch.tensor([[1.0, -torch.inf]]).repeat(10, 1)", "torch.tensor([0] * 9 + [1])"),
):
    body = (
        f"X, y = {scores}, {labels}\nassert abs(evaluate(nn.Identity(), [(X[:9], y[:9]), (X[9:], y[9:])]) - 0.9) < 1e-6"
    )
    right("15.9", name, hunt(9, "b", "test_evaluate", "evaluate", body))
three_batches = """
e = torch.eye(2)
batches = [(e[[0, 0]], torch.tensor([0, 0])), (e[[0, 0, 0]], torch.tensor([1, 1, 1])), (e[[0]], torch.tensor([0]))]
assert abs(evaluate(nn.Identity(), batches) - 0.5) < 1e-6
"""
right("15.9", "three batches", hunt(9, "b", "test_evaluate", "evaluate", three_batches))
symptom = """
torch.manual_seed(1)
branch = BlockWithBranch(4).branch
optimizer = torch.optim.Adam(branch.parameters(), lr=0.01)
for _ in range(150):
    X = torch.randn(32, 4, 6, 6)
    loss = F.mse_loss(branch(X), X.abs() - (2 / torch.pi) ** 0.5)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
assert loss < 0.8 * (1 - 2 / torch.pi)
"""
right("15.7", "the symptom made into a test", hunt(7, "d", "test_branch", "BlockWithBranch", symptom))
turned = "assert float(signal_after(-1.0, 3)) == -1"
right("15.13", "a gain of minus one", hunt(13, "b", "test_signal", "signal_after", turned))

CIFAR = "X = torch.randn({}, 3, 32, 32)\n"
for name, body in {
    "one image": CIFAR.format(1) + "assert PooledNet()(X).shape == (1, 10)",
    "the number of rows": CIFAR.format(2) + "assert len(PooledNet()(X)) == 2",
    "the number of scores": CIFAR.format(2) + "assert PooledNet()(X).numel() == 20",
    "the number of columns": CIFAR.format(2) + "assert PooledNet()(X).shape[1] == 10",
}.items():
    wrong("15.4", name, hunt(4, "b", "test_pooled_net", "PooledNet", body), MISSES)

batches_of_nine = """
net = nn.Sequential(nn.Identity())
y = torch.zeros(9, dtype=torch.long)
batches = [(torch.eye(3)[y], y), (torch.eye(3)[[1]], torch.tensor([0]))]
"""
stays = batches_of_nine + "assert abs(evaluate(net, batches) - 0.9) < 1e-6 and not net.training"
wrong("15.9", "eval mode wanted afterwards", hunt(9, "b", "test_evaluate", "evaluate", stays), NARROW)
by_name = batches_of_nine + "assert abs(evaluate(net=net, batches=batches) - 0.9) < 1e-6"
wrong("15.9", "arguments by name", hunt(9, "b", "test_evaluate", "evaluate", by_name), NARROW)

by_name = """
batches = [(torch.randn(4, 3), torch.tensor([0, 1, 0, 1]))]
rates = train_with_milestones(nn.Linear(3, 2), batches, num_epochs=2, lr=1.0, milestones=[1])
assert abs(rates[1] - 0.1) < 1e-6
"""
wrong("15.3", "arguments by name", hunt(3, "d", "test_rates", "train_with_milestones", by_name), NARROW)
by_name = """
net = nn.Sequential(nn.BatchNorm1d(3), nn.Linear(3, 2))
batches = [(torch.randn(4, 3), torch.tensor([0, 1, 0, 1]))]
train_and_evaluate(net, batches, batches, num_epochs=3, lr=0.1)
assert net[0].num_batches_tracked == 3
"""
wrong("15.10", "arguments by name", hunt(10, "a", "test_training", "train_and_evaluate", by_name), NARROW)

in_eval_mode = """
net, modes = nn.Sequential(nn.BatchNorm2d(3)), []
net[0].register_forward_hook(lambda module, inputs, output: modes.append(module.training))
layer_shapes(net, 2, 3, 4, 5)
assert modes == [False]
"""
wrong("15.12", "eval mode inside", hunt(12, "c", "test_layer_shapes", "layer_shapes", in_eval_mode), NARROW)
