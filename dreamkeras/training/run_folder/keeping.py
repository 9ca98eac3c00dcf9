"""A trained model is kept when its export fails."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from dreamkeras.errors import DreamkerasError, ExportError
from dreamkeras.export.training_summary import read_training_summary
from dreamkeras.files.outputs import open_output
from dreamkeras.models.prixfixe import PrixFixe
from dreamkeras.training.run_folder.model_card import model_card

__all__ = ["keeping_model"]


@contextmanager
def keeping_model(
    folder: Path,
    model: PrixFixe,
    metrics: Mapping[str, Any],
    history: Sequence[Mapping[str, Any]],
    config: Mapping[str, Any],
    name: Path | None = None,
) -> Iterator[None]:
    """Around the export of a run folder that holds `model.keras`: where it fails, the folder gets its model card all the same.

    Args:
        folder: The run folder.
        model: The network in it.
        metrics: See `model_card`.
        history: See `model_card`.
        config: See `model_card`.
        name: What the user calls the folder, if that is not yet its name.

    Raises:
        ExportError: The export failed; says why, and how to go on.
    """
    try:
        yield
    except DreamkerasError as error:
        description = replace(model.describe(), training=read_training_summary(folder))
        with open_output(str(folder / "README.md")) as file:
            file.write(model_card(description, metrics, history, config).encode())
        called = name or folder
        raise ExportError(
            f"{called} holds the trained model, model.keras, but no model.onnx, which predict needs: {error} "
            f"To try again: dreamkeras export {called}"
        ) from error
