"""Answers to the exercises of notebook 14."""

from __future__ import annotations

import os
import tempfile

from collect import needs, right, wrong

os.environ.setdefault("KERAS_BACKEND", "torch")  # Keras reads these once, when the answers import it
os.environ.setdefault("KERAS_TORCH_DEVICE", "cpu")
os.environ.setdefault("KERAS_HOME", tempfile.mkdtemp())

# 14.1: as few zeros as needed

right(
    "14.1",
    "Keras itself is asked, by gradient",
    """
def same_padding(side, kernel_size, stride):
    layer = layers.Conv1D(1, kernel_size, strides=stride, padding="same", kernel_initializer="ones")
    line = torch.zeros(1, side, 1, requires_grad=True)
    scores = layer(line)[0, :, 0]
    def zeros_at(position):
        (seen,) = torch.autograd.grad(scores[position], line, retain_graph=True)
        return seen
    if side < kernel_size:  # one window may hang over at both ends
        zeros = max(0, (len(scores) - 1) * stride + kernel_size - side)
        return zeros // 2, (zeros + 1) // 2
    return kernel_size - int(zeros_at(0).sum()), kernel_size - int(zeros_at(-1).sum())
""",
)
right(
    "14.1",
    "by the remainder",
    """
def same_padding(side, kernel_size, stride):
    total = kernel_size - stride if side % stride == 0 else kernel_size - side % stride
    total = total if total > 0 else 0
    after = math.ceil(total / 2)
    return [total - after, torch.tensor(after)]
import math
""",
)


FEWEST = "max(0, (p - 1) * stride + kernel_size - side)"


def padded(positions="-(-side // stride)", zeros=FEWEST, result="z // 2, z - z // 2"):
    return f"""
def same_padding(side, kernel_size, stride):
    p = {positions}
    z = {zeros}
    return {result}
"""


wrong("14.1", "the odd zero first", padded(result="z - z // 2, z // 2"), "comes at the end")
wrong("14.1", "all at the end", padded(result="0, z"), "shared between both ends|odd one is extra")
wrong("14.1", "all at the beginning", padded(result="z, 0"), "comes at the end|shared between both ends")
wrong("14.1", "as PyTorch", padded(result="(kernel_size - 1) // 2, (kernel_size - 1) // 2"), "PyTorch's padding")
wrong("14.1", "as at stride 1", padded(zeros="kernel_size - 1"), "right at stride 1|PyTorch's padding")
wrong("14.1", "positions rounded down", padded(positions="side // stride"), "rounded up")
wrong("14.1", "fewer than none", padded(zeros="(p - 1) * stride + kernel_size - side"), "fewer than none")
wrong("14.1", "both ends alike", padded(result="z // 2, z // 2"), "both ends alike")
wrong("14.1", "one number", padded(result="z"), "two numbers")
wrong("14.1", "both ends get one more", padded(result="(z + 1) // 2, (z + 1) // 2"), "one zero too many")
wrong("14.1", "half of the window", padded(result="kernel_size // 2, kernel_size // 2"), "half of the window")
wrong("14.1", "as many as the windows move", padded(zeros="max(0, p * stride - side)"), r"\(0, 0\) is not it; expected")
wrong(
    "14.1",
    "no larger windows than images",
    padded(zeros=FEWEST.replace("kernel_size", "min(kernel_size, side)")),
    r"\(1, 5, 1\)",
)

# 14.2: the linear layer after Flatten

LINEAR = """
def to_linear(kernel, shape):
    height, width, channels = shape
    return {result}
"""


def linear(result):
    return LINEAR.format(result=result)


