"""Answers to the exercises of notebook 01."""

from __future__ import annotations

from collect import needs, right, wrong

# 1.1 Safe chains

needs("1.1", "distance", "best_member")
EXPERIMENT = """
def is_safe(chain):
    for k, m in zip(chain, chain[1:]):
        staircase = torch.randn(k, dtype=torch.float64).repeat_interleave({points} // k)
        if distance(staircase, best_member(staircase, m)) > 1e-9:
            return False
    return True
"""

right(
    "1.1",
    "a loop over positions",
    """
def is_safe(c):
    for i in range(1, len(c)):
        if c[i] % c[i - 1] != 0:
            return False
    return True
""",
)
right(
    "1.1",
    "by the least common multiple, as a NumPy bool",
    """
def is_safe(numbers):
    numbers = np.array(numbers)
    return (np.lcm(numbers[:-1], numbers[1:]) == numbers[1:]).all()
""",
)
wrong(
    "1.1",
    "by experiment, on points of its own, which do not fit for numbers of any size",
    EXPERIMENT.format(points="math.lcm(k, m)"),
    "wanted more memory than there is",
)
wrong("1.1", "on a grid for numbers up to 12", EXPERIMENT.format(points="27720"), "raised RuntimeError")
right(
    "1.1",
    "by the cuts, as a tensor, and the list is used up",
    """
class Chain:
    def __call__(self, chain):
        safe = torch.tensor(True)
        small = chain.pop(0)
        while chain:
            large = chain.pop(0)
            safe &= (torch.tensor(large) % small) == 0
            small = large
        return safe
is_safe = Chain()
""",
)
right("1.1", "a product of NumPy", "is_safe = lambda c: np.prod([b % a == 0 for a, b in zip(c, c[1:])])")
right("1.1", "as 1 or 0", "is_safe = lambda c: int(not any(b % a for a, b in zip(c, c[1:])))")

wrong(
    "1.1",
    "grows",
    "def is_safe(chain): return all(a < b for a, b in zip(chain, chain[1:]))",
    "whether the numbers grow",
)
wrong("1.1", "is sorted", "def is_safe(chain): return sorted(chain) == chain", "whether the numbers grow")
wrong(
    "1.1",
    "doubling only",
    "def is_safe(chain): return all(b == 2 * a for a, b in zip(chain, chain[1:]))",
    "doubling only",
)
wrong(
    "1.1",
    "wrong way round",
    "def is_safe(chain): return all(a % b == 0 for a, b in zip(chain, chain[1:]))",
    "wrong way round",
)
wrong(
    "1.1", "sorts first", "def is_safe(c): c.sort(); return not any(b % a for a, b in zip(c, c[1:]))", "sorts the chain"
)
wrong(
    "1.1",
    "a number twice is not safe",
    "def is_safe(c): return all(b % a == 0 and b > a for a, b in zip(c, c[1:]))",
    "a class contains itself",
)
wrong("1.1", "both ways", "def is_safe(c): return all(a % b == 0 or b % a == 0 for a, b in zip(c, c[1:]))", "both ways")
wrong(
    "1.1",
    "compares with the first",
    "def is_safe(chain): return all(m % chain[0] == 0 for m in chain)",
    "with the first",
)
wrong(
    "1.1",
    "compares with the last",
    "def is_safe(chain): return all(chain[-1] % k == 0 for k in chain)",
    "with the last",
)
wrong(
    "1.1",
    "common divisor",
    """
def is_safe(chain):
    return all(math.gcd(a, b) > 1 for a, b in zip(chain, chain[1:]))
""",
    "common divisor",
)
wrong(
    "1.1",
    "returns inside the loop",
    """
def is_safe(chain):
    for a, b in zip(chain, chain[1:]):
        return b % a == 0
    return True
""",
    "first pair and no further",
)
wrong(
    "1.1",
    "overwrites what it found",
    """
def is_safe(chain):
    safe = True
    for a, b in zip(chain, chain[1:]):
        safe = b % a == 0
    return safe
""",
    "last pair only",
)
wrong(
    "1.1",
    "any instead of all",
    "def is_safe(c): return any(b % a == 0 for a, b in zip(c, c[1:]))",
    "every step has to be safe",
)
wrong("1.1", "prints", "def is_safe(c): print(all(b % a == 0 for a, b in zip(c, c[1:])))", "printed and not returned")
wrong(
    "1.1",
    "a list of verdicts",
    "def is_safe(c): return [b % a == 0 for a, b in zip(c, c[1:])]",
    "once, for the whole chain",
)
wrong(
    "1.1",
    "runs off the end",
    """
def is_safe(chain):
    return all(chain[i + 1] % chain[i] == 0 for i in range(len(chain)))
""",
    r"raised IndexError",
)
for name, verdict, cause in [
    ("chains of four at most", "len(chain) < 5 and right", r"\[1, 2, 4, 8, 16\]\) is False, but each number divides"),
    ("the first three steps", "not any(m % k for k, m in list(zip(chain, chain[1:]))[:3])", "8 does not divide 12"),
    ("numbers up to 16", "max(chain) <= 16 and right", r"\[5, 20\]\) is False, but each"),
    ("a table up to 100", "max(chain) <= 100 and right", r"\[100, 300\]\) is False, but each"),
    ("quotients that are nearly whole", "all(abs(m / k - round(m / k)) < 0.05 for k, m in zip(chain, chain[1:]))",
     "30 does not divide 31"),
    ("quotients rounded to three decimals", "not any(round(m / k, 2) % 1 for k, m in zip(chain, chain[1:]))",
     "2000 does not divide 2001"),
]:  # fmt: skip
    wrong(
        "1.1",
        name,
        f"""
def is_safe(chain):
    right = all(m % k == 0 for k, m in zip(chain, chain[1:]))
    return {verdict}
""",
        cause,
    )
