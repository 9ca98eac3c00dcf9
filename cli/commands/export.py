"""`dreamkeras export`: exports one or several trained models as one ONNX file."""

import os
from typing import TYPE_CHECKING, Any

import click

from dreamkeras.models.names import EXPORT_PRECISIONS, STRAND_RULES, TRITON_DEVICES

from ..options.numbers import DecimalRange
from ..results import held_run, refuse_clashes

if TYPE_CHECKING:  # imported only for annotations, because the library takes long to import
    from pathlib import Path

    from dreamkeras.sequence.description import ModelDescription

__all__ = ["command"]


@click.command("export", epilog="\b\nExample:\n  dreamkeras export runs/mine -o small.onnx --precision float16")
@click.argument("runs", metavar="RUN...", nargs=-1, required=True, type=click.Path())
@click.option(
    "-o",
    "--output",
    type=click.Path(),
    metavar="FILE",
    help="ONNX file to write.  [default: model.onnx in the run folder, or NAME.onnx next to NAME.keras]",
)
@click.option(
    "--precision",
    type=click.Choice(EXPORT_PRECISIONS),
    default="float32",
    show_default=True,
    help="Precision of weights and computation. float16 halves the file size, and int8 is faster on CPUs.",
)
@click.option(
    "--least-r", type=DecimalRange(0, 1), metavar="R", help="Minimum correlation between int8 and float32 predictions.  [default: 0.999]"
)
@click.option(
    "--most-difference",
    type=DecimalRange(0, min_open=True),
    metavar="SD",
    help="Maximum difference between ONNX and Keras predictions, in standard deviations of the Keras predictions.  "
    "[default: 0.001; 0.05 in float16 and int8]",
)
@click.option(
    "--strands",
    type=click.Choice(STRAND_RULES),
    help="Predict the mean over both strands, or use only the forward strand.  [default: the strand rule of the construct]",
)
@click.option(
    "--without-bias",
    is_flag=True,
    help="Omit the bias model, which predicts the sequence preference of the enzyme, from an ATAC-seq model.",
)
@click.option(
    "--triton", type=click.Path(), metavar="DIR", help="Write the model into this model repository of the Triton Inference Server."
)
@click.option("--name", help="Name of the model in Triton.  [default: the name of the first RUN]")
@click.option(
    "--triton-device",
    type=click.Choice(TRITON_DEVICES),
    default="cpu",
    show_default=True,
    help="Device on which Triton runs the model, if DIR does not contain the model yet.",
)
def command(
    runs: tuple[str, ...], output: str | None, triton: str | None, name: str | None, triton_device: str, precision: str, **choices: Any
) -> None:
    """Export a trained model as one ONNX file that predicts expression from sequences.

    RUN is a run folder or a .keras file from any backend, or the folder of an ensemble or cross-validation. RUN is not changed. The
    ONNX file is written only if its predictions agree with those of the Keras model, and the agreement is printed and stored in the
    file. For int8, the quantisation scales and the agreement are measured on different sets of random windows.

    An ATAC-seq model has two outputs: `counts` is ln(1 + reads), and `profile` is the share of the reads that begin at each position.

    Several RUNs, which may also be .onnx files, become one ensemble that returns the mean and the standard deviation of its members.

    With --triton, RUN may also be an .onnx file, which is copied unchanged. The file becomes the newest version of the model NAME in the
    repository DIR. For a new model, a config.pbtxt is written. An existing config.pbtxt is not changed.
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
    is_copied = False
    if triton is None:
        file = Path(output or default_output(runs[0]))
        click.get_current_context().with_resource(held_run(file))
        description = _export(runs, file, precision, choices)
    else:
        first = Path(os.path.realpath(runs[0]))
        unchanged = precision == "float32" and all(value is None or value is False for value in choices.values())
        is_copied = len(runs) == 1 and runs[0].endswith(".onnx") and unchanged
        with triton_version(triton, name or (first.name if first.is_dir() else first.stem), triton_device) as version:
            description = copy_onnx(runs[0], version.unfinished) if is_copied else _export(runs, version.unfinished, precision, choices)
        file = version.file
    rule = {"both": "mean of both strands", "given": "strand as given"}[description.construct.strands]
    precision = description.parity.get("precision", precision)
    echo = partial(click.echo, err=is_stream(file))  # messages must not be mixed with a model that is written to standard output
    copied = f", copied from {runs[0]}" if is_copied else ""
    echo(f"Wrote {file}: model {description.name}, construct {description.construct.name}, {rule}, precision {precision}{copied}.")
    if description.parity and not is_copied:  # the parity of a copied file was not measured by this command
        echo(str(Parity(**description.parity)))


def _check_usage(runs: int, output: str | None, triton: str | None, name: str | None, precision: str, choices: dict[str, Any]) -> None:
    if runs > 1 and output is None and triton is None:
        raise click.UsageError("Several RUNs require -o FILE or --triton DIR.")
    if runs > 1 and choices["without_bias"]:
        raise click.UsageError("--without-bias requires a single RUN, got several.")
    if output is not None and triton is not None:
        raise click.UsageError("-o cannot be combined with --triton.")
    if name is not None and triton is None:
        raise click.UsageError("--name requires --triton DIR.")
    if runs > 1 and choices["most_difference"] is not None:
        raise click.UsageError("--most-difference requires a single RUN, got several.")
    if choices["least_r"] is not None and precision != "int8":
        raise click.UsageError(f"--least-r requires --precision int8, got {precision}.")


def _export(runs: tuple[str, ...], output: "Path", precision: str, choices: dict[str, Any]) -> "ModelDescription":
    from pathlib import Path

    from dreamkeras.export import export_ensemble, export_onnx
    from dreamkeras.export.ensemble import export_again
    from dreamkeras.export.member_runs import member_runs

    if len(runs) > 1:
        return export_ensemble(runs, output, precision=precision, strands=choices["strands"])
    if members := member_runs(Path(runs[0])):
        if choices["without_bias"] or choices["most_difference"] is not None or choices["least_r"] is not None:
            raise click.UsageError(f"An ensemble has no --without-bias, --most-difference and --least-r, got {runs[0]}.")
        return export_again(Path(runs[0]), members, output, precision=precision, strands=choices["strands"])
    given = {name: value for name, value in choices.items() if value is not None}  # not `if value`: 0 is a valid value
    return export_onnx(runs[0], output, precision=precision, **given)
