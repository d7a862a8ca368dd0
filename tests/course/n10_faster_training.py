"""Answers to the exercises of notebook 10."""

from __future__ import annotations

from collect import right, wrong

# 10.1: the least time of a layer

TIME = """
def least_seconds(conv, X, multiply_adds_per_second, bytes_per_second):
    Y = conv(X)
    arithmetic = {adds} / multiply_adds_per_second
    memory = ({numbers}) * {size} / bytes_per_second
    return {result}
smallest_width = {width}
"""


def least(
    adds="Y.numel() * conv.weight[0].numel()",
    numbers="X.numel() + conv.weight.numel() + Y.numel()",
    size="X.element_size()",
    result="max(arithmetic, memory), 'arithmetic' if arithmetic > memory else 'memory'",
    width="18",
):
    return TIME.format(adds=adds, numbers=numbers, size=size, result=result, width=width)


right("10.1", "from shapes alone", """
def least_seconds(conv, X, a, b):
    n, c, h, w = X.shape
    (kh, kw), (sh, sw), (ph, pw) = conv.kernel_size, conv.stride, conv.padding
    rows, columns = (h + 2 * ph - kh) // sh + 1, (w + 2 * pw - kw) // sw + 1
    adds = n * conv.out_channels * rows * columns * c * kh * kw
    moved = n * c * h * w + conv.out_channels * c * kh * kw + n * conv.out_channels * rows * columns
    size = {torch.bfloat16: 2, torch.float32: 4, torch.float64: 8}[X.dtype]
    times = {"memory": moved * size / b, "arithmetic": adds / a}
    limit = max(times, key=times.get)
    return times[limit], limit
smallest_width = 18.0
""")  # fmt: skip
right("10.1", "by PyTorch's counter of operations", """
def least_seconds(conv, X, a, b):
    from torch.utils.flop_counter import FlopCounterMode
    with FlopCounterMode(display=False) as counter:
        Y = conv(X)
    arithmetic = counter.get_total_flops() / 2 / a
    memory = sum(t.nbytes for t in (X, conv.weight, Y)) / b
    return [torch.tensor(max(arithmetic, memory), dtype=torch.float64), ["memory", "Arithmetic"][arithmetic > memory]]
smallest_width = next(c for c in range(1, 99) if 9 * c * c >= 40 * 2 * 2 * c)
""")  # fmt: skip
right("10.1", "by the balance", """
def least_seconds(conv, X, a, b):
    Y = conv(X)
    adds = Y[:, 0].numel() * conv.weight.numel()
    moved = X.element_size() * sum(map(torch.numel, (X, Y, conv.weight)))
    if adds / moved > a / b:
        return adds / a, "arithmetic"
    return moved / b, "memory"
import math
smallest_width = math.ceil(160 / 9)
""")  # fmt: skip
right("10.1", "on the device meta", """
def least_seconds(conv, X, a, b):
    shape = torch.nn.functional.conv2d(X.to("meta"), conv.weight.to("meta"), None, conv.stride, conv.padding).shape
    weights = conv.weight.shape
    adds = shape.numel() * weights[1:].numel()
    bits = 8 * X.dtype.itemsize * (X.nelement() + weights.numel() + shape.numel())
    arithmetic, memory = adds / a, bits / 8 / b
    return (arithmetic, "arithmetic") if arithmetic >= memory else (memory, "memory")
smallest_width = torch.tensor(18)
""")  # fmt: skip
wrong("10.1", "flops", least("2 * Y.numel() * conv.weight[0].numel()"), "the two are one")
wrong("10.1", "weights forgotten", least(numbers="X.numel() + Y.numel()"), "weights have to be read, too")
wrong("10.1", "input forgotten", least(numbers="conv.weight.numel() + Y.numel()"), "input X")
wrong("10.1", "output forgotten", least(numbers="conv.weight.numel() + X.numel()"), "output has to be written, too")
wrong("10.1", "input alone", least(numbers="X.numel()"), "weights have to be read and the output")
wrong("10.1", "numbers for bytes", least(size="1"), "numbers are not bytes")
wrong("10.1", "always bfloat16", least(size="2"), "2 bytes in bfloat16, but")
wrong("10.1", "always float32", least(size="4"), "4 bytes in float32, but")
wrong(
    "10.1",
    "sum of the times",
    least(result="arithmetic + memory, 'arithmetic' if arithmetic > memory else 'memory'"),
    "add the two",
)
wrong(
    "10.1",
    "the smaller time",
    least(result="min((arithmetic, 'arithmetic'), (memory, 'memory'))"),
    "smaller of the two",
)
wrong(
    "10.1",
    "the wrong word",
    least(result="max(arithmetic, memory), 'memory' if arithmetic > memory else 'arithmetic'"),
    "the time is right",
)
wrong("10.1", "one image", least("Y[0].numel() * conv.weight[0].numel()"), "those of one image")
wrong("10.1", "one input channel", least("Y.numel() * conv.weight[0, 0].numel()"), "every. input channel")
wrong("10.1", "never memory", least(result="arithmetic, 'arithmetic'", width="18.0"), r"expected \(.*'memory'\)$")
wrong("10.1", "one output channel", least("Y[:, 0].numel() * conv.weight[0].numel()"), "one output channel")
wrong(
    "10.1",
    "every position of the input",
    least("X[:, 0].numel() * conv.weight.numel()"),
    "stride and padding decide where",
)
wrong(
    "10.1",
    "output as large as the input",
    least(
        "X[:, 0].numel() * conv.weight.numel()",
        "X.numel() + conv.weight.numel() + X[:, 0].numel() * conv.out_channels",
    ),
    "not as large as the input",
)
wrong(
    "10.1",
    "weights for each image",
    least(numbers="X.numel() + len(X) * conv.weight.numel() + Y.numel()"),
    "not once for each",
)
wrong(
    "10.1",
    "input for each window",
    least(numbers="X.numel() * conv.weight[0, 0].numel() + conv.weight.numel() + Y.numel()"),
    "several windows",
)
wrong(
    "10.1",
    "rates exchanged",
    least().replace("multiply_adds_per_second, bytes_per_second", "bytes_per_second, multiply_adds_per_second"),
    "changed places",
)
wrong("10.1", "multiplied by the rates", least().replace(" / ", " * "), "divided by a rate")
wrong("10.1", "the wrong order", least(result="'memory', memory"), "wrong order")
wrong("10.1", "seconds alone", least(result="max(arithmetic, memory)"), "two things")
wrong(
    "10.1",
    "another word",
    least(result="max(arithmetic, memory), 'bytes'"),
    "'arithmetic' or the word 'memory'; it is 'bytes'",
)
wrong("10.1", "always memory", least(result="memory, 'memory'"), r"expected \(.*'arithmetic'\)$")
wrong("10.1", "rounded down", least(width="17"), "fewer than 40")
wrong("10.1", "not rounded", least(width="160 / 9"), "whole channels")
wrong("10.1", "float32", least(width="36"), "for float32")
wrong("10.1", "only the input", least(width="9"), "input and the output")
wrong("10.1", "without the window", least(width="160"), "nine multiply-adds")
wrong("10.1", "a window of three", least(width="54"), "not three")
wrong("10.1", "the balance", least(width="40"), "balance of the machine")
wrong("10.1", "some width", least(width="64"), "how many bytes")

