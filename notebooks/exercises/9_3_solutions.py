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
# # 9.3 Exercises: initialisers, batch norm, and what a difference is worth
#
# Four questions about [notebook 9.3](../9_3_convnet_architectures.ipynb), each with a cell for your code, a check that
# says at once what is wrong, and an experiment that shows what came out of it. In `9_3_exercises` your code is missing:
# run it from top to bottom once, which takes a minute, then fill in the cells in any order. `9_3_solutions` is the same
# notebook with an answer to each question and with its results.
#
# | exercise | you write | you see |
# |---|---|---|
# | 1 | a deep stack with another initialiser | how far the gradient comes back |
# | 2 | how long moving averages take | a network that trains well and validates like chance |
# | 3 | the paired test | whether one network is better than another |
# | 4 | a network on a fixed base | what becomes of it if batch norm is not fixed |

# %%
import os

from helpers.start import start_keras

os.environ["TF_NUM_INTRAOP_THREADS"] = "1"  # networks as small as these train faster on one core than on two
start_keras()
import keras

# %%
import math
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from keras import layers
from scipy.stats import binomtest

import sample_pets
from helpers import plots
from helpers.dogs_vs_cats import list_split, load_split
from helpers.exercises.architectures import check_fine_tuning, check_he_stack, check_paired, check_steps
from helpers.lessons import load_lesson
from helpers.pets import list_pets, load_pets
from helpers.progress import progress

# %% [markdown]
# ## What is there already
#
# The lesson's functions, `lesson.build_stack` and others, and its drawn cats and dogs, at 48 pixels.

# %% tags=["constants"]
import os

DATA = os.environ.get("DATA", "../../data")  # folder that holds the data sets
BUILD = os.environ.get("BUILD", "../../build")  # folder for caches
SIZE = 48  # pixels
FILTERS = (8, 16, 32)  # channels of the blocks
EPOCHS = 4  # passes over the training pictures
BATCH_SIZE = 32  # pictures a step
SEEDS = (1, 2)  # each network is trained from each of them

# %%
lesson = load_lesson("9_3_convnet_architectures", PROFILE="sample", DATA=DATA, BUILD=BUILD)


def load(folder, counts):
    """Return (pictures, labels) of a folder by part, at SIZE pixels: 0 for cats, 1 for dogs."""
    split = list_split(folder, counts)
    return {part: load_split(*files, SIZE, cache=Path(BUILD, "cache")) for part, files in split.items()}


portraits = sample_pets.write_sample_pets(Path(DATA, "sample-dogs-vs-cats"), 2600, portraits=1.0, layout="kaggle")
cats_and_dogs = load(portraits, (800, 200, 300))
for part, (images, labels) in cats_and_dogs.items():
    print(f"{part:10} {images.shape}, {labels.mean():.0%} dogs")

# %% [markdown]
# ## 1. Plain depth
#
# In the lesson's experiment the stack without skips starts from Keras's default initialiser, which was made for layers
# without relu: it keeps the size of a signal, and a relu halves its square. He's initialiser (2015) draws weights with
# twice the variance. Does it bring the gradient back, without skips and without batch norm?
#
# Write `build_he_stack`: like `lesson.build_stack` without skips and batch norm, but the convolutions of the blocks
# have weights drawn by He's initialiser.
#
# <details><summary>Hint</summary>
#
# Keras's layers take the name of an initialiser as `kernel_initializer`; "he_normal" is one of them.
#
# </details>


# %% tags=["solution"]
def build_he_stack(depth, width=16):
    """Return a network from maps (N, 16, 16, 3) to probabilities (N, 1), with `depth` blocks of relu and convolution.

    Before the blocks is a 3×3 convolution called "first", behind them global average pooling and one sigmoid unit.
    """
    inputs = keras.Input((16, 16, 3))
    x = layers.Conv2D(width, 3, padding="same", name="first")(inputs)
    for _ in range(depth):
        x = layers.Activation("relu")(x)
        x = layers.Conv2D(width, 3, padding="same", kernel_initializer="he_normal")(x)
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, layers.Dense(1, activation="sigmoid")(x))


