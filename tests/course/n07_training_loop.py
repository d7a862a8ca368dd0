"""Answers to the exercises of notebook 07."""

from __future__ import annotations

from collect import right, wrong

# 7.1, the mean of means

right(
    "7.1",
    "with an Accumulator",
    """
counts, shares = d2l.Accumulator(2), d2l.Accumulator(2)
for correct, images in ((90, 100), (1, 10)):
    counts.add(correct, images)
    shares.add(correct / images, 1)
true_accuracy, mean_of_shares = counts[0] / counts[1], shares[0] / shares[1]
""",
)
right(
    "7.1",
    "as tensors",
    """
correct, images = torch.tensor([90.0, 1.0]), torch.tensor([100.0, 10.0])
true_accuracy, mean_of_shares = correct.sum() / images.sum(), (correct / images).mean(dim=0, keepdim=True)
""",
)
right(
    "7.1",
    "as fractions",
    """
from fractions import Fraction

true_accuracy, mean_of_shares = Fraction(91, 110), (Fraction(9, 10) + Fraction(1, 10)) / 2
""",
)
right("7.1", "rounded to three digits", "true_accuracy, mean_of_shares = 0.827, 0.5")
wrong("7.1", "exchanged", "true_accuracy, mean_of_shares = 0.5, 91 / 110", "exchanged")
wrong("7.1", "the mean of shares twice", "true_accuracy, mean_of_shares = 0.5, 0.5", "as much say as a hundred")
wrong(
    "7.1",
    "the accuracy twice",
    "true_accuracy, mean_of_shares = 91 / 110, 91 / 110",
    "mean_of_shares.*that is the accuracy",
)
wrong("7.1", "in percent", "true_accuracy, mean_of_shares = 82.727, 50", "true_accuracy.*in percent")
wrong("7.1", "the mean in percent", "true_accuracy, mean_of_shares = 91 / 110, 50", "mean_of_shares.*in percent")
wrong("7.1", "a count", "true_accuracy, mean_of_shares = 91, 0.5", "number of correct images")
wrong("7.1", "ten images forgotten", "true_accuracy, mean_of_shares = 91 / 100, 0.5", "second batch are missing")
wrong(
    "7.1", "shares not divided", "true_accuracy, mean_of_shares = 91 / 110, 90 / 100 + 1 / 10", "sum of the two shares"
)
wrong("7.1", "wrong predictions", "true_accuracy, mean_of_shares = 19 / 110, 0.5", "wrong predictions")
wrong("7.1", "rounded too far", "true_accuracy, mean_of_shares = 0.83, 0.5", "rounded too far")
wrong("7.1", "counts divided by batches", "true_accuracy, mean_of_shares = 91 / 2, 0.5", "number of batches")
wrong("7.1", "in words", "true_accuracy, mean_of_shares = '91/110', '1/2'", "should be a number")

# 7.2, a batch that does not fit

right(
    "7.2",
    "chunk, and sums divided by all images",
    """
def gradient_in_parts(model, images, labels, number_of_parts):
    for parameter in model.parameters():
        parameter.grad = None
    for a, b in zip(torch.chunk(images, number_of_parts), torch.chunk(labels, number_of_parts)):
        loss = F.cross_entropy(model(a), b, reduction="sum") / labels.shape[0]
        loss.backward()
    return torch.nn.utils.parameters_to_vector(p.grad for p in model.parameters())
""",
)
right(
    "7.2",
    "autograd.grad on a copy",
    """
def gradient_in_parts(net, X, y, parts):
    worker = copy.deepcopy(net)
    total = 0
    for i in range(parts):
        rows = slice(i * len(X) // parts, (i + 1) * len(X) // parts)
        gradients = torch.autograd.grad(nn.CrossEntropyLoss()(worker(X[rows]), y[rows]), tuple(worker.parameters()))
        total = total + torch.cat([g.reshape(-1) for g in gradients])
    return total / parts
""",
)
right(
    "7.2",
    "divided at the end, the parts interleaved",
    """
def gradient_in_parts(net, X, y, parts):
    torch.optim.SGD(net.parameters(), lr=1.0).zero_grad()
    for i in range(parts):
        F.nll_loss(net(X[i::parts]).log_softmax(dim=1), y[i::parts]).backward()
    return torch.cat([p.grad.flatten() / parts for p in net.parameters()])
""",
)


def _in_parts(
    before="net.zero_grad()",
    loss="F.cross_entropy(net(a), b) / parts",
    inside="pass",
    split="len(y) // parts",
    after="pass",
    returned="torch.cat([p.grad.flatten() for p in net.parameters()])",
):
    return f"""
def gradient_in_parts(net, X, y, parts):
    {before}
    for a, b in zip(X.split({split}), y.split({split})):
        {inside}
        loss = {loss}
        loss.backward()
    {after}
    return {returned}
"""