# 10.2: white in color

WHITE = """
def whitening(images, side):
    from torch.nn import functional as F
    channels = images.shape[1]
    patches = {patches}
    mean = patches.mean(dim=0)
    covariance = {covariance}
    eigenvalues, E = torch.linalg.eigh(covariance)
    filters = {filters}
    bias = {bias}
    return {result}
"""


def white(
    patches="F.unfold(images, side).transpose(1, 2).flatten(0, 1)",
    covariance="(patches - mean).T @ (patches - mean) / len(patches)",
    filters="(E / eigenvalues.sqrt()).T",
    bias="-filters @ mean",
    result="filters.reshape(-1, channels, side, side), bias",
):
    return WHITE.format(patches=patches, covariance=covariance, filters=filters, bias=bias, result=result)


right("10.2", "symmetric filters, in double precision", """
def whitening(images, side):
    n, channels, height, width = images.shape
    windows = images.double().unfold(2, side, 1).unfold(3, side, 1)
    patches = windows.permute(0, 2, 3, 1, 4, 5).reshape(-1, channels * side**2)
    values, vectors = torch.linalg.eigh(torch.cov(patches.T))
    filters = vectors @ torch.diag(values**-0.5) @ vectors.T
    return [filters.view(-1, channels, side, side), -(patches.mean(0) @ filters.T)]
""")  # fmt: skip
right("10.2", "by Cholesky", """
def whitening(images, side):
    patches = torch.cat(list(torch.nn.functional.unfold(images, side).mT))
    factor = torch.linalg.cholesky(torch.cov(patches.T, correction=0))
    filters = torch.linalg.inv(factor)
    return filters.reshape(len(filters), images.shape[1], side, side), -(filters * patches.mean(0)).sum(1)
""")  # fmt: skip
right("10.2", "by the singular values of the patches, with torch's conv2d for the bias", """
def whitening(images, side):
    conv2d = torch.nn.functional.conv2d
    patches = torch.nn.functional.unfold(images, side).transpose(1, 2).flatten(0, 1)
    middle = patches.mean(0, keepdim=True)
    _, S, Vh = torch.linalg.svd(patches - middle, full_matrices=False)
    filters = (Vh / S[:, None] * len(patches) ** 0.5).reshape(-1, images.shape[1], side, side)
    return filters, -conv2d(images, filters).mean(dim=(0, 2, 3))
""")  # fmt: skip
right("10.2", "with scikit-learn", """
def whitening(images, side):
    from sklearn.decomposition import PCA
    patches = torch.nn.functional.unfold(images, side).transpose(1, 2).flatten(0, 1).numpy()
    found = PCA(whiten=True).fit(patches)
    filters = found.components_ / found.explained_variance_[:, None] ** 0.5
    bias = -filters @ found.mean_
    return torch.from_numpy(filters).reshape(-1, images.shape[1], side, side), torch.from_numpy(bias)
""")  # fmt: skip
wrong("10.2", "eigenvectors for rows", white(filters="E / eigenvalues.sqrt()[:, None]"), "eigenvectors as .columns")
wrong("10.2", "not turned", white(filters="E / eigenvalues.sqrt()"), "eigenvectors as .columns")
wrong("10.2", "multiplied by the root", white(filters="(E * eigenvalues.sqrt()).T"), "divide by it")
wrong("10.2", "divided by the variance", white(filters="(E / eigenvalues).T"), "its root is the size")
wrong("10.2", "not scaled", white(filters="E.T"), "not scaled")
wrong("10.2", "the section's hundredth", white(filters="(E / (eigenvalues + 1e-2).sqrt()).T"), "hundredth")
wrong(
    "10.2", "one image", white(covariance="torch.cov(F.unfold(images[:1], side)[0], correction=0)"), "first image alone"
)
wrong(
    "10.2",
    "one patch of each",
    white(covariance="torch.cov(F.unfold(images, side)[:, :, 0].T, correction=0)"),
    "first patch of each",
)
wrong(
    "10.2",
    "side by side",
    white("F.unfold(images, side, stride=side).transpose(1, 2).flatten(0, 1)"),
    "side by side|from 0",
)
wrong(
    "10.2",
    "the section's filters",
    white(
        covariance="patches.T @ patches / len(patches)",
        filters="(E / (eigenvalues + 1e-2).sqrt()).T.flip(0)",
        bias="torch.zeros(len(filters))",
    ),
    "filters of section 3",
)
wrong("10.2", "sum", white(covariance="(patches - mean).T @ (patches - mean)"), "you took their sum")
wrong(
    "10.2",
    "mean over images",
    white(covariance="(patches - mean).T @ (patches - mean) / len(images)"),
    "number of images",
)
wrong("10.2", "not centered", white(covariance="patches.T @ patches / len(patches)"), "no covariance")
wrong("10.2", "each pixel on its own", white(filters="torch.diag(1 / covariance.diag().sqrt())"), "neighbors still")
wrong("10.2", "each channel on its own", """
def whitening(images, side):
    F = torch.nn.functional
    blocks, means = [], []
    for channel in range(images.shape[1]):
        patches = F.unfold(images[:, [channel]], side).transpose(1, 2).flatten(0, 1)
        values, vectors = torch.linalg.eigh(torch.cov(patches.T))
        blocks.append((vectors / values.sqrt()).T)
        means.append(patches.mean(0))
    filters = torch.block_diag(*blocks)
    return filters.reshape(-1, images.shape[1], side, side), -filters @ torch.cat(means)
""", "the channels still")  # fmt: skip
wrong(
    "10.2",
    "channels last",
    white(
        result="filters.reshape(-1, channels, side, side).permute(0, 2, 3, 1).reshape(-1, channels, side, side), bias"
    ),
    "channel is last",
)
wrong(
    "10.2",
    "rows and columns exchanged",
    white(result="filters.reshape(-1, channels, side, side).mT, bias"),
    "rows and columns exchanged",
)
wrong(
    "10.2",
    "turned around",
    white(result="filters.reshape(-1, channels, side, side).flip(2, 3), bias"),
    "180 degrees",
)
wrong("10.2", "a border of zeros", white("F.unfold(images, side, padding=side // 2).mT.flatten(0, 1)"), "no padding")
wrong("10.2", "no bias", white(bias="torch.zeros(len(filters))"), "does not take it off")
wrong("10.2", "bias with the other sign", white(bias="filters @ mean"), "other sign")
wrong("10.2", "bias before the filters", white(bias="-mean"), "after. the filters")
wrong("10.2", "bias the wrong way around", white(bias="-mean @ filters"), "wrong way around")
wrong("10.2", "one mean for all", white(bias="-filters.sum(1) * mean.mean()"), "same mean in all channels")
wrong("10.2", "filters alone", white(result="filters.reshape(-1, channels, side, side)"), "two tensors")
wrong("10.2", "filters as a matrix", white(result="filters, bias"), "shape")
wrong("10.2", "twice as large", white(filters="2 * (E / eigenvalues.sqrt()).T"), "variance is 4 and not 1")
wrong(
    "10.2",
    "gray images only",
    white(result="filters.reshape(-1, 1, side, side), bias"),
    r"has the shape .*; expected \(12, 3, 2, 2\)",
)
wrong(
    "10.2",
    "normalized in place",
    white("F.unfold(images.sub_(images.mean()), side).mT.flatten(0, 1)"),
    "not left as it came",
)
wrong("10.2", "random filters", white(filters="torch.randn(len(E), len(E))"), "vary together")

