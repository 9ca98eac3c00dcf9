"""Options of `--assay atac`: genome, reads and training windows. The module imports only click, because shell completion imports it."""

from typing import TYPE_CHECKING, Any

import click

from .numbers import DecimalRange, WholeRange
from .shared import add_options, summits_option

if TYPE_CHECKING:
    from dreamkeras.data.assays.atac_layout import AtacLayout

__all__ = ["ATAC_FIELDS", "atac_options", "chosen_genome"]

atac_options = add_options(
    click.option("--genome", type=click.Path(), metavar="FILE", help="FASTA file of the reference genome of the peaks in DATA."),
    click.option("--signal", type=click.Path(), metavar="FILE", help="bigWig file with the number of reads that begin at each position."),
    click.option(
        "--nonpeaks", type=click.Path(), metavar="FILE", help="BED file of windows outside peaks.  [default: drawn from the genome]"
    ),
    click.option(
        "--nonpeak-ratio",
        type=DecimalRange(min=0),
        metavar="SHARE",
        help="Number of non-peak windows per peak in an epoch.  [default: 0.1]",
    ),
    click.option(
        "--profile-length", type=WholeRange(min=1), metavar="N", help="Number of positions in the predicted profile.  [default: 1000]"
    ),
    summits_option,
    click.option(
        "--region-jitter", type=WholeRange(min=0), metavar="N", help="Maximum random shift of a training window, in bases.  [default: 128]"
    ),
    click.option(
        "--bias",
        type=click.Path(),
        metavar="MODEL",
        help="Bias model, trained on non-peaks, which predicts the sequence preference of the ATAC-seq enzyme. "
        "The weights of the bias model stay fixed.",
    ),
)

ATAC_FIELDS = {
    "genome": "genome",
    "signal": "signal",
    "nonpeaks": "nonpeaks",
    "nonpeak_ratio": "nonpeak_ratio",
    "profile_length": "profile_length",
    "region_jitter": "jitter",
    "summits": "summits",
}
"""Maps each option to the field of `AtacLayout` that the option sets. `--length` is omitted, because `--assay table` also has it."""


def chosen_genome(assay: str, choices: dict[str, Any]) -> "AtacLayout | None":
    """Removes the ATAC-seq options from `choices` and returns them as a layout. Returns None for any other assay.

    For `--assay atac`, the window length is also moved from `choices` to the layout.

    Raises:
        click.UsageError: An ATAC-seq option is given for another assay, or `--genome` or `--signal` is missing.
        InputError: A value is out of range.
    """
    given = {name: value for name in ATAC_FIELDS if (value := choices.pop(name)) is not None}
    if assay != "atac":
        for name in given:
            raise click.UsageError(f"--{name.replace('_', '-')} requires --assay atac, got --assay {assay}.")
        return None
    for name in ("genome", "signal"):
        if name not in given:
            raise click.UsageError(f"--assay atac requires --{name} FILE.")
    if given.get("nonpeak_ratio") == 0 and "nonpeaks" in given:
        raise click.UsageError("--nonpeaks has no effect, because --nonpeak-ratio 0 selects no non-peak windows.")
    from dreamkeras.data.assays.atac_layout import AtacLayout

    length = choices.pop("length")
    choices["length"] = None  # --length has been used, and a remaining value would be refused as an option of --assay table
    fields = {ATAC_FIELDS[name]: value for name, value in given.items()}
    return AtacLayout(**fields, **({} if length is None else {"length": length}))
