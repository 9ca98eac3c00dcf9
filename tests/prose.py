"""Finds sentences that have to be read twice, by the rules of CONTRIBUTING.md, in all text of the project that people read.

`python tests/prose.py` prints what it finds in every file and `--help`, `python tests/prose.py FILE...` in some files, and
`python tests/prose.py --sample 50 --seed 1` draws sentences at random for a reader.
"""

import ast
import io
import random
import re
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]

THING = r"(?:files?|models?|options?|servers?|commands?|layers?|networks?|messages?|headers?|columns?|modules?|tables?|folders?|blocks?)"
TASK = "describe the thing itself: name the subject first"
RULES = {
    rf"\b{THING} (?:tells?|told|asks?|asked|knows?|knew|wants?|wanted|brings?|speaks?)\b": "personification: say what it does",
    r"\b(?:who|what)ever\b": "name the thing: every file, any client",
    r"^What (?!(?:is|are|was|were|does|do|did|can|happens)\b.*\?$)": TASK,
    r"^(?:Which|Whose|With what|From what|Of what|How (?:many|much|often|long|far)) (?!.*\?$)": TASK,
    r"^Of (?:each|every|all|several|both|the|these|those|what|which|a|an)\b": TASK,
    r"\b(?:of|from|to|by|with|for|in|on|and|is) what (?:is|are|was|it|they|came|comes|stands|a|an|the)\b": "riddle: name the thing",
    r"\b(?:those|that) (?:that|which) (?:are|is|were|was|do|does|did|have|has)\b(?= not|[.,;])": "riddle by pronoun: name the thing",
    r"\bthat which\b|\bbe it\b|\blest\b|\bas it were\b|\band no more\b|\bfor want of\b": "old-fashioned",
    r"\bof one's own\b|\banew\b|\bthereof\b": "old-fashioned",
    r"\bfor that\b(?! (?:reason|purpose|matter|case|\w+))|\bno such thing\b|\bas many as there are\b": "name the thing",
    r"\bturned round\b": "reverse complement",
    r"\byardsticks?\b": "calibration (see docs/reference/glossary.md)",
    r"\b(?:whose|in whose) turn\b": "say which is next",
    r"\bhow many [a-z]+ came to what\b": "counts by status",
    r"\b(?:stands?|stood) (?:behind|before|beside|on|in|there|at|under|for itself|around)\b": "is, are; or name the position",
    r"\bto be had\b|\bcome of (?:it|them)\b|\bcame of (?:it|them)\b|\bwhat of\b": "say what happens",
    r"\bknows nothing about\b|\bis (?:the )?(?:business|matter) of\b|\bit is its .{1,20} matter\b": "say which module does it",
    r"\bit takes for\b|\btaken for what\b|\bpasses for\b|\bis taken for\b|\btaken for an?\b": "say what it is treated as",
    r"\bgoes on\b(?! to)|\bwent on\b|\bgo on from\b": "continues, resumes",
    r"\bleft (?:as it is|as they are|so)\b|\bas (?:it is|they are) given\b": "unchanged",
    r"\bso far as\b|\bin so far\b|\bas far as it\b": "say how far",
    r"\bbut for\b": "except",
    r"\bleaves? (?:it|them) alone\b": "does not change it",
    r"\banswers? (?:with|for|both|only|no)\b.*\bmodel\b|\b(?:model|network|graph|head|block)s? (?:that )?answers?\b": "a model predicts",
    r"\bdeaf\b|\bdumb\b|\bhonest(?:ly)?\b": "say it plainly",
    r"\b(?:are|is|be|was|were) to be (?:told|read|had|found out)\b": "say what happens",
    r"\bnothing else (?:is|was|does)\b.*\bthan\b|\bnone but\b|\bnothing but\b": "only",
}
"""Patterns, searched in single sentences without their `code`, and advice."""


class Sentence(NamedTuple):
    """A sentence, and where its passage begins."""

    place: str
    text: str


class Finding(NamedTuple):
    """A breach of a rule."""

    place: str
    text: str
    advice: str


def sentences(passage: str) -> Iterator[tuple[str, str]]:
    """Labels and texts of the sentences in a passage.

    A sentence ends at the latest at a blank line, an item of a list, a cell of a table or the description of an argument. The label
    is the name of the argument or error, or empty.
    """
    for paragraph in re.split(r"\n\s*\n|\n\s*(?=[-*|] ?|\d+\. |>>> |[\w.]+: )|(?<=:)\n", passage):
        if not paragraph.lstrip().startswith((">>>", "...", "|--")):
            mark = re.match(r"\s*(?:[-*#>]+|\d+\.|([\w.]+):) ", paragraph)
            cells = paragraph.split("|") if paragraph.lstrip().startswith("|") else [paragraph[mark.end() if mark else 0 :]]
            for text in (text for cell in cells for text in re.split(r"(?<=[.!?;:]) (?=[A-Z`])", " ".join(cell.split())) if text):
                yield mark[1] or "" if mark else "", text


