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
# # 9.3 Convnet architecture patterns: what makes deep networks work?
#
# Three small inventions separate a modern convnet from a plain stack of convolutions: residual connections, batch
# normalisation, and depthwise separable convolutions. We take each of them apart and measure what it is said to do.
# Then we put them together into a mini-Xception, let it compete with a plain network at telling cats from dogs, and
# finally remove the parts again, one by one and in all combinations, to see which of them the result comes from.
#
# This notebook accompanies section 9.3 of François Chollet's *Deep Learning with Python*, 2nd edition. A cell that is a
# listing, a step or a figure of the book begins with its number. Steps are code of the book without a number: here they
# are counted.
#
# | section of the book | what | cells | minutes |
# |---|---|---|---|
# | 9.3.1 Modularity, hierarchy, reuse | VGG16's pyramid | 5 | under 0.1 |
# | 9.3.2 Residual connections | Listings 9.1 to 9.3; does the gradient survive? | 6–15 | 0.1 |
# | 9.3.3 Batch normalisation | Listings 9.4 and 9.5; its two modes | 16–26 | 0.1 |
# | 9.3.4 Depthwise separable convolutions | weights and time | 27–32 | 0.1 |
# | 9.3.5 A mini-Xception | against the plain convnet | 33–50 | 1.1 |
#
# Then follows, nearly as long as all of these, what section 9.3.1 recommends in its sidebar: an ablation.
#
# | profile | data | time |
# |---|---|---|
# | `sample` | 2,600 cats and dogs drawn by this project's own code | two to seven minutes on two cores |
# | `photos` | 5,000 photographs, [Dogs vs. Cats](https://www.kaggle.com/c/dogs-vs-cats) | a quarter of an hour |
# | `book` | the same, at the book's size | meant for a GPU |
#
# Licences: the drawn animals are as free as the code (MIT). Dogs vs. Cats comes under the terms of Microsoft Research
# and of the Kaggle competition; the photographs belong to their owners.

# %% [markdown]
# ## Settings
#
# The numbers that matter most are *knobs* in the next cell. Change one and run the notebook again from there. A
# knob has up to three values: for the quick `sample` profile, for `photos`, which is as large as a laptop can bear, and
# the book's. (`photos` has the book's where it names none of its own.)

# %% tags=["parameters"]
import os

from helpers.knobs import profile_values

PROFILE = os.environ.get("PROFILE", "sample")  # "sample": minutes; "photos": a quarter of an hour; "book": hours
knob = profile_values(PROFILE)

PICTURES = knob(sample=(800, 200, 300), book=(1000, 500, 1000))  # of each class: to train, to validate, to test
IMAGE_SIZE = knob(sample=96, photos=112, book=180)  # pixels; with its five levels the baseline needs 78 at least
# Channels of the mini-Xception's blocks.
FILTERS = knob(sample=(8, 16, 32, 64, 128), photos=(16, 32, 64, 128, 256), book=(32, 64, 128, 256, 512))
MOMENTUM = knob(sample=0.9, photos=0.9, book=0.99)  # of batch norm's moving averages: how much each step keeps
EPOCHS = knob(sample=4, photos=32, book=100)  # passes over the training pictures, for both networks
BATCH_SIZE = 32  # pictures a step: the smaller, the more steps an epoch
LEARNING_RATE = knob(sample=0.002, photos=0.002, book=0.001)  # size of the first step; 0.001 is RMSprop's default
SEED = 1337  # for the weights and the order of the pictures

# %% [markdown]
# Where things lie, and what computes. These need to be changed less often.

# %% tags=["constants"]
DATA = os.environ.get("DATA", "../data")  # folder that holds the data sets
BUILD = os.environ.get("BUILD", "../build")  # folder for models, caches and results
PRECISION = knob(sample="float32", photos="float32", book="fastest")  # or "mixed_bfloat16"; "fastest": what suits here
DEVICES = 1  # GPUs that share each batch; without a GPU the processor stands in for that many

# %% [markdown]
# The versions matter when you compare numbers: the outputs stored here come from the ones that the repository's lock
# file names.

# %% tags=["nbval-ignore-output"] nbval={"reason": "versions: CI has three Pythons, and each week the newest releases"}
import platform

import numpy as np

from helpers.start import start_keras

start_keras(DEVICES)  # quietly: TensorFlow's messages would end up among the outputs
import keras

print(f"Python {platform.python_version()}, Keras {keras.__version__} on {keras.backend.backend()}")
print(f"NumPy {np.__version__}")

# %% tags=["setup"]
import itertools
import math
import time
from pathlib import Path

import matplotlib.pyplot as plt
import tensorflow as tf
from keras import layers
from scipy.stats import binomtest

import sample_pets
from helpers import devices, drawings, plots
from helpers.dogs_vs_cats import CLASS_NAMES, list_split, load_split
from helpers.knobs import watch_knobs
from helpers.lessons import note_knobs
from helpers.progress import progress, training_progress
from helpers.results import read_measured, save_results
from helpers.training import Batches, Resume, feed, find_folder

watch_knobs("9_3", globals())  # a value that cannot be right is named, not met deep inside
MODELS = Path(BUILD, "models", PROFILE)
keras.utils.clear_session()  # layers are numbered from the start again
keras.utils.set_random_seed(SEED)

# %% [markdown]
# ## 9.3.1 Modularity, hierarchy, reuse
#
# A complex system that people can understand is nearly always built in the same way: small *modules* that do one
# thing, a *hierarchy* that makes larger modules of them, and *reuse* of the same module in many places. Convnets are
# no exception. Layers form blocks, blocks are repeated, and the repeated blocks form a pyramid: maps get smaller, and
# the number of filters grows. Such an architecture is prior knowledge: it fixes the *hypothesis space*, all functions
# that training can choose from, and a good one makes the search easy.
#
# VGG16 (2014) shows it in its plainest form. We ask Keras's own object for its layers and draw what it says. (The
# book's figure 9.7, a hierarchy of modules, is not drawn again.)

# %% tags=["figure-9.8"]
# Figure 9.8
vgg16 = keras.applications.VGG16(weights=None, include_top=False, input_shape=(224, 224, 3))
fig, ax = plt.subplots(figsize=(9, 3.6), layout="constrained")
drawings.draw_pyramid(vgg16, ax)
plots.show(fig, "VGG16's layers as boxes: from block to block half as high and twice as wide, the last one as wide")

# %% [markdown]
# **Figure 9.8.** VGG16's thirteen convolutions, and the max pooling behind each of the five blocks. A box is as high as
# the map it puts out; a convolution is the wider, the more filters it has. Five blocks of the same making: only the
# numbers change, each pooling halves the side, the filters double up to 512. And all of it is narrow and deep: two or
# three convolutions one after the other rather than a single one with more filters. A deep stack of narrow layers does
# better than a shallow stack of wide ones.
#
# If a hierarchy of blocks is good, why not a much deeper one? Because of *vanishing gradients*: the error signal has
# to come back through every layer, and each of them weakens and blurs it. The next two sections are about keeping it
# alive.
#
# > **Ablation.** Architectures are often a pile of ideas, and not all of them matter. If a system of parts X, Y and Z
# > works, try X, Y, Z, X + Y, X + Z and Y + Z as well. Few papers do it; at the end of this notebook, we do.

# %% [markdown]
# > **Predict, then run.** VGG16 takes 224×224 pixels. On maps of which side do the convolutions of its fourth
# > block work, and how many filters have they?
# >
# > <details><summary>Answer</summary>
# >
# > 28×28, with 512 filters: three poolings came before, and the number of filters has doubled three times, from 64.
# >
# > </details>

