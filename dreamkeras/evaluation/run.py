"""Runs an evaluation: reads measurements, scores models or reads their predictions, computes metrics and writes a folder."""

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from dreamkeras.data.assays.assay import Assay
from dreamkeras.data.assays.atac_layout import AtacLayout
from dreamkeras.data.assays.registry import ASSAYS, TABLE, find_assay
from dreamkeras.data.assays.table import OPTIONAL, fitted_layout, settled_layout, table_assay
from dreamkeras.data.assays.table_layout import TableLayout
from dreamkeras.data.examples import Examples
from dreamkeras.errors import InputError, ModelError, OnError
from dreamkeras.evaluation.evaluate import Evaluation, evaluate
from dreamkeras.evaluation.files import write_evaluation
from dreamkeras.evaluation.notes import Units, overlap_notes, remarks, undefined_notes
from dreamkeras.evaluation.predictions_file import read_predictions
from dreamkeras.evaluation.subsets import RowSequences, read_subsets
from dreamkeras.evaluation.training_data import TrainingData, read_training_data
from dreamkeras.files.folders import open_folder
from dreamkeras.files.inputs import file_name, rereadable
from dreamkeras.scoring.manifest import write_manifest
from dreamkeras.scoring.model_file import require_different
from dreamkeras.scoring.predictor import OnnxPredictor, load
from dreamkeras.scoring.scorer import BATCH_SIZE
from dreamkeras.sequence.construct import Construct
from dreamkeras.sequence.task_scale import TaskScale
from dreamkeras.statistics.bootstrap import DRAWS

__all__ = ["EvaluationChoices", "Notes", "choose_assay", "run_evaluation", "score_examples"]


class EvaluationChoices(NamedTuple):
    """Options of an evaluation.

    Args:
        data: File with measured sequences.
        models: Run folders or `.onnx` files. Each model is evaluated separately.
        predictions: Tables with predictions for the sequences in `data`, in the format that `dreamkeras predict` writes.
        assay: Name of the assay. If None, the assay of the first model is used.
        table: Fields of `TableLayout` for the assay `table`. If the first model was trained on a table, the other fields are those of
            its training.
        summits: Whether windows are centred on the summits in column 10 of a file of peaks. If None, windows are placed as in the
            training of the first model.
        subsets: Folder with the test subsets of the DREAM Challenge.
        public: Folder with the rows of the DREAM Challenge's public leaderboard, which are excluded from the subsets.
        draws: Number of bootstrap resamples.
        seed: Random seed for the resamples.
        device: Device on which the models run; see `scoring.session`.
        batch_size: Number of sequences scored at a time.
        on_error: Action for invalid rows of the data file, and for regions that are not in the genome; see `errors.OnError`.
    """

    data: str
    models: tuple[str, ...] = ()
    predictions: tuple[str, ...] = ()
    assay: str | None = None
    table: Mapping[str, Any] = MappingProxyType({})
    summits: bool | None = None
    subsets: str | None = None
    public: str | None = None
    draws: int = DRAWS
    seed: int = 0
    device: str = "auto"
    batch_size: int = BATCH_SIZE
    on_error: OnError = "fail"


class Notes(NamedTuple):
    """Notes on an evaluation.

    Args:
        warnings: Reasons why metrics are misleading or undefined.
        remarks: Notes on reading the measurements, such as the number of skipped rows.
    """

    warnings: list[str]
    remarks: list[str]


def run_evaluation(
    choices: EvaluationChoices, folder: Path, command: str, progress: Callable[[int], None] | None = None
) -> tuple[Evaluation, Notes]:
    """Runs an evaluation and writes the results to a folder.

    Args:
        choices: Options of the evaluation.
        folder: New or empty folder. The files appear in this folder together, when all of them are complete.
        command: Command line to record in the manifest.
        progress: Function to call after each batch with the number of sequences in the batch.

    Returns:
        The metrics of the models, and notes on the evaluation.

    Raises:
        DreamkerasError: A file or a model is not valid, or the file and the model do not match. In this case, no folder is created.
    """
    # The data file may be read twice, because the layout of a table can depend on its columns and its longest sequence.
    with open_folder(folder) as unfinished, rereadable(choices.data if choices.table else None):
        names = _names([*choices.models, *choices.predictions])
        loaded = {names[path]: load(path, choices.device) for path in choices.models}
        known = {names[path]: read_training_data(path) for path in choices.models}
        assay = choose_assay(choices, list(loaded.values()), list(known.values()))
        examples = (assay.read_test or assay.read)(choices.data, choices.on_error).centred()
        subsets = _chosen_subsets(choices, examples, assay)
        predictions = {name: score_examples(model, assay, examples, choices.batch_size, progress) for name, model in loaded.items()}
        left_out, measured = sum(examples.left_out.values()), ~np.isnan(examples.targets)
        predictions |= {names[path]: read_predictions(path, assay.tasks, examples.ids, left_out, measured) for path in choices.predictions}
        units, file = Units.of(assay, examples.targets), file_name(choices.data)
        drawn = {"draws": choices.draws, "seed": choices.seed}
        scales = _scales(choices, assay, list(loaded.values()))
        found = evaluate(examples, assay.tasks, predictions, subsets, in_units=units.are_the_models, scales=scales, **drawn)
        warnings = [
            *overlap_notes(known, examples, file),
            *units.notes(file),
            *undefined_notes(found, examples, assay.tasks, predictions),
        ]
        notes = Notes(warnings, remarks(examples, choices.data))
        told = [*notes.warnings, *notes.remarks]
        write_evaluation(unfinished, found, examples, predictions, dict(zip(assay.tasks, assay.units, strict=True)), told)
        write_manifest(unfinished / "manifest.json", command, choices.models, [choices.data, *choices.predictions])
        return found, notes


