"""Draws groups of rows at random: a share of the rows, or folds. Knows only the sizes of the groups, not their sequences."""

import heapq

import numpy as np

__all__ = ["deal_folds", "draw_legacy", "draw_share"]


def draw_share(sizes: np.ndarray, wanted: int, random: np.random.Generator) -> np.ndarray:
    """Draws groups at random, such that their number of rows is as close to `wanted` as possible.

    Groups are considered in random order. Either every group that still fits is drawn, or the first groups are drawn up to the place where
    their number of rows is closest to `wanted`. The closer of the two draws is returned. At least one group is not drawn.

    Args:
        sizes: Number of rows in each group, int (groups,).
        wanted: Number of rows to draw.
        random: Generator of the random order.

    Returns:
        Whether each group is drawn, bool (groups,).

    Example:
        >>> draw_share(np.array([80, 3, 3, 3, 3]), 6, np.random.default_rng(0)).sum()
        np.int64(2)
    """
    order = random.permutation(len(sizes))
    fitting = _fitting(sizes, order, wanted)
    totals = np.cumsum(sizes[order])[:-1]
    first = np.zeros(len(sizes), bool)
    if len(totals):
        place = int(np.argmin(np.abs(totals - wanted)))
        if abs(int(totals[place]) - wanted) < wanted:
            first[order[: place + 1]] = True
    return min(fitting, first, key=lambda drawn: abs(int(sizes[drawn].sum()) - wanted))


def deal_folds(sizes: np.ndarray, values: np.ndarray, count: int, random: np.random.Generator) -> np.ndarray:
    """Deals groups to folds of equal size, largest groups first, each to the smallest fold. Ties are broken at random.

    Groups of equal size are dealt in the order of their values, so that the values of the folds are alike.

    Args:
        sizes: Number of rows in each group, int (groups,).
        values: Value of each group, such as its mean target, float (groups,).
        count: Number of folds.
        random: Generator that breaks ties.

    Returns:
        Fold of each group, 0 to `count - 1`, int32 (groups,).
    """
    shuffled = random.permutation(len(sizes))
    order = shuffled[np.lexsort((values[shuffled], -sizes[shuffled]))]
    ties = random.random(len(sizes) + count).tolist()
    smallest = [(0, ties.pop(), fold) for fold in range(count)]
    heapq.heapify(smallest)
    folds = np.empty(len(sizes), np.int32)
    for group, size in zip(order.tolist(), sizes[order].tolist(), strict=True):
        rows, _, fold = smallest[0]
        folds[group] = fold
        heapq.heapreplace(smallest, (rows + size, ties.pop(), fold))
    return folds


def draw_legacy(sizes: np.ndarray, wanted: int, seed: int) -> np.ndarray:
    """Draws groups as versions without `RunConfig.holdout` drew them, bool (groups,).

    Groups that are larger than `wanted` are omitted. The draw ends at the first group that would exceed `wanted`.
    """
    order = np.random.default_rng(seed).permutation(len(sizes))
    fits = sizes[order] <= wanted
    drawn = np.zeros(len(sizes), bool)
    drawn[order[fits & (np.cumsum(sizes[order] * fits) <= wanted)]] = True
    return drawn


def _fitting(sizes: np.ndarray, order: np.ndarray, wanted: int) -> np.ndarray:
    """Draws, in the given order, every group that does not exceed `wanted`, and then one group more if that is closer to `wanted`."""
    drawn, gap, rest = np.zeros(len(sizes), bool), wanted, order
    while len(rest := rest[sizes[rest] <= gap]):
        totals = np.cumsum(sizes[rest])
        count = int(np.searchsorted(totals, gap, "right"))
        drawn[rest[:count]] = True
        gap -= int(totals[count - 1])
        rest = rest[count:]
    rest = order[~drawn[order]]
    if len(rest) > 1:
        nearest = rest[np.argmin(sizes[rest])]
        drawn[nearest] = sizes[nearest] - gap < gap
    return drawn
