"""Configuration of the documentation site: `.ci/site` builds it, without a network connection."""

from importlib.metadata import version as installed_version
from pathlib import Path

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
default_role = "literal"  # docstrings write code as `name`
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autosummary_imported_members = False
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_custom_sections = ["Shape", "Reference", "Source"]

html_theme = "pydata_sphinx_theme"
html_title = "dreamkeras"
html_show_sourcelink = False
html_theme_options = {
    "show_toc_level": 2,
    "footer_start": ["copyright"],
    "footer_end": [],
    "secondary_sidebar_items": ["page-toc"],
}

COMMAND_PAGES = Path(__file__).parent / "reference" / "commands"


def write_command_pages() -> None:
    """Writes one page for each command, which sphinx-click fills with its help and options."""
    COMMAND_PAGES.mkdir(exist_ok=True)
    for name, entry in COMMANDS.items():
        directive = f".. click:: dreamkeras.cli.commands.{entry.module}:command\n   :prog: dreamkeras {name}\n"
        (COMMAND_PAGES / f"{name}.rst").write_text(directive)


write_command_pages()
