"""What a run folder says of the data its model was trained on, and what they have in common with those it is tested on."""

import json
from pathlib import Path
from typing import NamedTuple

from dreamkeras.data.assays import find_assay
from dreamkeras.data.atac_layout import AtacLayout
from dreamkeras.data.examples import Examples
from dreamkeras.data.overlap import Overlap, overlap
from dreamkeras.data.table_layout import TableLayout
from dreamkeras.errors import InputError

__all__ = ["TrainingData", "read_training_data", "training_overlap"]


class TrainingData(NamedTuple):
    """Where a model's training examples are, and how they are read.

    Args:
        assay: Its name; see `data.assays.find_assay`.
        layout: Of the user's own table, or of a genome and its reads; None where the assay needs none.
        file: The file of examples; None where they were simulated, or the weights published.
    """

    assay: str
    layout: TableLayout | AtacLayout | None
    file: str | None


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
        return TrainingData(fields["assay"], layout, fields.get("data"))
    except (OSError, TypeError, ValueError, KeyError, AttributeError) as error:
        raise InputError(f"Expected the choices of a run in {path}, got something else ({error}).") from None


def training_overlap(known: TrainingData | None, test: Examples) -> Overlap | None:
    """How many of the test sequences stand in the file that a model was trained on; None where that file is not at hand."""
    if known is None or known.file is None or not Path(known.file).is_file():
        return None
    return overlap(find_assay(known.assay, known.layout).read(known.file).centred(), test)
