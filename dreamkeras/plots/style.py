"""Figures: how every plot begins and ends, and its colours.

Every figure is an object of its own: no pyplot, no display, no setting of matplotlib is touched.
"""

import os
import sys
import tempfile
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from dreamkeras.environment import setting
from dreamkeras.errors import MissingPackageError
from dreamkeras.files.outputs import naming_output, open_output

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["BLUE", "GREY", "RED", "import_fonts", "new_figure", "save_figure"]

# Okabe and Ito's blue and vermilion, told apart with any colour vision and in grey.
BLUE, RED, GREY = "#0072B2", "#D55E00", "#666666"
DPI = 150


def new_figure(width: float, height: float) -> "Figure":
    """An empty figure, in inches.

    Raises:
        MissingPackageError: matplotlib is not installed.
    """
    try:
        import_fonts()
        from matplotlib.figure import Figure
    except ImportError:
        raise MissingPackageError("Expected matplotlib for plots, got none installed: pip install 'dreamkeras[train]'.") from None
    return Figure(figsize=(width, height), layout="constrained")


def save_figure(figure: "Figure", path: str | PathLike[str]) -> None:
    """Writes a figure as PNG; the file appears whole or not at all.

    Raises:
        DreamkerasError: The file cannot be written.
    """
    for axes in figure.axes:
        axes.spines[["top", "right"]].set_visible(False)
    with open_output(str(path)) as file, naming_output(str(path)):
        figure.savefig(file, format="png", dpi=DPI)


def import_fonts() -> None:
    """Imports matplotlib and its list of fonts, which is not written into the home folder; one that is there is used.

    Raises:
        ImportError: matplotlib is not installed.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()) / "matplotlib"
    if "matplotlib.font_manager" in sys.modules or any(cache.glob("fontlist-*.json")):
        return
    with tempfile.TemporaryDirectory(prefix="dreamkeras-") as folder, setting("MPLCONFIGDIR", folder):
        import matplotlib.font_manager  # noqa: F401