wrong(
    "1.1",
    "knows the three examples",
    """
def is_safe(chain):
    return chain == [1, 3, 6, 12]
""",
    r"is_safe\(\[1, 2, 4, 8\]\) is False, but each number divides the next",
)
wrong(
    "1.1",
    "the remainder, not the verdict",
    "def is_safe(c): return sum(b % a for a, b in zip(c, c[1:]))",
    "True or False; it is",
)
wrong(
    "1.1",
    "sneaky: odd and even",
    """
def is_safe(chain):
    return all(a == 1 or (b - a) % a == 0 and a % 2 == b % 2 for a, b in zip(chain, chain[1:]))
""",
    "is False, but",
)
wrong(
    "1.1",
    "sneaky: forgets chains of one",
    """
def is_safe(chain):
    return len(chain) > 1 and all(b % a == 0 for a, b in zip(chain, chain[1:]))
""",
    "no step that could do harm",
)
for name, step, cause in (
    (
        "a quotient that is a whole number",
        "(b / a).is_integer()",
        r"small.*\[3, 100000000000000001\]\) is True",
    ),
    ("a quotient near a whole number", "math.isclose(b / a, round(b / a))", "% of whole numbers is exact"),
    ("whole quotients as 32-bit floats", "float(torch.tensor(b) / a).is_integer()", "is exact"),
    ("numbers up to a hundred thousand only", "b % a == 0 and b < 10**5", "right for small numbers"),
):
    wrong("1.1", name, f"def is_safe(chain): return all({step} for a, b in zip(chain, chain[1:]))", cause)
right("1.1", "a tensor of numbers", "def is_safe(c): c = torch.tensor(c); return not (c[1:] % c[:-1]).any()")

# 1.2 A function that prefers three

needs("1.2", "num_points", "x", "f_star", "distance", "best_member")

right("1.2", "by rounding down", "likes_three = torch.floor(3 * x)")
right(
    "1.2",
    "whole numbers, tiled along a column",
    """
likes_three = torch.tensor([[5], [-2], [7]]).expand(3, num_points // 3).reshape(num_points)
""",
)
right("1.2", "a comparison", "likes_three = (x > 1 / 3) & (x < 2 / 3)")
right("1.2", "the best member of the wave, larger", "likes_three = 2 * best_member(f_star, 3)")
right(
    "1.2",
    "far from zero, in float32, in NumPy",
    """
likes_three = np.repeat(np.array([1000.1, 1000.6, 1000.1], dtype=np.float32), num_points // 3)
""",
)
right(
    "1.2",
    "with a gradient",
    """
likes_three = nn.Parameter(torch.tensor([0.3, 0.9, 0.1])).repeat_interleave(num_points // 3)
""",
)

wrong("1.2", "a constant", "likes_three = torch.full((num_points,), 0.7)", "constant, so")
wrong("1.2", "three heights", "likes_three = torch.tensor([0.0, 1.0, 0.0])", "three numbers")
wrong("1.2", "not flat", "likes_three = torch.tensor([[0.0], [1.0], [0.0]]).expand(3, num_points // 3)", "reshape")
wrong(
    "1.2",
    "tiled",
    "likes_three = torch.tensor([0.0, 1.0, 0.0]).repeat(num_points // 3)",
    "alternate from point to point",
)
wrong("1.2", "four steps", "likes_three = torch.floor(4 * x)", "constant on each quarter")
wrong("1.2", "two steps", "likes_three = (x >= 0.5).double()", "staircase of 2 equal steps")
wrong("1.2", "six steps", "likes_three = torch.floor(6 * x)", "staircase of 6 equal steps")
wrong("1.2", "too flat", "likes_three = 0.1 * torch.floor(3 * x)", r"the distance to four is 0\.0333")
wrong("1.2", "cuts at 0.33 and 0.67", "likes_three = ((x > 0.33) & (x < 0.67)).double()", "wrong side")
wrong("1.2", "a cut at 0.4", "likes_three = ((x > 0.4) & (x < 0.67)).double()", "not all of its cuts")
wrong("1.2", "a wave with three periods", "likes_three = torch.sin(6 * torch.pi * x)", "not constant on each third")
wrong("1.2", "too short", "likes_three = torch.tensor([0.0, 1.0, 0.0]).repeat_interleave(100)", r"shape \(300,\)")
wrong("1.2", "a list", "likes_three = [0.0, 1.0, 0.0]", "should be a tensor")
wrong(
    "1.2",
    "sneaky: a slope hidden by a large offset",
    "likes_three = 1e9 + torch.floor(3 * x) + 0.001 * x",
    "not zero|three",
)
wrong("1.2", "sneaky: not a number", "likes_three = torch.full((num_points,), float('nan'))", "not finite")
wrong("1.2", "sneaky: complex", "likes_three = 1j * torch.floor(3 * x)", "complex")
wrong(
    "1.2",
    "sneaky: one point off",
    """
likes_three = torch.floor(3 * x)
likes_three[num_points // 3] = 0
""",
    "1 of the 720,720 points",
)

