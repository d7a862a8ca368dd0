"""Answers to the exercises of notebook 13."""

from __future__ import annotations

from collect import needs, right, wrong

# 13.1: frames and bands


def frames(num=51, width=15.625, below=19, reason="'b'"):
    return f"num_frames = {num}\nbin_width = {width}\nbands_below_1000 = {below}\nmy_reason = {reason}\n"


right(
    "13.1", "as a fraction, a tensor, and a letter in brackets", frames("torch.tensor(51)", "125 / 8", "19.0", "'(B)'")
)
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
wrong("13.1", "rounded", frames(width=15.63), "rounded")
wrong("13.1", "even bands", frames(width=100), "before the mel filters")
wrong("13.1", "upside down", frames(width=512 / 8000), "upside down")
wrong("13.1", "even in Hz", frames(below=10), "even in mel")
wrong("13.1", "one too few", frames(below=18), "19th")
wrong("13.1", "one too many", frames(below=20), "20th")
wrong("13.1", "those above", frames(below=21), "those below")
wrong("13.1", "not counted", frames(below=19.1), "whole number")
for letter, cause in {"a": "40", "c": "loud", "d": "nothing is lost", "e": "frequencies only"}.items():
    wrong("13.1", f"reason {letter}", frames(reason=f"'{letter}'"), rf"not \({letter}\): .*{cause}")

# 13.2: so many decibels of noise

NOISY = """
def with_noise(wave, decibels, generator):
    noise = {noise}
    factor = {factor}
    {before}
    return {result}
"""
FACTOR = "(wave.square().mean() / noise.square().mean() / 10 ** (decibels / 10)) ** 0.5"


def noisy(
    noise="torch.randn(len(wave), generator=generator)", factor=FACTOR, before="", result="wave + factor * noise"
):
    return NOISY.format(noise=noise, factor=factor, before=before, result=result)


