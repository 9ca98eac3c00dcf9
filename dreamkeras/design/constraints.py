"""Constraints: what designed inserts have to keep to, from options or a TOML file, checked for contradictions.

Knows nothing about sequences: `design.rules` checks letters against them.
"""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from dreamkeras.design.restriction_sites import find_site
from dreamkeras.errors import InputError
from dreamkeras.files.inputs import read_text
from dreamkeras.sequence.site_search import occurs_in

__all__ = ["Constraints", "read_constraints", "settle_constraints"]


class Constraints(NamedTuple):
    """Constraints on designed inserts; made by `settle_constraints`.

    Args:
        gc: Least and most G and C among the insert's letters, in percent.
        forbid: Sites that no insert may hold or be part of, on either strand, as IUPAC patterns.
        require: Sites that each insert has to hold a letter of, likewise.
        homopolymer: Most equal letters in a row.
        fixed: Positions that stay as they are: first and last, from 1, both included.
        max_edits: Most letters that may differ from the start.
    """

    gc: tuple[float, float] | None = None
    forbid: tuple[str, ...] = ()
    require: tuple[str, ...] = ()
    homopolymer: int | None = None
    fixed: tuple[tuple[int, int], ...] = ()
    max_edits: int | None = None


def read_constraints(path: str | Path) -> dict[str, Any]:
    """The fields of a TOML file, for `settle_constraints`.

    Raises:
        InputError: It is missing or no TOML, or has a key that names no constraint.
    """
    try:
        fields = tomllib.loads(read_text(path))
    except (OSError, ValueError) as error:
        reason = (error.strerror or error) if isinstance(error, OSError) else error
        raise InputError(f"Expected a TOML file of constraints, got {path} ({reason}).") from None
    if unknown := sorted(set(fields) - set(Constraints._fields)):
        raise InputError(f"Expected keys among {', '.join(Constraints._fields)}, got {unknown[0]!r} in {path}.")
    return fields


def settle_constraints(fields: Mapping[str, Any]) -> Constraints:
    """Constraints from options or a file.

    Args:
        fields: Values by the names of `Constraints`: `forbid` and `require` are lists of enzymes' names and patterns, `fixed` is a list
            of texts such as "5" and "1-10".

    Raises:
        InputError: A value is out of range or of another type, or two of them contradict each other.

    Example:
        >>> settle_constraints({"gc": [40, 60], "forbid": ["EcoRI"], "fixed": ["1-10"]}).fixed
        ((1, 10),)
    """
    settled = Constraints(
        gc=_percentages(fields.get("gc")),
        forbid=tuple(map(find_site, _texts("forbid", fields))),
        require=tuple(map(find_site, _texts("require", fields))),
        homopolymer=_whole("homopolymer", fields, 1),
        fixed=tuple(map(_range, _texts("fixed", fields))),
        max_edits=_whole("max_edits", fields, 1),
    )
    for wanted in settled.require:
        for forbidden in settled.forbid:
            if occurs_in(forbidden, wanted):
                raise InputError(f"Expected constraints that go together, got {wanted} required, which holds the forbidden {forbidden}.")
    return settled


def _percentages(value: Any) -> tuple[float, float] | None:
    if value is None:
        return None
    is_pair = isinstance(value, list | tuple) and len(value) == 2 and all(isinstance(x, int | float) for x in value)
    # 0.4 to 0.6 is meant as shares, and would be a GC content that no sequence has.
    if not is_pair or not 0 <= value[0] <= value[1] <= 100 or 0 < value[1] <= 1:
        raise InputError(f"Expected gc as two percentages, the lower first, such as 40 and 60, got {value!r}.")
    return float(value[0]), float(value[1])


def _texts(name: str, fields: Mapping[str, Any]) -> tuple[str, ...]:
    value = fields.get(name, ())
    if not isinstance(value, list | tuple) or not all(isinstance(part, str) for part in value):
        raise InputError(f"Expected {name} as a list of texts, got {value!r}.")
    return tuple(value)


def _whole(name: str, fields: Mapping[str, Any], least: int) -> int | None:
    value = fields.get(name)
    if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < least):
        raise InputError(f"Expected {name} to be a whole number from {least} on, got {value!r}.")
    return value


def _range(text: str) -> tuple[int, int]:
    found = re.fullmatch("([1-9][0-9]{0,17})(?:-([1-9][0-9]{0,17}))?", text.strip())
    first, last = (int(found[1]), int(found[2] or found[1])) if found else (1, 0)
    if last < first:
        raise InputError(f"Expected fixed positions such as '5' or '1-10', from 1 on, got {text!r}.")
    return first, last
