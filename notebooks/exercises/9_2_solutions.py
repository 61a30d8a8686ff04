# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 9.2 Exercises: sharper masks, and a first detector
#
# Five questions about [notebook 9.2](../9_2_image_segmentation.ipynb), each with a cell for your code, a check that
# says at once what is wrong, and an experiment that shows what came out of it. In `9_2_exercises` your code is missing:
# run it from top to bottom once, which takes less than a minute, then fill in the cells one after the other.
# `9_2_solutions` is the same notebook with an answer to each question and with its results.
#
# | exercise | you write | you see |
# |---|---|---|
# | 1 | the connections of a U-Net | the outline, before and after |
# | 2 | the same network with max pooling | strides against pooling, in equal time |
# | 3 | a loss with a weight for each class | a louder outline |
# | 4 | the Dice loss | what it adds to cross-entropy |
# | 5 | boxes and how they are scored | a detector against a box that is always the same |

# %%
import os

from helpers.start import start_keras

os.environ["TF_NUM_INTRAOP_THREADS"] = "1"  # networks as small as these train faster on one core than on two
start_keras()
import keras

# %%
import math
import time

import matplotlib.pyplot as plt
import numpy as np
from keras import layers, ops

from helpers import plots
from helpers.exercises.segmentation import (
    check_box,
    check_box_iou,
    check_dice,
    check_pooling,
    check_unet,
    check_weighted_loss,
)
from helpers.lessons import load_lesson
from helpers.progress import progress

# %% [markdown]
# ## What is there already
#
# The drawn pets of the lesson, at half the size, so that a training takes some five seconds, and the lesson's own
# functions: `lesson.get_model`, `lesson.segmentation_scores`.

# %% tags=["constants"]
import os

DATA = os.environ.get("DATA", "../../data")  # folder that holds the data sets
BUILD = os.environ.get("BUILD", "../../build")  # folder for caches
IMAGE_SIZE = 32  # pixels, a multiple of 8
FILTERS = (16, 32, 64)  # channels on the three levels
EPOCHS = 2  # passes over the training pictures
BATCH_SIZE = 8  # pictures a step
SEEDS = (1, 2)  # each network is trained from each of them

# %%
arrays = ["setup", "step-9.2-1", "step-9.2-2", "step-9.2-5"]
folders = {"PROFILE": "sample", "DATA": DATA, "BUILD": BUILD}
lesson = load_lesson("9_2_image_segmentation", arrays, **folders, IMAGE_SIZE=IMAGE_SIZE)
train_images, train_masks = lesson.train_input_imgs, lesson.train_targets
val_images, val_masks = lesson.val_input_imgs, lesson.val_targets
print("to train", train_images.shape, "to validate", val_images.shape)


# %% [markdown]
# One function trains a network and scores it on the validation pictures; another does so from several seeds, since one
# training proves nothing.


# %%
def train(build, seed, loss="sparse_categorical_crossentropy", share=1.0):
    """Return a network, `build(size, classes, filters)`, trained on a share of the training pictures."""
    keras.utils.set_random_seed(seed)
    count = round(share * len(train_images))
    model = build(IMAGE_SIZE, len(lesson.CLASS_NAMES), FILTERS)
    rate = keras.optimizers.schedules.CosineDecay(0.003, EPOCHS * math.ceil(count / BATCH_SIZE))
    model.compile(optimizer=keras.optimizers.RMSprop(rate), loss=loss)
    batches = lesson.Batches(train_images[:count], train_masks[:count], BATCH_SIZE, shuffled=True)
    model.fit(lesson.feed(batches), epochs=EPOCHS, shuffle=False, verbose=0)
    return model


def measure(build, **options):
    """Return the scores of a network trained from each seed: a dict of names to lists of floats."""
    scores = []
    for seed in progress(SEEDS, desc=build.__name__, unit="training"):
        predictions = lesson.predict_masks(train(build, seed, **options), val_images)
        scores.append(lesson.segmentation_scores(val_masks, predictions))
    return {name: [each[name] for each in scores] for name in scores[0]}


# %% nbval={"rtol": 0.1, "atol": 0.05}
def show_scores(measured, names=("pixel_accuracy", "iou_animal", "iou_outline")):
    """Print the mean of each score, and plot it with a dot for each seed."""
    fig, axes = plt.subplots(1, len(names), figsize=(3.2 * len(names), 2.6), layout="constrained")
    for what, scores in measured.items():
        print(f"{what:14}", "  ".join(f"{name} {np.mean(scores[name]):.3f}" for name in names))
    for ax, name in zip(axes, names, strict=True):
        for place, scores in enumerate(measured.values()):
            ax.plot([place] * len(SEEDS), scores[name], "o", alpha=0.6)
            ax.plot([place - 0.2, place + 0.2], [np.mean(scores[name])] * 2, color=f"C{place}")
        ax.set_xticks(range(len(measured)), measured)
        ax.margins(x=0.3)
        ax.set_title(name.replace("_", " "), fontsize=10)
    plots.show(fig, f"Scores of {' and '.join(measured)}: a dot for each seed and a line at the mean")


