"""Answers to the exercises of notebook 02."""

from __future__ import annotations

from collect import needs, right, wrong

# 2.1, layers and blocks


def numbers(blocks: str, additions: str) -> str:
    return f"blocks_per_stage = {blocks}\nadditions = {additions}"


right(
    "2.1",
    "counted in the net",
    """
net_of_110 = d2l.cifar_resnet(110, 2)
blocks_per_stage = len(net_of_110[1])
additions = sum(type(module) is d2l.Residual for module in net_of_110.modules())
""",
)
right("2.1", "as tensor and float", numbers("torch.tensor([18])", "54.0"))
right("2.1", "the other way round", "additions = (110 - 2) // 2\nblocks_per_stage = additions / 3")

wrong("2.1", "stem and head forgotten", numbers("110 / 6", "55"), "first convolution and the linear layer")
wrong("2.1", "rounded up", numbers("19", "57"), "in no block")
wrong("2.1", "convolutions, not blocks", numbers("36", "108"), "convolutions in a stage")
wrong("2.1", "all stages", numbers("54", "54"), "three stages; how many has one")
wrong("2.1", "another number", numbers("17", "51"), "would have 104 layers")
wrong("2.1", "additions of one stage", numbers("18", "18"), "one stage; there are three")
wrong("2.1", "an addition a convolution", numbers("18", "108"), "a block adds once")
wrong("2.1", "without the blocks that pad", numbers("18", "52"), "adds too, with zeros")
wrong("2.1", "without each stage's first block", numbers("18", "51"), "first block of each stage adds as well")
wrong("2.1", "half of all layers", numbers("18", "55"), "in no block")
wrong("2.1", "the padding blocks alone", numbers("18", "2"), "those are the blocks that pad")
wrong("2.1", "some number", numbers("18", "60"), "which parts of the net add")

# 2.2, the diagnosis


def diagnosis(*lines: str) -> str:
    return "\n    ".join(("def diagnose(shallow_train, shallow_test, deep_train, deep_test):", *lines))


right(
    "2.2",
    "one expression, other names, other capitals",
    """
def diagnose(a, b, c, d):
    return "Degradation" if a < c else ("No harm", "Overfitting")[b < d]
""",
)
right(
    "2.2",
    "the good case first",
    diagnosis(
        "better_on_seen, better_on_unseen = deep_train <= shallow_train, deep_test <= shallow_test",
        "if better_on_seen and better_on_unseen:",
        "    return 'no harm'",
        "return 'over-fitting' if better_on_seen else 'degradation'",
    ),
)
right(
    "2.2",
    "a table",
    """
diagnose = lambda *losses: {
    (False, False): "no harm", (False, True): "over-fitting",
    (True, False): "degradation", (True, True): "degradation",
}[losses[2] > losses[0], losses[3] > losses[1]]
""",
)

wrong(
    "2.2",
    "over-fitting asked first",
    diagnosis(
        "if deep_test > shallow_test:",
        "    return 'over-fitting'",
        "return 'degradation' if deep_train > shallow_train else 'no harm'",
    ),
    "training images decide first",
)
wrong(
    "2.2",
    "the test images alone",
    diagnosis(
        "return 'degradation' if deep_test > shallow_test else 'no harm'",
    ),
    "test images alone",
)
wrong(
    "2.2",
    "judged by the test images first",
    diagnosis(
        "if deep_test > shallow_test:",
        "    return 'degradation'",
        "return 'over-fitting' if deep_train > shallow_train else 'no harm'",
    ),
    "test images first",
)
wrong(
    "2.2",
    "no question about the test images",
    diagnosis(
        "return 'degradation' if deep_train > shallow_train else 'no harm'",
    ),
    "never look at the test images",
)
wrong(
    "2.2",
    "the gap of the deeper net",
    diagnosis(
        "if deep_train > shallow_train:",
        "    return 'degradation'",
        "return 'over-fitting' if deep_test > deep_train else 'no harm'",
    ),
    "two losses of one net",
)
wrong(
    "2.2",
    "the larger gap",
    diagnosis(
        "if deep_train > shallow_train:",
        "    return 'degradation'",
        "gap, deep_gap = shallow_test - shallow_train, deep_test - deep_train",
        "return 'over-fitting' if deep_gap > gap + 1e-9 else 'no harm'",
    ),
    "of one net|returned",
)
wrong(
    "2.2",
    "taken for accuracies",
    diagnosis(
        "if deep_train < shallow_train:",
        "    return 'degradation'",
        "return 'over-fitting' if deep_test < shallow_test else 'no harm'",
    ),
    "wrong way round",
)
wrong(
    "2.2",
    "the two nets in another order",
    """
def diagnose(deep_train, deep_test, shallow_train, shallow_test):
    if deep_train > shallow_train:
        return "degradation"
    return "over-fitting" if deep_test > shallow_test else "no harm"
""",
    "the two nets have changed places.*shallow net come first",
)
right(
    "2.2",
    "hyphens and capitals",
    diagnosis(
        "if deep_train > shallow_train:",
        "    return 'DEGRADATION'",
        "return 'Over fitting' if deep_test > shallow_test else 'no-harm'",
    ),
)
wrong(
    "2.2",
    "words swapped",
    diagnosis(
        "if deep_train > shallow_train:",
        "    return 'over-fitting'",
        "return 'degradation' if deep_test > shallow_test else 'no harm'",
    ),
    "changed places",
)
wrong(
    "2.2",
    "equal counts as worse",
    diagnosis(
        "if deep_train >= shallow_train:",
        "    return 'degradation'",
        "return 'over-fitting' if deep_test > shallow_test else 'no harm'",
    ),
    "equal losses on the training images",
)
wrong(
    "2.2",
    "equal counts as worse on the test images",
    diagnosis(
        "if deep_train > shallow_train:",
        "    return 'degradation'",
        "return 'no harm' if deep_test < shallow_test else 'over-fitting'",
    ),
    "equal losses on the test images",
)
wrong(
    "2.2",
    "worse on both",
    diagnosis(
        "if deep_train > shallow_train and deep_test > shallow_test:",
        "    return 'degradation'",
        "return 'over-fitting' if deep_test > shallow_test else 'no harm'",
    ),
    "Worse on the training images is enough",
)
wrong(
    "2.2",
    "a margin",
    diagnosis(
        "if deep_train > shallow_train + 0.1:",
        "    return 'degradation'",
        "return 'over-fitting' if deep_test > shallow_test + 0.1 else 'no harm'",
    ),
    "is worse than the shallow one on the training images",
)
for tolerance in ("1e-4", "1e-6", "1e-9"):
    wrong(
        "2.2",
        f"a margin of {tolerance}",
        diagnosis(
            f"if deep_train > shallow_train + {tolerance}:",
            "    return 'degradation'",
            "return 'over-fitting' if deep_test > shallow_test else 'no harm'",
        ),
        "worse by however little",
    )
