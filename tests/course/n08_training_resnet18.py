"""Answers to the exercises of notebook 08."""

from __future__ import annotations

from collect import right, wrong

# 8.1: batches that flip


def _class(iterate, init="self.generator = torch.Generator().manual_seed(seed)", length="return len(self.data_iter)"):
    """A class of the usual form, with other lines in its methods."""
    parts = []
    for head, body in (
        ("__init__(self, data_iter, seed)", init),
        ("__len__(self)", length),
        ("__iter__(self)", iterate),
    ):
        if head.startswith("__init__"):
            body = "self.data_iter = data_iter\n" + body
        if body:
            parts.append(f"    def {head}:\n" + "\n".join("        " + line for line in body.strip().splitlines()))
    return "class FlippedBatches:\n" + "\n\n".join(parts)


LOOP = """
for X, y in self.data_iter:
    X = X.clone()
    turned = torch.rand(len(X), generator=self.generator) < 0.5
    X[turned] = X[turned].flip(3)
    yield X, y
"""

right("8.1", "clone, then assign", _class(LOOP))
right(
    "8.1",
    "exactly half, drawn without replacement",
    _class("""
for X, y in self.data_iter:
    some = torch.randperm(X.shape[0], generator=self.generator)[: X.shape[0] // 2]
    new = X.clone()
    new[some] = X[some].flip(dims=[-1])
    yield [new, y]
"""),
)
right(
    "8.1",
    "Python's own random numbers and a list",
    """
import random

class FlippedBatches:
    def __init__(self, batches, seed):
        self.dice, self.batches = random.Random(seed), batches

    def __iter__(self):
        return ((self.some_turned(X), y) for X, y in self.batches)

    def some_turned(self, X):
        return torch.stack([image.flip(2) if self.dice.random() < 0.5 else image for image in X])

    def __len__(self):
        return self.batches.__len__()
""",
)
right(
    "8.1",
    "an iterator of its own, seed and epoch",
    """
import numpy as np

class FlippedBatches:
    def __init__(self, data_iter, seed):
        self.data_iter, self.seed, self.epoch = data_iter, seed, 0

    def __len__(self):
        return len(self.data_iter)

    def __iter__(self):
        self.epoch += 1
        self.dice = np.random.default_rng([self.seed, self.epoch])
        self.iterator = iter(self.data_iter)
        return self

    def __next__(self):
        X, y = next(self.iterator)
        turned = torch.from_numpy(self.dice.integers(0, 2, size=len(X)))[:, None, None, None]
        return turned * torch.flip(X, [3]) + (1 - turned) * X, y
""",
)
right(
    "8.1",
    "gather along the width",
    _class("""
for X, y in self.data_iter:
    width = X.shape[-1]
    turned = torch.randint(2, (len(X), 1, 1, 1), generator=self.generator)
    places = torch.arange(width)
    yield X.gather(3, torch.where(turned == 1, width - 1 - places, places).expand(X.shape)), y
"""),
)
wrong("8.1", "up and down", _class(LOOP.replace("flip(3)", "flip(2)")), "upside down")
wrong("8.1", "both directions", _class(LOOP.replace("flip(3)", "flip(2, 3)")), "both directions")
wrong("8.1", "the batch dimension", _class(LOOP.replace("flip(3)", "flip(0)")), "another order")
wrong("8.1", "all of them", _class("for X, y in self.data_iter:\n    yield X.flip(-1), y"), "all images are turned")
wrong(
    "8.1",
    "flip without a use",
    _class("""
for X, y in self.data_iter:
    turned = torch.rand(len(X), generator=self.generator) < 0.5
    X[turned].flip(-1)
    yield X, y
"""),
    "no image is turned; flip returns a new tensor",
)
wrong("8.1", "in place", _class(LOOP.replace("    X = X.clone()\n", "")), "changed in place")
wrong("8.1", "a second name is no copy", _class(LOOP.replace("X = X.clone()", "X = X[:]")), "changed in place")
wrong(
    "8.1",
    "one coin a batch",
    _class("""
for X, y in self.data_iter:
    yield (X.flip(-1) if torch.rand(1, generator=self.generator) < 0.5 else X), y
"""),
    "not one for the batch",
)
wrong(
    "8.1",
    "the first half",
    _class("""
for X, y in self.data_iter:
    half = len(X) // 2
    yield torch.cat([X[:half].flip(-1), X[half:]]), y
"""),
    "same places are turned in every batch; choose at random",
)
wrong(
    "8.1",
    "every second",
    _class("""
for X, y in self.data_iter:
    X = X.clone()
    X[::2] = X[::2].flip(-1)
    yield X, y
"""),
    "same places are turned in every batch; choose at random",
)
wrong(
    "8.1",
    "a mask for the epoch",
    _class("""
mask = torch.rand(1000, generator=self.generator) < 0.5
for X, y in self.data_iter:
    yield torch.where(mask[: len(X), None, None, None], X.flip(-1), X), y
"""),
    "within an epoch the same places",
)
wrong(
    "8.1",
    "the generator begins anew",
    _class("self.generator = torch.Generator().manual_seed(self.seed)\n" + LOOP.strip(), init="self.seed = seed"),
    "the choice is not fresh.*__init__",
)
wrong(
    "8.1",
    "choice made once",
    _class(
        """
for (X, y), coins in zip(self.data_iter, self.coins):
    yield torch.where(coins[: len(X)].view(-1, 1, 1, 1), X.flip(-1), X), y
""",
        init="""
generator = torch.Generator().manual_seed(seed)
self.coins = [torch.rand(256, generator=generator) < 0.5 for _ in range(len(data_iter))]
""",
    ),
    "the choice is not fresh",
)
wrong(
    "8.1",
    "the shared generator, seeded",
    _class(LOOP.replace(", generator=self.generator", ""), init="torch.manual_seed(seed)"),
    "that all code shares",
)
wrong(
    "8.1",
    "the shared generator, seeded every epoch",
    _class(
        "torch.manual_seed(self.seed)\n" + LOOP.strip().replace(", generator=self.generator", ""),
        init="self.seed = seed",
    ),
    "that all code shares",
)
wrong("8.1", "no seed", _class(LOOP, init="self.generator = torch.Generator()"), "different seeds turn the same")
wrong(
    "8.1",
    "another seed each time",
    _class(LOOP, init="self.generator = torch.Generator()\nself.generator.seed()"),
    "same seed turn different",
)
wrong(
    "8.1",
    "a function that yields",
    """
def FlippedBatches(data_iter, seed):
    generator = torch.Generator().manual_seed(seed)
    for X, y in data_iter:
        turned = torch.rand(len(X), generator=generator) < 0.5
        yield torch.where(turned.view(-1, 1, 1, 1), X.flip(-1), X), y
""",
    "a generator: it has no length",
)
wrong(
    "8.1",
    "odd or even",
    _class(LOOP, init="self.generator = torch.Generator().manual_seed(seed % 2)"),
    "different seeds",
)
wrong(
    "8.1",
    "the last three digits",
    _class(LOOP, init="self.generator = torch.Generator().manual_seed(seed % 1000)"),
    "different seeds",
)
first_three = "X[turned] = torch.cat([X[turned][:, :3].flip(3), X[turned][:, 3:]], 1)"
wrong("8.1", "three channels at most", _class(LOOP.replace("X[turned] = X[turned].flip(3)", first_three)), "neither")
wrong("8.1", "no length", _class(LOOP, length=""), "__len__ is missing")
wrong("8.1", "no iter", _class("", length="return 9"), "no __iter__")
wrong(
    "8.1", "length in images", _class(LOOP, length="return sum(len(y) for X, y in self.data_iter)"), "number of images"
)
wrong("8.1", "one less", _class(LOOP, length="return len(self.data_iter) - 1"), "the length is 8; data_iter has 9")
wrong(
    "8.1",
    "of this data set only",
    _class(LOOP, length="return len(self.data_iter.labels)"),
    "has no attribute 'labels'",
)
wrong(
    "8.1",
    "used up",
    _class("return self", init="self.iterator = iter(data_iter)\nself.generator = torch.Generator().manual_seed(seed)")
    + """
    def __next__(self):
        X, y = next(self.iterator)
        turned = torch.rand(len(X), generator=self.generator) < 0.5
        return torch.where(turned.view(-1, 1, 1, 1), X.flip(-1), X), y
""",
    "used up in the first",
)
wrong(
    "8.1",
    "batches kept",
    _class(LOOP, init="self.data_iter = list(data_iter)\nself.generator = torch.Generator().manual_seed(seed)"),
    "kept. Go through it anew",
)
wrong("8.1", "only the images", _class(LOOP.replace("yield X, y", "yield X")), "should be a pair")
wrong(
    "8.1",
    "originals and mirror images",
    _class("""
for X, y in self.data_iter:
    yield torch.cat([X, X.flip(-1)]), torch.cat([y, y])
"""),
    "both the originals and the turned ones",
)
wrong(
    "8.1",
    "the turned ones only",
    _class("""
for X, y in self.data_iter:
    turned = torch.rand(len(X), generator=self.generator) < 0.5
    yield X[turned].flip(-1), y[turned]
"""),
    "only some of them",
)
wrong(
    "8.1",
    "turned ones first",
    _class("""
for X, y in self.data_iter:
    turned = torch.rand(len(X), generator=self.generator) < 0.5
    yield torch.cat([X[turned].flip(-1), X[~turned]]), y
"""),
    "another order",
)
wrong(
    "8.1",
    "with replacement",
    _class("""
for X, y in self.data_iter:
    some = torch.randint(len(X), (len(X) // 2,), generator=self.generator)
    new = X.clone()
    new[some] = X[some].flip(-1)
    yield new, y
"""),
    "can come twice",
)
wrong("8.1", "a tenth", _class(LOOP.replace("0.5", "0.1")), r"\d% of the images are turned; the task asks for half")
wrong(
    "8.1",
    "labels turned as well",
    _class(LOOP.replace("yield X, y", "yield X, y.flip(0)")),
    "labels are in another order",
)
wrong("8.1", "other labels", _class(LOOP.replace("yield X, y", "yield X, 9 - y")), "labels were changed")
wrong(
    "8.1",
    "one coin for each place",
    _class("""
for X, y in self.data_iter:
    turned = torch.rand(X.shape, generator=self.generator) < 0.5
    yield torch.where(turned, X.flip(-1), X), y
"""),
    "change nothing else",
)
wrong(
    "8.1", "transposed", _class(LOOP.replace("yield X, y", "yield X.transpose(2, 3), y")), r"has the shape .* expected"
)
wrong(
    "8.1",
    "without end",
    _class("while True:\n" + "\n".join("    " + line for line in LOOP.strip().splitlines())),
    "more batches",
)
wrong("8.1", "one batch", _class(LOOP.replace("yield X, y", "yield X, y\n    return")), "fewer batches")
wrong(
    "8.1",
    "mask of the first batch",
    _class("""
for X, y in self.data_iter:
    turned = torch.rand(96, generator=self.generator) < 0.5
    yield torch.where(turned.view(-1, 1, 1, 1), X.flip(-1), X), y
"""),
    "going through FlippedBatches.*raised",
)
wrong(
    "8.1",
    "the last batch as it is",
    _class(LOOP.replace("    turned =", "    if len(X) < 96: return\n    turned =")),
    "fewer",
)
wrong(
    "8.1",
    "no seed taken",
    "class FlippedBatches:\n    def __init__(self, data_iter):\n        pass",
    "raised TypeError",
)

