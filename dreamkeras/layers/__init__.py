"""Keras layers: the three slots of a network, the blocks that fill them, and the parts that blocks consist of."""

from dreamkeras.layers.blocks import autosome, bhi, legnet, proformer, unlockdna

__all__ = ["autosome", "bhi", "legnet", "proformer", "unlockdna"]