wrong(
    "2.2",
    "a margin on the test images",
    diagnosis(
        "if deep_train > shallow_train:",
        "    return 'degradation'",
        "return 'over-fitting' if deep_test > shallow_test + 1e-4 else 'no harm'",
    ),
    "worse by however little",
)
right(
    "2.2",
    "in tensors of 32 bits",
    diagnosis(
        "worse = torch.tensor([deep_train, deep_test]) > torch.tensor([shallow_train, shallow_test])",
        "return 'degradation' if worse[0] else 'over-fitting' if worse[1] else 'no harm'",
    ),
)
right(
    "2.2",
    "quotients",
    diagnosis(
        "if deep_train / shallow_train > 1:",
        "    return 'degradation'",
        "return 'over-fitting' if deep_test / shallow_test > 1 else 'no harm'",
    ),
)
wrong(
    "2.2",
    "order of the arguments",
    """
def diagnose(shallow_train, deep_train, shallow_test, deep_test):
    if deep_train > shallow_train:
        return "degradation"
    return "over-fitting" if deep_test > shallow_test else "no harm"
""",
    "another order",
)
wrong(
    "2.2",
    "printed",
    diagnosis(
        "if deep_train > shallow_train:",
        "    print('degradation')",
        "elif deep_test > shallow_test:",
        "    print('over-fitting')",
        "else:",
        "    print('no harm')",
    ),
    "returned None.*printed",
)
wrong("2.2", "true or false", diagnosis("return deep_train > shallow_train"), "one of the three texts")
wrong("2.2", "another word", diagnosis("return 'bad' if deep_train > shallow_train else 'good'"), "the three texts are")
wrong(
    "2.2",
    "whole numbers",
    diagnosis(
        "a, b, c, d = map(round, (shallow_train, shallow_test, deep_train, deep_test))",
        "return 'degradation' if c > a else 'over-fitting' if d > b else 'no harm'",
    ),
    "so this is",
)

# 2.3, an unfair race


def race(body: str) -> str:
    return "def fair_race(build, train_iter, lr, num_steps):\n    " + body.strip().replace("\n", "\n    ")


ONE_AFTER_THE_OTHER = """
losses = {}
kept = list(islice(train_iter, num_steps))
for kind in ("plain", "residual"):
    torch.manual_seed(5)
    net = build(kind)
    steps = d2l.train_side_by_side({"net": net}, kept, lr)
    losses[kind] = [step["net"] for step in steps]
return losses
"""
TOGETHER = """
torch.manual_seed(1)
a = build("plain")
torch.manual_seed(1)
b = build("residual")
steps = list(d2l.train_side_by_side({"plain": a, "residual": b}, islice(train_iter, num_steps), lr))
return {kind: [step[kind].item() for step in steps] for kind in ("plain", "residual")}
"""

right("2.3", "one after the other, batches kept", race(ONE_AFTER_THE_OTHER))
wrong(
    "2.3",
    "a pass for each, which a seed does not repeat",
    race(ONE_AFTER_THE_OTHER.replace("kept, lr", "islice(train_iter, num_steps), lr")),
    "see different batches.*whatever the seed",
)
right("2.3", "together", race(TOGETHER))
right(
    "2.3",
    "weights copied, batches kept",
    """
def fair_race(make, data, rate, steps):
    kept = list(islice(data, steps))
    pair = {"residual": make("residual"), "plain": make("plain")}
    pair["plain"].load_state_dict(pair["residual"].state_dict())
    losses = {}
    for kind, net in pair.items():
        run = d2l.train_side_by_side({0: net}, kept, lr=rate)
        losses[kind] = torch.stack([step[0] for step in run])
    return losses
""",
)
right(
    "2.3",
    "trained copies, and a look at them before",
    """
def fair_race(build, train_iter, lr, num_steps):
    nets = {}
    for kind in ("plain", "residual"):
        torch.manual_seed(9)
        nets[kind] = copy.deepcopy(build(kind))
        with torch.no_grad():
            nets[kind](next(iter(train_iter))[0])
    losses = {kind: [] for kind in nets}
    for step in d2l.train_side_by_side(nets, islice(train_iter, num_steps), lr):
        for kind, loss in step.items():
            losses[kind].append(float(loss))
    return losses
""",
)
right(
    "2.3",
    "trained by hand",
    """
def fair_race(build, train_iter, lr, num_steps):
    nets = {}
    for kind in ("plain", "residual"):
        torch.manual_seed(0)
        nets[kind] = build(kind).train()
    optimizers = {kind: torch.optim.SGD(net.parameters(), lr=lr, momentum=0.9) for kind, net in nets.items()}
    losses = {kind: [] for kind in nets}
    for X, y in islice(train_iter, num_steps):
        for kind, net in nets.items():
            loss = cross_entropy(net(X), y)
            optimizers[kind].zero_grad()
            loss.backward()
            optimizers[kind].step()
            losses[kind].append(loss)
    return losses
""",
)

UNMENDED = """
torch.manual_seed(0)
losses = {}
for kind in ("plain", "residual"):
    net = build(kind)
    rate = lr if kind == "plain" else 2 * lr
    steps = d2l.train_side_by_side({kind: net}, islice(train_iter, num_steps), rate)
    losses[kind] = [step[kind].item() for step in steps]
return losses
"""
SEEDED = UNMENDED.replace("    net = build(kind)", "    torch.manual_seed(0)\n    net = build(kind)")
KEPT = SEEDED.replace("islice(train_iter, num_steps), rate", "kept, rate").replace(
    "losses = {}", "losses, kept = {}, list(islice(train_iter, num_steps))"
)
ONE_RATE = UNMENDED.replace("2 * lr", "lr")