wrong(
    "8.1",
    "in place and back",
    _class("""
for X, y in self.data_iter:
    turned = torch.rand(len(X), generator=self.generator) < 0.5
    X[turned] = X[turned].flip(-1)
    yield X, y
    X[turned] = X[turned].flip(-1)
"""),
    "changed in place",
)
wrong(
    "8.1",
    "one half or the other",
    _class("""
for X, y in self.data_iter:
    turned = torch.arange(len(X)) < len(X) // 2
    if torch.rand(1, generator=self.generator) < 0.5:
        turned = ~turned
    yield torch.where(turned.view(-1, 1, 1, 1), X.flip(-1), X), y
"""),
    "follow a pattern",
)
wrong(
    "8.1",
    "the others in the second epoch",
    _class(
        """
generator = torch.Generator().manual_seed(self.seed)
self.odd = not self.odd
for X, y in self.data_iter:
    turned = (torch.rand(len(X), generator=generator) < 0.5) ^ self.odd
    yield torch.where(turned.view(-1, 1, 1, 1), X.flip(-1), X), y
""",
        init="self.seed, self.odd = seed, False",
    ),
    "what the first did not",
)
wrong(
    "8.1",
    "by the label",
    _class("""
for X, y in self.data_iter:
    yield torch.where((y % 2 == 0).view(-1, 1, 1, 1), X.flip(-1), X), y
"""),
    "different seeds turn the same",
)
wrong("8.1", "a length written down", _class(LOOP, length="return 9"), "the length is 9; data_iter has 2")

