"""The exercises of notebook 13: sound."""

from __future__ import annotations

import math
import random
from typing import Any

import torch

from d2lhelpers.course.checking import Incorrect, call, choice, number, shown, tensor, unchanged, whole_number
from d2lhelpers.course.exercise import exercise


@exercise(
    "13.1",
    "Frames and bands",
    difficulty=1,
    minutes=10,
    names=("num_frames", "bin_width", "bands_below_1000", "my_reason"),
    hints=(
        "How many samples has 0.6 seconds? A frame begins at sample 0, and then one every 96 samples, as long as there "
        "are samples; `torch.stft` adds half a window of zeros on both sides, so that the last ones are whole.",
        "The Fourier transform of 512 points cuts the 8,000 Hz of the sample rate into 512 equal steps.",
        "In mel, the tops are evenly spaced: the first at `mel(4000) / 41`, the second at twice that. How many of "
        "these steps fit into `mel(1000)`?",
    ),
)
def check_frames_and_bands(num_frames: Any, bin_width: Any, bands_below_1000: Any, reason: Any) -> None:
    """Numbers, and what they would be with one mistake at a time; then what follows from them."""
    frames = whole_number(num_frames, "num_frames") if number(num_frames, "num_frames") % 1 == 0 else num_frames
    causes = {
        50: "these are the steps from frame to frame; there is one frame more than steps",
        24: "the next frame begins 96 samples later, not 200: frames overlap",
        25: "the next frame begins 96 samples later, not 200: frames overlap",
        9: "512 is the length of the Fourier transform; the next frame begins 96 samples later",
        10: "512 is the length of the Fourier transform; the next frame begins 96 samples later",
        48: "torch.stft pads both ends, so frames begin up to the last sample, also where no whole window is left",
        64: "that is what the word is filled up to; how many frames does the sound itself give?",
        4800: "that is the number of samples",
    }
    _check("num_frames", frames, 51, causes, "count the multiples of 96 from 0 to the number of samples")
    causes = {
        8000 / 200: "the window has 200 samples, but zeros fill it up to 512 before the Fourier transform",
        4000 / 512: "512 steps cover the whole 8,000 Hz; the half up to 4,000 Hz has 256 of them",
        8000 / 96: "96 is the hop, from frame to frame; the Fourier transform has 512 points",
        4000 / 40: "that is what 40 even bands would have; bin_width is the step before the mel filters",
        512 / 8000: "that is upside down: Hz per step are asked",
    }
    causes |= dict.fromkeys((15.6, 15.62, 15.63, 16), "that looks rounded; leave the quotient as it is")
    _check("bin_width", bin_width, 15.625, causes, "divide the sample rate by the number of points")
    below = number(bands_below_1000, "bands_below_1000")
    if 18.9 < below < 20 and below % 1:
        raise Incorrect(f"bands_below_1000 is {below:g}; tops are counted, so it is a whole number")
    causes = {
        10: "that would be so if the bands were even in Hz; they are even in mel",
        18: "the first top is at one step, so the 19th is at 19 steps, still below 1,000 Hz",
        20: "the 20th top is at 20 steps of mel(4000) / 41, which is above mel(1000)",
        21: "the tops above 1,000 Hz are 21; those below are asked",
    }
    _check("bands_below_1000", below, 19, causes, "how many steps of mel(4000) / 41 fit into mel(1000)?")
    wrong = {
        "a": "the filters have no weights that are learned, and the number of bands stays 40",
        "c": "a sound is as loud in Hz as in mel; the filters do not sort by loudness",
        "d": "nothing is lost: the bands above 1,000 Hz are wider, and together they cover it to 4,000 Hz",
        "e": "time is cut into frames before; the mel scale is about frequencies only",
    }
    choice(reason, "my_reason", "b", wrong)