wrong("2.3", "nothing fixed", race(UNMENDED), "start from different weights")
wrong("2.3", "the rate alone", race(ONE_RATE), "start from different weights")
wrong("2.3", "seed fixed, rate and batches not", race(SEEDED), "see different batches")
wrong("2.3", "seed fixed, rate not", race(KEPT), r"plain net learned with 0\.11 and the residual one with 0\.22")
wrong(
    "2.3",
    "weights copied, batches not",
    race(
        ONE_RATE.replace("    net = build(kind)", "    torch.manual_seed(0)\n    net = build(kind)\n    torch.seed()")
    ),
    "see different batches",
)
wrong(
    "2.3",
    "goes on in the same pass",
    race(
        ONE_RATE.replace("losses = {}", "losses = {}\nbatches = iter(train_iter)")
        .replace("    net =", "    torch.manual_seed(0)\n    net =")
        .replace("islice(train_iter", "islice(batches")
    ),
    "see different batches.*goes on where",
)
wrong(
    "2.3",
    "an iterator that is used up",
    race(
        ONE_RATE.replace("losses = {}", "losses = {}\nbatches = islice(train_iter, num_steps)")
        .replace("    net =", "    torch.manual_seed(0)\n    net =")
        .replace("islice(train_iter, num_steps), rate", "batches, rate")
    ),
    'losses."residual". should have 4 entries; it has 0.*once only',
)
wrong("2.3", "the mean of both rates", race(KEPT.replace('lr if kind == "plain" else 2 * lr', "1.5 * lr")), "0.165")
wrong(
    "2.3",
    "the rate of the notebook",
    race(KEPT.replace('lr if kind == "plain" else 2 * lr', "0.05")),
    "0.05; fair_race",
)
wrong(
    "2.3",
    "the second starts where the first ended",
    race(
        ONE_AFTER_THE_OTHER.replace("losses = {}", "losses, before = {}, None").replace(
            "    net = build(kind)",
            "    net = build(kind)\n    if before: net.load_state_dict(before.state_dict())\n    before = net",
        )
    ),
    "had at the end of its training",
)
SHARED = """
a, b = build("plain"), build("residual")
{}
steps = list(d2l.train_side_by_side({{"plain": a, "residual": b}}, islice(train_iter, num_steps), lr))
return {{kind: [step[kind].item() for step in steps] for kind in ("plain", "residual")}}
"""
for name, line in [
    ("storage", "for p, q in zip(a.parameters(), b.parameters()): q.data = p.data"),
    ("tensors, assigned", "b.load_state_dict(a.state_dict(), assign=True)"),
    ("a layer", "b.load_state_dict(a.state_dict()); b[-1] = a[-1]"),
]:
    wrong("2.3", f"shared: {name}", race(SHARED.format(line)), "the two nets share weights")
right("2.3", "numbers copied", race(SHARED.format("with torch.no_grad(): [q.copy_(p) for p, q in "
      "zip(a.parameters(), b.parameters())]")))  # fmt: skip
for name, function, outcome in [("not copied", "", wrong), ("copied", "copy.deepcopy", right)]:
    code = race(
        ONE_AFTER_THE_OTHER.replace("losses = {}", "losses, start = {}, None").replace(
            "    net = build(kind)",
            "    net = build(kind)\n    if start: net.load_state_dict(start)\n"
            f"    start = {function}(net.state_dict())",
        )
    )
    outcome("2.3", f"a state_dict {name}", code, *["a state_dict taken before it and not copied"] * (outcome is wrong))
wrong(
    "2.3",
    "one net twice",
    race(TOGETHER.replace('build("residual")', 'build("plain")')),
    'build."residual". made was trained',
)
wrong(
    "2.3",
    "the same losses twice",
    race(ONE_AFTER_THE_OTHER.replace("return losses", "losses['residual'] = losses['plain']\nreturn losses")),
    'losses."residual". is not what',
)
wrong(
    "2.3",
    "one batch again and again",
    race(ONE_AFTER_THE_OTHER.replace("islice(train_iter, num_steps)", "[next(iter(train_iter))] * num_steps")),
    "the plain net sees a batch more than once",
)
wrong(
    "2.3",
    "half of the batches twice",
    race(ONE_AFTER_THE_OTHER.replace("list(islice(train_iter, num_steps))", "2 * list(islice(train_iter, 2))")),
    "sees a batch more than once",
)
wrong(
    "2.3",
    "the second half of the batches again for one",
    race(ONE_AFTER_THE_OTHER.replace("kept, lr", "kept if kind == 'plain' else [kept[0], *2 * kept[2:]][:4], lr")),
    "the residual net sees a batch more than once",
)
wrong(
    "2.3",
    "the batches in reverse for one",
    race(ONE_AFTER_THE_OTHER.replace("kept, lr", "kept if kind == 'plain' else kept[::-1], lr")),
    "the same batches, but not in the same order",
)
wrong("2.3", "other keys", race(ONE_AFTER_THE_OTHER.replace("losses[kind]", "losses[kind.title()]")),
      "it returned one with 'Plain', 'Residual'")  # fmt: skip
