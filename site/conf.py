"""Configure Sphinx for the web site; `site/build.py` lays its source out and calls it."""

import re
import sys
from pathlib import Path

from sphinx.application import Sphinx

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))  # the helpers, whose docstrings are a part of the site

project = "Residual networks, understood by running them"
repository = re.search(r'^Repository = "(.+)"$', (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.M)[1]
language = "en"

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
default_role = "py:obj"  # a name in single backticks leads to its docstring, if it has one here

# The outputs are those that the notebooks come with: nothing is run.
nb_execution_mode = "off"
nb_render_markdown_format = "gfm"
nb_code_prompt_show = "Show the code that draws this"
nb_code_prompt_hide = "Hide the code"
myst_enable_extensions = ["dollarmath", "deflist", "attrs_inline", "attrs_block"]
myst_heading_anchors = 3

napoleon_google_docstring = False
napoleon_use_ivar = True
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
add_module_names = False

html_theme = "sphinx_book_theme"
html_title = project
html_static_path = ["static"]
html_css_files = ["site.css"]
html_js_files = ["scrolling.js"]
html_favicon = "static/icon.svg"
html_copy_source = False
mathjax_path = "mathjax/tex-chtml.js"  # a part of the site, so that formulas need no network
html_theme_options = {
    "repository_url": repository,
    "repository_branch": "main",
    "use_repository_button": True,
    "use_issues_button": True,
    "use_download_button": False,
    "use_fullscreen_button": False,
    "home_page_in_toc": False,
    "show_toc_level": 2,
    "navigation_with_keys": False,
    "navbar_persistent": [],
    "footer_content_items": ["extra-footer"],
    "extra_footer": (
        f'Text and pictures: <a href="{repository}/blob/main/LICENSE-TEXT">CC BY 4.0</a>. '
        f'Code: <a href="{repository}/blob/main/LICENSE">MIT</a>. '
        f'Found a mistake? <a href="{repository}/issues">Tell us</a>.'
    ),
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
html_context = {"default_mode": "auto"}


def skip_constant(app: Sphinx, what: str, name: str, thing: object, skip: bool, options: object) -> bool | None:
    """Leave constants of modules out of the reference: it has what can be called."""
    return True if what == "module" and not callable(thing) else None


def setup(app: Sphinx) -> None:
    """Tell Sphinx."""
    app.connect("autodoc-skip-member", skip_constant)