# %% [markdown]
# ## 9.3.2 Residual connections
#
# A deep network is a chain of functions, `f4(f3(f2(f1(x))))`. To adjust `f1`, the error has to travel back through
# `f4`, `f3` and `f2`, and arrives weaker and noisier the longer the chain. A *residual connection* (He et al. 2015)
# adds a block's input to its output: the block then only has to learn what to *change*, and the error has a way back
# around it.

# %% tags=["figure-9.9"]
# Figure 9.9
fig, ax = plt.subplots(figsize=(8, 1.9), layout="constrained")
drawings.draw_residual_block(ax)
plots.show(fig, "A block of convolutions, and an arrow around it that takes its input to the addition behind it")

# %% [markdown]
# **Figure 9.9.** Forwards, the input goes through the block and around it. Backwards, the gradient does the same, and
# the way around multiplies it by exactly one.
#
# In code it is three steps: keep the input, compute, add.

# %% tags=["listing-9.1"]
# Listing 9.1
x = keras.random.uniform((1, 32, 32, 16), seed=SEED)
residual = x
x = layers.Conv2D(16, 3, padding="same", activation="relu")(x)
x = layers.add([x, residual])
print(x.shape)

# %% [markdown]
# What is added must have the same shape. If the block changes the number of filters, the skip follows with a 1×1
# convolution, a *projection*. It has no activation: the way around should stay as linear as possible. (The book calls
# the projected skip `residual` again.)

# %% tags=["listing-9.2"]
# Listing 9.2
inputs = keras.Input((32, 32, 3))
x = layers.Conv2D(32, 3, activation="relu")(inputs)
residual = x
x = layers.Conv2D(64, 3, padding="same", activation="relu")(x)
projected = layers.Conv2D(64, 1)(residual)
x = layers.add([x, projected])
print(residual.shape, "projected to", projected.shape)

# %% [markdown]
# If the block halves its maps, the projection strides: the same 1×1 convolution, at every second place.

# %% tags=["listing-9.3"]
# Listing 9.3
inputs = keras.Input((32, 32, 3))
x = layers.Conv2D(32, 3, activation="relu")(inputs)
residual = x
x = layers.Conv2D(64, 3, padding="same", activation="relu")(x)
x = layers.MaxPooling2D(2, padding="same")(x)
projected = layers.Conv2D(64, 1, strides=2)(residual)
x = layers.add([x, projected])
print(residual.shape, "projected to", projected.shape)

# %% [markdown]
# All three cases in one function, and three such blocks in a small network.


# %% tags=["step-9.3-1"]
# Step 9.3-1
def residual_block(x, filters, pooling=False):
    """Return maps with `filters` channels, halved in side (rounded up) if `pooling`; the skip follows where it must."""
    residual = x
    x = layers.Conv2D(filters, 3, activation="relu", padding="same")(x)
    x = layers.Conv2D(filters, 3, activation="relu", padding="same")(x)
    if pooling:
        x = layers.MaxPooling2D(2, padding="same")(x)
        residual = layers.Conv2D(filters, 1, strides=2)(residual)
    elif residual.shape[-1] != filters:
        residual = layers.Conv2D(filters, 1)(residual)
    return layers.add([x, residual])


def build_residual_network():
    """Return a network from pictures (N, 32, 32, 3) in 0-255 to probabilities (N, 1)."""
    inputs = keras.Input((32, 32, 3))
    x = layers.Rescaling(1 / 255)(inputs)
    x = residual_block(x, 32, pooling=True)
    x = residual_block(x, 64, pooling=True)
    x = residual_block(x, 128)
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, layers.Dense(1, activation="sigmoid")(x), name="residual")


residual_network = build_residual_network()
residual_network.summary()

# %% [markdown]
# The three projections are where the shapes change: twice where the block halves its maps, once where only the number
# of filters changes. The book gives the total.

# %% tags=["claim-7"]
weighted = [layer for layer in residual_network.layers if layer.count_params()]
print(f"{residual_network.count_params():,} parameters, the book says 297,697")
print("by layer:", " · ".join(f"{layer.count_params():,}" for layer in weighted))

# %% [markdown]
# ### Does the gradient survive?
#
# That is the promise; now we measure. We stack the same small block 4, 8, … 64 times, with and without skips, with and
# without batch normalisation (the subject of the next section). For each network, before any training, with the random
# weights that Keras's *initialiser* draws, we ask: how large is the gradient that arrives at the very first
# convolution?


# %% tags=["claim-8"]
def build_stack(depth, skips, batch_norm=False, width=16):
    """Return a network from maps (N, 16, 16, 3) to probabilities (N, 1), with `depth` blocks of one convolution."""
    inputs = keras.Input((16, 16, 3))
    x = layers.Conv2D(width, 3, padding="same", name="first")(inputs)
    for _ in range(depth):
        residual = x
        x = layers.BatchNormalization()(x) if batch_norm else x
        x = layers.Activation("relu")(x)
        x = layers.Conv2D(width, 3, padding="same")(x)
        x = layers.add([x, residual]) if skips else x
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, layers.Dense(1, activation="sigmoid")(x))


def first_gradient_norm(network, images, labels):
    """Return the L2 norm of the loss's gradient with respect to the weights of the layer "first", a float."""
    with tf.GradientTape() as tape:
        loss = keras.losses.BinaryCrossentropy()(labels, network(images, training=True))
    gradient = keras.ops.convert_to_numpy(tape.gradient(loss, network.get_layer("first").kernel))
    return float(np.linalg.norm(gradient.astype("float64")))  # in float32 small squares would become 0


# %% tags=["constants"]
DEPTHS = (4, 8, 16, 32, 64)  # numbers of blocks in the experiment on gradients

# %% tags=["claim-8"] nbval={"rtol": 0.05}
KINDS = {
    "no skips": {"skips": False},
    "skips": {"skips": True},
    "batch norm": {"skips": False, "batch_norm": True},
    "skips and batch norm": {"skips": True, "batch_norm": True},
}
images, labels = keras.random.uniform((8, 16, 16, 3), seed=SEED), np.arange(8)[:, None] % 2
gradient_norms = {kind: [] for kind in KINDS}
for kind, depth in progress(list(itertools.product(KINDS, DEPTHS)), desc="Measuring gradients"):
    keras.utils.set_random_seed(SEED)
    gradient_norms[kind].append(first_gradient_norm(build_stack(depth, **KINDS[kind]), images, labels))
for kind, norms in gradient_norms.items():
    print(f"{kind:21}", "  ".join(f"{norm:.1e}" for norm in norms))

# %% tags=["claim-8"] nbval={"figure_rms": 0.02}
fig, ax = plt.subplots(figsize=(6.5, 3.8), layout="constrained")
plots.show_lines(gradient_norms, DEPTHS, ax)
ax.set(xscale="log", yscale="log", ylim=(1e-15, 1e6), xlabel="blocks", ylabel="gradient norm at the first layer")
ax.set_xticks(DEPTHS, DEPTHS, minor=False)
ax.minorticks_off()
plots.show(
    fig, "Gradient norm against depth: it vanishes in the plain stack, and changes least with skips and batch norm"
)