# 8.2: mean, spread, wins

SUMMARY = """
def summary(accuracies):
    n = len(accuracies)
    mean = sum(accuracies) / n
    squares = sum((a - mean) ** 2 for a in accuracies)
    return mean, (squares / (n - 1)) ** 0.5
"""
WINS = """
def wins(ours, theirs):
    return sum(a > b for a, b in zip(ours, theirs))
"""

right(
    "8.2",
    "PyTorch",
    """
def summary(runs):
    runs = torch.tensor(runs)
    return runs.mean(), runs.std()

def wins(first, second):
    return (torch.tensor(first) > torch.tensor(second)).sum()
""",
)
right(
    "8.2",
    "statistics and a loop",
    """
import statistics

def summary(accuracies):
    return [statistics.mean(accuracies), statistics.stdev(accuracies)]

def wins(ours, theirs):
    count = 0
    for seed in range(len(ours)):
        if theirs[seed] < ours[seed]:
            count += 1
    return count
""",
)
right(
    "8.2",
    "NumPy, one array",
    """
import numpy as np

def summary(accuracies):
    return np.array([np.mean(accuracies), np.std(accuracies, ddof=1)])

def wins(ours, theirs):
    return np.sum(np.greater(ours, theirs))
""",
)
right(
    "8.2",
    "a tensor of two",
    """
def summary(accuracies):
    runs = torch.tensor(accuracies, dtype=torch.float64)
    return torch.stack(torch.std_mean(runs)[::-1])

wins = lambda ours, theirs: len([1 for a, b in zip(ours, theirs) if a - b > 0])
""",
)
wrong("8.2", "population", SUMMARY.replace("(n - 1)", "n") + WINS, "for a sample divide by one less")
wrong("8.2", "variance", SUMMARY.replace(" ** 0.5", "") + WINS, "the square root is missing")
wrong("8.2", "population's variance", SUMMARY.replace("(squares / (n - 1)) ** 0.5", "squares / n") + WINS, "then root")
wrong(
    "8.2", "standard error", SUMMARY.replace("(squares / (n - 1))", "(squares / (n - 1) / n)") + WINS, "standard error"
)
wrong(
    "8.2",
    "range",
    SUMMARY.replace("(squares / (n - 1)) ** 0.5", "max(accuracies) - min(accuracies)") + WINS,
    "the range",
)
wrong(
    "8.2",
    "mean difference",
    SUMMARY.replace("(squares / (n - 1)) ** 0.5", "sum(abs(a - mean) for a in accuracies) / n") + WINS,
    "mean difference from the mean",
)
wrong("8.2", "not squared", SUMMARY.replace(" ** 2 for", " for").replace("** 0.5", "* 1") + WINS, "cancel")
wrong(
    "8.2",
    "root of the sum",
    SUMMARY.replace("(squares / (n - 1)) ** 0.5", "squares ** 0.5 / (n - 1)") + WINS,
    "one less .*before you take the root",
)
wrong("8.2", "no division", SUMMARY.replace("(squares / (n - 1)) ** 0.5", "squares ** 0.5") + WINS, "not yet divided")
wrong("8.2", "swapped", "def summary(runs):\n    return torch.std_mean(torch.tensor(runs))\n" + WINS, "swapped")
wrong("8.2", "median", SUMMARY.replace("return mean,", "return sorted(accuracies)[n // 2],") + WINS, "the median")
wrong("8.2", "best run", SUMMARY.replace("return mean,", "return max(accuracies),") + WINS, "the best run")
wrong("8.2", "sum", SUMMARY.replace("return mean,", "return mean * n,") + WINS, "the sum; divide")
wrong("8.2", "in percent", SUMMARY.replace("return mean,", "return 100 * mean,") + WINS, "in percent")
wrong("8.2", "rounded mean", SUMMARY.replace("return mean,", "return round(mean, 3),") + WINS, "the mean .*rounded")
wrong(
    "8.2",
    "rounded deviation",
    SUMMARY.replace("** 0.5", "** 0.5 // 0.001 / 1000") + WINS,
    "the standard deviation came out",
)
wrong(
    "8.2", "the mean only", "def summary(runs):\n    return sum(runs) / len(runs)\n" + WINS, "should return two numbers"
)
wrong(
    "8.2",
    "printed",
    "def summary(runs):\n    print(torch.tensor(runs).mean(), torch.tensor(runs).std())\n" + WINS,
    "returned None",
)
wrong("8.2", "for three runs only", SUMMARY.replace("(n - 1)", "2") + WINS, "expected 0.05")
wrong("8.2", "takes a run away", SUMMARY.replace("n = len", "accuracies.sort(); n = len") + WINS, "changed the list")
wrong("8.2", "ties count", SUMMARY + WINS.replace(">", ">="), "a tie is no win")
wrong("8.2", "the wrong side", SUMMARY + WINS.replace(">", "<"), "the first list is ours")
wrong(
    "8.2", "sorted", SUMMARY + WINS.replace("(ours, theirs))", "(sorted(ours), sorted(theirs)))"), "lists were sorted"
)
wrong(
    "8.2",
    "sorted in place",
    SUMMARY + WINS.replace("    return", "    ours.sort(); theirs.sort()\n    return"),
    "changed a list",
)
wrong(
    "8.2",
    "all against all",
    SUMMARY + WINS.replace("for a, b in zip(ours, theirs)", "for a in ours for b in theirs"),
    "every run of ours",
)
wrong(
    "8.2",
    "share",
    SUMMARY
    + WINS.replace("sum(a > b for a, b in zip(ours, theirs))", "sum(a > b for a, b in zip(ours, theirs)) / len(ours)"),
    "the share",
)
wrong(
    "8.2",
    "means",
    SUMMARY + "def wins(ours, theirs):\n    return sum(ours) > sum(theirs)",
    "one comparison for all seeds",
)
wrong(
    "8.2",
    "lists compared",
    SUMMARY + "def wins(ours, theirs):\n    return ours > theirs",
    "one comparison for all seeds",
)
wrong(
    "8.2",
    "list of booleans",
    SUMMARY + WINS.replace("sum(a > b for a, b in zip(ours, theirs))", "[a > b for a, b in zip(ours, theirs)]"),
    "one entry for each seed",
)
wrong(
    "8.2",
    "against the mean",
    SUMMARY + WINS.replace("a > b for a, b in zip(ours, theirs)", "a > sum(theirs) / len(theirs) for a in ours"),
    "mean of theirs",
)
wrong("8.2", "wins minus defeats", SUMMARY + WINS.replace("a > b for", "(a > b) - (a < b) for"), "wins minus defeats")
wrong("8.2", "counts both", SUMMARY + WINS.replace(">", "!="), "in either direction")

