"""`dreamkeras export`: a trained model as one ONNX file."""

import click

__all__ = ["command"]


@click.command("export")
@click.argument("run", metavar="RUN", type=click.Path())
@click.option("-o", "--output", type=click.Path(), metavar="FILE", help="The ONNX file.  [default: model.onnx in the run folder]")
@click.option(
    "--precision",
    type=click.Choice(("float32", "float16")),
    default="float32",
    show_default=True,
    help="Of weights and computation; float16 halves the file.",
)
@click.option(
    "--strands",
    type=click.Choice(("both", "forward")),
    help="Answer the mean of both strands, or the strand as given.  [default: the construct's rule]",
)
def command(run: str, output: str | None, precision: str, strands: str | None) -> None:
    """Write a trained model as one ONNX file that takes letters and returns expression.

    RUN is a run folder or a .keras file, trained on any backend. The file is written only if it predicts what the
    Keras model does; how closely is printed and stored in it.
    """
    from dreamkeras.export import export_onnx
    from dreamkeras.export.onnx_file import default_output
    from dreamkeras.export.parity import Parity

    target = output or str(default_output(run))
    description = export_onnx(run, target, precision=precision, strands=strands)
    rule = {"both": "mean of both strands", "given": "strand as given"}[description.construct.strands]
    click.echo(f"Wrote {target}: {description.name}, construct {description.construct.name}, {rule}, {precision}.")
    click.echo(str(Parity(**description.parity)))
