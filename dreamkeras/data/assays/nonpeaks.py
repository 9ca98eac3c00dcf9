"""Non-peaks: windows of a genome away from peaks, with as many G and C as the windows around peaks."""

import numpy as np

from dreamkeras.errors import InputError
from dreamkeras.genome.reference import Genome
from dreamkeras.genome.regions import Regions
from dreamkeras.sequence.alphabet import IS_BASE, IS_GC

__all__ = ["draw_nonpeaks", "gc_content"]

STEPS = 100
"""How many steps of G and C content are told apart between none and all."""


def draw_nonpeaks(genome: Genome, peaks: Regions, count: int, length: int, seed: int = 0) -> Regions:
    """Windows that share no position with a peak or the window around it, nor with one another, and hold no unknown letter.

    They lie on the peaks' contigs. Of each step of G and C content as many are drawn as the windows around the peaks have; where the
    genome has too few, those nearest to it are taken.

    Args:
        genome: Their genome.
        peaks: On contigs of the genome, by its names.
        count: How many to draw; there are fewer where the genome has no more.
        length: Letters in each.
        seed: Which; 0 or more.

    Returns:
        The windows, in the order of the genome.

    Raises:
        InputError: The genome has none.
    """
    generator = np.random.default_rng(seed)
    tiles, content = _tiles(genome, peaks, length, generator)
    if not tiles.contigs:
        raise InputError(f"Expected room for windows of {length} letters away from peaks, got none in {genome.path}: name non-peaks.")
    around = peaks.windows(length)
    wanted = _steps(gc_content(genome.windows(around.contigs, around.starts, length)))
    drawn = _matched(_steps(content), wanted, min(count, len(content)), generator)
    return tiles.select(np.sort(drawn))


def gc_content(letters: np.ndarray) -> np.ndarray:
    """float64 (n,): the share of G and C among the bases that are known, 0 where none is.

    Args:
        letters: uint8 (n, length), ASCII.

    Example:
        >>> gc_content(np.frombuffer(b"ACGTggcNNNNN", np.uint8).reshape(3, 4)).tolist()
        [0.5, 1.0, 0.0]
    """
    return IS_GC[letters].sum(axis=1) / np.maximum(IS_BASE[letters].sum(axis=1), 1)


def _tiles(genome: Genome, peaks: Regions, length: int, generator: np.random.Generator) -> tuple[Regions, np.ndarray]:
    """The windows that may be drawn, side by side from a random first letter of each contig, and their G and C content."""
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
    """int64 (count,): rows of `have`, at least as many, whose steps are spread as those of `wanted` or as near as there are."""
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
