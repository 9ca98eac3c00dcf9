"""Creates and saves the figures of all plots, and defines their colours.

Figures are created without pyplot and without a display, and the settings of matplotlib are not changed.
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

# Blue and vermilion from the palette of Okabe and Ito, which can be distinguished with any colour vision and in greyscale.
BLUE, RED, GREY = "#0072B2", "#D55E00", "#666666"
DPI = 150


def new_figure(width: float, height: float) -> "Figure":
    """Creates an empty figure with a width and height in inches.

    Raises:
        MissingPackageError: matplotlib is not installed.
    """
    try:
        import_fonts()
        from matplotlib.figure import Figure
    except ImportError:
        raise MissingPackageError("Plots require matplotlib, which is not installed: pip install 'dreamkeras[train]'.") from None
    return Figure(figsize=(width, height), layout="constrained")


def save_figure(figure: "Figure", path: str | PathLike[str]) -> None:
    """Writes a figure to a PNG file. The file appears only when it is complete.

    Raises:
        DreamkerasError: The file cannot be written.
    """
    for axes in figure.axes:
        axes.spines[["top", "right"]].set_visible(False)
    with open_output(str(path)) as file, naming_output(str(path)):
        figure.savefig(file, format="png", dpi=DPI)


def import_fonts() -> None:
    """Imports matplotlib and its list of fonts.

    An existing font list in the home folder is used, but no new font list is written to the home folder.

    Raises:
        ImportError: matplotlib is not installed.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()) / "matplotlib"
    if "matplotlib.font_manager" in sys.modules or any(cache.glob("fontlist-*.json")):
        return
    with tempfile.TemporaryDirectory(prefix="dreamkeras-") as folder, setting("MPLCONFIGDIR", folder):
        import matplotlib.font_manager  # noqa: F401
