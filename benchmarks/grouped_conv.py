"""Times the forward and backward pass of one grouped convolution of dreamkeras, Keras and torch, on each installed backend.

    python benchmarks/grouped_conv.py [--batch-size 64] [--length 150] [--channels 512] [--taps 7] [--runs 10] [--limit 120]

Each group has two channels. Each form runs in a separate process, which is terminated after `--limit` seconds.
"""

import argparse
import importlib.util
import os
import statistics
import subprocess
import sys
import time

import numpy as np
from machine import provenance

FORMS = (*((form, backend) for backend in ("tensorflow", "jax", "torch") for form in ("ours", "keras")), ("native", "torch"))


def made(form, options):
    """Returns the layer and its inputs `(batch, length, channels)`, or `(batch, channels, length)` for torch's own layer."""
    shape = (options.batch_size, options.length, options.channels)
    groups, inputs = options.channels // 2, np.random.default_rng(0).standard_normal(shape)
    if form == "native":
        import torch

        layer = torch.nn.Conv1d(options.channels, options.channels, options.taps, padding=options.taps // 2, groups=groups, bias=False)
        return layer, inputs.transpose(0, 2, 1).astype(np.float32).copy()
    import keras

    from dreamkeras.layers.parts.convolution import Conv1D

    convolution = {"ours": Conv1D, "keras": keras.layers.Conv1D}[form]
    layer = convolution(options.channels, options.taps, padding="same", groups=groups, use_bias=False)
    layer.build(inputs.shape)
    return layer, inputs.astype(np.float32)


def tensorflow_step(layer, inputs):
    import tensorflow as tf

    inputs = tf.constant(inputs)

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            outputs = layer(inputs)
        return tape.gradient(outputs, [inputs, layer.kernel.value], output_gradients=inputs)

    return step


def jax_step(layer, inputs):
    import jax

    inputs = jax.numpy.asarray(inputs)
    kernel = layer.kernel.value

    @jax.jit
    def pull(kernel, inputs):
        outputs, back = jax.vjp(lambda kernel, inputs: layer.stateless_call([kernel], [], inputs)[0], kernel, inputs)
        return outputs, back(inputs)

    return lambda: jax.block_until_ready(pull(kernel, inputs))


def torch_step(layer, inputs):
    import torch

    inputs = torch.tensor(inputs, requires_grad=True)
    kernel = next(iter(layer.parameters()))
    cotangent = inputs.detach()
    return lambda: torch.autograd.grad(layer(inputs), [inputs, kernel], cotangent)


def work(options):
    form, backend = options.worker
    step = {"tensorflow": tensorflow_step, "jax": jax_step, "torch": torch_step}[backend](*made(form, options))
    step()
    seconds = []
    for _ in range(options.runs):
        started = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - started)
    print(f"{1000 * min(seconds):6.0f} ms {1000 * statistics.median(seconds):6.0f} ms")


def run(form, backend, arguments, limit):
    command = [sys.executable, __file__, *arguments, "--worker", form, backend]
    environment = {**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=limit, check=False)
    except subprocess.TimeoutExpired:
        return f"not finished in {limit:g} s"
    return done.stdout.strip().splitlines()[-1] if done.returncode == 0 else f"fails: {reason(done.stderr)}"


def reason(errors):
    """Returns the line with the error message. TensorFlow prints further lines after it."""
    lines = [line for line in errors.splitlines() if "Error" in line and not line.startswith(" ")]
    return (lines or errors.splitlines() or ["no message"])[-1][:120]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("batch-size", 64), ("length", 150), ("channels", 512), ("taps", 7), ("runs", 10)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--limit", type=float, default=120)
    parser.add_argument("--worker", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        work(options)
        return
    print(provenance())
    print(f"input    ({options.batch_size}, {options.length}, {options.channels}), {options.taps} taps, groups of 2; {options.runs} runs\n")
    print(f"{'backend':<12} {'form':<8} {'best':>9} {'median':>9}")
    for form, backend in FORMS:
        if importlib.util.find_spec(backend):
            print(f"{backend:<12} {form:<8} {run(form, backend, sys.argv[1:], options.limit)}", flush=True)


if __name__ == "__main__":
    main()
