"""Public names exist, are documented, and are all that the documentation and the examples use."""

import re
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).parents[2]
IMPORT = re.compile(r"^(?:>>> |\.\.\. )?from (dreamkeras[\w.]*) import ([\w, ]+)", re.MULTILINE)


def test_public_names_exist_and_have_docstrings(public_names):
    assert len(public_names) == len(set(public_names)) > 100
    for name in public_names:
        module, _, attribute = name.rpartition(".")
        assert getattr(import_module(module), attribute).__doc__, name


def test_documentation_and_examples_import_public_names_only(public_names):
    files = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.py")]
    imported = {
        f"{module}.{name.strip()}" for file in files for module, names in IMPORT.findall(file.read_text()) for name in names.split(",")
    }
    assert imported
    assert sorted(imported - set(public_names)) == []
