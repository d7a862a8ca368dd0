"""The notebooks as pages: complete, recorded, linked, readable without eyes. nbval runs their cells."""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import math
import re
import sys
from pathlib import Path

import nbformat
import pytest
import torch

import d2lhelpers

sys.path.append(str(Path(__file__).parent.parent / "tools"))
import contents

ROOT = Path(__file__).parent.parent
PATHS = sorted((ROOT / "notebooks").glob("*.ipynb"))
COLAB_CELL = next(
    cell for cell in nbformat.read(PATHS[0], as_version=4).cells if "colab" in cell.metadata.get("tags", [])
)

FIGURE = r"\*\*Figure (\d+\.\d+)\.\*\*"
OURS = {"exercise", "check", "exhibit"}

each_notebook = pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)


def cells(path: Path, kind: str | None = None) -> list:
    return [cell for cell in nbformat.read(path, as_version=4).cells if kind in (None, cell.cell_type)]


def prose(path: Path) -> str:
    return "\n".join(cell.source for cell in cells(path, "markdown"))


def tags(cell) -> list[str]:
    return cell.metadata.get("tags", [])


def test_the_core_course_is_there():
    assert [path.stem[:2] for path in PATHS][:1] == ["00"]
    assert {"00", "01", "03", "05", "06", "07", "08"} <= {path.stem[:2] for path in PATHS}


@each_notebook
def test_it_opens_without_asking_for_a_kernel(path):
    metadata = nbformat.read(path, as_version=4).metadata
    assert metadata["kernelspec"]["name"] == "python3"
    nbformat.validate(nbformat.read(path, as_version=4))


@each_notebook
def test_its_header_says_what_a_reader_needs_to_know(path):
    header = cells(path)[0].source
    assert header.startswith("# ")
    for part in ("**The question:**", "**You will be able to**", "**You need**", "**Time:**"):
        assert part in header, f"the header lacks {part}"
    assert re.search(r"reading and running \d+ min(utes)?, exercises \d+ min", header)
    assert re.search(r"in\s+about\s+\d+\s+seconds", header), "the header does not say how many seconds it runs"


def body(path: Path) -> list:
    """Return the cells before the exercises, without the header."""
    return contents.body(cells(path))


def reading_minutes(path: Path) -> float:
    """Return the minutes of a reader who runs everything, as the tables of contents count them."""
    return contents.reading_minutes(cells(path))


@each_notebook
def test_its_minutes_are_those_of_a_reader(path):
    stated = int(re.search(r"reading and running (\d+) min", cells(path)[0].source)[1])
    assert abs(stated - reading_minutes(path)) <= 5, f"{reading_minutes(path):.0f} minutes by this count"
    assert stated <= 60


def test_the_main_path_can_be_read_and_run_in_six_hours():
    assert sum(reading_minutes(path) for path in PATHS if path.stem[:2] <= "08") <= 360


@each_notebook
def test_the_minutes_of_its_exercises_add_up(path):
    minutes = [int(found) for found in re.findall(r"\*Difficulty: [●○]{3}, (\d+) minutes", prose(path))]
    stated = int(re.search(r"exercises (\d+) min", cells(path)[0].source)[1])
    assert stated == sum(minutes)


@each_notebook
def test_its_figures_are_folded_and_numbered(path):
    number, following = str(int(path.stem[:2])), cells(path)[1:]
    captions = []
    for cell, after in zip(cells(path), following):
        if cell.cell_type == "code" and re.search(r"show_figure\(|show_drawing\(", cell.source):
            if "def " not in cell.source and "widget" not in tags(cell) and not OURS & set(tags(cell)):
                assert "hide-input" in tags(cell), f"a cell that only draws is not folded: {cell.source[:80]}"
                assert re.match(FIGURE, after.source), f"a figure without number and caption: {cell.source[:80]}"
        captions += re.findall(FIGURE, cell.source, flags=re.MULTILINE) if cell.cell_type == "markdown" else []
    assert captions == [f"{number}.{i + 1}" for i in range(len(captions))]
    for cell in cells(path, "code"):
        assert cell.metadata.get("jupyter", {}).get("source_hidden", False) == ("hide-input" in tags(cell))


MACHINERY = r"as_published|strict=|except KeyboardInterrupt|set_num_threads|:=|^\s*\w+ = lambda|if trained:|^\s*global "


@each_notebook
def test_its_lesson_is_free_of_machinery(path):
    for cell in body(path):
        if cell.cell_type == "code":
            found = re.findall(MACHINERY, cell.source, flags=re.MULTILINE)
            assert not found, f"{found} in a lesson: {cell.source[:80]}"


BRITISH = (
    r"\b(\w*colour\w*|grey\w*|\w*ptimis(e|ing|ation)\w*|\w*ormalis(e|ing|ation)\w*|\w*nitialis(e|ing|ation)\w*|neighbour\w*"
    r"|behaviour\w*|centre\w*|sceptic\w*|mend(s|ed|ing)?|whoever|favour\w*|\w*eneralis(e|ing|ation)\w*|recognis\w*|labell\w*)\b"
)


