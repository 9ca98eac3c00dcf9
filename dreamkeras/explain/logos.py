"""Draws sequence logos as SVG or, with matplotlib, as PNG. The height of a letter is its importance.

Letters that decrease the prediction are drawn upside down below the zero line.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

import numpy as np

from dreamkeras.errors import InputError
from dreamkeras.explain.explanation import Explanation, first_positions
from dreamkeras.files.folders import open_folder
from dreamkeras.files.outputs import naming_output
from dreamkeras.plots.style import draw_plots, new_figure, plain_settings, save_figure
from dreamkeras.sequence.alphabet import N

if TYPE_CHECKING:
    from matplotlib.path import Path as Outline

__all__ = ["COLOURS", "GLYPHS", "LogoFolder", "draw_logo", "logo_svg", "open_logos"]

GLYPHS = {
    "A": "M0 100L38 0H62L100 100H77L69 76H31L23 100ZM37 58H63L50 18Z",
    "C": "M97 32C90 10 72 0 52 0C20 0 0 22 0 50C0 78 20 100 52 100C72 100 90 90 97 68L76 61C72 74 64 81 52 81C34 81 22 69 22 50C22 31 34 "
    "19 52 19C64 19 72 26 76 39Z",
    "G": "M97 32C90 10 72 0 52 0C20 0 0 22 0 50C0 78 20 100 52 100C74 100 90 92 98 78V46H52V64H77V71C72 78 64 81 52 81C34 81 22 69 22 50"
    "C22 31 34 19 52 19C64 19 72 26 76 37Z",
    "T": "M0 0H100V20H61V100H39V20H0Z",
    "N": "M0 100V0H24L78 68V0H100V100H76L22 32V100Z",
}
"""Outlines of the letters in a square of 100 by 100, as SVG paths. A test checks that the server's page uses the same outlines."""

COLOURS = {"A": "#109648", "C": "#255c99", "G": "#d17a00", "T": "#d62839", "N": "#888888"}

WIDTH, HEIGHT, TOP, LEFT, TICKS = 14, 120, 24, 52, 10
"""Layout of the drawing in pixels: width of a letter, height of the letters, margins above and to the left.

The last value of the layout is the number of letters between the ticks of the axis.
"""

NAME_BYTES, TASK_BYTES = 140, 60
"""Maximum lengths in bytes of the sequence's name and the task's name in a file name.

The limits keep a file name, with a number and a suffix, within 255 bytes.
"""

FONT = 'font-family="sans-serif" font-size="11"'


def logo_svg(letters: str, heights: np.ndarray, title: str = "", first: int = 0) -> str:
    """Returns a logo as an SVG document.

    Args:
        letters: Sequence of n letters. All letters except A, C, G and T are drawn as N.
        heights: Heights of the letters, float (n,).
        title: Title above the logo.
        first: Position of the first letter, counted from 0.

    Raises:
        InputError: The number of heights differs from the number of letters, or a height is not finite.

    Example:
        >>> logo_svg("GAT", np.array([1.0, -0.5, 0.25])).count("<use")
        3
    """
    drawn, most, least = _measured(letters, heights)
    scale = HEIGHT / (most - least or 1)
    line, width, height = TOP + most * scale, LEFT + len(drawn) * WIDTH + 8, TOP + HEIGHT + 26
    shown = escape(title)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" {FONT}>',
        f'<title>{shown}</title><text x="{LEFT}" y="14">{shown}</text><defs>',
        *(f'<path id="{glyph}" d="{GLYPHS[glyph]}" fill="{COLOURS[glyph]}" fill-rule="evenodd"/>' for glyph in sorted(set(drawn))),
        "</defs>",
        *_svg_letters(letters, drawn, heights * scale, heights, line, first),
        f'<path d="M{LEFT} {line:.2f}H{width}" stroke="black"/>',
        *_svg_numbers(len(drawn), most, least, height, first),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


@plain_settings()
def draw_logo(letters: str, heights: np.ndarray, path: Path, title: str = "", first: int = 0) -> None:
    """Draws a logo to a PNG file. The file gets its name only when the logo is complete. See `logo_svg` for the other arguments.

    Raises:
        InputError: The number of heights differs from the number of letters, or a height is not finite.
        MissingPackageError: matplotlib is not installed.
        DreamkerasError: The file cannot be written.
    """
    drawn, most, least = _measured(letters, heights)
    figure = new_figure(1 + 0.15 * len(drawn), 2.0)
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path as Outline

    axes = figure.subplots()
    outlines = {glyph: _outline(GLYPHS[glyph]) for glyph in set(drawn)}
    for place, (glyph, value) in enumerate(zip(drawn, heights.tolist(), strict=True), first + 1):
        outline = outlines[glyph]
        moved = np.asarray(outline.vertices) * (0.01, -0.01 * value) + (place - 0.5, value)
        axes.add_patch(PathPatch(Outline(moved, outline.codes), facecolor=COLOURS[glyph], linewidth=0))
    axes.axhline(0, color="black", linewidth=0.8)
    room = 0.05 * (most - least) or 1
    axes.set(xlim=(first + 0.5, first + len(drawn) + 0.5), ylim=(least - room, most + room), title=title)
    save_figure(figure, path)


