"""Grid: the runs of a benchmark, described by a TOML file.

```toml
models = ["dream-cnn-small", "bhi,bhi,autosome"]  # presets, or FIRST,CORE,FINAL blocks
strategies = ["autosome", "bhi"]                  # default: the strategy of each model
seeds = [0, 1]
parallel = 2                                      # runs at a time; default: depends on the number of CPUs

[budget]                                          # limits of each run; default: epochs that depend on the number of rows
steps = 3000
minutes = 10

[options]                                         # fields of RunConfig; each value of a list is tried, unless the field itself is a list
batch_size = [32, 64]
learning_rate = 0.005
```

For the assay `table`, a section `[table]` holds the fields of `data.assays.table_layout.TableLayout`.
"""

import itertools
import re
import types
import typing
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from dreamkeras.data.assays.table_layout import TableLayout
from dreamkeras.data.names import SATURATING
from dreamkeras.errors import InputError
from dreamkeras.files.documents import read_toml
from dreamkeras.models.names import entry_of
from dreamkeras.training.config import RunConfig

__all__ = ["DEFAULT_GRID", "Grid", "GridRun", "expand", "read_grid"]

KEYS = {"models": str, "strategies": str, "seeds": int}
"""Type of the list elements for each key of a grid whose value is a list."""

BUDGET = ("steps", "minutes")

TAKEN = {"data", "assay", "model", "alternates", "strategy", "seed", "folds", "table", "atac", "construct", *BUDGET} | {
    "extended_after",
    "fingerprint",
    "test_fingerprint",
    "fitted_steps",
}
"""Fields of `RunConfig` that cannot be set under `options`."""

SHARED = ("valid", "valid_fold", "valid_fraction", "holdout", "split_seed", "test", "test_fold")
"""Options that accept only one value in a grid, so that all runs validate on the same sequences."""

SPLIT_SEED = 0

SEEDS = [0, 1]
"""Default seeds."""

DEFAULT_GRID: dict[str, Any] = {
    "models": ["dream-cnn-small", "dream-rnn-small", "dream-attn-small"],
    "seeds": SEEDS,
    "budget": {"steps": 1000},
}
"""Default grid."""


class GridRun(NamedTuple):
    """One run of a grid.

    Args:
        name: Name of the run folder.
        combination: Name of the combination of options. Runs that differ only in the seed belong to the same combination.
        config: Configuration of the run.
    """

    name: str
    combination: str
    config: RunConfig


class Grid(NamedTuple):
    """Runs of a grid.

    Args:
        runs: Runs of every combination with every seed, grouped by combination.
        parallel: Number of runs at a time. If None, the number depends on the number of CPUs.
    """

    runs: list[GridRun]
    parallel: int | None


def read_grid(path: Path | None, **base: Any) -> Grid:
    """Reads a grid from a TOML file.

    Args:
        path: TOML file. If None, the default grid is used.
        base: Fields of `RunConfig` that all runs share, such as `data`, `assay` and `backend`.

    Raises:
        InputError: The file cannot be read or is not a valid grid. The message names the file and the key.
    """
    if path is None:
        return expand(DEFAULT_GRID, **base)
    fields = read_toml(path)
    try:
        return expand(fields, **base)
    except ValueError as error:
        raise InputError(f"{str(error).rstrip('.')} in the grid {path}.") from None


def expand(fields: Mapping[str, Any], **base: Any) -> Grid:
    """Creates the runs of a grid from the contents of the grid file.

    Args:
        fields: Contents of the grid file, as parsed from TOML.
        base: Fields of `RunConfig` that all runs share.

    Raises:
        InputError: A key is unknown, a value has the wrong type, or two runs would be identical.
    """
    _check_keys(fields, {*KEYS, "options", "budget", "parallel", "table"}, "keys")
    lists = {key: _list(fields, key, kind) for key, kind in KEYS.items()}
    shared = {"split_seed": SPLIT_SEED, **base, **_budget(fields)}
    if "table" in fields:
        shared["table"] = TableLayout.from_json(_as_options(fields["table"]))
    axes = _axes(fields)
    constant = {name: values[0] for name, values in axes.items() if len(values) == 1}
    varied = {name: values for name, values in axes.items() if len(values) > 1}
    runs = []
    for combination, choices in _combinations(lists["models"], lists["strategies"], varied):
        for seed in lists["seeds"] or SEEDS:
            config = RunConfig(**{**shared, **constant, **choices, "seed": seed})
            runs.append(GridRun(f"{combination}_seed-{seed}", combination, config))
    names = [run.name for run in runs]
    if repeated := next((name for name in names if names.count(name) > 1), None):
        raise InputError(f"Expected different runs, got {repeated} twice")
    return Grid(runs, _parallel(fields))


