"""The named networks: their sizes, and DREAM-CNN against plain torch and the published layout."""

import keras
import numpy as np
import pytest
from keras_arrays import array
from torch_networks import copy_plain, copy_published, plain_torch

from dreamkeras.data.assays import find_assay
from dreamkeras.errors import ModelError
from dreamkeras.models.presets import PRESETS, build_model
from dreamkeras.sequence import alphabet
from dreamkeras.sequence.construct import YEAST
from dreamkeras.sequence.ragged import Ragged
from dreamkeras.sequence.records import Records

TRAINED = {"dream-cnn": 1_933_970, "dream-cnn-small": 111_014}


@pytest.fixture(scope="module")
def dream_cnn():
    return build_model("dream-cnn", find_assay("yeast"))


def trained(model):
    return sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_for_its_assay_and_has_this_many_weights(name, dream_cnn):
    assay = find_assay("yeast")
    model = dream_cnn if name == "dream-cnn" else build_model(name, assay)
    assert (model.name, model.construct, model.tasks, model.units) == (name, assay.construct, assay.tasks, assay.units)
    assert trained(model) == TRAINED[name]


def test_an_unknown_model_is_answered_with_those_known():
    with pytest.raises(ModelError, match=r"Expected a model among dream-cnn, .*, or FIRST,CORE,FINAL blocks, got 'dream-cm'"):
        build_model("dream-cm", find_assay("yeast"))


def test_three_blocks_by_name_make_a_network(dream_cnn):
    network = build_model("bhi,autosome,autosome", find_assay("yeast"))
    assert (network.name, trained(network)) == ("bhi-autosome-autosome", trained(dream_cnn))


def test_an_unknown_block_is_answered_with_those_known():
    with pytest.raises(ModelError, match=r"Expected a core block among autosome.*, got 'lstm'"):
        build_model("bhi,lstm,autosome", find_assay("yeast"))


def test_dream_cnn_answers_as_the_reference_does(dream_cnn, data_folder):
    torch = pytest.importorskip("torch")
    golden = data_folder / "golden"
    copy_published(torch.load(golden / "dream_cnn_yeast.pth", weights_only=True), dream_cnn.first, dream_cnn.core, dream_cnn.final)
    sequences = (golden / "yeast_sequences.txt").read_text().split()
    records = Records([f"s{i}" for i in range(len(sequences))], Ragged.from_strings(sequences), np.arange(1, 1 + len(sequences)), "golden")
    letters = YEAST.cut(records)
    forward_flags, reverse_flags = (np.tile(np.array([[is_reverse, 0]], np.float32), (len(letters), 1)) for is_reverse in (0, 1))
    forward = dream_cnn.predict_on_batch({"letters": letters, "flags": forward_flags})
    reverse = dream_cnn.predict_on_batch({"letters": alphabet.reverse_complement(letters), "flags": reverse_flags})
    with np.load(golden / "dream_cnn_yeast_expected.npz") as wanted:
        np.testing.assert_allclose(forward["expression"], wanted["forward"], atol=1e-4)
        np.testing.assert_allclose(reverse["expression"], wanted["reverse"], atol=1e-4)
        np.testing.assert_allclose(dream_cnn.predictor().predict(letters, verbose=0), wanted["mean"], atol=1e-4)


def test_a_training_step_is_that_of_plain_torch():
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
