"""Pages of the documentation: length, machines and commits, options of commands, examples in TOML and Python."""

import doctest
import re
import tomllib
from importlib import import_module
from pathlib import Path

import click
import pytest

from dreamkeras.cli.main import COMMANDS

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
GENERATED = ("commands", "python")
PAGES = {page.relative_to(DOCS).as_posix(): page for page in sorted(DOCS.rglob("*.md")) if page.parent.name not in GENERATED}
TEXTS = {name: page.read_text() for name, page in PAGES.items()} | {"README.md": (ROOT / "README.md").read_text()}

MEASURED = {"benchmarks.md", "benchmarks-analyses.md", "benchmarks-libraries.md", "comparison.md"}
"""Pages with machines and commits."""

FOREIGN = {
    "--build-arg",
    "--cacert",
    "--data-binary",
    "--index",
    "--json",
    "--overload",
    "--plan",
    "--rm",
    "--sequences",
    "--time",
    "--user",
}
"""Options of other programs in the text of the pages."""


def fences(text, language):
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def options():
    """The options of each command, by its name."""
    commands = {name: import_module(f"dreamkeras.cli.commands.{entry.module}").command for name, entry in COMMANDS.items()}
    parameters = {name: [option for option in command.params if isinstance(option, click.Option)] for name, command in commands.items()}
    return {name: {"--help", *(text for one in found for text in (*one.opts, *one.secondary_opts))} for name, found in parameters.items()}


@pytest.mark.parametrize("name", sorted(TEXTS))
def test_pages_have_at_most_200_lines_and_the_readme_150(name):
    assert len(TEXTS[name].splitlines()) <= (150 if name == "README.md" else 200)


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "SECURITY.md"])
def test_links_of_pages_outside_the_site_lead_to_files(name):
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", (ROOT / name).read_text())
    assert [link for link in links if not (ROOT / link).exists()] == []


@pytest.mark.parametrize("name", sorted(TEXTS.keys() - MEASURED))
def test_machines_and_commits_are_on_the_page_of_benchmarks(name):
    assert re.findall(r"EPYC|commit [0-9a-f]{7,}", TEXTS[name]) == []


def example_options(text):
    """Yields each option in the bash examples of a page, with its command."""
    for line in "\n".join(fences(text, "bash")).replace("\\\n", " ").splitlines():
        for part in re.split(r"\||&&|<\(", line):
            name, *words = (part.partition("dreamkeras ")[2].partition(" #")[0] or "-").split()
            yield from ((name, word.split("=")[0]) for word in words if name in COMMANDS and re.match(r"--?[a-z]", word))


@pytest.mark.parametrize("name", TEXTS)
def test_commands_in_examples_have_the_options(name, options):
    assert [(command, option) for command, option in example_options(TEXTS[name]) if option not in options[command]] == []


@pytest.mark.parametrize("name", TEXTS)
def test_options_in_the_text_exist(name, options):
    text = re.sub(r"^```.*?^```", "", TEXTS[name], flags=re.MULTILINE | re.DOTALL)
    codes = [code for code in re.findall(r"`([^`]+)`", text) if not code.startswith(("pip ", "pytest ", "python "))]
    found = {option for code in codes for option in re.findall(r"(?<![\w-])--[a-z][a-z-]*", code)}
    assert found <= {"--version"}.union(FOREIGN, *options.values())


@pytest.mark.parametrize("name", [name for name, text in TEXTS.items() if fences(text, "toml")])
def test_toml_examples_parse(name):
    for text in fences(TEXTS[name], "toml"):
        assert tomllib.loads(text)


@pytest.mark.parametrize("name", [name for name in PAGES if ">>> " in TEXTS[name]])
def test_python_examples_return_the_values_on_the_page(name, monkeypatch):
    monkeypatch.chdir(ROOT)  # for files of the repository
    if ">>> import keras" in TEXTS[name]:
        pytest.importorskip("keras")
    assert doctest.testfile(str(PAGES[name]), module_relative=False).failed == 0
