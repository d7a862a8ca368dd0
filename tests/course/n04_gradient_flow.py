"""Answers to the exercises of notebook 04."""

from __future__ import annotations

from collect import needs, right, wrong

MEASURING = ("blocks_of", "in_float64", "inputs_and_loss", "gradient_norms", "growth")
needs("4.3", "blocks_of", "in_float64", "inputs_and_loss")
needs("4.4", *MEASURING)


# 4.1 A shortcut that blocks


def cancelling(set_weights: str, forward: str = "return x + self.F(x)") -> str:
    """Return the class with these lines in `__init__` and in `forward`."""
    indented = ["\n".join(f"        {line}" for line in lines.strip().splitlines()) for lines in (set_weights, forward)]
    return f"""
class Cancelling(nn.Module):
    def __init__(self):
        super().__init__()
        self.F = nn.Linear(4, 4)
{indented[0]}

    def forward(self, x):
{indented[1]}
"""


MINUS_I = "self.F.weight.data = -torch.eye(4)\nself.F.bias.data = torch.tensor([3.0, -1.0, 0.0, 2.0])"

right("4.1", "with .data, other names", cancelling(MINUS_I).replace("x", "h").replace("self.F(h)", "self.F(h)"))
right("4.1", "the bias that PyTorch draws", cancelling("nn.init.eye_(self.F.weight)\nself.F.weight.data.neg_()"))
right(
    "4.1",
    "new parameters, functional, frozen",
    cancelling(
        """
self.F.weight = nn.Parameter(torch.diag(torch.full((4,), -1.0)), requires_grad=False)
nn.init.ones_(self.F.bias)""",
        "return torch.add(nn.functional.linear(x, self.F.weight, self.F.bias), x)",
    ),
)
right("4.1", "in 64 bits", cancelling("self.F = nn.Linear(4, 4).double()\n" + MINUS_I.replace(")", ").double()")))
right(
    "4.1",
    "an argument with a default, an attribute more",
    cancelling(MINUS_I + "\nself.relu = nn.ReLU()").replace("__init__(self)", "__init__(self, size=4)"),
)

for name, code, cause in (
    ("the weights are zero", cancelling("nn.init.zeros_(self.F.weight)"), "weight of zeros"),
    ("plus I", cancelling("nn.init.eye_(self.F.weight)"), "doubles the gradient"),
    ("all weights -1", cancelling("nn.init.constant_(self.F.weight, -1)"), "all 16 weights"),
    ("only the diagonal set", cancelling("self.F.weight.data.fill_diagonal_(-1)"), "other elements should be zero"),
    ("minus one half of I", cancelling("self.F.weight.data = -0.5 * torch.eye(4)"), "leaves 0.5 of"),
    ("nearly -I", cancelling("self.F.weight.data = -0.9999 * torch.eye(4)"), "leaves 0.0001"),
    ("weights left as drawn", cancelling("pass"), "J is the weight of F"),
    ("the output is zero, too", cancelling("self.F.weight.data = -torch.eye(4)\nself.F.bias.data.zero_()"),
     "bias is zero"),
    ("without a bias", cancelling("self.F = nn.Linear(4, 4, bias=False)\nself.F.weight.data = -torch.eye(4)"),
     "no bias"),
    ("subtracts with plus I", cancelling("nn.init.eye_(self.F.weight)", "return x - self.F(x)"), "x - F\\(x\\)"),
    ("detaches", cancelling("pass", "return x.detach() + self.F(x.detach())"), "detach"),
    ("detaches the shortcut of zeros",
     cancelling("nn.init.zeros_(self.F.weight)", "return x.detach() + self.F(x)"), "detach"),
    ("no_grad", cancelling(MINUS_I, "with torch.no_grad():\n    return x + self.F(x)"), "no_grad"),
    ("never adds", cancelling("nn.init.zeros_(self.F.weight)", "return self.F(x)"), "input is not added"),
    ("a ReLU after the sum", cancelling(MINUS_I, "return torch.relu(x + self.F(x))"), "ReLU after the sum"),
    ("a ReLU in the branch", cancelling(MINUS_I, "return x + torch.relu(self.F(x))"), "ReLU after F"),
    ("weights set in forward",
     cancelling("pass", "self.F.weight.data = -torch.eye(4)\nreturn x + self.F(x)"), "in __init__"),
    ("adds in place", cancelling(MINUS_I, "x += self.F(x)\nreturn x"), "in place"),
    ("another name for the layer", cancelling(MINUS_I).replace("self.F", "self.linear"), "needs a layer self.F"),
    ("assigns a tensor", cancelling("self.F.weight = -torch.eye(4)"), "raised TypeError"),
    ("in place without no_grad", cancelling("self.F.weight.copy_(-torch.eye(4))"), "raised RuntimeError"),
    ("forgets super", cancelling(MINUS_I).replace("super().__init__()", "pass"), "raised AttributeError"),
    ("a block, not the class", cancelling(MINUS_I) + "\nCancelling = Cancelling()", "without parentheses"),
    ("a hook that stops the gradient",
     cancelling("pass", "x.register_hook(lambda g: 0 * g) if x.requires_grad else None\nreturn x + self.F(x)"),
     "hooks"),
    ("another size", cancelling(MINUS_I).replace("Linear(4, 4)", "Linear(4, 3)"), "nn.Linear\\(4, 4\\)"),
    ("forgets to return", cancelling(MINUS_I, "x + self.F(x)"), "should be a tensor; it is None"),
    ("cancels in training only",
     cancelling(MINUS_I, "return x + self.F(x) if self.training else x - self.F(x)"), "x - F\\(x\\)"),
    ("a layer that looks at no weight",
     "class Fake(nn.Linear):\n    def forward(self, x):\n        return 1 - x\n"
     + cancelling(MINUS_I).replace("nn.Linear(4, 4)", "Fake(4, 4)"), "does not return x \\+"),
    ("the gradient cut in training only",
     cancelling(MINUS_I, "return (x.detach() if self.training else x) + self.F(x)"), "cut off"),
    ("multiplied by zero", cancelling("pass", "return 0 * x + 0 * self.F(x) + 1"), "does not return x \\+"),
):  # fmt: skip
    wrong("4.1", name, code, cause)