strided = measure(lesson.get_model)
print(f"the lesson's network: IoU of the outline {np.mean(strided['iou_outline']):.3f}")

# %% [markdown]
# ## 1. A U-Net
#
# The decoder has to redraw fine detail from maps an eighth of the picture's side. The encoder had that detail, and
# threw it away. So hand it over: after each doubling, join the decoder's maps (`layers.Concatenate`) with the maps that
# the encoder had at that size, just before its convolution with a stride of 2. At full size these are the picture
# itself, rescaled. This is the idea of U-Net (Ronneberger, Fischer, Brox 2015).
#
# Write `build_unet`: the lesson's network, `lesson.get_model`, with these three connections and nothing else. Which of
# the three classes will gain most? (The network also gets more weights, for what the decoder takes in is wider.)
#
# <details><summary>Hint</summary>
#
# Keep a list. The encoder appends its maps before it halves them, the decoder takes them from the end.
#
# </details>


# %% tags=["solution"]
def build_unet(size, classes, filters):
    """Return a network from pictures (N, size, size, 3) in 0-255 to class probabilities (N, size, size, classes)."""
    inputs = keras.Input((size, size, 3))
    x = layers.Rescaling(1 / 255)(inputs)
    kept = []
    for width in filters:
        kept.append(x)
        x = layers.Conv2D(width, 3, strides=2, padding="same", activation="relu")(x)
        x = layers.Conv2D(width, 3, padding="same", activation="relu")(x)
    for width in reversed(filters):
        x = layers.Conv2DTranspose(width, 3, padding="same", activation="relu")(x)
        x = layers.Conv2DTranspose(width, 3, strides=2, padding="same", activation="relu")(x)
        x = layers.Concatenate()([x, kept.pop()])
    return keras.Model(inputs, layers.Conv2D(classes, 3, padding="same", activation="softmax")(x))


# %% tags=["check"]
done = check_unet(build_unet, lesson.get_model)

# %% nbval={"rtol": 0.1, "atol": 0.05, "figure_rms": 0.2}
if done:
    unet = measure(build_unet)
    show_scores({"without": strided, "U-Net": unet}, ("iou_animal", "iou_background", "iou_outline"))

# %% [markdown] tags=["solution"]
# After two epochs the lesson's network has hardly begun with the outline; the U-Net draws it already. The outline gains
# most by far: the last connection hands the decoder the picture itself, at full size. The animal gains as well.

# %% [markdown]
# ## 2. Max pooling, in equal time
#
# The lesson shows with dots that pooling forgets the place. Does that carry over to pets? Write `build_pooling`: the
# lesson's network, but the first convolution of each level has a stride of 1, and `layers.MaxPooling2D(2)` halves what
# it puts out. It has as many parameters, but more to compute: each first convolution now works at twice the side. So
# the experiment gives both the same *time*, in which the network with pooling sees fewer pictures.
#
# <details><summary>Hint</summary>
#
# Only the encoder changes, and in it only one line, which becomes two.
#
# </details>


# %% tags=["solution"]
def build_pooling(size, classes, filters):
    """Return a network from pictures (N, size, size, 3) in 0-255 to class probabilities (N, size, size, classes)."""
    inputs = keras.Input((size, size, 3))
    x = layers.Rescaling(1 / 255)(inputs)
    for width in filters:
        x = layers.Conv2D(width, 3, padding="same", activation="relu")(x)
        x = layers.MaxPooling2D(2)(x)
        x = layers.Conv2D(width, 3, padding="same", activation="relu")(x)
    for width in reversed(filters):
        x = layers.Conv2DTranspose(width, 3, padding="same", activation="relu")(x)
        x = layers.Conv2DTranspose(width, 3, strides=2, padding="same", activation="relu")(x)
    return keras.Model(inputs, layers.Conv2D(classes, 3, padding="same", activation="softmax")(x))


# %% tags=["check"]
done = check_pooling(build_pooling, lesson.get_model)


# %%
def seconds_of_epoch(build):
    """Return the time of an epoch of 240 pictures, in seconds: the fastest of three, after one that compiles."""
    model = build(IMAGE_SIZE, len(lesson.CLASS_NAMES), FILTERS)
    model.compile(optimizer="rmsprop", loss="sparse_categorical_crossentropy")
    times = []
    for _ in range(4):
        started = time.perf_counter()
        batches = lesson.Batches(train_images[:240], train_masks[:240], BATCH_SIZE)
        model.fit(lesson.feed(batches), shuffle=False, verbose=0)
        times.append(time.perf_counter() - started)
    return min(times[1:])


