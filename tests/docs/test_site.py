"""The documentation site: it builds without a warning, its links lead somewhere, and it covers every command and public name."""

import os
import re
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from dreamkeras.cli.main import COMMANDS

pytest.importorskip("sphinx", reason="the site needs the extra `docs`")

ROOT = Path(__file__).parents[2]


class Page(HTMLParser):
    """Collects the links and the anchors of an HTML page."""

    def __init__(self, file):
        super().__init__()
        self.links, self.anchors = [], set()
        self.feed(file.read_text())

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        self.links += [values[name] for name in ("href", "src") if values.get(name)]
        self.anchors |= {values[name] for name in ("id", "name") if values.get(name)}


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    built = subprocess.run([ROOT / ".ci/site", folder / "html"], capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    return folder / "html"


@pytest.fixture(scope="module")
def pages(site):
    return {file.resolve(): Page(file) for file in site.rglob("*.html") if "_static" not in file.parts}


def broken_links(pages):
    """The links of pages, as (page, link), whose file or anchor does not exist."""
    for file, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = Path(os.path.normpath(file.parent / unquote(parts.path))) if parts.path else file
            if not target.is_file() or (parts.fragment and target in pages and parts.fragment not in pages[target].anchors):
                yield file.name, link


def test_links_of_the_site_lead_to_pages_and_anchors(pages):
    assert list(broken_links(pages)) == []


def test_a_broken_link_is_found(tmp_path):
    file = tmp_path / "page.html"
    file.write_text(
        '<h1 id="top"></h1><a href="#top"></a><a href="#absent"></a><a href="absent.html"></a><a href="https://example.org"></a>'
    )
    assert [link for _, link in broken_links({file: Page(file)})] == ["#absent", "absent.html"]


def test_site_needs_no_other_site(pages):
    assert [link for page in pages.values() for link in page.links if re.match(r"(https?:)?//.*\.(js|css|woff2?)\b", link)] == []


def test_every_command_has_a_page(site):
    assert {file.stem for file in (site / "reference/commands").glob("*.html")} == set(COMMANDS)


def test_every_public_name_has_a_page(site, public_names):
    assert {file.stem for file in (site / "reference/python").glob("*.html")} == set(public_names)


def test_no_docstring_of_a_property_is_taken_for_a_type(site):
    """Napoleon reads "TYPE: text" in the first line of a property; a sentence with a colon would become a type."""
    found = [
        file.stem
        for file in (site / "reference/python").glob("*.html")
        if re.search(r">Type<(?:(?!</dd>).)*<p>\w+ \w+ ", file.read_text(), re.DOTALL)
    ]
    assert found == []