wrong("7.2", "not divided", _in_parts(loss="F.cross_entropy(net(a), b)"), "too large.*1/parts")
wrong("7.2", "old gradients kept", _in_parts(before="pass"), "had gradients from before")
wrong(
    "7.2",
    "old gradients and not divided",
    _in_parts(before="pass", loss="F.cross_entropy(net(a), b)"),
    "old gradients.*1/parts",
)
wrong("7.2", "cleared between the parts", _in_parts(inside="net.zero_grad()"), "only the last part")
wrong(
    "7.2",
    "the last part alone",
    _in_parts(inside="net.zero_grad()", loss="F.cross_entropy(net(a), b)"),
    "last part's gradient",
)
wrong("7.2", "summed losses", _in_parts(loss="F.cross_entropy(net(a), b, reduction='sum')"), "summed loss")
wrong(
    "7.2",
    "sums divided by parts",
    _in_parts(loss="F.cross_entropy(net(a), b, reduction='sum') / parts"),
    "divided by parts",
)
wrong(
    "7.2", "divided by the size of a part", _in_parts(loss="F.cross_entropy(net(a), b) / len(b)"), "images of its part"
)
wrong("7.2", "divided by all images", _in_parts(loss="F.cross_entropy(net(a), b) / len(y)"), "images of the batch")
wrong("7.2", "divided twice", _in_parts(after="[p.grad.div_(parts) for p in net.parameters()]"), "twice")
wrong("7.2", "split takes a size", _in_parts(split="parts"), "split takes the size of a part")
wrong(
    "7.2",
    "split takes a size, and divided by the number of parts that came out",
    _in_parts(split="parts", loss="F.cross_entropy(net(a), b) / (len(y) // parts)"),
    "split takes the size of a part",
)
wrong("7.2", "the whole batch", _in_parts(split="len(y)", loss="F.cross_entropy(net(a), b)"), "all 21 images at once")
wrong(
    "7.2",
    "all losses added, one image at a time",
    _in_parts(split="1", loss="F.cross_entropy(net(a), b) / len(y)"),
    "given 1",
)
wrong(
    "7.2", "labels not split", _in_parts(loss="F.cross_entropy(net(a), y[:len(a)]) / parts"), "labels of the first part"
)
wrong(
    "7.2", "a step taken", _in_parts(after="torch.optim.SGD(net.parameters(), lr=0.1).step()"), "weights have changed"
)
wrong("7.2", "a list", _in_parts(returned="[p.grad for p in net.parameters()]"), "torch.cat")
wrong(
    "7.2",
    "without biases",
    _in_parts(returned="torch.cat([p.grad.flatten() for p in net.parameters() if p.dim() > 1])"),
    "shape",
)
wrong("7.2", "no return", _in_parts(returned="None"), "is the return missing")
wrong(
    "7.2",
    "no backward",
    """
def gradient_in_parts(net, X, y, parts):
    for a, b in zip(X.chunk(parts), y.chunk(parts)):
        loss = F.cross_entropy(net(a), b) / parts
    return torch.cat([p.grad.flatten() for p in net.parameters()])
""",
    "is backward called",
)
wrong(
    "7.2",
    "return inside the loop",
    """
def gradient_in_parts(net, X, y, parts):
    net.zero_grad()
    for a, b in zip(X.chunk(parts), y.chunk(parts)):
        (F.cross_entropy(net(a), b) / parts).backward()
        return torch.cat([p.grad.flatten() for p in net.parameters()])
""",
    "inside the loop",
)
wrong(
    "7.2",
    "gradients cleared before they are returned",
    _in_parts(after="net.zero_grad()"),
    "no gradient: .*zero_grad not after it",
)
wrong(
    "7.2",
    "backward forgotten",
    _in_parts().replace("loss.backward()", "pass"),
    "no gradient: was backward called",
)

# 7.3, accuracy for each class

right(
    "7.3",
    "one-hot sums and a context manager",
    """
from contextlib import contextmanager


@contextmanager
def put_to_rest(model):
    modes = [m.training for m in model.modules()]
    model.eval()
    yield
    for m, mode in zip(model.modules(), modes):
        m.training = mode


@torch.inference_mode()
def accuracy_per_class(model, batches):
    correct, images = torch.zeros(10), torch.zeros(10)
    with put_to_rest(model):
        for images_of_batch, labels in batches:
            one_hot = F.one_hot(labels, 10)
            images += one_hot.sum(dim=0)
            correct += one_hot[model(images_of_batch).argmax(1) == labels].sum(dim=0)
    return correct / images
""",
)
right(
    "7.3",
    "a copy of the net, and Python's own counting",
    """
def accuracy_per_class(net, data_iter):
    net = copy.deepcopy(net).eval()
    correct, images = [0] * 10, [0] * 10
    for X, y in data_iter:
        with torch.no_grad():
            predicted = net(X).argmax(dim=1)
        for p, label in zip(predicted.tolist(), y.tolist()):
            images[label] += 1
            correct[label] += p == label
    return tuple(c / n for c, n in zip(correct, images))
""",
)
right(
    "7.3",
    "all predictions first, as an array",
    """
def accuracy_per_class(net, data_iter):
    was = {name: module.training for name, module in net.named_modules()}
    try:
        net.eval()
        with torch.no_grad():
            pairs = [(net(X).argmax(dim=1), y) for X, y in data_iter]
    finally:
        for name, module in net.named_modules():
            module.training = was[name]
    predicted, labels = (torch.cat(parts) for parts in zip(*pairs))
    return torch.stack([(predicted[labels == k] == k).double().mean() for k in range(10)]).numpy()
""",
)


_MODES = "[setattr(m, 'training', t) for m, t in modes]"


def _per_class(
    start="net.eval()",
    end=_MODES,
    context="torch.no_grad()",
    correct="y[p == y]",
    images="y",
    returned="[metric[k] / metric[10 + k] for k in range(10)]",
    inside="pass",
):
    return f"""
from contextlib import nullcontext


def accuracy_per_class(net, data_iter):
    metric, modes = d2l.Accumulator(20), [(m, m.training) for m in net.modules()]
    {start}
    with {context}:
        for X, y in data_iter:
            {inside}
            p = net(X).argmax(dim=1)
            metric.add(*torch.bincount({correct}, minlength=10), *torch.bincount({images}, minlength=10))
    {end}
    return {returned}
"""


