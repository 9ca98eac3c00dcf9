"""Training and validation data of a run, read from files or simulated, and split as its configuration says."""

import dataclasses
import sys
from pathlib import Path
from typing import NamedTuple

from dreamkeras.data.assays.assay import Assay
from dreamkeras.data.assays.registry import find_assay
from dreamkeras.data.assays.table import fitted_layout
from dreamkeras.data.examples import Examples
from dreamkeras.data.simulation.library import examples as simulated_examples
from dreamkeras.data.simulation.library import simulate
from dreamkeras.data.splits.division import Division
from dreamkeras.data.splits.overlap import overlap
from dreamkeras.files.inputs import file_name, require_file
from dreamkeras.sequence.construct import Construct
from dreamkeras.training.config import SIMULATED, RunConfig

__all__ = ["RunData", "assay_of", "read_begun", "read_data", "read_examples", "require_files", "with_window"]


class RunData(NamedTuple):
    """What a run trains and validates on.

    Args:
        training: The one.
        validation: The other.
        common: A line on what both have in common; empty where a split keeps that apart.
        read: A line on the rows of each file, as `Examples.describe_reading` gives it.
    """

    training: Examples
    validation: Examples
    common: str = ""
    read: tuple[str, ...] = ()


def require_files(config: RunConfig, folder: Path) -> None:
    """Refuses to go on with a run whose data could be read only once.

    Raises:
        InputError: They could.
    """
    for name, file in (("data", config.data), ("valid", config.valid)):
        if file:
            require_file(file, f'save the same data as a file, and name it as "{name}" in {folder / "config.json"}')


def with_window(config: RunConfig) -> RunConfig:
    """The choices with window and construct of the user's own table settled, if it is one: it holds the longest sequence of its files."""
    if not config.table:
        return config
    layout = fitted_layout(config.table, [file for file in (config.data, config.valid) if file])
    return dataclasses.replace(config, table=layout, construct=config.construct or layout.construct().to_json())


def read_begun(path: Path) -> RunConfig:
    """The choices of a run that has begun, with its construct, which older versions did not write down.

    Raises:
        InputError: The file is missing or no such choices.
    """
    config = RunConfig.read(path)
    return dataclasses.replace(config, construct=config.table.construct_of_run(config.construct).to_json()) if config.table else config


def assay_of(config: RunConfig) -> Assay:
    """What a run measures, with the construct that it began with, once that is settled."""
    return find_assay(config.assay, config.layout, Construct.from_json(config.construct) if config.construct else None)


def read_examples(config: RunConfig) -> Examples:
    """What a run divides into training and validation examples; with folds where some are to be drawn.

    Raises:
        InputError: The data cannot be read, or are too few for the folds.
    """
    if config.data:
        examples = _read(config, config.data)
    else:
        examples = simulated_examples(simulate(config.simulated or SIMULATED, config.seed_of_split))
    return Division.of_run(dataclasses.asdict(config)).with_folds(examples)


def read_data(config: RunConfig) -> RunData:
    """What a run trains and validates on.

    Raises:
        InputError: The data cannot be read, or not be divided as it is chosen.
    """
    training, place, common = read_examples(config), "", ""
    read = [training.describe_reading(file_name(config.data))] if config.data else []
    if config.valid:
        validation, place = _read(config, config.valid), f"in {file_name(config.valid)}"
        read.append(validation.describe_reading(file_name(config.valid)))
    else:
        training, validation = Division.of_run(dataclasses.asdict(config)).divide(training)
    if config.valid_fold is not None:
        place = f"on {config.valid_fold}" if config.atac else f"of fold {config.valid_fold}"
    if place and any(shared := overlap(training, validation)):
        common = shared.describe(len(validation), place)
    return RunData(training, validation.centred(), common, tuple(read))


def _read(config: RunConfig, path: str) -> Examples:
    """The examples of a file; what was decided when it was read is told on standard error."""
    examples = assay_of(config).read(path)
    sys.stderr.writelines(f"{remark}\n" for remark in examples.remarks)
    return examples