wrong("2.3", "no keys", race("return {}"), "it returned one with nothing")
wrong(
    "2.3",
    "kinds mixed up",
    race(TOGETHER.replace('"plain": a, "residual": b', '"plain": b, "residual": a')),
    "other way round",
)
wrong(
    "2.3",
    "more steps for one",
    race(
        ONE_AFTER_THE_OTHER.replace("kept, lr", "(kept + kept)[: num_steps + (kind == 'plain')], lr").replace(
            "return losses", "return {kind: values[-num_steps:] for kind, values in losses.items()}"
        )
    ),
    "plain net was trained for 5 steps",
)
wrong(
    "2.3",
    "half of each batch",
    race(
        TOGETHER.replace("islice(train_iter, num_steps)", "((X[:3], y[:3]) for X, y in islice(train_iter, num_steps))")
    ),
    "saw 3 images in a step",
)
wrong(
    "2.3",
    "the whole epoch",
    race(ONE_AFTER_THE_OTHER.replace("islice(train_iter, num_steps)", "train_iter")),
    "entries; it has 10",
)
wrong("2.3", "nothing returned", race(TOGETHER.replace("return {", "result = {")), "returned None")
wrong("2.3", "dictionaries in the lists", race(TOGETHER.replace("step[kind].item()", "step")), "holds dictionaries")
wrong(
    "2.3",
    "the last loss only",
    race(TOGETHER.replace("step[kind].item()", "steps[-1][kind].item()")),
    "last loss 4 times",
)
wrong(
    "2.3",
    "no momentum for one",
    race(ONE_AFTER_THE_OTHER.replace("lr)", "lr, momentum=0.9 if kind == 'plain' else 0)")),
    "is not what d2l.train_side_by_side yields",
)
wrong(
    "2.3",
    "weights set to one number",
    race(TOGETHER.replace("steps = list", "[nn.init.constant_(p, 0.1) for p in b.parameters()]\nsteps = list")),
    "start from different weights",
)
OWN_LOOP = """
losses, kept = {{}}, list(islice(train_iter, num_steps))
for kind in ("plain", "residual"):
    torch.manual_seed(5)
    net, losses[kind] = build(kind).{mode}(), []
    optimizer = torch.optim.{optimizer}
    for X, y in kept:
        loss = nn.functional.cross_entropy(net(X), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses[kind].append(loss.item())
return losses
"""
SGD = "SGD(net.parameters(), lr, momentum=0.9)"
right("2.3", "a loop of one's own", race(OWN_LOOP.format(mode="train", optimizer=SGD)))
wrong(
    "2.3",
    "a loop of one's own in evaluation mode",
    race(OWN_LOOP.format(mode="eval", optimizer=SGD)),
    "plain net was trained in evaluation mode",
)
wrong(
    "2.3",
    "forward passes in evaluation mode alone",
    race(OWN_LOOP.format(mode="eval", optimizer=SGD).replace("        optimizer.step()\n", "")),
    "was trained$",
)
wrong(
    "2.3",
    "another optimizer",
    race(OWN_LOOP.format(mode="train", optimizer="Adam(net.parameters(), lr)")),
    "is the optimizer another than SGD",
)
for decay in ("5e-4", "1e-3", "1e-2", "0.3"):
    wrong(
        "2.3",
        f"weight decay {decay}",
        race(OWN_LOOP.format(mode="train", optimizer=SGD.replace("0.9", f"0.9, weight_decay={decay}"))),
        "plain net follows the gradient, but the weights also shrink: weight decay",
    )
wrong(
    "2.3",
    "weight decay of the kernels of one net",
    race(
        OWN_LOOP.format(
            mode="train",
            optimizer="SGD([{'params': [p for p in net.parameters() if p.dim() == d], 'weight_decay': 5e-4 * (d == 4 "
            "and kind == 'residual')} for d in (1, 2, 4)], lr, momentum=0.9)",
        )
    ),
    "residual net follows the gradient, but the weights also shrink: weight decay",
)
right(
    "2.3",
    "no decay, in two groups",
    race(
        OWN_LOOP.format(
            mode="train",
            optimizer="SGD([{'params': [p for p in net.parameters() if (p.dim() > 1) == many], 'weight_decay': 0} for "
            "many in (False, True)], lr=lr, momentum=0.9)",
        )
    ),
)
wrong(
    "2.3",
    "the loss after the step, in a pass of its own",
    race(
        OWN_LOOP.format(mode="train", optimizer=SGD).replace(
            "append(loss.item())", "append(nn.functional.cross_entropy(net(X), y).item())"
        )
    ),
    "each batch goes through the plain net twice; note the loss from the pass that the step learns from",
)
wrong(
    "2.3",
    "Nesterov's momentum",
    race(OWN_LOOP.format(mode="train", optimizer=SGD.replace("0.9", "0.9, nesterov=True"))),
    "plain net is 1.9 times too long: that is Nesterov's momentum",
)
for name, line in [
    ("clipped", "nn.utils.clip_grad_norm_(net.parameters(), 0.1)"),
    ("of the sum over the batch", "[p.grad.mul_(len(y)) for p in net.parameters()]"),
]:
    wrong(
        "2.3",
        f"the gradient {name}",
        race(
            OWN_LOOP.format(mode="train", optimizer=SGD).replace(
                "        optimizer.step()", f"        {line}\n        optimizer.step()"
            )
        ),
        "called with lr = 0.11, the first step of the plain net was as long as" if "clip" in line else "0.66",
    )

# 2.4, one more block

needs("2.4", "width", "make_net", "device")


def longer(body: str, depth: str = "26") -> str:
    return (
        "def with_one_more_block(net):\n    longer = copy.deepcopy(net)\n    for stage in longer[1:4]:\n        "
        "channels = stage[-1].conv2.out_channels\n        "
        + body.strip().replace("\n", "\n        ")
        + f"\n    return longer\n\ndepth_after_20 = {depth}"
    )


BLOCK = "block = d2l.Residual(channels, channels)\n"
SILENT = "nn.init.zeros_(block.bn2.weight)\nnn.init.zeros_(block.bn2.bias)\n"
DIRAC = "for conv in (block.conv1, block.conv2):\n    nn.init.dirac_(conv.weight)\n    nn.init.zeros_(conv.bias)\n"
UNDONE = "for norm in (block.bn1, block.bn2):\n    norm.running_var.fill_(1 - norm.eps)\n"
APPEND = "stage.append(block)"

