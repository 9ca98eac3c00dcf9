"""Provides the training and validation data of a run: reads or simulates examples, and splits them according to the configuration."""

import dataclasses
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np

from dreamkeras.data.assays.assay import Assay
from dreamkeras.data.assays.registry import find_assay
from dreamkeras.data.assays.table import fitted_layout
from dreamkeras.data.examples import Examples, fingerprint
from dreamkeras.data.simulation.library import examples as simulated_examples
from dreamkeras.data.simulation.library import simulate
from dreamkeras.data.splits.division import Division
from dreamkeras.data.splits.overlap import overlap
from dreamkeras.errors import InputError
from dreamkeras.files.inputs import file_name, require_file
from dreamkeras.sequence.construct import Construct
from dreamkeras.training.config import GENOME_FILES, SIMULATED, RunConfig
from dreamkeras.training.epochs.selection import target_variances

__all__ = ["RunData", "assay_of", "read_begun", "read_data", "read_examples", "require_files", "require_same_data", "with_window"]


SMALLEST_SD = 1e-30
"""Smallest standard deviation of the training values of a task, unless all values are the same.

Numbers below 1.2e-38 have fewer digits in float32, and the differences between predictions must be larger. The largest value is
`measurements.LARGEST`.
"""


class RunData(NamedTuple):
    """Data of a run.

    Args:
        training: Training examples.
        validation: Validation examples.
        common: Sentence on the sequences that are in both the training and the validation set. The sentence is empty if the split keeps
            similar sequences in the same set.
        read: Sentences on the number of rows in each file, as returned by `Examples.describe_reading`.
    """

    training: Examples
    validation: Examples
    common: str = ""
    read: tuple[str, ...] = ()


def require_files(config: RunConfig, folder: Path) -> None:
    """Raises an error if a run cannot be resumed, because its data were read from a stream, which can be read only once.

    Raises:
        InputError: The data or the validation data were read from a stream.
    """
    for option, file in (("FILE", config.data), ("--valid FILE", config.valid)):
        if file:
            require_file(file, f"save the same data as FILE, and run: dreamkeras train {option} --resume --out {folder}")


def require_same_data(training: Examples, validation: Examples, config: RunConfig, begun: RunConfig, folder: Path) -> None:
    """Raises an error if the data of a run to resume are not the data with which the run was started.

    Args:
        training: Training examples.
        validation: Validation examples.
        config: Configuration with which the run is resumed.
        begun: Stored configuration of the run.
        folder: Run folder.

    Raises:
        InputError: The fingerprint of the data differs from the stored fingerprint.
    """
    if fingerprint(training, validation) == begun.fingerprint:
        return
    if (config.data, config.valid, config.atac) == (begun.data, begun.valid, begun.atac):
        raise InputError(
            f"Cannot resume the run in {folder}: the data in {config.data or 'the simulation'} have changed since the run was started."
        )
    genome = [getattr(config.atac, name) for name in GENOME_FILES] if config.atac else []
    files = ", ".join(filter(None, (config.data, config.valid, *genome)))
    raise InputError(f"Cannot resume the run in {folder}: the data in {files} differ from the data with which the run was started.")


def with_window(config: RunConfig) -> RunConfig:
    """Adds the window and construct of the user's own table to the configuration. The window is long enough for the longest sequence."""
    if not config.table:
        return config
    layout = fitted_layout(config.table, [file for file in (config.data, config.valid) if file], config.on_error)
    return dataclasses.replace(config, table=layout, construct=config.construct or layout.construct().to_json())


def read_begun(path: Path) -> RunConfig:
    """Reads the stored configuration of a run. If an older version did not store the construct, the construct is added.

    Raises:
        InputError: The file is missing or malformed.
    """
    config = RunConfig.read(path)
    return dataclasses.replace(config, construct=config.table.construct_of_run(config.construct).to_json()) if config.table else config


def assay_of(config: RunConfig) -> Assay:
    """Returns the assay of a run. If the configuration contains a construct, the assay has this construct."""
    return find_assay(config.assay, config.layout, Construct.from_json(config.construct) if config.construct else None)


def read_examples(config: RunConfig) -> Examples:
    """Reads or simulates all examples of a run before the split, and draws folds if the configuration requires folds.

    Raises:
        InputError: The data cannot be read, or there are too few examples for the folds.
    """
    if config.data:
        examples = _read(config, config.data)
    else:
        examples = simulated_examples(simulate(config.simulated or SIMULATED, config.seed_of_split))
    return Division.of_run(dataclasses.asdict(config)).with_folds(examples)


def read_data(config: RunConfig) -> RunData:
    """Reads the training and validation examples of a run.

    Raises:
        InputError: The data cannot be read or cannot be split as configured, or their values are too small for float32.
    """
    training, place, common = read_examples(config), "", ""
    read = [training.describe_reading(file_name(config.data))] if config.data else []
    if config.valid:
        validation, place = _read(config, config.valid), f"in {file_name(config.valid)}"
        read.append(validation.describe_reading(file_name(config.valid)))
    else:
        training, validation = Division.of_run(dataclasses.asdict(config)).divide(training)
    _require_spread(training, config)
    if config.valid_fold is not None:
        place = f"on {config.valid_fold}" if config.atac else f"of fold {config.valid_fold}"
    if place and any(shared := overlap(training, validation)):
        common = shared.describe(len(validation), place)
    return RunData(training, validation.centred(), common, tuple(read))


def _require_spread(training: Examples, config: RunConfig) -> None:
    """Raises an error if the values of a task differ by so little that float32, in which models compute, cannot represent predictions.

    Values that are all the same are allowed.
    """
    for task, sd in zip(assay_of(config).tasks, np.sqrt(target_variances(training.targets)), strict=True):
        if 0 < sd < SMALLEST_SD:
            raise InputError(
                f"The values of {task} in {config.data} are too small for float32: their standard deviation is {sd:.1e}, "
                f"below {SMALLEST_SD:g}. Express the values in a smaller unit, for example as multiples of {sd:.0e}."
            )


def _read(config: RunConfig, path: str) -> Examples:
    """Reads the examples of a file, and prints notes on how the file was read to standard error."""
    examples = assay_of(config).read(path, config.on_error)
    sys.stderr.writelines(f"{remark}\n" for remark in examples.remarks)
    return examples
