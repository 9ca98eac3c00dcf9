"""The public names, from the pages that list them."""

import re
from pathlib import Path

import pytest

REFERENCE = Path(__file__).parents[2] / "docs/reference"


@pytest.fixture(scope="session")
def public_names():
    """Dotted names under the `autosummary` directives of the reference."""
    pages = [(REFERENCE / name).read_text() for name in ("python.md", "python-networks.md")]
    return [name for page in pages for name in re.findall(r"^   (dreamkeras\.[\w.]+)$", page, re.MULTILINE)]
