"""Answers to the exercises of notebook 18."""

from __future__ import annotations

from collect import needs, right, wrong

# 18.1: the stem for small images

needs("18.1", "receptive_fields", "stage_windows")
REASON = '\nmy_reason = "b"\n'
right(
    "18.1",
    "by the notebook's function",
    """
small_stem_field, small_stem_jump, _ = receptive_fields([(3, 1, 1)] + stage_windows)[-1]
small_stem_last_side = -(-28 // 8)
small_stem_idle = 0
"""
    + REASON,
)
right(
    "18.1",
    "other types",
    """
import numpy
small_stem_field, small_stem_jump = torch.tensor(109), numpy.array([8.0])
small_stem_last_side, small_stem_idle = 4.0, False + 0
my_reason = "(B)"
""",
)


def small_stem(field=109, jump=8, side=4, idle=0):
    lines = {"field": field, "jump": jump, "last_side": side, "idle": idle}
    return "\n".join(f"small_stem_{name} = {value}" for name, value in lines.items()) + REASON


wrong("18.1", "field of the old stem", small_stem(field=435), "the notebook's net")
wrong("18.1", "max-pool kept", small_stem(field=217), "max-pool is still")
wrong("18.1", "stem forgotten", small_stem(field=107), "the stem is missing")
wrong("18.1", "one block a stage", small_stem(field=49), "two blocks of two")
wrong("18.1", "stops at the edge", small_stem(field=28), "does not stop at the edge")
wrong("18.1", "one side", small_stem(field=54), "one side")
wrong(
    "18.1",
    "own stride first",
    small_stem(field="receptive_fields([(3, 1, 1)] + stage_windows)[-1][0] + 2 * (1 + 2 + 4)"),
    "not for itself",
)
wrong("18.1", "jump of the old stem", small_stem(jump=32), "two factors of 2")
wrong("18.1", "one stage halves", small_stem(jump=2), "three stages")
wrong("18.1", "four doublings, and the right field", small_stem(jump=16), "^(?!.*max-pool).*four times")
wrong("18.1", "rounded down", small_stem(side=3), "rounded up")
wrong("18.1", "not rounded", small_stem(side=3.5), "Which way")
wrong("18.1", "side of the old stem", small_stem(side=1), "leaves 28×28")
wrong("18.1", "idle as before", small_stem(idle=3 * 8 * 512**2 + 5 * 256 * 512), "last maps are 1×1")
wrong("18.1", "idle by hand, first convolution as before", small_stem(idle=5 * 256 * 512), "from 7×7 to 4×4")
wrong("18.1", "idle places", small_stem(idle=8), "1×1 map")
wrong("18.1", "idle at the edge", small_stem(idle=3 * 5 * 512**2), "pixels at all others")
wrong("18.1", "idle as a share", small_stem(idle=0.62), "a share")
for letter, cause in {
    "a": "nothing is shared out",
    "c": "435 is larger still",
    "d": "its own maps",
    "e": "overlap",
}.items():
    wrong("18.1", f"reason {letter}", small_stem() + f"my_reason = '{letter}'", rf"not \({letter}\): .*{cause}")
wrong("18.1", "no letter", small_stem() + "my_reason = 'because it is so'", "one of the letters a, b, c, d, e")
wrong("18.1", "the right reason and a wrong number", small_stem(idle=1), "padding at all others, is not idle")
wrong("18.1", "sneaky: numbers as texts", small_stem(field="'109'"), "should be a number")

# 18.2: from pixel to pixel

needs("18.2", "receptive_fields")
SEEN = """
def pixels_seen(windows, side, i):
    field, jump, reach = receptive_fields(windows)[-1]
    first = {first}
    last = {last}
    return {result}
"""


def seen(first="jump * i - reach", last="first + field - 1", result="max(0, first), min(side - 1, last)"):
    return SEEN.format(first=first, last=last, result=result)


