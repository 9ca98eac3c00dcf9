"""`dreamkeras import-weights`: converts published PyTorch weights to a run folder."""

from pathlib import Path

import click

from dreamkeras.training.names import BACKENDS

__all__ = ["command"]


@click.command(
    "import-weights", epilog="\b\nExample:\n  dreamkeras import-weights model_best.pth --model dream-rnn --assay yeast -o runs/published"
)
@click.argument("checkpoint", type=click.Path())
@click.option("--model", required=True, help="Network that the weights belong to, e.g. dream-rnn. See `dreamkeras models`.")
@click.option("--assay", default="yeast", show_default=True, help="Assay that the weights were trained on.")
@click.option("-o", "--out", type=click.Path(path_type=Path), default=Path("runs/published"), show_default=True, help="New run folder.")
@click.option(
    "--backend",
    type=click.Choice(BACKENDS),
    help="Keras backend that builds and saves the network. The ONNX export always uses TensorFlow.  "
    "[default: the backend in KERAS_BACKEND, or the first that is installed]",
)
def command(checkpoint: str, model: str, assay: str, out: Path, backend: str | None) -> None:
    """Convert the PyTorch weights in CHECKPOINT to a run folder.

    CHECKPOINT is a state_dict of the reference implementation of the DREAM challenge. The run folder holds the model as .keras and .onnx
    files, the source of the weights, and a model card. PyTorch is not required, and no code in the checkpoint is executed.
    """
    from dreamkeras.models.names import known_model
    from dreamkeras.training.backend import choose_backend

    model = known_model(model)
    choose_backend(backend)
    from dreamkeras.export.parity import Parity
    from dreamkeras.training.published import import_weights

    description = import_weights(checkpoint, model, assay, out)
    click.echo(f"{out}: {description.name} for {assay}, {description.construct.length} bases", err=True)
    click.echo(str(Parity(**description.parity)), err=True)
