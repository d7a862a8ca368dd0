"""Answers to the exercises of notebook 09."""

from __future__ import annotations

from collect import right, wrong

# 9.1: the cheapest answer

ASK = "\nask_below = 0.8\n"
right(
    "9.1",
    "as a loop",
    """
def cheapest(probabilities, cost):
    answers = []
    for p in probabilities:
        prices = [sum(p[c] * cost[c, a] for c in range(len(p))).item() for a in range(cost.shape[1])]
        answers.append(prices.index(min(prices)))
    return torch.tensor(answers)
"""
    + "ask_below = 1 - 1 / 5",
)
right(
    "9.1",
    "by einsum",
    """
def cheapest(p, cost):
    return torch.einsum("ic,ca->ia", p, cost).min(1).indices
ask_below = torch.tensor(0.8, dtype=torch.float64)
""",
)


def cheapest(expression, ask="0.8"):
    return f"def cheapest(probabilities, cost):\n    return {expression}\nask_below = {ask}\n"


wrong("9.1", "most probable class", cheapest("probabilities.argmax(dim=1)"), "costs are not used")
wrong("9.1", "dearest", cheapest("(probabilities @ cost).argmax(dim=1)"), "dearest")
wrong("9.1", "class first", cheapest("cost[probabilities.argmax(dim=1)].argmin(dim=1)"), "for the truth")
wrong("9.1", "costs returned", cheapest("(probabilities @ cost).min(dim=1).values"), "argmin")
wrong("9.1", "worst case", cheapest("(probabilities[:, :, None] * cost).amax(1).argmin(1)"), "worst case")
wrong("9.1", "transposed", cheapest("(probabilities @ cost.T).argmin(dim=1)"), "raised|other way around")
wrong(
    "9.1",
    "transposed where it fits",
    cheapest("(probabilities @ (cost.T if cost.shape[0] == cost.shape[1] else cost)).argmin(dim=1)"),
    "other way around",
)
wrong("9.1", "no probabilities", cheapest("cost.sum(0).argmin().repeat(len(probabilities))"), "not used; they differ")
wrong("9.1", "all prices", cheapest("probabilities @ cost"), "shape")
wrong("9.1", "chance of a mistake", cheapest("(probabilities @ cost).argmin(1)", "0.2"), "probability of a mistake")
wrong("9.1", "one half", cheapest("(probabilities @ cost).argmin(1)", "0.5"), "costs 2.5")
wrong(
    "9.1",
    "changed in place",
    "def cheapest(p, cost):\n    p /= p.max()\n    return (p @ cost).argmin(1)\n" + ASK,
    "not left as it came",
)

# 9.2: calibration error by hand

right(
    "9.2",
    "with bucketize",
    """
def calibration_error(certainty, right, num_bins):
    edges = torch.linspace(0, 1, num_bins + 1)
    place = torch.bucketize(certainty, edges[1:-1])
    total = 0
    for i in place.unique():
        total += abs((certainty[place == i] - right[place == i].float()).sum())
    return (total / len(certainty)).item()
""",
)
right(
    "9.2",
    "with sums by index",
    """
def calibration_error(certainty, right, num_bins):
    place = torch.clamp((certainty * num_bins).floor().long(), max=num_bins - 1)
    gaps = torch.zeros(num_bins, dtype=torch.float64).index_add(0, place, (certainty - right.float()).double())
    return gaps.abs().sum() / len(right)
""",
)
BY_HAND = """
def calibration_error(certainty, right, num_bins):
    place = {place}
    errors, counts = [], []
    for i in range(num_bins):
        inside = place == i
        if inside.sum() > 0:
            gap = {sure} - right[inside].float().mean()
            errors.append({gap})
            counts.append(inside.sum().item())
    errors, counts = torch.tensor(errors), torch.tensor(counts)
    return {result}
"""