wrong(
    "7.3",
    "the outermost module always put into training mode",
    _per_class(end=_MODES + "; net.training = True"),
    "in another mode",
)
wrong("7.3", "left in eval mode", _per_class(end="pass"), "left in eval mode")
wrong("7.3", "everything woken", _per_class(end="net.train()"), "eval mode on purpose")
wrong("7.3", "only the outermost mode put back", _per_class(end="net.train(modes[0][1])"), "eval mode on purpose")
wrong(
    "7.3",
    "only the children's modes put back",
    _per_class(end="[setattr(m, 'training', t) for m, t in modes[1:]]"),
    "1 of 6",
)
wrong("7.3", "eval forgotten", _per_class(start="pass"), "evaluated in training mode")
wrong(
    "7.3",
    "training mode on a copy",
    _per_class(start="net = copy.deepcopy(net)", end="pass"),
    "evaluated in training mode",
)
wrong("7.3", "no_grad forgotten", _per_class(context="nullcontext()"), "torch.no_grad is missing")
wrong("7.3", "divided by predictions", _per_class(images="p"), "how often a class was predicted")
wrong("7.3", "predictions counted", _per_class(correct="p"), "also the wrong ones")
wrong("7.3", "counts", _per_class(returned="[metric[k] for k in range(10)]"), "these are counts")
wrong("7.3", "percent", _per_class(returned="[100 * metric[k] / metric[10 + k] for k in range(10)]"), "percent")
wrong(
    "7.3",
    "divided by all images",
    _per_class(returned="[metric[k] / sum(metric[10:20]) for k in range(10)]").replace(
        "sum(metric[10:20])", "sum(metric[j] for j in range(10, 20))"
    ),
    "number of all images",
)
wrong(
    "7.3",
    "overall",
    _per_class(returned="[sum(metric[j] for j in range(10)) / sum(metric[10 + j] for j in range(10))] * 10"),
    "accuracy overall",
)
wrong(
    "7.3", "one number", _per_class(returned="sum(metric[j] for j in range(10)) / 85"), "expected a list of 10 numbers"
)
wrong("7.3", "twenty numbers", _per_class(returned="list(metric.data)"), "returned 20 numbers")
wrong("7.3", "wrong predictions", _per_class(correct="y[p != y]"), "wrong predictions")
wrong("7.3", "a sum is lost", _per_class(inside="metric.reset()"), "ZeroDivisionError")
wrong(
    "7.3",
    "a sum is lost, and zeros avoided",
    _per_class(inside="metric.reset()", returned="[metric[k] / max(1, metric[10 + k]) for k in range(10)]"),
    "last batch alone",
)
wrong(
    "7.3",
    "return inside the loop",
    """
def accuracy_per_class(net, data_iter):
    net = copy.deepcopy(net).eval()
    for X, y in data_iter:
        correct = net(X).argmax(dim=1) == y
        return [(correct & (y == k)).sum() / (y == k).sum().clamp(min=1) for k in range(10)]
""",
    "first batch alone",
)
wrong(
    "7.3",
    "statistics moved and put back",
    _per_class(
        start="state = copy.deepcopy(net.state_dict()); net.train()", end="net.load_state_dict(state); net[0].eval()"
    ),
    "evaluated in training mode",
)
wrong(
    "7.3",
    "only the batch norms asleep",
    _per_class(start="[m.eval() for m in net.modules() if isinstance(m, nn.BatchNorm2d)]"),
    "eval is missing",
)
wrong(
    "7.3",
    "every parameter frozen instead of no_grad",
    _per_class(context="nullcontext()", start="net.eval().requires_grad_(False)"),
    "asks for no gradient any more",
)
wrong(
    "7.3",
    "a mean of shares",
    """
def accuracy_per_class(net, data_iter):
    modes = [(m, m.training) for m in net.modules()]
    net.eval()
    shares = [[] for _ in range(10)]
    with torch.no_grad():
        for X, y in data_iter:
            p = net(X).argmax(dim=1)
            for k in y.unique().tolist():
                shares[k].append((p[y == k] == k).float().mean().item())
    for m, mode in modes:
        m.training = mode
    return [sum(s) / len(s) for s in shares]
""",
    "divide once, at the end",
)
wrong(
    "7.3",
    "a mean of shares with empty classes",
    """
def accuracy_per_class(net, data_iter):
    with torch.no_grad():
        model = copy.deepcopy(net).eval()
        shares = [[(model(X[y == k]).argmax(dim=1) == k).float().mean() for k in range(10)] for X, y in data_iter]
    return torch.tensor(shares).mean(dim=0)
""",
    "not finite",
)
wrong(
    "7.3",
    "trains on the way",
    _per_class(
        context="torch.enable_grad()",
        inside="F.cross_entropy(net(X), y).backward()",
        end="torch.optim.SGD(net.parameters(), lr=0.1).step()",
    ),
    "weights have changed",
)

# 7.4, repair statistics

right(
    "7.4",
    "PyTorch's own function on a copy",
    """
def repair_statistics(model, batches):
    fresh = copy.deepcopy(model)
    torch.optim.swa_utils.update_bn(batches, fresh)
    modes = [m.training for m in model.modules()]
    for m, mode in zip(fresh.modules(), modes):
        m.training = mode
    return fresh
""",
)
right(
    "7.4",
    "reset first, and only batch norms woken",
    """
@torch.no_grad()
def repair_statistics(net, data_iter):
    repaired = copy.deepcopy(net).eval()
    for module in repaired.modules():
        if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
            module.reset_running_stats()
            module.train()
    for batch in data_iter:
        repaired(batch[0])
    modes = {name: module.training for name, module in net.named_modules()}
    for name, module in repaired.named_modules():
        module.training = modes[name]
    return repaired
""",
)
right(
    "7.4",
    "worked on the net, then put back",
    """
def repair_statistics(net, data_iter):
    old = {name: value.clone() for name, value in net.state_dict().items()}
    modes = [m.training for m in net.modules()]
    net.train()
    with torch.inference_mode():
        for X, y in data_iter:
            net(X)
    for m, mode in zip(net.modules(), modes):
        m.training = mode
    repaired = copy.deepcopy(net)
    net.load_state_dict(old)
    return repaired
""",
)


def _repair(
    copied="copy.deepcopy(net)",
    mode="repaired.train()",
    context="torch.no_grad()",
    inside="repaired(X)",
    after="pass",
    modes="[setattr(m, 'training', o) for m, o in zip(repaired.modules(), modes)]",
    returned="repaired",
    batches="data_iter",
):
    return f"""
from contextlib import nullcontext


def repair_statistics(net, data_iter):
    modes = [m.training for m in net.modules()]
    repaired = {copied}
    {mode}
    with {context}:
        for X, y in {batches}:
            {inside}
            {after}
    {modes}
    return {returned}
"""


