import keras
import numpy as np
import pytest
from keras import ops

from dreamkeras.training.strategy.optimizers import ClippedLion, CyclingAdamW
from dreamkeras.training.strategy.schedules import OneCycle

STEPS = 20
PEAK, START = 0.05, 0.05 / 25
SHAPES = [(3,), (2, 4), ()]


def arrays(seed):
    generator = np.random.default_rng(seed)
    return [generator.normal(size=shape).astype(np.float32) for shape in SHAPES]


def one_cycle(weight_decay=0.1):
    return CyclingAdamW(OneCycle(START, PEAK, START / 1e4, STEPS), beta_1=OneCycle(0.95, 0.85, 0.95, STEPS), weight_decay=weight_decay)


def gradient(value, target, index):
    """Returns the gradients of a quadratic function whose curvature differs between variables."""
    return (value - target) * (index + 1)


def descend(optimizer, steps=STEPS, begin=None):
    """Returns the variables after a number of steps on the quadratic function."""
    variables = [keras.Variable(value) for value in begin or arrays(0)]
    targets = arrays(1)
    optimizer.build(variables)
    for _ in range(steps):
        came = [
            gradient(ops.convert_to_numpy(variable), target, i) for i, (variable, target) in enumerate(zip(variables, targets, strict=True))
        ]
        optimizer.apply_gradients([(ops.convert_to_tensor(g), variable) for g, variable in zip(came, variables, strict=True)])
    return [ops.convert_to_numpy(variable) for variable in variables]


def descend_in_numpy(schedule, decay, beta_2=0.999, epsilon=1e-8):
    """Computes AdamW (Loshchilov and Hutter 2019) in float64. `schedule(step)` returns the learning rate and beta_1."""
    values, targets = [value.astype(np.float64) for value in arrays(0)], arrays(1)
    means, squares = ([np.zeros_like(value) for value in values] for _ in range(2))
    for step in range(STEPS):
        rate, beta_1 = schedule(step)
        for i, target in enumerate(targets):
            slope = gradient(values[i], target, i)
            means[i] = beta_1 * means[i] + (1 - beta_1) * slope
            squares[i] = beta_2 * squares[i] + (1 - beta_2) * slope**2
            corrected = means[i] / (1 - beta_1 ** (step + 1)), squares[i] / (1 - beta_2 ** (step + 1))
            values[i] = values[i] * (1 - rate * decay) - rate * corrected[0] / (np.sqrt(corrected[1]) + epsilon)
    return values


def assert_close(came, expected, tolerance=1e-6):
    for one, other in zip(came, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=tolerance, atol=tolerance)


def test_one_cycle_equals_numpy():
    rates, betas = OneCycle(START, PEAK, START / 1e4, STEPS), OneCycle(0.95, 0.85, 0.95, STEPS)
    assert_close(descend(one_cycle()), descend_in_numpy(lambda step: (float(rates(step)), float(betas(step))), 0.1))


def test_constant_rate_and_beta_equal_numpy():
    came = descend(CyclingAdamW(0.01, beta_1=0.9, weight_decay=0.01))
    assert_close(came, descend_in_numpy(lambda step: (0.01, 0.9), 0.01))


def test_one_cycle_equals_torch():
    torch = pytest.importorskip("torch")
    variables = [torch.tensor(value, requires_grad=True) for value in arrays(0)]
    optimizer = torch.optim.AdamW(variables, lr=PEAK, weight_decay=0.1)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=PEAK, total_steps=STEPS, cycle_momentum=True)
    for step in range(STEPS):
        for i, (variable, target) in enumerate(zip(variables, arrays(1), strict=True)):
            variable.grad = gradient(variable.detach(), torch.tensor(target), i)
        optimizer.step()
        if step < STEPS - 1:
            schedule.step()
    assert_close(descend(one_cycle()), [variable.detach().numpy() for variable in variables])


