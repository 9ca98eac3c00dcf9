import pytest

from dreamkeras.errors import ModelError
from dreamkeras.models.names import BLOCK_NAMES, ENTRIES, FORMAT, MODELS, entry_of, known_model, model_in


def test_names_are_those_of_presets_and_blocks():
    pytest.importorskip("keras")
    from dreamkeras.layers.slots import BLOCKS
    from dreamkeras.models.presets import PRESETS

    assert tuple(PRESETS) == MODELS
    ours = {slot: {name for name, block in blocks.items() if block.__module__.startswith("dreamkeras.")} for slot, blocks in BLOCKS.items()}
    assert {slot: set(names) for slot, names in BLOCK_NAMES.items()} == ours


@pytest.mark.parametrize("name", ["dream-cnn", " dream-cnn ", "bhi, unlockdna, autosome", "mine:First, other, autosome"])
def test_spaces_are_removed_from_known_names(name):
    assert known_model(name) == name.replace(" ", "")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("dream-cm", r"Expected a model among dream-cnn, .*, got 'dream-cm'\. Did you mean dream-cnn\?$"),
        ("xyzzy", r"got 'xyzzy'\.$"),
        ("bhi,autosome", r"Expected three blocks as FIRST,CORE,FINAL, got 2 in 'bhi,autosome'"),
        ("bhi,unlokdna,autosome", r"Expected a core block among .*, got 'unlokdna'\. Did you mean unlockdna\?$"),
    ],
)
def test_unknown_names_are_rejected_with_the_closest_name(name, message):
    with pytest.raises(ModelError, match=message):
        known_model(name)


def test_three_blocks_of_a_team_name_its_entry():
    assert set(ENTRIES) == {"autosome", "bhi", "unlockdna", "proformer", "legnet"}
    assert [known_model(f"{team},{team}, {team}") for team in ENTRIES] == list(ENTRIES)
    assert entry_of(["bhi", "bhi", "autosome"]) is None
    assert entry_of(["bpnet", "bpnet", "bpnet"]) is None  # bpnet has no final block
    assert entry_of(["dream-cnn"] * 3) is None


def test_a_team_without_a_final_block_is_rejected():
    with pytest.raises(ModelError, match="Expected a final block among"):
        known_model("bpnet,bpnet,bpnet")


@pytest.mark.parametrize(
    ("name", "today"),
    [
        ("bhi,bhi,bhi", "bhi,bhi,bhi-mean"),
        ("autosome,mine:Core,bhi", "autosome,mine:Core,bhi-mean"),
        ("unlockdna,unlockdna,unlockdna", "dreamkeras.layers.blocks.unlockdna:UnlockDNAFirst,unlockdna,unlockdna"),
        ("bhi,bhi,autosome", "bhi,bhi,autosome"),
        ("bhi", "bhi"),
        ("unlockdna,bhi,unlockdna", "unlockdna,bhi,unlockdna"),
    ],
)
def test_a_name_in_an_older_config_is_translated(name, today):
    assert model_in({"model": name}) == today
    assert model_in({"model": name, "format": FORMAT}) == name
    assert known_model(today) == today