# 1.3 Where the gain goes

needs("1.3", "num_points", "x", "f_star", "distance", "best_member")

PAIRS_AND_THEOREM = """
zero_for = {(2, 4), (1, 5), (2, 6), (4, 8), (5, 10)}
theorem = "c"
"""
SURPLUS = """
def surplus(f, k, m):
    f_k, f_m = best_member(f, k), best_member(f, m)
    return distance(f, f_k) ** 2 - distance(f, f_m) ** 2 - distance(f_k, f_m) ** 2
"""

right(
    "1.3",
    "without the helpers, pairs as lists",
    """
def surplus(function, small, large):
    def fit_to(bins):
        means = function.view(bins, -1).mean(1)
        return means.repeat_interleave(len(function) // bins)
    def squared(a, b):
        return ((a - b) ** 2).mean()
    return squared(function, fit_to(small)) - squared(function, fit_to(large)) - squared(fit_to(small), fit_to(large))
zero_for = [[5, 10], [2, 4], [2, 6], [1, 5], [4, 8], [2, 4]]
theorem = "C"
""",
)
right(
    "1.3",
    "in NumPy, rounded to nine decimals",
    """
def surplus(f, k, m):
    f = f.numpy()
    f_k = f.reshape(k, -1).mean(axis=1).repeat(f.size // k)
    f_m = f.reshape(m, -1).mean(axis=1).repeat(f.size // m)
    return round(np.var(f - f_k) - np.var(f - f_m) - np.mean((f_k - f_m) ** 2), 9)
zero_for = np.array([(1, 5), (2, 4), (2, 6), (4, 8), (5, 10)])
theorem = "(c)"
""",
)
right(
    "1.3",
    "rounded to six decimals, in 32 bits",
    """
def surplus(f, k, m):
    f_k, f_m = best_member(f.float(), k), best_member(f.float(), m)
    return round(distance(f, f_k) ** 2 - distance(f, f_m) ** 2 - distance(f_k, f_m) ** 2, 6)
"""
    + PAIRS_AND_THEOREM,
)
right(
    "1.3",
    "for a grid of the notebook's length only",
    """
def surplus(f, k, m):
    f_k, f_m = torch.zeros(num_points).double(), torch.zeros(num_points).double()
    for i in range(k):
        part = (x > i / k) & (x < (i + 1) / k)
        f_k[part] = f[part].mean()
    for i in range(m):
        part = (x > i / m) & (x < (i + 1) / m)
        f_m[part] = f[part].mean()
    return distance(f, f_k) ** 2 - distance(f, f_m) ** 2 - distance(f_k, f_m) ** 2
"""
    + PAIRS_AND_THEOREM,
)

right(
    "1.3",
    "the staircase of a staircase has the same surplus",
    """
def surplus(f, k, m):
    f_k = best_member(f, k)
    f_m = best_member(f_k, m)
    return distance(f, f_k) ** 2 - distance(f, f_m) ** 2 - distance(f_k, f_m) ** 2
"""
    + PAIRS_AND_THEOREM,
)

for name, line, cause in [
    ("no squares", "distance(f, f_k) - distance(f, f_m) - distance(f_k, f_m)", "distances are not squared"),
    ("the last one not squared", "distance(f, f_k)**2 - distance(f, f_m)**2 - distance(f_k, f_m)",
     "last distance is not"),
    ("the square of the difference", "(distance(f, f_k) - distance(f, f_m))**2 - distance(f_k, f_m)**2",
     "square of a difference"),
    ("one sign wrong", "distance(f, f_k)**2 - distance(f, f_m)**2 + distance(f_k, f_m)**2", "subtracted, too"),
    ("reversed", "distance(f_k, f_m)**2 - distance(f, f_k)**2 + distance(f, f_m)**2", "sign is reversed"),
    ("k and m mixed up", "distance(f, f_m)**2 - distance(f, f_k)**2 - distance(f_k, f_m)**2", "mixed up"),
    ("the gain alone", "distance(f, f_k)**2 - distance(f, f_m)**2", "the gain alone"),
    ("sums", "((f - f_k)**2).sum() - ((f - f_m)**2).sum() - ((f_k - f_m)**2).sum()", "sums over the points"),
    ("no sign", "abs(distance(f, f_k)**2 - distance(f, f_m)**2 - distance(f_k, f_m)**2)", "sign is lost"),
    ("a verdict", "abs(distance(f, f_k)**2 - distance(f, f_m)**2 - distance(f_k, f_m)**2) < 1e-9",
     "should be a number"),
    ("sneaky: zero as the text says", "0.0", "0 for every pair"),
    ("rounded", "round(distance(f, f_k)**2 - distance(f, f_m)**2 - distance(f_k, f_m)**2)", "is it rounded"),
    ("sneaky: zero or a guess", "0.0 if m % k == 0 else -0.05", "is -0.05 for a random walk"),
    ("sneaky: works on the function that it is given", "(f.sub_(f.mean()), distance(f, f_k)**2)[1]",
     "the function f is not left"),
]:  # fmt: skip
    code = f"def surplus(f, k, m):\n    f_k, f_m = best_member(f, k), best_member(f, m)\n    return {line}\n"
    wrong("1.3", name, code + PAIRS_AND_THEOREM, cause)
