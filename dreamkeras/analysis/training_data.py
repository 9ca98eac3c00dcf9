"""What a run folder says of the data its model was trained and validated on, and what they have in common with those of a test."""

import json
from pathlib import Path
from typing import NamedTuple

from dreamkeras.data.assays import find_assay
from dreamkeras.data.atac_layout import AtacLayout
from dreamkeras.data.division import Division
from dreamkeras.data.examples import Examples
from dreamkeras.data.overlap import Overlap, overlap
from dreamkeras.data.table_layout import TableLayout
from dreamkeras.errors import InputError
from dreamkeras.sequence.construct import Construct
from dreamkeras.sequence.inputs import source_name
from dreamkeras.sequence.streams import is_stream

__all__ = ["Overlaps", "TrainingData", "describe_missing", "read_training_data", "training_overlap"]


class TrainingData(NamedTuple):
    """Where a model's training examples are, and how they are read.

    Args:
        assay: Its name; see `data.assays.find_assay`.
        layout: Of the user's own table, or of a genome and its reads; None where the assay needs none.
        file: The file of examples; None where they were simulated, or the weights published.
        division: Which of them the model was trained on.
        valid: A file of its own to validate on; None where they are held out.
        construct: What the sequences of a user's own table are in; None for other assays.
    """

    assay: str
    layout: TableLayout | AtacLayout | None
    file: str | None
    division: Division = Division()
    valid: str | None = None
    construct: Construct | None = None

    @property
    def missing(self) -> str:
        """The first of the files that is not at hand; empty where all are."""
        return next((file for file in (self.file, self.valid) if file and (is_stream(file) or not Path(file).is_file())), "")


class Overlaps(NamedTuple):
    """What a test has in common with a model's data.

    Args:
        training: With those it was trained on.
        validation: With those it was validated on.
    """

    training: Overlap
    validation: Overlap


def read_training_data(model: str) -> TrainingData | None:
    """What the run folder that a model lies in says; None where there is none, as beside an `.onnx` file that was sent.

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
        return TrainingData(fields["assay"], layout, fields.get("data"), Division.of_run(fields), fields.get("valid"), construct)
    except (OSError, TypeError, ValueError, KeyError, AttributeError) as error:
        raise InputError(f"Expected the choices of a run in {path}, got something else ({error}).") from None


def describe_missing(known: TrainingData | None) -> str:
    """Why a test cannot be compared with the data that a model was trained on; empty where it can be."""
    if known is None or not known.missing:
        return ""
    place = f"{source_name(known.missing)} can be read only once" if is_stream(known.missing) else f"{known.missing} is not there"
    return f"{place}, so that no sequence could be compared with those it was trained on."


def training_overlap(known: TrainingData | None, test: Examples) -> Overlaps | None:
    """What the test has in common with the data that a model was trained and validated on; None where these are not at hand."""
    if known is None or known.file is None or known.missing:
        return None
    assay = find_assay(known.assay, known.layout, known.construct)
    read = assay.read_places or assay.read
    training, validation = known.division.divide(known.division.with_folds(read(known.file)))
    validation = read(known.valid) if known.valid else validation
    return Overlaps(*(overlap(part.centred(), test) if len(part) else Overlap(0, 0, 0) for part in (training, validation)))
