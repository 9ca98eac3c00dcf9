"""Provides the training and validation data of a run: reads or simulates examples, and splits them according to the configuration."""

import dataclasses
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from dreamkeras.data.assays.assay import Assay
from dreamkeras.data.assays.registry import find_assay
from dreamkeras.data.assays.table import OPTIONAL, fitted_layout, table_assay
from dreamkeras.data.assays.table_layout import TableLayout
from dreamkeras.data.examples import Examples
from dreamkeras.data.names import RAW
from dreamkeras.data.simulation.library import examples as simulated_examples
from dreamkeras.data.simulation.library import simulate
from dreamkeras.data.splits.choice import Method
from dreamkeras.data.splits.division import Division
from dreamkeras.data.splits.overlap import CHOSEN_ON, TOO_HIGH, overlap
from dreamkeras.data.splits.record import HoldOut, record_hold_out
from dreamkeras.data.weights import default_half, effective_number
from dreamkeras.errors import InputError, counted
from dreamkeras.evaluation.notes import Units
from dreamkeras.files.inputs import file_name
from dreamkeras.sequence.construct import Construct
from dreamkeras.sequence.task_scale import TaskScale, by_task
from dreamkeras.statistics.skewness import describe_skewness
from dreamkeras.training.config import SIMULATED, RunConfig
from dreamkeras.training.epochs.selection import target_variances

__all__ = [
    "RunData",
    "assay_of",
    "describe_weights",
    "names_of_folds",
    "on_training_scale",
    "read_begun",
    "read_data",
    "read_examples",
    "read_folds",
    "read_test",
    "repeated_ids",
    "test_notes",
    "with_window",
]

SMALLEST_SD = 1e-30
"""Smallest standard deviation of the training values of a task, unless all values are the same.

Numbers below 1.2e-38 have fewer digits in float32, and the differences between predictions must be larger. The largest value is
`decimals.LARGEST`.
"""

DOMINATED = 0.5
"""Share of the training examples. If raw weights have a smaller effective number, a few examples dominate the loss."""


class RunData(NamedTuple):
    """Data of a run.

    Args:
        training: Training examples.
        validation: Validation examples.
        common: Sentence on the sequences that are in both the training and the validation set. The sentence is empty if the split keeps
            similar sequences in the same set.
        read: Sentences on the number of rows in each file, as returned by `Examples.describe_reading`.
        hold_out: Record of the hold-out. None if the validation examples were not drawn at random.
        weights: Text on the weights of the training examples in the loss. The text is empty if they have no weights.
        test: Test examples. None if the run has no test set.
        test_notes: Sentences on the test sequences that are also in the training or the validation set, and on other units of their values.
        test_in_units: Whether the values of the test set are in the units of the model; see `evaluation.notes.Units`.
        advice: Sentence that suggests a transformation or a kind for the values of a table. The text is empty if none is needed.
    """

    training: Examples
    validation: Examples
    common: str = ""
    read: tuple[str, ...] = ()
    hold_out: HoldOut | None = None
    weights: str = ""
    test: Examples | None = None
    test_notes: tuple[str, ...] = ()
    test_in_units: bool = True
    advice: str = ""

    def facts(self) -> dict[str, Any]:
        """Returns what the files of a run folder state about the data, in addition to the configuration of the run."""
        numbers = {"examples": len(self.training), "validation_examples": len(self.validation)}
        texts = {"common": self.common, "weights": self.weights, "test_notes": self.test_notes, "advice": self.advice}
        return {**numbers, **texts, **({"hold_out": self.hold_out.to_json()} if self.hold_out else {})}


class Measured(NamedTuple):
    """Examples of a run before they are divided into training and validation examples.

    Args:
        examples: Examples for training and validation, with the folds that the configuration requires.
        test: Examples of the test fold. There are none if the run has no test fold.
        read: Sentences on the number of rows in each file.
    """

    examples: Examples
    test: Examples
    read: tuple[str, ...] = ()