# %% tags=["check"]
done = check_he_stack(build_he_stack)


# %%
def measure_depth(build, depths):
    """Return the gradient norm at the first layer for each depth, the geometric mean over the seeds."""
    images = keras.random.uniform((8, 16, 16, 3), seed=0)
    norms = []
    for depth in progress(depths, desc=build.__name__):
        each = []
        for seed in SEEDS:
            keras.utils.set_random_seed(seed)
            each.append(lesson.first_gradient_norm(build(depth), images, np.arange(8)[:, None] % 2))
        norms.append(math.exp(np.mean(np.log(each))))
    return norms


def default_stack(depth):
    """Return the lesson's stack without skips, from Keras's default initialiser."""
    return lesson.build_stack(depth, skips=False)


# %% nbval={"rtol": 0.05, "figure_rms": 0.02}
if done:
    depths = (4, 8, 16, 32, 64)
    norms = {"Keras's default": measure_depth(default_stack, depths), "He": measure_depth(build_he_stack, depths)}
    fig, ax = plt.subplots(figsize=(6, 3.4), layout="constrained")
    plots.show_lines(norms, depths, ax)
    ax.set(xscale="log", yscale="log", xlabel="blocks", ylabel="gradient norm at the first layer")
    ax.set_xticks(depths, depths, minor=False)
    ax.minorticks_off()
    plots.show(fig, "Gradient norm against depth for both initialisers")
    for name, values in norms.items():
        print(f"{name:16}", "  ".join(f"{value:.1e}" for value in values))

# %% [markdown] tags=["solution"]
# With He's initialiser the gradient arrives: at all depths it has nearly the same size. But the initialiser cares for
# the first step only; once weights move, nothing holds the balance. Skips and batch norm care for all steps.

# %% [markdown]
# ## 2. How long is a moving average's way?
#
# The lesson's mini-Xception, small, is trained with two momenta of batch norm, and from two seeds with each.


# %%
def train(model, images, labels, epochs, learning_rate=0.002, **options):
    """Train a classifier of two classes with steps that shrink to nothing; return its history."""
    rate = keras.optimizers.schedules.CosineDecay(learning_rate, epochs * math.ceil(len(images) / BATCH_SIZE))
    model.compile(optimizer=keras.optimizers.RMSprop(rate), loss="binary_crossentropy", metrics=["accuracy"])
    return model.fit(images, labels, batch_size=BATCH_SIZE, epochs=epochs, verbose=0, **options).history


def train_mini_xception(momentum, seed):
    """Return the lesson's mini-Xception, trained on cats and dogs from a seed, and its history."""
    keras.utils.set_random_seed(seed)
    model = lesson.build_mini_xception(SIZE, FILTERS, momentum, rotation=0, zoom=0)
    return model, train(model, *cats_and_dogs["train"], EPOCHS, validation_data=cats_and_dogs["validation"])


trained = {
    momentum: [train_mini_xception(momentum, seed) for seed in SEEDS]
    for momentum in progress((0.9, 0.99), desc="Training", unit="momentum")
}


# %% [markdown]
# Batch norm's moving averages start at mean 0 and variance 1, and keep the share *momentum* of what they are at every
# batch. After *n* batches, which share of the way to the data's mean have they gone? Turn it round, and write
# `count_batches`.
#
# <details><summary>Hint</summary>
#
# What is left of the way is multiplied with the momentum at each batch. A logarithm tells how often until it is small
# enough, and `math.ceil` rounds up.
#
# </details>


# %% tags=["solution"]
def count_batches(momentum, share):
    """Return the least number of batches, an int, after which a moving average has gone at least `share` of its way."""
    return math.ceil(math.log(1 - share) / math.log(momentum))


# %% tags=["check"]
done = check_steps(count_batches)