def by_hand(
    place="(certainty * num_bins).long().clamp_max(num_bins - 1)",
    sure="certainty[inside].mean()",
    gap="gap.abs()",
    result="(errors * counts).sum() / len(certainty)",
):
    return BY_HAND.format(place=place, sure=sure, gap=gap, result=result)


wrong("9.2", "not weighted", by_hand(result="errors.mean()"), "plain mean over bins")
wrong("9.2", "over all bins", by_hand(result="errors.sum() / num_bins"), "an empty one not at all|plain mean over bins")
wrong("9.2", "sum of gaps", by_hand(result="errors.sum()"), "before they are added up")
wrong("9.2", "signed", by_hand(gap="gap"), "lose their sign")
wrong("9.2", "middle of the bin", by_hand(sure="(i + 0.5) / num_bins"), "not the middle")
wrong("9.2", "squared", by_hand(gap="gap ** 2"), "not squared")
wrong("9.2", "largest", by_hand(result="errors.max()"), "maximum calibration error")
wrong("9.2", "last bin lost", by_hand(place="(certainty * num_bins).long()"), "belong to the last one")
wrong(
    "9.2",
    "one bin for all",
    "def calibration_error(certainty, right, num_bins):\n    return (certainty.mean() - right.float().mean()).abs()\n",
    "make up for each other|makes up for",
)
wrong(
    "9.2",
    "empty bins",
    by_hand().replace("if inside.sum() > 0:", "if True:").replace("(errors * counts)", "(errors * counts)"),
    "finite|number",
)
wrong(
    "9.2",
    "torchmetrics",
    """
from torchmetrics.functional.classification import binary_calibration_error
def calibration_error(certainty, right, num_bins):
    return binary_calibration_error(certainty, right.int(), n_bins=num_bins)
""",
    "bin of their own",
)
wrong(
    "9.2",
    "bins from the lowest certainty",
    by_hand(place="((certainty - certainty.min()) / (1 - certainty.min()) * num_bins).long().clamp_max(num_bins - 1)"),
    "from 0 to 1",
)
wrong(
    "9.2",
    "root of squares",
    by_hand(gap="gap ** 2", result="((errors * counts).sum() / len(certainty)) ** 0.5"),
    "root",
)
wrong(
    "9.2",
    "each answer alone",
    "def calibration_error(certainty, right, num_bins):\n    return (certainty - right.float()).abs().mean()\n",
    "by itself",
)

# 9.3: agreement beyond chance

KAPPA = """
def agreement(wrong_a, wrong_b):
    a, b = wrong_a.double().mean().item(), wrong_b.double().mean().item()
    both = (wrong_a & wrong_b).double().mean().item()
    observed = (wrong_a == wrong_b).double().mean().item()
    chance = a * b + (1 - a) * (1 - b)
    return {result}
when_contained = {number}
"""


def kappa(result="(observed - chance) / (1 - chance)", number="0.62"):
    return KAPPA.format(result=result, number=number)


right("9.3", "by a formula with common mistakes", kappa("2 * (both - a * b) / (a + b - 2 * a * b)", "0.615"))
right(
    "9.3",
    "with scikit-learn",
    """
from sklearn.metrics import cohen_kappa_score
def agreement(wrong_a, wrong_b):
    return cohen_kappa_score(wrong_a.numpy(), wrong_b.numpy())
when_contained = agreement(torch.arange(100) < 10, torch.arange(100) < 20)
""",
)
wrong("9.3", "observed", kappa("observed"), "is to come off")
wrong("9.3", "not divided", kappa("observed - chance"), "divide by what is left")
wrong("9.3", "divided by chance", kappa("(observed - chance) / chance"), "divide by 1")
wrong("9.3", "chance of mistakes only", kappa("(observed - a * b) / (1 - a * b)"), "both can be right")
wrong("9.3", "common mistakes only", kappa("(both - a * b) / (1 - a * b)"), "both are right")
wrong("9.3", "overlap", kappa("both / (a + b - both)"), "share of all mistakes")
wrong("9.3", "share of a's", kappa("both / a"), "one net's mistakes")
wrong("9.3", "correlation", kappa("(both - a * b) / (a * (1 - a) * b * (1 - b)) ** 0.5"), "correlation")
wrong("9.3", "one half for chance", kappa("2 * observed - 1"), "not one half")
wrong(
    "9.3",
    "one rate for both",
    kappa("1 - (1 - observed) / (2 * ((a + b) / 2) * (1 - (a + b) / 2))"),
    "its own rate",
)
wrong("9.3", "contained: by chance", kappa(number="0.74"), "agreement by chance")
wrong("9.3", "contained: correlation", kappa(number="2 / 3"), "correlation")
wrong("9.3", "contained: one", kappa(number="1"), "mistakes of its own")
wrong("9.3", "contained: observed", kappa(number="0.9"), "observed agreement")
wrong("9.3", "contained: half", kappa(number="0.5"), "share of the one")

