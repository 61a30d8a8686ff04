"""Answers to the exercises of 9.2: the name of the right one, and typical wrong ones with what they are told."""

import keras
import numpy as np
from keras import layers, ops

from helpers.exercises import segmentation as checks


def build(
    size,
    classes,
    filters,
    join=None,
    halve="strides",
    activation="softmax",
    raw=False,
    early=False,
    relu="relu",
    kernel=3,
):
    """Build a network like the lesson's, with other joins or another way to halve."""
    inputs = keras.Input((size, size, 3))
    x = layers.Rescaling(1 / 255)(inputs)
    kept, options, first = [], {"padding": "same", "activation": relu}, x
    for width in filters:
        kept.append(inputs if raw and not kept else first if early else x)
        x = first = layers.Conv2D(width, kernel, strides=2 if "strides" in halve else 1, **options)(x)
        x = layers.MaxPooling2D(2)(x) if halve == "pooling" else x
        x = layers.AveragePooling2D(2)(x) if halve == "means" else x
        x = layers.Conv2D(width, kernel, **options)(x)
        x = layers.MaxPooling2D(2)(x) if halve == "late pooling" else x
    for width in reversed(filters):
        x = layers.Conv2DTranspose(width, kernel, **options)(x)
        x = layers.Conv2DTranspose(width, kernel, strides=2, **options)(x)
        x = join(x, kept.pop()) if join else x
    return keras.Model(inputs, layers.Conv2D(classes, 3, padding="same", activation=activation)(x))


def concatenate(x, kept):
    """Join what is to be joined."""
    return layers.Concatenate()([x, kept])


def unet(**options):
    """Return a function that builds a U-Net with some mistake."""
    return lambda size, classes, filters: build(size, classes, filters, **({"join": concatenate} | options))


def add(x, kept):
    """Add a projection of what is to be joined."""
    return layers.Add()([x, layers.Conv2D(x.shape[-1], 1)(kept)])


def convolve(x):
    """Put one more convolution."""
    return layers.Conv2D(x.shape[-1], 3, padding="same", activation="relu")(x)


UNETS = {
    "returns nothing": (lambda *_: None, "returns nothing so far"),
    "raises an error": (
        lambda *_: layers.Concatenate()([keras.Input((2, 2, 1)), keras.Input((3, 3, 1))]),
        "ValueError",
    ),
    "a tensor": (lambda *_: keras.Input((2,)), "expected a keras.Model"),
    "no connections": (build, "no layer joins two maps"),
    "the decoder with itself": (unet(join=lambda x, _: concatenate(x, x)), "are all of the decoder"),
    "the encoder with itself": (unet(join=lambda _, kept: concatenate(kept, kept)), "are all of the encoder"),
    "one connection": (unet(join=lambda x, kept: concatenate(x, kept) if kept.shape[1] == 48 else x), "12, 24, too"),
    "the raw picture": (unet(raw=True), "expected it rescaled"),
    "sums": (unet(join=add), "expected the lesson's network"),
    "no softmax": (unet(activation=None), "expected 1: softmax"),
    "two classes": (lambda size, _, filters: build(size, 2, filters, concatenate), "expected (None, 48, 48, 3)"),
    "always three classes": (
        lambda size, _, filters: build(size, 3, filters, concatenate),
        "expected (None, 32, 32, 5)",
    ),
    "its own filters": (lambda size, classes, _: build(size, classes, (8, 16, 32), concatenate), "the filters (4, 12)"),
    "one convolution more": (
        lambda size, classes, filters: build(size, classes, filters, lambda x, kept: concatenate(convolve(x), kept)),
        "where convolution 9 is",
    ),
    "too early": (unet(early=True), "at 12 pixels have passed 3 convolutions"),
    "without relu": (unet(relu=None), "12 relus; yours has 0"),
    "kernels of 5": (unet(kernel=5), "is Conv2D(8, 3, strides=2); yours is Conv2D(8, 5, strides=2)"),
}
POOLINGS = {
    "strides stay": (build, "3 convolutions still have strides"),
    "means": (lambda *answer: build(*answer, halve="means"), "found 0 max poolings"),
    "two levels": (
        lambda size, classes, filters: build(size, classes, (*filters[:-1],), halve="pooling"),
        "2 max pool",
    ),
    "other channels": (lambda size, classes, _: build(size, classes, (8, 16, 16), halve="pooling"), "parameters"),
    "pooling after both convolutions": (
        lambda *answer: build(*answer, halve="late pooling"),
        "convolution 2 is Conv2D(8, 3) of maps of 24 pixels; yours is Conv2D(8, 3) of maps of 48 pixels",
    ),
    "pooling before the convolution": (
        lambda size, classes, filters: _pool_first(size, classes, filters),
        "a pooling follows a Rescaling",
    ),
}


def _pool_first(size, classes, filters):
    x = inputs = keras.Input((size, size, 3))
    x = layers.Rescaling(1 / 255)(x)
    for width in filters:
        x = layers.MaxPooling2D(2)(x)
        x = layers.Conv2D(width, 3, padding="same", activation="relu")(x)
        x = layers.Conv2D(width, 3, padding="same", activation="relu")(x)
    for width in reversed(filters):
        x = layers.Conv2DTranspose(width, 3, padding="same", activation="relu")(x)
        x = layers.Conv2DTranspose(width, 3, strides=2, padding="same", activation="relu")(x)
    return keras.Model(inputs, layers.Conv2D(classes, 3, padding="same", activation="softmax")(x))