def _scales(choices: EvaluationChoices, assay: Assay, models: list[OnnxPredictor]) -> tuple[TaskScale, ...]:
    """Returns the kinds and transformations of the tasks: those of the first model, unless the kinds are given."""
    if assay.name != TABLE or "kinds" in choices.table or not models or models[0].tasks != assay.tasks:
        return assay.scales
    return models[0].description.scales


def _chosen_subsets(choices: EvaluationChoices, examples: Examples, assay: Assay) -> dict[str, np.ndarray] | None:
    """Reads the chosen test subsets; see `subsets.read_subsets`. Returns None if no subsets are chosen.

    Raises:
        InputError: A subset is not valid, or rows of the data were skipped, so that other rows have the row numbers of the subsets.
    """
    if choices.subsets is None:
        return None
    if skipped := sum(examples.left_out.values()):
        raise InputError(
            f"The row numbers of the subsets in {choices.subsets} require all rows of {choices.data}. Skipped rows: {skipped:,}. "
            "Correct the skipped rows, or evaluate without the subsets."
        )
    return read_subsets(choices.subsets, len(examples), choices.public, RowSequences(examples.letters, assay.construct))


def _names(paths: list[str]) -> dict[str, str]:
    """Returns the name of each model: the name of its folder or file, or the path if two models have the same name."""
    require_different(paths)
    short = {path: Path(path).stem if Path(path).is_file() else Path(path).name or path for path in paths}
    return short if len(set(short.values())) == len(paths) else {path: path for path in paths}


def choose_assay(choices: EvaluationChoices, models: list[OnnxPredictor], known: list[TrainingData | None]) -> Assay:
    """Returns the chosen assay, or the assay that the models were trained on.

    The windows of a table have the construct of the first model. If there is no model, they have the construct of the layout.

    Raises:
        InputError: The assay is unknown, the layout contradicts the construct of the model, or `summits` is set for a model that was not
            trained on peaks.
    """
    trained = next((data for data in known if data), None)
    if choices.summits is not None:
        if choices.assay or not (trained and isinstance(trained.layout, AtacLayout)):
            raise InputError("--summits and --no-summits require a model that was trained on peaks.")
        return find_assay(trained.assay, dataclasses.replace(trained.layout, summits=choices.summits))
    if trained and isinstance(trained.layout, TableLayout) and choices.assay in (None, TABLE):
        return _trained_table(trained.layout, trained.construct or trained.layout.construct(), choices)
    if choices.assay == TABLE:
        return _given_table(choices, models[0].construct if models else None)
    if choices.table:
        name = next(iter(choices.table)).replace("_", "-")
        raise InputError(f"--{name} requires --assay table or the run folder of a model that was trained on a table.")
    if choices.assay:
        return find_assay(choices.assay)
    if trained:
        return find_assay(trained.assay, trained.layout, trained.construct)
    if models and models[0].construct.name in ASSAYS:
        return ASSAYS[models[0].construct.name]
    raise InputError("The assay of the measurements is unknown. Give it with --assay.")


def _given_table(choices: EvaluationChoices, construct: Construct | None) -> Assay:
    """Returns the assay for a table of which all columns are given. If `construct` is None, the layout defines the construct."""
    layout = TableLayout(**{"target_column": (), **choices.table})
    if construct is None:
        return table_assay(fitted_layout(layout, [choices.data], choices.on_error))
    layout.require_fit(construct)
    return table_assay(settled_layout(layout, choices.data), construct)


def _trained_table(trained: TableLayout, construct: Construct, choices: EvaluationChoices) -> Assay:
    """Returns the assay of a model that was trained on a table. The fields in `choices.table` replace those of the training.

    The tasks keep the names of the training, unless a column is named after another task of the model.

    Raises:
        InputError: The fields contradict the construct of the model or each other, or the data file cannot be read.
    """
    layout = trained
    if choices.table:
        given = TableLayout(**{"target_column": trained.target_column or trained.tasks, **choices.table})
        given.require_fit(construct)
        given = settled_layout(given, choices.data)
        layout = trained.replaced({name: getattr(given, name) for name in choices.table})
    assay = table_assay(layout, construct, [name for name in OPTIONAL if name not in choices.table])
    if len(assay.tasks) == len(trained.tasks) and all(
        new == old or new not in trained.tasks for new, old in zip(assay.tasks, trained.tasks, strict=True)
    ):
        return assay._replace(tasks=trained.tasks)
    return assay


def score_examples(
    model: OnnxPredictor, assay: Assay, examples: Examples, batch_size: int = BATCH_SIZE, progress: Callable[[int], None] | None = None
) -> np.ndarray:
    """Returns the predictions of a model for the sequences in `examples`, float32 (n, tasks).

    Raises:
        ModelError: The model and the assay have different tasks or constructs.
    """
    if model.tasks != assay.tasks:
        wanted, came = ", ".join(assay.tasks), ", ".join(model.tasks)
        raise ModelError(f"The assay {assay.name} has the tasks {wanted}, but the model {model.name} predicts {came}.")
    # The strands and flags of the two constructs may differ, because windows do not depend on strands and flags.
    if model.construct != dataclasses.replace(assay.construct, strands=model.construct.strands, flags=model.construct.flags):
        ours, theirs = assay.construct.to_json(), model.construct.to_json()
        apart = "; ".join(
            f"{name} is {ours[name]!r} in the assay and {theirs[name]!r} in the model" for name in ours if ours[name] != theirs[name]
        )
        raise ModelError(f"The construct of the assay {assay.name} differs from the construct of the model {model.name}: {apart}.")
    return model.score_letters(examples.letters, batch_size, progress)
