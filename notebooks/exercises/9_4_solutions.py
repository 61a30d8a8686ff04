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
# # 9.4 Exercises: other heatmaps, and what to make of them
#
# Five questions about [notebook 9.4](../9_4_interpreting_convnets.ipynb), each with a cell for your code, a check that
# says at once what is wrong, and an experiment that shows what came out of it. In `9_4_exercises` your code is missing:
# run it from top to bottom once, which takes a minute, then fill in the cells in any order. `9_4_solutions` is the same
# notebook with an answer to each question and with its results.
#
# | exercise | you write | you see |
# |---|---|---|
# | 1 | HiResCAM | whether its maps are on the animal more than Grad-CAM's |
# | 2 | a gray square over the brightest place | what the network says then |
# | 3 | the mistakes it is surest of | what it was looking at |
# | 4 | a loss for two filters at once | the pattern that both like |
# | 5 | a heatmap by covering places | whether it agrees with Grad-CAM |

# %%
from helpers.start import start_keras

start_keras()
import keras

# %%
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from keras import ops

from helpers import plots
from helpers.dogs_vs_cats import load_split
from helpers.exercises.interpreting import (
    check_both,
    check_cover,
    check_hires_cam,
    check_mistakes,
    check_occlusion,
)
from helpers.grad_cam import choose_layer, class_score, grad_cam, split_at
from helpers.lessons import load_lesson
from helpers.pets import find_annotation, read_mask
from helpers.progress import progress

# %% [markdown]
# ## What is there already
#
# The lesson's mini-Xception, which tells cats from dogs by their heads, small and amid clutter (if notebook 9.4 has
# run, it is not trained again); test pictures that it has not seen, with their masks; and the lesson's functions, like
# `lesson.to_heatmap` and `lesson.lay_over`.

# %% tags=["constants"]
import os

DATA = os.environ.get("DATA", "../../data")  # folder that holds the data sets
BUILD = os.environ.get("BUILD", "../../build")  # folder for models and caches
SEED = 1  # for noise, and for places by chance

# %% nbval={"figure_rms": 0.02, "timeout": 1800}
folders = {"PROFILE": "sample", "DATA": DATA, "BUILD": BUILD}
lesson = load_lesson("9_4_interpreting_convnets", ["setup", "heads"], **folders)
lesson.lesson = architectures = load_lesson("9_3_convnet_architectures", ["setup"], **folders)

# %% nbval={"timeout": 1800, "atol": 0.08}
network, accuracy = lesson.train_mini_xception(architectures.SEED)
SIZE, (paths, test_labels) = lesson.IMAGE_SIZE, lesson.split["test"]
test_images, test_labels = load_split(paths, test_labels, SIZE, cache=Path(BUILD, "cache"))
test_masks = np.stack([read_mask(find_annotation(path, "trimaps"), (SIZE, SIZE)) for path in paths])
print(f"test accuracy {accuracy:.3f}; {test_images.shape} with masks {test_masks.shape}")

# %% [markdown]
# The network is cut in two where its maps have 10 rows: `features` gives the maps, `head` the logit. And what it says
# of each test picture, as the probabilities of cat and dog:

# %% nbval={"rtol": 0.1}
features, head = split_at(network, choose_layer(network, 10))
dogs = network.predict(test_images, verbose=0)[:, 0]
probabilities = np.stack([1 - dogs, dogs], axis=1)
answers = probabilities.argmax(axis=1)
print("maps", features.output.shape[1:])


def share_on_animal(raw, images=slice(None)):
    """Return the share of the energy of raw maps (N, rows, columns), cut at 0, on the animal of some test pictures."""
    heatmaps = lesson.resize(np.maximum(raw, 0).astype("float32"), (SIZE, SIZE))
    masks = test_masks[images]
    return lesson.energy_share(heatmaps, masks == 0, masks != 2)


# %% [markdown]
# ## 1. HiResCAM
#
# Grad-CAM takes the mean of the gradient over a map: one weight for each channel. That is a choice. HiResCAM (Draelos
# and Carin 2020) lets each place keep its own: multiply each value of the maps with its gradient, and take the mean
# over the channels. Write `hires_cam`.
#
# <details><summary>Hint</summary>
#
# It is one line. What is negative speaks against the class, and stays.
#
# </details>


