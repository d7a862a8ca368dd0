"""The exercises of notebook 18: receptive fields."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import torch

from d2lhelpers.course.checking import Incorrect, call, choice, number, shown, tensor, unchanged, whole_number
from d2lhelpers.course.exercise import exercise

Window = tuple[int, int, int]
STEM, STAGES = [(7, 2, 3), (3, 2, 1)], [(3, 1, 1)] * 4 + 3 * ([(3, 2, 1)] + [(3, 1, 1)] * 3)


@exercise(
    "18.1",
    "The stem for small images",
    difficulty=2,
    minutes=15,
    names=("small_stem_field", "small_stem_jump", "small_stem_last_side", "small_stem_idle", "my_reason"),
    hints=(
        "`receptive_fields` takes the windows one by one. `stage_windows` stays as it is; which list takes the place "
        "of `stem_windows`?",
        "`receptive_fields([(3, 1, 1)] + stage_windows)[-1]` has the first two numbers. For the sides, halve 28 three "
        "times and round up.",
        "A weight is idle if its place of the window meets only padding. On maps of 4×4, with a window whose middle "
        "visits every position: does the upper left place ever meet a pixel? And in the convolution from 7×7 to 4×4?",
    ),
)
def check_small_stem(field: Any, jump: Any, last_side: Any, idle: Any, reason: Any) -> None:
    """Numbers by the recursion, and what they would be with one mistake at a time."""
    stages, old = STAGES, STEM
    small, pool = [(3, 1, 1)], [(3, 2, 1)]
    stage_1_halves = small + 4 * ([(3, 2, 1)] + [(3, 1, 1)] * 3)
    one_block = small + [(3, 1, 1)] * 2 + 3 * [(3, 2, 1), (3, 1, 1)]
    right_field, right_jump = _field(small + stages)
    kept_pool = "the max-pool is still among the windows; this stem has a single convolution"
    field_causes = {
        _field(old + stages)[0]: "that is the field of the notebook's net; put the window (3, 1, 1) for its stem's two",
        _field(small + pool + stages)[0]: kept_pool,
        _field(stages)[0]: "the stem is missing; its 3×3 convolution is a window too",
        _field(stage_1_halves)[0]: "stage 1 has no window with stride 2; its first block is like the others",
        _field(one_block)[0]: "a stage has two blocks of two convolutions, so four windows; you have two",
        _field(small + stages, jump_first=True)[
            0
        ]: "a window's own stride counts for the layers after it, not for itself",
        28: "the image has 28 pixels, but the recursion also counts what lies outside; it does not stop at the edge",
        (right_field - 1) // 2: "that is how far it sees to one side; the field has both sides and the pixel itself",
        right_field**2: "that is the area; the side of the square is asked",
    }
    _check_number(
        field,
        "small_stem_field",
        right_field,
        field_causes,
        "which windows does an image pass here, from the stem to the end of stage 4?",
    )
    jump_causes = {
        32: "that is the notebook's net; the new stem has no stride of 2, so two factors of 2 are gone",
        16: "that doubles four times; with this stem three parts have a stride of 2, the stages 2, 3 and 4",
        4: "three stages halve the sides, and each of them doubles the distance",
        2: "that is what one stage does; three stages halve the sides",
        1: "the stem has stride 1, but stages 2, 3 and 4 have a stride of 2 each",
    }
    _check_number(
        jump,
        "small_stem_jump",
        right_jump,
        jump_causes,
        "how far apart are two neighbors after each layer with stride 2?",
    )
    side_causes = {
        3: "an odd side is rounded up when it is halved here: 7 becomes more than 3",
        1: "that is the notebook's net; the new stem leaves 28×28 as it is",
        2: "three stages halve the sides; you halve four times",
        7: "that is after stage 3; stage 4 halves once more",
    }
    if number(last_side, "small_stem_last_side") == 3.5:
        raise Incorrect("small_stem_last_side is 3.5; sides are whole numbers. Which way does the rule round?")
    _check_number(last_side, "small_stem_last_side", 4, side_causes, "apply the rule for sides to 28 in every layer")
    conv = 512 * 512
    idle_causes = {
        3 * 8 * conv + 5 * 256 * 512: "that is the count for the notebook's stem, whose last maps are 1×1",
        5
        * 256
        * 512: "the convolution from 7×7 to 4×4 has its middle at 0, 2, 4, 6: left and right of these are pixels",
        8: "that is places of a window on a 1×1 map; here the maps of stage 4 are larger",
        9: "count weights that meet only padding; you counted the places of a window",
        3 * 5 * conv: "a place at the edge of the window meets padding at some positions, and pixels at all others",
    }
    meets = "a weight that meets a pixel at one position, and padding at all others, is not idle"
    if 0 < number(idle, "small_stem_idle") < 1:
        raise Incorrect(f"small_stem_idle is {shown(idle)}, a share; a number of weights is asked")
    _check_number(idle, "small_stem_idle", 0, idle_causes, meets)
    wrong = {
        "a": "the notebook's stem has more weights, but nothing is shared out: a weight is idle for what it meets",
        "c": "then the notebook's net would have no idle weight either, for its field of 435 is larger still",
        "d": "each 3×3 convolution of stage 4 puts a border of zeros around its own maps, whatever the stem does",
        "e": "the stride says how far the window moves; in the notebook's net the 3×3 windows overlap in the same way",
    }
    choice(reason, "my_reason", "b", wrong)


@exercise(
    "18.2",
    "From pixel to pixel",
    difficulty=2,
    minutes=15,
    names=("pixels_seen",),
    hints=(
        "The last row of `receptive_fields(windows)` has all that you need: field, distance of neighbors, and reach.",
        "Without edges, position 0 sees the columns from `-reach` to `-reach + field - 1`, and each further position "
        "sees `jump` columns more to the right.",
        "The image ends on both sides: `max(0, ...)` for the first column, `min(side - 1, ...)` for the last.",
    ),
)
def check_pixels_seen(pixels_seen: Any) -> None:
    """ResNet-18, then random stacks of windows with little padding or much, against a walk through the windows."""
    cases, answers = _stacks(), []
    for windows, side, i in cases:
        given = list(windows)
        with unchanged(given, "windows"):
            answers.append(_pair(call(pixels_seen, given, side, i)))
    right = [_seen_by_walking(windows, side, i) for windows, side, i in cases]
    if answers == right:
        return
    at = next(k for k in range(len(cases)) if answers[k] != right[k])
    windows, side, i = cases[at]
    causes = zip(*(_mistakes_of_seen(*case) for case in cases))  # a cause explains all answers
    fit = [told[0][1] for told in causes if [wrong for wrong, _ in told] == answers]
    said = f"pixels_seen({_in_short(windows)}, {side}, {i}) = {answers[at]}"
    raise Incorrect(f"{said} is not it; {[*fit, f'expected {right[at]}'][0]}")


@exercise(
    "18.3",
    "Windows with holes",
    difficulty=2,
    minutes=10,
    names=("field_with_dilation", "dilated_field"),
    hints=(
        "The formula of section 1 has the dilation in it.",
        "A window of 3 with dilation 2 spans 5 positions: two steps of two, each `jump` pixels long.",
        "`field += (kernel_size - 1) * dilation * jump`, and then `jump *= stride`.",
    ),
)
def check_field_with_dilation(field_with_dilation: Any, dilated_field: Any) -> None:
    """Random stacks of windows, against a walk through the windows; then the number."""
    chance = random.Random(183)
    cases = [[], [(3, 1, 2)], [(5, 1, 3)], [(5, 2, 3), (3, 1, 1)], [(1, 2, 4), (3, 1, 3)]]
    cases += [
        [(chance.choice((1, 2, 3, 5)), chance.choice((1, 2, 3)), chance.choice((1, 2, 4))) for _ in range(5)]
        for _ in range(6)
    ]
    answers = []
    for windows in cases:
        with unchanged(windows, "windows"):
            answers.append(whole_number(call(field_with_dilation, windows), f"the field after {windows}"))
    right = [_field_by_walking(windows) for windows in cases]
    span = "k places with d - 1 free between them span (k - 1)·d + 1 positions, not k·d"
    causes: list[tuple[Callable[[list[Window]], int], str]] = [
        (lambda w: _dilated(w, lambda k, d: k - 1), "the dilation is not used"),
        (lambda w: _dilated(w, lambda k, d: k * d - 1), span),
        (lambda w: _dilated(w, lambda k, d: k * d), span),
        (lambda w: _dilated(w, lambda k, d: (k - 1) * (d + 1)), "dilation 1 leaves no place free, so the steps are d "
         "and not d + 1"),
        (lambda w: _dilated(w, _steps, stride_first=True), "a window's own stride counts for the windows after it, "
         "not for itself"),
        (lambda w: _dilated([(k, 1, d) for k, _, d in w], _steps), "the strides before a window make its steps "
         "longer in pixels"),
        (lambda w: _dilated([(k, d, s) for k, s, d in w], _steps), "stride and dilation have changed places; of the "
         "three numbers of a window, the dilation is the last"),
        (lambda w: _field_by_walking(w) - 1, "start with 1, for without a window a position sees its own pixel"),
    ]  # fmt: skip
    if answers != right:
        at = next(k for k in range(len(cases)) if answers[k] != right[k])
        fit = [cause for mistake, cause in causes if [mistake(windows) for windows in cases] == answers]
        said = f"field_with_dilation({cases[at]}) = {answers[at]}; expected {right[at]}"
        raise Incorrect(": ".join([said, *fit[:1]]))
    causes_of_number = {
        7: "that is without dilation",
        29: "a window of 3 with dilation 2 spans 5 positions, with dilation 4 nine",
        9: "that is the last of the three alone; the others come before it",
    }
    _check_number(dilated_field, "dilated_field", 15, causes_of_number, "call your function for the three windows")


def _field(windows: list[tuple[int, int, int]], jump_first: bool = False) -> tuple[int, int]:
    """Return the side of the receptive field, and the distance of neighbors."""
    field = jump = 1
    for kernel_size, stride, _ in windows:
        field += (kernel_size - 1) * jump * (stride if jump_first else 1)
        jump *= stride
    return field, jump


def _check_number(value: Any, name: str, right: int, causes: dict[int, str], advice: str) -> None:
    found = whole_number(value, name)
    if found != right:
        raise Incorrect(f"{name} = {found:,} is not it: {causes.get(found, advice)}")


def _reach(windows: list[Window]) -> int:
    reach, jump = 0, 1
    for _, stride, padding in windows:
        reach += padding * jump
        jump *= stride
    return reach


def _stacks() -> list[tuple[list[Window], int, int]]:
    """Return stacks of windows, with the side of an image and a position that sees some of it.

    Where a stride leaves columns over at the right of a map on the way, formula and net may disagree: left out.
    """
    cases = [(STEM + STAGES, 224, i) for i in (0, 1, 6)]
    cases += [(STEM, 224, 30), ([(3, 1, 0), (3, 2, 0)], 20, 0), ([(3, 1, 0), (3, 2, 0)], 20, 7), ([(1, 1, 0)], 5, 4)]
    chance = random.Random(182)
    while len(cases) < 20:
        windows, sides = [], [60]
        for _ in range(chance.randint(1, 4)):
            kernel_size = chance.choice((2, 3, 4, 5))
            windows.append((kernel_size, chance.choice((1, 2, 3)), chance.randint(0, kernel_size - 1)))
            sides.append((sides[-1] + 2 * windows[-1][2] - kernel_size) // windows[-1][1] + 1)
        if sides[-1] < 1:
            continue
        i = chance.randrange(sides[-1])
        first, last = _seen_by_walking(windows, sides[0], i)
        if first <= last and (first, last) == _seen_by_walking(windows, sides[0], i, sides):
            cases.append((windows, sides[0], i))
    return cases


def _seen_by_walking(windows: list[Window], side: int, i: int, sides: list[int] | None = None) -> tuple[int, int]:
    """Return the first and last column that position i sees, from the last window back to the image.

    With the sides of all maps, no step leaves the map that it lands on.
    """
    first = last = i
    for at, (kernel_size, stride, padding) in reversed(list(enumerate(windows))):
        first, last = first * stride - padding, last * stride - padding + kernel_size - 1
        if sides:
            first, last = max(0, first), min(sides[at] - 1, last)
    return max(0, first), min(side - 1, last)


def _mistakes_of_seen(windows: list[Window], side: int, i: int) -> list[tuple[tuple[int, int], str]]:
    """Return what mistakes give, and which they are in words."""
    field, jump = _field(list(windows))
    reach = _reach(windows)
    start = jump * i - reach

    def cut(first: int, last: int) -> tuple[int, int]:
        return max(0, first), min(side - 1, last)

    return [
        (cut(start, start + field - 1)[::-1], "the two are in the wrong order: (first, last)"),
        ((start, start + field - 1), "the image ends: columns below 0 or above side - 1 do not exist"),
        ((max(0, start), start + field - 1), "the image ends: its last column is side - 1"),
        ((start, min(side - 1, start + field - 1)), "the image begins at column 0"),
        ((max(0, start), min(side, start + field - 1)), "columns are counted from 0, so the last one is side - 1"),
        (cut(start, start + field), "the last column is one too far: a field of r columns ends r - 1 after its first"),
        (cut(start, jump * i + reach), "to the right it need not see as far as to the left: use the field"),
        (
            cut(jump * i - field // 2, jump * i + field // 2),
            "to the left it sees as far as the reach, not half the field",
        ),
        (cut(jump * i, jump * i + field - 1), "the padding is missing: the field begins `reach` columns further left"),
        (cut(i - reach, i - reach + field - 1), "positions of the last map are several columns apart, the distance"),
    ]


def _steps(kernel_size: int, dilation: int) -> int:
    return (kernel_size - 1) * dilation


def _field_by_walking(windows: list[tuple[int, int, int]]) -> int:
    """Return how many pixels lie between the first and the last that position 0 sees."""
    last = 0
    for kernel_size, stride, dilation in reversed(windows):
        last = last * stride + (kernel_size - 1) * dilation
    return last + 1


def _dilated(windows: list[tuple[int, int, int]], step: Callable[[int, int], int], stride_first: bool = False) -> int:
    field = jump = 1
    for kernel_size, stride, dilation in windows:
        field += step(kernel_size, dilation) * jump * (stride if stride_first else 1)
        jump *= stride
    return field


def _pair(value: Any) -> tuple[int, int]:
    """Return a pair of whole numbers."""
    if isinstance(value, torch.Tensor) or type(value).__module__ == "numpy":
        value = tensor(torch.as_tensor(value), None, "what pixels_seen returns").tolist()
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        raise Incorrect(f"pixels_seen should return two numbers, (first, last); it returns {shown(value)}")
    first, last = (whole_number(each, "a number that pixels_seen returns") for each in value)
    return first, last


def _in_short(windows: list[Window]) -> str:
    return "resnet18's windows" if windows == STEM + STAGES else str(windows)
