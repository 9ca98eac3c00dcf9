"""`dreamkeras export`: a trained model, or several, as one ONNX file."""

import click

from .options import EXPORT_PRECISIONS, STRANDS

__all__ = ["command"]


@click.command("export")
@click.argument("runs", metavar="RUN...", nargs=-1, required=True, type=click.Path())
@click.option(
    "-o",
    "--output",
    type=click.Path(),
    metavar="FILE",
    help="The ONNX file.  [default: model.onnx in the run folder, or NAME.onnx beside NAME.keras]",
)
@click.option(
    "--precision",
    type=click.Choice(EXPORT_PRECISIONS),
    default="float32",
    show_default=True,
    help="Of weights and computation; float16 halves the file, int8 is faster on CPUs.",
)
@click.option(
    "--least-r", type=click.FloatRange(0, 1), metavar="R", help="What an int8 model must correlate with float32.  [default: 0.999]"
)
@click.option(
    "--strands",
    type=click.Choice(STRANDS),
    help="Answer the mean of both strands, or the strand as given.  [default: the construct's rule]",
)
@click.option("--without-bias", is_flag=True, help="Leave out the enzyme's bias that an ATAC-seq model was trained around.")
def command(
    runs: tuple[str, ...], output: str | None, precision: str, least_r: float | None, strands: str | None, without_bias: bool
) -> None:
    """Write a trained model as one ONNX file that takes letters and returns expression.

    RUN is a run folder or a .keras file, trained on any backend. The file is written only if it predicts what the
    Keras model does; how closely is printed and stored in it. In int8, scales are measured on random windows of the construct, and r
    on others.

    An ATAC-seq model becomes a file with the outputs `counts`, ln(1 + reads), and `profile`, the share of the reads that begin at
    each position.

    Several RUNs, which may be .onnx files too, become one file: an ensemble that returns the mean and the standard deviation.
    """
    from dreamkeras.export import export_ensemble, export_onnx
    from dreamkeras.export.onnx_file import default_output
    from dreamkeras.export.parity import LEAST_R, Parity

    if least_r is not None and precision != "int8":
        raise click.UsageError(f"Expected --precision int8 for --least-r, got {precision}.")
    if len(runs) > 1:
        if output is None:
            raise click.UsageError("Expected -o FILE for the ensemble of several models.")
        if without_bias:
            raise click.UsageError("Expected one RUN to leave its bias out, got several.")
        description = export_ensemble(runs, output, precision=precision, strands=strands)
    else:
        output = output or str(default_output(runs[0]))
        description = export_onnx(
            runs[0], output, precision=precision, strands=strands, without_bias=without_bias, least_r=least_r or LEAST_R
        )
    rule = {"both": "mean of both strands", "given": "strand as given"}[description.construct.strands]
    click.echo(f"Wrote {output}: {description.name}, construct {description.construct.name}, {rule}, {precision}.")
    click.echo(str(Parity(**description.parity)))