def with_window(config: RunConfig) -> RunConfig:
    """Adds the window, the construct and the constant of saturating weights of the user's own table to the configuration.

    The window is long enough for the longest sequence.
    """
    if not config.table:
        return config
    layout = fitted_layout(config.table, [file for file in (*config.files, config.valid, config.test) if file], config.on_error)
    layout = _with_half(dataclasses.replace(config, table=layout), layout)
    return dataclasses.replace(config, table=layout, construct=config.construct or layout.construct().to_json())


def _with_half(config: RunConfig, layout: TableLayout) -> TableLayout:
    """Returns the layout with the constant of saturating weights, computed from the data without the test fold, unless it has one."""
    if not layout.saturates or layout.weight_half is not None or not config.data:
        return layout
    raw = dataclasses.replace(config, table=dataclasses.replace(layout, weight=RAW))
    parts = [assay_of(raw).read(file, config.on_error) for file in config.files]
    rest, _ = Division.of_run(dataclasses.asdict(config)).without_test(Examples.joined(parts))
    return layout if rest.weights is None else dataclasses.replace(layout, weight_half=default_half(rest.weights))


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


def on_training_scale(examples: Examples, scales: tuple[TaskScale, ...]) -> Examples:
    """Returns the examples with transformed targets. If `scales` is empty, the examples are returned unchanged."""
    return dataclasses.replace(examples, targets=by_task(scales, TaskScale.fitted, examples.targets)) if scales else examples


def read_examples(config: RunConfig) -> Measured:
    """Reads or simulates all examples of a run before the split, and draws folds if the configuration requires folds.

    Raises:
        InputError: The data cannot be read, the test fold does not exist, or there are too few examples for the folds.
    """
    return read_folds(config)[0]


def read_folds(config: RunConfig) -> tuple[Measured, Method | None]:
    """Returns the examples that `read_examples` returns, and how the folds were drawn. The method is None if no folds were drawn.

    Raises:
        InputError: The data cannot be read, the test fold does not exist, or there are too few examples for the folds.
    """
    read: tuple[str, ...] = ()
    if config.data:
        parts = [_read(config, file) for file in config.files]
        read = (
            *(part.describe_reading(file_name(file)) for part, file in zip(parts, config.files, strict=True)),
            *filter(None, [repeated_ids(parts)]),
        )
        examples = Examples.joined(parts)
    else:
        examples = simulated_examples(simulate(config.simulated or SIMULATED, config.seed_of_split))
    division = Division.of_run(dataclasses.asdict(config))
    rest, test = division.without_test(examples)
    drawn, method = division.drawn_folds(rest, assay_of(config).tasks)
    return Measured(drawn, test, read), method


def names_of_folds(examples: Examples) -> tuple[np.ndarray, list[Any]]:
    """Returns the fold of each example, and the sorted names or numbers of all folds.

    Raises:
        InputError: The examples have no folds, or all examples are in the same fold.
    """
    if examples.folds is None:
        raise InputError("The data have no fold column. Set folds to a number, so that the folds are drawn at random.")
    names = np.unique(examples.folds).tolist()
    if len(names) < 2:
        raise InputError(f"Expected two or more folds, but all sequences are in fold {names[0]}.")
    return examples.folds, names


def repeated_ids(parts: Sequence[Examples]) -> str:
    """Returns a sentence on the ids that occur in several files. The text is empty if there are none."""
    counts = Counter(name for part in parts for name in set(part.ids))
    repeated = sum(count > 1 for count in counts.values())
    if not repeated:
        return ""
    verb = "occurs" if repeated == 1 else "occur"
    return f"{counted(repeated, 'id')} {verb} in several files. All rows with a repeated id are used."


def read_test(config: RunConfig, fold: Examples) -> Examples | None:
    """Returns the test examples of a run without margins: those of the test file or of the test fold. None if the run has no test set.

    Args:
        config: Configuration of the run.
        fold: Examples of the test fold, as returned by `read_examples`.

    Raises:
        InputError: The test file cannot be read.
    """
    if config.test is None:
        return fold.centred() if len(fold) else None
    assay = assay_of(config)
    if config.table:
        assay = table_assay(config.table, assay.construct, OPTIONAL)
    return _remarked((assay.read_test or assay.read)(config.test, config.on_error)).centred()


