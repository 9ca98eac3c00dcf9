"""Reads constraints on designed inserts from options or a TOML file, and checks them for contradictions.

The module `design.rules` applies the constraints to sequences.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from dreamkeras.design.restriction_sites import find_site
from dreamkeras.errors import InputError
from dreamkeras.files.documents import read_toml
from dreamkeras.sequence.site_search import occurs_in

__all__ = ["Constraints", "read_constraints", "settle_constraints"]


LONGEST_RUN = 10_000
"""Maximum value of the constraint `homopolymer`. Designs are checked together with this number of constant bases on each side."""


class Constraints(NamedTuple):
    """Constraints on designed inserts. Instances are created by `settle_constraints`.

    Args:
        gc: Minimum and maximum GC content of the insert in per cent.
        forbid: Patterns of IUPAC codes. On both strands, none of them may occur in an insert or across an end of an insert.
        require: Patterns of IUPAC codes. On at least one strand, each must occur in every insert or across an end of the insert.
        homopolymer: Maximum number of equal bases in a row.
        fixed: First and last position of each range of the insert that must not change. Positions are counted from 1.
        max_edits: Maximum number of bases in which a design may differ from its start sequence.
    """

    gc: tuple[float, float] | None = None
    forbid: tuple[str, ...] = ()
    require: tuple[str, ...] = ()
    homopolymer: int | None = None
    fixed: tuple[tuple[int, int], ...] = ()
    max_edits: int | None = None


def read_constraints(path: str | Path) -> dict[str, Any]:
    """Reads the keys of a TOML file with constraints. `settle_constraints` checks the returned values and converts them to `Constraints`.

    Raises:
        InputError: The file does not exist, is not valid TOML, or has an unknown key.
    """
    fields = read_toml(path)
    if unknown := sorted(set(fields) - set(Constraints._fields)):
        raise InputError(f"Expected only the keys {', '.join(Constraints._fields)} in {path}, got {unknown[0]!r}.")
    return fields


def settle_constraints(fields: Mapping[str, Any]) -> Constraints:
    """Checks the values of constraints from options or a file, and returns the constraints.

    Args:
        fields: Value of each constraint, by the name of its field in `Constraints`. `forbid` and `require` are lists of enzyme names and
            patterns; `fixed` is a list of strings such as "5" and "1-10".

    Raises:
        InputError: A value is out of range or of the wrong type, or constraints contradict each other.

    Example:
        >>> settle_constraints({"gc": [40, 60], "forbid": ["EcoRI"], "fixed": ["1-10"]}).fixed
        ((1, 10),)
    """
    settled = Constraints(
        gc=_percentages(fields.get("gc")),
        forbid=tuple(map(find_site, _texts("forbid", fields))),
        require=tuple(map(find_site, _texts("require", fields))),
        homopolymer=_whole("homopolymer", fields, LONGEST_RUN),
        fixed=tuple(map(_range, _texts("fixed", fields))),
        max_edits=_whole("max_edits", fields),
    )
    for wanted in settled.require:
        for forbidden in settled.forbid:
            if occurs_in(forbidden, wanted):
                raise InputError(f"Constraints contradict each other: the required site {wanted} contains the forbidden site {forbidden}.")
    return settled


def _percentages(value: Any) -> tuple[float, float] | None:
    if value is None:
        return None
    is_pair = (
        isinstance(value, list | tuple) and len(value) == 2 and all(isinstance(x, int | float) and not isinstance(x, bool) for x in value)
    )
    # Values such as 0.4 and 0.6 are probably fractions. Hardly any sequence has a GC content between 0.4 % and 0.6 %.
    if not is_pair or not 0 <= value[0] <= value[1] <= 100 or 0 < value[1] <= 1:
        raise InputError(f"Expected gc as two percentages, the lower first, such as 40 and 60, got {value!r}.")
    return float(value[0]), float(value[1])


def _texts(name: str, fields: Mapping[str, Any]) -> tuple[str, ...]:
    value = fields.get(name, ())
    if not isinstance(value, list | tuple) or not all(isinstance(part, str) for part in value):
        raise InputError(f"Expected {name} to be a list of strings, got {value!r}.")
    return tuple(value)


def _whole(name: str, fields: Mapping[str, Any], most: int | None = None) -> int | None:
    value = fields.get(name)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or value < 1 or (most and value > most):
        raise InputError(f"Expected {name} to be an integer {f'from 1 to {most}' if most else 'of at least 1'}, got {value!r}.")
    return value


def _range(text: str) -> tuple[int, int]:
    found = re.fullmatch("([1-9][0-9]{0,17})(?:-([1-9][0-9]{0,17}))?", text.strip())
    first, last = (int(found[1]), int(found[2] or found[1])) if found else (1, 0)
    if last < first:
        raise InputError(f"Expected fixed positions such as '5' or '1-10', counted from 1, got {text!r}.")
    return first, last
