"""`dreamkeras export`: a trained model, or several, as one ONNX file."""

from typing import TYPE_CHECKING, Any

import click

from dreamkeras.models.names import EXPORT_PRECISIONS, STRAND_RULES, TRITON_DEVICES

from ..options.numbers import DecimalRange
from ..results import held_run, refuse_clashes

if TYPE_CHECKING:  # pathlib is cheap, the library is not
    from pathlib import Path

    from dreamkeras.sequence.description import ModelDescription

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
@click.option("--least-r", type=DecimalRange(0, 1), metavar="R", help="What an int8 model must correlate with float32.  [default: 0.999]")
@click.option(
    "--most-difference",
    type=DecimalRange(0, min_open=True),
    metavar="SD",
    help="Largest difference from Keras, in standard deviations of its predictions.  [default: 0.001; 0.05 in float16 and int8]",
)
@click.option(
    "--strands",
    type=click.Choice(STRAND_RULES),
    help="Answer the mean of both strands, or the strand as given.  [default: the construct's rule]",
)
@click.option("--without-bias", is_flag=True, help="Leave out the enzyme's bias that an ATAC-seq model was trained around.")
@click.option("--triton", type=click.Path(), metavar="DIR", help="Write it into this model repository of the Triton Inference Server.")
@click.option("--name", help="What Triton calls the model.  [default: the name of the first RUN]")
@click.option(
    "--triton-device", type=click.Choice(TRITON_DEVICES), default="cpu", show_default=True, help="Where Triton runs it; for a new model."
)
def command(
    runs: tuple[str, ...], output: str | None, triton: str | None, name: str | None, triton_device: str, precision: str, **choices: Any
) -> None:
    """Write a trained model as one ONNX file that takes letters and returns expression.

    RUN is a run folder or a .keras file, trained on any backend, and stays as it is. The file is written only if it
    predicts what the Keras model does; how closely is printed and stored in it. In int8, scales are measured on random windows of
    the construct, and r on others.

    An ATAC-seq model becomes a file with the outputs `counts`, ln(1 + reads), and `profile`, the share of the reads that begin at
    each position.

    Several RUNs, which may be .onnx files too, become one file: an ensemble that returns the mean and the standard deviation.

    With --triton, RUN may be an .onnx file, too. The file becomes the newest version of the model NAME in the repository DIR; a new
    model gets a config.pbtxt, which is left as it stands after that.
    """
    from functools import partial
    from pathlib import Path

    from dreamkeras.export.onnx_file import default_output
    from dreamkeras.export.parity import Parity
    from dreamkeras.export.triton import copy_onnx, triton_version
    from dreamkeras.files.outputs import refuse_packed
    from dreamkeras.files.streams import is_stream

    _check_usage(len(runs), output, triton, name, precision, choices)
    if output:
        refuse_packed(output, "ONNX")
        refuse_clashes((*runs, *(str(Path(run, "model.keras")) for run in runs)), output)
    if triton is None:
        file = Path(output or default_output(runs[0]))
        click.get_current_context().with_resource(held_run(file))
        description = _export(runs, file, precision, choices)
    else:
        first = Path(runs[0]).resolve()
        unchanged = precision == "float32" and all(value is None or value is False for value in choices.values())
        is_finished = len(runs) == 1 and runs[0].endswith(".onnx") and unchanged
        with triton_version(triton, name or (first.name if first.is_dir() else first.stem), triton_device) as version:
            description = copy_onnx(runs[0], version.unfinished) if is_finished else _export(runs, version.unfinished, precision, choices)
        file = version.file
    rule = {"both": "mean of both strands", "given": "strand as given"}[description.construct.strands]
    precision = description.parity.get("precision", precision)
    echo = partial(click.echo, err=is_stream(file))  # not into the file on standard output
    echo(f"Wrote {file}: {description.name}, construct {description.construct.name}, {rule}, {precision}.")
    if description.parity:
        echo(str(Parity(**description.parity)))


def _check_usage(runs: int, output: str | None, triton: str | None, name: str | None, precision: str, choices: dict[str, Any]) -> None:
    if runs > 1 and output is None and triton is None:
        raise click.UsageError("Expected -o FILE or --triton DIR for the ensemble of several models.")
    if runs > 1 and choices["without_bias"]:
        raise click.UsageError("Expected one RUN to leave its bias out, got several.")
    if output is not None and triton is not None:
        raise click.UsageError("Expected either -o FILE or --triton DIR, got both.")
    if name is not None and triton is None:
        raise click.UsageError("Expected --triton DIR beside --name.")
    if runs > 1 and choices["most_difference"] is not None:
        raise click.UsageError("Expected one RUN for --most-difference, got several.")
    if choices["least_r"] is not None and precision != "int8":
        raise click.UsageError(f"Expected --precision int8 for --least-r, got {precision}.")


def _export(runs: tuple[str, ...], output: "Path", precision: str, choices: dict[str, Any]) -> "ModelDescription":
    from dreamkeras.export import export_ensemble, export_onnx

    if len(runs) > 1:
        return export_ensemble(runs, output, precision=precision, strands=choices["strands"])
    given = {name: value for name, value in choices.items() if value is not None}  # 0 is a choice
    return export_onnx(runs[0], output, precision=precision, **given)
