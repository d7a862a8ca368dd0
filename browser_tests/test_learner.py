"""A learner's way through the course in JupyterLab, by mouse and by keyboard."""

from __future__ import annotations

import re

from learner import HARD_TO_READ
from playwright.sync_api import expect

WRONG = """class ResidualWithoutNorm(nn.Module):
    def __init__(self, num_channels):
        super().__init__()
        self.conv1 = nn.Conv2d(num_channels, num_channels, kernel_size=3, padding=1)
        self.conv2 = nn.Conv2d(num_channels, num_channels, kernel_size=3, padding=1)

    def forward(self, X):
        Y = F.relu(self.conv1(X))
        return F.relu(self.conv2(Y)) + X
"""
RIGHT = WRONG.replace("F.relu(self.conv2(Y)) + X", "F.relu(self.conv2(Y) + X)")


def test_from_00_to_01_and_its_slider(learner):
    learner.start()
    learner.panel.get_by_role("link", name="01 Function classes →").first.click()
    learner.is_at("01_function_classes")
    learner.run_all()

    cell = learner.cell("widgets.interact(show_k")
    picture, handle = cell.locator("img"), cell.get_by_role("slider")
    expect(picture).to_have_attribute("alt", re.compile("staircase of 3 steps"))
    handle.scroll_into_view_if_needed()
    place, track = handle.bounding_box(), cell.locator(".slider-container").bounding_box()
    learner.page.mouse.move(place["x"] + place["width"] / 2, place["y"] + place["height"] / 2)
    learner.page.mouse.down()
    learner.page.mouse.move(track["x"] + track["width"] + 5, place["y"] + place["height"] / 2, steps=4)
    learner.page.mouse.up()
    expect(picture).to_have_attribute("alt", re.compile("staircase of 16 steps"))
    learner.keys.press("ArrowLeft")
    expect(picture).to_have_attribute("alt", re.compile("staircase of 15 steps"))
    learner.all_is_well()


def test_an_exercise_of_03_answered_wrongly_then_rightly(learner, pictures):
    learner.open("03_residual_blocks")
    learner.run_all()
    answer, check = learner.cell("class ResidualWithoutNorm(nn.Module)"), learner.cell('d2l.check("3.1")')
    expect(check.locator(".jp-OutputArea-output")).to_contain_text("Exercise 3.1 not attempted")

    learner.write(answer, WRONG)
    learner.run(answer)
    expect(learner.run(check)).to_have_text(
        "✗ Exercise 3.1 incorrect: the last ReLU comes before the addition; it belongs after it."
    )
    pictures.frame("check", learner, answer, 4000)
    pictures.still("check.webp", learner, answer, 282)
    expect(learner.run_below(check, 'd2l.hint("3.1")')).to_contain_text("Hint 1 of 2.")
    learner.write(answer, RIGHT)
    learner.run(answer)
    expect(learner.run(check)).to_have_text("✓ Exercise 3.1 correct.")
    pictures.frame("check", learner, answer, 3000)

    learner.restart_and_run_all()
    expect(check.locator(".jp-OutputArea-output")).to_have_text("✓ Exercise 3.1 correct.")
    learner.all_is_well()


def test_the_addition_of_05_breaks_where_the_strides_differ(learner):
    learner.open("05_resnet18_shapes")
    learner.run_all()
    cell = learner.cell("interact(show_addition")
    picture, said = cell.locator("img"), cell.locator(".jp-OutputArea-output pre")
    cell.get_by_label("shortcut stride").select_option("2")
    expect(said).to_have_text("The sum has the shape (1, 256, 14, 14).")
    cell.get_by_label("block stride").select_option("4")
    expect(picture).to_have_attribute("alt", re.compile("the addition fails"))
    expect(said).to_contain_text("The size of tensor a (7) must match the size of tensor b (14)")
    learner.all_is_well()


