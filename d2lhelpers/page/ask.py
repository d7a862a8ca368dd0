"""A bet or a guess: the reader chooses, and the page remembers."""

from __future__ import annotations

from collections.abc import Iterable

_asked: dict[tuple[tuple[str, ...], tuple[str, ...]], dict[str, str | None]] = {}


def ask(questions: Iterable[str], options: Iterable[str]) -> dict[str, str | None]:
    """Show for each question a row of buttons, one of which can be chosen.

    Where ipywidgets is not installed there are no buttons; ``answers["question"] = "option"`` does the same.

    Parameters
    ----------
    questions : iterable of str
        Short ones: each stands before its buttons.
    options : iterable of str
        The same for all questions.

    Returns
    -------
    dict
        The answer to each question, None as long as there is none. It follows the buttons. Whoever asks the
        same again in the same kernel gets the same answers: running all cells again takes no bet back.
    """
    questions, options = tuple(questions), tuple(options)
    answers = _asked.setdefault((questions, options), dict.fromkeys(questions))
    try:
        import ipywidgets as widgets
    except ImportError:
        print(f"Choose in your head ({', '.join(options)}): without ipywidgets there are no buttons here.")
        return answers
    from IPython.display import display

    label_width = f"{1 + max(map(len, questions))}ch"
    rows = []
    for question in questions:
        chosen = answers[question] if answers[question] in options else None
        buttons = widgets.ToggleButtons(options=options, value=chosen, style={"button_width": "auto"})
        buttons.observe(lambda change, question=question: answers.update({question: change["new"]}), "value")
        rows.append(widgets.HBox([widgets.Label(question, layout={"min_width": label_width}), buttons]))
    display(widgets.VBox(rows))
    return answers