@each_notebook
def test_it_is_in_american_english(path):
    text = re.sub(r"`[^`]*`|\]\([^)]*\)", "", prose(path))
    found = [match[0] for match in re.finditer(BRITISH, text, flags=re.IGNORECASE)]
    assert not found


@each_notebook
def test_its_links_lead_somewhere(path):
    for target in re.findall(r"\]\(([^)#\s]+)\)", prose(path)):
        if not target.startswith("http"):
            assert (path.parent / target).exists(), f"{path.name} links to {target}, which is not there"


@each_notebook
def test_it_links_to_its_neighbors_at_both_ends(path):
    position = PATHS.index(path)
    markdown = cells(path, "markdown")
    for neighbor in PATHS[max(position - 1, 0) : position] + PATHS[position + 1 : position + 2]:
        assert f"({neighbor.name})" in markdown[0].source and f"({neighbor.name})" in markdown[-1].source


@each_notebook
def test_it_was_recorded_top_to_bottom_without_an_error(path):
    code = [cell for cell in cells(path, "code") if cell.source.strip()]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    assert not [output for cell in code for output in cell.outputs if output.output_type == "error"]
    assert not [output for cell in code for output in cell.outputs if output.get("name") == "stderr"]


@each_notebook
def test_no_path_of_the_recording_machine_is_left_in_it(path):
    text = path.read_text(encoding="utf-8")
    assert str(ROOT) not in text and "/tmp/" not in text and "ipykernel_" not in text


@each_notebook
def test_every_picture_has_a_text_alternative(path):
    for cell in cells(path):
        if cell.cell_type == "markdown":
            for alt in re.findall(r"!\[([^\]]*)\]\(", cell.source):
                assert alt.strip()
            continue
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if any(kind.startswith("image/") for kind in data):
                assert re.search(r'alt="[^"]{20,}"', data.get("text/html", "")), (
                    f"no alt text after: {cell.source[:80]}"
                )


@each_notebook
def test_every_claim_is_compared_with_its_recorded_verdict(path):
    claims = [cell for cell in cells(path, "code") if "course.claim(" in cell.source]
    assert len(claims) >= 3
    for cell in claims:
        assert "nbval-check-output" in tags(cell), f"a claim that nothing compares: {cell.source[:80]}"


@each_notebook
def test_its_cells_are_short(path):
    sizes = sorted(len([line for line in cell.source.splitlines() if line.strip()]) for cell in cells(path, "code"))
    assert sizes[-1] <= 40, f"the longest cell has {sizes[-1]} lines"
    assert sizes[round(0.9 * (len(sizes) - 1))] <= 20


@each_notebook
def test_its_prose_does_not_talk_down(path):
    found = re.findall(
        r"\b(obviously|simply|just|clearly|of course|as we know|trivially)\b", prose(path), flags=re.IGNORECASE
    )
    assert not found


@each_notebook
def test_it_has_exercises_with_difficulty_and_minutes(path):
    exercises = re.findall(r"^### Exercise \d+\.\d+.*\n+(.*)", prose(path), flags=re.MULTILINE)
    assert len(exercises) >= (1 if path.stem.startswith("00") else 3)
    for first_line in exercises:
        assert re.search(r"\*Difficulty: [●○]{3}, \d+ minutes", first_line), first_line


@each_notebook
def test_it_ends_with_its_sources(path):
    assert "## References" in prose(path) and re.search(r"arxiv|doi", prose(path), flags=re.IGNORECASE)


@each_notebook
def test_its_cell_for_colab_is_the_one_of_the_course(path):
    found = [cell for cell in cells(path, "code") if "colab" in tags(cell)]
    assert len(found) == 1 and found[0].source == COLAB_CELL.source
    assert "--no-deps" in found[0].source, "Colab's own packages must not be replaced"


def definitions(tag: str) -> list:
    """Return the classes and functions in the cells with this tag."""
    return [
        pytest.param(node, id=f"{path.stem}-{node.name}")
        for path in PATHS
        for cell in cells(path, "code")
        if tag in tags(cell)
        for node in ast.parse(cell.source).body
        if isinstance(node, (ast.FunctionDef, ast.ClassDef))
    ]


def package_definition(name: str) -> ast.AST:
    """Return the syntax tree of a class or function of this name anywhere in the package."""
    for module_path in sorted(Path(d2lhelpers.__file__).parent.glob("*.py")):
        module = importlib.import_module(f"d2lhelpers.{module_path.stem}")
        if name in vars(module) and getattr(vars(module)[name], "__module__", "") == module.__name__:
            return ast.parse(inspect.getsource(vars(module)[name])).body[0]
    raise AssertionError(f"the package has no {name}")


def essence(tree: ast.AST) -> str:
    """Return a definition as text, without docstrings and type hints."""
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if (
            isinstance(body, list)
            and body
            and isinstance(body[0], ast.Expr)
            and isinstance(body[0].value, ast.Constant)
        ):
            if isinstance(body[0].value.value, str):
                node.body = body[1:] or [ast.Pass()]
        if isinstance(node, ast.FunctionDef):
            node.returns = None
        if isinstance(node, ast.arg):
            node.annotation = None
    plain = ast.unparse(tree)
    return re.sub(r"^(\s*[\w.]+): [^=\n]+ = ", r"\1 = ", plain, flags=re.MULTILINE)