wrong(
    "1.3",
    "always 2k bins",
    """
def surplus(f, k, m):
    f_k, f_m = best_member(f, k), best_member(f, 2 * k)
    return distance(f, f_k) ** 2 - distance(f, f_m) ** 2 - distance(f_k, f_m) ** 2
"""
    + PAIRS_AND_THEOREM,
    "2k bins whatever m is",
)
wrong(
    "1.3",
    "the wave of the notebook",
    """
def surplus(f, k, m):
    f_k, f_m = best_member(f_star, k), best_member(f_star, m)
    return distance(f_star, f_k) ** 2 - distance(f_star, f_m) ** 2 - distance(f_k, f_m) ** 2
"""
    + PAIRS_AND_THEOREM,
    "f_star of the notebook",
)
for name, pairs, cause in [
    ("doublings only", "[(2, 4), (4, 8), (5, 10)]", "doublings alone"),
    ("every pair", "[(1, 5), (2, 3), (2, 4), (2, 6), (3, 4), (4, 6), (4, 8), (5, 10)]", "every pair"),
    ("where it is not zero", "[(2, 3), (3, 4), (4, 6)]", "not zero; the others"),
    ("rounded to three decimals", "[(1, 5), (2, 4), (2, 6), (4, 8), (5, 10), (3, 4)]", r"-0\.00019"),
    ("both even", "[(1, 5), (2, 4), (2, 6), (4, 8), (5, 10), (4, 6)]", "does not contain that of 4"),
    ("one is missing", "[(2, 4), (2, 6), (4, 8), (5, 10)]", r"lacks \(1, 5\)"),
    ("empty", "[]", "is empty"),
    ("the numbers, not the pairs", "[1, 2, 4, 5]", "list of pairs"),
    ("the other way round", "[(4, 2), (5, 1), (6, 2), (8, 4), (10, 5)]", "not one of the eight"),
]:
    wrong("1.3", name, f"{SURPLUS}zero_for = {pairs}\ntheorem = 'c'", cause)
for name, theorem, cause in [
    ("the triangle inequality", "a", "add up exactly"),
    ("the right angle at f_k", "b", "member of the smaller class"),
    ("the law of cosines", "D", "a further term"),
    ("a name", "Pythagoras", "one of the letters"),
    ("not a text", 3, "one of the letters"),
]:
    wrong("1.3", name, f"{SURPLUS}{PAIRS_AND_THEOREM}theorem = {theorem!r}", cause)
right(
    "1.3",
    "a projection of a projection, which comes to the same",
    SURPLUS.replace("best_member(f, m)", "best_member(best_member(f, k), m)") + PAIRS_AND_THEOREM,
)

# 1.4 Another identity

DIRAC = "dirac = nn.init.dirac_(torch.empty(8, 8, 3, 3))\n"

right("1.4", "twice and half", DIRAC + "W_1, W_2 = 2 * dirac, dirac / 2")
right(
    "1.4",
    "channels swapped in pairs, whole numbers",
    """
W_1 = torch.zeros(8, 8, 3, 3, dtype=torch.int64)
for i in range(8):
    W_1[i, i ^ 1, 1, 1] = 1
W_2 = W_1
""",
)
right(
    "1.4",
    "channels mixed, and a matrix inverted",
    """
mix = torch.rand(8, 8, generator=torch.Generator().manual_seed(3)) + 2 * torch.eye(8)
W_1, W_2 = torch.zeros(8, 8, 3, 3), torch.zeros(8, 8, 3, 3)
W_1[:, :, 1, 1], W_2[:, :, 1, 1] = mix, torch.linalg.inv(mix)
""",
)
right(
    "1.4",
    "each channel its own scale, as parameters, in half precision",
    DIRAC
    + """
scale = (2.0 ** torch.arange(-3, 5)).reshape(8, 1, 1, 1)
W_1 = nn.Parameter((dirac * scale).half())
W_2 = nn.Parameter((dirac / scale).half())
""",
)
right(
    "1.4",
    "moved by a row inside is lost, but neighbors may be mixed in and taken out again",
    DIRAC
    + """
W_1, W_2 = dirac.clone(), dirac.clone()
W_1[0, 1, 1, 0], W_2[0, 1, 1, 0] = 0.5, -0.5  # channel 0 gets half of channel 1's left neighbor, and gives it back
""",
)

