"""Functions for Keras tests on any backend: random arrays, conversion to NumPy, and gradients computed by one training step."""

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
    """Assigns random values to all weights. Variances stay positive."""
    generator = np.random.default_rng(seed)
    for weight in layer.weights:
        if "seed" not in weight.path:
            moved = 0.3 * generator.standard_normal(weight.shape) + ("gamma" in weight.path)
            weight.assign(np.abs(moved) + 0.5 if "variance" in weight.path else moved)
    return layer


def compile_once(model, optimizer, **options):
    """Compiles a model and builds its optimiser. Otherwise, TensorFlow would trace the first step twice."""
    model.compile(optimizer, **options)
    model.optimizer.build(model.trainable_variables)


def gradients(layer, inputs, cotangent):
    """Returns the gradients of `sum(layer(inputs) * cotangent)` with respect to the inputs and the layer's weights.

    The gradients are the changes made by one step of gradient descent with learning rate 1, compiled as in `fit`.
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
    """A layer that adds a trainable array."""

    def __init__(self, values):
        super().__init__()
        self.offset = self.add_weight(shape=values.shape, initializer=lambda shape, dtype: ops.cast(values, dtype))

    def call(self, features):
        return features + self.offset
