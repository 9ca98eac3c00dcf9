import keras
import numpy as np
import pytest

from dreamkeras.errors import ModelError
from dreamkeras.training.strategy.losses import LOSSES, PearsonLoss, find_loss


def pairs(n=40, seed=0):
    generator = np.random.default_rng(seed)
    measured = generator.normal(3, 2, n)
    return measured, 0.5 * measured + generator.normal(1, 1, n)


def as_column(values):
    return values.astype(np.float32)[:, None]


FORMULAS = {
    "mse": lambda measured, predicted: np.square(measured - predicted).mean(),
    "l1": lambda measured, predicted: np.abs(measured - predicted).mean(),
    "huber": lambda measured, predicted: np.where(
        np.abs(measured - predicted) < 1, np.square(measured - predicted) / 2, np.abs(measured - predicted) - 0.5
    ).mean(),
    "pearson": lambda measured, predicted: (
        1
        - np.corrcoef(measured, predicted)[0, 1]
        + ((predicted.mean() - measured.mean()) ** 2 + (predicted.std() - measured.std()) ** 2) / measured.var()
    ),
}


def test_every_loss_has_a_formula():
    assert set(FORMULAS) == set(LOSSES)


@pytest.mark.parametrize("name", LOSSES)
def test_losses_equal_their_formulas(name):
    measured, predicted = pairs()
    assert float(find_loss(name)(as_column(measured), as_column(predicted))) == pytest.approx(FORMULAS[name](measured, predicted), rel=1e-4)


@pytest.mark.parametrize("name", LOSSES)
def test_examples_with_weight_0_are_ignored(name):
    measured, predicted = pairs()
    weight = (np.arange(40) % 3 > 0).astype(np.float32)
    kept = weight > 0
    came = find_loss(name)(as_column(measured), as_column(np.where(kept, predicted, 99)), sample_weight=weight / weight.mean())
    assert float(came) == pytest.approx(FORMULAS[name](measured[kept], predicted[kept]), rel=1e-4)


@pytest.mark.parametrize("name", LOSSES)
def test_perfect_predictions_have_a_loss_of_0(name):
    measured, _ = pairs()
    assert float(find_loss(name)(as_column(measured), as_column(measured))) == pytest.approx(0, abs=1e-5)


def test_the_error_on_an_unknown_loss_lists_all_losses():
    with pytest.raises(ModelError, match="Expected one of the losses mse, huber, l1, pearson, got 'l7'"):
        find_loss("l7")


class TestPearson:
    def test_three_terms_are_the_squared_error(self):
        measured, predicted = pairs()
        parts = 2 * measured.std() * predicted.std() * (1 - np.corrcoef(measured, predicted)[0, 1])
        parts += (predicted.mean() - measured.mean()) ** 2 + (predicted.std() - measured.std()) ** 2
        assert parts == pytest.approx(FORMULAS["mse"](measured, predicted))

    @pytest.mark.parametrize("predicted", [np.zeros((5, 1), np.float32), np.arange(5, dtype=np.float32)[:, None]])
    def test_learns_from_constant_predictions(self, predicted):
        """Fits a line from a slope of 0, at which no gradient may be NaN."""
        model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, kernel_initializer="zeros")])
        model.compile(keras.optimizers.SGD(0.05), loss=PearsonLoss())
        model.fit(predicted, np.arange(5, dtype=np.float32)[:, None], batch_size=5, epochs=3, verbose=0)
        assert all(np.isfinite(weight).all() for weight in model.get_weights())

    def test_config_round_trip(self):
        copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(PearsonLoss(name="mine")))
        assert (type(copy), copy.name) == (PearsonLoss, "mine")
