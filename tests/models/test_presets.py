"""The named networks: their sizes, and a training step of a small DREAM-CNN, compared with plain torch."""

from pathlib import Path

import keras
import numpy as np
import pytest
from keras_arrays import array
from torch_networks import copy_plain, plain_torch

from dreamkeras.data.assays.atac_layout import AtacLayout
from dreamkeras.data.assays.registry import ASSAYS, find_assay
from dreamkeras.errors import ModelError
from dreamkeras.models.presets import PRESETS, build_model, find_preset
from dreamkeras.sequence import alphabet

TRAINED = {  # yeast, lentimpra, starrseq
    "dream-cnn": (1_933_970, 1_945_857, 1_962_754),
    "dream-rnn": (4_130_578, 4_203_393, 4_285_826),
    "dream-attn": (4_539_410, 4_619_521, 4_690_434),
    "autosome": (1_725_122, 1_739_057, 1_755_954),
    "bhi": (7_201_089, 8_835_649, 9_224_834),
    "unlockdna": (4_568_581, 4_608_773, 4_618_758),
    "proformer": (47_475_205, 47_552_005, 47_571_974),
    "legnet": (2_129_602, 2_143_537, 2_160_434),
    "dream-cnn-small": (111_014, 114_357, 118_966),
    "positional-cnn-small": (268_597, 349_557, 369_078),
    "dream-rnn-small": (170_770, 185_729, 202_626),
    "dream-attn-small": (156_434, 176_833, 194_946),
    "bpnet": (6_369_810, 6_481_409, 6_612_994),
    "bpnet-small": (108_114, 122_497, 139_394),
    "bpnet-bias": (17_074, 24_513, 33_218),
}

ROOT = Path(__file__).parents[2]

GENOME = find_assay("atac", AtacLayout("genome.fa", "reads.bw", length=300, profile_length=100))


def trained(model):
    return sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)


@pytest.mark.parametrize(("name", "assay"), [(name, assay) for name in PRESETS for assay in ASSAYS])
def test_a_preset_has_its_assays_construct_and_the_expected_size(name, assay):
    index, assay = list(ASSAYS).index(assay), find_assay(assay)
    model = build_model(name, assay)
    assert (model.name, model.construct, model.tasks, model.units) == (name, assay.construct, assay.tasks, assay.units)
    assert trained(model) == TRAINED[name][index]


@pytest.mark.parametrize("assay", ["yeast", "lentimpra", "starrseq"])
def test_the_positional_network_has_weights_for_each_position(assay):
    assay = find_assay(assay)
    pooled, positional = (build_model(name, assay) for name in ("dream-cnn-small", "positional-cnn-small"))
    dense = (16 * assay.construct.length + 1) * 64 + (64 + 1) * 64 + (64 + 1) * len(assay.tasks)  # 16 channels, as the core's last step
    assert trained(positional) - dense == trained(pooled) - trained(pooled.final)


def test_every_preset_has_a_description_of_its_own():
    descriptions = [preset.description for preset in PRESETS.values()]
    assert all(description.endswith(".") for description in descriptions)
    assert len(set(descriptions)) == len(descriptions)


def test_a_preset_is_found_by_its_name():
    assert find_preset("bhi") is PRESETS["bhi"]
    assert find_preset("bhi").strategy == "bhi"
    assert find_preset("dream-rnn").strategy == "autosome"


def test_attention_has_a_lower_learning_rate():
    assay = find_assay("yeast")
    assert build_model("dream-attn-small", assay).core.learning_rate == 0.001
    assert build_model("dream-rnn-small", assay).core.learning_rate is None


def test_an_unknown_model_is_rejected_with_the_known_names():
    with pytest.raises(ModelError, match=r"Expected a model among dream-cnn, .*, or three blocks as FIRST,CORE,FINAL, got 'dream-cm'"):
        build_model("dream-cm", find_assay("yeast"))


def test_three_blocks_by_name_make_a_network():
    network = build_model("bhi,autosome,autosome", find_assay("yeast"))
    assert (network.name, trained(network)) == ("bhi-autosome-autosome", TRAINED["dream-cnn"][0])
    assert find_preset("bhi,autosome,autosome").strategy == "autosome"


def test_a_block_can_be_named_by_its_class():
    network = build_model("bhi,dreamkeras.layers.blocks.autosome:AutosomeCore,autosome", find_assay("yeast"))
    assert (network.name, trained(network)) == ("bhi-AutosomeCore-autosome", TRAINED["dream-cnn"][0])


@pytest.mark.parametrize("team", ["autosome", "bhi", "unlockdna", "proformer", "legnet"])
def test_three_blocks_of_a_team_are_its_entry(team):
    assay = find_assay("yeast")
    assert find_preset(f"{team}, {team},{team}") is PRESETS[team]
    theirs, entry = build_model(",".join([team] * 3), assay), build_model(team, assay)
    assert theirs.name == team
    assert trained(theirs) == TRAINED[team][0]
    assert [weight.shape for weight in theirs.weights] == [weight.shape for weight in entry.weights]
    for slot in ("first", "core", "final"):
        ours, wanted = ({**getattr(model, slot).get_config(), "name": ""} for model in (theirs, entry))
        assert ours == wanted


