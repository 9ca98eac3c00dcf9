"""Configuration of the documentation site. The script `.ci/site` builds the site without a network connection."""

import re
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Any

from dreamkeras.cli.main import COMMANDS

project = "dreamkeras"
author = "The dreamkeras founders"
copyright = "the dreamkeras founders, MIT licence"
release = installed_version("dreamkeras")

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "sphinx_click",
    "sphinx_copybutton",
    "sphinx_design",
]
templates_path = ["_templates"]
default_role = "literal"  # in docstrings, code is written as `name`
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3

autodoc_inherit_docstrings = False  # inherited methods such as `call` and `fit` are documented by Keras
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_custom_sections = ["Shape", "Reference", "Source"]

html_theme = "pydata_sphinx_theme"
html_title = "dreamkeras"
html_static_path = ["_static"]
html_css_files = ["wide.css"]
html_show_sourcelink = False
html_theme_options = {
    "show_toc_level": 2,
    "footer_start": ["copyright"],
    "footer_end": [],
    "secondary_sidebar_items": ["page-toc"],
}

COMMAND_PAGES = Path(__file__).parent / "reference" / "commands"


def write_command_pages() -> None:
    """Writes one page for each command. sphinx-click fills the page with the help text and the options of the command."""
    COMMAND_PAGES.mkdir(exist_ok=True)
    for name, entry in COMMANDS.items():
        directive = f".. click:: dreamkeras.cli.commands.{entry.module}:command\n   :prog: dreamkeras {name}\n"
        (COMMAND_PAGES / f"{name}.rst").write_text(directive)


def mark_code(_app: Any, _context: Any, lines: list[str]) -> None:
    """Formats option names and prefixes in the help of a command, such as `--genome` and `DK_`, as code."""
    code = re.compile(r"(?<![`\w-])(--[a-z][\w-]*|\w+_)(?![`\w])")
    lines[:] = [line if line.startswith("..") else code.sub(r"``\1``", line) for line in lines]


def show_examples(_app: Any, _context: Any, lines: list[str]) -> None:
    """Shows the examples in the epilog of a command as a code block."""
    if examples := [line[1:].strip() for line in lines if line.startswith("|   ")]:
        lines[:] = [".. rubric:: Examples", "", ".. code-block:: bash", "", *(f"   {example}" for example in examples), ""]


def setup(app: Any) -> None:
    """Writes the pages of the commands, and connects the functions above to the events of sphinx-click."""
    write_command_pages()
    for part in ("description", "options", "arguments"):
        app.connect(f"sphinx-click-process-{part}", mark_code)
    app.connect("sphinx-click-process-epilog", show_examples)