# 4.2 Predict a power of ten

right("4.2", "as a number", "powers_of_ten_110 = 42")
right("4.2", "as a tensor", "powers_of_ten_110 = torch.tensor(108 / 2 * math.log10(6)).round()")
right("4.2", "by logarithms of the scale", "powers_of_ten_110 = -int(108 * math.log10(1 / 6**0.5))")

for name, code, cause in (
    ("the answer of 56 layers", "21", "56 layers"),
    ("one convolution in a block", "round(27 * math.log10(6))", "one convolution in a block"),
    ("the root forgotten", "round(108 * math.log10(6))", "not by 1/6"),
    ("all layers", "round(110 / 2 * math.log10(6))", "stem and head"),
    ("the power of six", "54", "power of 6"),
    ("the number of convolutions", "108", "number of convolutions"),
    ("the natural logarithm", "round(54 * math.log(6))", "natural logarithm"),
    ("with a minus", "-42", "a positive number"),
    ("not rounded", "54 * math.log10(6)", "round it"),
    ("the factor", "10**42", "asked is its power"),
    ("the factor, as a float", "6.0**54", "asked is its power"),
    ("one over the factor", "6**-54", "asked is its power"),
    ("the growth itself", "51", "growth with small weights itself"),
    ("a text", "'42'", "should be a number"),
    ("one over the root of 3", "round(54 * math.log10(3))", "root of 3"),
    ("the growth itself at 56 layers", "26", "^(?!you scaled).*growth itself at 56 layers"),
    ("rounded up", "math.ceil(54 * math.log10(6))", "^(?!that counts).*rounded up"),
    ("a guess", "30", "in Section 6, at 56 layers"),
):
    wrong("4.2", name, f"powers_of_ten_110 = {code}", cause)


# 4.3 A colleague's measurement


def corrected(body: str, truth: str = "'plain, He'") -> str:
    """Return an answer to 4.3 with these lines."""
    lines = "".join(f"    {line}\n" for line in body.strip().splitlines())
    return f"def corrected_growth(net, X, y):\n{lines}\nmeasured_in_truth = {truth}\n"


REPAIRED = """
net = in_float64(net)
xs, loss = inputs_and_loss(net, X, y)
first, last = torch.autograd.grad(loss, (xs[0], xs[-1]))
return (first.norm() / last.norm()).item()
"""