right(
    "14.2",
    "place by place",
    """
def to_linear(kernel, shape):
    h, w, c = shape
    order = [(i * w + j) * c + k for k in range(c) for i in range(h) for j in range(w)]
    return kernel[order].t()
""",
)
right(
    "14.2",
    "a map of places",
    """
def to_linear(kernel, shape):
    places = torch.arange(len(kernel)).view(shape).movedim(-1, 0).flatten()
    return torch.index_select(kernel, 0, places).T.contiguous()
""",
)
wrong("14.2", "in and out swapped alone", linear("kernel.T"), "height, width, channel; PyTorch flattens")
wrong("14.2", "nothing done", linear("kernel"), "shape .*keeps .out, in.")
wrong(
    "14.2",
    "height and width swapped",
    linear("kernel.reshape(*shape, -1).permute(3, 2, 1, 0).flatten(1)"),
    "height and width are swapped",
)
wrong(
    "14.2",
    "reshaped in PyTorch's order",
    linear("kernel.reshape(channels, height, width, -1).permute(3, 0, 1, 2).flatten(1)"),
    "still in Keras's order",
)
wrong(
    "14.2",
    "the way back",
    linear("kernel.reshape(channels, height, width, -1).permute(3, 1, 2, 0).flatten(1)"),
    "the way back",
)
wrong("14.2", "reshape for a transpose", linear("kernel.reshape(kernel.shape[1], -1)"), "only cuts")
wrong("14.2", "not flattened", linear("kernel.reshape(*shape, -1).permute(3, 2, 0, 1)"), "shape")
wrong("14.2", "a NumPy array", linear("kernel.numpy().T"), "should be a tensor")

# 14.3: the block that halves

BLOCK = """
def halving_block(x, filters):
    y = {first}
    y = layers.BatchNormalization({norm})(y)
    {relu}
    y = {second}
    y = layers.BatchNormalization({norm})(y)
    shortcut = {shortcut}
    return {result}
"""


def halving(
    first="layers.Conv2D(filters, 3, strides=2)(layers.ZeroPadding2D(1)(x))",
    norm="epsilon=1e-5",
    relu="y = layers.ReLU()(y)",
    second='layers.Conv2D(filters, 3, padding="same")(y)',
    shortcut="layers.Conv2D(filters, 1, strides=2)(x)",
    result="layers.ReLU()(layers.Add()([y, shortcut]))",
):
    return BLOCK.format(first=first, norm=norm, relu=relu, second=second, shortcut=shortcut, result=result)


