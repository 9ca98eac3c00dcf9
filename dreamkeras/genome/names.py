"""Names of the strands from which a region can be read. This module does not import NumPy, so that shell completion stays fast."""

from typing import Literal, get_args

__all__ = ["STRANDS", "Strand"]

Strand = Literal["given", "forward", "reverse"]

STRANDS = get_args(Strand)