# 10.3: every image from both sides

FLIPPED = """
def flipped(epoch, number_of_images, seed):
    generator = torch.Generator().manual_seed({seed})
    half = {half}
    return {result}
one_side_only = {share}
"""


def flips(
    seed="seed",
    half="torch.rand(number_of_images, generator=generator) < 0.5",
    result="half ^ (epoch % 2 == 1)",
    share="0.125",
):
    return FLIPPED.format(seed=seed, half=half, result=result, share=share)


right("10.3", "exactly half, by randperm", """
def flipped(epoch, n, seed):
    order = torch.randperm(n, generator=torch.Generator().manual_seed(seed))
    found = torch.zeros(n, dtype=bool)
    found[order[: n // 2] if epoch % 2 == 0 else order[n // 2 :]] = True
    return found
one_side_only = 0.5**3
""")  # fmt: skip
right("10.3", "by numbers whose parity changes", """
def flipped(epoch, number_of_images, seed):
    numbers = torch.randint(0, 1000, (number_of_images,), generator=torch.Generator().manual_seed(1 + seed))
    return (numbers + epoch) % 2 == 0
one_side_only = 2 / 2**4
""")  # fmt: skip
right("10.3", "with NumPy", """
import numpy as np
def flipped(epoch, number_of_images, seed):
    return torch.from_numpy(np.random.default_rng(seed).random(number_of_images) < 0.5) != bool(epoch & 1)
one_side_only = torch.tensor([0.125])
""")  # fmt: skip
right("10.3", "the global random numbers put back", """
def flipped(epoch, number_of_images, seed):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        half = torch.empty(number_of_images).bernoulli_(0.5).bool()
    for _ in range(epoch):
        half = half.logical_not()
    return half
from fractions import Fraction
one_side_only = Fraction(1, 8)
""")  # fmt: skip
right("10.3", "with Python's own generator", """
def flipped(epoch, number_of_images, seed):
    import random
    coin = random.Random(seed)
    return torch.tensor([coin.random() < 0.5 for _ in range(number_of_images)]) == (epoch % 2 == 0)
one_side_only = 1 / 8
""")  # fmt: skip
wrong("10.3", "drawn anew", flips(seed="seed + 1000 * epoch", result="half"), "epoch 1 flips other images, drawn anew")
wrong(
    "10.3",
    "drawn anew every two epochs",
    flips(seed="seed + 1000 * (epoch // 2)"),
    "epoch 2 flips other images, drawn anew",
)
wrong("10.3", "always the same", flips(result="half"), "every epoch flips the same")
wrong("10.3", "all together", flips(half="torch.zeros(number_of_images, dtype=torch.bool)"), "none of the images")
wrong("10.3", "all in even epochs", flips(half="torch.ones(number_of_images, dtype=torch.bool)"), "all of the images")
wrong(
    "10.3", "epochs in pairs", flips(result="half ^ (epoch // 2 % 2 == 1)"), "epoch 1 flips the images of epoch 0 again"
)
wrong("10.3", "the others for ever", flips(result="half ^ (epoch > 0)"), "epoch 2 flips the others once more")
wrong("10.3", "a third", flips(half="torch.rand(number_of_images, generator=generator) < 0.3"), "should be half")
wrong("10.3", "every other image", flips(half="torch.arange(number_of_images) % 2 == 0"), "follow a pattern")
wrong(
    "10.3", "the first half", flips(half="torch.arange(number_of_images) < number_of_images // 2"), "follow a pattern"
)
wrong("10.3", "one seed for all", flips(seed="0"), "depend on the seed")
wrong("10.3", "not bool", flips(result="(half ^ (epoch % 2 == 1)).float()"), "expected bool")
wrong("10.3", "minus one", flips(result="half if epoch % 2 == 0 else 1 - half.int()"), "expected bool")
wrong(
    "10.3", "numbers of the images", flips(result="(half ^ (epoch % 2 == 1)).nonzero().flatten()"), "one bool for each"
)
wrong("10.3", "a list", flips(result="(half ^ (epoch % 2 == 1)).tolist()"), "tensor of bool")
wrong(
    "10.3",
    "global seed",
    flips(half="torch.manual_seed(seed) and torch.rand(number_of_images) < 0.5"),
    "changes the global random numbers",
)
wrong(
    "10.3",
    "global numbers",
    flips(half="torch.rand(number_of_images) < 0.5"),
    "changes the global random numbers|depends on the global",
)
wrong("10.3", "the global seed read", flips(seed="torch.initial_seed() + seed"), "depends on the global")
wrong("10.3", "a generator that goes on", """
generator = torch.Generator()
halves = {}
def flipped(epoch, number_of_images, seed):
    if epoch == 0:
        halves[0] = torch.rand(number_of_images, generator=generator) < 0.5
    half = halves.setdefault(0, torch.rand(number_of_images, generator=generator) < 0.5)
    return half[:number_of_images] ^ (epoch % 2 == 1)
one_side_only = 1 / 8
""", "again|depends on|shape")  # fmt: skip
wrong("10.3", "heads only", flips(share="1 / 16"), "four times mirrored")
wrong("10.3", "both sides", flips(share="7 / 8"), "from both sides")
wrong("10.3", "at least one", flips(share="15 / 16"), "at least once")
wrong("10.3", "two epochs", flips(share="0.5"), "after two")
wrong("10.3", "three epochs", flips(share="0.25"), "after three")
wrong("10.3", "none", flips(share="0"), "coin of its own")
wrong("10.3", "per cent", flips(share="12.5"), "between 0 and 1")

