"""`dreamkeras models`: which models there are, and how large each is."""

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from dreamkeras.models.prixfixe import PrixFixe

__all__ = ["command"]


@click.command("models")
def command() -> None:
    """List the models that `dreamkeras train --model` builds.

    Tab-separated: the model's name, the assay, the model's trainable parameters on that assay, and what the model is.
    """
    from dreamkeras.data.assays import ASSAYS
    from dreamkeras.training.backend import choose_backend

    choose_backend()
    from dreamkeras.models.presets import PRESETS, build_model

    click.echo("model\tassay\tparameters\tdescription")
    for name, preset in PRESETS.items():
        for assay in ASSAYS.values():
            click.echo(f"{name}\t{assay.name}\t{_trainable_parameters(build_model(name, assay))}\t{preset.description}")


def _trainable_parameters(model: "PrixFixe") -> int:
    from math import prod

    return sum(prod(weight.shape) for weight in model.trainable_weights)
