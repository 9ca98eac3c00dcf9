"""Small networks for comparison with closed forms: a linear network, and a convolutional network with an equal network in torch."""

import numpy as np
from keras import layers, ops

from dreamkeras.layers.blocks.autosome import AutosomeFirst
from dreamkeras.layers.blocks.heads import AutosomeRegressionFinal
from dreamkeras.layers.parts.efficientnet import ConvNormSiLU
from dreamkeras.layers.slots import Core, FinalLayers, FirstLayers
from dreamkeras.models.prixfixe import PrixFixe
from dreamkeras.sequence.construct import Construct

BETWEEN = Construct("between", length=16, left_adapter="ACAC", right_adapter="GT", left_flank="GGGACAC", shortest=2)
"""A construct of 2 to 14 bases between adapters, at the right end of the window, predicted as the mean of both strands."""

GIVEN = Construct("given", length=20, alignment="left", shortest=4, strands="given", flags=())
"""A construct of 4 to 20 bases without adapters and flanks, predicted on the strand as given."""


class Rows(FirstLayers):
    """Returns the encoded letters with the base channels repeated."""

    def call(self, encoded):
        return ops.concatenate([encoded, encoded[:, :, :4]], axis=-1)


class Same(Core):
    """Returns the features unchanged."""

    def call(self, features):
        return features


class WeightedFinal(FinalLayers):
    """A dense layer over all channels at all positions."""

    def __init__(self, tasks=1, **kwargs):
        super().__init__(**kwargs)
        self.dense = layers.Dense(tasks)

    def build(self, input_shape):
        self.dense.build((input_shape[0], input_shape[1] * input_shape[2]))
        super().build(input_shape)

    def call(self, features):
        return {"expression": self.dense(ops.reshape(features, (-1, features.shape[1] * features.shape[2])))}


class Pair(Core):
    """Two convolutions, each with batch normalisation and SiLU, as a chain of two stages."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.steps = [ConvNormSiLU(6, 5), ConvNormSiLU(4, 3)]

    def build(self, input_shape):
        for step in self.steps:
            step.build(input_shape)
            input_shape = step.compute_output_shape(input_shape)
        super().build(input_shape)

    def stages(self):
        return self.steps

    def call(self, features, training=None):
        for step in self.steps:
            features = step(features, training=training)
        return features


def linear_network(construct=BETWEEN, tasks=2, test_shifts=0, seed=0):
    network = PrixFixe(construct, Rows(), Same(), WeightedFinal(tasks), tuple("ab"[:tasks]), ("points",) * tasks, test_shifts=test_shifts)
    return with_random_weights(network, seed)


def convolutional_network(construct=GIVEN, seed=1):
    """Builds a network of three convolutions with batch normalisation and SiLU, the mean over positions, and two linear maps."""
    return with_random_weights(PrixFixe(construct, AutosomeFirst(8), Pair(), AutosomeRegressionFinal(1, 5)), seed, 0.7)


def with_random_weights(network, seed=0, sd=0.5):
    random = np.random.default_rng(seed)
    for weight in network.weights:
        if "variance" in weight.path:
            weight.assign(random.uniform(0.5, 2, weight.shape))
        else:
            weight.assign(random.normal(0, sd, weight.shape))
    return network


def in_torch(network):
    """Converts a `convolutional_network` to torch, from one-hot rows (n, 4, length) to (n, 1)."""
    import torch

    convolutions = [network.first.scan, *network.core.steps]
    modules = []
    for layer in convolutions:
        kernel, scale, offset, mean, variance = (
            np.asarray(weight) for weight in [*layer.convolution.get_weights(), *layer.norm.get_weights()]
        )
        convolution = torch.nn.Conv1d(kernel.shape[1], kernel.shape[2], len(kernel), padding="same", bias=False)
        norm = torch.nn.BatchNorm1d(kernel.shape[2], eps=1e-5)
        pairs = [(convolution.weight, kernel.transpose(2, 1, 0)), (norm.weight, scale), (norm.bias, offset)]
        for parameter, value in [*pairs, (norm.running_mean, mean), (norm.running_var, variance)]:
            parameter.data = torch.from_numpy(value.copy())
        modules += [convolution, norm, torch.nn.SiLU()]
    head = network.final
    modules += [torch.nn.AdaptiveAvgPool1d(1), torch.nn.Flatten()]
    for dense in (head.mappers[0], head.linears[0]):
        kernel, bias = dense.get_weights()
        linear = torch.nn.Linear(*kernel.shape)
        linear.weight.data, linear.bias.data = torch.from_numpy(kernel.T.copy()), torch.from_numpy(bias.copy())
        modules.append(linear)
    modules.append(Scaled(*(float(np.asarray(value)[0]) for value in (head.scale, head.offset))))
    return torch.nn.Sequential(*modules).eval()


def Scaled(scale, offset):  # noqa: N802 - named like a torch module
    import torch

    linear = torch.nn.Linear(1, 1)
    linear.weight.data, linear.bias.data = torch.full((1, 1), scale), torch.full((1,), offset)
    return linear
