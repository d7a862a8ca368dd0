"""Answers to the exercises of notebook 13."""

from __future__ import annotations

from collect import needs, right, wrong

# 13.1: frames and bands


def frames(num=51, width=15.625, below=19, reason="'b'"):
    return f"num_frames = {num}\nbin_width = {width}\nbands_below_1000 = {below}\nmy_reason = {reason}\n"


right("13.1", "as a fraction, a tensor, and a letter in brackets", frames("torch.tensor(51)", "125 / 8", "19.0", "'(B)'"))
right(
    "13.1",
    "by the formula",
    """
import math
num_frames = len(range(0, round(0.6 * 8000) + 1, 96))
bin_width = 4000 / 256
bands_below_1000 = sum(k * math.log10(1 + 4000 / 700) / 41 < math.log10(1 + 1000 / 700) for k in range(1, 41))
my_reason = "b"
""",
)
wrong("13.1", "steps, not frames", frames(num=50), "one frame more")
wrong("13.1", "frames side by side", frames(num=24), "frames overlap")
wrong("13.1", "frames of the transform", frames(num=9), "length of the Fourier transform")
wrong("13.1", "whole windows only", frames(num=48), "pads both ends")
wrong("13.1", "a filled-up word", frames(num=64), "filled up")
wrong("13.1", "the window's width", frames(width=40), "fill it up to 512")
wrong("13.1", "half the rate", frames(width=4000 / 512), "whole 8,000")
wrong("13.1", "by the hop", frames(width=8000 / 96), "hop")
wrong("13.1", "even bands", frames(width=100), "before the mel filters")
wrong("13.1", "upside down", frames(width=512 / 8000), "upside down")
wrong("13.1", "even in Hz", frames(below=10), "even in mel")
wrong("13.1", "one too few", frames(below=18), "19th")
wrong("13.1", "one too many", frames(below=20), "20th")
wrong("13.1", "those above", frames(below=21), "those below")
wrong("13.1", "not counted", frames(below=19.1), "whole number")
for letter, cause in {"a": "40", "c": "loud", "d": "nothing is lost", "e": "frequencies only"}.items():
    wrong("13.1", f"reason {letter}", frames(reason=f"'{letter}'"), rf"not \({letter}\): .*{cause}")

# 13.2: holes

MASKED = """
def masked(X, max_bands, max_frames, generator):
    X = {copy}
    {before}
    for i in range(len(X)):
        for largest, dim in ((max_bands, 1), (max_frames, 2)):
            side = X.shape[dim + 1]
            width = {width}
            first = {first}
            X[i].narrow(dim, first, width).fill_({value})
    return X
"""
WIDTH = "torch.randint(0, largest + 1, (), generator=generator).item()"
FIRST = "torch.randint(0, side - width + 1, (), generator=generator).item()"


def holes(copy="X.clone()", before="", width=WIDTH, first=FIRST, value="0"):
    return MASKED.format(copy=copy, before=before, width=width, first=first, value=value)


right("13.2", "narrow", holes())
right(
    "13.2",
    "without a loop",
    """
def masked(X, max_bands, max_frames, generator):
    for dim, largest in ((2, max_bands), (3, max_frames)):
        side, n = X.shape[dim], len(X)
        width = torch.randint(0, largest + 1, (n, 1), generator=generator)
        first = (torch.rand(n, 1, generator=generator) * (side - width + 1)).long()
        places = torch.arange(side)[None]
        keep = (places < first) | (places >= first + width)
        X = X * (keep[:, None, :, None] if dim == 2 else keep[:, None, None, :])
    return X
""",
)
wrong("13.2", "in place", holes(copy="X"), "not left as it came")
wrong("13.2", "PyTorch's own random numbers", holes(width="torch.randint(0, largest + 1, ()).item()"), "PyTorch's own")
wrong("13.2", "Python's random numbers", holes(before="import random", width="random.randint(0, largest)"), "same state")
wrong("13.2", "a generator of its own", holes(before="generator = torch.Generator().manual_seed(0)"), "another seed")
wrong("13.2", "ones in place of zeros", holes(value="1"), "outside of the holes have changed")
wrong("13.2", "the largest width is left out", holes(width=WIDTH.replace("largest + 1", "largest")), "is included")
wrong("13.2", "width 0 is left out", holes(width=WIDTH.replace("(0,", "(1,")), "width 0 should occur")
wrong("13.2", "always the largest width", holes(width="largest"), "width 0 should occur")
wrong("13.2", "never at the end", holes(first=FIRST.replace("width + 1", "width")), "last place is never")
wrong("13.2", "only at the beginning", holes(first="int(torch.rand((), generator=generator) > 2)"), "never in a hole")
wrong("13.2", "too wide", holes(width=WIDTH.replace("+ 1", "+ 2")), "at most 3")
wrong("13.2", "bands only", holes().replace("((max_bands, 1), (max_frames, 2))", "((max_bands, 1),)"), "no hole in the frames")
wrong("13.2", "one hole for all", """
def masked(X, max_bands, max_frames, generator):
    X = X.clone()
    b, f = (torch.randint(1, n + 1, (), generator=generator).item() for n in (max_bands, max_frames))
    X[:, :, 2 : 2 + b] = 0
    X[:, :, :, 3 : 3 + f] = 0
    return X
""", "same hole")  # fmt: skip
wrong("13.2", "a rectangle", """
def masked(X, max_bands, max_frames, generator):
    X = X.clone()
    for x in X:
        b = torch.randint(0, max_bands + 1, (), generator=generator).item()
        f = torch.randint(0, max_frames + 1, (), generator=generator).item()
        i = torch.randint(0, x.shape[1] - b + 1, (), generator=generator).item()
        j = torch.randint(0, x.shape[2] - f + 1, (), generator=generator).item()
        x[0, i : i + b, j : j + f] = 0
    return X
""", "rectangle")  # fmt: skip
wrong("13.2", "scattered zeros", """
def masked(X, max_bands, max_frames, generator):
    return X * (torch.rand(X.shape, generator=generator) > 0.2)
""", "belong to neither")  # fmt: skip
wrong("13.2", "no change", "def masked(X, max_bands, max_frames, generator):\n    return X.clone()\n", "nothing was set")