class LogoFolder:
    """Writes a logo of each sequence for each task. Instances are created by `open_logos`."""

    def __init__(self, folder: Path, tasks: Sequence[str], *, png: bool) -> None:
        self._folder, self._tasks, self._png = folder, tasks, png
        self._endings = _endings(tasks)
        self._count = 0

    def write(self, found: Explanation) -> None:
        """Writes the logos of a batch of sequences."""
        importance, offsets, positions = found.importance(), found.inserts.offsets, first_positions(found).tolist()
        for row, name in enumerate(found.ids):
            self._count += 1
            own = importance[offsets[row] : offsets[row + 1]].T
            for task, ending, heights in zip(self._tasks, self._endings, own, strict=True):
                title = f"{name}: {task}" if len(self._tasks) > 1 else name
                path = self._folder / f"{self._count}_{_file_name(name, NAME_BYTES)}{ending}"
                self._save(found.inserts[row], heights, path, title, positions[row])

    def _save(self, letters: str, heights: np.ndarray, path: Path, title: str, first: int) -> None:
        with naming_output(str(path)):
            path.with_name(f"{path.name}.svg").write_text(logo_svg(letters, heights, title, first), encoding="utf-8")
        if self._png:
            plot = path.with_name(f"{path.name}.png")
            self._png = bool(draw_plots({plot: partial(draw_logo, letters, heights, plot, title, first)}))  # one warning is enough


@contextmanager
def open_logos(folder: Path, tasks: Sequence[str], *, png: bool = False) -> Iterator[LogoFolder]:
    """Opens a folder for logos, with files named `1_NAME.svg` and so on. The folder appears when the `with` block ends without an error.

    Args:
        folder: Path of the folder.
        tasks: Names of the tasks. With several tasks, one logo per task is written for each sequence.
        png: Whether to write PNG files as well.

    Raises:
        MissingPackageError: `png` is True and matplotlib is not installed.
        DreamkerasError: The folder is not empty, or cannot be written.
    """
    if png:
        new_figure(1, 1)
    with open_folder(folder) as unfinished:
        yield LogoFolder(unfinished, tasks, png=png)


def _measured(letters: str, heights: np.ndarray) -> tuple[str, float, float]:
    """Returns the glyphs of a logo, and the maximum extent of the letters above and below the line."""
    if heights.shape != (len(letters),):
        raise InputError(f"Expected {len(letters)} heights for a logo, got an array of shape {heights.shape}.")
    if not np.isfinite(heights).all():
        raise InputError("Expected finite heights for a logo, got NaN or infinity.")
    drawn = "".join(letter if letter in GLYPHS else chr(N) for letter in letters.upper())
    return drawn, max(0.0, float(heights.max(initial=0))), min(0.0, float(heights.min(initial=0)))


def _svg_letters(letters: str, drawn: str, pixels: np.ndarray, heights: np.ndarray, line: float, first: int) -> Iterator[str]:
    for place, (glyph, tall, value) in enumerate(zip(drawn, pixels.tolist(), heights.tolist(), strict=True)):
        # A negative height mirrors the letter, so that it is drawn upside down below the zero line.
        move = f"translate({LEFT + place * WIDTH} {line - tall:.2f}) scale({WIDTH / 100} {tall / 100:.5f})"
        yield f'<use href="#{glyph}" transform="{move}"><title>{escape(letters[place])}{first + place + 1}: {value:.3g}</title></use>'


def _svg_numbers(letters: int, most: float, least: float, height: int, first: int) -> Iterator[str]:
    for value, y in ((most, TOP + 8), (least, TOP + HEIGHT)):
        if value:
            yield f'<text x="{LEFT - 6}" y="{y}" text-anchor="end">{value:.2g}</text>'
    for place in range(first // TICKS * TICKS + TICKS, first + letters + 1, TICKS):
        yield f'<text x="{LEFT + (place - first - 0.5) * WIDTH:g}" y="{height - 10}" text-anchor="middle">{place}</text>'


def _outline(glyph: str) -> "Outline":
    """Converts a glyph from an SVG path to a matplotlib path."""
    from matplotlib.path import Path as Outline

    vertices, codes, at = [], [], [0.0, 0.0]
    kinds = {"M": [Outline.MOVETO], "C": [Outline.CURVE4] * 3, "Z": [Outline.CLOSEPOLY]}
    for command, text in re.findall(r"([MLHVCZ])([^MLHVCZ]*)", glyph):
        numbers = [float(number) for number in text.split()]
        if command in "HV":
            at = [numbers[0], at[1]] if command == "H" else [at[0], numbers[0]]
            numbers = at
        points = np.reshape(numbers or at, (-1, 2)).tolist()
        vertices += points
        codes += kinds.get(command, [Outline.LINETO])
        at = points[-1]
    return Outline(vertices, codes)


def _endings(tasks: Sequence[str]) -> list[str]:
    """Returns the ending of the file names for each task: the name of the task, with a number if names are ambiguous.

    The ending is empty for a single task.
    """
    if len(tasks) < 2:
        return [""] * len(tasks)
    endings = [f"_{_file_name(task, TASK_BYTES)}" for task in tasks]
    return endings if len(set(endings)) == len(endings) else [f"_{number}{ending}" for number, ending in enumerate(endings, 1)]


def _file_name(title: str, most: int) -> str:
    """Converts a title to a part of a file name with at most `most` bytes, without splitting a character."""
    return re.sub(r"[^\w.+-]+", "_", title).encode()[:most].decode(errors="ignore")