# %% nbval={"rtol": 0.15, "figure_rms": 0.2}
if done:
    fig, axes = plt.subplots(1, 2, figsize=(9, 3.2), sharey=True, layout="constrained")
    per_epoch = math.ceil(len(cats_and_dogs["train"][0]) / BATCH_SIZE)
    for ax, (momentum, networks) in zip(axes, trained.items(), strict=True):
        for _, history in networks:
            ax.plot(range(1, EPOCHS + 1), history["accuracy"], "--", color="C0")
            ax.plot(range(1, EPOCHS + 1), history["val_accuracy"], "-o", color="C1")
        arrived = count_batches(momentum, 0.99) / per_epoch
        ax.axvline(arrived, color="0.6", linestyle=":")
        ax.xaxis.get_major_locator().set_params(integer=True)
        ax.set(xlabel="epoch", ylabel="accuracy", title=f"momentum {momentum}: there after {arrived:.1f} epochs")
    axes[1].legend(["training", "validation"])  # the first two lines; those of the other seed look the same
    plots.show(fig, "Training accuracy (dashed) and validation accuracy for two momenta, a line for each seed")

# %% [markdown] tags=["solution"]
# The training curves are the same, for training does not use the averages. With 0.99 they would be there after more
# than twice the epochs that we train: the validation curves tell nothing about the network, only that its averages are
# late.

# %% [markdown]
# ## 3. Is the difference real?
#
# Both momenta have given us networks; is one of them *better*? Both judge the same test pictures. The pictures on which
# they agree say nothing about which is better. Of the others, if the two are equally good, each falls to either side
# like a fair coin: McNemar's exact test. Write `compare`.
#
# <details><summary>Hint</summary>
#
# `binomtest(k, n).pvalue` tells how often a fair coin, thrown n times, falls at least as unevenly as k to n − k. It
# wants n to be at least 1.
#
# </details>


# %% tags=["solution"]
def compare(first, second):
    """Compare two networks on the same N pictures; `first` and `second` (N,) tell which each gets right, as bool.

    Returns how many pictures only the first gets right, how many only the second, and the two-sided p-value: 1 if there
    is no such picture.
    """
    only_first, only_second = int(np.sum(first & ~second)), int(np.sum(second & ~first))
    differ = only_first + only_second
    return only_first, only_second, binomtest(only_first, differ).pvalue if differ else 1.0


# %% tags=["check"]
done = check_paired(compare)


# %% nbval={"atol": 0.08}
if done:
    images, labels = cats_and_dogs["test"]
    right = {
        f"momentum {momentum}, seed {seed}": (model.predict(images, verbose=0)[:, 0] > 0.5) == labels
        for momentum, networks in trained.items()
        for seed, (model, _) in zip(SEEDS, networks, strict=True)
    }
    for name, answers in right.items():
        print(f"{name}: accuracy {answers.mean():.2f}")
    first, again, other, _ = right
    *_, p_value = compare(right[first], right[other])
    print(f"{first} against {other}: p = {p_value:.2g}")

# %% [markdown]
# And two networks of the *same* recipe, from two seeds?

# %% nbval={"atol": 1, "reason": "chance decides the number: other processors have 0.7"}
if done:
    *_, p_value = compare(right[first], right[again])
    print(f"{first} against {again}: p = {p_value:.2g}")

# %% [markdown] tags=["solution"]
# That this network with 0.9 is better than this one with 0.99 is beyond doubt. But in this run the two of one recipe
# differ by more than a coin easily would, too. (On another processor they may not.) The test speaks of these two
# networks and of other pictures. It cannot say that one recipe is better than another: for that, train each several
# times.

# %% [markdown]
# ## 4. A fixed base
#
# A network that has learned one thing can help with another: its last layer is cut off, the rest, the *base*, is kept
# as it is, and a new last layer learns from few pictures. The book says to keep batch norm frozen, too. Is that so
# important?
#
# Write `build_fine_tuned`. The base that it gets is cut already: it gives maps. We try it both ways, so it must work
# with a copy, and leave the base itself alone. In Keras a layer with `trainable = False` keeps its weights, and a batch
# norm with `trainable = False` also uses its moving averages, in training, too.
#
# <details><summary>Hint</summary>
#
# `keras.models.clone_model` copies the layers, but draws new weights: `set_weights` and `get_weights` bring the old
# ones. Then go through the copy's layers and say of each whether it is trainable.
#
# </details>