right(
    "18.2",
    "back through the windows",
    """
def pixels_seen(windows, side, i):
    first = last = i
    for k, s, p in windows[::-1]:
        first, last = first * s - p, last * s - p + k - 1
    return [max(first, 0), min(last, side - 1)]
""",
)
right(
    "18.2",
    "by gradient",
    """
def pixels_seen(windows, side, i):
    x = torch.zeros(1, 1, side, dtype=torch.float64, requires_grad=True)
    y = x
    for k, s, p in windows:
        y = torch.nn.functional.conv1d(y, torch.ones(1, 1, k, dtype=torch.float64) / k, stride=s, padding=p)
    (g,) = torch.autograd.grad(y[0, 0, i], x)
    where = g[0, 0].nonzero().flatten()
    return torch.stack([where[0], where[-1]])
""",
)
wrong("18.2", "not cut at all", seen(result="first, last"), "the image ends")
wrong("18.2", "not cut at the right", seen(result="max(0, first), last"), "the image ends|its last column")
wrong("18.2", "not cut at the left", seen(result="first, min(side - 1, last)"), "the image ends|begins at column 0")
wrong("18.2", "cut at side", seen(result="max(0, first), min(side, last)"), "counted from 0|one too far")
wrong("18.2", "one too far", seen(last="first + field"), "one too far")
wrong("18.2", "as far right as left", seen(last="jump * i + reach"), "need not see as far|half the field")
wrong("18.2", "half the field", seen("jump * i - field // 2", "jump * i + field // 2"), "reach")
wrong("18.2", "padding forgotten", seen("jump * i"), "padding is missing")
wrong("18.2", "distance forgotten", seen("i - reach"), "several columns apart")
wrong("18.2", "the wrong order", seen(result="min(side - 1, last), max(0, first)"), "wrong order")
wrong("18.2", "one number", seen(result="last"), "two numbers")
wrong("18.2", "sneaky: resnet18 alone", """
def pixels_seen(windows, side, i):
    return max(0, 32 * i - 217), min(223, 32 * i + 217)
""", "is not it")  # fmt: skip
wrong(
    "18.2",
    "the list eaten",
    "def pixels_seen(windows, side, i):\n    return windows.pop()[:2]\n",
    "windows is not left",
)
wrong("18.2", "one column to the right", seen("jump * i - reach + 1"), r"^(?!.*one too far).*expected \(0, 217\)")
wrong("18.2", "the whole image", seen(result="0, side - 1"), r"^(?!.*padding).*expected \(0, 217\)")

# 18.3: windows with holes

DILATED = """
def field_with_dilation(windows):
    field, jump = {start}, 1
    for k, s, d in windows:
        {first}
        {then}
    return field
dilated_field = {number}
"""


def dilated(first="field += (k - 1) * d * jump", then="jump *= s", start=1, number=15):
    return DILATED.format(first=first, then=then, start=start, number=number)


right(
    "18.3",
    "backwards",
    """
def field_with_dilation(layers):
    size = 1
    for k, s, d in reversed(layers):
        size = (size - 1) * s + d * (k - 1) + 1
    return size
dilated_field = field_with_dilation([(3, 1, 1), (3, 1, 2), (3, 1, 4)])
""",
)
right(
    "18.3",
    "as a sum, and a tensor",
    """
import math
def field_with_dilation(w):
    return torch.tensor(1 + sum((w[i][0] - 1) * w[i][2] * math.prod(s for _, s, _ in w[:i]) for i in range(len(w))))
dilated_field = 15.0
""",
)
wrong("18.3", "dilation not used", dilated("field += (k - 1) * jump"), "not used")
wrong("18.3", "k times d", dilated("field += (k * d - 1) * jump"), "not k·d")
wrong("18.3", "d + 1", dilated("field += (k - 1) * (d + 1) * jump"), "no place free")
wrong("18.3", "stride first", dilated("jump *= s", "field += (k - 1) * d * jump"), "not for itself")
wrong("18.3", "no strides", dilated(then="pass"), "steps longer")
wrong("18.3", "start at 0", dilated(start=0), "start with 1")
wrong("18.3", "a number without dilation", dilated(number=7), "without dilation")
wrong("18.3", "a number with k times d", dilated(number=29), "spans 5")
wrong("18.3", "no return", dilated().replace("return field", "field"), "should be a number")
wrong(
    "18.3",
    "the list eaten",
    dilated(then="jump *= s").replace("for k", "windows.reverse()\n    for k"),
    "windows is not left",
)
wrong("18.3", "k times d, and the pixel", dilated("field += k * d * jump"), "^(?!.*no place free).*not k·d")
wrong("18.3", "k plus d", dilated("field += (k + d) * jump"), "expected 5$")
wrong(
    "18.3",
    "stride and dilation exchanged",
    dilated().replace("for k, s, d", "for k, d, s"),
    "^(?!.*not used).*changed places",
)
