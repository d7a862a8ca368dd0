"""What the tests share: a backend without a window, hypothesis without a clock, notebooks in a kernel."""

from __future__ import annotations

import matplotlib

matplotlib.use("Agg")  # not through the environment: the kernels that tests start must find their own backend

import hypothesis
import nbformat
import pytest
import torch
from matplotlib import pyplot as plt
from nbclient import NotebookClient

torch.set_num_threads(1)  # the nets are small, and threads that wait for each other cost more than they bring

hypothesis.settings.register_profile("course", deadline=None, derandomize=True, max_examples=50)
hypothesis.settings.load_profile("course")


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="session")
def run_notebook(tmp_path_factory):
    """Run the given cells in a real kernel; return them with their outputs.

    A cell that starts with ``# raises`` may fail.
    """

    def run(*sources: str) -> list:
        cells = [nbformat.v4.new_code_cell(source) for source in sources]
        for cell in cells:
            if cell.source.startswith("# raises"):
                cell.metadata["tags"] = ["raises-exception"]
        notebook = nbformat.v4.new_notebook(cells=cells)
        folder = {"metadata": {"path": tmp_path_factory.mktemp("notebook")}}
        NotebookClient(notebook, kernel_name="python3", timeout=120, resources=folder).execute()
        return notebook.cells

    return run