_STEP = (
    "optimizer = torch.optim.SGD(repaired.parameters(), lr=0.1); "
    "F.cross_entropy(repaired(X), y).backward(); optimizer.step()"
)
_NORMS = "[m for m in repaired.modules() if isinstance(m, (nn.BatchNorm1d, nn.BatchNorm2d))]"
wrong("7.4", "eval mode", _repair(mode="repaired.eval()"), "in eval mode a forward pass does not move them")
wrong("7.4", "mode not touched", _repair(mode="pass"), "unchanged; every batch norm|eval mode")
wrong(
    "7.4",
    "reset only",
    _repair(mode="[m.reset_running_stats() for m in " + _NORMS + "]; repaired.eval()"),
    "statistics are reset",
)
wrong("7.4", "trained", _repair(context="torch.enable_grad()", inside=_STEP), "weights have changed")
wrong("7.4", "no copy", _repair(copied="net"), "make a copy first")
wrong("7.4", "a shallow copy", _repair(copied="copy.copy(net)"), "copy.copy shares them")
wrong("7.4", "no return", _repair(returned="None"), "returned None")
wrong("7.4", "the statistics returned", _repair(returned="repaired.state_dict()"), "should return a net")
wrong("7.4", "left in training mode", _repair(modes="pass"), "every module is in training mode")
wrong("7.4", "eval at the end", _repair(modes="repaired.eval()"), "left in eval mode")
wrong("7.4", "only the outermost mode put back", _repair(modes="repaired.train(net.training)"), "left in eval mode")
wrong("7.4", "no_grad forgotten", _repair(context="nullcontext()"), "torch.no_grad is missing")
wrong(
    "7.4",
    "the last batch counts alone",
    _repair(mode="repaired.train(); [setattr(m, 'momentum', 1.0) for m in " + _NORMS + "]"),
    "last batch alone",
)
wrong(
    "7.4",
    "momentum not put back",
    _repair(mode="repaired.train(); [(m.reset_running_stats(), setattr(m, 'momentum', None)) for m in " + _NORMS + "]"),
    "momentum is another",
)
wrong("7.4", "only one batch", _repair(after="break"), "first batch")
wrong("7.4", "twice", _repair(batches="[*data_iter, *data_iter]"), "twice")
wrong(
    "7.4",
    "only the batch norms of two dimensions",
    _repair(mode="[m.train(isinstance(m, nn.BatchNorm2d)) for m in repaired.modules() if not list(m.children())]"),
    "7.running_mean",
)
wrong(
    "7.4",
    "the original is woken",
    _repair(mode="net.train(); repaired.train()"),
    "the net is not left as it came: .* mode",
)
wrong(
    "7.4",
    "another net",
    "def repair_statistics(net, data_iter):\n    return nn.Sequential(nn.Flatten(), nn.Linear(3, 4))",
    "not a copy of the net",
)
wrong(
    "7.4",
    "weights made anew",
    _repair(copied="copy.deepcopy(net)", after="[m.reset_parameters() for m in " + _NORMS + "]"),
    "weights have changed",
)

wrong(
    "7.4",
    "every parameter frozen instead of no_grad",
    _repair(context="nullcontext()", mode="repaired.train().requires_grad_(False)"),
    "ask for no gradients, so it cannot train",
)
wrong(
    "7.4",
    "all images as one batch",
    _repair(batches="[(torch.cat([X for X, y in data_iter]), 0)]", mode="repaired.train()"),
    r"batches of \[27\] images were shown",
)
wrong(
    "7.4",
    "by hand, from the images and not from what reaches the batch norm",
    _repair(inside="repaired[1].running_mean.fill_(X.mean()); repaired[1].running_var.fill_(X.var())", mode="pass"),
    "unchanged; every batch norm",
)

# 7.5, a warm-up

right(
    "7.5",
    "the smaller of two lines",
    """
def warm_up_schedule(opt, batches):
    warm = batches / 10
    return torch.optim.lr_scheduler.LambdaLR(opt, lambda t: min(t / warm, (batches - t) / (batches - warm)))
""",
)
right(
    "7.5",
    "two schedulers in a row",
    """
def warm_up_schedule(optimizer, num_batches):
    top = num_batches // 10
    rise = torch.optim.lr_scheduler.LinearLR(optimizer, 1e-9, 1.0, total_iters=top)
    fall = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, total_iters=num_batches - top)
    return torch.optim.lr_scheduler.SequentialLR(optimizer, [rise, fall], milestones=[top])
""",
)
right(
    "7.5",
    "a class of one's own",
    """
class Triangle:
    def __init__(self, optimizer, corners):
        self.optimizer, self.corners, self.t = optimizer, corners, -1
        self.peaks = [group["lr"] for group in optimizer.param_groups]
        self.step()

    def step(self):
        self.t += 1
        top, end = self.corners
        share = self.t / top if self.t <= top else max(0.0, 1 - (self.t - top) / (end - top))
        for group, peak in zip(self.optimizer.param_groups, self.peaks):
            group["lr"] = peak * share


def warm_up_schedule(optimizer, num_batches):
    return Triangle(optimizer, (num_batches // 10, num_batches))
""",
)


def _schedule(factor, returned="torch.optim.lr_scheduler.LambdaLR(optimizer, factor)", before="pass"):
    return f"""
def warm_up_schedule(optimizer, num_batches):
    n, top, peak = num_batches, num_batches // 10, optimizer.param_groups[0]["lr"]
    {before}
    factor = lambda t: {factor}
    return {returned}
"""


_RIGHT = "t / top if t < top else (n - t) / (n - top)"
wrong("7.5", "rates, not factors", _schedule(f"peak * ({_RIGHT})"), "comes in twice")
wrong(
    "7.5", "one batch ahead", _schedule("(t + 1) / top if t + 1 < top else (n - t - 1) / (n - top)"), "one batch ahead"
)
wrong(
    "7.5",
    "one batch late",
    _schedule("max(t - 1, 0) / top if t - 1 < top else (n - t + 1) / (n - top)"),
    "one batch late",
)
wrong(
    "7.5",
    "begun anew after 235 batches",
    _schedule("t % 235 / top if t % 235 < top else (n - t % 235) / (n - top)"),
    "with 940 batches .* at batch 235",
)
wrong("7.5", "no warm-up", _schedule("(n - t) / n"), "warm-up is missing")
wrong(
    "7.5",
    "LinearLR alone",
    _schedule("1", "torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, total_iters=n)"),
    "warm-up is missing",
)
wrong("7.5", "no fall", _schedule("min(t / top, 1)"), "stays at its highest")
wrong("7.5", "a jump", _schedule("t / top if t < top else (n - t) / n"), "jumps at batch")
wrong(
    "7.5",
    "a fall that begins too low",
    _schedule("t / top if t < top else max(0, 1 - t / (n - top))"),
    "jumps at batch",
)
wrong(
    "7.5", "zero too early", _schedule("t / top if t < top else max(0, (n - 1 - t) / (n - 1 - top))"), "one batch early"
)
wrong("7.5", "nine tenths", _schedule("t / (n - top) if t < n - top else (n - t) / top"), "other way round")
wrong(
    "7.5",
    "whole-number division",
    _schedule("t // top if t < top else (n - t) // (n - top)"),
    "drops what is behind the point",
)
wrong("7.5", "at the top at once", _schedule("1.0 if t < top else (n - t) / (n - top)"), "highest rate already")
wrong("7.5", "no corner", _schedule("(n - t) / (n - top)"), "begins above its top")
wrong("7.5", "counted in epochs", _schedule("1.0 if t < 1 else 0.1 ** (t // n)"), "at batch 0|never changes|misses")
wrong(
    "7.5",
    "for another optimizer",
    _schedule(
        _RIGHT,
        "torch.optim.lr_scheduler.LambdaLR(torch.optim.SGD([torch.ones(1, requires_grad=True)], lr=0.2), factor)",
    ),
    "made for the optimizer that was given",
)
wrong("7.5", "a function", _schedule(_RIGHT, "factor"), "method step")
wrong("7.5", "a number", _schedule(_RIGHT, "factor(3)"), "method step")
wrong("7.5", "a list of rates", _schedule(_RIGHT, "[peak * factor(t) for t in range(n)]"), "method step")
wrong("7.5", "the optimizer", _schedule(_RIGHT, "optimizer"), "returned the optimizer")
wrong("7.5", "no return", _schedule(_RIGHT, "None"), "return the scheduler")
wrong(
    "7.5",
    "a cosine",
    _schedule(
        "t / top if t < top else (1 + torch.pi ** 0 * __import__('math').cos("
        "3.141592653589793 * (t - top) / (n - top))) / 2"
    ),
    "the rate at batch 5 is",
)
wrong(
    "7.5",
    "ten batches whatever the number",
    _schedule("t / 10 if t < 10 else (n - t) / (n - 10)"),
    "the rate at batch 1 is",
)
wrong(
    "7.5",
    "peak written down",
    _schedule(_RIGHT, "torch.optim.lr_scheduler.LambdaLR(optimizer, factor)", "optimizer.param_groups[0]['lr'] = 0.2"),
    "highest rate of 0.5",
)
wrong(
    "7.5",
    "stepped inside",
    """
def warm_up_schedule(optimizer, num_batches):
    n, top = num_batches, num_batches // 10
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda t: min(t / top, (n - t) / (n - top)))
    for _ in range(num_batches):
        optimizer.step()
        scheduler.step()
    return scheduler
""",
    "the rate at batch 1 is",
)

