"""How `tools/lab.py` starts JupyterLab: on the learner's first notebook, with the README within reach."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

WIDGET = "application/vnd.jupyter.widget-view+json"
IN_ITS_PLACE = "*Run this cell, and those above it, to get its buttons or sliders back: they end with the kernel.*"


def save_without_widgets(model: dict[str, Any], **_: Any) -> None:
    """Put a sentence in the place of each widget before a notebook is saved.

    Half of a widget is in the kernel and ends with it; opened another day, what was saved of it
    would be "Error displaying widget: model not found".
    """
    if model["type"] != "notebook" or not model.get("content"):
        return
    for cell in model["content"]["cells"]:
        for output in cell.get("outputs", []):
            if WIDGET in output.get("data", {}):
                output["data"] = {"text/markdown": IN_ITS_PLACE, "text/plain": IN_ITS_PLACE}


c = get_config()  # noqa: F821, Jupyter gives it
c.ServerApp.root_dir = str(Path(__file__).parents[2])
c.ServerApp.ip = "127.0.0.1"
c.ServerApp.allow_root = True  # in a container one is often root
c.ContentsManager.pre_save_hook = save_without_widgets
warnings.filterwarnings("ignore", message="Overriding existing pre_save_hook")  # the file is read twice
c.LabApp.default_url = "/lab/tree/my_notebooks/00_start_here.ipynb"
c.LabApp.app_settings_dir = str(Path(__file__).parent)  # overrides.json