def test_the_final_block_bhi_uses_all_positions_in_any_combination():
    network = build_model("autosome,autosome,bhi", find_assay("yeast"))
    assert sum(int(np.prod(weight.shape)) for weight in network.final.trainable_weights) == 150 * 64 * 64 + 64 + 64 * 64 + 64 + 64 + 1
    assert build_model("autosome,autosome,bhi-mean", find_assay("yeast")).final.flatten is False


def test_the_page_of_networks_has_the_current_numbers_of_parameters():
    lines = (ROOT / "docs/reference/networks.md").read_text().partition("## Blocks")[0].splitlines()
    rows = [[cell.strip(" `") for cell in line.split("|")[1:-1]] for line in lines if line.startswith("| `")]
    counts = {name: tuple(int(count.replace(",", "")) for count in assays) for name, _plan, *assays, _atac, _strategy in rows}
    assert counts == TRAINED


def test_a_class_of_another_slot_is_rejected():
    with pytest.raises(ModelError, match=r"Expected a core block, got 'dreamkeras.layers.blocks.bhi:BHIFirst', "):
        find_preset("bhi,dreamkeras.layers.blocks.bhi:BHIFirst,autosome")


def test_an_unknown_block_is_rejected_with_the_known_names():
    with pytest.raises(ModelError, match=r"Expected a core block among autosome.*, got 'lstm'"):
        build_model("bhi,lstm,autosome", find_assay("yeast"))


@pytest.mark.parametrize(("name", "body"), [("bpnet-small", 64 * (21 * 4 + 1) + 8 * 64 * (3 * 64 + 1)), ("dream-cnn-small", None)])
def test_a_preset_predicts_a_profile_if_the_assay_has_one(name, body):
    network = build_model(name, GENOME)
    assert (network.profile, network.tasks) == (100, ("log_counts",))
    head = 75 * network.width + 1 + network.width + 1
    assert body is None or trained(network) == body + head


def test_profile_blocks_require_an_assay_with_profiles():
    assert build_model("bhi,bpnet,profile", GENOME).name == "bhi-bpnet-profile"
    with pytest.raises(ModelError, match="final block with a profile, such as 'profile', for assay atac, got AutosomeFinal"):
        build_model("bhi,bpnet,autosome", GENOME)
    with pytest.raises(ModelError, match="final block without a profile for assay yeast, got ProfileFinal"):
        build_model("bhi,bpnet,profile", find_assay("yeast"))


def test_a_body_that_changes_the_number_of_positions_is_rejected():
    with pytest.raises(
        ModelError, match=r"ProfileFinal in the final slot cannot process features of shape .* 100 to 300 positions, got 600"
    ):
        build_model("unlockdna", GENOME)


def test_a_training_step_equals_plain_torch():
    torch = pytest.importorskip("torch")
    network, model = plain_torch((80, 32, 32, 16)), build_model("dream-cnn-small", find_assay("yeast"))
    copy_plain(network, model.first, model.core, model.final)
    model.first.drop.rate = 0.0
    generator = np.random.default_rng(0)
    letters = generator.choice(np.frombuffer(b"ACGTN", np.uint8), (4, 150))
    flags = generator.integers(0, 2, (4, 2)).astype(np.float32)
    targets = generator.uniform(0, 17, (4, 1)).astype(np.float32)

    model.compile(keras.optimizers.SGD(0.1))
    loss = model.train_on_batch({"letters": letters, "flags": flags}, targets)

    channels = np.concatenate([alphabet.ONE_HOT[letters], np.repeat(flags[:, None], 150, axis=1)], axis=-1)
    edges = torch.arange(1, 18)
    below = torch.special.ndtr((edges - torch.tensor(targets) - 0.5) / 0.5)
    labels = torch.diff(below, dim=1, prepend=torch.zeros(4, 1), append=torch.ones(4, 1))
    logits = network.train()(torch.tensor(channels).permute(0, 2, 1))
    wanted = torch.nn.functional.kl_div(torch.log_softmax(logits, 1), labels, reduction="batchmean")
    assert float(loss) == pytest.approx(wanted.item(), rel=1e-4)

    wanted.backward()
    torch.optim.SGD(network.parameters(), 0.1).step()
    stepped = build_model("dream-cnn-small", find_assay("yeast"))
    copy_plain(network, stepped.first, stepped.core, stepped.final)
    for ours, theirs in zip(model.trainable_weights, stepped.trainable_weights, strict=True):
        np.testing.assert_allclose(array(ours), array(theirs), atol=2e-4, err_msg=ours.path)
