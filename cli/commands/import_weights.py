"""`dreamkeras import-weights`: published PyTorch weights in, a run folder out."""

from pathlib import Path

import click

from dreamkeras.training.names import BACKENDS

__all__ = ["command"]


@click.command("import-weights")
@click.argument("checkpoint", type=click.Path())
@click.option("--model", required=True, help="Which network the weights are of, e.g. dream-rnn: see `dreamkeras models`.")
@click.option("--assay", default="yeast", show_default=True, help="What it predicts.")
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), default=Path("runs/published"), show_default=True, help="The run folder; must be new."
)
@click.option(
    "--backend",
    type=click.Choice(BACKENDS),
    help="Builds and saves the network; TensorFlow exports it whatever is chosen.  [default: KERAS_BACKEND, else the first installed]",
)
def command(checkpoint: str, model: str, assay: str, out: Path, backend: str | None) -> None:
    """Turn the PyTorch weights in CHECKPOINT, a state_dict of the challenge's reference, into a model.

    Writes a run folder: the model as .keras and .onnx, where its weights are from, and a model card. PyTorch is not
    needed, and nothing that the file names is run.
    """
    from dreamkeras.models.names import known_model
    from dreamkeras.training.backend import choose_backend

    model = known_model(model)
    choose_backend(backend)
    from dreamkeras.export.parity import Parity
    from dreamkeras.training.published import import_weights

    description = import_weights(checkpoint, model, assay, out)
    click.echo(f"{out}: {description.name} for {assay}, {description.construct.length} letters", err=True)
    click.echo(str(Parity(**description.parity)), err=True)