@exercise(
    "13.2",
    "So many decibels of noise",
    difficulty=2,
    minutes=10,
    names=("with_noise",),
    hints=(
        "Begin with `noise = torch.randn(wave.shape, generator=generator)`. What does it have to be multiplied by?",
        "The power of a wave is the mean of its squares. `d` decibels are a ratio of powers of `10 ** (d / 10)`.",
        "The noise should have the power `wave.square().mean() / 10 ** (decibels / 10)`. It has "
        "`noise.square().mean()`, and power goes with the square of the factor.",
    ),
)
def check_with_noise(with_noise: Any) -> None:
    """Waves of several lengths and powers; what was added is judged by its power."""
    state = torch.get_rng_state()
    for seed, (samples, size, decibels) in enumerate(
        [(4000, 0.3, 10), (900, 0.02, 20.0), (3000, 0.5, 0), (1000, 0.1, -6)]
    ):
        wave = size * torch.randn(samples, generator=torch.Generator().manual_seed(132 + seed)).cumsum(0).sin()
        with unchanged(wave, "wave"):
            generator = torch.Generator().manual_seed(1)
            found = _noisy(with_noise, wave, decibels, generator)
        noise = found - wave
        if not noise.any():
            raise Incorrect("nothing was added: with_noise returns the wave as it came")
        signal, power, all_power = (part.double().square().mean().item() for part in (wave, noise, found))
        ratio = 10 * math.log10(signal / power)
        if abs(ratio - decibels) > 0.01:
            said = f"with_noise(wave, {decibels}, generator) has a signal {ratio:.2f} decibels above its noise"
            own = torch.randn(wave.shape, generator=torch.Generator().manual_seed(1)).double().square().mean().item()
            loud, own = 10 * math.log10(signal), 10 * math.log10(own)
            causes = [
                (2 * decibels, "10 ** (decibels / 10) is a ratio of powers; the factor of the noise is a square root"),
                (decibels / 2, "decibels of power divide by 10; by 20 is for sizes, whose square is the power"),
                (-decibels, "the ratio is upside down: the more decibels, the weaker the noise"),
                (decibels - own, "the noise's own power is not 1 exactly; divide by what it is"),
                (loud + decibels, "the power of the wave is not used; a weak wave needs weak noise"),
                (loud + decibels - own, "the power of the wave is not used"),
                (2 * decibels - loud + own, "power goes with the square of the factor, so take a square root"),
            ]
            if seed:  # the first wave was right, so none of these is the mistake
                causes = []
            if all_power and abs(loud - 10 * math.log10(all_power) - decibels) < 0.01:
                raise Incorrect("what comes back is the noise alone, as strong as it should be; the wave is missing")
            near = [cause for wrong, cause in causes if abs(ratio - wrong) < 0.01]
            raise Incorrect(f"{said}; {near[0] if near else f'it should be {decibels}'}")
        _check_white(noise.double(), wave.double())
        if not torch.equal(found, _noisy(with_noise, wave, decibels, torch.Generator().manual_seed(1))):
            raise Incorrect("with a generator in the same state, the noise differs; it should come from that generator")
        if torch.equal(found, _noisy(with_noise, wave, decibels, torch.Generator().manual_seed(2))):
            raise Incorrect("with a generator of another seed, the noise is the same; is one made inside the function?")
        if torch.equal(found, _noisy(with_noise, wave, decibels, generator)):
            raise Incorrect(
                "a second call with the same generator gives the same noise; draw from it, and do not reset it"
            )
    if not torch.equal(state, torch.get_rng_state()):
        raise Incorrect("the generator should draw all random numbers; PyTorch's own was used as well")


def _noisy(function: Any, wave: torch.Tensor, decibels: float, generator: torch.Generator) -> torch.Tensor:
    result = call(function, wave, decibels, generator)
    return tensor(result, tuple(wave.shape), "what with_noise returns")


def _check_white(noise: torch.Tensor, wave: torch.Tensor) -> None:
    """No sample of white noise tells anything about another one, nor the wave about it."""
    size = noise.square().mean().sqrt()
    if noise.std() < 0.01 * size:
        raise Incorrect("the same number is added to every sample; draw a number for each")
    alike = _alike(noise)
    lag = 1 + int(alike[1:].argmax())
    if max(alike[1:5]) > 0.4 or (alike[lag] > 0.25 and lag < 5):
        raise Incorrect("neighboring samples of the noise depend on each other; draw a number for each sample")
    if alike[lag] > 0.25:
        raise Incorrect(f"the noise is much the same again {lag} samples later; draw a number for each sample")
    around = noise - noise.mean()
    if abs(around @ around.flip(0)) > 0.25 * (around @ around):
        raise Incorrect("the second half of the noise is the first one backward; draw a number for each sample")
    if abs(noise.mean()) > 0.25 * size:
        raise Incorrect("the numbers of the noise have a mean that is not 0; white noise lies around 0")
    powers = [part.square().mean() for part in noise.chunk(4)]
    uneven = max(powers) > 4 * min(powers)
    loud = noise.abs()
    if loud.std() > 0.01 * size:
        with_wave = torch.corrcoef(torch.stack([loud, wave.abs()]))[0, 1]
        uneven = uneven or abs(with_wave) > 0.25 or max(_alike(loud)[1:]) > 0.3
    if uneven:
        raise Incorrect("the noise is stronger at some places of the wave than at others; it should be even")