def descend_in_torch(make, steps=STEPS, clip=()):
    """Runs the same steps with a torch optimiser. `clip` is a norm and a value."""
    torch = pytest.importorskip("torch")
    variables = [torch.tensor(value, requires_grad=True) for value in arrays(0)]
    optimizer = make(torch.optim, variables)
    for _ in range(steps):
        for i, (variable, target) in enumerate(zip(variables, arrays(1), strict=True)):
            variable.grad = gradient(variable.detach(), torch.tensor(target), i)
        if clip:
            torch.nn.utils.clip_grad_norm_(variables, clip[0])
            torch.nn.utils.clip_grad_value_(variables, clip[1])
        optimizer.step()
    return [variable.detach().numpy() for variable in variables]


def test_adam_equals_torch():
    wanted = descend_in_torch(lambda optim, variables: optim.Adam(variables, lr=0.05, betas=(0.9, 0.98), eps=1e-9))
    assert_close(descend(CyclingAdamW(0.05, beta_1=0.9, beta_2=0.98, epsilon=1e-9, weight_decay=0.0)), wanted)


@pytest.mark.parametrize("clip", [(1.0, 0.5), (0.5, 0.1), (100.0, 100.0)])
def test_clipping_by_norm_and_value_equals_torch(clip):
    # Epsilon is as large as the gradients, so that the steps of Adam depend on their size.
    wanted = descend_in_torch(lambda optim, variables: optim.Adam(variables, lr=0.05, eps=0.5), clip=clip)
    came = descend(CyclingAdamW(0.05, epsilon=0.5, weight_decay=0.0, clip_norm=clip[0], clip_value=clip[1]))
    assert_close(came, wanted, 1e-5)
    unclipped = descend(CyclingAdamW(0.05, epsilon=0.5, weight_decay=0.0))
    assert bool(np.abs(came[0] - unclipped[0]).max() > 1e-3) is (clip[0] < 100)


def test_lion_equals_numpy():
    values, targets = [value.astype(np.float64) for value in arrays(0)], arrays(1)
    means = [np.zeros_like(value) for value in values]
    for _ in range(STEPS):
        for i, target in enumerate(targets):
            slope = gradient(values[i], target, i)
            values[i] = values[i] * (1 - 0.01 * 0.1) - 0.01 * np.sign(0.9 * means[i] + 0.1 * slope)
            means[i] = 0.99 * means[i] + 0.01 * slope
    assert_close(descend(ClippedLion(0.01, beta_1=0.9, beta_2=0.99, weight_decay=0.1)), values, 1e-5)


def test_moving_average_of_the_weights_equals_numpy():
    optimizer = CyclingAdamW(0.05, weight_decay=0.0, use_ema=True, ema_momentum=0.8)
    average, variables = None, [keras.Variable(value) for value in arrays(0)]
    optimizer.build(variables)
    for _ in range(6):
        optimizer.apply_gradients([(ops.ones(variable.shape), variable) for variable in variables])
        now = [ops.convert_to_numpy(variable) for variable in variables]
        average = now if average is None else [0.8 * old + 0.2 * new for old, new in zip(average, now, strict=True)]
    optimizer.finalize_variable_values(variables)
    assert_close([ops.convert_to_numpy(variable) for variable in variables], average)


def test_decay_without_gradients_shrinks_by_the_rate():
    optimizer = CyclingAdamW(0.5, weight_decay=0.1)
    variable = keras.Variable(np.float32(2.0))
    optimizer.build([variable])
    optimizer.apply_gradients([(ops.zeros(()), variable)])
    assert float(ops.convert_to_numpy(variable)) == pytest.approx(2 * (1 - 0.5 * 0.1))


