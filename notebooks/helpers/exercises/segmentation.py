"""Checks of the exercises on segmentation and detection, `exercises/9_2_exercises`."""

import itertools

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from . import call, count_relus, exercise, expect

SIDE, WIDTHS, CLASSES = 48, (8, 16, 32), 3


def _build(build, side=SIDE, classes=CLASSES, widths=WIDTHS):
    model = call(build, side, classes, widths)
    expect(isinstance(model, keras.Model), f"expected a keras.Model, {build.__name__} returns a {type(model).__name__}")
    for end, shape, depth in (("input", model.input_shape, 3), ("output", model.output_shape, classes)):
        expected = (None, side, side, depth)
        expect(shape == expected, f"the {end} of the network has the shape {shape}; expected {expected}")
    pictures = np.random.default_rng(0).uniform(0, 255, (2, side, side, 3))
    sums = keras.ops.convert_to_numpy(model(pictures, training=False)).sum(axis=-1)
    expect(
        np.allclose(sums, 1, atol=1e-3), f"at a pixel the outputs add up to {sums[0, 0, 0]:.3f}; expected 1: softmax"
    )
    return model


@exercise
def check_unet(build, build_plain):
    """Check a function (size, classes, filters) to a network whose decoder gets the encoder's maps of each size.

    `build_plain` is such a function to the network without these connections.
    """
    model, plain = _build(build), build_plain(SIDE, CLASSES, WIDTHS)
    sides = [layer.output.shape[1] for layer in model.layers]
    narrowest = model.layers[len(sides) - 1 - sides[::-1].index(min(sides))]  # the last layer of the smallest maps
    joins = [layer for layer in model.layers if isinstance(layer.input, list) and len(layer.input) > 1]
    expect(joins, "no layer joins two maps: all that the decoder gets has passed the narrowest maps")
    for join in joins:
        origins = [keras.Model(model.input, tensor).layers for tensor in join.input]
        what = f"the maps that are joined at {join.output.shape[1]} pixels"
        decoded = [narrowest in layers_before for layers_before in origins]
        expect(any(decoded), f"{what} are all of the encoder; expected some of the decoder, too")
        expect(not all(decoded), f"{what} are all of the decoder; expected some of the encoder, too")
        kinds = [type(layer) for layer in origins[decoded.index(False)]]
        expect(
            layers.Rescaling in kinds, f"{what} are those of a picture in 0-255; expected it rescaled, like the rest"
        )
        passed, level = kinds.count(layers.Conv2D), (SIDE // join.output.shape[1]).bit_length() - 1
        expected = f"expected the encoder's last of that size, which have passed {2 * level}"
        expect(passed >= 2 * level, f"{what} have passed {passed} convolutions; {expected}")
    found, expected = {join.output.shape[1] for join in joins}, {SIDE >> level for level in range(len(WIDTHS))}
    missing = ", ".join(map(str, sorted(expected - found)))
    expect(not missing, f"encoder and decoder are connected at {sorted(found)} pixels; expected {missing}, too")
    _expect_same(model, plain, "apart from the connections")
    _expect_same(_build(build, 32, 5, (4, 12)), build_plain(32, 5, (4, 12)), "with the filters (4, 12)")


def _expect_same(model, plain, when, strides=True):
    """Expect of two networks the same convolutions in order: kind, filters, kernel, and stride or the maps' side."""
    ours, others = (
        [
            f"{type(layer).__name__}({layer.filters}, {layer.kernel_size[0]}"
            + (f", strides={max(layer.strides)})" if strides else f") of maps of {layer.input.shape[1]} pixels")
            for layer in network.layers
            if isinstance(layer, layers.Conv2D | layers.Conv2DTranspose)
        ]
        for network in (model, plain)
    )
    for number, (our, other) in enumerate(itertools.zip_longest(ours, others, fillvalue="nothing"), 1):
        what = f"{when} expected the lesson's network, where convolution {number} is {other}"
        expect(our == other, f"{what}; yours is {our}")
    relus = [count_relus(network) for network in (model, plain)]
    expect(relus[0] == relus[1], f"{when} expected the lesson's network, with {relus[1]} relus; yours has {relus[0]}")


@exercise
def check_pooling(build, build_strided):
    """Check a function (size, classes, filters) to the network with max pooling in place of the encoder's strides."""
    model, strided = _build(build), build_strided(SIDE, CLASSES, WIDTHS)
    poolings = [layer for layer in model.layers if isinstance(layer, layers.MaxPooling2D)]
    striding = [layer for layer in model.layers if type(layer) is layers.Conv2D and max(layer.strides) > 1]
    expect(not striding, f"{len(striding)} convolutions still have strides of 2; expected strides of 1")
    expect(
        len(poolings) == len(WIDTHS),
        f"found {len(poolings)} max poolings; expected {len(WIDTHS)}, one for each halving",
    )
    found, expected = model.count_params(), strided.count_params()
    expect(
        found == expected,
        f"expected {expected:,} parameters, as many as with strides, yours has {found:,}: "
        "pooling has none, so which convolution is new, or is gone?",
    )
    makers = {id(layer.output): type(layer).__name__ for layer in model.layers}
    others = {makers[id(pooling.input)] for pooling in poolings} - {"Conv2D"}
    expected = "expected the convolution that had the stride: it should see all pixels"
    expect(not others, f"a pooling follows a {' and a '.join(sorted(others))}; {expected}")
    _expect_same(model, strided, "apart from the way to halve", strides=False)


@exercise
def check_weighted_loss(make_loss):
    """Check a function from a weight for each class to a loss (targets, probabilities)."""
    weights = np.array([1.0, 2.0, 5.0], "float32")
    loss = call(make_loss, weights)
    expect(callable(loss), f"expected a function (targets, probabilities), {make_loss.__name__} returns {loss!r}")
    truth = np.array([0, 1, 2, 2])
    shares = np.array([[0.2, 0.5, 0.3], [0.1, 0.8, 0.1], [0.5, 0.1, 0.4], [0.2, 0.2, 0.6]], "float32")
    targets = keras.ops.convert_to_tensor(truth.reshape(1, 2, 2, 1), "float32")  # as `fit` hands them over
    value = np.mean(call(loss, targets, keras.ops.convert_to_tensor(shares.reshape(1, 2, 2, 3))))
    true_shares, each = shares[np.arange(4), truth], weights[truth]
    losses = -np.log(true_shares)
    others = {
        "that is cross-entropy without weights": losses.mean(),
        "is it divided by the sum of the weights? Expected the mean over pixels": (each * losses).sum() / each.sum(),
        "has a pixel the weight of the class it is given, and not of its true one?": (
            weights[shares.argmax(axis=1)] * losses
        ).mean(),
        "is the probability weighted, inside of the logarithm? Expected the loss of a pixel times its weight": (
            -np.log(np.clip(each * true_shares, 1e-7, 1))
        ).mean(),
    }
    _compare(value, (each * losses).mean(), others, "four pixels of the classes 0, 1, 2, 2 with the weights 1, 2, 5")


@exercise
def check_dice(loss):
    """Check a loss (targets, probabilities): 1 − the mean of the classes' Dice coefficients."""
    targets = np.array([[0, 0, 0, 0, 0, 1, 1, 2], [0, 1, 1, 1, 1, 1, 2, 2]]).reshape(2, 2, 4, 1)
    perfect = np.eye(3, dtype="float32")[targets[..., 0]]
    best, worst = (float(np.mean(call(loss, targets, shares))) for shares in (perfect, np.roll(perfect, 1, axis=-1)))
    expect(
        best < 0.9 or worst > 0.1, "a perfect answer gets 1, a wrong one 0: that is the coefficient, and a loss falls"
    )
    twice = "Is the overlap, which is in both sums below the line, counted twice above it?"
    expect(abs(best - 0.5) > 0.05, f"a perfect answer gets {best:.2f}; expected 0. {twice}")
    expect(abs(best) < 0.01, f"a perfect answer gets {best:.2f}; expected 0")
    expect(abs(worst - 1) < 0.01, f"an answer without any overlap gets {worst:.2f}; expected 1")
    shares = tf.constant(0.6 * perfect + 0.4 / 3)
    with tf.GradientTape() as tape:
        tape.watch(shares)
        value = tf.reduce_mean(loss(targets, shares))
    gradient = tape.gradient(value, shares)
    arrives = gradient is not None and np.any(gradient)
    expect(arrives, "no gradient arrives at the probabilities: is there an argmax or a threshold?")
    both, sizes = shares.numpy() * perfect, shares.numpy() + perfect  # of each pixel
    right, of_pictures, pooled = (
        1 - np.mean(2 * both.sum(axis=axes) / sizes.sum(axis=axes)) for axes in ((0, 1, 2), (1, 2), None)
    )
    others = {
        "are all classes in one sum? Expected a coefficient for each, so that a rare one counts as much": pooled,
        "are the sums those of each picture? Expected those over all pixels of the batch": of_pictures,
    }
    _compare(value, right, others, "two pictures of eight pixels")


@exercise
def check_box(find_box):
    """Check a function from a mask (height, width) to the box (top, left, bottom, right) in shares of its sides."""
    mask = np.ones((10, 20), "uint8")
    mask[2:6, 4:10] = 2
    mask[3:5, 5:9] = 0
    box = np.asarray(call(find_box, mask), "float64")
    expect(box.shape == (4,), f"expected four numbers, (top, left, bottom, right); found the shape {box.shape}")
    expect(box.max() <= 1, f"found {_show(box)}; expected shares of the sides, between 0 and 1")
    right = np.array([0.2, 0.2, 0.6, 0.5])
    others = {
        (
            0.2,
            0.2,
            0.5,
            0.45,
        ): "does the box end before its last row and column? A box around one pixel is one pixel wide",
        (0.2, 0.2, 0.5, 0.6): "are rows and columns exchanged?",
        (0.3, 0.25, 0.5, 0.45): "the outline belongs to the animal, too",
        (0.0, 0.0, 1.0, 1.0): "that is all of the picture: which value has the background?",
    }
    for wrong, why in others.items():
        expect(
            not np.allclose(box, wrong, atol=1e-3),
            f"rows 2 to 5 and columns 4 to 9 of a mask 10×20 give {_show(box)}: {why}",
        )
    expect(
        np.allclose(box, right, atol=1e-3),
        f"rows 2 to 5 and columns 4 to 9 of a mask 10×20 give {_show(box)}; that is no box around them",
    )
    mask = np.ones((10, 20), "uint8")
    mask[:3, 5:8], mask[3, 5:8] = 0, 2
    box = np.asarray(call(find_box, mask), "float64")
    what = f"an animal in rows 0 to 2 with its outline in row 3 gives {_show(box)}"
    expect(np.allclose(box, (0, 0.25, 0.4, 0.4), atol=1e-3), f"{what}; expected a box around both")


@exercise
def check_box_iou(box_iou):
    """Check a function from boxes (N, 4) and boxes (N, 4) to their intersection over union (N,)."""
    boxes = np.array([[0.2, 0.2, 0.6, 0.6], [0.0, 0.0, 0.4, 0.4], [0.0, 0.0, 0.2, 0.2], [0.0, 0.0, 1.0, 1.0]])
    others = np.array([[0.2, 0.2, 0.6, 0.6], [0.0, 0.2, 0.4, 0.6], [0.5, 0.5, 0.9, 0.9], [0.25, 0.25, 0.75, 0.75]])
    found = np.asarray(call(box_iou, boxes, others), "float64")
    expect(
        found.shape == (4,), f"four pairs of boxes give the shape {found.shape}; expected (4,), a number for each pair"
    )
    same, half, apart, nested = found
    expect(abs(same - 0.5) > 1e-3, "two equal boxes get 0.5: is what they share counted twice in the union?")
    expect(abs(same - 1) < 1e-3, f"two equal boxes get {same:.3f}; expected 1")
    expect(
        abs(apart) < 1e-3,
        f"two boxes that do not meet get {apart:.3f}; expected 0. Two negative sides make a positive area",
    )
    expect(
        abs(half - 1 / 3) < 1e-3,
        f"two boxes that share half of themselves get {half:.3f}; that is not intersection over union",
    )
    expect(
        abs(nested - 0.25) < 1e-3,
        f"a box within one of four times its area gets {nested:.3f}; that is not intersection over union",
    )


def _show(box):
    return "(" + ", ".join(f"{value:.3g}" for value in box) + ")"


def _compare(value, right, others, what):
    """Complain about a value that is not right, and why if it is one of `others`, a dict of reasons to values."""
    for why, wrong in others.items():
        expect(abs(value - wrong) > 1e-4, f"{what} give {value:.3f}: {why}")
    expect(abs(value - right) < 1e-3, f"{what} give {value:.3f}; expected {right:.3f}")