right("2.4", "with the notebook's function", longer(BLOCK + SILENT + APPEND))
right(
    "2.4",
    "a copy of the last block where it fits, made silent",
    longer("""
fits = stage[-1].conv3 is None
block = copy.deepcopy(stage[-1]) if fits else d2l.Residual(channels, channels)
nn.init.zeros_(block.bn2.weight)
nn.init.zeros_(block.bn2.bias)
stage.append(block)
"""),
)
right(
    "2.4",
    "the second convolution silent, not the norm",
    longer("""
block = d2l.Residual(channels, channels)
nn.init.zeros_(block.conv2.weight)
nn.init.zeros_(block.conv2.bias)
stage.append(block)
"""),
)
right(
    "2.4",
    "built anew and filled",
    """
def with_one_more_block(old):
    stem, *stages, pool, flatten, linear = copy.deepcopy(list(old))
    new = []
    for blocks in stages:
        width = blocks[0].bn1.num_features
        extra = d2l.Residual(width, width)
        extra.bn2.weight.data.zero_()
        new.append(nn.Sequential(*blocks, extra))
    return nn.Sequential(stem, *new, pool, flatten, linear)

depth_after_20 = torch.tensor(26)
""",
)
right(
    "2.4",
    "a stage around a stage, and a class of one's own",
    """
class Extra(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.F = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels), nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels),
        )
        nn.init.zeros_(self.F[-1].weight)

    def forward(self, X):
        return (X + self.F(X)).relu()

def with_one_more_block(net):
    parts = [copy.deepcopy(part) for part in net]
    for i in (1, 2, 3):
        parts[i] = nn.Sequential(parts[i], Extra(list(parts[i][-1].parameters())[-1].shape[0]))
    return nn.Sequential(*parts)

depth_after_20 = 26.0
""",
)

wrong(
    "2.4",
    "a silent copy of the only block",
    longer("block = copy.deepcopy(stage[-1])\n" + SILENT + APPEND),
    "the only block of a stage is the one that changes",
)
wrong(
    "2.4",
    "the given net grows",
    """
def with_one_more_block(net):
    for stage in net[1:4]:
        channels = stage[-1].conv2.out_channels
        block = d2l.Residual(channels, channels)
        nn.init.zeros_(block.bn2.weight)
        nn.init.zeros_(block.bn2.bias)
        stage.append(block)
    return net

depth_after_20 = 26
""",
    "the net that was given is not left as it came: it has other layers",
)
wrong(
    "2.4",
    "the same blocks in a new net",
    """
def with_one_more_block(net):
    stages = []
    for stage in net[1:4]:
        channels = stage[-1].conv2.out_channels
        block = d2l.Residual(channels, channels)
        nn.init.zeros_(block.bn2.weight)
        nn.init.zeros_(block.bn2.bias)
        stages.append(nn.Sequential(*stage, block))
    return nn.Sequential(net[0], *stages, *net[4:])

depth_after_20 = 26
""",
    "shares its weights",
)
wrong("2.4", "not made silent", longer(BLOCK + APPEND), "last γ is not zero, so F")
wrong(
    "2.4",
    "a copy of the trained block",
    longer("block = copy.deepcopy(stage[-1])\nblock.conv3 = None\n" + APPEND),
    "copy of the trained one before it",
)
wrong(
    "2.4",
    "γ zero, β trained",
    longer("""
block = copy.deepcopy(stage[-1])
block.conv3 = None
nn.init.zeros_(block.bn2.weight)
stage.append(block)
"""),
    "β is not, so",
)
wrong(
    "2.4",
    "β zero, γ trained",
    longer("""
block = d2l.Residual(channels, channels)
nn.init.normal_(block.bn2.weight)
stage.append(block)
"""),
    "last γ is not zero, so F",
)
wrong(
    "2.4",
    "the first norm silent",
    longer("""
block = d2l.Residual(channels, channels)
nn.init.zeros_(block.bn1.weight)
nn.init.zeros_(block.bn1.bias)
stage.append(block)
"""),
    "running mean",
)
wrong(
    "2.4",
    "convolution zero but for its bias",
    longer(BLOCK + "nn.init.zeros_(block.conv2.weight)\n" + APPEND),
    "running mean",
)
wrong("2.4", "Dirac kernels in a residual block", longer(BLOCK + DIRAC + APPEND), "return 2x")
wrong(
    "2.4",
    "a plain block with Dirac kernels",
    longer("block = d2l.Plain(channels, channels)\n" + DIRAC + UNDONE + APPEND),
    "plain, they never add their input: in evaluation mode it does",
)
wrong(
    "2.4",
    "a plain block with γ zero",
    longer("block = d2l.Plain(channels, channels)\n" + SILENT + APPEND),
    "output is zero",
)
wrong(
    "2.4", "one new block appended twice", longer(BLOCK + SILENT + APPEND + "\n" + APPEND), "stages of the new net have"
)
wrong("2.4", "the same block twice", longer("stage.append(stage[-1])"), "of its own: it uses that of an old block")
wrong(
    "2.4",
    "two Dirac kernels in a row",
    longer("""
block = nn.Sequential(nn.Conv2d(channels, channels, 3, padding=1), nn.Conv2d(channels, channels, 3, padding=1))
for conv in block:
    nn.init.dirac_(conv.weight)
    nn.init.zeros_(conv.bias)
stage.append(block)
"""),
    "no residual one",
)
wrong(
    "2.4",
    "all frozen",
    longer(BLOCK + SILENT + APPEND).replace("return longer", "return longer.requires_grad_(False)"),
    "is frozen",
)
wrong(
    "2.4",
    "the gradients of the given net deleted",
    longer(BLOCK + SILENT + APPEND).replace("    longer =", "    net.zero_grad()\n    longer ="),
    "0.0.weight has lost its gradient",
)
wrong(
    "2.4",
    "a block in the stem, not in the first stage",
    """
def with_one_more_block(net):
    longer = copy.deepcopy(net)
    for part, channels in ((longer[0], net[0][0].out_channels), *((s, s[-1].bn2.num_features) for s in longer[2:4])):
        block = d2l.Residual(channels, channels)
        nn.init.zeros_(block.bn2.weight)
        nn.init.zeros_(block.bn2.bias)
        part.append(block)
    return longer

depth_after_20 = 26
""",
    "the stem of the new net has other layers",
)
for name, settings in [("no statistics", "track_running_stats = False"), ("another momentum", "momentum = 0.0")]:
    wrong(
        "2.4",
        f"batch norms with {name}",
        longer(BLOCK + SILENT + APPEND).replace(
            "    return longer", f"    for m in longer[0].modules(): m.{settings}\n    return longer"
        ),
        "once a batch has gone through both nets in training mode.*momentum and track_running_stats",
    )
