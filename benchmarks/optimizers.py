"""Compares the optimisers of two strategies with the optimisers of Keras.

    python benchmarks/optimizers.py train.tsv [--steps 200] [--seeds 0,1,2,3,4]

Keras has neither a schedule for beta_1, which `autosome` requires, nor clipping both by norm and by value, which `unlockdna` requires. With
Keras, beta_1 is 0.9 and gradients are clipped only by norm. Learning rates, batches and initial weights are the same. The table has
Pearson's r on the validation promoters after the last step.
"""

import argparse
import os
import statistics
import time

os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import keras
import numpy as np
from machine import provenance

from dreamkeras.training import run
from dreamkeras.training.batches.dataset import training_batches
from dreamkeras.training.config import RunConfig
from dreamkeras.training.epochs.callbacks import EpochSeed, LastStep, predict_letters
from dreamkeras.training.run_data import read_data
from dreamkeras.training.strategy.strategies import OptimizerSchedules

BATCH_SIZE = 64


def adamw_of_keras(schedules: OptimizerSchedules, weight_decay: float, **_: object) -> keras.optimizers.Optimizer:
    return keras.optimizers.AdamW(schedules.learning_rate, beta_1=0.9, epsilon=1e-8, weight_decay=weight_decay)


def adam_of_keras(schedules: OptimizerSchedules, _: float, **options: object) -> keras.optimizers.Optimizer:
    return keras.optimizers.Adam(schedules.learning_rate, beta_2=0.98, epsilon=1e-9, global_clipnorm=options["clip_norm"])


OF_KERAS = {"autosome": adamw_of_keras, "unlockdna": adam_of_keras}


def validation_r(data: str, strategy: str, steps: int, seed: int, *, of_keras: bool) -> float:
    """Trains one network and returns Pearson's r of its predictions for the validation promoters."""
    config = RunConfig(data=data, strategy=strategy, steps=steps, batch_size=BATCH_SIZE, seed=seed, split_seed=0)
    examples = read_data(config)
    model, plan = run._prepare(config, examples)  # noqa: SLF001
    if of_keras:
        optimizer = plan.strategy._replace(optimizer=OF_KERAS[strategy]).make_optimizer(plan.steps)
        model.compile(optimizer, jit_compile=False)
        model.optimizer.build(model.trainable_variables)
    batches = training_batches(examples.training, plan.epoch_steps, seed, plan.augmentation)
    callbacks = [EpochSeed(seed), LastStep(plan.steps, plan.epoch_steps)]
    options = {"steps_per_epoch": plan.epoch_steps, "epochs": plan.epochs, "shuffle": False, "verbose": 0}
    model.fit(batches, callbacks=callbacks, **options)
    predicted = predict_letters(model.predictor(), examples.validation.letters, BATCH_SIZE)
    return float(np.corrcoef(predicted[:, 0], examples.validation.targets[:, 0])[0, 1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--seeds", default="0,1,2,3,4")
    options = parser.parse_args()
    print(provenance())
    print("strategy\tseed\tdreamkeras\tKeras\tdifference", flush=True)
    for strategy in OF_KERAS:
        differences = []
        for seed in map(int, options.seeds.split(",")):
            ours, theirs = (validation_r(options.data, strategy, options.steps, seed, of_keras=of_keras) for of_keras in (False, True))
            differences.append(ours - theirs)
            print(f"{strategy}\t{seed}\t{ours:.4f}\t{theirs:.4f}\t{ours - theirs:+.4f}\t{time.process_time():.0f} s of CPU", flush=True)
        error = statistics.stdev(differences) / len(differences) ** 0.5 if differences[1:] else float("nan")
        print(f"{strategy}: mean difference {statistics.mean(differences):+.4f}, standard error {error:.4f}")


if __name__ == "__main__":
    main()
