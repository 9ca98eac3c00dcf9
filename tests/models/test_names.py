import pytest

from dreamkeras.errors import ModelError
from dreamkeras.models.names import BLOCK_NAMES, MODELS, known_model


def test_names_are_those_of_presets_and_blocks():
    pytest.importorskip("keras")
    from dreamkeras.layers.slots import BLOCKS
    from dreamkeras.models.presets import PRESETS

    assert tuple(PRESETS) == MODELS
    ours = {slot: {name for name, block in blocks.items() if block.__module__.startswith("dreamkeras.")} for slot, blocks in BLOCKS.items()}
    assert {slot: set(names) for slot, names in BLOCK_NAMES.items()} == ours


@pytest.mark.parametrize("name", ["dream-cnn", " dream-cnn ", "bhi, unlockdna, autosome", "mine:First, other, autosome"])
def test_known_names_lose_their_spaces(name):
    assert known_model(name) == name.replace(" ", "")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("dream-cm", r"Expected a model among dream-cnn, .*, got 'dream-cm'\. Did you mean dream-cnn\?$"),
        ("xyzzy", r"got 'xyzzy'\.$"),
        ("bhi,autosome", r"Expected three blocks FIRST,CORE,FINAL, got 2 in 'bhi,autosome'"),
        ("bhi,unlokdna,autosome", r"Expected a core block among .*, got 'unlokdna'\. Did you mean unlockdna\?$"),
    ],
)
def test_others_are_answered_with_the_nearest(name, message):
    with pytest.raises(ModelError, match=message):
        known_model(name)
