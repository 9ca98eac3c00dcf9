"""The export of a network with an LSTM, which is one node of the graph for every batch size, strand rule and precision."""

import numpy as np
import pytest
from saved_models import scramble

from dreamkeras.data.assays.registry import find_assay


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Saves a small DREAM-RNN with the current backend."""
    keras = pytest.importorskip("keras")
    for package in ("tensorflow", "tf2onnx", "onnx", "onnxruntime"):
        pytest.importorskip(package)
    from dreamkeras.layers.blocks.autosome import AutosomeFinal
    from dreamkeras.layers.blocks.bhi import BHICore, BHIFirst
    from dreamkeras.models.prixfixe import PrixFixe

    keras.utils.set_random_seed(0)
    assay = find_assay("yeast")
    network = PrixFixe(assay.construct, BHIFirst(8), BHICore(8, units=6), AutosomeFinal.for_assay(assay), assay.tasks, assay.units)
    scramble(network)
    network.save(path := tmp_path_factory.mktemp("rnn") / "model.keras")
    return path


@pytest.mark.parametrize(("options", "tolerance"), [({}, 1e-4), ({"strands": "forward"}, 1e-4), ({"precision": "float16"}, 0.3)])
def test_the_lstm_is_one_node_for_any_batch_size(saved, letters, tmp_path, options, tolerance):
    import onnx
    import onnxruntime

    from dreamkeras.export import export_onnx

    description = export_onnx(saved, tmp_path / "model.onnx", **options)
    assert description.parity["largest_difference"] < tolerance
    model = onnx.load(tmp_path / "model.onnx")
    kinds = [node.op_type for node in model.graph.node]
    assert kinds.count("LSTM") == 1
    assert not {"Loop", "Scan"} & set(kinds)
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"])
    whole = session.run(None, {"letters": letters})[0]
    alone = np.concatenate([session.run(None, {"letters": letters[i : i + 1]})[0] for i in range(3)])
    np.testing.assert_allclose(alone, whole[:3], atol=tolerance)