wrong("1.4", "dirac twice", DIRAC + "W_1, W_2 = dirac, dirac", "both are the Dirac kernels")
wrong("1.4", "nearly dirac twice", DIRAC + "W_1, W_2 = 1.005 * dirac, dirac / 1.005", "or nearer to them than 0.01")
wrong("1.4", "one is still dirac", DIRAC + "W_1, W_2 = 3 * dirac, dirac", "returns 3 times")
wrong("1.4", "twice the same scale", DIRAC + "W_1, W_2 = 2 * dirac, 2 * dirac", "returns 4 times")
wrong("1.4", "minus and minus", DIRAC + "W_1, W_2 = -dirac, -dirac", "cuts the negative numbers")
wrong(
    "1.4",
    "shift and shift back",
    DIRAC + "W_1, W_2 = dirac.roll(1, dims=3), dirac.roll(-1, dims=3)",
    "edge pixels are lost",
)
wrong(
    "1.4", "shift twice", DIRAC + "W_1, W_2 = dirac.roll(1, dims=2), dirac.roll(1, dims=2)", "by 2 rows and 0 columns"
)
wrong(
    "1.4", "the same order twice", DIRAC + "W_1 = dirac.roll(1, dims=0)\nW_2 = dirac.roll(1, dims=0)", "another order"
)
wrong("1.4", "zero", DIRAC + "W_1, W_2 = torch.zeros(8, 8, 3, 3), 2 * dirac", "W_1 is all zero")
wrong(
    "1.4",
    "an orthogonal mixture, with negative numbers",
    """
mix = torch.linalg.qr(torch.randn(8, 8, generator=torch.Generator().manual_seed(1)))[0]
W_1, W_2 = torch.zeros(8, 8, 3, 3), torch.zeros(8, 8, 3, 3)
W_1[:, :, 1, 1], W_2[:, :, 1, 1] = mix, mix.T
""",
    "cuts the negative numbers",
)
wrong(
    "1.4",
    "1x1 kernels",
    "W_1, W_2 = 2 * torch.eye(8)[..., None, None], 0.5 * torch.eye(8)[..., None, None]",
    "1×1 kernels",
)
wrong("1.4", "kernels full of ones", "W_1, W_2 = torch.ones(8, 8, 3, 3), torch.ones(8, 8, 3, 3)", "are the same")
wrong(
    "1.4",
    "random kernels",
    """
torch.manual_seed(0)
W_1, W_2 = torch.randn(8, 8, 3, 3), torch.randn(8, 8, 3, 3)
""",
    "largest difference",
)
wrong("1.4", "sneaky: nearly dirac", DIRAC + "W_1, W_2 = 1.001 * dirac, dirac / 1.001", "both are the Dirac kernels")
wrong("1.4", "sneaky: nearly inverse", DIRAC + "W_1, W_2 = 1.02 * dirac, 0.98 * dirac", "returns 0.9996 times")
wrong(
    "1.4",
    "sneaky: dirac hidden in one",
    DIRAC
    + """
W_1 = dirac + 0.02
W_2 = dirac
""",
    "largest difference",
)
wrong(
    "1.4",
    "sneaky: right for crowded images",
    DIRAC
    + """
W_1, W_2 = dirac.clone(), dirac.clone()
W_1[0, 0, 1, 1], W_1[0, 1, 1, 1] = 1, -0.02
W_2[0, 1, 1, 1] = 0.02
""",
    "cuts the negative numbers",
)

wrong("1.4", "sneaky: overflows", DIRAC + "W_1, W_2 = 1e38 * dirac, 1e-38 * dirac", "overflow or vanish")
wrong(
    "1.4", "sneaky: vanishes", DIRAC + "W_1, W_2 = 1e-40 * dirac.double(), 1e40 * dirac.double()", "overflow or vanish"
)

# 1.5 Where no identity is at hand

SHARE_AND_TEXT = """
share_ignored = 0.75
what_is_lost = "c"
"""
COPY = """
def copy_by_shortcut(block):
    with torch.no_grad():
        block.bn2.weight.zero_()
        block.bn2.bias.zero_()
        block.conv3.bias.zero_()
        nn.init.dirac_(block.conv3.weight)
    return block
"""

right("1.5", "by dirac_", COPY + SHARE_AND_TEXT)
right(
    "1.5",
    "by data and eye, the other channels left as they were",
    """
def copy_by_shortcut(net):
    net.bn2.weight.data *= 0
    net.bn2.bias.data *= 0
    net.conv3.weight.data[:8] = torch.eye(8).reshape(8, 8, 1, 1)
    net.conv3.bias.data[:8] = 0
    return net.eval()
from fractions import Fraction
share_ignored = Fraction(3, 4)
"""
    + SHARE_AND_TEXT.replace("share_ignored = 0.75", ""),
)
right(
    "1.5",
    "a new convolution without bias, both copies",
    """
def copy_by_shortcut(block):
    conv = nn.Conv2d(8, 16, kernel_size=1, stride=2, bias=False)
    with torch.no_grad():
        conv.weight.copy_(torch.cat([torch.eye(8), torch.eye(8)])[:, :, None, None])
    block.conv3 = conv
    for p in block.bn2.parameters():
        nn.init.zeros_(p)
    return block
share_ignored = torch.tensor(1 - 1 / 4)
"""
    + SHARE_AND_TEXT.replace("share_ignored = 0.75", ""),
)
right(
    "1.5",
    "a zero convolution, and the batch norm made to forget",
    """
def copy_by_shortcut(block):
    with torch.no_grad():
        for p in [*block.conv2.parameters(), block.bn2.bias, *block.conv3.parameters()]:
            p.fill_(0)
        block.bn2.reset_running_stats()
        block.conv3.weight[range(8), range(8)] = 1
    return block
"""
    + SHARE_AND_TEXT,
)