# 7.6, four faults in a loop


def _loop(
    before="pass",
    epoch="net.train()",
    zero="optimizer.zero_grad()",
    backward="loss.backward()",
    step="optimizer.step()",
    schedule="scheduler.step()",
    epoch_end="pass",
    evaluate="net.eval()",
    start="metric = d2l.Accumulator(2)",
    add="metric.add((net(X).argmax(dim=1) == y).sum(), len(y))",
    value="metric[0] / metric[1]",
    returned="accuracies",
    tests="test_iter",
):
    return f"""
def fixed_loop(net, train_iter, test_iter, optimizer, scheduler, num_epochs):
    accuracies, metric, shares = [], d2l.Accumulator(2), []
    {before}
    for epoch in range(num_epochs):
        {epoch}
        for X, y in train_iter:
            {zero}
            loss = F.cross_entropy(net(X), y)
            {backward}
            {step}
            {schedule}
        {epoch_end}
        {evaluate}
        {start}
        with torch.no_grad():
            for X, y in {tests}:
                {add}
        accuracies.append({value})
    return {returned}
"""


_NONE = "pass"
_SHARES = {
    "start": "shares = []",
    "add": "shares.append((net(X).argmax(dim=1) == y).float().mean().item())",
    "value": "sum(shares) / len(shares)",
}
right(
    "7.6",
    "with the package's evaluation, gradients cleared after the step",
    """
def fixed_loop(model, training, testing, opt, sched, epochs):
    model.train()
    history = []
    for _ in range(epochs):
        for images, labels in training:
            loss = nn.CrossEntropyLoss()(model(images), labels)
            loss.backward()
            opt.step()
            opt.zero_grad(set_to_none=False)
            sched.step()
        history += [d2l.evaluate_accuracy_gpu(model, testing)]
    return torch.tensor(history)
""",
)
right(
    "7.6",
    "train() after the evaluation, the loss a sum divided",
    """
def fixed_loop(net, train_iter, test_iter, optimizer, scheduler, num_epochs):
    accuracies = ()
    net.train()
    for epoch in range(num_epochs):
        for X, y in train_iter:
            net.zero_grad()
            (F.cross_entropy(net(X), y, reduction="sum") / len(y)).backward()
            optimizer.step()
            scheduler.step()
        net.eval()
        predictions = torch.cat([net(X).argmax(dim=1) for X, y in test_iter])
        labels = torch.cat([y for X, y in test_iter])
        accuracies += ((predictions == labels).float().mean(),)
        net.train()
    return accuracies
""",
)
right(
    "7.6",
    "shares weighted by their images",
    _loop(
        **_SHARES
        | {
            "add": "shares.append((net(X).argmax(dim=1) == y).float().sum().item())",
            "value": "sum(shares) / sum(len(y) for _, y in test_iter)",
        }
    ),
)
wrong("7.6", "zero_grad missing", _loop(zero=_NONE), "^gradients pile up from batch to batch")
wrong(
    "7.6",
    "zero_grad once an epoch",
    _loop(epoch="net.train(); optimizer.zero_grad()", zero=_NONE),
    "once an epoch, not for each",
)
wrong("7.6", "eval never switched back", _loop(before="net.train()", epoch=_NONE), "^from the second epoch on")
wrong("7.6", "never in training mode", _loop(epoch=_NONE), "^it trains in eval mode")
wrong("7.6", "schedule never stepped", _loop(schedule=_NONE), "^the schedule is never stepped")
wrong(
    "7.6",
    "schedule stepped by epoch",
    _loop(schedule=_NONE, epoch_end="scheduler.step()"),
    "^the schedule is stepped once an epoch",
)
wrong(
    "7.6", "schedule stepped first", _loop(step="scheduler.step()", schedule="optimizer.step()"), "before the optimizer"
)
wrong("7.6", "schedule stepped by batch and epoch", _loop(epoch_end="scheduler.step()"), "once more after each epoch")
wrong("7.6", "accuracy of unequal batches", _loop(**_SHARES), "^accuracies are means over batches")
wrong("7.6", "eval missing", _loop(evaluate=_NONE), "net.eval\\(\\) is missing")
wrong(
    "7.6",
    "the loop as it was",
    _loop(before="net.train()", epoch=_NONE, zero=_NONE, schedule=_NONE, **_SHARES),
    "pile up.*second epoch.*never stepped.*unequal size",
)
wrong("7.6", "two faults left", _loop(zero=_NONE, schedule=_NONE), "pile up.*never stepped")
wrong(
    "7.6",
    "zero_grad between backward and step",
    _loop(zero=_NONE, backward="loss.backward(); optimizer.zero_grad()"),
    "not moved",
)
wrong("7.6", "no step", _loop(step=_NONE), "not moved")
wrong("7.6", "a copy is trained", _loop(before="net = copy.deepcopy(net)"), "no copy")
wrong(
    "7.6", "an optimizer of its own", _loop(before="optimizer = torch.optim.SGD(net.parameters(), lr=0.1)"), "0 steps"
)
wrong("7.6", "trained in the evaluation as well", _loop(epoch_end="net.train(); optimizer.step()"), "made 12 steps")
wrong("7.6", "one epoch too few", _loop(before="num_epochs -= 1"), "returned 2 numbers")
wrong("7.6", "only the last accuracy", _loop(returned="accuracies[-1]"), "expected a list of 3 numbers")
wrong("7.6", "no return", _loop(returned="None"), "is the return missing")
wrong(
    "7.6", "the best so far", _loop(returned="[max(accuracies[: k + 1]) for k in range(num_epochs)]"), "best .* so far"
)
wrong("7.6", "sorted", _loop(returned="sorted(accuracies)"), "are sorted")
wrong("7.6", "percent", _loop(value="100 * metric[0] / metric[1]"), "percent")
wrong("7.6", "counts", _loop(value="metric[0]"), "counts of correct")
wrong("7.6", "sums never begun anew", _loop(start=_NONE), "begin each evaluation with new")
wrong("7.6", "the training images evaluated", _loop(tests="train_iter"), "the test accuracies are")
wrong(
    "7.6", "no loss.backward but the accuracy's", _loop(backward="(loss * len(y)).backward()"), "not those of the loop"
)
wrong("7.6", "shuffled modes", _loop(epoch="net.train(epoch > 0)"), "not those of the loop")
wrong(
    "7.6",
    "evaluated in training mode on a copy",
    _loop(evaluate="keep, net = net, copy.deepcopy(net).train()", value="metric[0] / metric[1]); net = keep; (0"),
    "in training mode, where they depend",
)
wrong(
    "7.6",
    "two steps for each batch",
    _loop(
        step="optimizer.step(); optimizer.step()",
    ),
    "made 18 steps",
)
wrong(
    "7.6",
    "the statistics reset",
    _loop(epoch="net.train(); net[2].reset_running_stats()"),
    "running statistics are not",
)