# 9.4: several lesions

right(
    "9.4",
    "a silent branch",
    """
def with_lesions(net, lesions):
    net = deepcopy(net)
    for stage, i in lesions:
        for parameter in net[stage][i].bn2.parameters():
            parameter.data.zero_()
    return net
""",
)
right(
    "9.4",
    "a block of its own",
    """
class Shortcut(nn.Module):
    def __init__(self, block):
        super().__init__()
        self.conv3 = block.conv3

    def forward(self, X):
        return F.relu(X if self.conv3 is None else self.conv3(X))

def with_lesions(net, lesions):
    net = deepcopy(net)
    for stage, i in lesions:
        net[stage][i] = Shortcut(net[stage][i])
    return net
""",
)
right(
    "9.4",
    "a hook",
    """
def with_lesions(net, lesions):
    net = deepcopy(net)
    for stage, i in lesions:
        net[stage][i].register_forward_hook(lambda m, given, out: F.relu((m.conv3 or nn.Identity())(given[0])))
    return net
""",
)
LESIONS = """
def with_lesions(net, lesions):
    lesioned = {copy}
    for stage, i in {lesions}:
        block = {block}
        lesioned[stage][i] = {left}
    return lesioned
"""


def lesions(
    copy="deepcopy(net)",
    some="lesions",
    block="lesioned[stage][i]",
    left="nn.Identity() if block.conv3 is None else nn.Sequential(block.conv3, nn.ReLU())",
):
    return LESIONS.format(copy=copy, lesions=some, block=block, left=left)


wrong("9.4", "in place", lesions(copy="net"), "not left as it came")
wrong("9.4", "identity everywhere", lesions(left="nn.Identity()"), "raised")
wrong("9.4", "no relu", lesions(left="nn.Identity() if block.conv3 is None else block.conv3"), "relu\\(shortcut\\)")
wrong("9.4", "first only", lesions(some="lesions[:1]"), "only the first")
wrong(
    "9.4",
    "counted from 1",
    lesions(block="lesioned[stage][i - 1]").replace("[i] = nn", "[i - 1] = nn"),
    "counted from 0",
)
wrong(
    "9.4",
    "the shortcut taken out",
    lesions(left="nn.Sequential(block.conv1, block.bn1, nn.ReLU(), block.conv2, block.bn2, nn.ReLU())"),
    "other way around",
)
wrong(
    "9.4",
    "stages counted from 0",
    lesions(block="lesioned[stage + 1][i]").replace("lesioned[stage][i] = nn", "lesioned[stage + 1][i] = nn"),
    "next stage",
)
wrong("9.4", "nothing done", "def with_lesions(net, lesions):\n    return deepcopy(net)\n", "all their work")
wrong("9.4", "no return", lesions().replace("return lesioned", "lesioned"), "should return a net")
wrong(
    "9.4",
    "anew each time",
    """
def with_lesions(net, lesions):
    lesioned = deepcopy(net)
    for stage, i in lesions:
        lesioned = deepcopy(net)
        block = lesioned[stage][i]
        lesioned[stage][i] = nn.Identity() if block.conv3 is None else nn.Sequential(block.conv3, nn.ReLU())
    return lesioned
""",
    "only the last",
)

