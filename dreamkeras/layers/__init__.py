"""Keras layers: the three slots of a network, the blocks that fill them, and the parts of blocks."""

from dreamkeras.layers.blocks import autosome, bhi, legnet, proformer, unlockdna

__all__ = ["autosome", "bhi", "legnet", "proformer", "unlockdna"]
