"""Draws non-peaks, which are genomic windows away from peaks with the same distribution of GC content as the windows around peaks."""

import numpy as np

from dreamkeras.errors import InputError
from dreamkeras.genome.reference import Genome
from dreamkeras.genome.regions import Regions
from dreamkeras.sequence.alphabet import IS_BASE, IS_GC

__all__ = ["draw_nonpeaks", "gc_content"]

STEPS = 100
"""Number of steps into which the range of GC content, 0 to 1, is divided.

To match non-peaks to peaks, the GC content of each window is rounded to the nearest step.
"""


def draw_nonpeaks(genome: Genome, peaks: Regions, count: int, length: int, seed: int = 0) -> Regions:
    """Draws windows without unknown bases. The windows overlap neither peaks, nor windows around peaks, nor each other.

    The windows lie on the contigs of the peaks. Their GC content is distributed like that of the windows around the
    peaks. If too few windows have a required GC content, windows with the nearest GC content are drawn instead.

    Args:
        genome: Reference genome.
        peaks: Peaks. Their contigs must have the same names as in the genome.
        count: Number of windows to draw. If the genome has fewer suitable windows, all of them are returned.
        length: Number of bases in each window.
        seed: Random seed, 0 or more.

    Returns:
        The drawn windows, in the order of their positions in the genome.

    Raises:
        InputError: The genome has no suitable window.
    """
    generator = np.random.default_rng(seed)
    tiles, content = _tiles(genome, peaks, length, generator)
    if not tiles.contigs:
        raise InputError(f"{genome.path} has no window of {length} bases away from the peaks. Name a BED file of non-peaks.")
    around = peaks.windows(length)
    wanted = _steps(gc_content(genome.windows(around.contigs, around.starts, length)))
    drawn = _matched(_steps(content), wanted, min(count, len(content)), generator)
    return tiles.select(np.sort(drawn))


def gc_content(letters: np.ndarray) -> np.ndarray:
    """Returns the share of G and C among the known bases of each sequence, float64 (n,). The share is 0 for a sequence without known bases.

    Args:
        letters: Sequences, ASCII, uint8 (n, length).

    Example:
        >>> gc_content(np.frombuffer(b"ACGTggcNNNNN", np.uint8).reshape(3, 4)).tolist()
        [0.5, 1.0, 0.0]
    """
    return IS_GC[letters].sum(axis=1) / np.maximum(IS_BASE[letters].sum(axis=1), 1)


def _tiles(genome: Genome, peaks: Regions, length: int, generator: np.random.Generator) -> tuple[Regions, np.ndarray]:
    """Returns the candidate windows and their GC content.

    A contig is divided into adjacent windows, beginning at a random position below `length`. Windows with
    unknown bases are omitted, and so are windows that overlap a peak or the window around a peak.
    """
    parts, contents, peaked = [], [], set(peaks.contigs)
    for name, letters_there in genome.lengths.items():
        if name not in peaked:
            continue
        first = int(generator.integers(0, length))
        count = max(0, letters_there - first) // length
        starts = first + length * np.arange(count)
        letters = genome.windows([name], np.array([first]), count * length).reshape(count, length)
        tiles = Regions([name] * count, starts, starts + length, starts + length // 2)
        away = ~tiles.overlapping(peaks) & ~tiles.overlapping(peaks.windows(length)) & IS_BASE[letters].all(axis=1)
        parts.append(tiles.select(away))
        contents.append(gc_content(letters[away]))
    return Regions.joined(parts), np.concatenate(contents)


def _steps(content: np.ndarray) -> np.ndarray:
    return np.rint(content * STEPS).astype(np.int64)


def _matched(have: np.ndarray, wanted: np.ndarray, count: int, generator: np.random.Generator) -> np.ndarray:
    """Draws candidates such that their distribution of GC content is as close as possible to that of the windows around peaks.

    Args:
        have: GC content of each candidate as a multiple of 1 / `STEPS`, int64, with at least `count` elements.
        wanted: GC content of each window around a peak as a multiple of 1 / `STEPS`, int64.
        count: Number of candidates to draw.
        generator: Random generator.

    Returns:
        Indices into `have`, int64 (count,).
    """
    shares = np.bincount(wanted, minlength=STEPS + 1) / len(wanted)
    goals = np.diff(np.rint(np.concatenate([[0], np.cumsum(shares)]) * count).astype(np.int64))
    drawn, left, lacking = [], [], {}
    for step, goal in enumerate(goals.tolist()):
        rows = generator.permutation(np.flatnonzero(have == step))
        drawn.append(rows[:goal])
        left.append(rows[goal:])
        lacking[step] = goal - len(drawn[-1])
    rest = np.concatenate(left)
    for step, number in lacking.items():
        if number:
            nearest = np.argsort(np.abs(have[rest] - step), kind="stable")
            drawn.append(rest[nearest[:number]])
            rest = rest[nearest[number:]]
    return np.concatenate(drawn)
