"""A network that trains in seconds, a temporary preset `tiny`, and promoters to train on."""

from contextlib import contextmanager

import pytest


def tiny(assay):
    """Builds a network with all kinds of layers in DREAM-CNN and a few channels."""
    from dreamkeras.layers.blocks.autosome import AutosomeCore, AutosomeFinal
    from dreamkeras.layers.blocks.bhi import BHIFirst
    from dreamkeras.models.prixfixe import PrixFixe

    return PrixFixe(assay.construct, BHIFirst(8), AutosomeCore((4,)), AutosomeFinal.for_assay(assay), assay.tasks, assay.units, name="tiny")


@contextmanager
def tiny_preset(exported=False):
    """Context manager that registers the preset `tiny`.

    Unless `exported` is true, runs write an empty ONNX file and no plots, which saves seconds.
    """
    from dreamkeras.models import names
    from dreamkeras.models.presets import PRESETS, Preset
    from dreamkeras.training.run_folder import contents as folder

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(PRESETS, "tiny", Preset("tiny", tiny))
        patch.setattr(names, "MODELS", (*names.MODELS, "tiny"))
        if not exported:
            patch.setattr(folder, "export_onnx", _describe)
            patch.setattr(folder, "_plot", lambda *args: None)
        yield patch


def _describe(model, **options):
    """Replaces the export: writes an empty ONNX file and returns a description."""
    from dreamkeras.data.assays.registry import find_assay
    from dreamkeras.sequence.description import ModelDescription

    (model / "model.onnx").touch()
    assay = find_assay("yeast")
    return ModelDescription("tiny", assay.construct, assay.tasks, assay.units)


def write_library(path, n=150, seed=0):
    """Writes n simulated promoters as a file of the yeast assay and returns its path."""
    from dreamkeras.data.simulation.library import simulate

    library = simulate(n, seed)
    path.write_text("".join(f"{library.sequences[i]}\t{library.values[i]:g}\n" for i in range(n)))
    return path