# %% [markdown]
# Mind the axis: it spans 21 powers of ten. From Keras's default initialiser, the gradient without skips shrinks by
# about half with every two blocks: in the deepest stack the steps are far too small to change any weight. With skips it
# does not vanish; it grows, for every addition makes the values of the maps a little larger. Batch norm alone lets it
# grow as well. With the two together it changes least: about eleven-fold from the shallowest stack to the deepest. So
# the next section is about the second of them.

# %% [markdown]
# > **Predict, then run.** A skip has 32 channels, the block puts out 64. How many parameters has the projection,
# > a 1×1 convolution with bias?
# >
# > <details><summary>Answer</summary>
# >
# > 2,112: a weight for each pair of channels, 32·64, and 64 biases.
# >
# > </details>

# %% [markdown]
# ## 9.3.3 Batch normalisation
#
# Inputs that are centred around zero and scaled to a standard deviation of one are easier to learn from. For the data
# themselves that is done once, before training:

# %% tags=["step-9.3-2"]
# Step 9.3-2
dice = np.random.default_rng(SEED)
data = dice.normal(loc=[-4, 0, 2, 10], scale=[1, 0.5, 3, 2], size=(512, 4)).astype("float32")
normalised = (data - np.mean(data, axis=0)) / np.std(data, axis=0)


def describe(values):
    """Return mean and standard deviation of each channel as text."""
    values = keras.ops.convert_to_numpy(values)
    return (
        f"mean {np.round(values.mean(0), 1) + 0.0} standard deviation {np.round(values.std(0), 1)}"  # + 0.0: no "-0."
    )


print("data:      ", describe(data))
print("normalised:", describe(normalised))

# %% [markdown]
# But what is centred when it enters a network need not be so after three layers of weights that move all the time.
# `BatchNormalization` (Ioffe and Szegedy 2015) does the same again between the layers, for every channel, at every
# step. In *training* it uses the mean and variance of the batch at hand. In *inference* there may be no batch, only
# one picture, so it uses *moving averages* that it collected during training. Why it helps so much is still disputed;
# that it steadies the gradient, together with skips, we have just seen. (On a processor, `start_keras` at the top
# lets this layer train by one operation of TensorFlow in place of a dozen small ones; what it computes is the same
# but for rounding.)
#
# The layer also trains two weights per channel, a new scale and a new offset; Keras counts the two moving averages as
# well. The offset does the work of a bias, so the convolution before it goes without one.

# %% tags=["step-9.3-3"]
# Step 9.3-3
x = keras.Input((32, 32, 3))
convolution = layers.Conv2D(32, 3, use_bias=False)
normalise = layers.BatchNormalization()
output = normalise(convolution(x))
print(
    convolution.count_params(), "weights in the convolution, no bias;", normalise.count_params(), "in the batch norm:"
)
print(", ".join(f"{weight.name} {weight.shape[0]}" for weight in normalise.weights))

# %% [markdown]
# Is the bias really useless? We give a convolution a bias, change it as wildly as we like, and look at what comes out
# of the batch norm behind it.

# %% tags=["claim-9", "useless-bias"]
pictures = keras.random.uniform((8, 32, 32, 3), seed=SEED)
convolution, normalise = layers.Conv2D(32, 3), layers.BatchNormalization()
before = normalise(convolution(pictures), training=True)
convolution.bias.assign(keras.random.normal((32,), stddev=3, seed=SEED))
after = normalise(convolution(pictures), training=True)
print(f"the bias moves the maps by up to {keras.ops.max(keras.ops.abs(convolution.bias)):.1f}")
print(f"and what batch norm puts out by up to {keras.ops.max(keras.ops.abs(after - before)):.3f}")

# %% [markdown]
# Whatever the bias adds, the mean takes away again.
#
# ### Training and inference
#
# One layer, the data from above, and both modes: first fresh, then after it has seen `BATCHES` batches.

# %% tags=["constants"]
BATCHES = 500  # that batch norm sees in the experiment on its moving averages

# %% tags=["claim-9", "two-modes"]
normalise = layers.BatchNormalization()
batches = [data[dice.integers(len(data), size=32)] for _ in range(BATCHES)]
print("fresh, inference:", describe(normalise(data, training=False)))
print("fresh, training: ", describe(normalise(data, training=True)))
for batch in batches:
    normalise(batch, training=True)
print("later, inference:", describe(normalise(data, training=False)))

# %% [markdown]
# In training mode the output is normalised from the first batch on. In inference mode a fresh layer lets the data
# pass as it is, for its moving averages still stand at mean 0 and variance 1. How long until they have arrived?

# %% tags=["claim-9", "moving-averages"]
moving_means = {}
for momentum in sorted({0.99, MOMENTUM}):
    normalise = layers.BatchNormalization(momentum=momentum)
    moving_means[momentum] = []
    for batch in batches:
        normalise(batch, training=True)
        moving_means[momentum].append(float(normalise.moving_mean[3]))

# %% tags=["moving-averages"] nbval={"figure_rms": 0.01}
fig, ax = plt.subplots(figsize=(7, 3.6), layout="constrained")
seen_batches, mean = np.arange(1, BATCHES + 1), data[:, 3].mean()
for momentum, means in moving_means.items():
    ax.plot(seen_batches, means, label=f"momentum {momentum}")
    ax.plot(seen_batches, mean * (1 - momentum**seen_batches), ":", color="0.3")
ax.axhline(mean, color="0.7", linewidth=1, label="mean of the data")
ax.set(xlabel="batches seen", ylabel="moving mean of channel 3")
ax.legend(fontsize=8)
plots.show(fig, "Moving averages rise towards the mean of the data: slowly and smoothly, or fast and with noise")

# %% [markdown]
# A moving average keeps the share *momentum* of its old value at every step, so after *n* steps 1 − momentum*ⁿ* of the
# way is done: the dotted lines. Keras's 0.99 needs hundreds of steps to come within one percent. That is nothing in the
# thousands of steps of the book's training, but in a run of a few hundred the averages lag behind weights that still
# move fast, and a network that trains well looks like chance when it is validated. A momentum of 0.9 follows ten times
# as fast, and is noisier. Hence the knob `MOMENTUM`: 0.9 in the short `sample` profile, 0.99 in the book's.
#
# ### The order of things
#
# Where does the activation go? A relu keeps what is above zero and drops what is below. Behind batch norm its input is
# centred at zero, so both its halves are used. (A relu is *open* where its input is above zero.) The first order below
# has the activation inside the convolution, before the batch norm; the second has it after.

# %% tags=["listing-9.4"]
# Listing 9.4
x = layers.Conv2D(32, 3, activation="relu")(pictures)
activation_first = layers.BatchNormalization()(x, training=True)
positive_early = keras.ops.convert_to_numpy(keras.ops.mean(x > 0, axis=(0, 1, 2)))

# %% tags=["listing-9.5"]
# Listing 9.5
x = layers.Conv2D(32, 3, use_bias=False)(pictures)
x = layers.BatchNormalization()(x, training=True)
activation_last = layers.Activation("relu")(x)
positive_late = keras.ops.convert_to_numpy(keras.ops.mean(x > 0, axis=(0, 1, 2)))

# %% tags=["order-of-layers"] nbval={"figure_rms": 0.02}
fig, ax = plt.subplots(figsize=(6.5, 3.2), layout="constrained")
shares = {"activation before batch norm": positive_early, "activation after batch norm": positive_late}
plots.show_lines({name: np.sort(values) for name, values in shares.items()}, range(1, 33), ax)
ax.set(xlabel="channels, in the order of their shares", ylabel="share of open places", ylim=(-0.02, 1.02))
plots.show(
    fig, "Before batch norm some relus are open nearly everywhere or nowhere, after it each at half of the places"
)