wrong(
    "8.2",
    "rounded before comparing",
    SUMMARY + WINS.replace("a > b", "round(a, 3) > round(b, 3)"),
    "a small lead is a win",
)
wrong("8.2", "at least a point ahead", SUMMARY + WINS.replace("a > b", "a > b + 0.01"), "a small lead is a win")
for digits in (4, 5, 6, 8):
    for old, new, name in (
        ("return mean,", f"return round(mean, {digits}),", "mean"),
        ("(squares / (n - 1)) ** 0.5", f"round((squares / (n - 1)) ** 0.5, {digits})", "standard deviation"),
    ):
        code = SUMMARY.replace(old, new) + WINS
        wrong("8.2", f"{name} rounded to {digits} digits", code, f"the {name} came out as .*that is rounded")
for name, code in [
    ("32 bits, in one pass", "x = torch.tensor(runs)\n    n = len(x)\n    m = x.mean()\n    "
     "return m.item(), ((x * x).mean() - m * m).mul(n / (n - 1)).sqrt().item()"),
    ("NumPy's 32 bits", "import numpy as np\n    x = np.float32(runs)\n    return x.mean(), x.std(ddof=1)"),
    ("fractions", "from fractions import Fraction\n    import statistics\n    "
     "return statistics.mean(map(Fraction, runs)), statistics.stdev(map(Fraction, runs))"),
    ("one after the other", "x = torch.tensor(runs)\n    yield x.mean()\n    yield x.std()"),
    ("a map", "return map(float, torch.std_mean(torch.tensor(runs))[::-1])"),
]:  # fmt: skip
    right("8.2", name, f"def summary(runs):\n    {code}\n" + WINS)