def test_compiled_steps_use_the_schedule_of_beta_1():
    """Compares `fit`, which traces a step once, with single steps."""
    steps = 6
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1, kernel_initializer="ones")])
    twin = keras.models.clone_model(model)
    inputs, targets = np.random.default_rng(0).normal(size=(2, 8, 3)).astype(np.float32)
    for network, beta_1 in ((model, OneCycle(0.95, 0.5, 0.95, steps)), (twin, 0.95)):
        network.compile(CyclingAdamW(0.1, beta_1=beta_1, weight_decay=0.0), loss="mse")
        network.set_weights([np.ones((3, 1), np.float32), np.zeros(1, np.float32)])
        network.fit(inputs, targets[:, :1], batch_size=8, epochs=steps, verbose=0)
    expected = _adam_on_mse(inputs, targets[:, :1], [float(OneCycle(0.95, 0.5, 0.95, steps)(step)) for step in range(steps)])
    np.testing.assert_allclose(model.get_weights()[0], expected, rtol=1e-4, atol=1e-5)
    assert np.abs(model.get_weights()[0] - twin.get_weights()[0]).max() > 1e-3


def _adam_on_mse(inputs, targets, betas):
    """Returns the kernel of a linear map after one step of Adam for each beta_1, with a learning rate of 0.1."""
    rows = np.column_stack([inputs, np.ones(len(inputs))]).astype(np.float64)
    weights = np.array([[1.0], [1.0], [1.0], [0.0]])
    mean, square = np.zeros_like(weights), np.zeros_like(weights)
    for step, beta in enumerate(betas, 1):
        slope = 2 * rows.T @ (rows @ weights - targets) / len(rows)
        mean, square = beta * mean + (1 - beta) * slope, 0.999 * square + 0.001 * slope**2
        weights = weights - 0.1 * mean / (1 - beta**step) / (np.sqrt(square / (1 - 0.999**step)) + 1e-8)
    return weights[:3]


class TestSerialisation:
    def test_config_round_trip_keeps_schedules(self):
        copy = keras.optimizers.deserialize(keras.optimizers.serialize(one_cycle()))
        assert isinstance(copy, CyclingAdamW)
        assert copy.beta_1.get_config() == one_cycle().beta_1.get_config()
        assert_close(descend(copy), descend(one_cycle()), 0)

    def test_config_round_trip_keeps_numbers(self):
        config = CyclingAdamW(0.01, beta_1=0.8, weight_decay=0.02, epsilon=1e-7).get_config()
        copy = CyclingAdamW.from_config(config)
        assert (copy.beta_1, copy.weight_decay, copy.epsilon) == (0.8, 0.02, 1e-7)
        assert float(copy.learning_rate) == pytest.approx(0.01)

    @pytest.mark.parametrize("optimizer", [CyclingAdamW, ClippedLion])
    def test_config_round_trip_keeps_clipping(self, optimizer):
        copy = keras.optimizers.deserialize(keras.optimizers.serialize(optimizer(0.1, clip_norm=1.0, clip_value=0.5)))
        assert (type(copy), copy.clip_norm, copy.clip_value) == (optimizer, 1.0, 0.5)

    def test_a_compiled_model_round_trips(self, tmp_path):
        model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
        model.compile(one_cycle(), loss="mse")
        model.fit(np.ones((4, 3)), np.ones((4, 1)), verbose=0)
        model.save(tmp_path / "model.keras")
        copy = keras.models.load_model(tmp_path / "model.keras")
        assert copy.optimizer.get_config() == model.optimizer.get_config()
        assert int(copy.optimizer.iterations) == 1


@pytest.mark.parametrize("make", [CyclingAdamW, ClippedLion])
@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_slow_down_reduces_only_the_steps_of_its_variables(make, decay):
    slow, fast, alone = (keras.Variable([1.0, -2.0, 3.0], name=name) for name in ("slow", "fast", "alone"))
    slope = ops.convert_to_tensor([0.5, 1.0, -2.0])
    one, other = make(0.01, weight_decay=decay), make(0.01, weight_decay=decay)
    one.slow_down([slow], 0.25)
    for optimizer, variables in ((one, [slow, fast]), (other, [alone])):
        optimizer.build(variables)
        optimizer.apply_gradients([(slope, variable) for variable in variables])
    moved = {variable.name: ops.convert_to_numpy(variable) - [1, -2, 3] for variable in (slow, fast, alone)}
    np.testing.assert_allclose(moved["fast"], moved["alone"])
    np.testing.assert_allclose(moved["slow"], 0.25 * moved["alone"], rtol=1e-3)
