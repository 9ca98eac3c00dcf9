"""Measures training steps on each installed backend in sequences per second, compared with the same network in plain torch.

    python benchmarks/train_step.py [--model dream-cnn] [--batch-size 128] [--rounds 6] [--backends tensorflow,jax,torch]

Each backend runs in a separate process. The processes take turns, so that other load affects all of them equally. A step begins with uint8
letters, flags and scalar targets in main memory, and ends with updated weights. On a busy machine, compare sequences per CPU second, and
run the command with `taskset -c 0`, because threads that wait for each other also use CPU time.
"""

import argparse
import importlib.metadata
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import time

import numpy as np
from machine import provenance

ORACLE = "plain torch"
BACKENDS = ("tensorflow", "jax", "torch")


def batch(size):
    generator = np.random.default_rng(0)
    letters = np.frombuffer(b"ACGT", np.uint8)[generator.integers(0, 4, (size, 150))]
    flags = generator.integers(0, 2, (size, 2)).astype(np.float32)
    return letters, flags, generator.uniform(0, 17, (size, 1)).astype(np.float32)


def make_keras_step(model_name, size):
    """Returns a function that runs one training step with Keras."""
    import keras

    from dreamkeras.data.assays.registry import find_assay
    from dreamkeras.models.presets import build_model
    from dreamkeras.training.strategy.optimizers import CyclingAdamW

    model = build_model(model_name, find_assay("yeast"))
    # As in training.run, TensorFlow does not use XLA.
    model.compile(optimizer=CyclingAdamW(1e-3, weight_decay=0.01), jit_compile=keras.backend.backend() == "jax")
    letters, flags, targets = batch(size)
    return lambda: model.train_on_batch({"letters": letters, "flags": flags}, targets)


def make_torch_step(model_name, size):
    """Returns a function that runs the same training step in plain torch."""
    import torch
    from torch_step import channels, divergence, plain_torch

    model = plain_torch(model_name)
    optimizer = torch.optim.AdamW(model.parameters(), 1e-3, weight_decay=0.01)
    letters, flags, targets = map(torch.tensor, batch(size))

    def step():
        loss = divergence(model(channels(letters, flags)), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def work(name, options):
    """Runs in the child process: reads a number of steps from each line, runs them, and prints the wall time and CPU time of each step."""
    step = (make_torch_step if name == ORACLE else make_keras_step)(options.model, options.batch_size)
    losses = [float(np.max(step())) for _ in range(2)]  # compiles and warms up
    answer(losses)
    for line in sys.stdin:
        seconds = []
        for _ in range(int(line)):
            started = time.perf_counter(), time.process_time()
            step()
            seconds.append((time.perf_counter() - started[0], time.process_time() - started[1]))
        answer(seconds)


def answer(values):
    print(f"\n{json.dumps(values)}", flush=True)


class Contestant:
    """A child process that runs training steps on one backend."""

    def __init__(self, name, options):
        self.name, self.seconds = name, []
        command = [sys.executable, __file__, "--worker", name, "--model", options.model, "--batch-size", str(options.batch_size)]
        environment = {**os.environ, "KERAS_BACKEND": name, "TF_CPP_MIN_LOG_LEVEL": "3"}
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self.process = subprocess.Popen(command, env=environment, **pipes)
        self.losses = self.read()

    def read(self):
        for line in self.process.stdout:
            if line.startswith("["):
                return json.loads(line)
        raise SystemExit(f"The training step of {self.name} failed with exit code {self.process.wait()}.")

    def take_turn(self, steps):
        self.process.stdin.write(f"{steps}\n")
        self.process.stdin.flush()
        self.seconds += self.read()

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def race(options):
    names = [name for name in options.backends.split(",") if importlib.util.find_spec(name)]
    contestants = [Contestant(name, options) for name in (*names, ORACLE)]
    for turn in range(options.rounds):
        for contestant in contestants[turn % len(contestants) :] + contestants[: turn % len(contestants)]:
            time.sleep(0.5)  # waits until the threads of the previous process have stopped spinning
            contestant.take_turn(options.steps)
    for contestant in contestants:
        contestant.close()
    return contestants


def show(contestants, size):
    best, median = ({c.name: size / of(clock for clock, _ in c.seconds) for c in contestants} for of in (min, statistics.median))
    cpu = {c.name: size / min(cpu for _, cpu in c.seconds) for c in contestants}
    print(f"{'backend':<12} {'version':<12} {'best':>7} {'median':>7} {'per CPU':>7}   relative to torch (best, median, per CPU second)")
    for name in best:
        version = importlib.metadata.version("torch" if name == ORACLE else name)
        ratios = " ".join(f"{rate[name] / rate[ORACLE]:6.2f}" for rate in (best, median, cpu))
        print(f"{name:<12} {version:<12} {best[name]:7.1f} {median[name]:7.1f} {cpu[name]:7.1f}   {ratios}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="dream-cnn")
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--steps", type=int, default=2, help="Number of steps in each turn.")
    parser.add_argument("--backends", default=",".join(BACKENDS))
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        work(options.worker, options)
        return
    print(provenance())
    print(f"step     {options.model}, batch {options.batch_size}, Keras {importlib.metadata.version('keras')}, {options.rounds} rounds")
    show(race(options), options.batch_size)


if __name__ == "__main__":
    main()
