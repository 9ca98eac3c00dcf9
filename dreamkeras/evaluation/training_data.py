"""The training and validation data of a run folder, and their overlap with a test."""

import json
from pathlib import Path
from typing import NamedTuple

from dreamkeras.data.assays.atac_layout import AtacLayout
from dreamkeras.data.assays.registry import find_assay
from dreamkeras.data.assays.table_layout import TableLayout
from dreamkeras.data.examples import Examples, fingerprint
from dreamkeras.data.splits.division import Division
from dreamkeras.data.splits.overlap import Overlap, overlap
from dreamkeras.errors import DreamkerasError, InputError
from dreamkeras.files.inputs import source_name
from dreamkeras.files.streams import is_stream
from dreamkeras.sequence.construct import Construct

__all__ = ["Comparison", "Overlaps", "TrainingData", "compare_with_training", "read_training_data"]


class TrainingData(NamedTuple):
    """Where a model's training examples are, and how they are read.

    Args:
        assay: Its name; see `data.assays.registry.find_assay`.
        layout: Of the user's own table, or of a genome and its reads; None where the assay needs none.
        file: The file of examples; None where they were simulated, or the weights published.
        division: Which of them the model was trained on.
        valid: A file of its own to validate on; None where they are held out.
        construct: That of a user's own table; None for other assays.
        fingerprint: Of the examples that the run began with; None where it is not known.
    """

    assay: str
    layout: TableLayout | AtacLayout | None
    file: str | None
    division: Division = Division()
    valid: str | None = None
    construct: Construct | None = None
    fingerprint: str | None = None

    @property
    def missing(self) -> str:
        """The first of the files that is not at hand; empty where all are."""
        return next((file for file in (self.file, self.valid) if file and (is_stream(file) or not Path(file).is_file())), "")


class Overlaps(NamedTuple):
    """The overlap of a test with a model's data.

    Args:
        training: With those it was trained on.
        validation: With those it was validated on.
    """

    training: Overlap
    validation: Overlap


class Comparison(NamedTuple):
    """A test beside a model's data.

    Args:
        overlaps: Theirs; None where they cannot be compared.
        doubt: Why it cannot be found out, or is not certain; empty where it is, or where the model has no such data.
    """

    overlaps: Overlaps | None
    doubt: str = ""


def read_training_data(model: str) -> TrainingData | None:
    """The training data in the run folder of a model; None without a folder, as for an `.onnx` file alone.

    Args:
        model: A run folder, or a file in it.

    Raises:
        InputError: There is a `config.json` of a run that is none.
    """
    path = Path(model) / "config.json" if Path(model).is_dir() else Path(model).with_name("config.json")
    if not path.is_file():
        return None
    try:
        fields = json.loads(path.read_text())
        kinds: dict[str, type[TableLayout | AtacLayout]] = {"table": TableLayout, "atac": AtacLayout}
        layout = next((kind.from_json(fields[name]) for name, kind in kinds.items() if fields.get(name)), None)
        construct = layout.construct_of_run(fields.get("construct")) if isinstance(layout, TableLayout) else None
        return TrainingData(
            fields["assay"],
            layout,
            fields.get("data"),
            Division.of_run(fields),
            fields.get("valid"),
            construct,
            fields.get("fingerprint"),
        )
    except (OSError, TypeError, ValueError, KeyError, AttributeError) as error:
        raise InputError(f"Expected the choices of a run in {path}, got something else ({error}).") from None


def compare_with_training(known: TrainingData | None, test: Examples) -> Comparison:
    """The overlap of a test with a model's training and validation data, if these can still be read."""
    if known is None or known.file is None:
        return Comparison(None)
    not_compared = "so that no sequence could be compared with those it was trained on"
    if known.missing:
        place = f"{source_name(known.missing)} can be read only once" if is_stream(known.missing) else f"{known.missing} is not there"
        return Comparison(None, f"{place}, {not_compared}.")
    try:
        training, validation, is_changed = _read_parts(known)
    except DreamkerasError as error:
        return Comparison(None, f"{known.file} cannot be read as it was in training, {not_compared}: {error}")
    overlaps = Overlaps(*(overlap(part, test) if len(part) else Overlap(0, 0, 0) for part in (training, validation)))
    doubt = f"{known.valid or known.file} has changed since training: sequences are compared with those that it holds now."
    if known.valid:
        doubt = f"{known.file} or {doubt}"
    return Comparison(overlaps, doubt if is_changed else "")


def _read_parts(known: TrainingData) -> tuple[Examples, Examples, bool]:
    """Training and validation examples, and whether they are known to be others than the run began with.

    Of a genome's windows, letters and reads take too long to be read.

    Raises:
        DreamkerasError: A file cannot be read or divided as it was.
    """
    assay = find_assay(known.assay, known.layout, known.construct)
    read = assay.read_ids or assay.read
    training, validation = known.division.divide(known.division.with_folds(read(str(known.file))))
    validation = (read(known.valid) if known.valid else validation).centred()
    is_changed = bool(known.fingerprint) and not assay.read_ids and fingerprint(training, validation) != known.fingerprint
    return training.centred(), validation, is_changed
