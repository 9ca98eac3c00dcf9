"""A small network with a profile, and examples for it, in which reads occur at a motif."""

import numpy as np
from keras_arrays import randomise

from dreamkeras.data.assays.assay import Assay
from dreamkeras.data.examples import Examples
from dreamkeras.sequence.construct import Construct

LENGTH, POSITIONS, MARGIN = 60, 20, 8
CONSTRUCT = Construct("atac", length=LENGTH, flags=(), alignment="center")
ASSAY = Assay("atac", CONSTRUCT, ("log_counts",), ("ln(1 + reads)",), lambda path, on_error="fail": windows(), profile=POSITIONS)


def build_profile_network(seed=0, construct=CONSTRUCT, **options):
    """Builds a small network with a profile and random weights."""
    from dreamkeras.layers.blocks.bpnet import BPNetCore, BPNetFirst
    from dreamkeras.layers.blocks.profile import ProfileFinal
    from dreamkeras.models.prixfixe import PrixFixe

    blocks = BPNetFirst(6, kernel_size=5), BPNetCore(2), ProfileFinal(POSITIONS, construct.length, kernel_size=9)
    return randomise(PrixFixe(construct, *blocks, ASSAY.tasks, ASSAY.units, name="tiny-profile", **options), seed)


def windows(n=40, seed=0, margin=MARGIN):
    """Simulates n examples. Every other example is a peak with a `GGG`, where 20 reads are added to a background of 1 read per position."""
    generator = np.random.default_rng(seed)
    letters = generator.choice(np.frombuffer(b"ACGT", np.uint8), (n, LENGTH + 2 * margin), p=(0.3, 0.3, 0.1, 0.3))
    is_peak = np.arange(n) % 2 == 0
    for row in np.flatnonzero(is_peak):
        place = generator.integers(margin + 22, margin + 35)
        letters[row, place : place + 3] = ord("G")
    is_site = (np.lib.stride_tricks.sliding_window_view(np.pad(letters, ((0, 0), (1, 1))), 3, axis=1) == ord("G")).all(axis=2)
    reads = generator.poisson(1 + 20.0 * is_site)
    profiles = reads[:, (LENGTH - POSITIONS) // 2 : reads.shape[1] - (LENGTH - POSITIONS) // 2].astype(np.float32)
    targets = np.log1p(profiles[:, margin : margin + POSITIONS].sum(axis=1, keepdims=True))
    ids = [f"chr{1 + row % 4}:{100 * row}-{100 * row + LENGTH}" for row in range(n)]
    flags, lengths = np.zeros((n, 0), np.float32), np.full(n, LENGTH, np.int32)
    return Examples(ids, letters, targets, flags, lengths, construct=CONSTRUCT, profiles=profiles, is_peak=is_peak, margin=margin)