# %% tags=["solution"]
def hires_cam(maps, gradients):
    """Return the raw maps (N, rows, columns) of maps and gradients, arrays (N, rows, columns, channels)."""
    return (maps * gradients).mean(axis=-1)


# %% tags=["check"]
done = check_hires_cam(hires_cam)


# %%
def maps_and_gradients(pictures, classes):
    """Return the maps of pictures (N, SIZE, SIZE, 3), and the gradients of their classes' logits, as arrays."""
    maps = ops.convert_to_tensor(features.predict(pictures, verbose=0))
    with tf.GradientTape() as tape:
        tape.watch(maps)
        scores = class_score(classes)(head(maps, training=False))
    return ops.convert_to_numpy(maps), ops.convert_to_numpy(tape.gradient(scores, maps))


raw = grad_cam(features, head, test_images.astype("float32"), class_score(answers))

# %% nbval={"rtol": 0.25, "figure_rms": 0.3}
if done:
    raw_hires = hires_cam(*maps_and_gradients(test_images, answers))
    for name, maps in {"Grad-CAM": raw, "HiResCAM": raw_hires, "uniform map": np.ones_like(raw)}.items():
        print(f"{name:12} {np.nanmean(share_on_animal(maps)):.2f} of the energy on the animal")
    fig, axes = plt.subplots(2, 6, figsize=(10, 3.6), layout="constrained")
    for row, maps, name in zip(axes, (raw, raw_hires), ("Grad-CAM", "HiResCAM"), strict=True):
        for ax, image, heat in zip(row, test_images[::100], maps[::100], strict=True):
            plots.show_picture(lesson.lay_over(image, lesson.to_heatmap(heat)), name, ax)
    plots.show(fig, "Six test pictures under heatmaps of Grad-CAM and of HiResCAM")

# %% [markdown] tags=["solution"]
# HiResCAM holds more energy on the animal, since a block of convolutions follows the cut, and there places differ in
# what they mean to the answer. Where only global pooling and one dense layer follow the cut, as in most networks, both
# are the same.

# %% [markdown]
# ## 2. Cover the brightest place
#
# If the bright place speaks for the answer, the network should be less sure without it. Write `cover`.
#
# <details><summary>Hint</summary>
#
# `np.unravel_index(heatmap.argmax(), heatmap.shape)` is the brightest place. A slice that begins below 0 counts from
# the other end: `max(0, ...)`.
#
# </details>


# %% tags=["solution"]
def cover(picture, heatmap, side):
    """Return a copy of a picture, uint8 (height, width, 3), with a gray square, 128, of `side` pixels (even).

    Its middle is the brightest place of the heatmap (height, width); what leaves the picture is cut off.
    """
    covered = picture.copy()
    row, column = np.unravel_index(heatmap.argmax(), heatmap.shape)
    half = side // 2
    covered[max(0, row - half) : row + half, max(0, column - half) : column + half] = 128
    return covered


# %% tags=["check"]
done = check_cover(cover)

# %% nbval={"rtol": 0.5, "atol": 0.3, "figure_rms": 0.3}
if done:
    heatmaps = lesson.resize(np.maximum(raw, 0), (SIZE, SIZE))
    places = {"the brightest place": heatmaps, "the middle": [lesson.centred_blob(SIZE, SIZE)] * len(heatmaps)}
    dice = np.random.default_rng(SEED)
    places["a place by chance"] = dice.random(heatmaps.shape)

    def logits_of(pictures):
        """Return for each picture the logit of what the network says of the test picture without a square."""
        logits = head.predict(features.predict(pictures, verbose=0), verbose=0)
        return ops.convert_to_numpy(class_score(answers)(logits))

    fig, axes = plt.subplots(1, 3, figsize=(7, 2.6), layout="constrained")
    for ax, (place, maps) in zip(axes, places.items(), strict=True):
        covered = np.stack([cover(*pair, 20) for pair in zip(test_images, maps, strict=True)])
        fall = np.mean(logits_of(test_images) - logits_of(covered))
        print(f"covering {place}: the logit falls by {fall:.1f}")
        plots.show_picture(covered[0], place, ax)
    plots.show(fig, "A test picture with a gray square over the brightest place, over the middle, and by chance")