right("4.3", "train after eval, a tensor",
      corrected("""
net = in_float64(net).eval().train()
inputs, L = inputs_and_loss(net, X, y)
gs = torch.autograd.grad(L, inputs)
return gs[0].norm() / gs[-1].norm()""", "'Plain, he'"))  # fmt: skip
right("4.3", "without the helpers, with backward",
      corrected("""
twin = copy.deepcopy(net).to(torch.float64)
twin.train()
kept = [twin[0](X)]
for stage in twin[1:4]:
    for block in stage:
        kept[-1].retain_grad()
        kept.append(block(kept[-1]))
kept[-1].retain_grad()
cross_entropy(twin[4:](kept[-1]), y).backward()
return kept[0].grad.square().sum().sqrt() / torch.linalg.vector_norm(kept[-1].grad)""", "'plain He'"))  # fmt: skip
right("4.3", "in 32 bits, batch norm by batch norm",
      corrected("""
net = copy.deepcopy(net).eval()
for layer in net.modules():
    if isinstance(layer, nn.BatchNorm2d):
        layer.train()
xs, loss = inputs_and_loss(net, X.float(), y)
first, last = torch.autograd.grad(loss, (xs[0], xs[-1]))
return (first.double().norm() / last.double().norm()).item()"""))  # fmt: skip

right("4.3", "eval mode without stored statistics",
      corrected(REPAIRED.replace("in_float64(net)", "in_float64(net).eval()").replace("xs, loss", """
for layer in net.modules():
    if isinstance(layer, nn.BatchNorm2d):
        layer.running_mean = layer.running_var = None
xs, loss""")))  # fmt: skip

for name, code, cause in (
    ("unrepaired", corrected(REPAIRED.replace("in_float64(net)", "in_float64(net).eval()")), "still measured in eval"),
    ("train too late", corrected(REPAIRED.replace("in_float64(net)", "in_float64(net).eval()")
                                 .replace("first, last", "net.train()\nfirst, last")), "still measured in eval"),
    ("32 bits in place of 64, still in eval", corrected(REPAIRED.replace("in_float64(net)", "copy.deepcopy(net).eval()")
                                                       .replace("X, y)", "X.float(), y)")), "still measured in eval"),
    ("upside down", corrected(REPAIRED.replace("first.norm() / last.norm()", "last.norm() / first.norm()")), "upside"),
    ("from the weights", corrected(REPAIRED.replace("(xs[0], xs[-1])", "(net[0][0].weight, xs[-1])")), "first conv"),
    ("to the last block's input", corrected(REPAIRED.replace("xs[-1]", "xs[-2]")), "x_L is its output"),
    ("from the second block", corrected(REPAIRED.replace("xs[0]", "xs[1]")), "second block"),
    ("squares", corrected(REPAIRED.replace("first.norm() / last.norm()", "first.square().sum() / last.square().sum()")),
     "ratio of the squares"),
    ("sums of absolute values", corrected(REPAIRED.replace("norm()", "abs().sum()")), "sums of absolute"),
    ("means", corrected(REPAIRED.replace("norm()", "abs().mean()")), "compares means"),
    ("largest elements", corrected(REPAIRED.replace("norm()", "abs().max()")), "largest elements"),
    ("the x's", corrected(REPAIRED.replace("first.norm() / last.norm()", "xs[0].norm() / xs[-1].norm()")), "the x's"),
    ("the first norm alone", corrected(REPAIRED.replace(" / last.norm()", "")), "x_0 alone"),
    ("fresh statistics in eval mode",
     corrected("""
net = in_float64(net)
for layer in net.modules():
    if isinstance(layer, nn.BatchNorm2d):
        layer.momentum = 1.0
net(X)
net.eval()
""" + REPAIRED.split("\n", 2)[2]), "taken as constants"),
    ("train mode on the net itself", corrected(REPAIRED.replace("in_float64(net)", "net.double().train()")), "float64"),
    ("on the net itself, in 32 bits",
     corrected(REPAIRED.replace("in_float64(net)", "net").replace("X, y)", "X.float(), y)")), "training mode moves"),
    ("left in eval mode as it comes",
     corrected(REPAIRED.replace("in_float64(net)", "copy.deepcopy(net).double()")), "comes in eval mode"),
    ("deletes gradients", corrected("net.zero_grad()\n" + REPAIRED), "has lost its gradient"),
    ("image by image", corrected(REPAIRED.replace("first.norm() / last.norm()",
     "first.flatten(1).norm(dim=1).mean() / last.flatten(1).norm(dim=1).mean()")), "the growth is"),
    ("leaves a hook", corrected("blocks_of(net)[0].register_forward_hook(print)\n" + REPAIRED), "a hook more"),
    ("one over what eval gives",
     corrected("return 4000.0"), "the growth is"),
    ("prints, returns nothing", corrected(REPAIRED.replace("return", "result =")), "should be a number; it is None"),
    ("a number", "corrected_growth = 2993.08\nmeasured_in_truth = 'plain, He'", "should be a function"),
    ("the net that was meant", corrected(REPAIRED, "'plain, norm'"), "meant to measure"),
    ("the one that everybody knows", corrected(REPAIRED, "'plain, small'"), "26 powers of ten"),
    ("a residual one", corrected(REPAIRED, "'residual, He'"), "adds a shortcut"),
    ("no name of a net", corrected(REPAIRED, "'without norm'"), "should be one of"),
):  # fmt: skip
    wrong("4.3", name, code, cause)