def _as_options(table: Any) -> Any:
    """Converts all column names and column positions in a table layout to text, because options of the command line are also text.

    If a text is a number, the text is first treated as a column name. If no column has this name, the number is treated as a position.
    """
    is_columns = isinstance(table, dict)
    if not is_columns:
        return table
    return {"weight": SATURATING, **{name: _as_text(value) if "_column" in name else value for name, value in table.items()}}


def _as_text(value: Any) -> Any:
    return [_as_text(part) for part in value] if isinstance(value, list) else str(value) if _is(value, int) else value


def _combinations(models: list[str], strategies: list[str], varied: Mapping[str, list[Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yields the name of each combination and the fields that differ between combinations."""
    if not models:
        raise InputError("Expected a list of models (presets, or blocks as FIRST,CORE,FINAL), got none")
    blocks = [[part.strip() for part in model.split(",")] for model in models]
    models = [entry_of(parts) or ",".join(parts) for parts in blocks]
    axes = {"model": models, **({"strategy": strategies} if strategies else {}), **varied}
    for values in itertools.product(*axes.values()):
        choices = dict(zip(axes, values, strict=True))
        parts = [f"{name}-{value}" if name in varied else value for name, value in choices.items()]
        yield "_".join(re.sub(r"[^A-Za-z0-9.+-]+", "-", part) for part in parts), choices


def _list(fields: Mapping[str, Any], key: str, kind: type) -> list[Any]:
    values = fields.get(key, [])
    if not isinstance(values, list) or not all(_is(value, kind) for value in values) or (key in fields and not values):
        raise InputError(f"Expected {key} to be a list of {'whole numbers' if kind is int else 'names'}, got {values!r}")
    return values


def _budget(fields: Mapping[str, Any]) -> dict[str, float]:
    budget = fields.get("budget", {})
    if not isinstance(budget, dict):
        raise InputError(f"Expected a budget of steps, minutes or both, got {budget!r}")
    _check_keys(budget, set(BUDGET), "budget keys")
    for name, value in budget.items():
        if not _is(value, int if name == "steps" else float) or not value > 0:
            raise InputError(f"Expected {name} of the budget to be a number above 0, got {value!r}")
    return budget


def _axes(fields: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Returns the list of values of each option. An option that is not a list has one value."""
    options = fields.get("options", {})
    if not isinstance(options, dict):
        raise InputError(f"Expected options to be a table, got {options!r}")
    kinds = typing.get_type_hints(RunConfig)
    _check_keys(options, set(kinds) - TAKEN, "options")
    axes = {}
    for name, value in options.items():  # the value of a field such as `freeze` is itself a list, which is not split
        listed = value if isinstance(value, list) else [value]
        axes[name] = [tuple(listed)] if typing.get_origin(kinds[name]) is tuple else listed
    for name, values in axes.items():
        hint = kinds[name]
        members = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
        allowed = [kind for kind in members if kind is not types.NoneType]
        if not values or not all(any(_is(value, kind) for kind in allowed) for value in values):
            wanted = " or ".join("list of names" if typing.get_origin(kind) is tuple else kind.__name__ for kind in allowed)
            raise InputError(f"Expected {name} to be of type {wanted}, got {options[name]!r}")
        if name in SHARED and len(values) > 1:
            raise InputError(f"All runs must validate on the same sequences. Expected a single value of {name}, got {values!r}")
    return axes


def _parallel(fields: Mapping[str, Any]) -> int | None:
    parallel = fields.get("parallel")
    if parallel is not None and not (_is(parallel, int) and parallel > 0):
        raise InputError(f"Expected parallel to be a whole number above 0, got {parallel!r}")
    return parallel


def _is(value: Any, kind: Any) -> bool:
    """Whether a TOML value has the given type. An integer is accepted as a float, but a bool is not accepted as a number."""
    if typing.get_origin(kind) is tuple:
        return all(_is(part, typing.get_args(kind)[0]) for part in value)
    if isinstance(value, bool):
        return kind is bool
    return isinstance(value, kind) or (kind is float and isinstance(value, int))


def _check_keys(fields: Mapping[str, Any], known: set[str], what: str) -> None:
    if unknown := sorted(set(fields) - known):
        raise InputError(f"Expected one of the {what} {', '.join(sorted(known))}, got {unknown[0]!r}")