# %% [markdown]
# Before batch norm, some relus are open nearly everywhere, which makes them hardly an activation at all, or nearly
# nowhere, which makes them all but dead. After it, each is open at about half of the places: where it can make a
# difference. Both orders are found in practice; from here on we use the second: batch norm, then activation. (The
# mini-Xception's blocks *begin* with the two, so that they also normalise what the addition before puts out.)
#
# ### Fine-tuning: keep it frozen
#
# When a pretrained network is fine-tuned, the convolutions around batch norm get very small updates, and moving
# averages that adapt to the new pictures would disturb them. So batch norm stays frozen: that is the book's reason.
# In Keras, `trainable = False` does more for this layer than for any other. It not only fixes the weights, it also
# switches the layer to inference mode, even inside `fit`.

# %% tags=["claim-9", "frozen"]
new_data = data[:32] * 3 + 5
for frozen in (False, True):
    normalise = layers.BatchNormalization(momentum=0.9)
    for batch in batches[:100]:
        normalise(batch, training=True)
    normalise.trainable = not frozen
    before = keras.ops.convert_to_numpy(normalise.moving_mean).copy()
    output = keras.ops.convert_to_numpy(normalise(new_data, training=True))
    moved = np.abs(keras.ops.convert_to_numpy(normalise.moving_mean) - before).max()
    name = "frozen" if frozen else "not frozen"
    print(f"{name:10}  moving means change by {moved:.2f}; output mean {output.mean():.1f}")

# %% [markdown]
# Not frozen, one odd batch pulls the averages along, and the output is centred on that batch, as if it were nothing
# special. Frozen, nothing moves, and the network sees that these data are larger than those it knows.

# %% [markdown]
# > **Predict, then run.** A batch norm normalises 32 channels. How many parameters has it, and how many of them
# > does training change by gradients?
# >
# > <details><summary>Answer</summary>
# >
# > 128, of which 64 are trained: a scale and an offset per channel. The moving mean and the moving variance
# > follow the batches.
# >
# > </details>

# %% [markdown]
# ## 9.3.4 Depthwise separable convolutions
#
# An ordinary convolution looks for patterns in space and across channels at the same time: each of its filters is 3×3
# *and* as deep as the input. A depthwise separable convolution does it in two steps. First one 3×3 filter for each
# channel alone, which looks for patterns in space. Then a 1×1 convolution, which mixes the channels at each place.

# %% tags=["figure-9.10"]
# Figure 9.10
fig, axes = plt.subplots(1, 2, figsize=(11, 2.6), width_ratios=(4, 6.6), layout="constrained")
drawings.draw_convolutions(axes)
plots.show(fig, "Left: one convolution over all channels. Right: a 3×3 filter per channel, then a 1×1 convolution")

# %% [markdown]
# **Figure 9.10.** In space each channel is treated for itself (blue), and only then are the channels mixed (orange).
#
# This takes for granted that channels are largely independent of one another: what happens in one says little about
# what happens in the next. Deep in a network that is true enough. It is not for the three channels of a picture, where
# red, green and blue are nearly the same picture three times: so a network's *first* layer stays an ordinary
# convolution.
#
# It saves weights and multiplications. With *C* channels in and *F* out, each place costs 9·C·F multiplications
# before, and 9·C + C·F after.


# %% tags=["claim-10"]
def count_multiplications(layer):
    """Return the multiplications of a layer for one picture; 0 for layers other than convolutions and dense ones."""
    if isinstance(layer, layers.SeparableConv2D):
        kernels = [layer.depthwise_kernel, layer.pointwise_kernel]
    elif isinstance(layer, layers.Conv2D | layers.Dense):
        kernels = [layer.kernel]
    else:
        return 0
    places = math.prod(layer.output.shape[1:-1])
    return places * sum(math.prod(kernel.shape) for kernel in kernels)


def build_single(convolution, width, side=32):
    """Return a network of one 3×3 layer with as many channels out as in, `width`, without bias."""
    inputs = keras.Input((side, side, width))
    return keras.Model(inputs, convolution(width, 3, padding="same", use_bias=False)(inputs))


ordinary, separable = (build_single(convolution, 64) for convolution in (layers.Conv2D, layers.SeparableConv2D))
print(f"64 to 64 channels: {ordinary.count_params():,} weights ordinary, {separable.count_params():,} separable")

# %% [markdown]
# The book's 36,864 and 4,672. Eight times fewer multiplications: eight times faster? We put both layers on this
# machine's clock, taking turns, for several widths.

# %% tags=["constants"]
WIDTHS = (16, 32, 64, 128, 256)  # numbers of channels in the experiment on separable convolutions

# %% tags=["claim-11"]
pairs = {
    width: [build_single(convolution, width) for convolution in (layers.Conv2D, layers.SeparableConv2D)]
    for width in WIDTHS
}
promised = {
    width: count_multiplications(ordinary.layers[1]) / count_multiplications(separable.layers[1])
    for width, (ordinary, separable) in pairs.items()
}
for width, (ordinary, separable) in pairs.items():
    weights = f"{ordinary.count_params():7,} weights ordinary, {separable.count_params():6,} separable"
    print(f"{width:3} channels: {weights}, {promised[width]:.1f} times fewer multiplications")


# %% tags=["claim-11", "times"] nbval={"rtol": 3}
def median_times(functions, batch, repeats=15):
    """Return the median time of a call of each function in seconds; the functions take turns."""
    times = [[] for _ in functions]
    for _ in range(repeats + 2):  # two to warm up
        for function, measured in zip(functions, times, strict=True):
            start = time.perf_counter()
            float(function(batch))  # a number has to wait for the layer
            measured.append(time.perf_counter() - start)
    return [float(np.median(measured[2:])) for measured in times]


def summed(network):
    """Return a compiled function from a batch to the sum of what a network puts out: nothing large is copied back."""
    return tf.function(lambda batch: tf.reduce_sum(network(batch)))


seen = {}
for width, pair in progress(pairs.items(), desc="Timing convolutions"):
    batch = keras.random.uniform((16, 32, 32, width), seed=SEED)
    ordinary_time, separable_time = median_times([summed(network) for network in pair], batch)
    seen[width] = ordinary_time / separable_time
    print(f"{width:3} channels: the separable one is {seen[width]:.1f} times as fast, promised {promised[width]:.1f}")

# %% tags=["claim-11", "times"] nbval={"figure_rms": 0.3}
fig, ax = plt.subplots(figsize=(6.5, 3.4), layout="constrained")
ratios = {"promised by arithmetic": list(promised.values()), "seen here": list(seen.values())}
plots.show_bars(ratios, WIDTHS, ax, fmt="%.1f")
ax.axhline(1, color="0.4", linewidth=1)
ax.set(xlabel="channels", ylabel="ordinary ÷ separable", ylim=(0, 1.2 * max(map(max, ratios.values()))))
plots.show(fig, "Multiplications saved and time saved by separable convolutions, for several numbers of channels")

# %% [markdown]
# Only a part of what is saved in multiplications is saved in time, and with few channels next to nothing. The
# ordinary convolution is one large matrix product, the operation that processors and their libraries are best at (on
# NVIDIA's GPUs it is a highly polished part of cuDNN). The separable one is many small operations that mostly move
# data, and two steps to start instead of one. Fewer weights are certain; less time is to be measured, as here. (This
# figure is of the machine that ran this notebook; yours will look different.)