# %% [markdown] tags=["solution"]
# The brightest place costs the network most. A square elsewhere does some harm, too: it may hit the head, and gray
# squares are new to the network. That is why the other two places are there.

# %% [markdown]
# ## 3. What it is sure of, and wrong
#
# A heatmap helps most where an answer is wrong. Write `find_mistakes`, and see what the network was looking at when it
# was wrong and sure of it.
#
# <details><summary>Hint</summary>
#
# How sure it is, is the largest probability of a row. `np.argsort` sorts upwards.
#
# </details>


# %% tags=["solution"]
def find_mistakes(probabilities, truth, count):
    """Return the numbers of the `count` wrong answers (or fewer) that the network is surest of, the surest first.

    `probabilities` (N, classes) are the network's answers, `truth` (N,) the right classes.
    """
    wrong = np.flatnonzero(probabilities.argmax(axis=1) != truth)
    return wrong[np.argsort(-probabilities[wrong].max(axis=1), kind="stable")][:count]


# %% tags=["check"]
done = check_mistakes(find_mistakes)

# %% nbval={"figure_rms": 0.5}
if done:
    mistakes = find_mistakes(probabilities, test_labels, 6)
    fig, axes = plt.subplots(2, 6, figsize=(10, 3.8), layout="constrained")
    for (upper, lower), index in zip(axes.T, mistakes, strict=False):
        name = architectures.CLASS_NAMES[answers[index]]
        plots.show_picture(test_images[index], None, upper)
        heat = lesson.lay_over(test_images[index], lesson.to_heatmap(raw[index]))
        plots.show_picture(heat, f"{name}: {probabilities[index].max():.0%}", lower)
    plots.show(fig, "Six wrong answers, the surest first: the pictures, and under the heatmaps of what was said")

# %% [markdown] tags=["solution"]
# In some the light is on the animal, and the network has misread its head. In others it lies on the things beside it: a
# branch, a cushion. The first want more heads to train with, the second more clutter.

# %% [markdown]
# ## 4. Two filters at once
#
# A pattern shows what one filter likes. Is there a picture that two filters like? The sum of their responses will not
# do: the climb would please the one that is easier to please, and forget the other. Write `both`, a number that is
# large only if both responses are.
#
# <details><summary>Hint</summary>
#
# Of two numbers, which one must grow for "both are large" to become true? Stay within `ops`, so that the gradient can
# pass.
#
# </details>


# %% tags=["solution"]
def both(extractor, image, first, second):
    """Return a scalar tensor that is large only if two filters' mean responses to an image are, (1, height, width, 3).

    `extractor(image)` gives the maps (1, rows, columns, filters), `first` and `second` are numbers of filters.
    """
    responses = ops.mean(extractor(image), axis=(0, 1, 2))
    return ops.minimum(responses[first], responses[second])


# %% tags=["check"]
done = check_both(both)


# %%
def climb(loss, steps=40, rate=4.0):
    """Return a picture, uint8 (48, 48, 3), for which a loss of images in [-1, 1] is large, by gradient ascent."""
    image = keras.random.uniform((1, 48, 48, 3), -0.1, 0.1, seed=SEED)
    for step in range(steps):
        image = ops.average_pool(image, 3, strides=1, padding="same") if step % 2 == 0 else image
        with tf.GradientTape() as tape:
            tape.watch(image)
            value = loss(image)
        gradient = tape.gradient(value, image)
        length = ops.maximum(ops.sqrt(ops.sum(gradient**2)), 1e-12)
        image = ops.clip(image + rate * (1 - step / steps) * gradient / length, -1, 1)
    return lesson.deprocess_image(ops.convert_to_numpy(image)[0])


