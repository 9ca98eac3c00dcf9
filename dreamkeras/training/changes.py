"""Applies the changes that a resumed run accepts: moved files of its data, another length, and other limits. Does not import Keras."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from dreamkeras.errors import InputError
from dreamkeras.files.inputs import full_path
from dreamkeras.training.config import GENOME_FILES, RunConfig, renamed

__all__ = ["CHANGEABLE", "DATA_FILES", "LENGTH", "LIMITS", "SCHEDULE", "changed"]

DATA_FILES = ("data", "valid", "test")
"""Fields of `RunConfig` that are paths of the data. The fingerprint of the data must stay the same."""

LENGTH = ("epochs", "steps")
"""Fields that set the total length of a run. The schedule of the learning rate depends on the length."""

SCHEDULE = (*LENGTH, "fitted_steps")
"""Fields on which the schedule of the learning rate depends."""

LIMITS = ("patience", "minutes")
"""Fields that end a run early."""

CHANGEABLE = (*DATA_FILES, *GENOME_FILES, *LENGTH, *LIMITS)
"""Names of the changes that a resumed run accepts."""


def changed(config: RunConfig, changes: Mapping[str, Any]) -> RunConfig:
    """Returns the configuration of a run with some of its fields changed.

    Args:
        config: Stored configuration of the run.
        changes: New values for names in `CHANGEABLE`. A value of None keeps the stored value. `epochs` and `steps` replace each other, and
            replace a length that was shortened for `minutes`.

    Raises:
        InputError: A name is not in `CHANGEABLE`, or a value does not fit the run.
    """
    fields = {name: value for name, value in changes.items() if value is not None}
    if unknown := sorted(set(fields) - set(CHANGEABLE)):
        raise InputError(f"Expected changes of a resumed run among {', '.join(CHANGEABLE)}, got {', '.join(unknown)}.")
    if "test" in fields and config.test is None:
        raise InputError("The run has no test file, so --test cannot be changed. Use `dreamkeras evaluate` to test the finished model.")
    if "data" in fields:
        fields["simulated"] = None
    if any(name in fields for name in LENGTH):
        fields = {**dict.fromkeys(SCHEDULE), **fields}
    fields |= {name: renamed(fields[name], full_path) for name in DATA_FILES if name in fields}
    genome: dict[str, Any] = {name: full_path(str(fields.pop(name))) for name in GENOME_FILES if name in fields}
    if genome:
        if config.atac is None:
            raise InputError(f"Only a run with assay 'atac' reads a {' and a '.join(genome)} file, got a run with assay {config.assay!r}.")
        fields["atac"] = dataclasses.replace(config.atac, **genome)
    return dataclasses.replace(config, **fields)