def read_data(config: RunConfig) -> RunData:
    """Reads the training, validation and test examples of a run.

    Raises:
        InputError: The data cannot be read or cannot be split as configured, or their values are too small for float32.
    """
    ((training, test_fold, read), method), place, common, hold_out = read_folds(config), "", "", None
    if config.valid:
        validation, place = _read(config, config.valid), f"in {file_name(config.valid)}"
        read += (validation.describe_reading(file_name(config.valid)),)
    else:
        tasks = assay_of(config).tasks
        training, validation, method, requested = Division.of_run(dataclasses.asdict(config)).divided(training, tasks, method)
        hold_out = record_hold_out(method, requested, training, validation, tasks) if method else None
    test = read_test(config, test_fold)
    if test is not None:
        read += (test.describe_reading(file_name(config.test)),) if config.test else ()
        read += (f"Testing on {counted(len(test), 'sequence')} {_test_place(config)}, after the training.",)
    _require_spread(training, config)
    if config.valid_fold is not None and not hold_out:
        place = _place(config, config.valid_fold)
    if place and any(shared := overlap(training, validation)):
        common = shared.describe(len(validation), place)
    assay = assay_of(config)
    advice = describe_skewness(training.targets, assay.tasks, assay.scales) if config.table else ""
    data = RunData(training, validation.centred(), common, read, hold_out, describe_weights(config.table, training), advice=advice)
    if test is None:
        return data
    units = Units.of(assay, test.targets)
    notes = (*test_notes(config, training, validation, test), *units.notes(_test_place(config).removeprefix("in ")))
    return data._replace(test=test, test_notes=notes, test_in_units=units.are_the_models)


def test_notes(config: RunConfig, training: Examples, validation: Examples, test: Examples) -> tuple[str, ...]:
    """Returns a sentence for each of the training and validation sets that shares sequences or near-duplicates with the test set."""
    notes = []
    for part, known, consequence in ((training, "training", TOO_HIGH), (validation.centred(), "validation", CHOSEN_ON)):
        if len(part) and any(shared := overlap(part, test)):
            notes.append(shared.describe(len(test), _test_place(config), known, consequence))
    return tuple(notes)


def _test_place(config: RunConfig) -> str:
    return f"in {file_name(config.test)}" if config.test else _place(config, config.test_fold)


def _place(config: RunConfig, fold: int | str | None) -> str:
    return f"on {fold}" if config.atac else f"of fold {fold}"


def describe_weights(layout: TableLayout | None, training: Examples) -> str:
    """Returns a text on the weights of the training examples and on their effective number. The text is empty if they have no weights."""
    if layout is None or training.weights is None:
        return ""
    effective = effective_number(training.weights)
    text = f"{layout.describe_weights()}. Effective number of training sequences: {effective:,.0f} of {len(training):,}"
    if layout.weight_column is None or layout.saturates or effective >= DOMINATED * len(training):
        return text
    return f"{text}. A few sequences dominate the loss. Omit --weight {RAW} to limit their weights"


def _require_spread(training: Examples, config: RunConfig) -> None:
    """Raises an error if the values of a task differ by so little that float32, in which models compute, cannot represent predictions.

    Values that are all the same are allowed.
    """
    assay = assay_of(config)
    targets = on_training_scale(training, assay.scales).targets
    for task, sd in zip(assay.tasks, np.sqrt(target_variances(targets)), strict=True):
        if 0 < sd < SMALLEST_SD:
            raise InputError(
                f"The values of {task} in {', '.join(config.files)} are too small for float32: their standard deviation is {sd:.1e}, "
                f"below {SMALLEST_SD:g}. Express the values in a smaller unit, for example as multiples of {sd:.0e}."
            )


def _read(config: RunConfig, path: str) -> Examples:
    """Reads the examples of a file, and prints notes on how the file was read to standard error."""
    return _remarked(assay_of(config).read(path, config.on_error))


def _remarked(examples: Examples) -> Examples:
    """Prints the remarks of examples to standard error, and returns the examples."""
    sys.stderr.writelines(f"{remark}\n" for remark in examples.remarks)
    return examples