def passages(path: Path) -> Iterator[tuple[int, str]]:
    """Line numbers and texts of a file's prose: Markdown, or docstrings, comments and messages of Python, or the strings of a page."""
    text = path.read_text()
    if path.suffix == ".md":
        fences = re.sub(r"^\s*(`{3,}).*?^\s*\1", lambda fence: "\n" * fence[0].count("\n"), text, flags=re.MULTILINE | re.DOTALL)
        starts = [0, *(match.end() for match in re.finditer(r"\n\s*\n", fences))]
        for start, end in zip(starts, [*starts[1:], len(fences)], strict=True):
            yield fences.count("\n", 0, start) + 1, fences[start:end]
    elif path.suffix == ".py":
        yield from strings(ast.parse(text))
        yield from comments(text)
    else:
        plain = re.sub(r"\$\{[^}]*\}", "X", text)
        quoted = re.finditer(r"[\"'`>]([A-Z][^\"'`<>{}]*\s[^\"'`<>{}]*)", plain)
        yield from ((plain.count("\n", 0, match.start()) + 1, match[1]) for match in quoted)


def strings(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Docstrings and messages; the values in a message become X."""
    parts = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in ast.walk(node)} - {0}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield node.lineno, "".join(str(part.value) if isinstance(part, ast.Constant) else "`x`" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in parts and " " in node.value:
            yield node.lineno, node.value


def comments(text: str) -> Iterator[tuple[int, str]]:
    """Comments; one that continues on the next line is one passage."""
    start, lines = 0, []
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            if lines and token.start[0] != start + len(lines):
                yield start, " ".join(lines)
                lines = []
            start = start if lines else token.start[0]
            lines.append(re.sub(r"\b(?:noqa|type: ignore)\S*( #)?", "", token.string.lstrip("#: ")).strip(" #-"))
    if lines:
        yield start, " ".join(lines)


def help_passages() -> Iterator[tuple[str, str]]:
    """Places and texts of all that `--help` prints."""
    import click

    from dreamkeras.cli.main import COMMANDS, main

    context = click.Context(main)
    for name, entry in COMMANDS.items():
        command = main.get_command(context, name)
        yield f"dreamkeras {name} --help", f"{entry.help}\n\n{command.help}"
        yield from ((f"dreamkeras {name} {'/'.join(p.opts)}", getattr(p, "help", None) or "") for p in command.params)


def file_sentences(path: Path) -> Iterator[Sentence]:
    """The sentences of a file."""
    for line, passage in passages(path):
        yield from (Sentence(f"{path}:{line} {label}".rstrip(), text) for label, text in sentences(passage))


def definition(path: Path, line: int) -> str:
    """The name of the innermost function or class at a line of a Python file, or of the constant that is assigned before the line."""
    names = [""]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.lineno <= line <= (node.end_lineno or 0):
            names.append(node.name)
        elif isinstance(node, ast.Assign) and line - 2 <= (node.end_lineno or 0) <= line:
            names.append(ast.unparse(node.targets[0]))
    return names[-1]


def findings(found: Iterator[Sentence]) -> list[Finding]:
    """The breaches of the rules, in order."""
    plain = ((place, re.sub(r"`[^`]*`", "`x`", text)) for place, text in found)
    return [
        Finding(place, match[0].strip(), advice)
        for place, text in plain
        for rule, advice in RULES.items()
        for match in re.finditer(rule, text)
    ]


def files() -> list[Path]:
    """All files with prose except this file and its test, which quote what the rules look for."""
    tops = ("dreamkeras", "cli", "serving", "tests", "benchmarks", "examples", "docs")
    inside = [path for top in tops for path in (ROOT / top).rglob("*") if path.suffix in (".py", ".md", ".html", ".js")]
    return sorted(path for path in [*inside, *ROOT.glob("*.md")] if path.name not in ("prose.py", "test_prose.py"))


def help_sentences() -> Iterator[Sentence]:
    """The sentences of all that `--help` prints."""
    for place, passage in help_passages():
        yield from (Sentence(place, text) for _, text in sentences(passage))


def sample(count: int, seed: int) -> list[Sentence]:
    """Sentences of five words or more that users and developers read, drawn at random; those of tests and benchmarks are not among them."""
    tops = ("dreamkeras", "cli", "serving", "docs", "README.md")
    read = [path for path in files() if path.relative_to(ROOT).parts[0] in tops]
    found = [*help_sentences(), *(sentence for path in read for sentence in file_sentences(path))]
    return random.Random(seed).sample([sentence for sentence in found if len(sentence.text.split()) >= 5], count)


def main() -> None:
    """Prints findings or a sample."""
    if sys.argv[1:2] == ["--sample"]:
        for place, text in sample(int(sys.argv[2]), int(sys.argv[4])):
            path, _, line = place.split(" ")[0].rpartition(":")
            print(place, definition(Path(path), int(line)) if path.endswith(".py") else "", f"\n    {text}")
        return
    chosen = [Path(name) for name in sys.argv[1:]]
    found = [finding for path in chosen or files() for finding in findings(file_sentences(path))]
    for finding in found if chosen else [*found, *findings(help_sentences())]:
        print(f"{finding.place}: {finding.text!r}: {finding.advice}")


if __name__ == "__main__":
    main()
