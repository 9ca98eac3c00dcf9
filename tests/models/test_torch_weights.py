"""Published weights in the networks, compared with predictions of the reference and, for the other assays, with plain torch."""

from collections import OrderedDict

import numpy as np
import pytest
from keras_arrays import array, random_letters

from dreamkeras.data.assays.registry import find_assay
from dreamkeras.errors import ModelError
from dreamkeras.models.presets import build_model
from dreamkeras.models.torch_files import read_state_dict
from dreamkeras.models.torch_weights import _rows, _variable, assign_state_dict
from dreamkeras.sequence import alphabet
from dreamkeras.sequence.construct import YEAST
from dreamkeras.sequence.ragged import Ragged

DREAM = ["dream-cnn", "dream-rnn", "dream-attn"]
COUNTS = {"dream-cnn": 175, "dream-rnn": 19, "dream-attn": 86}
OTHERS = ["lentimpra", "starrseq"]


def answer(network, letters, flags):
    return network.predict_on_batch({"letters": letters, "flags": np.asarray(flags, np.float32)})["expression"]


def torch_state(model, assay, seed=0):
    from published_networks import published_network  # skips without torch

    network = published_network(model, find_assay(assay), seed)
    return network, {name: values.numpy() for name, values in network.state_dict().items()}


@pytest.fixture(scope="module")
def rnn():
    """Returns DREAM-RNN for the human assay and a state_dict that fits it."""
    return build_model("dream-rnn", find_assay("lentimpra")), torch_state("dream-rnn", "lentimpra")[1]


@pytest.mark.parametrize("model", DREAM)
def test_a_published_yeast_model_predicts_as_the_reference_does(model, data_folder):
    golden, name = data_folder / "golden", f"{model.replace('-', '_')}_yeast"
    state = read_state_dict(str(golden / f"{name}.pth"))
    assert len(state) == COUNTS[model]
    network = build_model(model, find_assay("yeast"))
    assign_state_dict(network, state)

    letters = YEAST.windows(Ragged.from_strings((golden / "yeast_sequences.txt").read_text().split()))
    forward = answer(network, letters, [[0, 0]] * len(letters))
    reverse = answer(network, alphabet.reverse_complement(letters), [[1, 0]] * len(letters))
    with np.load(golden / f"{name}_expected.npz") as wanted:
        np.testing.assert_allclose(forward, wanted["forward"], atol=1e-4)
        np.testing.assert_allclose(reverse, wanted["reverse"], atol=1e-4)
        np.testing.assert_allclose(network.predictor().predict_on_batch(letters), wanted["mean"], atol=1e-4)


@pytest.mark.parametrize("assay", OTHERS)
@pytest.mark.parametrize("model", DREAM)
def test_a_published_human_or_fly_model_predicts_as_plain_torch_does(model, assay):
    published, state = torch_state(model, assay)
    from published_networks import answer as torch_answer

    network = build_model(model, find_assay(assay))
    assign_state_dict(network, state)
    letters = random_letters(4, network.construct.length)
    wanted = torch_answer(published, letters, flags := np.array([[0], [1], [0], [1]], np.float32))
    spread = wanted.std(axis=0).min()  # a wrong order of bases or gates would change predictions by about this much
    assert spread > 1e-3
    np.testing.assert_allclose(answer(network, letters, flags), wanted, atol=min(1e-4, spread / 30))


@pytest.mark.parametrize(("model", "assay"), [(model, assay) for model in DREAM for assay in ("yeast", *OTHERS)])
def test_the_table_fills_every_variable_once_and_uses_every_tensor(model, assay):
    network, (_, state) = build_model(model, find_assay(assay)), torch_state(model, assay)
    rows = _rows(network)
    filled = [id(_variable(network, row.variable)) for row in rows]
    ours = {id(weight) for weight in network.weights if not weight.path.endswith(("/offset", "/scale")) and "seed" not in weight.path}
    assert set(filled) == ours
    assert len(filled) == len(ours)
    keys = [row.key for row in rows] + (["final.bins"] if assay == "yeast" else [])
    assert sorted(keys) == sorted(key for key in state if "num_batches" not in key)