# From a trial by learners who had not seen the solutions

right(
    "7.2",
    "every so many images in a part",
    """
def gradient_in_parts(net, X, y, parts):
    net.zero_grad()
    for k in range(parts):
        (F.cross_entropy(net(X[k::parts]), y[k::parts], reduction="sum") / X.shape[0]).backward()
    return torch.cat([parameter.grad.reshape(-1) for parameter in net.parameters()])
""",
)
right(
    "7.2",
    "on a copy, which is cleared for each part",
    """
def gradient_in_parts(net, X, y, parts):
    work, total = copy.deepcopy(net), 0
    for a, b in zip(torch.chunk(X, parts), torch.chunk(y, parts)):
        work.zero_grad()
        F.cross_entropy(work(a), b).backward()
        total = total + nn.utils.parameters_to_vector([parameter.grad.clone() for parameter in work.parameters()])
    return total / parts
""",
)
wrong(
    "7.2",
    "one backward for all parts at the end",
    """
def gradient_in_parts(net, X, y, parts):
    net.zero_grad()
    sum(F.cross_entropy(net(a), b) / parts for a, b in zip(X.chunk(parts), y.chunk(parts))).backward()
    return torch.cat([parameter.grad.flatten() for parameter in net.parameters()])
""",
    "in memory at once.*before the next part",
)
right(
    "7.4",
    "a copy by way of a file, and a momentum of one k-th",
    """
import io


def repair_statistics(net, data_iter):
    file = io.BytesIO()
    torch.save(net, file)
    file.seek(0)
    twin = torch.load(file, weights_only=False).train()
    norms = [module for module in twin.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]
    momenta = [norm.momentum for norm in norms]
    with torch.no_grad():
        for k, (X, y) in enumerate(data_iter, 1):
            for norm in norms:
                norm.momentum = 1 / k
            twin(X)
    for norm, momentum in zip(norms, momenta):
        norm.momentum = momentum
    for a, b in zip(twin.modules(), net.modules()):
        a.training = b.training
    return twin
""",
)
right(
    "7.4",
    "PyTorch's update_bn",
    """
from torch.optim.swa_utils import update_bn


def repair_statistics(net, data_iter):
    twin = copy.deepcopy(net)
    update_bn(data_iter, twin)
    for a, b in zip(twin.modules(), net.modules()):
        a.training = b.training
    return twin
""",
)

# From a second trial: answers written to slip through

PARTS = """
def gradient_in_parts(net, X, y, parts):
    net.zero_grad()
    size = len(y) // parts
    for part, labels in zip(X.split(size), {labels}.split(size)):
        (F.cross_entropy({scores}, labels) / parts).backward()
    {end}
"""
RESULT = "return torch.cat([p.grad.flatten() for p in net.parameters()])"


def in_parts(labels: str = "y", scores: str = "net(part)", end: str = RESULT) -> str:
    return PARTS.format(labels=labels, scores=scores, end=end)


right("7.2", "as a numpy array", in_parts(end="return torch.cat([p.grad.flatten() for p in net.parameters()]).numpy()"))
for name, answer, cause in (
    ("labels backwards", in_parts("y.flip(0)"), "different orders"),
    ("labels shifted", in_parts("y.roll(1)"), "different orders"),
    ("weights frozen", in_parts(end="net.requires_grad_(False)\n    " + RESULT), "ask for no gradients any more"),
    ("64 bits", in_parts(scores="net.double()(part.double())"), "weights have changed"),
    ("a single image loses its dimension", in_parts(scores="net(part).squeeze()"), "raised"),
):
    wrong("7.2", name, answer, cause)

wrong("7.3", "64 bits", _per_class(start="net.double().eval()").replace("net(X)", "net(X.double())"), "torch.float64")

NORMS = "[m for m in repaired.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]"
WITH_MOMENTUM = """
def repair_statistics(net, data_iter):
    repaired = copy.deepcopy(net).train()
    for m in {norms}:
        m.momentum = {momentum}
        {reset}
    with torch.no_grad():
        for X, _ in data_iter:
            repaired(X)
    for m, original in zip(repaired.modules(), net.modules()):
        m.training = original.training
        if hasattr(m, "momentum"):
            m.momentum = original.momentum
    return repaired
"""
for momentum in ("0.5", "0.9", "0.01", "None"):
    for reset in ("pass", "m.reset_running_stats()"):
        code = WITH_MOMENTUM.format(norms=NORMS, momentum=momentum, reset=reset)
        right("7.4", f"momentum {momentum} on the way, {reset}", code)