# %% nbval={"figure_rms": 0.4}
if done:
    base = architectures.build_mini_xception(48, lesson.FILTERS, 0.9, rotation=0, zoom=0)  # takes pictures of 48 pixels
    base.set_weights(network.get_weights())
    maps = split_at(base, choose_layer(base, 8))[0]

    def extractor(image):
        """Return the maps of an image in [-1, 1]."""
        return maps(127.5 * (image + 1), training=False)

    first, second = 7, 13
    losses = {
        f"filter {first}": lambda image: both(extractor, image, first, first),
        f"filter {second}": lambda image: both(extractor, image, second, second),
        "both": lambda image: both(extractor, image, first, second),
    }
    fig, axes = plt.subplots(1, 3, figsize=(7.5, 2.7), layout="constrained")
    for ax, (name, loss) in zip(axes, losses.items(), strict=True):
        plots.show_picture(climb(loss), name, ax)
    plots.show(fig, "Patterns that one filter likes, that another likes, and that both like")

# %% [markdown] tags=["solution"]
# The first likes spots, half dark and half bright, the second an even colour. For both there are the spots of the one
# on the colour of the other: not the mean of two pictures, but one in which each finds what it likes. (It is the mean
# over all places that counts, so the two can share the picture out between them.)

# %% [markdown]
# ## 5. A heatmap without a gradient
#
# Put a gray square on one place after the other, and ask each time by how much the score falls (Zeiler and Fergus
# 2014). That needs no gradient and no look inside, only patience: a question to the network for each place. Write
# `occlusion_map`, and see whether it agrees with Grad-CAM.
#
# <details><summary>Hint</summary>
#
# Make a list of covered copies, row by row, and ask for all their scores at once. A square begins (`side` − `step`) / 2
# pixels before its cell, which may be outside of the picture: `max(0, ...)`.
#
# </details>


# %% tags=["solution"]
def occlusion_map(score, picture, side, step):
    """Return the score of a picture less that of the picture with a square over each of its cells, (rows, columns).

    `score` takes pictures (N, height, width, 3) to N numbers. The cells are `step` × `step` pixels, and the picture has
    a whole number of them. The square over a cell is gray, 128, has `side` × `side` pixels and the same middle; what
    leaves the picture is cut off. All sizes are even.
    """
    height, width, _ = picture.shape
    margin = (side - step) // 2
    covered = []
    for top in range(0, height, step):
        for left in range(0, width, step):
            covered.append(picture.copy())
            rows = slice(max(0, top - margin), top + step + margin)
            covered[-1][rows, max(0, left - margin) : left + step + margin] = 128
    falls = score(picture[np.newaxis])[0] - score(np.stack(covered))
    return falls.reshape(height // step, width // step)


# %% tags=["check"]
done = check_occlusion(occlusion_map)

# %% nbval={"rtol": 0.3, "atol": 0.4, "figure_rms": 0.3}
if done:
    some = np.arange(0, len(test_images), 30)

    def logit_of(index):
        """Return a function from pictures to the logit of what the network says of a test picture."""
        sign = 1 if answers[index] else -1  # the one logit is that of "dog"
        return lambda pictures: sign * head.predict(features.predict(pictures, verbose=0), verbose=0)[:, 0]

    occlusion = np.stack([occlusion_map(logit_of(index), test_images[index], 16, 8) for index in progress(some)])
    for name, maps in {"Grad-CAM": raw[some], "occlusion": occlusion}.items():
        print(f"{name:10} {np.nanmean(share_on_animal(maps, some)):.2f} of the energy on the animal")
    agreement = lesson.rank_correlation(raw[some], occlusion)
    print(f"rank correlation of the two maps: {agreement.mean():.2f} in the mean of {len(some)} pictures")
    fig, axes = plt.subplots(2, 6, figsize=(10, 3.6), layout="constrained")
    for (upper, lower), index, hidden in zip(axes.T, some, occlusion, strict=False):
        image = test_images[index]
        plots.show_picture(lesson.lay_over(image, lesson.to_heatmap(raw[index])), "Grad-CAM", upper)
        plots.show_picture(lesson.lay_over(image, lesson.to_heatmap(hidden)), "occlusion", lower)
    plots.show(fig, "Six test pictures under heatmaps of Grad-CAM and under what covering places says")

# %% [markdown] tags=["solution"]
# Both find the head on most pictures, with as much of their energy on it, and yet their ranks agree little: most
# of a picture is background, where both are small and full of noise. Covering asks the network once for each cell, a
# hundred times for each picture; Grad-CAM asks once, and looks inside.
