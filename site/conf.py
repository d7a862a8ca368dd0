"""Configure Sphinx for the web site; `site/build.py` lays its source out and calls it."""

import re
import sys
from pathlib import Path

from docutils.nodes import Element
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))  # the helpers, whose docstrings are a part of the site

project = "Residual networks, understood by running them"
repository = re.search(r'^Repository = "(.+)"$', (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.M)[1]
language = "en"

extensions = ["myst_nb", "sphinx.ext.autodoc", "numpydoc"]
default_role = "py:obj"  # a name in single backticks leads to its docstring, if it has one here

# The outputs are those that the notebooks come with: nothing is run.
nb_execution_mode = "off"
nb_render_markdown_format = "gfm"
nb_code_prompt_show = "Show the code that draws this"
nb_code_prompt_hide = "Hide the code"
myst_enable_extensions = ["dollarmath", "deflist", "attrs_inline", "attrs_block"]
myst_heading_anchors = 3

numpydoc_show_class_members = False
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
add_module_names = False

html_theme = "sphinx_book_theme"
html_title = "Residual networks"
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
        "© 2026 the authors of this course "
        f'(<a href="{repository}/blob/main/CITATION.cff">how to cite it</a>). '
        f'Text and pictures: <a href="{repository}/blob/main/LICENSE-TEXT">CC BY 4.0</a>. '
        f'Code: <a href="{repository}/blob/main/LICENSE">MIT</a>. '
        f'Found a mistake? <a href="{repository}/issues">Tell us</a>.'
    ),
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
html_context = {"default_mode": "auto"}


def skip_what_says_nothing(
    app: Sphinx, what: str, name: str, thing: object, skip: bool, options: object
) -> bool | None:
    """Leave out fields of named tuples, names for types, and values too long to read."""
    is_kind = type(thing).__name__ in ("_tuplegetter", "GenericAlias")
    return True if is_kind or not callable(thing) and len(repr(thing)) > 200 else None


def find_short_name(app: Sphinx, env: BuildEnvironment, node: pending_xref, content: Element) -> Element | None:
    """Let a function or class of another module be called by its own name alone, if there is only one of the name."""
    domain = env.domains.python_domain
    found = [
        name
        for name, entry in domain.objects.items()
        if entry.objtype in ("function", "class", "exception") and name.endswith(f".{node['reftarget']}")
    ]
    if node.get("refdomain") != "py" or len(found) != 1:
        return None
    return domain.resolve_xref(env, node["refdoc"], app.builder, "obj", found[0], node, content)


def setup(app: Sphinx) -> None:
    """Tell Sphinx."""
    app.connect("autodoc-skip-member", skip_what_says_nothing)
    app.connect("missing-reference", find_short_name)