# 4.4 One step


def one_step(body: str) -> str:
    """Return an answer to 4.4 with these lines."""
    lines = "".join(f"    {line}\n" for line in body.strip().splitlines())
    return f"def growth_after_one_step(net, X, y, lr):\n{lines}"


STEP = """
net = in_float64(net)
optimizer = torch.optim.SGD(net.parameters(), lr=lr)
loss = cross_entropy(net(X), y)
loss.backward()
optimizer.step()
return growth(gradient_norms(net, X, y))
"""

right("4.4", "with an optimizer, the growth by hand",
      one_step(STEP.replace("return growth(gradient_norms(net, X, y))", """optimizer.zero_grad()
xs, loss = inputs_and_loss(net, X, y)
a, b = torch.autograd.grad(loss, [xs[0], xs[-1]])
return a.norm() / b.norm()""")))  # fmt: skip
right("4.4", "a step in 32 bits", one_step(STEP.replace("in_float64(net)", "copy.deepcopy(net).train()").replace(
    "cross_entropy(net(X)", "cross_entropy(net(X.float())")))  # fmt: skip
right("4.4", "with .data, and a first momentum that does nothing yet",
      one_step("""
moved = copy.deepcopy(net).double()
moved.train()
cross_entropy(moved(X), y).backward()
velocity = {name: 0.9 * 0 + p.grad for name, p in moved.named_parameters()}
for name, p in moved.named_parameters():
    p.data.sub_(velocity[name], alpha=lr)
return growth(gradient_norms(moved, X, y))"""))  # fmt: skip