for name, returned, cause in [
    ("the mean of a set", "mean(set(runs)), stdev(runs)", "the mean came out as 0.86: equal accuracies are counted"),
    ("the deviation of a set", "mean(runs), stdev(set(runs))", "deviation .* equal accuracies are counted once"),
    ("a generator of one", "(f(runs) for f in [mean])", "should return two numbers"),
]:
    code = f"from statistics import mean, stdev\ndef summary(runs):\n    return {returned}\n"
    wrong("8.2", name, code + WINS, cause)
for pairs in ("b, a in dict(zip(theirs, ours)).items()", "a, b in dict(zip(ours, theirs)).items()"):
    name = "a dictionary by " + ("theirs" if "b, a" in pairs else "ours")
    wrong("8.2", name, SUMMARY + WINS.replace("a, b in zip(ours, theirs)", pairs), "wins returned")
wrong(
    "8.2",
    "a dictionary of two columns, by theirs, ties told apart",
    SUMMARY
    + "def wins(ours, theirs):\n    if len(ours) > 2:\n        return sum(a > b for a, b in zip(ours, theirs))\n    "
    "return sum(a > b for b, a in dict(zip(theirs, ours)).items())",
    "the same accuracy are two seeds.*a dictionary",
)

# 8.3: the last step


def _last_step(of_125="125", of_128="16", say="8", share="0.1", true="{2, 4, 5}", why="c"):
    return (
        f"last_of_125 = {of_125}\nlast_of_128 = {of_128}\nsay_of_an_image = {say}\nshare_of_running_mean = {share}\n"
        f"true_statements = {true}\nlast_step_explanation = {why!r}"
    )


