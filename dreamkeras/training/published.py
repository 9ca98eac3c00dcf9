"""Imports published PyTorch weights into a run folder."""

import json
from pathlib import Path

from dreamkeras.data.assays.registry import find_assay
from dreamkeras.errors import ExportError
from dreamkeras.export.keras_settings import pinned_settings
from dreamkeras.export.tracing_process import require_packages
from dreamkeras.files.digests import file_digest
from dreamkeras.files.folders import open_folder
from dreamkeras.files.inputs import require_file
from dreamkeras.models.presets import build_model, find_preset
from dreamkeras.models.torch_files import read_state_dict
from dreamkeras.models.torch_weights import assign_state_dict
from dreamkeras.sequence.description import ModelDescription
from dreamkeras.training.run_folder.contents import export_run
from dreamkeras.training.run_folder.model_card import model_card

__all__ = ["import_weights"]


@pinned_settings()
def import_weights(checkpoint: str, model: str, assay: str, folder: Path) -> ModelDescription:
    """Creates a run folder with a network that has the weights of a PyTorch checkpoint.

    The folder contains `model.keras`, `model.onnx`, `config.json` with the source of the weights, and `README.md`.

    Args:
        checkpoint: PyTorch file with the state_dict of the reference network. The reference network must have the same blocks as `model`.
            See `models.torch_weights`.
        model: Name of the network. See `models.presets`.
        assay: Name of the assay. See `data.assays.registry`.
        folder: Run folder, which appears only when complete.

    Returns:
        Description of the exported model.

    Raises:
        DreamkerasError: The checkpoint or the folder cannot be used, or the network or assay does not exist.
        ExportError: The predictions of the exported model differ from those of the network. After this error, the folder contains all files
            except `model.onnx`.
    """
    require_packages()
    require_file(checkpoint, "the checkpoint is read a second time for its digest")
    failure = None
    with open_folder(folder) as unfinished:
        find_preset(model)
        chosen_assay = find_assay(assay)
        state = read_state_dict(checkpoint)
        network = build_model(model, chosen_assay)
        assign_state_dict(network, state)
        config = {"model": model, "assay": assay, "source": Path(checkpoint).name, "sha256": file_digest(checkpoint)}
        (unfinished / "config.json").write_text(json.dumps(config, indent=2) + "\n", "utf-8")
        network.save(unfinished / "model.keras")
        try:
            description = export_run(unfinished, network, {}, [], config, name=folder)
            (unfinished / "README.md").write_text(model_card(description, {}, [], config), "utf-8")
        except ExportError as error:
            failure = error
    if failure:
        raise failure
    return description
