"""What Keras tests need on any backend: arrays in, arrays out, gradients by way of one training step."""

import keras
import numpy as np
from keras import ops


def random_array(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def random_letters(batch, length, seed=0, letters=b"ACGTNacgtn"):
    return np.random.default_rng(seed).choice(np.frombuffer(letters, np.uint8), (batch, length))


def array(tensor):
    return ops.convert_to_numpy(ops.cast(tensor, "float32"))


def randomise(layer, seed=0):
    """Moves every weight off its initial value; variances stay positive."""
    generator = np.random.default_rng(seed)
    for weight in layer.weights:
        if "seed" not in weight.path:
            moved = 0.3 * generator.standard_normal(weight.shape) + ("gamma" in weight.path)
            weight.assign(np.abs(moved) + 0.5 if "variance" in weight.path else moved)
    return layer


def compile_once(model, optimizer, **options):
    """Compiles and makes the optimiser's variables: on TensorFlow, a step that makes them is traced twice."""
    model.compile(optimizer, **options)
    model.optimizer.build(model.trainable_variables)


def gradients(layer, inputs, cotangent):
    """Gradients of `sum(layer(inputs) * cotangent)`: that of the inputs, and those of the layer's weights.

    They are what one step of plain descent at rate 1 subtracts, in a training step as `fit` compiles it.
    """
    features = keras.Input(batch_shape=inputs.shape)
    source = Offset(inputs)
    model = keras.Model(features, layer(source(features)))
    compile_once(model, keras.optimizers.SGD(1.0), loss=lambda wanted, came: ops.sum(wanted * came))
    before = [array(weight) for weight in (source.offset, *layer.trainable_weights)]
    model.train_on_batch(np.zeros_like(inputs), cotangent)
    after = [array(weight) for weight in (source.offset, *layer.trainable_weights)]
    return [old - new for old, new in zip(before, after, strict=True)]


class Offset(keras.layers.Layer):
    """Adds an array that is trained."""

    def __init__(self, values):
        super().__init__()
        self.offset = self.add_weight(shape=values.shape, initializer=lambda shape, dtype: ops.cast(values, dtype))

    def call(self, features):
        return features + self.offset