# %% tags=["solution"]
def build_fine_tuned(base, freeze_batch_norm):
    """Return a network to probabilities (N, 1): a copy of a base, average pooling, and a new sigmoid unit.

    `base` gives maps (N, rows, columns, channels). No convolution of its copy, separable or not, is trained. If
    `freeze_batch_norm`, nothing of its batch norms changes in training. If not, their scales and offsets are trained,
    and their moving averages follow the new pictures.
    """
    copy = keras.models.clone_model(base)
    copy.set_weights(base.get_weights())
    for layer in copy.layers:
        layer.trainable = isinstance(layer, layers.BatchNormalization) and not freeze_batch_norm
    x = layers.GlobalAveragePooling2D()(copy.output)
    return keras.Model(copy.input, layers.Dense(1, activation="sigmoid")(x))


# %% tags=["check"]
done = check_fine_tuning(build_fine_tuned)

# %% [markdown]
# The base is what exercise 2 has trained to tell cats from dogs. Its new task: is the animal near or far, that is, does
# it cover more of the picture than the animal does in half of the pictures? We have 200 pictures of whole pets to train
# with, and the same ones as they would look at night, at a quarter of the light.

# %%
pets, trimaps = list_pets(sample_pets.write_sample_pets(Path(DATA, "sample-pets"), 3000))
chosen = np.random.default_rng(0).permutation(len(pets))[:800]
by_day, masks, _ = load_pets([pets[i] for i in chosen], [trimaps[i] for i in chosen], SIZE, 3, Path(BUILD, "cache"))
covered = np.mean(masks == 0, axis=(1, 2, 3))
is_near = (covered > np.median(covered)).astype("uint8")
pictures = {"by day": by_day, "at night": by_day // 4}
fig, axes = plt.subplots(1, 6, figsize=(10, 2), layout="constrained")
for ax, number in zip(axes, (0, 0, 1, 1, 2, 2), strict=True):
    when = "by day" if ax in axes[::2] else "at night"
    plots.show_picture(pictures[when][number], f"{'near' if is_near[number] else 'far'}, {when}", ax)
plots.show(fig, "Three pets by day and at night")

# %% nbval={"rtol": 0.15, "figure_rms": 0.2}
if done:
    accuracy = {"frozen": [], "not frozen": []}
    for when, images in pictures.items():
        for name, scores in accuracy.items():
            tested = []
            for seed, (model, _) in zip(SEEDS, trained[0.9], strict=True):
                keras.utils.set_random_seed(seed)
                pooling = next(layer for layer in model.layers if isinstance(layer, layers.GlobalAveragePooling2D))
                tuned = build_fine_tuned(keras.Model(model.input, pooling.input), name == "frozen")
                train(tuned, images[:200], is_near[:200], epochs=12, learning_rate=0.01)
                tested.append(tuned.evaluate(images[200:], is_near[200:], verbose=0)[1])
            scores.append(np.mean(tested))
            each = ", ".join(f"{score:.2f}" for score in tested)
            print(f"{when:8}, batch norm {name:10}: test accuracy {np.mean(tested):.2f}, of each seed {each}")
    fig, ax = plt.subplots(figsize=(5, 2.8), layout="constrained")
    plots.show_bars(accuracy, list(pictures), ax, ylabel="test accuracy")
    ax.axhline(0.5, color="0.6", linestyle=":")
    ax.set_ylim(0, 1)
    plots.show(fig, "Test accuracy by day and at night, with batch norm frozen and not")

# %% [markdown] tags=["solution"]
# By day it makes little difference. At night the frozen averages are those of pictures four times as bright: every
# channel comes out shifted, and the base's maps say less. Not frozen, they follow, and the night is as good as the day.
# So the rule depends on the new pictures. If they are like the old ones, or too few for good averages, freeze; if they
# are of another kind, the averages have to move.