right("13.2", "by norms", noisy(factor="wave.norm() / noise.norm() * 10 ** (-decibels / 20)"))
right(
    "13.2",
    "uniform noise, sample by sample",
    """
def with_noise(wave, decibels, generator):
    noise = 2 * torch.rand(wave.shape, generator=generator) - 1
    target = 10 * wave.pow(2).sum().log10() - decibels
    return torch.stack([w + n for w, n in zip(wave, noise * 10 ** ((target - 10 * noise.pow(2).sum().log10()) / 20))])
""",
)
wrong("13.2", "divided by 20", noisy(factor=FACTOR.replace("/ 10)", "/ 20)")), "decibels of power divide by 10")
wrong("13.2", "divided by 5", noisy(factor=FACTOR.replace("/ 10)", "/ 5)")), "ratio of powers")
wrong("13.2", "no root", noisy(factor=FACTOR.replace(") ** 0.5", ")")), "take a square root")
wrong("13.2", "upside down", noisy(factor=FACTOR.replace("/ 10 **", "* 10 **")), "upside down")
wrong(
    "13.2",
    "the noise's power taken for 1",
    noisy(factor=FACTOR.replace("/ noise.square().mean() ", "")),
    "not 1 exactly",
)
wrong(
    "13.2",
    "the wave's power not used",
    noisy(factor="(1 / 10 ** (decibels / 10)) ** 0.5"),
    "power of the wave is not used",
)
wrong("13.2", "in place", noisy(before="wave += factor * noise", result="wave"), "not left as it came")
wrong("13.2", "the noise alone", noisy(result="factor * noise"), "the wave is missing")
wrong("13.2", "nothing", noisy(result="wave"), "nothing was added")
wrong("13.2", "PyTorch's own numbers", noisy(noise="torch.randn(len(wave))"), "same state")
wrong("13.2", "a seed of its own", noisy(
    noise="torch.randn(len(wave), generator=torch.Generator().manual_seed(5))"
), "another seed")  # fmt: skip
wrong("13.2", "a hum", noisy(
    noise="torch.sin(torch.arange(len(wave)) * 0.1 + torch.rand(1, generator=generator))"
), "neighboring samples")  # fmt: skip
wrong("13.2", "one number", noisy(noise="torch.randn(1, generator=generator).expand(len(wave))"), "the same number")
right("13.2", "signs", noisy(noise="2.0 * torch.randint(0, 2, wave.shape, generator=generator) - 1"))
wrong("13.2", "a factor of power", noisy(factor="wave.norm() / noise.norm() * 10 ** (-decibels / 10)"), "square root")
wrong("13.2", "always ten", noisy(factor=FACTOR.replace("(decibels / 10)", "1")), "10.00 decibels.*should be 20")
wrong("13.2", "upwards only", noisy(factor=FACTOR.replace("decibels", "abs(decibels)")), "should be -6")
wrong("13.2", "not around zero", noisy(noise="torch.rand(wave.shape, generator=generator)"), "mean that is not 0")
wrong(
    "13.2",
    "a short noise again and again",
    noisy(noise="torch.randn(50, generator=generator).repeat(len(wave))[: len(wave)]"),
    "50 samples later|neighboring",
)
wrong("13.2", "it follows the wave", noisy(noise="wave * torch.randn(wave.shape, generator=generator)"), "stronger at")
wrong(
    "13.2",
    "half of the wave",
    noisy(noise="torch.randn(wave.shape, generator=generator) * (torch.arange(len(wave)) < len(wave) // 2)"),
    "stronger at",
)
wrong(
    "13.2",
    "every tenth sample",
    noisy(noise="torch.randn(wave.shape, generator=generator) * (torch.arange(len(wave)) % 10 == 0)"),
    "stronger at",
)
wrong(
    "13.2",
    "there and back",
    noisy(noise="(lambda half: torch.cat([half, half.flip(0)]))(torch.randn(len(wave) // 2, generator=generator))"),
    "backward",
)
LAPLACE = (
    "torch.empty_like(wave).exponential_(generator=generator) * (torch.rand(len(wave), generator=generator) - 0.5)"
)
right("13.2", "heavy tails", noisy(noise=LAPLACE))
wrong(
    "13.2",
    "another generator of the same seed",
    noisy(noise="torch.randn(wave.shape, generator=torch.Generator().manual_seed(generator.initial_seed()))"),
    "second call",
)

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
wrong(
    "13.3",
    "by the voice",
    split("(out if voice.split()[-1] in ('kal', 'slt') else kept).append(i)"),
    "both sides|not these",
)
wrong(
    "13.3", "names, not positions", split("(out if speaker_of[voice] in held_out else kept).append(voice)"), "positions"
)
wrong("13.3", "everything on one side", split("kept.append(i)"), "not these")
wrong("13.3", "some left out", split("speaker_of[voice] in held_out and out.append(i)"), "one of the two lists")
wrong("13.3", "a random tenth", split("(out if i % 10 == 0 else kept).append(i)"), "both sides")
wrong("13.3", "the list is sorted", split("voices.sort()"), "not left as it came")
wrong("13.3", "one list", split(result="kept"), "two lists")
wrong(
    "13.3",
    "a name within a name",
    split("(out if speaker_of[voice] in ''.join(held_out) else kept).append(i)"),
    "not these|both sides",
)
wrong(
    "13.3",
    "a voice called like a speaker",
    split("(out if {voice, speaker_of[voice]} & held_out else kept).append(i)"),
    "not these|both sides",
)
wrong(
    "13.3", "numbers with a point", split(result="list(map(float, kept)), list(map(float, out))"), "one of them has 0.0"
)
wrong("13.3", "nobody is held out any more", split(result="(kept, out, held_out.clear())[:2]"), "other speakers")
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
wrong("13.4", "one count too many", worst(result="a, b, count + 7"), "times, not")
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
wrong("13.4", "nothing is zero", worst(when="a != b and a"), "returns None")
wrong("13.4", "nothing is taken for zero", worst(when="a != b and b"), "returns None")
wrong("13.4", "once is no mistake", worst(choose=LOWEST, result="(a, b, count) if count > 1 else None"), "returns None")
wrong("13.4", "larger taken_for", worst(choose=LOWEST.replace("pair[0])", "pair[0][0], -pair[0][1])")), "taken_for")
wrong("13.4", "all mistakes", worst(result="a, b, sum(pairs.values())"), "2 times, not 4")
wrong("13.4", "the count first", worst(result="count, a, b"), "another order")
wrong("13.4", "a share", worst(result="a, b, count / len(digits)"), "whole number")