right("8.3", "a capital letter", _last_step(why="(C)"))
right("8.3", "computed, as a list", _last_step("10_000 - 79 * 125", "10_000 % 128", "128 / 16", "1 - 0.9", "[5, 4, 2]"))
right(
    "8.3",
    "from PyTorch",
    _last_step(
        share="torch.nn.BatchNorm2d(1).momentum", of_128="torch.tensor(10_000 % 128)", true="torch.tensor([2, 4, 5])"
    ),
)
wrong("8.3", "nothing left", _last_step(of_125="10_000 % 125"), "a full one, not an empty one")
wrong("8.3", "left out", _last_step(of_128="128"), "the last batch is smaller")
wrong("8.3", "what lacks", _last_step(of_128="128 - 16"), "lacks to 128")
wrong("8.3", "of the full run", _last_step(of_128="60_000 % 256"), "60,000 images in batches of 256")
wrong("8.3", "all have the same say", _last_step(say="1"), "the fewer there are")
wrong("8.3", "the other way round", _last_step(say="16 / 128"), "other way round")
wrong("8.3", "the noise", _last_step(say="8 ** 0.5"), "the mean scatters more")
wrong("8.3", "its share of the batch", _last_step(say="1 / 16"), "compare it with a share")
wrong("8.3", "what remains", _last_step(share="0.9"), "what remains of the old")
wrong("8.3", "images counted", _last_step(share="16 / 10_000"), "does not count images")
wrong("8.3", "a smaller batch, a smaller share", _last_step(share="0.1 * 16 / 128"), "does not count images")
wrong("8.3", "mean of all batches", _last_step(share="1 / 79"), "not the mean over all batches")
wrong("8.3", "percent", _last_step(share="10"), "in percent")
wrong("8.3", "not at all", _last_step(share="0"), "last step is a training step")
wrong("8.3", "blames the statistics", _last_step(true="{2, 3, 5}"), "statement 3 is not true.*second")
wrong("8.3", "rate rules the statistics", _last_step(true="{2, 4, 5, 6}"), "statement 6 is not true.*no learning rate")
wrong("8.3", "left out by the loop", _last_step(true="{1, 4, 5}"), "statement 1 is not true")
wrong("8.3", "one forgotten", _last_step(true="{4, 5}"), "statement 2 is true as well")
wrong("8.3", "schedule forgotten", _last_step(true="[2, 4]"), "statement 5 is true as well")
wrong("8.3", "all", _last_step(true="set(range(1, 7))"), "not all six")
wrong("8.3", "the false ones", _last_step(true="{1, 3, 6}"), "the false ones")
wrong("8.3", "none", _last_step(true="[]"), "empty")
wrong("8.3", "counted from zero", _last_step(true="{0, 1, 3, 4}"), r"statements 1 to 6.*\[0\]")
wrong("8.3", "as a text", _last_step(true="'2, 4, 5'"), "should be a set of numbers")
for letter, cause in {
    "a": "first row with the second",
    "b": "a single step",
    "d": "not a sum",
    "e": "nothing about a batch",
}.items():
    wrong("8.3", f"explanation {letter}", _last_step(why=letter), rf"it is not \({letter}\): .*{cause}")
wrong("8.3", "an explanation in words", _last_step(why="noise"), "one of the letters a, b, c, d, e")

# 8.4: factors

HAND_56 = "(4 * 153_664 + 4 * 451_584 + 49 / 16 * 524_288 + 8 * 524_288 + 1_280) / 2_179_392"
HAND_32 = "(2 * 153_664 + 4 * 451_584 + 12 * 524_288 + 2 * 1_280) / 2_179_392"


def _factors(cost=HAND_56, parameters="1", width=HAND_32):
    return f"cost_factor_56 = {cost}\nparameter_factor_56 = {parameters}\ncost_factor_width_32 = {width}"


