"""Names of the strands that a region is read from. Imports no NumPy, so that shell completion stays fast."""

from typing import Literal, get_args

__all__ = ["STRANDS", "Strand"]

Strand = Literal["given", "forward", "reverse"]

STRANDS = get_args(Strand)
