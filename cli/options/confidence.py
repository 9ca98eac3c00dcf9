"""Options for prediction intervals, percentiles and flags of unusual sequences. At import, the module loads only click."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from .numbers import DecimalRange
from .shared import add_options

if TYPE_CHECKING:
    from dreamkeras.confidence.columns import ConfidenceColumns

__all__ = ["chosen_confidence", "confidence_options"]

confidence_options = add_options(
    click.option(
        "--interval",
        type=DecimalRange(0, 1, min_open=True, max_open=True),
        metavar="LEVEL",
        help="Add TASK_low and TASK_high, the bounds of prediction intervals with this coverage, e.g. 0.95.",
    ),
    click.option(
        "--percentile", is_flag=True, help="Add TASK_percentile, the percentage of random and shuffled sequences with a lower prediction."
    ),
    click.option(
        "--flag-unusual",
        is_flag=True,
        help="Add the column unusual, which names properties (length, gc, kmers) outside the range of the training data.",
    ),
)


def chosen_confidence(options: Mapping[str, Any]) -> "ConfidenceColumns | None":
    """Returns the columns that the confidence options add. If no option is given, returns None without importing anything."""
    chosen = [options[name] for name in ("interval", "percentile", "flag_unusual")]
    if not any(chosen):
        return None
    from dreamkeras.confidence.columns import ConfidenceColumns

    return ConfidenceColumns(*chosen)