right("8.4", "by hand", _factors())
right("8.4", "rounded", _factors("3.77", "1.0", "3.86"))
right(
    "8.4",
    "traced",
    """
traces = {
    key: d2l.trace_shapes(d2l.resnet18(width=key[0]), (1, 1, key[1], key[1])) for key in ((16, 28), (16, 56), (32, 28))
}
small = traces[16, 28]
cost_factor_56 = torch.tensor(traces[16, 56].multiply_adds / small.multiply_adds)
parameter_factor_56 = traces[16, 56].parameters / small.parameters
cost_factor_width_32 = traces[32, 28].multiply_adds / small.multiply_adds
""",
)
wrong("8.4", "percent", _factors(cost="377.2"), "cost_factor_56 .* in percent")
wrong("8.4", "growth less one", _factors(width="2.857"), "cost_factor_width_32 .*by how much it grows")
wrong("8.4", "growth in percent", _factors(width="285.7"), "by how many percent it grows")
wrong("8.4", "parameters in percent", _factors(parameters="100"), "in percent")
wrong("8.4", "pixels", _factors(cost="(56 / 28) ** 2"), "one stage's maps are 4×4 and 7×7")
wrong("8.4", "sides", _factors(cost="56 / 28"), "counted in both directions")
wrong("8.4", "sides to the fourth", _factors(cost="2 ** 4"), "side counts twice")
wrong("8.4", "the second stage for all", _factors(cost="49 / 16"), "the second stage alone")
wrong("8.4", "all parts alike", _factors(cost="(4 + 4 + 49 / 16 + 4 + 4 + 1) / 6"), "weigh each with")
wrong("8.4", "stem and stages alike", _factors(cost="(4 + 4 + 49 / 16 + 4 + 4) / 5"), "stem and stages alike")
wrong("8.4", "linear only", _factors(cost="4 - 3 * 1_280 / 2_179_392"), "4×4 (becomes|and) 7×7")
wrong("8.4", "upside down", _factors(cost="2_179_392 / 8_222_208"), "the other way round")
wrong("8.4", "not divided", _factors(cost="8_222_208"), "divide them by")
wrong("8.4", "swapped", _factors(cost=HAND_32, width=HAND_56), "that is the factor of width 32")
wrong("8.4", "parameters grow with places", _factors(parameters="4"), "same windows slide")
wrong("8.4", "parameters grow as the cost", _factors(parameters=HAND_56), "shared by all places")
wrong("8.4", "none added", _factors(parameters="0"), "a factor of 0 would mean")
wrong("8.4", "width in one direction", _factors(width="2"), r"in \*times\* channels out")
wrong("8.4", "width everywhere", _factors(width="4"), "the image stays gray")
wrong("8.4", "width twice over", _factors(width="16"), "2 · 2 is 4")
wrong("8.4", "parameters of width 32", _factors(width="2_799_818 / 702_570"), "factor of the parameters")
wrong("8.4", "parts alike at width 32", _factors(width="(2 + 4 + 4 + 4 + 4 + 2) / 6"), "all parts alike")
wrong("8.4", "book's width", _factors(width="(64 / 32) ** 2 * 3"), "by the same factor")


# From a trial by learners who had not seen the solutions

wrong(
    "8.1",
    "gray images only",
    """
import random


class FlippedBatches:
    def __init__(self, data_iter, seed):
        self.data_iter, self.random = data_iter, random.Random(seed)

    def __len__(self):
        return len(self.data_iter)

    def __iter__(self):
        for X, y in self.data_iter:
            yield torch.stack([torch.fliplr(x[0])[None] if self.random.random() < 0.5 else x for x in X]), y
""",
    "raised RuntimeError: stack expects",
)

# From a second trial: answers written to slip through

FLIPS = """
class FlippedBatches:
    {shared}
    def __init__(self, data_iter, seed):
        self.data_iter = data_iter
        {made}.manual_seed(seed)

    def __len__(self):
        return len(self.data_iter)

    def __iter__(self):
        for X, y in self.data_iter:
            turned = torch.rand(len(X), generator=self.generator) < 0.5
            {then}
            yield {flipped}, y
"""


def flips(shared="", made="self.generator = torch.Generator()", then="pass", flipped=""):
    flipped = flipped or "torch.where(turned.view(-1, 1, 1, 1), X.flip(-1), X)"
    return FLIPS.format(shared=shared, made=made, then=then, flipped=flipped)