def test_the_training_of_08_is_watched_and_stopped(learner, pictures):
    learner.open("08_training_resnet18")
    needed = ("from math import nan", 'run = "book" if', "def resnet18(", "small_trace = ", "def one_cycle(")
    for text in (*needed, "def two_convolutions("):
        learner.run(learner.cell(text))
    cell = learner.cell("history = d2l.train_ch6(net, ")
    before = learner.runs()
    learner.run(cell, wait=False)
    plot, states = cell.locator("img"), []
    for _ in range(10 if pictures.folder else 3):
        expect(plot).not_to_have_attribute("alt", states[-1] if states else "")
        states.append(plot.get_attribute("alt"))
        pictures.frame("training", learner, cell, 250)
    learner.press_button("interrupt")
    learner.has_run(cell, before)
    assert len(set(states)) == len(states)
    assert last_epoch(plot.get_attribute("alt")) >= last_epoch(states[-1]) > last_epoch(states[0])
    expect(cell.locator(".jp-OutputArea")).to_contain_text("interrupted after")

    following, before = learner.cell("rival_history = d2l.train_ch6(rival, "), learner.runs()
    learner.run(following, wait=False)
    expect(following.locator("img")).to_be_visible()
    learner.press_button("interrupt")
    learner.has_run(following, before)
    claim = learner.cell('    "The 18 layers beat every rule of notebook 06')
    expect(learner.run(claim)).to_contain_text("Not decided, a run was stopped early")
    expect(learner.run_below(claim, "history")).to_contain_text("stopped early")
    learner.all_is_well()


def last_epoch(alt: str) -> float:
    """Return up to which epoch a training's plot goes, by its text alternative."""
    return float(re.search(r"train loss \S+ at epoch (\S+);", alt)[1])


def test_a_keyboard_is_enough(learner, pictures):
    learner.start()
    learner.read_and_run_all()
    learner.walk_to('d2l.check("0.1")')
    expect(learner.active_cell.locator(".jp-OutputArea-output")).to_contain_text("not attempted")
    pictures.frame("claim", learner, learner.cell("figure, panels = page.subplots(1, 2"), 3000)
    pictures.frame("claim", learner, learner.cell("def last(seed, kind, depth):"), 5000)
    pictures.still("claim.webp", learner, learner.cell("def last(seed, kind, depth):"), 488)

    learner.walk_to("parameters_of_the_layer = ...")
    learner.type_and_run("parameters_of_the_layer = 216")
    learner.walk_to('d2l.check("0.1")')
    expect(learner.run_active()).to_contain_text("216 is not it: these are the weights; each output channel has a bias")
    learner.press_until_there_are(1, "b")
    expect(learner.type_and_run('d2l.hint("0.1")')).to_contain_text("Hint 1 of 2.")
    learner.press_until_there_are(-1, "d", "d")
    learner.walk_to("parameters_of_the_layer = ...")
    learner.type_and_run("parameters_of_the_layer = 224")
    learner.walk_to('d2l.check("0.1")')
    expect(learner.run_active()).to_contain_text("✓ Exercise 0.1 correct.")

    learner.tab_to(learner.walk_to("## The map").get_by_role("link", name="03 Residual blocks"))
    learner.keys.press("Enter")
    learner.is_at("03_residual_blocks")
    learner.choose_by_name("Run All Cells")
    learner.all_has_run()
    form = learner.cell("widgets.VBox([*form.values(), answer])")
    expect(form).to_contain_text("cannot be added")
    learner.walk_to("You can try every other combination below")  # arrows pass over the form, whose code is folded
    learner.tab_to(form.get_by_role("slider").first)
    for _ in range(3):
        learner.keys.press("ArrowRight")
    expect(form).to_contain_text("shortcut  (4, 6, 6, 6)")
    learner.tab_to(form.get_by_role("checkbox"))
    learner.keys.press("Space")
    expect(form).to_contain_text("→ can be added")
    learner.all_is_well()


def test_a_text_that_is_hard_to_read_is_found(page):
    page.set_content("""<main style="background: #111">
        <p class="jp-OutputArea-output" style="color: #444">dark on dark</p>
        <p class="jp-OutputArea-output" style="color: #eee">light on dark</p>
        <p class="jp-OutputArea-output" style="color: rgba(0, 0, 0, 0.3); background: #fff">faint</p>
    </main>""")
    found = page.locator("main").evaluate(HARD_TO_READ)
    assert [text.split(": ")[-1] for text in found] == ["dark on dark", "faint"]