# %% [markdown]
# > **Predict, then run.** How many weights has a separable 3×3 convolution from 128 to 128 channels, without bias?
# >
# > <details><summary>Answer</summary>
# >
# > 17,536: 9·128 in space and 128·128 across channels. An ordinary one has 147,456.
# >
# > </details>

# %% [markdown]
# ## 9.3.5 A mini-Xception
#
# Six rules have come together: make a network of blocks; let the filters grow as the maps shrink; prefer deep and
# narrow to shallow and wide; lay residual connections around the blocks; put batch norm after the convolutions; make
# the convolutions separable. A network that follows all six is Xception (Chollet 2017). We build a small one. The
# rules are not for classifiers alone: DeepLabV3, a network for segmentation, has an Xception inside.
#
# ### The data
#
# Cats and dogs, as many of one as of the other. The book takes pictures 0–999 of each class to train, 1,000–1,499
# to validate, and 1,500–2,499 to test. The `sample` profile draws its own: heads, each in its own light, and cats and
# dogs differ in shape alone.

# %% tags=["step-9.3-4"]
# Step 9.3-4
if PROFILE == "sample":
    folder = Path(DATA, "sample-dogs-vs-cats")
    PETS = sample_pets.write_sample_pets(folder, count=2 * sum(PICTURES), portraits=1.0, layout="kaggle")
else:
    PETS = Path(DATA, "dogs-vs-cats")
split = list_split(PETS, PICTURES)
pictures = {part: load_split(*files, IMAGE_SIZE, cache=Path(BUILD, "cache")) for part, files in split.items()}
for part, (images, labels) in pictures.items():
    cats, dogs = np.bincount(labels, minlength=2)
    print(f"{part:10} {cats} cats, {dogs} dogs, {images.dtype} {images.shape}")

# %% [markdown]
# > **Reader's note.** The book copies the pictures into a folder for each part and class, which fails when it is done
# > a second time. We list them where they are. Both copies of the data set (Microsoft's and Kaggle's) have the same
# > numbers, so they give the same pictures. A file that cannot be read is reported and left out; no other takes its
# > place.

# %%
fig, axes = plt.subplots(2, 6, figsize=(10, 3.9), layout="constrained")
images, labels = pictures["train"]
for row, name in enumerate(CLASS_NAMES):
    for ax, image in zip(axes[row], images[labels == row], strict=False):
        plots.show_picture(image, name, ax)
plots.show(fig, "Six training pictures of cats above six of dogs")

# %% [markdown]
# In the drawn ones shape decides: the ears, the length of the muzzle. Colour and background say nothing.
#
# ### Augmentation
#
# A picture of a cat is still one when it is mirrored, turned or enlarged a little. Random changes of this kind make
# many pictures of one; they are layers that only act in training. Each network below gets layers of its own, made by
# the function; the book's `data_augmentation` is one of them. The `sample` profile only mirrors: its training is
# too short to learn pictures by heart. Set `ROTATION` and `ZOOM` to the book's values, with more `EPOCHS`, to see what
# they do.


# %% tags=["step-9.3-5"]
# Step 9.3-5
def build_augmentation(rotation=0.1, zoom=0.2):
    """Return layers that mirror, turn and zoom pictures at random in training."""
    changes = [layers.RandomFlip("horizontal"), layers.RandomRotation(rotation), layers.RandomZoom(zoom)]
    used = changes if rotation or zoom else changes[:1]  # to turn and zoom by nothing takes time, too
    return keras.Sequential(used, name="data_augmentation")


data_augmentation = build_augmentation()


# %% tags=["constants"]
ROTATION = knob(sample=0.0, book=0.1)  # augmentation: pictures turn by up to this share of a full turn
ZOOM = knob(sample=0.0, book=0.2)  # augmentation: pictures grow or shrink by up to this share

# %%
keras.utils.set_random_seed(SEED)
fig, axes = plt.subplots(1, 6, figsize=(10, 2.1), layout="constrained")
for ax in axes:
    augmented = keras.ops.convert_to_numpy(data_augmentation(images[:1].astype("float32"), training=True))
    plots.show_picture(augmented[0].clip(0, 255).astype("uint8"), None, ax)
plots.show(fig, "One training picture, mirrored, turned and zoomed in six ways")

# %% [markdown]
# The book's augmentation (turns of up to 0.1, zooms of up to 0.2, whatever the knobs say) on the first training
# picture.
#
# ### The network
#
# The first convolution is an ordinary one, as it must be on RGB. Then comes a block for each number of filters, and it
# holds all the ideas of this chapter: twice batch norm, relu and a separable convolution, then a max pooling that
# halves the maps, and around all of it a skip with a projection. Global average pooling takes the place of the
# flattening.
#
# > **Reader's note.** The book's projection has `strides=2`. Here we keep every second pixel, then project: the same
# > weights, the same numbers. For a network that is trained, it is safer: with fewer than 16 channels, as in the first
# > block of the `sample` profile, the library behind TensorFlow 2.21 can crash on many processors (those with AVX-512),
# > since it writes the gradient of a strided 1×1 convolution past the end of its memory ([oneDNN issue
# > 6035](https://github.com/uxlfoundation/oneDNN/issues/6035)).


# %% tags=["step-9.3-6"]
# Step 9.3-6
def build_mini_xception(image_size, filters, momentum=0.99, rotation=0.1, zoom=0.2):
    """Return a network from pictures (N, size, size, 3) in 0-255 to the probability of a dog, (N, 1)."""
    inputs = keras.Input((image_size, image_size, 3))
    x = build_augmentation(rotation, zoom)(inputs)
    x = layers.Rescaling(1 / 255)(x)
    x = layers.Conv2D(filters[0], 5, use_bias=False)(x)
    for size in filters:
        residual = x
        x = layers.BatchNormalization(momentum=momentum)(x)
        x = layers.Activation("relu")(x)
        x = layers.SeparableConv2D(size, 3, padding="same", use_bias=False)(x)
        x = layers.BatchNormalization(momentum=momentum)(x)
        x = layers.Activation("relu")(x)
        x = layers.SeparableConv2D(size, 3, padding="same", use_bias=False)(x)
        x = layers.MaxPooling2D(3, strides=2, padding="same")(x)
        residual = layers.AveragePooling2D(1, strides=2, padding="same")(residual)  # every second pixel
        residual = layers.Conv2D(size, 1, use_bias=False)(residual)
        x = layers.add([x, residual])
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(0.5)(x)
    outputs = layers.Dense(1, activation="sigmoid", dtype="float32")(x)
    return keras.Model(inputs, outputs, name="mini_xception")


# %% tags=["summary"]
build_mini_xception(IMAGE_SIZE, FILTERS, MOMENTUM, ROTATION, ZOOM).summary()

# %% [markdown]
# The book's network is the same function with the book's numbers:

# %% tags=["claim-12"]
book_network = build_mini_xception(180, (32, 64, 128, 256, 512))
trainable = sum(math.prod(weight.shape) for weight in book_network.trainable_weights)
print(f"{book_network.count_params():,} parameters, the book says 721,857")
print(f"{trainable:,} of them trainable; the others are batch norm's moving averages")

# %% [markdown]
# > **Reader's note.** The book calls 721,857 the number of trainable parameters. It is the total.
#
# The competitor comes from section 8.2.5: a plain stack of convolutions and max poolings, with the same augmentation.