# %% tags=["times"] nbval={"rtol": 2}
if done:
    ratio = seconds_of_epoch(build_pooling) / seconds_of_epoch(lesson.get_model)
    print(f"an epoch with pooling takes {ratio:.1f} times as long")

# %% tags=["constants"]
SHARE = 0.8  # of the pictures, for which there is time with pooling; adapt it to what your machine says above

# %% nbval={"rtol": 0.1, "atol": 0.05, "figure_rms": 0.2}
if done:
    show_scores({"strides": strided, "max pooling": measure(build_pooling, share=SHARE)})

# %% [markdown] tags=["solution"]
# In the same time the mean is a little better with strides, most of all at the animal: that agrees with the dots. But
# one network with strides differs from the other by more than that, and the networks with pooling have seen fewer
# pictures. So short an experiment does not settle it.

# %% [markdown]
# ## 3. A louder outline
#
# The outline is rare, so in a mean over all pixels the loss hardly hears it. Write `make_weighted_loss`: it takes a
# weight for each class and returns a loss, in which each pixel's cross-entropy is multiplied with the weight of its
# true class.
#
# <details><summary>Hint</summary>
#
# `keras.losses.sparse_categorical_crossentropy` gives the loss of each pixel, and `ops.take(weights, ...)` looks the
# weights up. Mind the last axis of the targets: it has one entry.
#
# </details>


# %% tags=["solution"]
def make_weighted_loss(weights):
    """Return a loss: from targets (N, height, width, 1) and probabilities (N, height, width, classes) to a number.

    It is the mean over all pixels; `weights` (classes,) has one for each class.
    """

    def weighted_loss(targets, probabilities):
        targets = ops.cast(targets[..., 0], "int32")
        losses = keras.losses.sparse_categorical_crossentropy(targets, probabilities)
        return ops.mean(ops.take(ops.convert_to_tensor(weights, "float32"), targets) * losses)

    return weighted_loss


# %% tags=["check"]
done = check_weighted_loss(make_weighted_loss)

# %% nbval={"rtol": 0.1, "atol": 0.05, "figure_rms": 0.2}
if done:
    shares = np.bincount(train_masks.ravel()) / train_masks.size
    weights = 1 / (len(shares) * shares)  # a rare class counts more, a pixel on average 1
    weighted = measure(lesson.get_model, loss=make_weighted_loss(weights))
    show_scores({"all alike": strided, "weighted": weighted})

# %% [markdown] tags=["solution"]
# Now the network finds the outline, and more pixels are wrong in all. Whether that is better depends on what the mask
# is for.

# %% [markdown]
# ## 4. Dice beside cross-entropy
#
# Cross-entropy asks pixel by pixel; what we report is a ratio of areas. The *Dice coefficient* is such a ratio, and a
# soft one, with a gradient. For one class, with probabilities p and truth g, which is 1 at the pixels of the class and
# else 0, it is 2·Σ p·g / (Σ p + Σ g), summed over all pixels of a batch. (IoU is its cousin: D / (2 − D).) Write
# `dice_loss`: 1 minus the mean of the classes' coefficients.
#
# <details><summary>Hint</summary>
#
# `ops.one_hot` turns class numbers into truth. Sum over all axes but the last. A class that is nowhere divides zero by
# zero: add a little to both sides of the fraction.
#
# </details>


# %% tags=["solution"]
def dice_loss(targets, probabilities):
    """Return the loss, in 0-1, of targets (N, height, width, 1) and probabilities (N, height, width, classes)."""
    truth = ops.one_hot(ops.cast(targets[..., 0], "int32"), probabilities.shape[-1])
    both = ops.sum(truth * probabilities, axis=(0, 1, 2))
    sizes = ops.sum(truth + probabilities, axis=(0, 1, 2))
    return 1 - ops.mean((2 * both + 1e-6) / (sizes + 1e-6))


# %% tags=["check"]
done = check_dice(dice_loss)


# %% nbval={"rtol": 0.1, "atol": 0.05, "figure_rms": 0.2}
def dice_and_cross_entropy(targets, probabilities):
    """Return the sum of both losses."""
    return dice_loss(targets, probabilities) + ops.mean(
        keras.losses.sparse_categorical_crossentropy(targets[..., 0], probabilities)
    )


if done:
    both = measure(lesson.get_model, loss=dice_and_cross_entropy)
    show_scores({"cross-entropy": strided, "+ Dice": both})

# %% [markdown] tags=["solution"]
# The outline gains, and nothing is lost: with a coefficient for each class the rare one counts as much as the others,
# and what is claimed too much makes its coefficient smaller. The step size fits this loss as well as the other; it need
# not.

