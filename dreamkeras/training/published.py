"""A run folder from published weights: somebody else's training, our network."""

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
    """Fills a new run folder with a network that has the weights of a torch checkpoint.

    It holds `model.keras`, `model.onnx`, `config.json`, which says where the weights are from, and `README.md`.

    Args:
        checkpoint: A state_dict that torch saved, of the reference's network of the same blocks; see `models.torch_weights`.
        model: Which network; see `models.presets`.
        assay: What it predicts; see `data.assays.registry`.
        folder: The run folder; appears whole or not at all.

    Returns:
        What the exported model says of itself.

    Raises:
        DreamkerasError: The checkpoint, the names or the folder will not do.
        ExportError: The export does not answer as the network does; the folder then holds all but `model.onnx`.
    """
    require_packages()
    require_file(checkpoint, "its digest is recorded, too")
    failure = None
    with open_folder(folder) as unfinished:
        find_preset(model)
        chosen_assay = find_assay(assay)
        state = read_state_dict(checkpoint)
        network = build_model(model, chosen_assay)
        assign_state_dict(network, state)
        config = {"model": model, "assay": assay, "source": Path(checkpoint).name, "sha256": file_digest(checkpoint)}
        (unfinished / "config.json").write_text(json.dumps(config, indent=2) + "\n")
        network.save(unfinished / "model.keras")
        try:
            description = export_run(unfinished, network, {}, [], config, name=folder)
            (unfinished / "README.md").write_text(model_card(description, {}, [], config))
        except ExportError as error:
            failure = error
    if failure:
        raise failure
    return description