for name, code, cause in (
    ("no step", one_step("return growth(gradient_norms(net, X, y))"), "before the step"),
    ("the copy steps, the net is measured",
     one_step(STEP.replace("net = in_float64(net)", "twin = in_float64(net)").replace("net.par", "twin.par")
              .replace("(net(X)", "(twin(X)")), "copy measured that took"),
    ("forgets optimizer.step()", one_step(STEP.replace("optimizer.step()", "")), "before the step"),
    ("zeroes the gradient first", one_step(STEP.replace("optimizer.step()", "optimizer.zero_grad()\noptimizer.step()")),
     "before the step"),
    ("up the gradient",
     one_step(STEP.replace("SGD(net.parameters(), lr=lr)", "SGD(net.parameters(), lr=lr, maximize=True)")),
     "up the gradient"),
    ("two steps", one_step(STEP.replace("return", "optimizer.zero_grad()\ncross_entropy(net(X), y).backward()\n"
                                        "optimizer.step()\nreturn")), "two steps"),
    ("the sum of the losses", one_step(STEP.replace("(net(X), y)", "(net(X), y, reduction='sum')")), "not the sum"),
    ("Adam", one_step(STEP.replace("SGD", "Adam")), "Adam's first step"),
    ("sign descent", one_step("""
net = in_float64(net)
cross_entropy(net(X), y).backward()
with torch.no_grad():
    for p in net.parameters():
        p -= lr * p.grad.sign()
net.zero_grad()
return growth(gradient_norms(net, X, y))
"""), "as in sign descent"),
    ("lr fixed", one_step(STEP.replace("lr=lr", "lr=0.01")), "lr=0.01"),
    ("half the lr", one_step(STEP.replace("lr=lr", "lr=lr / 2")), "^(?!.*lr=0.1).*after a step with lr=0.2"),
    ("five times the lr", one_step(STEP.replace("lr=lr", "lr=5 * lr")), "^(?!.*lr=1).*after a step with lr=0.2"),
    ("the lr of the page", one_step(STEP.replace("lr=lr", "lr=0.05")), "lr=0.05"),
    ("the step in eval mode",
     one_step(STEP.replace("net = in_float64(net)", "net = in_float64(net).eval()")), "computed in eval"),
    ("measured in eval mode", one_step(STEP.replace("return growth(gradient_norms(net, X, y))", """
net.eval()
xs, loss = inputs_and_loss(net, X, y)
a, b = torch.autograd.grad(loss, [xs[0], xs[-1]])
return (a.norm() / b.norm()).item()""")), "measured in eval"),
    ("upside down", one_step(STEP.replace("return growth", "return 1 / growth")), "upside down"),
    ("by how much it changes", one_step("before = growth(gradient_norms(net, X, y))\n"
                                        + STEP.strip() + " / before"), "over that before"),
    ("only the first convolution", one_step(STEP.replace("net.parameters()", "net[0][0].parameters()")),
     "only the first"),
    ("only the convolutions",
     one_step(STEP.replace("net.parameters()", "[p for m in net.modules() if isinstance(m, nn.Conv2d) "
                                               "for p in m.parameters()]")), "only the convolutions"),
    ("only the weights",
     one_step(STEP.replace("net.parameters()", "[p for n, p in net.named_parameters() if 'weight' in n]")),
     "only the w"),
    ("steps the net that was given, in 64 bits", one_step(STEP.replace("in_float64(net)", "net.double()")), "float64"),
    ("steps the net that was given",
     one_step(STEP.replace("net = in_float64(net)", "").replace("net(X)", "net(X.float())")), "has other numbers"),
    ("deletes gradients", one_step("net.zero_grad()\n" + STEP), "has lost its gradient"),
    ("leaves gradients", one_step("cross_entropy(net(X.float()), y).backward()\n" + STEP),
     "0.0.weight has another gradient|pass in training mode"),
    ("gradient divided by its norm",
     one_step(STEP.replace("optimizer.step()", "for p in net.parameters():\n    p.grad /= p.grad.norm()\n"
                                               "optimizer.step()")), "divided by its norm"),
    ("the norms",
     one_step(STEP.replace("return growth(gradient_norms(net, X, y))", "return gradient_norms(net, X, y)")),
     "should be a number"),
    ("Nesterov's momentum",
     one_step(STEP.replace("lr=lr", "lr=lr, momentum=0.9, nesterov=True")), "Nesterov"),
    ("a step on half of the images", one_step(STEP.replace("(net(X), y)", "(net(X)[:3], y[:3])")), "after a step"),
    ("a clipped gradient",
     one_step(STEP.replace("optimizer.step()", "nn.utils.clip_grad_norm_(net.parameters(), 0.5)\noptimizer.step()")),
     "after a step"),
    ("the head stays", one_step(STEP.replace("net.parameters()", "net[:-1].parameters()")), "after a step"),
    ("with weight decay", one_step(STEP.replace("lr=lr", "lr=lr, weight_decay=0.1")), "after a step"),
    ("a number", "growth_after_one_step = 0.01", "should be a function"),
    ("arguments as before", "def growth_after_one_step(lr, seed):\n    return 1.0", "raised TypeError"),
):  # fmt: skip
    wrong("4.4", name, code, cause)

# From a trial by someone who had not seen the checks