def test_precision_and_order_of_the_tensors_do_not_matter(rnn):
    network, state = rnn
    assign_state_dict(network, state)
    before = [array(weight) for weight in network.weights]
    assign_state_dict(network, OrderedDict((key, state[key].astype(np.float64)) for key in reversed(state)))
    for old, weight in zip(before, network.weights, strict=True):
        np.testing.assert_array_equal(old, array(weight))


def refusal(network, state):
    """Returns the error message and checks that the network is unchanged."""
    before = [array(weight) for weight in network.weights]
    with pytest.raises(ModelError) as raised:
        assign_state_dict(network, state)
    for old, weight in zip(before, network.weights, strict=True):
        np.testing.assert_array_equal(old, array(weight))
    return str(raised.value)


@pytest.mark.parametrize("key", ["first.conv_list.0.conv.weight", "core.lstm.bias_hh_l0_reverse", "final.linear.0.bias"])
def test_a_missing_tensor_is_named(rnn, key):
    network, state = rnn
    text = refusal(network, {name: values for name, values in state.items() if name != key})
    assert text == f"The weights are not those of dream-rnn for lentimpra: missing {key!r}."


def test_an_unknown_tensor_is_named(rnn):
    network, state = rnn
    assert refusal(network, {**state, "head.weight": np.ones(3)}).endswith("for lentimpra: unexpected 'head.weight'.")


def test_the_error_for_weights_of_another_model_lists_a_few_tensors(rnn):
    text = refusal(rnn[0], torch_state("dream-cnn", "lentimpra")[1])
    assert "missing 'core.lstm.weight_ih_l0', 'core.lstm.weight_hh_l0', " in text
    assert "unexpected 'core.seqextractor.inv_res_blc0.0.weight', " in text
    assert "more; unexpected" in text


@pytest.mark.parametrize(("key", "change"), [
    ("first.conv_list.1.conv.weight", lambda values: values[:, :4]),
    ("first.conv_list.1.conv.weight", lambda values: values[:, :2]),
    ("core.lstm.weight_ih_l0", lambda values: values.T),
    ("core.lstm.bias_hh_l0", lambda values: values[:-1]),
    ("final.mapper.weight", lambda values: values[:, :, 0]),
    ("final.mapper.weight", lambda values: np.repeat(values, 3, axis=2)),
])  # fmt: skip
def test_a_tensor_of_the_wrong_shape_is_named(rnn, key, change):
    network, state = rnn
    wrong = change(state[key])
    text = refusal(network, {**state, key: wrong})
    assert key in text
    assert str(wrong.shape) in text


@pytest.mark.parametrize(("value", "word"), [(np.nan, "NaN"), (np.inf, "an infinite value")])
def test_weights_that_are_not_finite_are_named(rnn, value, word):
    network, state = rnn
    wrong = np.full_like(state["final.linear.0.bias"], value)
    assert f"tensor final.linear.0.bias contains {word}." in refusal(network, {**state, "final.linear.0.bias": wrong})


def test_unexpected_bins_are_rejected():
    network, (_, state) = build_model("dream-rnn", find_assay("yeast")), torch_state("dream-rnn", "yeast")
    assert "Expected final.bins to be 0 to 17, got [1, 2" in refusal(network, {**state, "final.bins": np.arange(1, 19)})


def test_a_network_without_published_weights_is_rejected():
    network = build_model("bhi", find_assay("yeast"))
    assert "No weights are published for the block BHIFinal of bhi" in refusal(network, {})


def test_weights_of_another_assay_are_rejected(rnn):
    assert "'final.bins'" in refusal(rnn[0], torch_state("dream-rnn", "yeast")[1])