for name, statement in [
    ("that copies", "nn.init.dirac_(block.conv3.weight); nn.init.zeros_(block.conv3.bias)"),
    ("of zeros", "nn.init.zeros_(block.conv3.weight)"),
    ("as it was drawn", "pass"),
]:
    wrong(
        "2.4",
        f"a 1×1 convolution {name} in the shortcut",
        longer(f"block = d2l.Residual(channels, channels, use_1x1conv=True)\n{statement}\n" + SILENT + APPEND),
        "the shortcut of these nets has no parameter",
    )
right("2.4", "in the other mode", longer(BLOCK + SILENT + APPEND).replace(
      "return longer", "return longer.train(not net.training)"))  # fmt: skip
wrong(
    "2.4",
    "1×1 convolutions in place of 3×3",
    longer(
        BLOCK
        + "block.conv1, block.conv2 = nn.Conv2d(channels, channels, 1), nn.Conv2d(channels, channels, 1)\n"
        + SILENT
        + APPEND
    ),
    "has no 3×3 convolutions",
)
wrong(
    "2.4",
    "another stride in the stem",
    longer(BLOCK + SILENT + APPEND).replace("    return longer", "    longer[0][0].stride = (1, 1)\n    return longer"),
    "have the weights that they had.*strides",
)
for name, before, cause in (
    ("gradients set to zero", "net.zero_grad(set_to_none=False)", "0.0.weight has another gradient"),
    ("hooks taken away", "net[1]._forward_hooks.clear()", "1 has lost a hook"),
):
    code = longer(BLOCK + SILENT + APPEND).replace("    longer =", f"    {before}\n    longer =")
    wrong("2.4", name, code, cause)
wrong("2.4", "an empty module", longer("stage.append(nn.Identity())"), "Identity, has no 3×3 convolutions")
wrong(
    "2.4",
    "the new block first",
    """
def with_one_more_block(net):
    longer = copy.deepcopy(net)
    for i in (1, 2, 3):
        channels = longer[i][0].conv1.in_channels
        block = d2l.Residual(channels, channels)
        nn.init.zeros_(block.bn2.weight)
        nn.init.zeros_(block.bn2.bias)
        longer[i] = nn.Sequential(block, *longer[i])
    return longer

depth_after_20 = 26
""",
    "comes first",
)
wrong(
    "2.4",
    "in the last stage only",
    """
def with_one_more_block(net):
    longer = copy.deepcopy(net)
    block = d2l.Residual(longer[3][-1].conv2.out_channels, longer[3][-1].conv2.out_channels)
    nn.init.zeros_(block.bn2.weight)
    nn.init.zeros_(block.bn2.bias)
    longer[3].append(block)
    return longer

depth_after_20 = 22
""",
    r"have \[2, 2, 3\] blocks; one more in each would be \[3, 3, 3\]",
)
wrong("2.4", "only copied", "with_one_more_block = copy.deepcopy\ndepth_after_20 = 26", "no stage has a block more")
wrong(
    "2.4",
    "the width of this page",
    """
def with_one_more_block(net):
    longer = make_net("residual", 6 * (len(net[1]) + 1) + 2, seed=0)
    for part in (0, -1):
        longer[part].load_state_dict(net[part].state_dict())
    for old, stage in zip(net[1:4], longer[1:4]):
        stage[:-1].load_state_dict(old.state_dict())
        nn.init.zeros_(stage[-1].bn2.weight)
    return longer

depth_after_20 = 26
""",
    "width 3, 2 channels of input and 7 classes; is one of these fixed",
)
wrong(
    "2.4",
    "built anew, weights not copied",
    """
def with_one_more_block(net):
    stem, head = net[0][0], net[-1]
    longer = d2l.cifar_resnet(
        6 * len(net[1]) + 8, stem.out_channels, head.out_features, stem.in_channels, stem_strides=stem.stride[0]
    )
    for stage in longer[1:4]:
        nn.init.zeros_(stage[-1].bn2.weight)
        nn.init.zeros_(stage[-1].bn2.bias)
    return longer

depth_after_20 = 26
""",
    "stem of the new net does not have the weights",
)
wrong(
    "2.4",
    "parameters copied, buffers not",
    """
def with_one_more_block(net):
    longer = copy.deepcopy(net)
    for module in longer.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.reset_running_stats()
    for stage in longer[1:4]:
        channels = stage[-1].conv2.out_channels
        block = d2l.Residual(channels, channels)
        nn.init.zeros_(block.bn2.weight)
        nn.init.zeros_(block.bn2.bias)
        stage.append(block)
    return longer

depth_after_20 = 26
""",
    "buffers",
)
wrong(
    "2.4",
    "the given net is run in training mode",
    longer(BLOCK + SILENT + APPEND).replace(
        "    return longer",
        "    with torch.no_grad():\n        net.train()(torch.ones(2, net[0][0].in_channels, 8, 8))\n    return longer",
    ),
    "running_mean has other numbers, a pass in training mode",
)
wrong(
    "2.4",
    "the given net changes its mode",
    longer(BLOCK + SILENT + APPEND).replace("    longer =", "    net.train(not net.training)\n    longer ="),
    "it is in (training|evaluation) mode",
)
wrong("2.4", "layers that are never used", longer(BLOCK + "block.forward = lambda X: X\n" + APPEND), "no effect")
wrong("2.4", "one block of depth", longer(BLOCK + SILENT + APPEND, "22"), "each of the three stages has got one")
wrong("2.4", "one layer a stage", longer(BLOCK + SILENT + APPEND, "23"), "a block has two layers")
wrong("2.4", "new layers not counted", longer(BLOCK + SILENT + APPEND, "20"), "so they count")

# Sneaky ones

right(
    "2.4",
    "the sum and the ReLU as parts of the block",
    longer("""
class Add(nn.Module):
    def __init__(self, branch):
        super().__init__()
        self.branch = branch

    def forward(self, X):
        return X + self.branch(X)

convs = [nn.Conv2d(channels, channels, 3, padding=1) for _ in range(2)]
for parameter in convs[1].parameters():
    nn.init.zeros_(parameter)
stage.append(nn.Sequential(Add(nn.Sequential(convs[0], nn.ReLU(), convs[1])), nn.ReLU()))
"""),
)

