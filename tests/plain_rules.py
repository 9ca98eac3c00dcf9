"""A reference implementation of design constraints on strings in plain Python, and a construct with adapters and flanks on both sides."""

import itertools
import re

from dreamkeras.design.constraints import settle_constraints
from dreamkeras.sequence.construct import Construct

FLANKED = Construct(
    "flanked",
    length=24,
    left_adapter="TTGA",
    right_adapter="TTCC",
    left_flank="GGACTTTGA",
    right_flank="AAAGG",
    shortest=2,
    strands="given",
)
"""A construct of 2 to 20 bases between adapters and flanks, at the right end of the window."""

CLASSES = {
    "R": "[AG]",
    "Y": "[CT]",
    "S": "[CG]",
    "W": "[AT]",
    "K": "[GT]",
    "M": "[AC]",
    "B": "[CGT]",
    "D": "[AGT]",
    "H": "[ACT]",
    "V": "[ACG]",
}
CLASSES |= {"N": "[ACGT]"}
PARTNERS = str.maketrans("ACGTRYSWKMBDHVN", "TGCAYRSWMKVHDBN")


def shows(pattern, construct, insert):
    """Returns whether a site occurs on either strand of the molecule and overlaps the insert."""
    molecule = (construct.left_flank or construct.left_adapter) + insert + construct.right_adapter + construct.right_flank
    first = len(construct.left_flank or construct.left_adapter)
    expressions = ["".join(CLASSES.get(code, code) for code in text) for text in (pattern, pattern[::-1].translate(PARTNERS))]
    starts = [found.start() for text in expressions for found in re.finditer(f"(?={text})", molecule)]
    return any(start < first + len(insert) and start + len(pattern) > first for start in starts)


def longest_run(construct, insert):
    """Returns the length of the longest homopolymer that overlaps the insert."""
    left = construct.left_flank or construct.left_adapter
    place, longest = 0, 0
    for _, run in itertools.groupby(left + insert + construct.right_adapter + construct.right_flank):
        length = len(list(run))
        if place < len(left) + len(insert) and place + length > len(left):
            longest = max(longest, length)
        place += length
    return longest


def keeps(fields, construct, start, insert):
    """Returns whether a design satisfies the constraints given to `settle_constraints`."""
    asked = settle_constraints(fields)
    differs = [one != other for one, other in zip(start, insert, strict=True)]
    percent = 100 * sum(letter in "GC" for letter in insert) / len(insert)
    return (
        not insert.startswith(construct.left_adapter)
        and not insert[len(construct.left_adapter) :].endswith(construct.right_adapter)
        and (asked.gc is None or asked.gc[0] <= percent <= asked.gc[1])
        and not any(shows(site, construct, insert) for site in asked.forbid)
        and all(shows(site, construct, insert) for site in asked.require)
        and (asked.homopolymer is None or longest_run(construct, insert) <= asked.homopolymer)
        and not any(any(differs[first - 1 : last]) for first, last in asked.fixed)
        and (asked.max_edits is None or sum(differs) <= asked.max_edits)
    )