# %% [markdown]
# ## 5. A detector
#
# Detection is the third of the tasks in 9.1, and its labels come free with masks: the box around the animal. First
# write `find_box`. An outline belongs to its animal, and a box around a single pixel has a height and a width of one
# pixel.
#
# <details><summary>Hint</summary>
#
# `inside = mask != 1` marks the pixels of animal and outline. `np.flatnonzero(inside.any(axis=1))` gives the numbers of
# the rows that have some.
#
# </details>


# %% tags=["solution"]
def find_box(mask):
    """Return the box (top, left, bottom, right) around all that is not background, in shares of the sides.

    `mask` (height, width) has three classes: 0 animal, 1 background, 2 outline.
    """
    inside = mask != 1
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    height, width = mask.shape
    return rows[0] / height, columns[0] / width, (rows[-1] + 1) / height, (columns[-1] + 1) / width


# %% tags=["check"]
done = check_box(find_box)

# %% [markdown]
# A box is scored like a mask, by intersection over union.
#
# <details><summary>Hint</summary>
#
# The intersection of two boxes is a box: from the larger of the two tops to the smaller of the two bottoms, and so
# with left and right. When they do not meet, its sides are negative.
#
# </details>


# %% tags=["solution"]
def box_iou(boxes, others):
    """Return the intersection over union, (N,), of boxes (N, 4) with others (N, 4): (top, left, bottom, right)."""

    def area(boxes):
        return np.prod(np.maximum(boxes[:, 2:] - boxes[:, :2], 0), axis=1)

    shared = np.hstack([np.maximum(boxes[:, :2], others[:, :2]), np.minimum(boxes[:, 2:], others[:, 2:])])
    return area(shared) / (area(boxes) + area(others) - area(shared))


# %% tags=["check"]
done = check_box_iou(box_iou) and done

# %% [markdown]
# Then a small network learns to say the four numbers. What would a box get that is the same on every picture, the mean
# of all training boxes? Photographers put their subject into the middle, and so does our drawing.


# %%
def build_detector():
    """Return a network from pictures (N, size, size, 3) in 0-255 to boxes (N, 4)."""
    model = keras.Sequential([keras.Input((IMAGE_SIZE, IMAGE_SIZE, 3)), layers.Rescaling(1 / 127.5, offset=-1)])
    for width in FILTERS:
        model.add(layers.Conv2D(width, 3, strides=2, padding="same", activation="relu"))
    model.add(layers.Flatten())
    model.add(layers.Dense(64, activation="relu"))
    model.add(layers.Dense(4, activation="sigmoid"))
    return model


def train_detector(seed, images, boxes, epochs=8):
    """Return a detector, trained from a seed to give the boxes (N, 4) of images."""
    keras.utils.set_random_seed(seed)
    detector = build_detector()
    rate = keras.optimizers.schedules.CosineDecay(0.001, epochs * math.ceil(len(images) / 32))
    detector.compile(optimizer=keras.optimizers.Adam(rate), loss="mean_absolute_error")
    detector.fit(images, boxes, batch_size=32, epochs=epochs, verbose=0)
    return detector


# %% nbval={"rtol": 0.1}
if done:
    train_boxes, val_boxes = (
        np.array([find_box(mask[..., 0]) for mask in masks]) for masks in (train_masks, val_masks)
    )
    guess = np.broadcast_to(train_boxes.mean(axis=0), val_boxes.shape)
    print(f"always the mean box: IoU {box_iou(guess, val_boxes).mean():.3f}")
    found = [train_detector(seed, train_images, train_boxes).predict(val_images, verbose=0) for seed in progress(SEEDS)]
    means = [box_iou(boxes, val_boxes).mean() for boxes in found]
    print("the detector, from each seed: IoU", ", ".join(f"{mean:.3f}" for mean in means))

# %% nbval={"figure_rms": 0.2}
if done:
    fig, axes = plt.subplots(1, 5, figsize=(11, 2.6), layout="constrained")
    for ax, image, *boxes in zip(axes, val_images, val_boxes, guess, found[0], strict=False):
        plots.show_picture(image, None, ax)
        for (top, left, bottom, right), color in zip(boxes, ("w", "0.5", "C1"), strict=True):
            corner, sides = (
                (left * IMAGE_SIZE, top * IMAGE_SIZE),
                ((right - left) * IMAGE_SIZE, (bottom - top) * IMAGE_SIZE),
            )
            ax.add_patch(plt.Rectangle(corner, *sides, fill=False, color=color, linewidth=2))
    plots.show(fig, "Five pets with their box in white, the mean box in gray and the detector's box in orange")

# %% [markdown] tags=["solution"]
# The mean box is no bad guess, since the pets are large and in the middle. The detector is ahead of it by more than its
# two trainings differ. It cannot tell that there are two animals, or none: for that, detectors predict many boxes, and
# for each how sure they are.