right(
    "2.4",
    "functional, kernels as parameters",
    """
class Silent(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.last = nn.Parameter(torch.zeros(channels, channels, 3, 3))
        self.first = nn.Parameter(torch.randn(channels, channels, 3, 3))

    def forward(self, X):
        Y = nn.functional.conv2d(X, self.first, padding=1).relu()
        return (X + nn.functional.conv2d(Y, self.last, padding=1)).relu()

def with_one_more_block(net):
    net = copy.deepcopy(net)
    for i in range(1, 4):
        net[i].append(Silent(net[i][-1].bn2.num_features))
    return net

depth_after_20 = 26
""",
)
wrong(
    "2.4",
    "γ tiny",
    longer(BLOCK + "nn.init.constant_(block.bn2.weight, 1e-8)\n" + APPEND),
    "very little, but not nothing",
)
right(
    "2.4",
    "a factor that starts at zero",
    longer("""
class ReZero(d2l.Residual):
    def __init__(self, channels):
        super().__init__(channels, channels)
        self.factor = nn.Parameter(torch.zeros(()))

    def forward(self, X):
        Y = self.bn2(self.conv2(self.bn1(self.conv1(X)).relu()))
        return (X + self.factor * Y).relu()

stage.append(ReZero(channels))
"""),
)
wrong(
    "2.4", "γ small, not zero", longer(BLOCK + "nn.init.constant_(block.bn2.weight, 1e-3)\n" + APPEND), "γ is not zero"
)
wrong("2.4", "frozen", longer(BLOCK + SILENT + "block.requires_grad_(False)\n" + APPEND), "frozen")
wrong(
    "2.4",
    "a net that asks the old copy",
    """
class Wrapped(nn.Sequential):
    def forward(self, X):
        return self.old[0].train(self.training)(X)

def with_one_more_block(net):
    longer = copy.deepcopy(net)
    for stage in longer[1:4]:
        channels = stage[-1].conv2.out_channels
        stage.append(d2l.Residual(channels, channels))
    longer = Wrapped(*longer)
    longer.old = [copy.deepcopy(net)]
    return longer

depth_after_20 = 26
""",
    "no effect",
)
wrong(
    "2.3",
    "other images for one",
    race(
        ONE_AFTER_THE_OTHER.replace(
            "kept, lr",
            "[(X.flip(3) if kind == 'plain' else X, y) for X, y in kept], lr",
        )
    ),
    "other images than those of train_iter",
)
wrong(
    "2.3",
    "other images for both",
    race(
        ONE_AFTER_THE_OTHER.replace(
            "islice(train_iter, num_steps)", "((X.flip(3), y) for X, y in islice(train_iter, num_steps))"
        )
    ),
    "other images than those of train_iter",
)
wrong(
    "2.3",
    "other labels for one",
    race(
        ONE_AFTER_THE_OTHER.replace(
            "kept, lr",
            "[(X, y.flip(0) if kind == 'plain' else y) for X, y in kept], lr",
        )
    ),
    "Do the labels belong to the images",
)
wrong(
    "2.3",
    "biases frozen",
    race(
        TOGETHER.replace(
            "steps = list", "[p.requires_grad_(p.dim() > 1) for n in (a, b) for p in n.parameters()]\nsteps = list"
        )
    ),
    "frozen",
)
right(
    "2.3",
    "the order of the batches put back",
    race(
        ONE_AFTER_THE_OTHER.replace(
            "kept = list(islice(train_iter, num_steps))", "own = train_iter.generator.get_state()"
        )
        .replace("    net =", "    train_iter.generator.set_state(own)\n    net =")
        .replace("kept, lr", "islice(train_iter, num_steps), lr")
    ),
)
wrong(
    "2.3",
    "made-up losses",
    race(
        TOGETHER.replace("step[kind].item()", "2.3 - 0.1 * i").replace(
            "for step in steps]", "for i in range(num_steps)]"
        )
    ),
    "is not what",
)
wrong(
    "2.3",
    "seeded before each pass, as if the order followed the seed",
    race(
        ONE_RATE.replace(
            "    net = build(kind)", "    torch.manual_seed(0)\n    net = build(kind)\n    torch.manual_seed(1)"
        )
    ),
    "see different batches",
)
wrong(
    "2.4",
    "a convolution shared with the block before",
    longer(BLOCK + SILENT + "block.conv1 = stage[-1].conv2\n" + APPEND),
    "no conv1.weight of its own",
)
wrong(
    "2.4",
    "pooling and flattening lost",
    """
def with_one_more_block(net):
    stages = []
    for stage in copy.deepcopy(net[1:4]):
        block = d2l.Residual(stage[-1].bn2.num_features, stage[-1].bn2.num_features)
        nn.init.zeros_(block.bn2.weight)
        nn.init.zeros_(block.bn2.bias)
        stages.append(nn.Sequential(*stage, block))
    return nn.Sequential(copy.deepcopy(net[0]), *stages, copy.deepcopy(net[-1]))

depth_after_20 = 26
""",
    "should have 7 parts.*it has 5",
)

# Norms of other kinds

CONV_SILENT = "nn.init.zeros_(block.conv2.weight)\nnn.init.zeros_(block.conv2.bias)\n"
for name, norms in [
    ("GroupNorm twice", "block.bn1, block.bn2 = nn.GroupNorm(1, channels), nn.GroupNorm(1, channels)"),
    ("GroupNorm at the end", "block.bn2 = nn.GroupNorm(1, channels)"),
    ("GroupNorm of single channels", "block.bn1, block.bn2 = (nn.GroupNorm(channels, channels) for _ in range(2))"),
    ("InstanceNorm", "block.bn2 = nn.InstanceNorm2d(channels, affine=True)"),
]:
    right("2.4", name, longer(f"{BLOCK}{norms}\nnn.init.zeros_(block.bn2.weight)\n" + APPEND))