wrong(
    "4.4",
    "with weight decay",
    """
def growth_after_one_step(net, X, y, lr):
    net = in_float64(net)
    optimizer = torch.optim.SGD(net.parameters(), lr=lr, weight_decay=5e-4)
    cross_entropy(net(X), y).backward()
    optimizer.step()
    return growth(gradient_norms(net, X, y))
""",
    "weight decay, 0.0005",
)
right(
    "4.4",
    "a step in 32 bits",
    """
def growth_after_one_step(net, X, y, lr):
    twin = copy.deepcopy(net).train()
    parameters = list(twin.parameters())
    loss = cross_entropy(twin(X.to(parameters[0].dtype)), y)
    for p, g in zip(parameters, torch.autograd.grad(loss, parameters)):
        p.data -= lr * g
    return growth(gradient_norms(twin, X, y))
""",
)

# Modes, gradients, hooks, and the number of images

for name, body, cause in (
    ("in the mode that the net comes in", STEP.replace("in_float64(net)", "copy.deepcopy(net).double()"),
     "right for a net that comes in training mode; this one comes in eval mode, and the step was taken in it[.]"),
    ("step and measurement in the net's own mode",
     STEP.replace("in_float64(net)", "copy.deepcopy(net).double()").replace("growth(gradient_norms(net, X, y))", """(
    lambda gradients: (gradients[0].norm() / gradients[1].norm()).item()
)((lambda xs, loss: torch.autograd.grad(loss, [xs[0], xs[-1]]))(*inputs_and_loss(net, X, y)))"""),
     "the step was taken in it, as was the measurement"),
    ("measured in the net's own mode",
     "was_training = net.training\n" + STEP.replace("return growth(gradient_norms(net, X, y))", """
xs, loss = inputs_and_loss(net.train(was_training), X, y)
first, last = torch.autograd.grad(loss, [xs[0], xs[-1]])
return (first.norm() / last.norm()).item()"""), "and was measured in it"),
    ("leaves the net in training mode", "net.train()\n" + STEP, "it is in training mode"),
    ("a step on the first 16 images", STEP.replace("net(X), y", "net(X[:16]), y[:16]"), "was taken on 16 of the 22"),
    ("a step on half of the images alone", STEP.replace("net(X), y", "net(X[:len(X) // 2]), y[:len(y) // 2]"),
     "step was taken on 3 of the 6"),
    ("measured on the first 16 images", STEP.replace("net, X, y", "net, X[:16], y[:16]"), "measured on 16 of the 22"),
    ("all with the first 16 images", "X, y = X[:16], y[:16]\n" + STEP, "step and measurement have used 16 of the 22"),
    ("sets gradients to zero", "net.zero_grad(set_to_none=False)\n" + STEP, "has another gradient"),
    ("takes hooks away", "for layer in net.modules():\n    layer._forward_hooks.clear()\n" + STEP, "has lost a hook"),
):  # fmt: skip
    wrong("4.4", name, one_step(body), cause)
right("4.4", "the net itself, and all of it put back", one_step("""
state, was_training = copy.deepcopy(net.state_dict()), net.training
net.train()
parameters = list(net.parameters())
for p, g in zip(parameters, torch.autograd.grad(cross_entropy(net(X.float()), y), parameters)):
    p.data -= lr * g
result = growth(gradient_norms(net, X, y))
net.load_state_dict(state)
net.train(was_training)
return result"""))  # fmt: skip
wrong("4.3", "measured on the first 16 images", corrected("X, y = X[:16], y[:16]\n" + REPAIRED), "the growth is")
wrong("4.3", "sets gradients to zero", corrected("net.zero_grad(set_to_none=False)\n" + REPAIRED), "another gradient")

# Numbers, near misses, and layers made anew

wrong("4.1", "nearer to -I", cancelling("self.F.weight.data = -0.999999 * torch.eye(4)"), "weight is -0.999999 times I")
wrong(
    "4.1",
    "the layer made anew in forward",
    cancelling(MINUS_I, f"self.F = nn.Linear(4, 4)\n{MINUS_I}\nreturn x + self.F(x)"),
    "makes a new self.F at each call",
)
wrong(
    "4.1",
    "adds in training mode only",
    cancelling(MINUS_I, "return x * self.training + self.F(x)"),
    "right in training mode; in eval mode: .*input is not added",
)
wrong("4.1", "adds in eval mode only", cancelling(MINUS_I, "return x * (not self.training) + self.F(x)"),
      "right in eval mode; in training mode: .*input is not added")  # fmt: skip
right("4.2", "a decimal", "from decimal import Decimal\npowers_of_ten_110 = Decimal(42)")