# %% tags=["constants"]
BASELINE_FILTERS = (32, 64, 128, 256, 256)  # channels of the baseline's convolutions


# %% tags=["claim-13"]
def build_baseline(image_size, filters=(32, 64, 128, 256, 256), rotation=0.1, zoom=0.2):
    """Return a plain convnet from pictures (N, size, size, 3) in 0-255 to the probability of a dog, (N, 1)."""
    least = 5 * 2 ** (len(filters) - 1) - 2  # a map shrinks by two at each convolution and is halved after all but one
    if image_size < least:
        raise ValueError(f"image_size is {image_size}; {len(filters)} levels of the baseline need at least {least}")
    inputs = keras.Input((image_size, image_size, 3))
    x = build_augmentation(rotation, zoom)(inputs)
    x = layers.Rescaling(1 / 255)(x)
    for number, width in enumerate(filters):
        x = layers.MaxPooling2D(2)(x) if number else x
        x = layers.Conv2D(width, 3, activation="relu")(x)
    x = layers.Flatten()(x)
    x = layers.Dropout(0.5)(x)
    outputs = layers.Dense(1, activation="sigmoid", dtype="float32")(x)
    return keras.Model(inputs, outputs, name="convnet_from_scratch_with_augmentation")


build_baseline(IMAGE_SIZE, BASELINE_FILTERS)  # fails early if the size is too small
book_baseline = build_baseline(180)
mapped = [layer for layer in book_baseline.layers if isinstance(layer, layers.Conv2D | layers.MaxPooling2D)]
print(f"{book_baseline.count_params():,} parameters, the book says 991,041")
print("by layer:", " · ".join(f"{layer.count_params():,}" for layer in book_baseline.layers if layer.count_params()))
print("sides of the maps:", ", ".join(str(layer.output.shape[1]) for layer in mapped))

# %% [markdown]
# ### Training
#
# Both networks get the same pictures, the same loss, the same optimizer and the same number of epochs. Of each we
# keep the epoch with the lowest validation loss: `ModelCheckpoint` writes its file, `load_model` reads it. As in
# notebook 9.2, `Resume` lets a training that was killed go on after its last finished epoch, or finds what was
# trained with the same knobs before; and `devices.use` is for speed alone: it lets the `book` profile compute with 16
# bits where the machine does that faster. What is loaded outside of the `with` runs on one device.


# %% tags=["constants"]
DECAY = knob(sample=True, photos=True, book=False)  # whether the steps shrink to nothing towards the last epoch


# %% tags=["step-9.3-7"] nbval={"timeout": 1800}
# Step 9.3-7
def train_classifier(model, pictures, epochs, batch_size, learning_rate, decay, folder):
    """Train a network on `pictures`, a dict of "train" and "validation" to (images, labels).

    Returns the file of its best epoch, for `load_model`, and the history: a dict of lists, a value per epoch.
    """
    train = Batches(*pictures["train"], batch_size, shuffled=True)
    validation = Batches(*pictures["validation"], batch_size)
    rate = keras.optimizers.schedules.CosineDecay(learning_rate, epochs * len(train)) if decay else learning_rate
    model.compile(optimizer=keras.optimizers.RMSprop(rate), loss="binary_crossentropy", metrics=["accuracy"])
    best = find_folder(folder, model, train, validation, epochs) / f"{model.name}.keras"
    checkpoint = keras.callbacks.ModelCheckpoint(best, save_best_only=True)
    callbacks = [checkpoint, Resume(checkpoint, train), training_progress()]
    fitted = model.fit(
        feed(train),
        epochs=epochs,
        validation_data=feed(validation),
        callbacks=callbacks,
        shuffle=False,  # `Resume` shuffles `train` anew for each epoch
        verbose=0,
    )
    return best, fitted.history


keras.utils.set_random_seed(SEED)
with devices.use(DEVICES, PRECISION):
    mini_xception = build_mini_xception(IMAGE_SIZE, FILTERS, MOMENTUM, ROTATION, ZOOM)
    recipe = EPOCHS, BATCH_SIZE, LEARNING_RATE, DECAY, MODELS
    mini_xception_path, mini_xception_history = train_classifier(mini_xception, pictures, *recipe)
mini_xception = keras.models.load_model(mini_xception_path)

# %% tags=["step-9.3-7", "baseline"] nbval={"timeout": 1800}
# Step 9.3-7, continued
keras.utils.clear_session()  # its layers are numbered from the start, wherever it is trained
keras.utils.set_random_seed(SEED)
with devices.use(DEVICES, PRECISION):
    baseline = build_baseline(IMAGE_SIZE, BASELINE_FILTERS, ROTATION, ZOOM)
    recipe = EPOCHS, BATCH_SIZE, LEARNING_RATE, DECAY, MODELS
    baseline_path, baseline_history = train_classifier(baseline, pictures, *recipe)
baseline = keras.models.load_model(baseline_path)

# %% [markdown]
# Notebook 9.4 looks into these two networks. For it we note the knobs that they were trained with.

# %%
note_knobs(MODELS / "9_3.json", "9_3_convnet_architectures", globals())

# %% tags=["figure-9.11"] nbval={"figure_rms": 0.15}
# Figure 9.11
histories = {"mini-Xception": mini_xception_history, "baseline": baseline_history}
fig, axes = plt.subplots(2, 2, figsize=(9, 5.6), sharex=True, sharey="row", layout="constrained")
for (name, history), (top, bottom) in zip(histories.items(), axes.T, strict=True):
    plots.show_curves(history, ["accuracy"], top, f"{name}: accuracy", guessing=0.5)
    plots.show_curves(history, ["loss"], bottom, f"{name}: loss", guessing=math.log(2))
plots.show(fig, "Accuracy and loss of both networks against the epoch, on training and on validation pictures")

# %% [markdown]
# **Figure 9.11.** Above the accuracy, below the loss; the mini-Xception on the left, which is what the book shows,
# the baseline on the right. A network may do better on validation than on training pictures: the training values are
# averages over an epoch in which the weights still improve, and with dropout at work; validation comes after. A
# validation curve that jumps about while the training curve is smooth is often batch norm's doing: the moving
# averages lag behind weights that take large steps.
#
# ### Which one is better?
#
# The validation pictures have chosen the epoch, so they flatter. The test pictures have chosen nothing. (The ablation
# below will use them again: it compares, it does not select.) An accuracy measured on *n* pictures is itself
# uncertain: Wilson's interval (1927) says within which bounds the true one lies, in 95 % of the cases.


# %% tags=["test-accuracy"]
def count_correct(model, images, labels):
    """Return how many pictures a network puts into the right class, an int."""
    accuracy = model.evaluate(images, labels, batch_size=32, verbose=0, return_dict=True)["accuracy"]
    return round(accuracy * len(labels))


# %% tags=["test-accuracy"] nbval={"rtol": 0.08}
models = {"mini-Xception": mini_xception, "baseline": baseline}
BOOK = {"mini-Xception": 0.908, "baseline": 0.835}
test_images, test_labels = pictures["test"]
total = len(test_labels)
test_accuracy, test_interval = {}, {}
for name, model in models.items():
    correct = count_correct(model, test_images, test_labels)
    low, high = binomtest(correct, total).proportion_ci(confidence_level=0.95, method="wilson")
    test_accuracy[name], test_interval[name] = correct / total, (low, high)
    print(f"{name:14} test accuracy {correct / total:.3f}, 95 % between {low:.3f} and {high:.3f} (book: {BOOK[name]})")