@pytest.mark.parametrize("node", definitions("saved"))
def test_what_a_notebook_teaches_is_what_the_package_has(node):
    assert essence(node) == essence(package_definition(node.name))


def test_something_is_taught_that_the_package_has():
    names = {parameter.values[0].name for parameter in definitions("saved")}
    assert {"Residual", "resnet_block", "resnet18", "evaluating"} <= names


def results_on_good_input(namespace: dict) -> dict:
    """Return what the definitions that a notebook may teach in a short version give, by name."""
    X, y = torch.rand(6, 4, generator=torch.Generator().manual_seed(0)), torch.tensor([0, 1, 2, 3, 0, 1])
    net = torch.nn.Linear(4, 4, bias=False)
    with torch.no_grad():
        net.weight.copy_(torch.eye(4))
    sums, timer = namespace["Accumulator"](2), namespace["Timer"]()
    for part in X:
        sums.add(part.sum(), 1)
    for _ in range(3):
        timer.start()
        timer.stop()
    lines = namespace["Animator"](xlabel="epoch", xlim=[0, 2], legend=["loss", "accuracy"])
    for x, y_of_lines in ((0.5, (2.0, None)), (1, (1.0, 0.5)), (1, (math.nan, None)), (2, (0.5, 0.7))):
        lines.add(x, y_of_lines)
    return {
        "Accumulator": (sums[0], sums[1]),
        "Animator": (lines.X, repr(lines.Y)),  # in which nan is nan
        "Timer": (len(timer.times), timer.sum() == sum(timer.times) > 0),
        "correct_predictions": namespace["correct_predictions"](X, y).item(),
        "evaluate_accuracy_gpu": namespace["evaluate_accuracy_gpu"](net, [(X, y), (X[:1], y[:1])]),
    }


def test_what_a_notebook_teaches_in_a_short_version_agrees_with_the_package_on_good_input():
    """What the package has grown beside it are guards, and good input does not meet them."""
    taught = [parameter.values[0].name for parameter in definitions("short")]
    path = ROOT / "notebooks" / "07_training_loop.ipynb"
    namespace: dict = {}
    for cell in cells(path, "code"):
        if cell.source.startswith("import ") or {"saved", "short"} & set(tags(cell)):
            exec(cell.source, namespace)
    expected = results_on_good_input({**vars(importlib.import_module("d2lhelpers.accuracy")), **vars(d2lhelpers)})
    assert results_on_good_input(namespace) == expected
    assert set(taught) == set(expected), "compare each definition that is tagged `short`"


def test_json_is_written_as_record_writes_it():
    for path in PATHS:
        raw = json.loads(path.read_text(encoding="utf-8"))
        assert set(raw["metadata"]) == {"kernelspec", "language_info"}, f"{path.name}: record it with `make record`"


QUESTION = re.compile(r"^\*\*Question (\d)\.\*\*", flags=re.MULTILINE)
OPTION = re.compile(r"<details><summary>(.+?)</summary>\n\n([✓✗]) (.+?)\n\n</details>", flags=re.DOTALL)


@each_notebook
def test_its_quiz_has_five_questions_and_explains_every_option(path):
    if path.stem.startswith("00"):
        return
    quiz = re.search(r"^## Quiz\n(.*?)(?=^## )", prose(path) + "\n## ", flags=re.MULTILINE | re.DOTALL)
    assert quiz, "there is no quiz"
    parts = QUESTION.split(quiz[1])
    assert parts[1::2] == list("12345")
    for number, text in zip(parts[1::2], parts[2::2]):
        options = OPTION.findall(text)
        assert len(options) == text.count("<details>") >= 3, f"question {number}: an option is not of the form"
        assert [mark for _, mark, _ in options].count("✓") == 1, f"question {number} has not one right answer"
        assert all(len(why.split()) >= 8 for _, _, why in options), f"question {number}: an option without a reason"
        assert len({option for option, _, _ in options}) == len(options)


@each_notebook
def test_the_readme_states_the_minutes_and_seconds_of_its_header(path):
    header = cells(path)[0].source
    stated = [
        re.search(form, header)[1]
        for form in (r"reading and running (\d+) min", r"exercises (\d+) min", r"in\s+about\s+(\d+)\s+seconds")
    ]
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    row = re.search(
        rf"^\| \[.*\]\(notebooks/{path.name}\) \| .* \| (\d+) \| (\d+) \| (\d+) \|$", readme, flags=re.MULTILINE
    )
    assert row and list(row.groups()) == stated
    question = re.search(r"\*\*The question:\*\* (.*)", header)[1]
    assert question in row[0]


@each_notebook
def test_the_evidence_that_it_links_is_there(path):
    if "EVIDENCE.md" in prose(path):
        assert f"](notebooks/{path.name})\n" in (ROOT / "EVIDENCE.md").read_text(encoding="utf-8"), "run `make seeds`"