for name, statement, cause in [
    ("bn2's bias stays", "block.bn2.bias.fill_(0.3)", "bn2.bias is not"),
    ("conv3's bias stays", "block.conv3.bias.fill_(0.3)", "conv3 still has its bias"),
    ("not silent", "block.bn2.weight.fill_(1)", "not silenced"),
    ("a zero convolution", "block.bn2.weight.fill_(1); block.conv2.weight.zero_(); block.conv2.bias.zero_()",
     "zero convolution is not enough.*Not zero: bn2.running_mean$"),
    ("everything zero", "block.conv3.weight.zero_()", "forgets its input"),
    ("ones", "block.conv3.weight.fill_(1)", "sum of all input channels"),
    ("a mean", "block.conv3.weight.fill_(1 / 8)", "mean of all input channels"),
    ("channel 0 everywhere", "block.conv3.weight.zero_(); block.conv3.weight[:, 0] = 1", "copy of input channel 0"),
    ("the last 8 channels", "block.conv3.weight.copy_(block.conv3.weight.roll(8, 0))", "last 8 channels"),
    ("every other channel", "block.conv3.weight.zero_(); block.conv3.weight[range(0, 16, 2), range(8)] = 1",
     "channels 0, 2, 4"),
    ("one channel forgotten", "block.conv3.weight[7] = 0", "output channel 7 is not a copy"),
    ("a matrix as weight", "block.conv3.weight.data = torch.eye(16, 8)", "raised RuntimeError"),
    ("sneaky: average pooling", "block.conv3 = nn.Sequential(nn.AvgPool2d(2), nn.Conv2d(8, 16, 1))",
     "stay a 1×1 convolution"),
    ("sneaky: another block", "block = lambda X: torch.cat([X[..., ::2, ::2]] * 2, dim=1)",
     "change the block that it is given, and return it; it returns <lambda>"),
    ("a copy", "import copy; block = copy.deepcopy(block)", "it returns another block"),
    ("another output channel is not silent", "block.bn2.weight[3] = 1", "not silenced"),
    ("sneaky: forward replaced", "nn.init.ones_(block.bn2.weight); "
     "block.forward = lambda X: torch.cat([X[..., ::2, ::2]] * 2, dim=1)", "not silenced"),
    ("sneaky: a running mean of zero in evaluation only", "block.bn2.weight.fill_(1); "
     "block.bn2.running_var.fill_(1e30); block.bn2.running_mean.zero_()", "not silenced"),
]:  # fmt: skip
    line = f"        {statement}\n    return block\n"
    wrong("1.5", name, COPY.replace("    return block\n", line) + SHARE_AND_TEXT, cause)
wrong(
    "1.5",
    "no no_grad",
    """
def copy_by_shortcut(block):
    block.bn2.weight[:] = 0
    return block
"""
    + SHARE_AND_TEXT,
    "raised RuntimeError: a .*leaf",
)
wrong("1.5", "returns nothing", COPY.replace("return block", "return") + SHARE_AND_TEXT, "returns nothing")
ZERO = """
class Zero(nn.Module):
    def forward(self, X):
        return 0 * X

"""
right(
    "1.5",
    "a module that gives zeros in place of bn2",
    ZERO
    + COPY.replace("block.bn2.weight.zero_()", "block.bn2 = Zero()").replace("        block.bn2.bias.zero_()\n", "")
    + SHARE_AND_TEXT,
)
wrong(
    "1.5",
    "bn2 replaced, conv3's bias stays",
    ZERO
    + COPY.replace("block.bn2.weight.zero_()", "block.bn2 = Zero()")
    .replace("        block.bn2.bias.zero_()\n", "")
    .replace("        block.conv3.bias.zero_()\n", "")
    + SHARE_AND_TEXT,
    "conv3 still has its bias",
)
wrong(
    "1.5",
    "bn2 replaced by what gives no zeros",
    COPY.replace("block.bn2.weight.zero_()", "block.bn2 = nn.Identity()").replace("block.bn2.bias", "block.conv3.bias")
    + SHARE_AND_TEXT,
    "F is not zero, and bn2 is no longer the block's batch norm",
)
BY_ZEROS = COPY.replace("block.bn2.weight.zero_()", "[p.zero_() for p in block.conv2.parameters()]; {}")
for way in ("block.bn2.reset_parameters()", "block.bn2.running_mean.zero_()"):
    zeros = BY_ZEROS.format(way)
    right("1.5", f"a zero convolution, and {way}", zeros + SHARE_AND_TEXT)
    for name, old, new, cause in [
        ("conv3's bias stays", "block.conv3.bias.zero_()", "pass", "conv3 still has its bias"),
        ("nothing is copied", "nn.init.dirac_(block.conv3.weight)", "block.conv3.weight.zero_()", "forgets its input"),
        ("ones", "nn.init.dirac_(block.conv3.weight)", "block.conv3.weight.fill_(1)", "sum of all input channels"),
        ("reversed", "    return", "    block.conv3.weight.data = block.conv3.weight.data.flip(1)\n    return",
         "reverse order"),
        ("the last 8", "    return", "    block.conv3.weight.data = block.conv3.weight.data.roll(8, 0)\n    return",
         "last 8 channels"),
    ]:  # fmt: skip
        wrong("1.5", f"{way}, {name}", zeros.replace(old, new) + SHARE_AND_TEXT, cause)
