"""Checks of the exercises on architectures, `exercises/9_3_exercises`."""

import keras
import numpy as np
from keras import layers

from . import WrongError, call, count_relus, exercise, expect


@exercise
def check_he_stack(build):
    """Check a function (depth, width) to a plain stack of blocks, relu and convolution, drawn by He's initialiser."""
    depth, width = 6, 16
    model = call(build, depth, width)
    expect(isinstance(model, keras.Model), f"expected a keras.Model, {build.__name__} returns a {type(model).__name__}")
    kinds = {type(layer).__name__ for layer in model.layers}
    for kind in kinds & {"Add", "BatchNormalization"}:
        expect(False, f"there is a layer {kind}; expected a plain stack, in which the initialiser is all that differs")
    convolutions = [layer for layer in model.layers if isinstance(layer, layers.Conv2D)]
    found = len(convolutions)
    expect(found == depth + 1, f"depth {depth} gives {found} convolutions; expected {depth + 1}: one more than blocks")
    name = convolutions[0].name
    expect(name == "first", f"the first convolution is called {name!r}; `first_gradient_norm` looks for 'first'")
    relus = count_relus(model)
    expect(relus == depth, f"found {relus} relus; expected {depth}, one in each block")
    expect(model.output_shape == (None, 1), f"the output has the shape {model.output_shape}; expected (None, 1)")
    weights = np.concatenate([np.ravel(layer.kernel) for layer in convolutions[1:]])
    variance = float(np.var(weights)) * 9 * width
    what = f"in the blocks the weights have a variance of {variance:.2f} / inputs"
    expect(
        abs(variance - 1) > 0.15, f"{what}: Keras's default, which does not know that a relu drops half of the signal"
    )
    expect(abs(variance - 2) < 0.15, f"{what}; that is not He's, or not that of all blocks")


@exercise
def check_steps(count_batches):
    """Check a function (momentum, share) to the batches after which a moving average has gone that share of its way."""
    for (momentum, share), right in {(0.99, 0.99): 459, (0.9, 0.99): 44, (0.99, 0.5): 69, (0.5, 0.75): 2}.items():
        found = float(call(count_batches, momentum, share))
        what = f"momentum {momentum} and share {share} give {found:.4g} batches"
        to_go = np.log(share) / np.log(momentum)
        expect(
            abs(found - to_go) >= 1 or abs(right - to_go) < 1, f"{what}; then {share:.0%} of the way are still to go"
        )
        expect(
            abs(found * (1 - momentum) - 1) > 0.01 or found == right,
            f"{what}: 1 / (1 − momentum), whatever the share is",
        )
        expect(found.is_integer(), f"{what}; expected a whole number, for there is no half of a batch")
        done = 1 - momentum**found
        enough = "not enough" if done < share else "enough"
        expect(
            found == right,
            f"{what}; after them {done:.5f} of the way are done, {enough}: expected the fewest that are enough",
        )


@exercise
def check_paired(compare):
    """Check a function from two arrays of right answers to (only the first is right, only the second, p-value)."""
    first, second = np.ones(400, bool), np.ones(400, bool)
    first[:60] = second[40:112] = False  # both wrong on 20; only the second is right on 40, only the first on 52
    answer = call(compare, first, second)
    expect(
        isinstance(answer, tuple | list) and len(answer) == 3, f"found {answer!r}; expected (number, number, p-value)"
    )
    *only, p_value = answer
    expect(
        only != [340, 328], "found 340 and 328, all right answers of each; expected what only one of the two gets right"
    )
    expect(only != [40, 52], "found 40 and 52: the first number is that of the first network")
    expect(
        only == [52, 40],
        f"found {only[0]} and {only[1]} pictures that only one of the two gets right; expected 52 and 40",
    )
    expect(np.isscalar(p_value), f"the p-value is a {type(p_value).__name__}; expected a number")
    what = f"52 pictures against 40 have p = {p_value:.3f}"
    expect(
        min(abs(p_value - 0.1258), abs(p_value - 0.9125)) > 2e-3,
        f"{what}: that is one-sided, and it was not known before which of the two is ahead",
    )
    expect(
        abs(p_value - 0.2515) < 2e-3,
        f"{what}; expected how often a fair coin, thrown 92 times, falls at least so unevenly",
    )
    try:
        *_, p_value = call(compare, first, first)
    except WrongError as wrong:
        raise WrongError(f"for two networks with the same answers {wrong}") from wrong
    expect(
        abs(p_value - 1) < 1e-6, f"two networks with the same answers have p = {p_value}; expected 1: nothing differs"
    )


@exercise
def check_fine_tuning(build):
    """Check a function (base, freeze_batch_norm) to a network that trains a new last layer on a fixed base."""
    keras.utils.set_random_seed(0)
    x = inputs = keras.Input((16, 16, 3))
    for convolution in (layers.Conv2D, layers.SeparableConv2D):
        x = layers.BatchNormalization()(convolution(8, 3, padding="same", use_bias=False)(x))
        x = layers.Activation("relu")(x)
    base = keras.Model(inputs, x)
    given = _values(base)
    pictures = np.random.default_rng(0).normal(4, 2, (32, 16, 16, 3)).astype("float32")
    for freeze in (True, False):
        model, what = call(build, base, freeze), f"with freeze_batch_norm={freeze}"
        shape = model.output_shape
        expect(shape == (None, 1), f"{what} the output has the shape {shape}; expected (None, 1)")
        answers = keras.ops.convert_to_numpy(model(100 * pictures, training=False))
        expect(
            answers.min() >= 0 and answers.max() <= 1, f"{what} an output is {answers.max():.1f}; expected a sigmoid"
        )
        before = _values(model)
        kernels = [kernel for kernel in before.values() if kernel.ndim == 4]
        known = [any(np.array_equal(kernel, other) for other in given.values()) for kernel in kernels]
        expect(
            all(known) and len(kernels) == 3,
            f"{what} the convolutions have not the base's weights: a clone has new ones",
        )
        new = [values.shape for values in before.values() if values.ndim == 2]
        expect(
            new == [(8, 1)],
            f"{what} the new layer has weights {new[-1:]}; expected (8, 1), one for each channel's mean",
        )
        model.compile(optimizer=keras.optimizers.SGD(0.1), loss="binary_crossentropy", run_eagerly=True)
        model.fit(pictures, np.arange(32)[:, None] % 2, batch_size=16, verbose=0)
        changed = {path for path, values in _values(model).items() if not np.array_equal(values, before[path])}
        moved = [path for path in changed if before[path].ndim == 4]
        expect(not moved, f"{what} training changes convolutions of the base: separable ones are convolutions, too")
        expect(any(before[path].ndim == 2 for path in changed), f"{what} training changes nothing in the new layer")
        averages = any("moving" in path for path in changed)
        expect(averages != freeze, f"{what} the moving averages {'follow the new pictures' if averages else 'stay'}")
        scales = any("gamma" in path for path in changed)
        expect(scales != freeze, f"{what} the scales of batch norm {'are trained' if scales else 'stay'}")
        same = all(np.array_equal(values, given[path]) for path, values in _values(base).items())
        expect(
            same, f"{what} training has changed the base itself, which the next network needs; expected a copy of it"
        )


def _values(model):
    return {weight.path: keras.ops.convert_to_numpy(weight) for weight in model.weights}