def weighted(of_losses):
    """Return an answer: `of_losses` takes weights, targets and probabilities to a loss."""
    return lambda weights: (
        lambda targets, shares: of_losses(np.asarray(weights), np.asarray(targets, "int64")[..., 0], np.asarray(shares))
    )


def entropy(targets, shares):
    """Return the cross-entropy of each pixel."""
    return -np.log(np.take_along_axis(shares, targets[..., None], axis=-1)[..., 0])


LOSSES = {
    "a number": (lambda weights: float(np.sum(weights)), "expected a function"),
    "without weights": (weighted(lambda w, t, p: entropy(t, p)), "without weights"),
    "divided by weights": (weighted(lambda w, t, p: (w[t] * entropy(t, p)).sum() / w[t].sum()), "sum of the weights"),
    "of the answer": (weighted(lambda w, t, p: w[p.argmax(-1)] * entropy(t, p)), "and not of its true one"),
    "inside": (weighted(lambda w, t, p: -np.log(np.minimum(w[t] * np.exp(-entropy(t, p)), 1))), "inside of the log"),
    "twice": (weighted(lambda w, t, p: 2 * w[t] * entropy(t, p)), "expected 2."),
    "fractions as numbers of classes": (
        lambda weights: lambda targets, shares: ops.take(ops.convert_to_tensor(weights), targets[..., 0]),
        "raises",
    ),
}


def dice(targets, shares, twice=2, axis=(0, 1, 2), end=1):
    """Return a Dice loss with some mistake."""
    truth = ops.one_hot(ops.cast(targets[..., 0], "int32"), 3)
    both, sizes = ops.sum(truth * shares, axis=axis), ops.sum(truth + shares, axis=axis)
    return end - ops.mean(twice * both / sizes)


DICES = {
    "the coefficient": (lambda t, p: 1 - dice(t, p), "that is the coefficient"),
    "overlap once": (lambda t, p: dice(t, p, twice=1), "counted twice"),
    "negative": (lambda t, p: dice(t, p, end=0), "a perfect answer gets -1.00"),
    "hard": (lambda t, p: dice(t, ops.one_hot(ops.argmax(p, axis=-1), 3)), "no gradient arrives"),
    "of each picture": (lambda t, p: dice(t, p, axis=(1, 2)), "those of each picture"),
    "all classes in one sum": (lambda t, p: dice(t, p, axis=(0, 1, 2, 3)), "all classes in one sum"),
}


def find(mask, inside=lambda mask: mask != 1, end=1, turn=False, shares=True):
    """Return a box with some mistake."""
    rows, columns = (np.flatnonzero(inside(mask).any(axis=axis)) for axis in (1, 0))
    height, width = mask.shape if shares else (1, 1)
    box = rows[0] / height, columns[0] / width, (rows[-1] + end) / height, (columns[-1] + end) / width
    return (box[1], box[0], box[3], box[2]) if turn else box


BOXES = {
    "ends early": (lambda mask: find(mask, end=0), "end before its last row"),
    "exchanged": (lambda mask: find(mask, turn=True), "rows and columns exchanged"),
    "without outline": (lambda mask: find(mask, lambda mask: mask == 0), "outline belongs to the animal"),
    "of the outline": (lambda mask: find(mask, lambda mask: mask == 2), "a box around both"),
    "of the background": (lambda mask: find(mask, lambda mask: mask == 1), "which value has the background"),
    "pixels": (lambda mask: find(mask, shares=False), "expected shares"),
    "two corners": (lambda mask: [find(mask)[:2], find(mask)[2:]], "expected four numbers"),
}


def overlap(boxes, others, clip=True, union=True, mean=False):
    """Return an intersection over union with some mistake."""
    sides = np.minimum(boxes[:, 2:], others[:, 2:]) - np.maximum(boxes[:, :2], others[:, :2])
    shared = np.prod(np.maximum(sides, 0) if clip else sides, axis=1)
    areas = [np.prod(each[:, 2:] - each[:, :2], axis=1) for each in (boxes, others)]
    scores = shared / (areas[0] + areas[1] - (shared if union else 0))
    return scores.mean() if mean else scores


IOUS = {
    "not clipped": (lambda a, b: overlap(a, b, clip=False), "Two negative sides"),
    "union too large": (lambda a, b: overlap(a, b, union=False), "counted twice in the union"),
    "the mean": (lambda a, b: overlap(a, b, mean=True), "a number for each pair"),
    "Dice": (lambda a, b: 2 * overlap(a, b) / (1 + overlap(a, b)), "not intersection over union"),
}
ANSWERS = {
    "build_unet": (lambda answer: checks.check_unet(answer, build), UNETS),
    "build_pooling": (lambda answer: checks.check_pooling(answer, build), POOLINGS),
    "make_weighted_loss": (checks.check_weighted_loss, LOSSES),
    "dice_loss": (checks.check_dice, DICES),
    "find_box": (checks.check_box, BOXES),
    "box_iou": (checks.check_box_iou, IOUS),
}