def _alike(X: torch.Tensor) -> torch.Tensor:
    """How much a row of numbers, around its mean, is like itself moved by 0, 1, 2, ... places: 1 is the same."""
    spectrum = torch.fft.rfft(X - X.mean()).abs().square()
    alike = torch.fft.irfft(spectrum, n=len(X))[: len(X) // 2].abs()
    return alike / alike[0]


@exercise(
    "13.3",
    "One speaker, one side",
    difficulty=2,
    minutes=10,
    names=("split_by_speaker", "my_question"),
    hints=(
        "`speaker_of[voice]` is the person behind a voice. Decide for each position by that, not by the voice's name.",
        "Walk through `enumerate(voices)` and put each position into one of two lists.",
        "The letter: which of the questions asks whether somebody's voice was in training already?",
    ),
)
def check_split_by_speaker(split_by_speaker: Any, question: Any) -> None:
    """Random voices, several of one speaker; then the skeptic's question."""
    chance = random.Random(133)
    speaker_of = {"flite kal": "Kevin", "flite kal16": "Kevin", "festival kal": "Kevin", "flite slt": "S"}
    speaker_of |= {"festival slt": "S", "flite awb": "Alan", "flite rms": "R", "festival ked": "Kurt", "kal": "another"}
    speaker_of |= {"al": "Al", "R": "Kay"}  # a name within a name, and a voice that is called like another's speaker
    for held_out in ({"Kevin"}, {"S", "Alan"}, {"R", "Kurt", "another"}, {"Al"}, set()):
        voices = [chance.choice(list(speaker_of)) for _ in range(40)]
        given, names, out_of_it = list(voices), dict(speaker_of), set(held_out)
        with unchanged(given, "voices"), unchanged(names, "speaker_of"):
            result = call(split_by_speaker, given, names, out_of_it)
        if out_of_it != held_out:
            raise Incorrect("held_out is not left as it came: it has other speakers. Work on a copy.")
        if not isinstance(result, (tuple, list)) or len(result) != 2:
            raise Incorrect(f"split_by_speaker should return two lists of positions; it returns {shown(result)}")
        kept, out = (_positions(part) for part in result)
        right = [i for i, voice in enumerate(voices) if speaker_of[voice] in held_out]
        rest = [i for i in range(len(voices)) if i not in right]
        if (kept, out) == (rest, right):
            continue
        if (kept, out) == (right, rest):
            raise Incorrect(
                "the two lists are in the wrong order: first the recordings to train on, then those held out"
            )
        both = {speaker_of[voices[i]] for i in kept if i < 40} & {speaker_of[voices[i]] for i in out if i < 40}
        if sorted(kept) == rest and sorted(out) == right:
            raise Incorrect("the positions should be in the order of the recordings")
        if sorted(kept + out) != list(range(40)):
            raise Incorrect("every position from 0 should be in one of the two lists, and in no more than one")
        if both:
            raise Incorrect(
                f"with {sorted(held_out)} held out, {sorted(both)[0]} is on both sides; decide by the speaker"
            )
        raise Incorrect(f"with {sorted(held_out)} held out, the speakers on the second side are not these")
    wrong = {
        "a": "many recordings help little if they are of the same few voices",
        "b": "a confusion matrix shows which digits are mistaken, not whether the test is a fair one",
        "d": "the depth of the net does not make a test fair or unfair",
        "e": "a seed more tells how much luck is in it, but every seed would profit from known voices",
    }
    choice(question, "my_question", "c", wrong)


def _positions(part: Any) -> list[int]:
    part = part.tolist() if hasattr(part, "tolist") else part
    if not isinstance(part, (list, tuple, set, range)):
        raise Incorrect(f"split_by_speaker should return two lists of positions; one of them is {shown(part)}")
    found = []
    for position in part:
        if isinstance(position, (str, float)):
            what = f"one of them has {shown(position)}"
            raise Incorrect(f"the lists should have positions, whole numbers from 0; {what}")
        found.append(whole_number(position, "a position"))
    return found


@exercise(
    "13.4",
    "What is taken for what",
    difficulty=1,
    minutes=10,
    names=("worst_confusion",),
    hints=(
        "Only the places where `digits != predicted` count. What is the commonest pair there?",
        "`confusion(digits, predicted)` of Section 5 counts all pairs; set its diagonal to zero.",
        "`divmod(position, 10)` gives row and column of the flattened matrix's largest entry; `argmax` finds the "
        "first of equal ones, which is the pair that is asked for.",
    ),
)
def check_worst_confusion(worst_confusion: Any) -> None:
    """Random predictions, ties, and no mistake at all."""
    generator = torch.Generator().manual_seed(134)
    digits = torch.randint(0, 10, (300,), generator=generator)
    noisy = torch.where(
        torch.rand(300, generator=generator) < 0.4, torch.randint(0, 10, (300,), generator=generator), digits
    )
    one_way = (torch.tensor([5, 5, 5, 9, 9, 1, 1, 1, 1, 3]), torch.tensor([9, 9, 5, 5, 9, 1, 1, 1, 1, 4]))
    zeros = [(torch.tensor([0, 1, 1]), torch.tensor([3, 1, 1])), (torch.tensor([6, 6, 2]), torch.tensor([0, 0, 2]))]
    tie = (torch.tensor([7, 2, 2, 7, 3]), torch.tensor([1, 8, 8, 1, 3]))
    tie_in_row = (torch.tensor([4, 4, 4, 4, 0]), torch.tensor([6, 5, 6, 5, 0]))
    for true, said in (one_way, (digits, noisy), tie, tie_in_row, *zeros):
        given = true.clone(), said.clone()
        with unchanged(list(given), "what it was given"):
            result = call(worst_confusion, *given)
        if result is None:
            raise Incorrect("there are mistakes, but worst_confusion returns None")
        found = _triple(result)
        matrix = torch.zeros(10, 10, dtype=torch.int64)
        for a, b in zip(true.tolist(), said.tolist()):
            matrix[a, b] += a != b
        right = (*divmod(matrix.argmax().item(), 10), matrix.max().item())
        if found == right:
            continue
        pairs = [(a, b, matrix[a, b].item()) for a in range(10) for b in range(10)]
        of_both = (matrix + matrix.T)[found[:2]].item() if {*found[:2]} <= {*range(10)} else 0
        if found[0] == found[1]:
            raise Incorrect(f"{found} is no mistake: there the digit was understood; leave the diagonal out")
        if found == (right[1], right[0], right[2]):
            raise Incorrect(
                "the pair is the wrong way around: first the digit that was said, then what it was taken for"
            )
        if found in pairs and found[2] == right[2]:
            first = "smaller digit" if found[0] != right[0] else "smaller taken_for"
            raise Incorrect(f"{found} is as frequent as {right}; of equal ones, the {first} comes first")
        if found[:2] == right[:2] and found[2] != of_both:
            raise Incorrect(f"the pair {found[:2]} is right, but it occurs {right[2]} times, not {found[2]}")
        if sorted(found) == sorted(right):
            raise Incorrect(f"{found} has the right numbers in another order; it should be {right}")
        if found[2] == of_both and matrix[found[:2]] and matrix[found[1], found[0]]:
            raise Incorrect(f"{found} counts both directions; 5 taken for 9 and 9 taken for 5 are two kinds of mistake")
        raise Incorrect(f"{found} is not the most frequent mistake; that is {right}")
    nothing = call(worst_confusion, torch.arange(10), torch.arange(10))
    if nothing is not None:
        raise Incorrect(f"without a mistake it should return None; it returns {shown(nothing)}")


def _triple(value: Any) -> tuple[int, int, int]:
    if isinstance(value, torch.Tensor):
        value = value.tolist()
    if not isinstance(value, (tuple, list)) or len(value) != 3:
        raise Incorrect(f"worst_confusion should return (digit, taken_for, count); it returns {shown(value)}")
    first, second, third = (whole_number(each, "a number that worst_confusion returns") for each in value)
    return first, second, third


def _check(name: str, value: Any, right: float, causes: dict[float, str], advice: str) -> None:
    """Compare a number, with a cause for each that comes from a mistake."""
    found = number(value, name)
    if abs(found - right) < 1e-6 * abs(right):
        return
    cause = next((text for wrong, text in causes.items() if abs(found - wrong) < 2e-4 * wrong), advice)
    raise Incorrect(f"{name} = {found:g} is not it: {cause}")
