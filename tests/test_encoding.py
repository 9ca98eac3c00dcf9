"""Text files are UTF-8 in every locale: no text is read or written in the encoding of the locale."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted(path for room in ("dreamkeras", "cli", "serving") for path in (ROOT / room).rglob("*.py"))


def without_encoding(source):
    """Yields the lines of calls that open, read or write text without naming its encoding."""
    for call in ast.walk(ast.parse(source)):
        if isinstance(call, ast.Call) and not any(keyword.arg == "encoding" for keyword in call.keywords) and is_locale_text(call):
            yield call.lineno


def is_locale_text(call):
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    is_method = isinstance(call.func, ast.Attribute)
    modes = [arg for arg in call.args[:1] if is_method] or call.args[1:2]
    strings = [arg.value for arg in modes if isinstance(arg, ast.Constant) and isinstance(arg.value, str)]
    if name in ("read_text", "write_text") and is_method:  # the functions of these names in `files` use UTF-8
        return len(call.args) == (name == "write_text")
    if name == "TextIOWrapper":
        return len(call.args) < 2
    if name in ("open", "fdopen"):
        opens_text = not is_method or bool(strings) or any(keyword.arg == "newline" for keyword in call.keywords)
        return opens_text and not any("b" in mode for mode in strings)
    return any(keyword.arg in ("text", "universal_newlines") for keyword in call.keywords) and name in ("run", "Popen", "check_output")


@pytest.mark.parametrize(
    "line",
    [
        "open(path)",
        "open(path, 'w')",
        "path.read_text()",
        "path.write_text(x)",
        "path.open('w')",
        "path.open(newline='')",
        "fdopen(1, 'w')",
        "run(x, text=True)",
    ],
)
def test_the_search_finds(line):
    assert list(without_encoding(line)) == [1]


@pytest.mark.parametrize(
    "line", ["open(path, 'rb')", "path.read_text('utf-8')", "read_text(path)", "path.open(encoding='utf-8')", "os.open(x, 1)"]
)
def test_the_search_passes(line):
    assert list(without_encoding(line)) == []


def test_no_text_is_in_the_encoding_of_the_locale():
    assert [f"{path}:{line}" for path in SOURCES for line in without_encoding(path.read_text("utf-8"))] == []