right("2.4", "GroupNorm first", longer(BLOCK + "block.bn1 = nn.GroupNorm(1, channels)\n" + SILENT + APPEND))
for name, norms in [
    ("no norms", "block.bn1 = block.bn2 = nn.Identity()"),
    ("no second norm", "block.bn2 = nn.Identity()"),
    ("a norm without weights", "block.bn2 = nn.BatchNorm2d(channels, affine=False)"),
]:
    right("2.4", f"{name}, the convolution silent", longer(f"{BLOCK}{norms}\n{CONV_SILENT}" + APPEND))
    wrong("2.4", f"{name}, nothing silent", longer(f"{BLOCK}{norms}\n" + APPEND), "not pass on.*: F.x. is not zero")
wrong(
    "2.4",
    "statistics reset",
    longer(BLOCK + SILENT + APPEND).replace(
        "    return longer",
        "    for m in longer.modules(): isinstance(m, nn.BatchNorm2d) and m.reset_running_stats()\n    return longer",
    ),
    "variances are not those of the given net",
)

# 2.5, what batch norm does to a copy


def explained(plain: str, gamma: str = "3.5**0.5", beta: str = "3", explanation: str = "'c'") -> str:
    return f"x = torch.tensor([1.0, 2, 3, 6])\nplain_in_training = {plain}\ngamma, beta = {gamma}, {beta}\n" + (
        f"my_explanation = {explanation}"
    )


RIGHT_VALUES = "[0, 0, 0, 1.73]"

right(
    "2.5",
    "run, with a map of 2×2 pixels",
    """
block = d2l.Plain(1, 1)
for conv in (block.conv1, block.conv2):
    nn.init.dirac_(conv.weight)
    nn.init.zeros_(conv.bias)
X = torch.tensor([[[[1.0, 2], [3, 6]]]])
plain_in_training = block(X)
gamma, beta = torch.std_mean(X, correction=0)
my_explanation = "(C)"
""",
)
right("2.5", "by hand, two decimals, a tuple", explained("(0.0, 0, 0, 1.73)", "1.87", "3.0"))
right("2.5", "turned round twice", explained(RIGHT_VALUES, "-1.87", "3"))
for name, code in [
    ("as a map of an image", "[[[[0, 0], [0, 1.732]]]]"),
    ("as an array of an image", "np.array([0, 0, 0, 1.73]).reshape(1, 1, 2, 2)"),
    ("as tensors in a list", "[0 * x[:2], torch.tensor([0, 1.7320508])]"),
    ("as a column", "[[0], [0], [0], [3**0.5]]"),
]:
    right("2.5", name, "import numpy as np\n" + explained(code, "np.sqrt(3.5)", "np.float32(3)"))
wrong("2.5", "a small negative number", explained("[0, -0.01, 0, 1.73]"), "what becomes of 2")
right("2.5", "NumPy", explained("torch.tensor([[0, 0], [0, 3**0.5]]).numpy()", "x.std(correction=0)", "x.mean()"))

wrong("2.5", "nothing changes", explained("[1, 2, 3, 6]"), "values that went in")
wrong("2.5", "one half of the block", explained("[0, 0, 0, 3 / 3.5**0.5]"), "one normalization only")
wrong("2.5", "no ReLU at all", explained("(x - x.mean()) / x.std(unbiased=False)"), "no ReLU cut off")
wrong("2.5", "cut off, not rounded twice", explained("[0, 0, 0, 1.72]"), "what becomes of 6")
wrong("2.5", "no last ReLU", explained("[-0.58, -0.58, -0.58, 1.73]"), "last ReLU is missing")
wrong("2.5", "divided by three", explained("[0, 0, 0, 1.5]"), "by 4, not by 3")
wrong("2.5", "divided by the variance", explained("[0, 0, 0, 4.6667]"), "not by its square root")
wrong("2.5", "centered only", explained("[0, 0, 0, 2.25]"), "nothing was divided")
wrong("2.5", "the input added", explained("[0.42, 1.42, 2.42, 7.73]"), "the input was added")
wrong("2.5", "γ zero", explained("[0, 0, 0, 0]"), "here γ is 1")
wrong("2.5", "each pixel's own mean", explained("[(v - v.mean()).item() for v in x]"), "a mean for each pixel")
wrong("2.5", "another order", explained("[1.73, 0, 0, 0]"), "another order")
wrong("2.5", "one number", explained("3 ** 0.5"), "list of four numbers")
wrong("2.5", "three numbers", explained("[0, 0, 1.73]"), "it has 3")
wrong("2.5", "some number", explained("[0, 0, 0.3, 1.73]"), "what becomes of 3")
for name, gamma, beta, cause in [
    ("γ and β swapped", "3", "1.87", "have changed places"),
    ("γ the variance", "3.5", "3", "γ is the variance"),
    ("γ divided by three", "2.16", "3", "divided by 3; batch norm divides by 4"),
    ("γ the inverse", "1 / 3.5**0.5", "3", "divides once more"),
    ("β negative", "1.87", "-3", "subtracts the mean once more"),
    ("β forgotten", "1.87", "0", "has to come back as well"),
    ("γ forgotten", "1", "3", "spread is still 1"),
    ("nothing set", "1", "0", "those are the γ and β of part 1"),
    ("both zero", "0", "0", "returns zeros"),
    ("γ rounded", "1.9", "3", "two decimals"),
    ("β of another batch", "1.87", "2", "not \\[1, 2, 3, 6\\]"),
]:
    wrong("2.5", name, explained(RIGHT_VALUES, gamma, beta), cause)
wrong("2.5", "γ a word", explained(RIGHT_VALUES, "'std'"), "gamma should be a number")
for letter, cause in [
    ("a", "subtracts the mean of the batch that arrives"),
    ("b", "does not look at its stored statistics"),
    ("d", "they stay as they are"),
    ("e", "whatever the statistics of the batch are"),
    ("Because of batch norm.", "one of the letters"),
]:
    wrong("2.5", f"the answer {letter}", explained(RIGHT_VALUES, explanation=repr(letter)), cause)
wrong(
    "2.1", "the convolutions of a stage", "blocks_per_stage = 18\nadditions = 2 * 18", "convolutions has one.*adds once"
)