# 10.4: equally far in every direction

MUON = """
def orthogonalized(gradient):
    matrix = {matrix}
    U, S, Vh = torch.linalg.svd(matrix, full_matrices=False)
    return ({result}).reshape(gradient.shape)
cubic_steps = {cubic}
muon_steps = {muon}
"""


def muon(matrix="gradient.flatten(1)", result="U @ Vh", cubic="11", muon="4"):
    return MUON.format(matrix=matrix, result=result, cubic=cubic, muon=muon)


right("10.4", "by the cubic", """
def orthogonalized(gradient):
    X = gradient.reshape(len(gradient), -1)
    X = X / X.norm()
    for _ in range(40):
        X = 1.5 * X - 0.5 * X @ X.T @ X
    return X.view(gradient.shape)
cubic_steps, muon_steps = 11, 4.0
""")  # fmt: skip
right("10.4", "by an eigendecomposition, in double precision", """
def orthogonalized(gradient):
    G = gradient.double().flatten(1)
    wide = G.shape[0] <= G.shape[1]
    G = G if wide else G.T
    values, vectors = torch.linalg.eigh(G @ G.T)
    G = vectors @ torch.diag(values**-0.5) @ vectors.T @ G
    return (G if wide else G.T).reshape(gradient.shape)
def count(a, b, c, s=0.01, n=0):
    return n if s >= 0.7 else count(a, b, c, a * s + b * s**3 + c * s**5, n + 1)
cubic_steps = count(1.5, -0.5, 0)
muon_steps = count(3.4445, -4.775, 2.0315)
""")  # fmt: skip
right("10.4", "with SciPy", """
def orthogonalized(gradient):
    from scipy.linalg import polar
    return torch.from_numpy(polar(gradient.flatten(1).numpy())[0]).view_as(gradient)
cubic_steps, muon_steps = torch.tensor([11, 4])
""")  # fmt: skip
right("10.4", "by torch.svd, whose V is not transposed", """
def orthogonalized(gradient):
    U, S, V = torch.svd(gradient.flatten(1))
    return torch.einsum("ik,jk->ij", U, V).reshape(gradient.shape)
cubic_steps = len([.01, .015, .0225, .0337, .0506, .0758, .1135, .1695, .252, .370, .529])
muon_steps = 4
""")  # fmt: skip
right("10.4", "by Muon's five steps, and then the cubic", """
def orthogonalized(gradient):
    X = gradient.flatten(1) / gradient.norm()
    for _ in range(5):
        A = X @ X.T
        X = 3.4445 * X + (-4.775 * A + 2.0315 * A @ A) @ X
    for _ in range(12):
        X = 1.5 * X - 0.5 * X @ X.T @ X
    return X.view_as(gradient)
cubic_steps, muon_steps = 11, 4
""")  # fmt: skip
wrong("10.4", "normalized", muon(result="matrix / matrix.norm()"), "gradient times a number")
wrong("10.4", "as it is", muon(result="matrix"), "gradient times a number")
wrong("10.4", "largest value 1", muon(result="matrix / S.max()"), "gradient times a number")
wrong("10.4", "signs", muon(result="matrix.sign()"), "each entry has length 1")
wrong("10.4", "each filter", muon(result="matrix / matrix.norm(dim=1, keepdim=True)"), "each filter has length 1")
wrong("10.4", "each column", muon(result="matrix / matrix.norm(dim=0, keepdim=True)"), "each column has length 1")
wrong("10.4", "the other sign", muon(result="-U @ Vh"), "other sign")
wrong("10.4", "the inverse", muon(result="U / S @ Vh"), "divide by the singular values twice")
wrong("10.4", "the roots", muon(result="U * S.sqrt() @ Vh"), "leaves the roots")
wrong("10.4", "each filter on its own", muon("gradient.flatten(2)"), "each filter for a matrix of its own")
wrong("10.4", "windows as rows", muon("gradient.flatten(0, 1).flatten(1)"), "yours is one window")
wrong("10.4", "svd of the four dimensions", muon("gradient"), "each window for a matrix")
wrong(
    "10.4",
    "places of the window",
    muon("gradient.permute(2, 3, 0, 1)", "(U @ Vh).permute(2, 3, 0, 1)"),
    "each place of the window",
)
wrong(
    "10.4",
    "input channels as rows",
    muon(
        "gradient.transpose(0, 1).flatten(1)",
        "(U @ Vh).reshape(gradient.shape[1], len(gradient), *gradient.shape[2:]).transpose(0, 1)",
    ),
    "yours is an input channel",
)
wrong(
    "10.4",
    "QR",
    muon(result="torch.linalg.qr(matrix)[0] if len(matrix) > 18 else torch.linalg.qr(matrix.T)[0].T"),
    "Q of QR",
)
wrong("10.4", "V transposed twice", muon(result="U @ Vh.T"), "raised RuntimeError")
wrong(
    "10.4",
    "V transposed twice where it fits",
    muon(result="U @ (Vh.T if len(U) == Vh.shape[1] else Vh)"),
    "V transposed already",
)
wrong("10.4", "three times too long", muon(result="3 * U @ Vh"), "equal, but 3 and not 1")
wrong("10.4", "as Muon does it", """
def orthogonalized(gradient):
    X = gradient.flatten(1) / gradient.norm()
    for _ in range(5):
        A = X @ X.T
        X = 3.4445 * X + (-4.775 * A + 2.0315 * A @ A) @ X
    return X.view_as(gradient)
cubic_steps, muon_steps = 11, 4
""", "never settles")  # fmt: skip
CUBIC = """
def orthogonalized(gradient):
    X = gradient.flatten(1) {first}
    for _ in range({steps}):
        X = 1.5 * X - 0.5 * X @ X.T @ X
    return X.view_as(gradient)
cubic_steps, muon_steps = 11, 4
"""
wrong("10.4", "few steps of the cubic", CUBIC.format(first="/ gradient.norm()", steps=5), "more steps")
wrong("10.4", "no length before the cubic", CUBIC.format(first="", steps=30), "not finite")
wrong("10.4", "a matrix", muon().replace(".reshape(gradient.shape)", ""), "has the shape")
wrong(
    "10.4",
    "in place",
    muon().replace("    matrix", "    gradient /= gradient.norm()\n    matrix", 1),
    "not left as it came",
)
wrong("10.4", "one step short", muon(cubic="10"), "still below")
wrong("10.4", "values counted", muon(cubic="12"), "not the values")
wrong("10.4", "the two exchanged", muon(cubic="4", muon="11"), "other polynomial")
wrong("10.4", "three steps", muon(muon="3"), "still below")
wrong("10.4", "values counted, Muon", muon(muon="5"), "not the values")
wrong("10.4", "some number", muon(muon="7"), "until it is 0.7 or more")

