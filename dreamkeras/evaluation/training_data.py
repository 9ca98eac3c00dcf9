"""Finds the training and validation data of a run folder, and compares a test set with these data."""

from functools import partial
from pathlib import Path
from typing import NamedTuple

from dreamkeras.data.assays.atac_layout import AtacLayout
from dreamkeras.data.assays.registry import find_assay
from dreamkeras.data.assays.table_layout import TableLayout
from dreamkeras.data.examples import Examples, fingerprint
from dreamkeras.data.splits.division import Division
from dreamkeras.data.splits.overlap import Overlap, overlap
from dreamkeras.errors import DreamkerasError, InputError, OnError
from dreamkeras.files.documents import read_json
from dreamkeras.files.inputs import listed_files, source_name
from dreamkeras.files.streams import is_stream
from dreamkeras.sequence.construct import Construct

__all__ = ["Comparison", "Overlaps", "TrainingData", "compare_with_training", "read_training_data"]


class TrainingData(NamedTuple):
    """Location and layout of a model's training examples.

    Args:
        assay: Name of the assay; see `data.assays.registry.find_assay`.
        layout: Layout of a table or of a genome with reads, or None for assays without a layout.
        file: File or files with the examples, or None for simulated examples and for published weights.
        division: Split of the examples into training and validation data.
        valid: File with validation data. If None, validation data are held out from `file`.
        construct: Construct of the sequences in a table, or None for other assays.
        fingerprint: Fingerprint of the examples at the beginning of training, or None if it was not recorded.
        on_error: Action for invalid rows and regions in training; see `errors.OnError`.
    """

    assay: str
    layout: TableLayout | AtacLayout | None
    file: str | tuple[str, ...] | None
    division: Division = Division()
    valid: str | None = None
    construct: Construct | None = None
    fingerprint: str | None = None
    on_error: OnError = "fail"

    @property
    def files(self) -> tuple[str, ...]:
        """Paths of the files with the examples. The tuple is empty for simulated examples and for published weights."""
        return listed_files(self.file)

    @property
    def missing(self) -> str:
        """The first training or validation file that cannot be read again, because it is missing or a stream.

        The text is empty if all files can be read again.
        """
        return next((file for file in (*self.files, self.valid) if file and (is_stream(file) or not Path(file).is_file())), "")


class Overlaps(NamedTuple):
    """Overlap of a test set with the training and validation data of a model.

    Args:
        training: Overlap with the training data.
        validation: Overlap with the validation data.
    """

    training: Overlap
    validation: Overlap


class Comparison(NamedTuple):
    """Comparison of a test set with the training and validation data of a model.

    Args:
        overlaps: Overlap of the test set with the model's data, or None if the two data sets could not be compared.
        doubt: Reason why the overlap is unknown or uncertain. The text is empty if the overlap is known, or if the model has no training
            data.
    """

    overlaps: Overlaps | None
    doubt: str = ""


def read_training_data(model: str) -> TrainingData | None:
    """Reads the location of the training data from the run folder of a model. Returns None for a model without a `config.json`.

    Args:
        model: A run folder, or a file in it.

    Raises:
        InputError: The `config.json` of the run folder is malformed.
    """
    path = Path(model) / "config.json" if Path(model).is_dir() else Path(model).with_name("config.json")
    if not path.is_file():
        return None
    fields = read_json(path)
    try:
        kinds: dict[str, type[TableLayout | AtacLayout]] = {"table": TableLayout, "atac": AtacLayout}
        layout = next((kind.from_json(fields[name]) for name, kind in kinds.items() if fields.get(name)), None)
        construct = layout.construct_of_run(fields.get("construct")) if isinstance(layout, TableLayout) else None
        return TrainingData(
            fields["assay"],
            layout,
            data if (data := fields.get("data")) is None or isinstance(data, str) else tuple(data),
            Division.of_run(fields),
            fields.get("valid"),
            construct,
            fields.get("fingerprint"),
            fields.get("on_error", "fail"),
        )
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise InputError(f"Cannot read the options of a run from {path}: {error}.") from None


def compare_with_training(known: TrainingData | None, test: Examples) -> Comparison:
    """Compares a test set with a model's training and validation data, if these data can still be read."""
    if known is None or known.file is None:
        return Comparison(None)
    not_compared = "so overlap with the training data was not checked"
    if known.missing:
        place = f"{source_name(known.missing)} can be read only once" if is_stream(known.missing) else f"{known.missing} does not exist"
        return Comparison(None, f"{place}, {not_compared}.")
    try:
        training, validation, is_changed = _read_parts(known)
    except DreamkerasError as error:
        return Comparison(None, f"{', '.join(known.files)} can no longer be read as in training, {not_compared}: {error}")
    overlaps = Overlaps(*(overlap(part, test) if len(part) else Overlap(0, 0, 0) for part in (training, validation)))
    last = known.valid or " or ".join(known.files)
    doubt = f"{last} has changed since training. Overlap was checked against the current contents."
    if known.valid:
        doubt = f"{' or '.join(known.files)} or {doubt}"
    return Comparison(overlaps, doubt if is_changed else "")


def _read_parts(known: TrainingData) -> tuple[Examples, Examples, bool]:
    """Reads the training and validation examples of a model, and checks whether the files have changed since training.

    For windows of a genome, only positions are read, because loading sequences and sequencing reads takes too long. Changes in the files of
    a genome are not detected.

    Raises:
        DreamkerasError: A file cannot be read or divided as in training.
    """
    assay = find_assay(known.assay, known.layout, known.construct)
    read = partial(assay.read_ids or assay.read, on_error=known.on_error)
    examples, _ = known.division.without_test(Examples.joined([read(file) for file in known.files]))
    training, validation = known.division.divide(known.division.with_folds(examples))
    validation = (read(known.valid) if known.valid else validation).centred()
    is_changed = bool(known.fingerprint) and not assay.read_ids and fingerprint(training, validation) != known.fingerprint
    return training.centred(), validation, is_changed
