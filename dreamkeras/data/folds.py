"""Folds of examples: whole numbers, or texts such as the names of published splits and chromosomes. Draws no folds."""

import numpy as np

from dreamkeras.formats.decimals import is_number

__all__ = ["is_in_fold", "list_folds", "numbered_folds"]

SHOWN = 12
"""Maximum number of folds that an error message lists."""


def numbered_folds(texts: np.ndarray) -> np.ndarray:
    """Converts folds that are given as text, str (n,), to int32 if all of them are whole numbers.

    Example:
        >>> numbered_folds(np.array(["1", "2.0"])).tolist(), numbered_folds(np.array(["1", "X"])).tolist()
        ([1, 2], ['1', 'X'])
    """
    names, which = np.unique(texts, return_inverse=True)
    if not all(is_number(name) and float(name).is_integer() and abs(float(name)) < 2**31 for name in names.tolist()):
        return texts
    return names.astype(np.float64).astype(np.int32)[which]


def is_in_fold(folds: np.ndarray, fold: int | str) -> np.ndarray:
    """Returns whether each example is in a fold, bool (n,).

    Args:
        folds: Fold of each example, int or str (n,).
        fold: Number or name of the fold.

    Example:
        >>> is_in_fold(np.array(["val", "1"]), 1).tolist(), is_in_fold(np.array([1, 2]), "2").tolist()
        ([False, True], [False, True])
    """
    if folds.dtype.kind == "U":
        return folds == str(fold)
    if isinstance(fold, str) and not fold.isdecimal():
        return np.zeros(len(folds), bool)
    return folds == int(fold)


def list_folds(folds: np.ndarray) -> str:
    """Lists the folds of examples, at most `SHOWN`.

    Example:
        >>> list_folds(np.array([3, 0, 3])), list_folds(np.arange(20))
        ('0, 3', '0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 and 8 more')
    """
    names = np.unique(folds).tolist()
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"{', '.join(map(str, names[:SHOWN]))}{more}"