# %% tags=["comparison"] nbval={"figure_rms": 0.1}
fig, axes = plt.subplots(1, 3, figsize=(10, 3.1), layout="constrained")
plots.show_intervals(test_accuracy, test_interval, axes[0], BOOK, "book, on photographs")
axes[0].set(ylim=(0.5, 1), title="test accuracy")
parameters = {name: model.count_params() / 1e6 for name, model in models.items()}
work = {name: sum(map(count_multiplications, model.layers)) / 1e6 for name, model in models.items()}
for ax, values, title in ((axes[1], parameters, "parameters, millions"), (axes[2], work, "multiplications, millions")):
    ax.bar_label(ax.bar(values.keys(), values.values(), color=["C0", "C1"]), fmt="%.3g", fontsize=8)
    ax.set(title=title, ylim=(0, 1.15 * max(values.values())))
plots.show(fig, "Test accuracy with its interval, parameters and multiplications of the mini-Xception and the baseline")

# %% [markdown]
# > **Reader's note.** The book states 90.8 % against 83.5 % on test pictures, but its code never evaluates the
# > mini-Xception on them. Here both are. The diamonds are the book's figures, on other pictures than those of the
# > `sample` profile.
#
# On the drawn animals, in this run, the mini-Xception is ahead on the test pictures, with far fewer parameters and
# multiplications than the baseline. The two intervals do not overlap; exercise 3 compares networks picture
# by picture, which is sharper. One training each decides little, though: another seed, or another processor,
# gives other weights, and moves either accuracy. (The `sample` profile gives the mini-Xception a quarter of the
# book's channels. At the book's size it has three quarters of the baseline's parameters.) A few epochs show at most
# which of the two learns *faster*; give both more `EPOCHS`, and watch the gap. The book, on photographs and after 100
# epochs, has 90.8 % against 83.5 %.

# %% [markdown]
# > **Predict, then run.** Of the 721,857 parameters of the book's mini-Xception 718,849 are trainable. What are
# > the others?
# >
# > <details><summary>Answer</summary>
# >
# > The moving means and variances of ten batch norms, 3,008 numbers: two per channel that is normalised.
# >
# > </details>

# %% [markdown]
# ## Ablation: which part is it?
#
# Three ideas, each in or out: eight networks. So we write the network once more, this time with a switch for each idea.


# %% tags=["ablation"]
def build_variant(image_size, filters, momentum=0.99, residual=True, batch_norm=True, separable=True):
    """Return the mini-Xception with those of its three ideas that are True."""
    convolution = layers.SeparableConv2D if separable else layers.Conv2D
    inputs = keras.Input((image_size, image_size, 3))
    x = build_augmentation(ROTATION, ZOOM)(inputs)
    x = layers.Rescaling(1 / 255)(x)
    x = layers.Conv2D(filters[0], 5, use_bias=False)(x)
    for size in filters:
        skip = x
        for _ in range(2):
            x = layers.BatchNormalization(momentum=momentum)(x) if batch_norm else x
            x = layers.Activation("relu")(x)
            x = convolution(size, 3, padding="same", use_bias=not batch_norm)(x)
        x = layers.MaxPooling2D(3, strides=2, padding="same")(x)
        if residual:
            skip = layers.AveragePooling2D(1, strides=2, padding="same")(skip)
            x = layers.add([x, layers.Conv2D(size, 1, use_bias=False)(skip)])
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(0.5)(x)
    outputs = layers.Dense(1, activation="sigmoid", dtype="float32")(x)
    return keras.Model(inputs, outputs, name="variant")


# %% [markdown]
# Is it the same network, if all three are in? It must have as many parameters, and with the same weights it must give
# the same answers.

# %% tags=["same-network"]
printed, variant = build_mini_xception(IMAGE_SIZE, FILTERS, MOMENTUM), build_variant(IMAGE_SIZE, FILTERS, MOMENTUM)
assert variant.count_params() == printed.count_params()
variant.set_weights(printed.get_weights())
some = test_images[:8]
assert np.array_equal(variant.predict(some, verbose=0), printed.predict(some, verbose=0))
print(f"the same network: {variant.count_params():,} parameters, and the same answers to {len(some)} pictures")

# %% [markdown]
# One training proves nothing, so each is trained from several seeds; eight times several trainings take their time, so
# the pictures are smaller. Everything else is equal: pictures, steps, step size.

# %% tags=["constants"]
ABLATION_SIZE = knob(sample=32, photos=48, book=96)  # pixels; smaller, since the ablation trains many networks
ABLATION_FILTERS = knob(sample=(8, 16, 32), photos=(16, 32, 64), book=(32, 64, 128, 256))  # channels of its blocks
ABLATION_EPOCHS = knob(sample=3, photos=8, book=30)  # passes over the training pictures for each of its networks
ABLATION_SEEDS = knob(sample=2, photos=1, book=3)  # how often each variant is trained, each time from other weights


# %% tags=["ablation"]
def train_variant(parts, seed):
    """Train a variant from a seed; return its parameters, test accuracy, lowest validation loss, seconds an epoch."""
    keras.utils.set_random_seed(seed)
    variant = build_variant(ABLATION_SIZE, ABLATION_FILTERS, MOMENTUM, **parts)
    recipe = ABLATION_EPOCHS, BATCH_SIZE, LEARNING_RATE, DECAY, MODELS / "ablation"
    best, history = train_classifier(variant, small_pictures, *recipe)
    variant.load_weights(best)
    accuracy = count_correct(variant, *small_pictures["test"]) / total
    return variant.count_params(), accuracy, min(history["val_loss"]), min(history["seconds"])


# %% tags=["ablation"] nbval={"timeout": 1800}
PARTS = ("residual", "batch_norm", "separable")
small_pictures = {part: load_split(*files, ABLATION_SIZE, cache=Path(BUILD, "cache")) for part, files in split.items()}
ablation = []
for switches in progress(list(itertools.product((True, False), repeat=len(PARTS))), desc="Ablation", unit="variant"):
    parts = dict(zip(PARTS, switches, strict=True))
    trained = [train_variant(parts, seed) for seed in range(SEED, SEED + ABLATION_SEEDS)]
    (parameters, *_), accuracies, losses, seconds = zip(*trained, strict=True)
    measured = {"accuracy": list(accuracies), "val_loss": list(losses), "seconds": min(seconds)}
    ablation.append(parts | {"parameters": parameters} | measured)

# %% [markdown]
# The table: a dot for a part that is in, the mean of the lowest validation losses, and the test accuracy of each seed.

# %% tags=["ablation-table"] nbval={"rtol": 0.2}
print("residual  batch norm  separable  parameters   loss  accuracy: mean  of each seed")
for row in ablation:
    dots = ["●" if row[part] else "·" for part in PARTS]
    each = " ".join(f"{accuracy:.2f}" for accuracy in row["accuracy"])
    means = f"{np.mean(row['val_loss']):7.3f}{np.mean(row['accuracy']):16.2f}"
    print("{:8}  {:10}  {:9}".format(*dots), f"{row['parameters']:11,}{means}  {each}")

# %% [markdown]
# And what they cost in time, the fastest of a variant's epochs. The machine also did other things, so differences of a
# few tenths mean nothing.

# %% tags=["ablation-times", "times"] nbval={"rtol": 5}
fastest = min(row["seconds"] for row in ablation)
for row in ablation:
    inside = " + ".join(part.replace("_", " ") for part in PARTS if row[part]) or "none"
    print(f"{inside:35} {row['seconds'] / fastest:.1f} times the fastest variant's epoch")