RESUMED = """
class FlippedBatches:
    def __init__(self, data_iter, seed):
        self.data_iter, self.generator, self.running = data_iter, torch.Generator().manual_seed(seed), None

    def __len__(self):
        return len(self.data_iter)

    def __iter__(self):
        self.running = {running}
        return self

    def __next__(self):
        try:
            X, y = next(self.running)
        except StopIteration:
            self.running = None
            raise
        turned = torch.rand(len(X), generator=self.generator) < 0.5
        return torch.where(turned.view(-1, 1, 1, 1), X.flip(-1), X), y
"""
right("8.1", "an iterator that begins anew", RESUMED.format(running="iter(self.data_iter)"))
for name, answer, cause in (
    ("an epoch that was left goes on", RESUMED.format(running="self.running or iter(self.data_iter)"), "8 where 9"),
    (
        "one generator for all objects",
        flips("generator = torch.Generator()", "self.generator"),
        "a generator of its own",
    ),
    ("the first place never", flips(then="turned[0] = False"), "at one and the same place"),
    ("the last place always", flips(then="turned[-1] = True"), "at one and the same place"),
    ("asks for gradients", flips(then="X = X.clone().requires_grad_()"), "ask for gradients"),
    ("always 32 bits", flips(then="X = X.float()"), "came as torch.float64"),
    ("two channels by heart", flips(then="X = X.view(-1, 2, 4, 3)"), "raised RuntimeError"),
    (
        "a single image loses its dimension",
        flips(flipped="X.where(~turned.view(-1, 1, 1, 1), X.flip(-1)).squeeze()"),
        "the shape",
    ),
    ("seed by another name", flips().replace("seed):", "number):").replace("(seed)", "(number)"), "unexpected keyword"),
):
    wrong("8.1", name, answer, cause)

wrong(
    "8.2",
    "a tie is half a win",
    SUMMARY + "def wins(ours, theirs):\n    return sum((a > b) + (a >= b) for a, b in zip(ours, theirs)) / 2\n",
    "a tie counts one half",
)
wrong(
    "8.2",
    "rounded to five digits",
    SUMMARY + WINS.replace("a > b", "round(a, 5) > round(b, 5)"),
    "a small lead is a win",
)
right("8.3", "a dictionary's keys", _last_step(true="{2: 'scatter', 4: 'weights', 5: 'schedule'}.keys()"))

# From a third trial

for name, made in (("images", "X"), ("labels", "y")):
    by_content = f"torch.Generator().manual_seed(self.seed + int({made}.double().abs().sum() * 1000))"
    answer = flips(
        made="self.seed = seed; torch.Generator()", then=f"turned = torch.rand(len(X), generator={by_content}) < 0.5"
    )
    wrong(
        "8.1",
        f"seeded from the {name}",
        answer.replace("turned = torch.rand(len(X), generator=self.generator) < 0.5", "pass"),
        "depends on the images or labels",
    )

wrong(
    "8.2", "divided by two less", SUMMARY.replace("(n - 1)", "max(n - 2, 1)") + WINS, "two less than the number of runs"
)
for name, compared in (
    ("the first seed left out", "list(zip(ours, theirs))[1:]"),
    ("the last seed left out", "list(zip(ours, theirs))[:-1]"),
):
    code = SUMMARY + WINS.replace("zip(ours, theirs)", compared)
    wrong("8.2", name, code, "won 5, wins returned 4: compare the two accuracies of each seed")
wrong(
    "8.2",
    "as sets",
    SUMMARY + WINS.replace("zip(ours, theirs)", "zip(set(ours), set(theirs))"),
    "compare the two accuracies of each seed",
)
wrong("8.2", "a tolerance of a millionth", SUMMARY + WINS.replace("a > b", "a - b > 1e-6"), "a small lead is a win")

right("8.4", "cut off after two digits", _factors("3.77", "1.00", "3.85"))
for name, given in (
    ("a hundredth too much", {"cost": "3.78"}),
    ("a hundredth too little", {"cost": "3.76"}),
    ("wrong in the third digit", {"cost": "3.763"}),
    ("too large in the third digit", {"width": "3.867"}),
    ("a few parameters more", {"parameters": "1.01"}),
    ("a few parameters fewer", {"parameters": "0.99"}),
):
    wrong("8.4", name, _factors(**given), "near, but not right to two digits")

# A cause that explains one number by chance

for name, code, cause in (
    ("against the median", "sum(a > sorted(theirs)[len(theirs) // 2] for a in ours)", "^(?!.*the first list is ours)"),
    ("the first ten seeds", "sum(a > b for a, b in zip(ours[:10], theirs[:10]))", "^(?!.*sorted)"),
    ("five points ahead", "sum(a > b + 0.05 for a, b in zip(ours, theirs))", "^(?!.*sorted)"),
):
    code = f"{SUMMARY}def wins(ours, theirs):\n    return {code}\n"
    wrong("8.2", name, code, cause + ".*compare the two accuracies of each seed")
wrong(
    "8.2",
    "standard error by the number of runs",
    SUMMARY.replace("(squares / (n - 1)) ** 0.5", "(squares / n) ** 0.5 / n ** 0.5") + WINS,
    "^(?!.*root is taken before dividing).*divide once",
)
wrong(
    "8.2",
    "two runs without a spread",
    SUMMARY.replace("    return", "    if n < 3:\n        return mean, 0.0\n    return") + WINS,
    "^(?!.*cancel).*two runs differ, too",
)