# 13.3: one speaker, one side

SPLIT = """
def split_by_speaker(voices, speaker_of, held_out):
    kept, out = [], []
    for i, voice in enumerate(voices):
        {line}
    return {result}
my_question = {question}
"""


def split(line="(out if speaker_of[voice] in held_out else kept).append(i)", result="kept, out", question="'c'"):
    return SPLIT.format(line=line, result=result, question=question)


right("13.3", "two lists", split())
right(
    "13.3",
    "as tensors",
    """
def split_by_speaker(voices, speaker_of, held_out):
    out = torch.tensor([speaker_of[v] in held_out for v in voices])
    return [(~out).nonzero().flatten(), out.nonzero().flatten()]
my_question = "C"
""",
)
wrong("13.3", "the wrong way around", split(result="out, kept"), "wrong order")
wrong("13.3", "by the voice", split("(out if voice.split()[-1] in ('kal', 'slt') else kept).append(i)"), "both sides|not these")
wrong("13.3", "names, not positions", split("(out if speaker_of[voice] in held_out else kept).append(voice)"), "positions")
wrong("13.3", "everything on one side", split("kept.append(i)"), "not these")
wrong("13.3", "some left out", split("speaker_of[voice] in held_out and out.append(i)"), "one of the two lists")
wrong("13.3", "a random tenth", split("(out if i % 10 == 0 else kept).append(i)"), "both sides")
wrong("13.3", "the list is sorted", split("voices.sort()"), "not left as it came")
wrong("13.3", "one list", split(result="kept"), "two lists")
for letter, cause in {"a": "same few voices", "b": "not whether", "d": "depth", "e": "luck"}.items():
    wrong("13.3", f"question {letter}", split(question=f"'{letter}'"), rf"not \({letter}\): .*{cause}")

# 13.4: what is taken for what

needs("13.4", "confusion")
WORST = """
from collections import Counter
def worst_confusion(digits, predicted):
    pairs = Counter((a, b) for a, b in zip(digits.tolist(), predicted.tolist()) if {when})
    if not pairs:
        return {nothing}
    (a, b), count = {choose}
    return {result}
"""
LOWEST = "min(pairs.items(), key=lambda pair: (-pair[1], pair[0]))"


def worst(when="a != b", nothing="None", choose=LOWEST, result="a, b, count"):
    return WORST.format(when=when, nothing=nothing, choose=choose, result=result)


right("13.4", "with a counter", worst())
right(
    "13.4",
    "from the matrix, as a tensor",
    """
def worst_confusion(digits, predicted):
    counts = torch.bincount(10 * digits + predicted, minlength=100)
    counts[::11] = 0
    return torch.tensor([counts.argmax() // 10, counts.argmax() % 10, counts.max()]) if counts.any() else None
""",
)
wrong("13.4", "with the diagonal", worst(when="True"), "diagonal")
wrong("13.4", "the wrong way around", worst(result="b, a, count"), "wrong way around")
wrong("13.4", "the first that came", worst(choose="pairs.most_common(1)[0]"), "as frequent|smaller digit")
wrong("13.4", "no count", worst(result="a, b"), "should return")
wrong("13.4", "one count too many", worst(result="a, b, count + 1"), "times, not")
wrong("13.4", "no mistake", worst(nothing="0, 0, 0"), "return None")
wrong("13.4", "both directions", """
def worst_confusion(digits, predicted):
    matrix = confusion(digits, predicted).fill_diagonal_(0)
    matrix = (matrix + matrix.T).triu()
    if not matrix.any():
        return None
    a, b = divmod(matrix.argmax().item(), 10)
    return a, b, matrix[a, b].item()
""", "both directions")  # fmt: skip
wrong("13.4", "a share", worst(result="a, b, count / len(digits)"), "whole number")