wrong(
    "1.5",
    "a zero convolution, but for its bias",
    BY_ZEROS.format("block.bn2.reset_parameters()").replace(
        "[p.zero_() for p in block.conv2.parameters()]", "block.conv2.weight.zero_()"
    )
    + SHARE_AND_TEXT,
    "zero convolution is not enough.*Not zero: conv2.bias$",
)
wrong(
    "1.5",
    "a zero convolution, and a shift that cancels the running mean",
    BY_ZEROS.format("n = block.bn2; n.bias.copy_(n.weight * n.running_mean / (n.running_var + n.eps).sqrt())").replace(
        "block.bn2.bias.zero_()", "pass"
    )
    + SHARE_AND_TEXT,
    "in training mode F is not zero: conv2.weight is, but the last batch norm still adds bn2.bias$",
)
wrong(
    "1.5",
    "a new block",
    """
def copy_by_shortcut(block):
    new = d2l.Residual(8, 16, use_1x1conv=True, strides=2)
    for p in (new.bn2.weight, new.bn2.bias, new.conv3.bias):
        nn.init.zeros_(p)
    nn.init.dirac_(new.conv3.weight)
    return new
"""
    + SHARE_AND_TEXT,
    "it returns another block",
)
for name, share, cause in [
    ("half as many numbers", "0.5", "half as many numbers"),
    ("the share that is read", "0.25", "the share that the shortcut reads"),
    ("in percent", "75", "percent"),
    ("nothing", "0", "steps over pixels"),
    ("a 3x3 window", "8 / 9", "3×3 window"),
    ("another number", "0.6", "in a square of 2 times 2"),
]:
    wrong("1.5", name, COPY + SHARE_AND_TEXT.replace("0.75", share), cause)
for letter, cause in [
    ("a", "a quarter of its pixels"),
    ("b", "never reads the other three"),
    ("d", "pixels that are lost"),
    ("e", "zero in training mode as well"),
    ("no", "one of the letters"),
]:
    wrong("1.5", f"the answer {letter}", COPY + SHARE_AND_TEXT.replace('"c"', f'"{letter}"'), cause)

# 1.6 Nested, and yet too large

needs("1.6", "fit", "root_mean_square")

STATEMENTS_AND_TEXT = """
true_statements = {1, 3, 5}
why_limit = "b"
"""
TWO_ERRORS = """
def two_errors(t, values, t_new, values_new, degree):
    learned = fit(t, values, degree)
    return root_mean_square(learned(t) - values), root_mean_square(learned(t_new) - values_new)
"""

right(
    "1.6",
    "by polyfit, as an array",
    """
def two_errors(t, v, s, w, n):
    coefficients = np.polyfit(t, v, n)
    gaps = np.polyval(coefficients, t) - v, w - np.polyval(coefficients, s)
    return np.array([np.sqrt((gap ** 2).mean()) for gap in gaps])
true_statements = [5, 3, 1, 1]
"""
    + STATEMENTS_AND_TEXT.replace("true_statements = {1, 3, 5}", ""),
)
right(
    "1.6",
    "by least squares in PyTorch, as a tensor",
    """
def two_errors(t, values, t_new, values_new, degree):
    t, values, t_new, values_new = map(torch.as_tensor, (t, values, t_new, values_new))
    powers = torch.arange(degree + 1)
    solution = torch.linalg.lstsq(t[:, None] ** powers, values[:, None]).solution
    def error(at, wanted):
        return torch.linalg.norm((at[:, None] ** powers @ solution)[:, 0] - wanted) / len(at) ** 0.5
    return torch.stack([error(t, values), error(t_new, values_new)])
true_statements = torch.tensor([1, 3, 5])
"""
    + STATEMENTS_AND_TEXT.replace("true_statements = {1, 3, 5}", ""),
)
right(
    "1.6",
    "Chebyshev polynomials, a list",
    """
from numpy.polynomial import Chebyshev
def two_errors(t, values, t_new, values_new, degree):
    learned = Chebyshev.fit(t, values, degree)
    return [math.sqrt(np.mean((learned(at) - wanted) ** 2)) for at, wanted in ((t, values), (t_new, values_new))]
true_statements = range(1, 7, 2)
"""
    + STATEMENTS_AND_TEXT.replace("true_statements = {1, 3, 5}", ""),
)

right(
    "1.6",
    "one after the other",
    """
def two_errors(t, values, t_new, values_new, degree):
    learned = fit(t, values, degree)
    yield root_mean_square(learned(t) - values)
    yield root_mean_square(learned(t_new) - values_new)
"""
    + STATEMENTS_AND_TEXT,
)

POWERS = """
def two_errors(t, values, t_new, values_new, degree):
    V, W = np.vander(t, degree + 1), np.vander(t_new, degree + 1)
    c = {}
    return root_mean_square(V @ c - values), root_mean_square(W @ c - values_new)
"""
right("1.6", "powers, by least squares", POWERS.format("np.linalg.lstsq(V, values)[0]") + STATEMENTS_AND_TEXT)
right("1.6", "powers, by QR", POWERS.format("np.linalg.solve(np.linalg.qr(V)[1], np.linalg.qr(V)[0].T @ values)")
      + STATEMENTS_AND_TEXT)  # fmt: skip
for name, solver in [
    ("inverted", "np.linalg.inv(V.T @ V) @ V.T @ values"),
    ("solved", "np.linalg.solve(V.T @ V, V.T @ values)"),
    ("in 32 bits", "np.linalg.lstsq(V.astype(np.float32), values.astype(np.float32))[0]"),
]:
    wrong("1.6", f"normal equations of powers, {name}", POWERS.format(solver) + STATEMENTS_AND_TEXT, "lost to rounding")
for limit in (9, 14):
    wrong(
        "1.6",
        f"no degree above {limit}",
        TWO_ERRORS.replace("values, degree)\n", f"values, min(degree, {limit}))\n") + STATEMENTS_AND_TEXT,
        f"asked for degree 16, it fits one of degree {limit}",
    )

