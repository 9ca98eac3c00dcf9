"""Creates and saves the figures of all plots, and defines their colours.

Figures are created without pyplot and without a display, and the user's settings of matplotlib have no effect and are not changed.
"""

import logging
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, chdir, contextmanager, nullcontext, suppress
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dreamkeras.environment import setting
from dreamkeras.errors import MissingPackageError
from dreamkeras.files.outputs import naming_output, open_output
from dreamkeras.files.temporary import temporary_folder

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["BLUE", "GREY", "RED", "draw_plots", "import_fonts", "new_figure", "plain_settings", "save_figure"]

# Blue and vermilion from the palette of Okabe and Ito, which can be distinguished with any colour vision and in greyscale.
BLUE, RED, GREY = "#0072B2", "#D55E00", "#666666"
DPI = 150


@contextmanager
def plain_settings() -> Iterator[None]:
    """Context manager and decorator for drawing with matplotlib's default settings. The settings of the caller are restored at the end.

    Raises:
        MissingPackageError: matplotlib is not installed, or cannot be imported.
    """
    try:
        import_fonts()
        import matplotlib as mpl
    except ImportError:
        raise MissingPackageError("Plots require matplotlib, which is not installed: pip install 'dreamkeras[train]'.") from None
    # The backend is omitted, because rc_context does not restore the backend.
    defaults: dict[Any, Any] = {name: value for name, value in dict.items(mpl.rcParamsDefault) if name != "backend"}
    with mpl.rc_context(defaults):
        yield


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


def draw_plots(plots: Mapping[Path, Callable[[], None]]) -> list[Path]:
    """Draws each plot to its file. If a plot cannot be drawn, a warning is written to standard error, and the other plots are drawn.

    Returns:
        The files that were drawn.
    """
    reasons: dict[str, list[Path]] = {}
    for path, draw in plots.items():
        try:
            draw()
        except Exception as error:  # noqa: BLE001  # matplotlib, its fonts and its settings can raise any exception
            reasons.setdefault(" ".join(str(error).split()) or type(error).__name__, []).append(path)
    for reason, paths in reasons.items():
        sys.stderr.write(f"Warning: {len(paths)} plot{'s were' if len(paths) > 1 else ' was'} not drawn ({paths[0].name}): {reason}\n")
    failed = [path for paths in reasons.values() for path in paths]
    return [path for path in plots if path not in failed]


def save_figure(figure: "Figure", path: str | PathLike[str]) -> None:
    """Writes a figure to a PNG file. The file is written completely or not at all.

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

    Invalid settings of the user, such as a backend for Jupyter that is not installed or a malformed `matplotlibrc`, are ignored.

    Raises:
        ImportError: matplotlib is not installed.
    """
    if "matplotlib.font_manager" in sys.modules:
        return
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()) / "matplotlib"
    with _quiet_log(), ExitStack() as stack:
        if not any(cache.glob("fontlist-*.json")):
            stack.enter_context(setting("MPLCONFIGDIR", str(stack.enter_context(temporary_folder()))))
        is_new = "matplotlib" not in sys.modules
        with _without_settings() if is_new else nullcontext():
            import matplotlib as mpl
            import matplotlib.font_manager
        if is_new:
            _take_settings(mpl)


@contextmanager
def _without_settings() -> Iterator[None]:
    """Hides the user's settings while matplotlib is imported, because the import raises an exception if a setting is invalid."""
    before = {name: os.environ.pop(name) for name in ("MPLBACKEND", "MATPLOTLIBRC") if name in os.environ}
    os.environ["MATPLOTLIBRC"] = os.devnull  # an empty file
    try:
        # A matplotlibrc in the working folder takes precedence over all other settings.
        with chdir(Path.cwd().anchor) if Path("matplotlibrc").is_file() else nullcontext():
            yield
    finally:
        del os.environ["MATPLOTLIBRC"]
        os.environ.update(before)


def _take_settings(mpl: Any) -> None:
    """Applies the user's settings, which were hidden during the import, for plots of the user's own code. Invalid settings are ignored."""
    with suppress(Exception):
        settings = mpl.rc_params()
        for name in settings.keys() - {"backend"}:  # reading a backend that is not set would import pyplot
            mpl.rcParams[name] = settings[name]
    if backend := os.environ.get("MPLBACKEND"):
        with suppress(ValueError):
            mpl.rcParams["backend"] = backend


@contextmanager
def _quiet_log() -> Iterator[None]:
    """Hides matplotlib's log records about invalid settings and about a font list that cannot be saved."""
    log = logging.getLogger("matplotlib")
    level = log.level
    log.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        log.setLevel(level)