# 10.5: unequal shares

SHARES = """
def averaged(gradients, sizes):
    total, count = sum(sizes), len(sizes)
    weights = {weights}
    return [sum(w * g for w, g in zip(weights, parts)) for parts in zip(*gradients)]
def loss_factors(sizes):
    total, count = sum(sizes), len(sizes)
    return {factors}
my_batch_norm = {letter}
"""


def shares(weights="[s / total for s in sizes]", factors="[count * s / total for s in sizes]", letter="'c'"):
    return SHARES.format(weights=weights, factors=factors, letter=letter)


AND = """
def loss_factors(sizes):
    return torch.tensor(sizes) / torch.tensor(sizes).float().mean()
my_batch_norm = "(C)"
"""
right("10.5", "the summed loss, divided at the end", """
def averaged(gradients, sizes):
    result = [torch.zeros_like(part) for part in gradients[0]]
    for process, size in zip(gradients, sizes):
        for one, part in zip(result, process):
            one += size * part
    return [one / sum(sizes) for one in result]
""" + AND)  # fmt: skip
right("10.5", "stacked", """
def averaged(gradients, sizes):
    weights = torch.tensor(sizes, dtype=torch.float64)
    weights /= weights.sum()
    return tuple(torch.tensordot(weights, torch.stack(parts).double(), dims=1) for parts in zip(*gradients))
def loss_factors(sizes):
    mean = sum(sizes) / len(sizes)
    return tuple(size / mean for size in sizes)
my_batch_norm = "c"
""")  # fmt: skip
right("10.5", "by the plain mean, with the factors", """
def loss_factors(sizes):
    return [size * len(sizes) / sum(sizes) for size in sizes]
def averaged(gradients, sizes):
    factors = loss_factors(sizes)
    scaled = [[factor * part for part in process] for factor, process in zip(factors, gradients)]
    return [torch.stack(parts).mean(dim=0) for parts in zip(*scaled)]
my_batch_norm = "C."
""")  # fmt: skip
right("10.5", "as a running mean", """
def averaged(gradients, sizes):
    mean, seen = None, 0
    for process, size in zip(gradients, sizes):
        seen += size
        mean = list(process) if mean is None else [torch.lerp(m, p, size / seen) for m, p in zip(mean, process)]
    return mean
def loss_factors(sizes):
    import numpy as np
    return len(sizes) * np.array(sizes) / np.sum(sizes)
my_batch_norm = " c "
""")  # fmt: skip
wrong("10.5", "plain mean", shares("[1 / count] * count"), "counts alike")
wrong("10.5", "plain sum", shares("[1] * count"), "plain sum")
wrong("10.5", "summed loss", shares("sizes"), "summed loss")
wrong("10.5", "divided twice", shares("[s / total / count for s in sizes]"), "divide twice")
wrong("10.5", "divided by the processes", shares("[s / count for s in sizes]"), "by that of all images")
wrong("10.5", "sum divided by all images", shares("[1 / total] * count"), "multiply it by its size")
wrong("10.5", "the other way around", shares("[1 / s / sum(1 / t for t in sizes) for s in sizes]"), "counts less here")
wrong("10.5", "divided by its size", shares("[1 / s / count for s in sizes]"), "means already")
wrong("10.5", "divided by its size, summed", shares("[1 / s for s in sizes]"), "means already")
wrong("10.5", "divided by the largest", shares("[s / max(sizes) for s in sizes]"), "add up to 1")
wrong("10.5", "sizes reversed", shares("[s / total for s in reversed(sizes)]"), "wrong order")
wrong("10.5", "the first alone", shares("[1] + [0] * (count - 1)"), "first process alone")
wrong("10.5", "squares", shares("[s**2 / sum(t**2 for t in sizes) for s in sizes]"), "not of their squares")
wrong("10.5", "processes for parameters", """
def averaged(gradients, sizes):
    return [sum(part.sum() for part in process) * size / sum(sizes) for process, size in zip(gradients, sizes)]
""" + AND, "averaged returns . tensors|has the shape")  # fmt: skip
wrong("10.5", "one vector", """
def averaged(gradients, sizes):
    return sum(torch.cat([g.flatten() for g in p]) * s for p, s in zip(gradients, sizes)) / sum(sizes)
""" + AND, "a list of tensors")  # fmt: skip
wrong("10.5", "in place", """
def averaged(gradients, sizes):
    for process, size in zip(gradients, sizes):
        for part in process:
            part *= size / sum(sizes)
    return [sum(parts) for parts in zip(*gradients)]
""" + AND, "not left as it came")  # fmt: skip
wrong("10.5", "summed into the first", """
def averaged(gradients, sizes):
    first = [part.mul_(sizes[0] / sum(sizes)) for part in gradients[0]]
    for process, size in zip(gradients[1:], sizes[1:]):
        for one, part in zip(first, process):
            one.add_(part, alpha=size / sum(sizes))
    return first
""" + AND, "not left as it came")  # fmt: skip
wrong(
    "10.5", "factors without the processes", shares(factors="[s / total for s in sizes]"), "still divides by the number"
)
wrong(
    "10.5", "factors divided by the processes", shares(factors="[s / total / count for s in sizes]"), "what undoes it"
)
wrong("10.5", "no factors", shares(factors="[1] * count"), "counts alike")
wrong(
    "10.5", "factors the other way around", shares(factors="[total / (count * s) for s in sizes]"), "yours count less"
)
wrong("10.5", "sizes as factors", shares(factors="sizes"), "summed. loss")
wrong("10.5", "factors of the largest", shares(factors="[s / max(sizes) for s in sizes]"), "add up to the number")
wrong("10.5", "one factor", shares(factors="count / total"), "numbers for . sizes")
for letter, cause in {
    "a": "each process's own function",
    "b": "still normalizes",
    "d": "noted and not used",
    "e": "what its net computed",
}.items():
    wrong("10.5", f"batch norm {letter}", shares(letter=f"'{letter}'"), rf"not \({letter}\): .*{cause}")
wrong("10.5", "no letter", shares(letter="'no'"), "one of the letters a, b, c, d, e")