needs("14.3", "residual_block")
right(
    "14.3",
    "a branch of its own",
    """
def halving_block(x, filters):
    branch = keras.Sequential([
        layers.ZeroPadding2D(1), layers.Conv2D(filters, 3, strides=2), layers.BatchNormalization(epsilon=1e-5),
        layers.ReLU(), layers.Conv2D(filters, 3, padding="same"), layers.BatchNormalization(epsilon=1e-5),
    ])
    return layers.ReLU()(layers.Conv2D(filters, 1, strides=2)(x) + branch(x))
""",
)
right(
    "14.3",
    "every second pixel of what is computed for all",
    """
def halving_block(x, filters):
    y = layers.Conv2D(filters, 3, padding="same")(x)[:, ::2, ::2]
    y = layers.ReLU()(layers.BatchNormalization(epsilon=1e-5)(y))
    y = layers.BatchNormalization(epsilon=1e-5)(layers.Conv2D(filters, 3, padding="same")(y))
    return layers.ReLU()(layers.Add()([y, layers.Conv2D(filters, 1, strides=2)(x)]))
""",
)
right(
    "14.3",
    "a layer with layers",
    """
class Halving(layers.Layer):
    def __init__(self, filters):
        super().__init__()
        self.conv1, self.conv2 = layers.Conv2D(filters, 3, strides=2), layers.Conv2D(filters, 3, padding="same")
        self.bn1, self.bn2 = layers.BatchNormalization(epsilon=1e-5), layers.BatchNormalization(epsilon=1e-5)
        self.conv3 = layers.Conv2D(filters, 1, strides=2)
    def call(self, x):
        y = keras.ops.relu(self.bn1(self.conv1(keras.ops.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0))))))
        return keras.ops.relu(self.bn2(self.conv2(y)) + self.conv3(x))
def halving_block(x, filters):
    return Halving(filters)(x)
""",
)
right(
    "14.3",
    "with operations in place of layers",
    """
from keras import ops
def halving_block(x, filters):
    norm = lambda: layers.BatchNormalization(epsilon=1e-5, momentum=0.9)
    padded = ops.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    y = ops.relu(norm()(layers.Conv2D(filters, (3, 3), strides=(2, 2), padding="valid")(padded)))
    y = norm()(layers.Conv2D(filters, 3, padding="same")(y))
    return ops.relu(layers.Conv2D(filters, 1, 2, padding="same")(x) + y)
""",
)
right(
    "14.3",
    "the shortcut first, every second pixel cut out",
    """
def halving_block(x, filters):
    shortcut = layers.Conv2D(filters, 1)(x[:, ::2, ::2, :])
    y = layers.Conv2D(filters, 3, strides=2)(layers.ZeroPadding2D(((1, 1), (1, 1)))(x))
    y = layers.Activation("relu")(layers.BatchNormalization(epsilon=1e-5)(y))
    y = layers.Conv2D(filters, 3, padding="same")(y)
    y = layers.Add()([shortcut, layers.BatchNormalization(epsilon=0.00001)(y)])
    return layers.Activation("relu")(y)
""",
)
SAME = 'layers.Conv2D(filters, 3, strides=2, padding="same")(x)'
wrong("14.3", "same", halving(first=SAME), "one pixel off")
wrong("14.3", "epsilon as it comes", halving(norm=""), "epsilon is 0.001")
wrong(
    "14.3",
    "nothing halved",
    "def halving_block(x, filters):\n    return residual_block(x, filters)\n",
    "raised ValueError",
)
wrong("14.3", "ten times the epsilon", halving(norm="epsilon=1e-4"), "epsilon is 0.0001")
wrong(
    "14.3",
    "a ReLU before the first batch norm",
    halving(first='layers.Conv2D(filters, 3, strides=2, activation="relu")(layers.ZeroPadding2D(1)(x))'),
    "numbers are not",
)
wrong(
    "14.3",
    "odd pixels",
    halving(first='layers.Conv2D(filters, 3, padding="same")(x)[:, 1::2, 1::2]'),
    "shape|one pixel",
)
wrong("14.3", "no epsilon", halving(norm="epsilon=0"), "epsilon is 0 in your")
wrong("14.3", "epsilon in one", halving(norm="epsilon=1e-5").replace("epsilon=1e-5", "", 1), "0.001 in one of your")
wrong("14.3", "no scale", halving(norm="epsilon=1e-5, scale=False"), "scale and shift")
wrong("14.3", "axis 1", halving(norm="epsilon=1e-5, axis=1"), "axis=1")
wrong("14.3", "the shortcut of y", halving(shortcut="layers.Conv2D(filters, 1)(y)"), "reads x itself")
wrong("14.3", "a list", halving(result="[layers.ReLU()(layers.Add()([y, shortcut]))]"), "returned a list")
wrong("14.3", "halved by a pool", halving(
    first='layers.MaxPooling2D(2, padding="same")(layers.Conv2D(filters, 3, padding="same")(x))'
), "does each batch norm read")  # fmt: skip
wrong("14.3", "both defaults", halving(first=SAME, norm=""), "one pixel off.*; and epsilon is 0.001")
wrong("14.3", "add forgotten", halving(result="layers.ReLU()(y)"), "no 1×1 convolution")
wrong("14.3", "shortcut alone", halving(result="layers.ReLU()(shortcut)"), "expected two of 3×3")
wrong("14.3", "last ReLU missing", halving(result="layers.Add()([y, shortcut])"), "after the addition is missing")
wrong("14.3", "ReLU before the sum", halving(result="layers.Add()([layers.ReLU()(y), shortcut])"), "before the add")
wrong("14.3", "no first ReLU", halving(relu="pass"), "no ReLU between")
wrong("14.3", "averaged", halving(result="layers.ReLU()(layers.Average()([y, shortcut]))"), "averaged")
wrong("14.3", "multiplied", halving(result="layers.ReLU()(layers.Multiply()([y, shortcut]))"), "multiplied")
wrong("14.3", "joined", halving(result="layers.ReLU()(layers.Concatenate()([y, shortcut]))"), "shape")
wrong("14.3", "a 3×3 shortcut", halving(shortcut=SAME), "three 3×3")
wrong(
    "14.3",
    "a norm on the shortcut",
    halving(shortcut="layers.BatchNormalization(epsilon=1e-5)(layers.Conv2D(filters, 1, strides=2)(x))"),
    "3 batch norms",
)
wrong("14.3", "no bias", halving(shortcut="layers.Conv2D(filters, 1, strides=2, use_bias=False)(x)"), "have biases")
wrong(
    "14.3",
    "the second convolution halves",
    halving(
        first='layers.Conv2D(filters, 3, padding="same")(x)',
        second="layers.Conv2D(filters, 3, strides=2)(layers.ZeroPadding2D(1)(y))",
    ),
    "second 3×3 convolution has the stride",
)
wrong("14.3", "shapes do not fit", halving(shortcut="layers.Conv2D(filters, 1)(x)"), "raised ValueError")
wrong(
    "14.3",
    "a PyTorch block",
    "def halving_block(x, filters):\n    return d2l.Residual(3, 5, True, 2)\n",
    "no output of",
)