right(
    "7.4",
    "its own average, images counted alike, variances pooled",
    """
def repair_statistics(net, data_iter):
    repaired = copy.deepcopy(net).train()
    norms = [m for m in repaired.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    sums, squares, count = [0] * len(norms), [0] * len(norms), 0
    for m in norms:
        m.momentum = 1.0
    with torch.no_grad():
        for X, _ in data_iter:
            repaired(X)
            count += len(X)
            for k, m in enumerate(norms):
                sums[k] = sums[k] + len(X) * m.running_mean
                squares[k] = squares[k] + len(X) * (m.running_var + m.running_mean**2)
        for k, m in enumerate(norms):
            m.running_mean.copy_(sums[k] / count)
            m.running_var.copy_(squares[k] / count - (sums[k] / count) ** 2)
    for m, original in zip(repaired.modules(), net.modules()):
        m.training = original.training
        if hasattr(m, "momentum"):
            m.momentum = original.momentum
    return repaired
""",
)
for name, old, new, cause in (
    ("twice", "repaired(X)", "repaired(X), repaired(X)", "each once"),
    ("turned in sign", "repaired(X)", "repaired(-X)", "no average over the batches"),
    ("64 bits", "repaired(X)", "repaired.double()(X.double())", "another type"),
    ("data overwritten", "repaired(X)", "repaired(X), X.zero_()", "data_iter is not left as it came"),
):
    answer = WITH_MOMENTUM.format(norms=NORMS, momentum="0.2", reset="pass").replace(old, new)
    wrong("7.4", f"momentum 0.2, {name}", answer, cause)
wrong("7.4", "momentum 1", WITH_MOMENTUM.format(norms=NORMS, momentum="1.0", reset="pass"), "last batch alone")

CYCLIC = """
def warm_up_schedule(optimizer, num_batches):
    top, highest = num_batches // 10, optimizer.param_groups[0]["lr"]
    return torch.optim.lr_scheduler.CyclicLR(optimizer, 0.0, highest, top, num_batches - top{})
"""
right("7.5", "cyclic, the momentum left alone", CYCLIC.format(", cycle_momentum=False"))
wrong("7.5", "cyclic, the momentum too", CYCLIC.format(""), "momentum was 0.9 and is")
wrong(
    "7.5",
    "weight decay switched off",
    """
def warm_up_schedule(optimizer, n):
    optimizer.param_groups[0]["weight_decay"] = 0
    return torch.optim.lr_scheduler.LambdaLR(optimizer, lambda t: min(10 * t / n, (n - t) / (n - n // 10)))
""",
    "weight_decay was 0.001 and is 0",
)

# From a third trial

LOOK = """
def gradient_in_parts(net, X, y, parts):
    net.zero_grad()
    for a, b in zip(X.chunk(parts), y.chunk(parts)):
        {look}
        (F.cross_entropy(net(a), b) / parts).backward()
    return torch.cat([p.grad.flatten() for p in net.parameters()])
"""
right("7.2", "prints the shape of the scores first", LOOK.format(look="print(net(a).shape)"))
right(
    "7.2",
    "keeps a look at the scores of the same part",
    LOOK.format(look="scores = net(a); b = b[: len(scores)]; del scores"),
)
wrong(
    "7.2",
    "keeps the scores of all parts",
    LOOK.format(look="net.scores = [*getattr(net, 'scores', []), net(a)]"),
    "in memory at once.*keep no other scores",
)
wrong(
    "7.2", "as many parts as there are images in one", in_parts().replace("len(y) // parts", "5 - 1"), "given 4, 4, 4"
)
wrong("7.2", "split by the number of parts", in_parts().replace("len(y) // parts", "parts"), "split takes the size")

wrong(
    "7.3",
    "batch norms in eval mode, dropout not",
    _per_class(start="[m.eval() for m in net.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]"),
    "^dropout is in training mode",
)
wrong(
    "7.3",
    "all parameters woken",
    _per_class(
        start="net.eval().requires_grad_(False)", context="nullcontext()", end=f"{_MODES}; net.requires_grad_()"
    ),
    "2.bias asks for a gradient",
)
wrong("7.3", "gradients cleared", _per_class(start="net.eval().zero_grad()"), "has lost its gradient|lost its gradient")
wrong("7.3", "gradients set to zero", _per_class(start="net.eval().zero_grad(set_to_none=False)"), "another gradient")
wrong(
    "7.3",
    "gradients switched off for good",
    _per_class(start="net.eval(); torch.set_grad_enabled(False)", context="nullcontext()"),
    "stay switched off",
)

wrong("7.4", "gradients cleared", _repair(after="net.zero_grad()"), "lost its gradient")
wrong(
    "7.4",
    "weights shared by the memo of deepcopy",
    _repair(copied="copy.deepcopy(net, {id(p): p for p in net.parameters()})"),
    "the copy shares 0.weight",
)
wrong("7.4", "shown to both", _repair(mode="net.train(); repaired.train()", inside="net(X), repaired(X)"), "copy alone")
wrong("7.4", "the copy's weights woken", _repair(after="repaired.requires_grad_()"), "other frozen parameters")
_KEPT = "repaired.train(); [setattr(m, {what}) for m in " + _NORMS + "]"
for name, what in (("momentum 0", "'momentum', 0.0"), ("nothing tracked", "'track_running_stats', False")):
    wrong("7.4", name, _repair(mode=_KEPT.format(what=what)), "old ones, though batches were shown in training mode")
wrong(
    "7.4",
    "reset again at the end",
    _repair(returned="([m.reset_running_stats() for m in " + _NORMS + "], repaired)[1]"),
    "reset once more at the end",
)
wrong(
    "7.4",
    "gradients switched off for good",
    _repair(mode="repaired.train(); torch.set_grad_enabled(False)", context="nullcontext()"),
    "stay switched off",
)

