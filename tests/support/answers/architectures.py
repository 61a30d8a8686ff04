"""Answers to the exercises of 9.3: the name of the right one, and typical wrong ones with what they are told."""

import math

import keras
import numpy as np
from keras import layers
from scipy.stats import binomtest

from helpers.exercises import architectures as checks


def stack(depth, width=16, draw="he_normal", skips=False, name="first", relu=layers.Activation, first="glorot_uniform"):
    """Build a stack with some mistake."""
    inputs = keras.Input((16, 16, 3))
    x = layers.Conv2D(width, 3, padding="same", name=name, kernel_initializer=first)(inputs)
    for _ in range(depth):
        before = x
        x = relu("relu")(x) if relu else x
        x = layers.Conv2D(width, 3, padding="same", kernel_initializer=draw)(x)
        x = layers.add([x, before]) if skips else x
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, layers.Dense(1, activation="sigmoid")(x))


STACKS = {
    "the default": (lambda depth, width: stack(depth, width, "glorot_uniform"), "Keras's default"),
    "only the first": (
        lambda depth, width: stack(depth, width, "glorot_uniform", first="he_normal"),
        "Keras's default",
    ),
    "too large": (lambda depth, width: stack(depth, width, keras.initializers.RandomNormal(stddev=0.5)), "not He's"),
    "with skips": (lambda depth, width: stack(depth, width, skips=True), "a layer Add"),
    "without relu": (lambda depth, width: stack(depth, width, relu=None), "found 0 relus"),
    "too short": (lambda depth, width: stack(depth - 1, width), "expected 7"),
    "no name": (lambda depth, width: stack(depth, width, name=None), "looks for 'first'"),
}


def log(value, base):
    """Return a logarithm."""
    return math.log(value) / math.log(base)


STEPS = {
    "what is to go": (lambda momentum, share: math.ceil(log(share, momentum)), "still to go"),
    "the share of one batch": (lambda momentum, share: round(1 / (1 - momentum)), "whatever the share is"),
    "not rounded": (lambda momentum, share: log(1 - share, momentum), "no half of a batch"),
    "rounded down": (lambda momentum, share: math.floor(log(1 - share, momentum)), "the fewest that are enough"),
    "one too many": (lambda momentum, share: math.ceil(log(1 - share, momentum)) + 1, "the fewest that are enough"),
}


def paired(first, second, alternative="two-sided"):
    """Return the numbers and a p-value."""
    one, two = int(np.sum(first & ~second)), int(np.sum(second & ~first))
    return one, two, binomtest(one, one + two, alternative=alternative).pvalue if one + two else 1.0


def of_all(first, second):
    """Return a p-value in which the pictures count on which the two agree."""
    one, two, _ = paired(first, second)
    return one, two, binomtest(int(first.sum()), len(first), second.mean()).pvalue


PAIRS = {
    "one-sided": (lambda first, second: paired(first, second, "greater"), "one-sided"),
    "one-sided, downwards": (lambda first, second: paired(first, second, "less"), "one-sided"),
    "the whole result": (lambda first, second: (52, 40, binomtest(52, 92)), "BinomTestResult; expected a number"),
    "none divides": (
        lambda first, second: (*paired(first, second)[:2], binomtest(sum(first & ~second), sum(first ^ second)).pvalue),
        "with the same answers",
    ),
    "all right answers": (lambda first, second: (int(first.sum()), int(second.sum()), 1.0), "all right answers"),
    "exchanged": (lambda first, second: paired(second, first), "the first number is that of the first"),
    "of all pictures": (of_all, "thrown 92 times"),
    "none is zero": (lambda first, second: (*paired(first, second)[:2], paired(first, second)[2] % 1), "expected 1"),
    "p alone": (lambda first, second: paired(first, second)[2], "(number, number, p-value)"),
}


def tuned(base, freeze, weights=True, copied=True, fixed=layers.Layer, always=None, flat=False, end="sigmoid"):
    """Return a network on a base with some mistake."""
    freeze = freeze if always is None else always
    copy = keras.models.clone_model(base) if copied else base
    if weights:
        copy.set_weights(base.get_weights())
    for layer in copy.layers:
        is_batch_norm = isinstance(layer, layers.BatchNormalization)
        layer.trainable = not freeze if is_batch_norm else not isinstance(layer, fixed)
    x = layers.Flatten()(copy.output) if flat else layers.GlobalAveragePooling2D()(copy.output)
    return keras.Model(copy.input, layers.Dense(1, activation=end)(x))


TUNED = {
    "new weights": (lambda base, freeze: tuned(base, freeze, weights=False), "a clone has new ones"),
    "no copy": (lambda base, freeze: tuned(base, freeze, copied=False), "changed the base itself"),
    "nothing fixed": (lambda base, freeze: tuned(base, freeze, fixed=()), "changes convolutions of the base"),
    "ordinary ones fixed": (lambda base, freeze: tuned(base, freeze, fixed=layers.Conv2D), "separable ones are"),
    "no sigmoid": (lambda base, freeze: tuned(base, freeze, end=None), "expected a sigmoid"),
    "flattened": (lambda base, freeze: tuned(base, freeze, flat=True), "one for each channel's mean"),
    "always frozen": (lambda base, freeze: tuned(base, freeze, always=True), "the moving averages stay"),
    "never frozen": (lambda base, freeze: tuned(base, freeze, always=False), "the moving averages follow"),
}
ANSWERS = {
    "build_he_stack": (checks.check_he_stack, STACKS),
    "count_batches": (checks.check_steps, STEPS),
    "compare": (checks.check_paired, PAIRS),
    "build_fine_tuned": (checks.check_fine_tuning, TUNED),
}
