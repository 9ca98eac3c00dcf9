"""Finds sentences that people have to decode, by the rules of CONTRIBUTING.md: in Markdown, docstrings, comments and messages.

`python tests/prose.py FILE...` prints what it finds, `python tests/prose.py --backlog` rewrites tests/prose_backlog.txt.
"""

import io
import re
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
BACKLOG = Path(__file__).with_name("prose_backlog.txt")
"""Files whose prose was written before there were rules, and how much each still breaks them. Numbers only go down."""

THING = (
    r"(?:files?|models?|options?|servers?|commands?|layers?|networks?|messages?|headers?|columns?|modules?|tests?|tables?|folders?|blocks?)"
)
RULES = {
    rf"\b{THING} (?:tells?|told|asks?|asked|knows?|knew|wants?|wanted|brings?|speaks?)\b": "personification: say what it does",
    r"\b(?:who|what)ever\b": "name the thing: every file, any client",
    r"(?:^|[.:;] )What (?!(?:is|are|does|do|can|happens)\b[^.]*\?)": "begins with a riddle: name the thing",
    r"\b(?:of|from|to|by|with|for|in|on|and|says|is) what (?:is|are|was|it|they|came|comes|stands|a|an|the)\b": "riddle: name the thing",
    r"\b(?:those|that) (?:that|which) (?:are|is|were|was|do|does|did|have|has)\b(?= not|[.,;])": "riddle by pronoun: name the thing",
    r"\bthat which\b|\bbe it\b|\blest\b|\bas it were\b|\band no more\b|\bfor want of\b|\bof one's own\b": "old-fashioned",
    r"\bturned round\b": "reverse complement",
    r"\byardsticks?\b": "calibration (see docs/reference/glossary.md)",
    r"\b(?:whose|in whose) turn\b": "say which is next",
    r"\bhow many [a-z]+ came to what\b": "counts by status",
    r"\b(?:stands?|stood) (?:behind|before|beside|on|in|there|at|under)\b": "is, are; or name the position",
    r"\bto be had\b|\bcome of (?:it|them)\b|\bcame of (?:it|them)\b|\bwhat of\b": "say what happens",
    r"\bknows nothing about\b|\bis (?:the )?(?:business|matter) of\b|\bit is its .{1,20} matter\b": "say which module does it",
    r"\bit takes for\b|\btaken for what\b|\bpasses for\b": "say what it is treated as",
}


class Finding(NamedTuple):
    """A breach of a rule."""

    line: int
    text: str
    advice: str


def passages(path: Path) -> Iterator[tuple[int, str]]:
    """Line numbers and texts of a file's prose."""
    text = path.read_text()
    if path.suffix == ".py":
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type in (tokenize.COMMENT, tokenize.STRING):
                body = re.sub(r"^[rbfuRBFU]*(?:\"\"\"|'''|\"|'|#+ ?)", "", token.string)
                yield from enumerate((line.strip() for line in body.split("\n")), token.start[0])
    else:
        fences = re.sub(r"^```.*?^```", lambda fence: "\n" * fence[0].count("\n"), text, flags=re.MULTILINE | re.DOTALL)
        yield from enumerate(fences.split("\n"), 1)


def findings(path: Path) -> list[Finding]:
    found = []
    for line, text in passages(path):
        plain = re.sub(r"`[^`]*`", "`x`", text)
        found += [Finding(line, match[0].strip(), advice) for rule, advice in RULES.items() for match in re.finditer(rule, plain)]
    return found


def files() -> list[Path]:
    """All prose of the project, but the changelog of past versions and this file."""
    tops = ("dreamkeras", "cli", "serving", "tests", "benchmarks", "examples", "docs")
    inside = [path for top in tops for path in (ROOT / top).rglob("*") if path.suffix in (".py", ".md")]
    return sorted(path for path in [*inside, *ROOT.glob("*.md")] if path.name not in ("prose.py", "CHANGELOG.md"))


def backlog() -> dict[str, int]:
    lines = BACKLOG.read_text().splitlines()
    return {path: int(count) for count, path in (line.split(" ", 1) for line in lines)}


def main() -> None:
    if sys.argv[1:] == ["--backlog"]:
        counts = {path.relative_to(ROOT).as_posix(): len(findings(path)) for path in files()}
        BACKLOG.write_text("".join(f"{count} {path}\n" for path, count in counts.items() if count))
    for path in map(Path, [] if sys.argv[1:] == ["--backlog"] else sys.argv[1:]):
        for finding in findings(path):
            print(f"{path}:{finding.line}: {finding.text!r}: {finding.advice}")


if __name__ == "__main__":
    main()
