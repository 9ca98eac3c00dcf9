"""Sizes of networks and blocks."""

import keras
import pytest

from dreamkeras.data.assays.atac_layout import AtacLayout
from dreamkeras.data.assays.registry import ASSAYS, find_assay
from dreamkeras.layers.slots import BLOCKS
from dreamkeras.models import sizes
from dreamkeras.models.presets import PRESETS


@pytest.fixture
def few(monkeypatch):
    """Restricts the tables to one preset and one team without a final block."""
    monkeypatch.setattr(sizes, "PRESETS", {"dream-cnn-small": PRESETS["dream-cnn-small"]})
    team = {slot: {"legnet": blocks["legnet"]} for slot, blocks in BLOCKS.items()}
    monkeypatch.setattr(sizes, "BLOCKS", {**team, "final": {}})


def test_only_trainable_weights_are_counted():
    layer = keras.layers.BatchNormalization()
    layer.build((None, 5))
    assert sizes.trainable_parameters(layer) == 10
    assert sum(weight.shape[0] for weight in layer.weights) == 20


def test_a_network_has_a_size_on_each_assay(few):
    came = list(sizes.network_sizes(ASSAYS.values()))
    assert [(size.name, size.slot, size.assay, size.parameters) for size in came] == [
        ("dream-cnn-small", None, "yeast", 111_014),
        ("dream-cnn-small", None, "lentimpra", 114_357),
        ("dream-cnn-small", None, "starrseq", 118_966),
    ]
    assert {size.description for size in came} == {PRESETS["dream-cnn-small"].description}


def test_networks_that_do_not_fit_an_assay_are_omitted(monkeypatch):
    monkeypatch.setattr(sizes, "PRESETS", {name: PRESETS[name] for name in ("unlockdna", "bpnet-bias")})
    came = list(sizes.network_sizes([find_assay("atac", AtacLayout("genome.fa", "reads.bw", length=300, profile_length=100))]))
    assert [size.name for size in came] == ["bpnet-bias"]


def test_final_blocks_with_a_profile_are_only_for_assays_with_profiles():
    genome = find_assay("atac", AtacLayout("genome.fa", "reads.bw", length=300, profile_length=100))
    assert [size.name for size in sizes.block_sizes(genome, ("final",))] == ["profile"]
    assert "profile" not in [size.name for size in sizes.block_sizes(find_assay("yeast"), ("final",))]


def test_missing_blocks_of_a_team_are_replaced_by_autosomes(few):
    came = {size.slot: size for size in sizes.block_sizes(find_assay("yeast"))}
    assert list(came) == ["first", "core"]
    assert came["first"].parameters == 7 * 6 * 256 + 2 * 256
    assert came["first"].description.startswith("Motif scanners")
    assert all((size.name, size.assay) == ("legnet", "yeast") for size in came.values())