# %% tags=["ablation-figure", "times"] nbval={"figure_rms": 0.2}
fig = plots.show_ablation(ablation, PARTS)
plots.show(fig, "Test accuracy, parameters and time of the eight variants, and dots for the parts that each has")

# %% [markdown]
# What may be concluded? Compare bars that differ in one part, and compare the difference with the distance between
# points of one bar. In the stored run of the `sample` profile:
#
# - **Batch norm** has by far the largest effect. Without it (orange) these networks hardly leave chance in the steps
#   that they get; with it (blue) all four learn. Each of the four pairs says so, by more than any two seeds differ.
# - **Separable convolutions** score a little lower in all four pairs, mostly by no more than two seeds differ. Have
#   they too few weights, a fifth of the others', or too few steps? This ablation cannot tell.
# - **Skips** make no visible difference where batch norm is in. Without it they may help: plain separable layers stay
#   at chance from both seeds, and leave it with skips. Three blocks are not deep.
#
# And each accuracy is only as certain as its test pictures allow: see the intervals above, which are of the same
# pictures.
#
# What may not be concluded: that skips are useless or separable convolutions bad. An ablation answers for its own
# conditions: this depth, these widths, this many steps, one step size for all. The mini-Xception above has more
# blocks and more channels, and does well with both; whether *because* of them, only an ablation at its own scale can
# tell. The `book` profile does it with larger pictures, four blocks, three seeds and thirty epochs.

# %% [markdown]
# ## Results
#
# What a machine should compare between two runs goes into a file, what a person should remember goes below it.

# %% nbval={"rtol": 0.2}
results = {
    "profile": PROFILE,
    **{f"pictures_{part}": len(labels) for part, (_, labels) in pictures.items()},
    "image_size": IMAGE_SIZE,
    "epochs": EPOCHS,
    "precision": mini_xception.layers[1].compute_dtype,
    "devices": DEVICES,
}
for name, history in histories.items():
    key = name.lower().replace("-", "_")
    results |= {
        f"parameters_{key}": models[name].count_params(),
        f"multiplications_{key}": sum(map(count_multiplications, models[name].layers)),
        f"val_accuracy_{key}": history["val_accuracy"][int(np.argmin(history["val_loss"]))],
        f"test_accuracy_{key}": test_accuracy[name],
        f"test_interval_{key}": list(test_interval[name]),
        f"history_{key}": {name: [round(value, 4) for value in values] for name, values in history.items()},
    }
results |= {"gradient_norms": gradient_norms, "ablation": ablation, "time_ratio_by_width": seen}
path = save_results(results, Path(BUILD, "results", "9_3.json"))

# %% [markdown]
# ## At other scales
#
# Photographs are harder than drawings. The same notebook has run on them, with its other profiles; what these runs
# have written is stored in `docs/measurements`, and drawn here beside this run by the function that drew figure 9.11.

# %% tags=["scales"] nbval={"figure_rms": 0.15}
runs = read_measured("9_3", results)
fig, axes = plt.subplots(2, len(runs), figsize=(3.4 * len(runs), 5.6), sharey=True, squeeze=False, layout="constrained")
for (profile, run), column in zip(runs.items(), axes.T, strict=True):
    for name, ax in zip(models, column, strict=True):
        history = run[f"history_{name.lower().replace('-', '_')}"]
        plots.show_curves(history, ["accuracy"], ax, f"{profile}: {name}", guessing=0.5)
plots.show(fig, "Accuracy of both networks against the epoch; from left to right a column for each profile")

# %% tags=["scales"] nbval={"rtol": 0.08}
for profile, run in runs.items():
    size = f"{run['pictures_train']:,} pictures of {run['image_size']} pixels, {run['epochs']} epochs"
    print(f"{profile}: {size}")
    for name in models:
        key = name.lower().replace("-", "_")
        low, high = run[f"test_interval_{key}"]
        print(f"    {name:14} test accuracy {run[f'test_accuracy_{key}']:.3f}, 95 % between {low:.3f} and {high:.3f}")
print("the book:", ", ".join(f"{name} {accuracy}" for name, accuracy in BOOK.items()))

# %% [markdown]
# The mini-Xception is ahead each time. Photographs differ in far more than the shape of a head, and two thousand of
# them are few: the networks need many more passes over them, and stay below what the drawn animals allow.
#
# The run `book` has the book's networks, pictures of 180×180 pixels and 100 epochs. The plain convnet's validation
# loss is lowest after a third of them; from there on it over-fits, and its training accuracy runs away from the
# other. The mini-Xception's validation accuracy stays at chance at first, while batch norm's moving averages lag
# behind, and jumps ever after. Both networks end a little below the book, by about the same amount; so the step from
# one to the other, which is what section 9.3 is about, is nearly as large as in the book. (Our photographs are
# smaller copies; `docs/measurements.md` tells more.)

# %% [markdown]
# ## What we saw
#
# - Without skips and batch norm the gradient at the first layer vanishes with depth; with one of them it grows; with
#   both it changes least from the shallowest stack to the deepest.
# - Batch norm has two modes, and the difference between them can spoil a short training. It makes the bias before it
#   useless, lets about half of the values through every relu when training starts, and wants to be frozen in
#   fine-tuning.
# - Separable convolutions save weights for certain, and time only sometimes: measure it.
# - A number on test pictures needs its interval, and a claim about a part of a network needs an ablation, with more
#   than one seed.
#
# **Limits.** The drawn animals are easier than photographs: all is in the shape of the head. One training of each of
# the two large networks says nothing about the spread between trainings; their intervals only cover the choice of
# test pictures. The step size was not tuned for each network, as it would be where it counts.
#
# ### Exercises
#
# [`exercises/9_3_exercises`](exercises/9_3_exercises.ipynb): another initialiser, the way of a moving average, the
# paired test, and batch norm in fine-tuning. Each has a check that tells what is wrong, and shows what comes out.

# %% [markdown]
# ## Glossary
#
# - **block**: a few layers that are used as one.
# - **residual connection, skip**: the way of a block's input around the block, to be added to its output.
# - **projection**: a 1×1 convolution on the skip that makes shapes fit.
# - **initialiser**: what draws the random weights that a network starts from.
# - **vanishing gradient**: an error signal that arrives at the first layers too small to change them.
# - **batch norm**: a layer that centres and scales every channel, in training by the batch, in inference by moving
#   averages.
# - **moving average**: a mean that forgets the past by a constant share per step.
# - **separable convolution**: one filter per channel in space, then a 1×1 convolution across channels.
# - **augmentation**: random changes of the training pictures.
# - **ablation**: to take parts out, one by one and together, and see what the result comes from.
# - **interval**: bounds within which the true accuracy nearly always lies.

# %% [markdown]
# ### Sources
#
# F. Chollet, *Deep Learning with Python*, 2nd edition, Manning 2021, sections 8.2.5 and 9.3. K. Simonyan, A.
# Zisserman, *Very Deep Convolutional Networks*, ICLR 2015 (VGG16). K. He, X. Zhang, S. Ren, J. Sun, *Deep Residual
# Learning*, CVPR 2016. S. Ioffe, C. Szegedy, *Batch Normalization*, ICML 2015. F. Chollet, *Xception*, CVPR 2017. E.
# B. Wilson, *Probable Inference*, JASA 1927. J. Elson, J. Douceur, J. Howell, J. Saul, *Asirra*, CCS 2007 (Dogs vs.
# Cats).