# 14.4: when the rate falls

MOMENTA = """
def pytorch_positions(gradients, rates, momentum):
    w, v, out = 0.0, 0.0, []
    for g, r in zip(gradients, rates):
        {pytorch}
        out.append(w)
    return out


def keras_positions(gradients, rates, momentum):
    w, v, out = 0.0, 0.0, []
    for g, r in zip(gradients, rates):
        {keras}
        out.append(w)
    return out


keras_over_pytorch = {ratio}
"""


def momenta(pytorch="v = momentum * v + g; w = w - r * v", keras="v = momentum * v - r * g; w = w + v", ratio="8.99"):
    return MOMENTA.format(pytorch=pytorch, keras=keras, ratio=ratio)


right(
    "14.4",
    "the libraries themselves",
    """
def pytorch_positions(gradients, rates, momentum):
    w = torch.zeros(1, requires_grad=True)
    optimizer, out = torch.optim.SGD([w], 1.0, momentum=momentum), []
    for g, r in zip(gradients, rates):
        w.grad = torch.tensor([g])
        optimizer.param_groups[0]["lr"] = r
        optimizer.step()
        out.append(w.item())
    return out


def keras_positions(gradients, rates, momentum):
    w = keras.Variable([0.0])
    optimizer, out = keras.optimizers.SGD(1.0, momentum=momentum), []
    for g, r in zip(gradients, rates):
        optimizer.learning_rate = r
        with torch.no_grad():
            optimizer.apply([torch.tensor([g])], [w])
        out.append(w.value.item())
    return out


gradients, rates = [1.0] * 21, [0.1] * 20 + [0.01]
of_pytorch, of_keras = pytorch_positions(gradients, rates, 0.9), keras_positions(gradients, rates, 0.9)
keras_over_pytorch = (of_keras[20] - of_keras[19]) / (of_pytorch[20] - of_pytorch[19])
""",
)
right("14.4", "one rule for both", momenta(
    pytorch="v = momentum * v + g; w = w - r * v", keras="v = momentum * v + r * g; w = w - v",
    ratio="torch.tensor(9.0)"))  # fmt: skip
wrong(
    "14.4",
    "the rules exchanged",
    momenta("v = momentum * v - r * g; w = w + v", "v = momentum * v + g; w = w - r * v"),
    "pytorch_positions.*other library's rule",
)
wrong(
    "14.4", "PyTorch's rule in both", momenta(keras="v = momentum * v + g; w = w - r * v"), "keras_positions.*other lib"
)
wrong("14.4", "uphill", momenta(pytorch="v = momentum * v + g; w = w + r * v"), "against the gradient")
wrong("14.4", "uphill in Keras", momenta(keras="v = momentum * v - r * g; w = w - v"), "minus already")
wrong("14.4", "the first rate", momenta(pytorch="v = momentum * v + g; w = w - rates[0] * v"), "with the first rate")
wrong("14.4", "the momentum of the page", momenta(keras="v = 0.9 * v - r * g; w = w + v"), "taken for 0.9")
wrong(
    "14.4",
    "the first gradient in full",
    momenta(pytorch="v = momentum * v + (1 - momentum) * g if out else g; w = w - r * v"),
    "after step 2",
)
wrong("14.4", "averaged", momenta(pytorch="v = momentum * v + (1 - momentum) * g; w = w - r * v"), "not weighted")
wrong("14.4", "no momentum", momenta(keras="w = w - r * g"), "not kept from step")
wrong("14.4", "the old velocity", momenta(pytorch="w = w - r * v; v = momentum * v + g"), "step before")
wrong("14.4", "the steps", momenta(keras="v = momentum * v - r * g; w = v"), "running sums")
wrong("14.4", "upside down", momenta(ratio="0.1112"), "PyTorch's step over Keras's")
wrong("14.4", "no difference", momenta(ratio="1"), "rate is constant")
wrong("14.4", "ten", momenta(ratio="10"), "new gradient counts")
wrong("14.4", "one position", momenta().replace("return out", "return w"), "expected a list")