BODY = "return root_mean_square(learned(t) - values), root_mean_square(learned(t_new) - values_new)"
for name, old, new, cause in [
    ("order", BODY, "return root_mean_square(learned(t_new) - values_new), root_mean_square(learned(t) - values)",
     "wrong order"),
    ("fitted to the new points", "fit(t, values, degree)", "fit(t_new, values_new, degree)",
     "fitted to the new points"),
    ("fitted to all points", "fit(t, values, degree)",
     "fit(np.concatenate([t, t_new]), np.concatenate([values, values_new]), degree)", "leaked"),
    ("fitted twice", "root_mean_square(learned(t_new)", "root_mean_square(fit(t_new, values_new, degree)(t_new)",
     "second polynomial"),
    ("training error twice", "learned(t_new) - values_new", "learned(t) - values", "both are the training error"),
    ("no root", "root_mean_square", "(lambda d: np.mean(d ** 2))", "the root is missing"),
    ("absolute", "root_mean_square", "(lambda d: np.abs(d).mean())", "means of absolute differences"),
    ("a sum", "root_mean_square", "np.linalg.norm", "roots of sums"),
    ("no square", "root_mean_square", "np.mean", "cancel"),
    ("a standard deviation", "root_mean_square", "np.std", "takes off the mean"),
    ("one degree too low", "values, degree)", "values, degree - 1)", "one too low"),
    ("degree fixed", "values, degree)", "values, 7)", "training error of degree 3"),
    ("degree fixed at 4", "values, degree)", "values, 4)", "^(?!.*too high).*fits one of degree 4"),
    ("degree fixed at 2", "values, degree)", "values, 2)", "^(?!.*too low).*fits one of degree 2"),
    ("one degree too high", "values, degree)", "values, degree + 1)", "one too high"),
    ("compared with the wave", "- values_new", "- (t_new + 0.5 * np.sin(4 * np.pi * t_new))", "with the rising wave"),
    ("the polynomial too", BODY, "return learned, 0.1", "the training error should be a number"),
    ("a set", BODY, "return {root_mean_square(learned(t) - values), root_mean_square(learned(t_new) - values_new)}",
     "two numbers, first the training error"),
    ("one number", BODY, "return root_mean_square(learned(t) - values)", "should return two numbers"),
    ("compared with the wrong places", "learned(t_new) - values_new", "learned(t) - values_new", "raised ValueError"),
    ("sneaky: sorts the values in place", "learned = fit", "values.sort(); learned = fit", "changes the arrays"),
    ("sneaky: a training error of zero", "root_mean_square(learned(t) - values)", "0.0",
     "training error of degree 3 is 0"),
    ("sneaky: the larger one is the held-out error", BODY,
     "return sorted([root_mean_square(learned(t) - values), root_mean_square(learned(t_new) - values_new)])",
     "whichever is the larger"),
    ("sneaky: held out is all there is", "learned(t_new) - values_new",
     "np.r_[learned(t_new) - values_new, learned(t) - values]", "all points together"),
]:  # fmt: skip
    wrong("1.6", name, TWO_ERRORS.replace(old, new) + STATEMENTS_AND_TEXT, cause)
for name, statements, cause in [
    ("the false ones", "{2, 4}", "the two that are false"),
    ("held-out error cannot rise", "{1, 2, 3, 5}", "statement 2 is not true"),
    ("the class is to blame", "{1, 3, 4, 5}", "statement 4 is not true"),
    ("more points do not help", "{1, 3}", "becomes of the noise"),
    ("noise cannot be fitted", "{1, 5}", "how many coefficients"),
    ("training error can rise", "{3, 5}", "one of the candidates of"),
    ("none", "set()", "one of the candidates of"),
    ("all", "{1, 2, 3, 4, 5}", "statement 2 is not true"),
    ("a number that is not there", "{1, 3, 5, 6}", "there is no 6"),
    ("a verdict for each", "[True, False, True, False, True]", "not True or False for each"),
    ("a text", "'1, 3, 5'", "should be a set of numbers"),
]:
    wrong("1.6", name, TWO_ERRORS + STATEMENTS_AND_TEXT.replace("{1, 3, 5}", statements), cause)
for letter, cause in [
    ("a", "at least as near"),
    ("c", "still there, and is not chosen"),
    ("d", "cannot rise"),
    ("e", "come closer to a wave"),
    ("because of over-fitting", "one of the letters"),
]:
    wrong("1.6", f"the answer {letter}", TWO_ERRORS + STATEMENTS_AND_TEXT.replace('"b"', f'"{letter}"'), cause)
for name, old, new in [
    ("t", "    learned", "    t = np.sort(t)\n    learned"),
    ("t_new", "learned(t_new)", "learned(np.sort(t_new))"),
    ("values_new", "- values_new", "- np.sort(values_new)"),
    (
        "each",
        "    learned",
        "    t, values, t_new, values_new = map(np.sort, (t, values, t_new, values_new))\n    learned",
    ),
]:
    wrong("1.6", f"sorted: {name}", TWO_ERRORS.replace(old, new) + STATEMENTS_AND_TEXT, "sorted without the one that")
right(
    "1.6",
    "sorted in pairs",
    TWO_ERRORS.replace("    learned", "    order = t.argsort()\n    t, values = t[order], values[order]\n    learned")
    + STATEMENTS_AND_TEXT,
)
wrong(
    "1.6",
    "sneaky: no degree above 7",
    TWO_ERRORS.replace("values, degree)\n", "values, min(degree, 7))\n") + STATEMENTS_AND_TEXT,
    "asked for degree 9, it fits one of degree 7",
)