right(
    "7.6",
    "the loss from a closure",
    """
def fixed_loop(net, train_iter, test_iter, optimizer, scheduler, num_epochs):
    accuracies = []
    for _ in range(num_epochs):
        net.train()
        for X, y in train_iter:

            def closure():
                optimizer.zero_grad()
                loss = F.cross_entropy(net(X), y)
                loss.backward()
                return loss

            print(optimizer.step(closure).item())
            scheduler.step()
        accuracies.append(d2l.evaluate_accuracy_gpu(net, test_iter))
    return accuracies
""",
)
right("7.6", "a look at a batch in each epoch", _loop(epoch="net.eval(); net(next(iter(train_iter))[0]); net.train()"))
right("7.6", "training accuracies, too", _loop(epoch_end="d2l.evaluate_accuracy_gpu(net, train_iter)"))
right("7.6", "a list of the batches, in each epoch anew", _loop().replace("in train_iter:", "in list(train_iter):"))
wrong(
    "7.6", "a list of the batches, once", _loop(before="train_iter = list(train_iter)"), "each epoch has the batches of"
)
wrong(
    "7.6",
    "a list of the batches, once, and no zero_grad",
    _loop(before="train_iter = list(train_iter)", zero=_NONE),
    "not those of the loop",
)
wrong(
    "7.6",
    "train_ch6 with all settings",
    """
def fixed_loop(net, train_iter, test_iter, optimizer, scheduler, num_epochs):
    return d2l.train_ch6(
        net, train_iter, test_iter, num_epochs, device="cpu", optimizer=optimizer, scheduler=scheduler,
        initialize=False, bfloat16=False, channels_last=False,
    ).test_acc
""",
    "^train_ch6, or the TrainingStep",
)
wrong(
    "7.6",
    "an error that shows what was given",
    _loop(before="raise ValueError('x')"),
    r"\(a Sequential, train_iter, a list, a SGD, a LambdaLR, 3\) raised",
)

# Found by examiners

RESET_NORM = "isinstance(m, nn.modules.batchnorm._BatchNorm)"
AFTERWARDS = "[{action} for m in repaired.modules() if " + RESET_NORM + "]"
MODES_BACK = "[setattr(m, 'training', o) for m, o in zip(repaired.modules(), modes)]; "
for name, action, cause in [
    ("means zeroed", "m.running_mean.zero_()", "running_mean is reset, and no batch has moved it since"),
    ("variances set to 1", "m.running_var.fill_(1)", "running_var is reset, and no batch has moved it since"),
    ("roots of variances", "m.running_var.sqrt_()", "running_var have moved, but they do not average alike"),
    ("half the variances", "m.running_var.mul_(0.5)", "running_var have moved, but they do not average alike"),
    ("one more", "m.running_var.add_(1)", "running_var have moved, but they do not average alike"),
    (
        "variances turned round",
        "m.running_var.copy_(m.running_var.flip(0))",
        "running_var have moved, but they do not average alike",
    ),
]:
    wrong("7.4", f"afterwards: {name}", _repair(modes=MODES_BACK + AFTERWARDS.format(action=action)), cause)
wrong(
    "7.4",
    "afterwards: the last norm reset",
    _repair(modes=MODES_BACK + "repaired[7].reset_running_stats()"),
    "7.running_mean is reset, and no batch has moved it since",
)
for name, awake in [
    ("with weights that learn", "any(p.requires_grad for p in m.parameters())"),
    ("with weights", "m.affine"),
]:
    wrong(
        "7.4",
        f"only norms {name} woken",
        _repair(mode=f"repaired.eval(); [m.train() for m in repaired.modules() if {RESET_NORM} and {awake}]"),
        "unchanged; every batch norm must be in training mode, also frozen ones",
    )
wrong(
    "7.4",
    "all in inference mode",
    _repair(context="nullcontext()").replace("def repair", "@torch.inference_mode()\ndef repair"),
    "made in inference_mode, so it cannot train",
)
right("7.4", "inference mode for the batches", _repair(context="torch.inference_mode()"))
right(
    "7.4",
    "mean and variance over all images",
    """
def repair_statistics(net, data_iter):
    repaired = copy.deepcopy(net).train()
    norms = [m for m in repaired.modules() if isinstance(m, (nn.BatchNorm1d, nn.BatchNorm2d))]
    heard = {m: [] for m in norms}
    hooks = [m.register_forward_hook(lambda m, inputs, output: heard[m].append(inputs[0])) for m in norms]
    with torch.no_grad():
        for X, y in data_iter:
            repaired(X)
        for m in norms:
            values = torch.cat(heard[m]).transpose(0, 1).flatten(1)
            m.running_mean.copy_(values.mean(dim=1))
            m.running_var.copy_(values.var(dim=1))
    for hook in hooks:
        hook.remove()
    for a, b in zip(repaired.modules(), net.modules()):
        a.training = b.training
    return repaired
""",
)
for low in ("1e-3", "2e-4", "6e-4"):
    wrong(
        "7.5",
        f"from {low} of the highest",
        _schedule(f"{low} + (1 - {low}) * ({_RIGHT})"),
        "the rate at batch 0 is .*[1-9].*; expected 0$",
    )
wrong("7.5", "a little below", _schedule(f"0.9995 * ({_RIGHT})"), "the rate at batch [1-4] is 0.*; expected 0")
for times in (1, 2):
    steps = "; ".join(["scheduler.step()"] * times)
    wrong(
        "7.6",
        f"the schedule stepped at the end: {times}",
        _loop().replace("    return", f"    {steps}\n    return"),
        f"the schedule was stepped {9 + times} times for 9 batches",
    )
EARLY = "if epoch and accuracies[-1] < accuracies[-2]:\n            {}\n    return"
PADDED = "return accuracies + accuracies[-1:] * (num_epochs - len(accuracies))"
for name, line in (("stopped early", "break"), ("stopped early, the list filled up", PADDED)):
    wrong(
        "7.6",
        name,
        _loop().replace("    return", "        " + EARLY.format(line)),
        "made 6 steps; 9|returned 2 numbers",
    )
wrong(
    "7.6",
    "eval after the test images",
    _loop(evaluate="pass", value="net.eval() and metric[0] / metric[1]"),
    "is missing, or comes too late",
)

# A cause that explains one number by chance

for name, end, cause in (("", "", "images of its part"), (", then over the parts", " / parts", "images of the batch")):
    mean = "-(F.one_hot(b, 5) * net(a).log_softmax(dim=1)).mean()" + end
    cause = f"^(?!.*{cause}).*it is not the gradient of the whole batch"
    wrong("7.2", f"a mean over images and classes{name}", _in_parts(loss=mean), cause)