# 9.5: one function, two sizes

REASON = '\nmy_surface = "b"\n'
right(
    "9.5",
    "through the state",
    """
def enlarged(net, factor):
    larger = deepcopy(net)
    state = larger.state_dict()
    for name, layer in net.named_modules():
        if isinstance(layer, nn.Conv2d):
            for part in ("weight", "bias"):
                state[f"{name}.{part}"] = getattr(layer, part) * factor
        if isinstance(layer, nn.BatchNorm2d):
            state[f"{name}.running_mean"] = layer.running_mean * factor
            state[f"{name}.running_var"] = layer.running_var * factor * factor
    larger.load_state_dict(state)
    return larger
my_surface = "(B)"
""",
)
right(
    "9.5",
    "with data",
    """
def enlarged(net, factor):
    net = deepcopy(net)
    for layer in net.modules():
        if type(layer) is nn.Conv2d:
            layer.weight.data.mul_(factor), layer.bias.data.mul_(factor)
        if type(layer) is nn.BatchNorm2d:
            layer.running_mean.mul_(factor), layer.running_var.mul_(factor ** 2)
    return net
"""
    + REASON,
)
right(
    "9.5",
    "the bias as it is and the mean shifted",
    """
def enlarged(net, factor):
    larger = deepcopy(net)
    blocks = [m for m in larger.modules() if isinstance(m, d2l.Residual)]
    pairs = [(larger[0][0], larger[0][1])] + [p for m in blocks for p in ((m.conv1, m.bn1), (m.conv2, m.bn2))]
    with torch.no_grad():
        for convolution, norm in pairs:
            convolution.weight.mul_(factor)
            norm.running_mean.sub_(convolution.bias).mul_(factor).add_(convolution.bias)
            norm.running_var.mul_(factor**2)
    return larger
"""
    + REASON,
)
ENLARGED = """
def enlarged(net, factor):
    larger = {copy}
    with torch.no_grad():
        for layer in larger.modules():
            if isinstance(layer, nn.Conv2d):
                layer.weight *= factor
                {bias}
            elif isinstance(layer, nn.BatchNorm2d):
                {norm}
            elif isinstance(layer, nn.Linear):
                {linear}
    return larger
"""
BIAS, BOTH = "layer.bias *= factor", "layer.running_mean *= factor; layer.running_var *= factor ** 2"


def larger(copy="deepcopy(net)", bias=BIAS, norm=BOTH, linear="pass", reason=REASON):
    return ENLARGED.format(copy=copy, bias=bias, norm=norm, linear=linear) + reason


wrong("9.5", "in place", larger(copy="net"), "not left as it came")
wrong("9.5", "weights only", larger(bias="pass", norm="pass"), "biases of the convolutions")
wrong("9.5", "statistics forgotten", larger(norm="pass"), "running means")
wrong(
    "9.5",
    "variance like the mean",
    larger(norm="layer.running_mean *= factor; layer.running_var *= factor"),
    "factor\\*\\*2",
)
wrong("9.5", "means forgotten", larger(norm="layer.running_var *= factor ** 2"), "running means")
wrong("9.5", "linear layer, too", larger(linear="layer.weight *= factor"), "linear layer")
wrong(
    "9.5",
    "scale divided",
    larger(norm="layer.running_mean *= factor; layer.weight /= factor"),
    "belongs to eval mode alone",
)
wrong("9.5", "nothing done", "def enlarged(net, factor):\n    return deepcopy(net)\n" + REASON, "as before")
wrong("9.5", "squared", larger().replace("weight *= factor", "weight *= factor ** 2"), "times as large as before")
for letter, cause in {"a": "smaller part", "c": "same loss", "d": "no direction"}.items():
    wrong("9.5", f"reason {letter}", larger(reason=f'\nmy_surface = "{letter}"\n'), cause)
