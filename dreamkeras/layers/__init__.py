"""Keras layers: the blocks that fill the slots, and what they are made of; importing any of them registers every block."""

from dreamkeras.layers import autosome, bhi, legnet, proformer, unlockdna

__all__ = ["autosome", "bhi", "legnet", "proformer", "unlockdna"]
