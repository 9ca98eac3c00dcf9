"""Compares an exported graph with other forms of the same network: other forms of convolutions, and int8, on a single CPU thread.

    python benchmarks/onnx_forms.py [MODEL.onnx ...] [--batch 64] [--turns 6]

MODEL defaults to the packaged model. The output is in windows per second of CPU time. The forms run alternately.
"""

import argparse
import time

import numpy as np
import onnx
from machine import provenance
from onnx import helper

from dreamkeras.export.parity import parity_letters
from dreamkeras.export.rewrites.graph import Graph, attributes
from dreamkeras.export.rewrites.quantization import CALIBRATION, to_int8
from dreamkeras.scoring.predictor import PACKAGED_MODEL, load
from dreamkeras.scoring.session import import_onnxruntime


def one_dimensional(model):
    """Replaces 2-D convolutions of height 1 by 1-D convolutions."""
    graph, nodes = Graph(model), []
    height = graph.add_constant("one_dimensional/height", np.array([2]))
    for node in graph.nodes:
        if node.op_type != "Conv":
            nodes.append(node)
            continue
        fields = attributes(node)
        kernel = graph.add_constant(f"{node.output[0]}/1d", graph.constants[node.input[1]][:, :, 0])
        fields["pads"] = [fields["pads"][1], fields["pads"][3]]
        fields.update({name: fields[name][1:] for name in ("kernel_shape", "strides", "dilations") if name in fields})
        flat, answer = f"{node.output[0]}/flat", f"{node.output[0]}/answer"
        nodes += [
            helper.make_node("Squeeze", [node.input[0], height], [flat]),
            helper.make_node("Conv", [flat, kernel, *node.input[2:]], [answer], **fields),
            helper.make_node("Unsqueeze", [answer, height], list(node.output)),
        ]
    graph.nodes = nodes
    return graph.to_model()


def dense_blocks(model, size=16):
    """Merges small groups of channels into dense blocks of `size` channels, padded with zeros, which fill a vector register of the CPU."""
    graph = Graph(model)
    for node in graph.nodes:
        groups = attributes(node).get("group", 1)
        if node.op_type != "Conv" or groups == 1:
            continue
        kernel = graph.constants[node.input[1]]
        outputs, channels = kernel.shape[:2]
        members = size // channels
        if members < 2 or groups % members:
            continue
        dense = np.zeros((outputs, size, *kernel.shape[2:]), np.float32)
        for row in range(outputs):
            first = row * groups // outputs % members * channels
            dense[row, first : first + channels] = kernel[row]
        node.input[1] = graph.add_constant(f"{node.output[0]}/blocks", dense)
        next(field for field in node.attribute if field.name == "group").i = groups // members
    return graph.to_model()


FORMS = {"1-D convolutions": one_dimensional, "dense blocks of 16 channels": dense_blocks}


def session(model):
    onnxruntime = import_onnxruntime()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 3
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def show(path: str, batch: int, turns: int) -> None:
    model, construct = onnx.load(path), load(path, "cpu").construct
    models = {"as exported": model, **{name: form(model) for name, form in FORMS.items()}}
    models["int8 without groups"] = to_int8(model, parity_letters(construct, CALIBRATION, seed=1))
    sessions = {name: session(one) for name, one in models.items()}
    letters = parity_letters(construct)[:batch]
    seconds, answers = {name: [] for name in sessions}, {}
    for _ in range(turns + 1):
        for name, one in sessions.items():
            began = time.process_time()
            answers[name] = one.run(None, {"letters": letters})[0]
            seconds[name].append(time.process_time() - began)
    print(f"{path}, batches of {batch} windows")
    for name, took in seconds.items():
        apart = np.abs(answers[name] - answers["as exported"]).max()
        print(f"  {name:28} {batch / min(took[1:]):8,.0f} per CPU second, largest difference {apart:.2g}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", default=[str(PACKAGED_MODEL)])
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--turns", type=int, default=6)
    options = parser.parse_args()
    print(provenance())
    for path in options.models:
        show(path, options.batch, options.turns)


if __name__ == "__main__":
    main()
