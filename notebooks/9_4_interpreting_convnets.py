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
# # 9.4 Interpreting what convnets learn: what does a network look at?
#
# A convnet is no black box: its maps are pictures, its filters can be asked what they respond to, and its decisions
# can be traced back to places in the picture. This notebook does all three, and then asks the question that is
# usually left out: is what we see *true*? A heatmap that looks right proves nothing, so we score ours against masks,
# against maps that know nothing, and against networks whose weights we destroy.
#
# It accompanies section 9.4 of François Chollet's *Deep Learning with Python*, 2nd edition. A cell that is a
# listing, a step or a figure of the book begins with its number. Steps are code of the book without a number: here
# they are counted.
#
# | section of the book | what | cells | minutes |
# |---|---|---|---|
# | 9.4.1 Intermediate activations | Listings 9.6 to 9.11 | 7–18 | under 0.1 |
# | 9.4.2 Filter patterns | Listings 9.12 to 9.19 | 19–39 | 0.1 |
# | 9.4.3 Grad-CAM: what in this picture speaks for this class? | Listings 9.20 to 9.27 | 40–82 | 2.0 |
#
# | profile | networks and pictures | time |
# |---|---|---|
# | `sample` | the networks of 9.2 and 9.3, drawn cats and dogs | two minutes on two cores; more if these have not run |
# | `book` | Xception trained on ImageNet, photographs (`make data`) | meant for a GPU |
#
# Licences: the drawn animals are as free as the code (MIT). Xception's weights come with Keras Applications (MIT).
# Oxford-IIIT Pet is CC BY-SA 4.0; the other photographs belong to their owners.

# %% [markdown]
# ## Settings
#
# Change a *knob* and run the notebook again from there. The first value of a knob belongs to the quick `sample`
# profile, the second to `book`. Any classifier of Keras Applications will do as `BACKBONE`.

# %% tags=["parameters"]
import os

from helpers.knobs import profile_values

PROFILE = os.environ.get("PROFILE", "sample")  # "sample": minutes on a laptop; "book": the chapter's numbers
DATA = os.environ.get("DATA", "../data")  # folder that holds the data sets
knob = profile_values(PROFILE)
BACKBONE = knob(sample="mini-Xception", book="Xception")  # that, or a classifier of Keras Applications
WEIGHTS = knob(sample="own", book="imagenet")  # "own": those of notebook 9.3; "imagenet"; a file; "untrained"
CAT_PICTURE = knob(sample=0, book=f"{DATA}/pictures/cat.jpg")  # a file, or the number of a test picture of 9.3
PICTURE = knob(sample=301, book=f"{DATA}/pictures/elephant.jpg")  # the same, for Grad-CAM
CLASS = None  # name of the class that Grad-CAM explains, like "tusker"; None: the most likely one
PATTERNS = knob(sample=8, book=64)  # how many filters of each layer
CAM_LAYER = 6  # where to split the network for Grad-CAM: a layer's name, or the least number of rows of its maps
SEED = 1337  # for noise, and for the choice of pictures

# %% [markdown]
# Where things lie, and what computes. These need to be changed less often.

# %% tags=["constants"]
BUILD = os.environ.get("BUILD", "../build")  # folder for models, caches, figures and results
LESSONS = {"9_2": {}, "9_3": {}}  # knobs of notebooks 9.2 and 9.3 to change for their networks: {"EPOCHS": 3}
BASE = None  # network and weights for the filter patterns, a pair like ("VGG16", "imagenet"); None: those above

# %% [markdown]
# The versions matter when you compare numbers: the outputs stored here come from the ones that the repository's lock
# file names.

# %% tags=["nbval-ignore-output"] nbval={"reason": "versions: CI has three Pythons, and each week the newest releases"}
import platform

import numpy as np

from helpers.start import start_keras

start_keras()  # quietly: TensorFlow's messages would end up among the outputs
import keras

print(f"Python {platform.python_version()}, Keras {keras.__version__} on {keras.backend.backend()}")
print(f"NumPy {np.__version__}")

# %% tags=["setup"]
import math
from pathlib import Path

import matplotlib.pyplot as plt
import tensorflow as tf
from keras import layers, ops
from PIL import Image
from scipy.stats import spearmanr

from helpers import plots
from helpers.cuts import choose_layer, last_of_each_size, split_at, to_logits
from helpers.lessons import changed_knobs, load_lesson
from helpers.networks import choose_convolutions, find_convolutions, last_maps, load_application, load_class_names
from helpers.pets import find_annotation, read_mask
from helpers.pictures import read_picture
from helpers.progress import is_silent, progress
from helpers.results import save_results
from sample_pets import PARTS

FIGURES = Path(BUILD, "figures")
FIGURES.mkdir(parents=True, exist_ok=True)
keras.utils.clear_session()  # layers are numbered from the start again
keras.utils.set_random_seed(SEED)

# %% [markdown]
# The plain convnet and, if it is asked for, the mini-Xception come from notebook 9.3: from `build/models` if they
# have been trained there with the same knobs, else they are trained now, which takes a while.

# %% tags=["networks"] nbval={"timeout": 1800}
ARCHITECTURES = "9_3_convnet_architectures"
folders = {"PROFILE": PROFILE, "DATA": DATA, "BUILD": BUILD}
changed = changed_knobs(Path(BUILD, "models", PROFILE, "9_3.json"), ARCHITECTURES, **folders)
asked = {BACKBONE, *(BASE or [])}
training = "step-9.3-7" if "mini-Xception" in asked else "baseline"  # of both networks, or of the plain one alone
lesson = load_lesson(ARCHITECTURES, ["setup", "step-9.3-4", training], **(folders | changed | LESSONS["9_3"]))
split, image_size = lesson.split, lesson.IMAGE_SIZE
others = ", ".join(f"{name} = {value}" for name, value in changed.items())
print(f"trained with the knobs of notebook 9.3, but {others}" if others else "trained with the knobs of notebook 9.3")

# %% [markdown]
# If you have changed knobs in notebook 9.3 and run it, these are the networks of that run, and the line above names the
# knobs. The plain convnet lies in a file, as in the book, `convnet_from_scratch_with_augmentation.keras`; from there we
# load it.

# %% tags=["baseline"]
baseline = keras.models.load_model(lesson.baseline_path)
baseline.summary()

# %% [markdown]
# ## 9.4.1 Intermediate activations
#
# The output of each layer for one picture is a stack of maps, a *channel* each, and channels can be looked at. We ask
# the plain convnet of section 8.2.5 about a cat that it has never seen.


# %% tags=["listing-9.6"]
# Listing 9.6
def find_picture(choice):
    """Return the path of a picture: of a file, or of one of 9.3's test pictures by its number."""
    return split["test"][0][choice] if isinstance(choice, int) else Path(choice)


def get_img_array(img_path, target_size):
    """Return a picture as float32 (1, height, width, 3) in 0-255, at a `target_size` of (height, width)."""
    return read_picture(img_path, target_size)[np.newaxis].astype("float32")


img_path = find_picture(CAT_PICTURE)
img_tensor = get_img_array(img_path, target_size=(image_size, image_size))
print(img_tensor.dtype, img_tensor.shape)

# %% tags=["listing-9.7", "figure-9.12"]
# Listing 9.7, figure 9.12
fig, ax = plt.subplots(figsize=(3.5, 3.5), layout="constrained")
plots.show_picture(img_tensor[0].astype("uint8"), None, ax)
plots.show(fig, "The test picture of a cat, at the size that the network takes")

# %% [markdown]
# **Figure 9.12.** The test picture. Now a second model that shares all layers of the first but returns what every
# convolution and every pooling layer puts out:

# %% tags=["listing-9.8"]
# Listing 9.8
shown_layers = [layer for layer in baseline.layers if isinstance(layer, layers.Conv2D | layers.MaxPooling2D)]
layer_outputs = [layer.output for layer in shown_layers]
layer_names = [layer.name for layer in shown_layers]
activation_model = keras.Model(baseline.input, layer_outputs)
print(len(layer_outputs), "outputs:", ", ".join(layer_names))

# %% tags=["listing-9.9"]
# Listing 9.9
activations = [maps.astype("float32") for maps in activation_model.predict(img_tensor, verbose=0)]

# %% tags=["step-9.4-1"]
# Step 9.4-1
first_layer_activation = activations[0]
print(first_layer_activation.shape)
print("and further down", ", ".join(str(activation.shape) for activation in activations[1:]))

# %% [markdown]
# One picture goes in, nine stacks of maps come out. At the book's size of 180 pixels the first is `(1, 178, 178,
# 32)`. One channel:

# %% tags=["constants"]
CHANNEL = knob(sample=2, book=5)  # of the first map: which channel to look at first, counted from 0

# %% tags=["listing-9.10", "figure-9.13"] nbval={"figure_rms": 0.35}
# Listing 9.10, figure 9.13
if not 0 <= CHANNEL < first_layer_activation.shape[-1]:
    raise ValueError(f"CHANNEL is {CHANNEL}; expected 0 to {first_layer_activation.shape[-1] - 1}")
shown = {f"channel {CHANNEL} of {layer_names[0]}": first_layer_activation[0, :, :, CHANNEL]}
fig, axes = plots.show_maps(shown, "viridis", (0, first_layer_activation[0, :, :, CHANNEL].max()), "activation")
plots.show(fig, f"Channel {CHANNEL} of the first convolution for the cat, in colours from dark to bright")

# %% [markdown]
# **Figure 9.13.** One channel (the book: index 5, the sixth). A small convolution has become a picture again: it is
# bright where the filter's pattern, an edge or a colour, occurs. Which one that is depends on the training; another
# seed gives other filters in another order.
#
# Now all of them. Channels have scales of their own, so each is centred and stretched for itself: to mean 128 and
# standard deviation 64, cut to 0–255. A channel that is zero everywhere has nothing to stretch: it stays zero, and is
# drawn grey. (The book writes this as two loops over the grid, with `images_per_row` and `channel_image`.)


# %% tags=["listing-9.11"]
# Listing 9.11
def stretch(values):
    """Return values as uint8: their mean at 128, their standard deviation 64, cut to 0-255; zeros stay zero."""
    values = np.asarray(values, "float32")
    centred = (values - values.mean()) / (values.std() or 1)
    return np.clip(64 * centred + 128, 0, 255).astype("uint8") if values.any() else np.zeros(values.shape, "uint8")


def to_gray(maps):
    """Return maps (height, width, channels) as uint8 (channels, height, width), each on its own scale."""
    return np.stack([stretch(channel) for channel in np.moveaxis(maps, -1, 0)])


# %% tags=["constants"]
IMAGES_PER_ROW = 16  # channels in a row of figure 9.14
CHANNELS_SHOWN = 16  # how many channels of each layer figure 9.14 shows; None: all


# %% tags=["listing-9.11", "figure-9.14"] nbval={"figure_rms": 0.25}
# Listing 9.11, figure 9.14
display_grid = {}
for layer_name, layer_activation in zip(layer_names, activations, strict=True):
    _, height, width, channels = layer_activation.shape
    channel_images = to_gray(layer_activation[0])[:CHANNELS_SHOWN]
    display_grid[f"{layer_name}: {len(channel_images)} of {channels} channels, {height}×{width}"] = channel_images
fig = plots.show_channels(display_grid, IMAGES_PER_ROW)
plots.show(fig, "Channels of all nine layers in rows: outlines of the cat at the top, a few bright spots at the bottom")

# %% [markdown]
# **Figure 9.14.** The first channels of each layer, deeper and deeper from top to bottom (the constant `CHANNELS_SHOWN`
# shows more). Bright is what is above the mean of its channel, dark what is below; a channel without any activation is
# grey. The first layers keep nearly all of the picture: in many channels one still sees the cat. Further down the maps
# are coarser and harder to read: they say less of how the picture looks and more of what it shows. A network distils:
# what does not matter to the class is filtered out on the way.
#
# > **Reader's note.** The book's grid drops what does not fill a row of sixteen, and breaks with fewer channels.
#
# And more and more channels are grey: the pattern that they look for is not in this picture. Is that so on
# others, too? We count over a hundred test pictures: the channels that are zero everywhere in a picture, and the
# values that are zero.


# %% tags=["claim-17"]
def measure_silence(model, images, batch_size=10):
    """Return for each output the shares of channels silent on a picture, of zero values, of channels silent on all."""
    silent, zero, active = 0, 0, [False] * len(model.outputs)
    for start in range(0, len(images), batch_size):
        outputs = model.predict_on_batch(images[start : start + batch_size].astype("float32"))
        silent += np.array([np.sum(np.all(maps <= 0, axis=(1, 2))) / maps.shape[-1] for maps in outputs])
        zero += np.array([np.sum(maps <= 0) / maps[0].size for maps in outputs])
        active = [np.any(maps > 0, axis=(0, 1, 2)) | before for maps, before in zip(outputs, active, strict=True)]
    return silent / len(images), zero / len(images), np.array([1 - channels.mean() for channels in active])


test_images, test_labels = lesson.pictures["test"]
chosen = np.random.default_rng(SEED).permutation(len(test_images))[:100]
silent_share, zero_share, dead_share = measure_silence(activation_model, test_images[np.sort(chosen)])

# %% tags=["claim-17"] nbval={"figure_rms": 0.15, "rtol": 0.3, "atol": 10}
fig, ax = plt.subplots(figsize=(8, 3.6), layout="constrained")
shares = {"channels that are zero all over a picture": silent_share, "values that are zero": zero_share}
plots.show_bars(shares, layer_names, ax, fmt="", ylabel="share")
ax.set_ylim(0, 1.2)
ax.tick_params(axis="x", labelsize=8, rotation=25)
plots.show(fig, "Share of silent channels and of zero values for each layer, mean of a hundred test pictures")
for name, silent, dead, zero in zip(layer_names, silent_share, dead_share, zero_share, strict=True):
    channels = f"{silent:6.1%} of the channels silent, {dead:6.1%} on all pictures"
    print(f"{name:15} {channels}; {zero:6.1%} of the values zero")

# %% [markdown]
# The share of silent channels grows with depth, as the book says: from 11 % in the first layer to 66 % in the last, in
# the stored run. Two things are mixed in it. A channel that is silent on *every* picture is dead: it was lost in
# training. The others wait for something that only some pictures have. The share of channels that are silent on all
# hundred pictures is printed beside it. The share of zero *values* does not grow; a pooling keeps the larger of its
# values, so it has fewer zeros than the convolution before it. Whoever says that activations become sparser with depth
# must say which of the two is counted.

# %% [markdown]
# > **Predict, then run.** A picture `(180, 180, 3)` enters the plain convnet, and the first convolution puts out
# > maps `(178, 178, 32)`. Which side have the maps after the first pooling, and after the second convolution?
# >
# > <details><summary>Answer</summary>
# >
# > 89 and 87: a pooling halves, and a "valid" 3×3 convolution takes one pixel from each border.
# >
# > </details>

# %% [markdown]
# ## 9.4.2 Filter patterns
#
# Now the other way round: instead of asking what a filter does with a picture, we look for the picture that a filter
# likes best. We start from gray noise and climb: the gradient of the filter's response *with respect to the pixels*
# says how to change each of them. No weight changes, only the picture. The patterns of a layer's filters are like a
# *basis*: as any sound is a sum of cosines, in Fourier's analysis, what a layer says of a picture is told in terms of
# its patterns.
#
# The book's network is Xception, from Keras Applications. With `weights="imagenet"` Keras fetches what it has learned
# from the pictures of ImageNet. For the names and shapes in the next four cells the untrained network will do.

# %% tags=["listing-9.12"]
# Listing 9.12
keras.utils.clear_session()  # layers are numbered from the start again
model = keras.applications.xception.Xception(weights=None, include_top=False)  # the book: weights="imagenet"

# %% tags=["listing-9.13"]
# Listing 9.13
names = [layer.name for layer in model.layers if isinstance(layer, layers.Conv2D | layers.SeparableConv2D)]
print(len(names), "convolutions:", ", ".join(names))

# %% tags=["listing-9.14"]
# Listing 9.14
layer_name = "block3_sepconv1"
layer = model.get_layer(layer_name)
feature_extractor = keras.Model(model.input, layer.output)

# %% tags=["listing-9.15"]
# Listing 9.15
preprocess_input = keras.applications.xception.preprocess_input
activation = feature_extractor(preprocess_input(img_tensor.copy()), training=False)
print(layer_name, "gives", activation.shape)

# %% [markdown]
# A network comes with its own idea of what pixels are: Xception's `preprocess_input` takes 0–255 to −1–1.
#
# > **Reader's note.** Given an array of floats, `preprocess_input` writes into that array: the picture shown afterwards
# > is no longer the picture. So it gets a copy. And `model.inputs`, a list, makes Keras warn; we ask for `model.input`.
#
# > **`model(x)` or `model.predict(x)`?** The same numbers, two purposes. `predict` cuts its input into batches, runs
# > them one after the other, and gives back NumPy arrays: right for a thousand pictures, but no gradient can pass.
# > `model(x)` runs all of `x` at once and gives back a tensor, through which a `GradientTape` can follow the
# > computation: what we need here. And it wants to be told that this is no training: left alone, Keras's augmentation
# > layers believe that it is, and mirror what we look at.

# %% tags=["sidebar-predict"]
predicted = feature_extractor.predict(preprocess_input(img_tensor.copy()), verbose=0)
print(type(predicted).__name__, "from predict,", type(activation).__name__, "from a call")
print("the same numbers:", np.allclose(predicted, activation, rtol=1e-3, atol=1e-3 * np.abs(predicted).max()))

# %% [markdown]
# An untrained filter likes nothing in particular. In the `sample` profile we ask the mini-Xception of 9.3, which has
# seen nothing but drawn cats and dogs; in `book`, Xception as trained on ImageNet. `load_network` returns any of them,
# and with it the function that prepares pictures for it.


# %% tags=["load-network"]
def load_network(name, weights, include_top=True, size=None):
    """Return a network or its base, and its function from pictures (N, height, width, 3) in 0-255 to input.

    The mini-Xception takes pictures of `size` pixels; the networks of Keras Applications have a size of their own with
    their top, and take any size without it.
    """
    keras.utils.clear_session()  # Keras numbers layers from the start again: a layer has the same name each time
    if name != "mini-Xception":
        if weights == "own":
            raise ValueError(f'WEIGHTS is "own", but {name} is no network of ours; expected "imagenet" or a file')
        return load_application(name, weights, include_top, Path(DATA, "weights"))
    if weights not in ("own", "untrained"):
        raise ValueError(f'WEIGHTS is {weights!r}, but the mini-Xception takes "own" or "untrained"')
    knobs = lesson.FILTERS, lesson.MOMENTUM, lesson.ROTATION, lesson.ZOOM
    network = lesson.build_mini_xception(size or image_size, *knobs)
    if weights == "own":
        network.set_weights(lesson.mini_xception.get_weights())
    network = network if include_top else keras.Model(network.input, last_maps(network))
    return network, lambda pictures: ops.cast(pictures, "float32")


# %% tags=["constants"]
PATTERN_SIZE = knob(sample=96, book=200)  # pixels
STEPS = 30  # of gradient ascent
RATE = 10.0  # length of a step, where pixels are in [-1, 1]; with shrinking steps, of the first one

# %% tags=["base"]
base_name, base_weights = BASE or (BACKBONE, WEIGHTS)
base, prepare_for_base = load_network(base_name, base_weights, include_top=False, size=PATTERN_SIZE)
print(f"{base_name}, from {base.input.shape} to {base.output.shape}, {base.count_params():,} parameters")
print(", ".join(find_convolutions(base)))

# %% [markdown]
# Any of these convolutions can be asked, and any filter of it. We feed images in [−1, 1], whatever the network
# takes; so the feature extractor first prepares them.


# %% tags=["constants"]
FILTER_LAYERS = None  # layers whose filters we ask; None: the book's four in Xception, else four spread over the depth
FILTER = 2  # which filter of the first of them to ask first: the third


# %% tags=["base"]
def build_extractor(model, layer_name, prepare):
    """Return a function from images (N, height, width, 3) in [-1, 1] to what a layer of a model puts out for them."""
    maps = keras.Model(model.input, model.get_layer(layer_name).output)
    return lambda image: maps(prepare(127.5 * (image + 1)), training=False)


filter_layers = FILTER_LAYERS or choose_convolutions(base)
if strangers := set(filter_layers) - set(find_convolutions(base)):
    raise ValueError(f"FILTER_LAYERS names {', '.join(sorted(strangers))}; expected convolutions from the list above")
feature_extractor = build_extractor(base, filter_layers[0], prepare_for_base)
count = base.get_layer(filter_layers[0]).output.shape[-1]
if not 0 <= FILTER < count:
    raise ValueError(f"FILTER is {FILTER}; expected 0 to {count - 1}, the filters of {filter_layers[0]}")
print(f"{filter_layers[0]} has {count} filters")

# %% [markdown]
# What do we want to be large? The filter's mean response, without the two outermost pixels on each side, where the
# zeros beyond the picture's border play a part.


# %% tags=["step-9.4-2"]
# Step 9.4-2
def compute_loss(feature_extractor, image, filter_index):
    """Return the mean of a filter's map for an image (1, height, width, 3), without a border of 2 if there is room."""
    activation = feature_extractor(image)
    filter_activation = ops.take(activation, filter_index, axis=-1)
    if min(filter_activation.shape[1:]) > 4:
        filter_activation = filter_activation[:, 2:-2, 2:-2]
    return ops.mean(filter_activation)


# %% [markdown]
# The book calls this number a loss, though we want it large, and takes the feature extractor from outside the function;
# here it is an argument, since we shall have several. Our functions also return the loss, to draw it.
#
# One step: the gradient of this loss with respect to the picture, brought to length 1, times the step size, added.
#
# > **Reader's note.** The book's text calls the length the "root of the mean" of squares; it is the root of their
# > *sum*. And a filter's number must be a tensor: a Python integer would be compiled into the function, and each filter
# > would cost a compilation.


# %% tags=["listing-9.16"]
# Listing 9.16
@tf.function(autograph=False)
def gradient_ascent_step(feature_extractor, image, filter_index, learning_rate):
    """Return an image, a tensor (1, height, width, 3), with more of what a filter likes, and the loss before."""
    with tf.GradientTape() as tape:
        tape.watch(image)
        loss = compute_loss(feature_extractor, image, filter_index)
    grads = tape.gradient(loss, image)
    length = ops.sqrt(ops.sum(grads**2))
    return image + learning_rate * grads / ops.maximum(length, 1e-12), loss


# %% [markdown]
# And the loop. It starts from noise in [0.4, 0.6], as the book's does.


# %% tags=["listing-9.17"]
# Listing 9.17
def generate_filter_pattern(feature_extractor, filter_index, seed=0):
    """Return the image (size, size, 3) that a filter likes, and the losses before each step and at the end."""
    image = keras.random.uniform((1, PATTERN_SIZE, PATTERN_SIZE, 3), 0.4, 0.6, seed=seed)
    filter_index, learning_rate = ops.convert_to_tensor(filter_index), ops.convert_to_tensor(RATE)
    losses = []
    for _ in range(STEPS):
        image, loss = gradient_ascent_step(feature_extractor, image, filter_index, learning_rate)
        losses.append(float(loss))
    losses.append(float(compute_loss(feature_extractor, image, filter_index)))
    return ops.convert_to_numpy(image)[0], losses


# %% [markdown]
# A pattern is no photograph: to be seen well it is centred and stretched, like the channels above, and its border is
# cut off.


# %% tags=["constants"]
CROP = knob(sample=8, book=25)  # pixels cut from each side of a pattern: the border sees zeros beyond the picture


# %% tags=["listing-9.18"]
# Listing 9.18
def deprocess_image(image, crop=0):
    """Return an image (height, width, 3) of any range as a picture, uint8, without `crop` pixels on each side."""
    pixels = stretch(image)
    height, width, _ = pixels.shape
    if not 0 <= 2 * crop < min(height, width):
        raise ValueError(f"CROP is {crop}; expected less than half of the pattern's {min(height, width)} pixels")
    return pixels[crop : height - crop, crop : width - crop]


# %% tags=["step-9.4-3", "figure-9.16"] nbval={"figure_rms": 0.4}
# Step 9.4-3, figure 9.16
pattern, losses = generate_filter_pattern(feature_extractor, FILTER, seed=SEED)
fig, ax = plt.subplots(figsize=(3.5, 3.5), layout="constrained")
plots.show_picture(deprocess_image(pattern, CROP), f"filter {FILTER} of {filter_layers[0]}", ax)
plots.show(fig, "The pattern that one filter likes")
print(f"pixels from {pattern.min():.1f} to {pattern.max():.1f}; loss from {losses[0]:.3f} to {losses[-1]:.3f}")

# %% [markdown]
# **Figure 9.16.** The pattern for the filter with index 2, the third.
#
# > **Reader's note.** The book calls it the pattern of "filter 0"; the index in its code is 2.
#
# ### Three options
#
# The line below the figure tells what is not right yet: the pixels have left the range [−1, 1] that a picture has, in
# which the network was trained. So we try three changes, one after the other. *Range*: start around 0, middle gray, and
# cut to [−1, 1] after each step. *Shrinking steps*: the last steps are short, so that they do not leap over the best
# place. *Jitter*: move the picture by a few random pixels before each step and back after it; what only works at one
# exact place does not survive that.


# %% tags=["options"]
def grow_pattern(feature_extractor, filter_index, size, in_range=True, shrinking=True, jitter=0, seed=0):
    """Return the image (size, size, 3) that a filter likes, and the losses; like `generate_filter_pattern`."""
    start = 0.0 if in_range else 0.5
    image = keras.random.uniform((1, size, size, 3), start - 0.1, start + 0.1, seed=seed)
    filter_index, learning_rate = ops.convert_to_tensor(filter_index), ops.convert_to_tensor(RATE)
    dice, losses = np.random.default_rng(seed), []
    for step in range(STEPS):
        rate = learning_rate * (1 - step / STEPS) if shrinking else learning_rate
        down, right = dice.integers(-jitter, jitter + 1, 2).tolist()
        moved = ops.roll(image, (down, right), (1, 2))
        moved, loss = gradient_ascent_step(feature_extractor, moved, filter_index, rate)
        image = ops.roll(moved, (-down, -right), (1, 2))
        image = ops.clip(image, -1, 1) if in_range else image
        losses.append(float(loss))
    losses.append(float(compute_loss(feature_extractor, image, filter_index)))
    return ops.convert_to_numpy(image)[0], losses


# %% tags=["options"] nbval={"figure_rms": 0.2}
options = {"as above": {"in_range": False, "shrinking": False}, "+ range": {"shrinking": False}}
options |= {"+ shrinking steps": {}, "+ jitter": {"jitter": 4}}
grown = {
    name: grow_pattern(feature_extractor, FILTER, PATTERN_SIZE, seed=SEED, **chosen) for name, chosen in options.items()
}
fig, axes = plt.subplots(1, 5, figsize=(9, 2.2), layout="constrained", width_ratios=(1, 1, 1, 1, 1.4))
for ax, (name, (pattern, _)) in zip(axes, grown.items(), strict=False):
    plots.show_picture(deprocess_image(pattern, CROP), name, ax)
plots.show_lines({name: losses for name, (_, losses) in grown.items()}, range(STEPS + 1), axes[-1])
axes[-1].set(xlabel="step", title="loss")
plots.show(fig, "Four patterns that one filter likes, each with one change more, and how the loss rises with the steps")

# %% [markdown]
# Without cutting, the loss rises further, into pixels that no picture has. With jitter it rises more slowly. From here
# on we use range and shrinking steps: with steps of one length, some filters of Xception end below where they started.
#
# One filter is an anecdote. Here are the first ones of four layers, each with a picture of its own.
#
# > **Reader's note.** The book's code for the grid is a syntax error in some printings: an assignment within an index.
# > Ours is `plots.tile`, which also fills a last row that is short.


# %% tags=["listing-9.19"]
# Listing 9.19
def show_patterns(layer_name, count):
    """Grow patterns for the first filters of a layer: return one picture of them, and losses (filters, steps + 1)."""
    feature_extractor = build_extractor(base, layer_name, prepare_for_base)
    filters = range(min(count, base.get_layer(layer_name).output.shape[-1]))
    filters = progress(filters, desc=layer_name, unit="filter", leave=False)
    grown = [grow_pattern(feature_extractor, filter_index, PATTERN_SIZE, seed=SEED) for filter_index in filters]
    all_images = [deprocess_image(image, CROP) for image, _ in grown]
    stitched_filters = plots.tile(all_images, plots.choose_columns(len(all_images)), margin=5, fill=255)
    Image.fromarray(stitched_filters).save(FIGURES / f"filters_for_layer_{layer_name}.png")
    return stitched_filters, np.array([losses for _, losses in grown])


# %% tags=["listing-9.19", "figure-9.17"] nbval={"timeout": 1800, "figure_rms": 0.3}
# Listing 9.19, figure 9.17
compiled_before = gradient_ascent_step.experimental_get_tracing_count()
patterns = {name: show_patterns(name, PATTERNS) for name in find_convolutions(base) if name in filter_layers}
compilations = gradient_ascent_step.experimental_get_tracing_count() - compiled_before
fig = plots.show_gallery({name: stitched_filters for name, (stitched_filters, _) in patterns.items()})
plots.show(fig, "Grids of patterns for the first filters of four layers, from the earliest to the deepest")

# %% tags=["figure-9.17", "erratum-11"] nbval={"rtol": 0.3}
# Figure 9.17, continued
for name, (_, losses) in patterns.items():
    print(f"{name}: the loss rose for {np.sum(losses[:, -1] > losses[:, 0])} of {len(losses)} filters")
print(f"{len(patterns)} layers, {compilations} compilations")

# %% [markdown]
# Every ascent rises, and one compilation serves all filters of a layer. Read the grids from left to right. In the
# stored run the earliest layer likes plain colours, the next one stripes of one direction, the deeper two mixtures that
# resemble nothing: the mini-Xception has only ever had to tell drawn cats from dogs. In Xception as trained on ImageNet
# (`book` profile), edges and colours come first, then textures, and in `block8_sepconv1` shapes that resemble feathers,
# eyes and leaves.

# %% [markdown]
# > **Predict, then run.** A filter is silent whatever the picture is: its gradient is zero everywhere. What does
# > a step of the ascent do?
# >
# > <details><summary>Answer</summary>
# >
# > Nothing: the picture stays as it is. Without the lower bound of the length, zero would be divided by zero.
# >
# > </details>

# %% [markdown]
# ## 9.4.3 Grad-CAM: what in this picture speaks for this class?
#
# Now the decision itself. *Gradient-weighted class activation mapping* (Selvaraju et al. 2017) asks of the network's
# last maps: if this channel were a little stronger, would the class's score rise? Channels that help get a large
# weight, channels that harm a negative one, and the mean of all weighted channels is a map of what speaks for the
# class.

# %% [markdown]
# Again the book's network first, this time with its top, the layers that name one of 1,000 classes:

# %% tags=["listing-9.20"]
# Listing 9.20
model = keras.applications.xception.Xception(weights=None)  # the book: weights="imagenet"
print(f"from {model.input.shape[1:]} to {model.output.shape[-1]} classes, {model.count_params():,} parameters")

# %% [markdown]
# And then the network that we ask: any that `load_network` knows.

# %% tags=["network"]
network, prepare = load_network(BACKBONE, WEIGHTS)
if network.output.shape[-1] == 1:
    class_names = [(name, name) for name in lesson.CLASS_NAMES]
else:
    class_names = load_class_names(Path(WEIGHTS).parent, Path(DATA, "weights"))
labels = [label for _, label in class_names]
print(f"{BACKBONE}: {network.input.shape[1]} pixels, {len(labels)} classes, {network.count_params():,} parameters")

# %% tags=["listing-9.21", "figure-9.18"]
# Listing 9.21, figure 9.18
img_path, cam_size = find_picture(PICTURE), network.input.shape[1:3]
picture = read_picture(img_path, cam_size)
img_array = prepare(get_img_array(img_path, target_size=cam_size))
fig, ax = plt.subplots(figsize=(3.5, 3.5), layout="constrained")
plots.show_picture(picture, img_path.name, ax)
plots.show(fig, "The picture that the network is asked about")

# %% [markdown]
# **Figure 9.18.** The picture at the network's size.
#
# > **Reader's note.** The book's `load_img` resizes by nearest neighbour, its default; `read_picture` resizes with
# > care.
#
# What does the network see? For ImageNet's classes, `keras.applications.xception.decode_predictions(preds, top=3)` says
# it in words. The function here gives the same three entries for each class, and takes any names.


# %% tags=["step-9.4-4"]
# Step 9.4-4
def predict_classes(network, img_array):
    """Return probabilities (N, classes); a network with one output, the probability of its class 1, has two classes."""
    preds = network.predict(img_array, verbose=0)
    return preds if preds.shape[-1] > 1 else np.hstack([1 - preds, preds])


def decode_predictions(preds, top=3):
    """Return for each row of probabilities (N, classes) the `top` classes, as (identifier, name, probability)."""
    return [[(*class_names[i], float(row[i])) for i in np.argsort(-row)[:top]] for row in preds]


# %% tags=["step-9.4-4"] nbval={"atol": 0.05}
# Step 9.4-4, continued
preds = predict_classes(network, img_array)
top_classes = decode_predictions(preds, top=3)[0]
for name, label, probability in top_classes:
    print(f"{probability:.3f}  {label} ({name})")

# %% tags=["step-9.4-5"]
# Step 9.4-5
top_pred_index = int(np.argmax(preds[0]))
print(top_pred_index, labels[top_pred_index])

# %% tags=["class"]
if CLASS and CLASS not in labels:
    raise ValueError(f"CLASS is {CLASS!r}, none of the {len(labels)} classes; the most likely are {top_classes}")
explained = labels.index(CLASS) if CLASS else top_pred_index
print("Grad-CAM explains", labels[explained])

# %% [markdown]
# For Xception and the elephants the book gives African elephant 0.870, tusker 0.077, Indian elephant 0.024, and the
# index 386.
#
# ### Step by step
#
# To get the gradient at the last maps we cut the network in two there: one model from picture to maps, and one, the
# classifier, from maps to the answer. In Xception the last maps come from the layer `block14_sepconv2_act`, and the
# book names the layers after it, `avg_pool` and `predictions`, one by one, in `classifier_layer_names`. A model from
# one tensor to another does without the names.
#
# And we let the classifier answer with *logits*, the numbers before softmax or sigmoid. We will see why.
#
# > **Reader's note.** A common rule, "the last layer that is a convolution", finds the projection on the skip in the
# > mini-Xception, half of the signal. The right place is the addition after it. `choose_layer` finds such places: it
# > takes the last layer through which everything must pass and whose maps have at least `CAM_LAYER` rows. In the
# > `sample` profile these are maps of 6×6, one block before the last, which has only 3×3. Within a residual block there
# > is no such place, for the skip goes around it.

# %% tags=["listing-9.22"]
# Listing 9.22
last_conv_layer_name = choose_layer(network, CAM_LAYER)
last_maps_of_network = network.get_layer(last_conv_layer_name).output
last_conv_layer_model = keras.Model(network.input, last_maps_of_network)

# %% tags=["listing-9.23"]
# Listing 9.23
classifier_model = keras.Model(last_maps_of_network, to_logits(network).output)
shapes = img_array.shape, last_conv_layer_model.output.shape, classifier_model.output.shape
print(f"{last_conv_layer_name}: from", " to ".join(str(tuple(shape[1:])) for shape in shapes))

# %% [markdown]
# What the gradient is taken of is a *score*, one number for each picture, computed from its logits. For a class it is
# the class's logit; a network with one output has one for both classes, with opposite signs.


# %% tags=["listing-9.24"]
# Listing 9.24
def class_score(index):
    """Return the score of a class, or of one per picture: from logits (N, classes), or (N, 1) for two, to (N,)."""

    def score(logits):
        if logits.shape[-1] == 1:
            return logits[:, 0] * (2.0 * ops.cast(index, logits.dtype) - 1)
        return ops.sum(logits * ops.one_hot(index, logits.shape[-1]), axis=-1)

    return score


# %% tags=["listing-9.24"] nbval={"rtol": 0.3}
# Listing 9.24, continued
last_conv_layer_output = last_conv_layer_model(img_array, training=False)
with tf.GradientTape() as tape:
    tape.watch(last_conv_layer_output)
    logits = classifier_model(last_conv_layer_output, training=False)
    top_class_channel = class_score(explained)(logits)
grads = tape.gradient(top_class_channel, last_conv_layer_output)
print(f"the logit of {labels[explained]} is {float(top_class_channel[0]):.2f}; gradient {grads.shape}")

# %% [markdown]
# The mean of the gradient over a channel's places is the channel's weight: by how much the score rises if the channel
# becomes a little stronger. Each channel is multiplied with its weight, and the mean over all channels is the map.

# %% tags=["listing-9.25"]
# Listing 9.25
pooled_grads = ops.mean(grads, axis=(1, 2), keepdims=True)
weighted_maps = ops.convert_to_numpy(last_conv_layer_output * pooled_grads)[0]
raw_heatmap = weighted_maps.mean(axis=-1)
print("weights", pooled_grads.shape, "times maps", last_conv_layer_output.shape, "give", raw_heatmap.shape)

# %% tags=["weighted-maps"] nbval={"figure_rms": 0.4}
strongest = np.argsort(-np.abs(weighted_maps).sum(axis=(0, 1)))[:4]
shown = {f"channel {channel}": weighted_maps[..., channel] for channel in strongest} | {"mean of all": raw_heatmap}
scaled = {title: values / np.abs(values).max() for title, values in shown.items()}
fig, _ = plots.show_maps(scaled, "PuOr_r", (-1, 1), "against      for")
plots.show(fig, "The four channels that say most, each times its weight, and the mean of all channels")

# %% [markdown]
# Four channels of many, each times its weight and on a scale of its own: orange speaks for the class, violet against
# it. On the right the mean of all channels.
#
# What speaks against the class is cut off, and the rest is scaled to 1. If nothing speaks for it, the map is zero
# everywhere; dividing by its maximum would make it "not a number".


# %% tags=["constants"]
COLORMAP = "magma"  # of the heatmaps; the book takes "jet", which draws edges that are not there
OPACITY = 0.4  # of the heatmap over the picture


# %% tags=["listing-9.26"]
# Listing 9.26
def to_heatmap(raw):
    """Return a raw map (height, width) as a heatmap in 0-1, its largest value 1, or all zeros."""
    positive = np.maximum(raw, 0)
    return positive / positive.max() if positive.max() > 0 else positive


# %% tags=["listing-9.26", "figure-9.19"] nbval={"figure_rms": 0.4}
# Listing 9.26, figure 9.19
heatmap = to_heatmap(raw_heatmap)
fig, axes = plots.show_maps({f"for {labels[explained]}": heatmap}, COLORMAP, (0, 1), "share of the largest value")
plots.show(fig, "The heatmap: a coarse grid, bright where the picture speaks for the class")

# %% [markdown]
# **Figure 9.19.** The heatmap, as coarse as the maps that it is made of. To read it, lay it over the picture.


# %% tags=["listing-9.27"]
# Listing 9.27
def resize(heatmaps, size):
    """Return heatmaps (N, height, width) at another (height, width), bilinear."""
    return ops.convert_to_numpy(ops.image.resize(heatmaps[..., None], size, interpolation="bilinear"))[..., 0]


def lay_over(picture, heatmap, colormap="magma", opacity=0.4):
    """Return a picture, uint8 (height, width, 3), under a heatmap of any size in 0-1, in colours of matplotlib."""
    fine = resize(heatmap[np.newaxis], picture.shape[:2])[0]
    colours = 255 * plt.get_cmap(colormap)(fine)[..., :3]
    return ((1 - opacity) * picture + opacity * colours).round().astype("uint8")


# %% tags=["listing-9.27", "figure-9.20"] nbval={"figure_rms": 0.2}
# Listing 9.27, figure 9.20
superimposed_img = lay_over(picture, heatmap, COLORMAP, OPACITY)
save_path = FIGURES / f"{img_path.stem}_cam.jpg"
Image.fromarray(superimposed_img).save(save_path, quality=92)
fig, axes = plt.subplots(1, 2, figsize=(7, 3.5), layout="constrained")
plots.show_picture(picture, "picture", axes[0])
plots.show_picture(superimposed_img, f"for {labels[explained]}", axes[1])
plots.show(fig, "The picture alone, and under the heatmap of the class that is explained")

# %% [markdown]
# **Figure 9.20.** Bright is what speaks for the class that is explained. In the book's picture the ears of the calf are
# strongly lit: that may be how the network tells African from Indian elephants, whose ears differ. Such a map helps
# most where an answer is wrong: it shows what the network took for the thing.
#
# > **Reader's note.** The book adds `0.4` times the colours, its `jet`, to the picture and scales the sum. We blend:
# > the colours with the weight `OPACITY`, the picture with the rest, so that no pixel leaves the range of a picture.
#
# ### All of it as one function
#
# Here are the steps as one function to take along. It takes a batch, and each picture is treated as if it were alone.
# Most of the work is in the first model, through which no gradient has to pass: `predict_on_batch` has it compiled,
# several times faster than calling it. The tape watches the classifier alone.


# %% tags=["grad-cam"]
def grad_cam(features, head, inputs, score):
    """Return what in each picture speaks for a score: raw maps, float32 (N, height, width), below 0 if against.

    `features` and `head` are models from inputs to maps and from maps to logits, as `split_at` makes them; `inputs` are
    pictures as the model takes them, (N, height, width, 3); `score` takes logits to a number for each picture, (N,).
    Source: R. Selvaraju et al., Grad-CAM, ICCV 2017, without the final relu.
    """
    maps = ops.convert_to_tensor(features.predict_on_batch(inputs), "float32")
    with tf.GradientTape() as tape:
        tape.watch(maps)
        scores = score(head(maps, training=False))
    weights = ops.mean(tape.gradient(scores, maps), axis=(1, 2), keepdims=True)  # of each picture: not over the batch
    return ops.convert_to_numpy(ops.mean(weights * maps, axis=-1))


raw = grad_cam(last_conv_layer_model, classifier_model, img_array, class_score(explained))[0]
print("the same as step by step:", np.allclose(raw, raw_heatmap, rtol=1e-3, atol=1e-4 * np.abs(raw).max()))

# %% tags=["grad-cam"] nbval={"figure_rms": 0.2}
other_class = next(int(index) for index in np.argsort(-preds[0]) if index != explained)
other = grad_cam(last_conv_layer_model, classifier_model, img_array, class_score(other_class))[0]
fig, axes = plt.subplots(1, 2, figsize=(7, 3.5), layout="constrained")
plots.show_picture(superimposed_img, f"for {labels[explained]}", axes[0])
plots.show_picture(lay_over(picture, to_heatmap(other), COLORMAP, OPACITY), f"for {labels[other_class]}", axes[1])
plots.show(fig, "The picture under the heatmaps of the class that is explained and of the next most likely one")

# %% [markdown]
# One picture, two questions: what speaks for the first class, and what for the most likely of the others. With two
# classes the second map is the first one's negative: what was cut off there.
#
# The score may be anything that can be computed from the answer. The network of notebook 9.2 answers for every pixel;
# take the mean logit "animal" over the pixels that it calls animal, and the map shows which places this answer comes
# from.

# %% tags=["segmentation"] nbval={"timeout": 1800, "figure_rms": 0.2}
cells = ["setup", "step-9.2-1", "step-9.2-2", "step-9.2-5", "step-9.2-7"]
segmentation = load_lesson("9_2_image_segmentation", cells, **folders, **LESSONS["9_2"])
segmenter, pet = segmentation.model, segmentation.val_input_imgs[segmentation.SHOWN_PREDICTION]
answer = np.argmax(segmenter.predict(pet[np.newaxis], verbose=0)[0], axis=-1)


# %% tags=["segmentation"] nbval={"figure_rms": 0.2}
def mask_score(mask, class_index):
    """Return the score of a class on a mask (height, width): from logits (N, height, width, classes) to (N,)."""
    mask = ops.cast(mask, "float32")
    return lambda logits: ops.sum(logits[..., class_index] * mask, axis=(1, 2)) / ops.maximum(ops.sum(mask), 1)


narrowest = next(iter(last_of_each_size(segmenter).values()))
segmenter_halves = split_at(to_logits(segmenter), narrowest)
fig, axes = plt.subplots(1, 4, figsize=(11, 3), layout="constrained")
plots.show_picture(pet, "picture", axes[0])
plots.show_mask(answer, "the network's answer", axes[1])
for ax, index in zip(axes[2:], (0, 1), strict=True):
    score = mask_score(answer == index, index)
    heat = to_heatmap(grad_cam(*segmenter_halves, pet[np.newaxis].astype("float32"), score)[0])
    plots.show_picture(lay_over(pet, heat, COLORMAP, 0.6), f"for its {segmentation.CLASS_NAMES[index]}", ax)
plots.show(fig, "A pet, its predicted mask, and the heatmaps of what speaks for animal and for background")

# %% [markdown]
# For the animal, places on the animal count, for its background the space around it. The network answers pixel by
# pixel, but each pixel's answer rests on a neighbourhood.
#
# ### Why logits?
#
# A probability near 1 can hardly rise any more: through a sigmoid its gradient is the logit's times p·(1 − p), which
# goes to zero, and softmax does the same. A map made from probabilities fades just where the network is most certain.
# We make both maps for a number of pictures, and plot the largest value of each against the certainty.

# %% [markdown]
# First the pictures: they need masks, for the scores below, and the network must not have learned from them.


# %% tags=["constants"]
SCORED = knob(sample=400, book=1000)  # pictures with masks on which heatmaps are scored: all that validate


# %% tags=["scored-pictures"]
def list_scored():
    """Return the paths of validation pictures that have trimaps: those of 9.3 if drawn, else those of 9.2."""
    if PROFILE == "sample":
        return split["validation"][0]
    validation = segmentation.names[-segmentation.VALIDATION :]
    return [Path(segmentation.PETS, "images", f"{name}.jpg") for name in validation]


candidates = list_scored()
chosen = np.random.default_rng(SEED).permutation(len(candidates))[:SCORED]
paths = [candidates[index] for index in chosen]
scored_images = np.stack([read_picture(path, cam_size) for path in paths])
scored_masks = np.stack([read_mask(find_annotation(path, "trimaps"), cam_size) for path in paths])
print(f"{len(paths)} pictures with masks, {np.mean(scored_masks == 0):.0%} of the pixels are animal")


# %% tags=["maps-of-all"]
def raw_maps(network, layer_name, images, classes, score=class_score, batch_size=20):
    """Return the raw Grad-CAM maps (N, height, width) of pictures in 0-255, each for its class in `classes` (N,)."""
    starts = progress(range(0, len(images), batch_size), desc=f"Grad-CAM at {layer_name}", unit="batch", leave=False)
    batches = [slice(start, start + batch_size) for start in starts]
    halves = split_at(to_logits(network), layer_name)
    maps = [grad_cam(*halves, prepare(images[batch]), score(classes[batch])) for batch in batches]
    return np.concatenate(maps)


scored_preds = predict_classes(network, prepare(scored_images))
classes = scored_preds.argmax(axis=-1)  # what the network sees in each picture


# %% tags=["saturation"] nbval={"timeout": 1800, "figure_rms": 0.2}
def class_probability(index):
    """Return the probability of a class as a score, like `class_score`."""

    def score(logits):
        both = logits if logits.shape[-1] > 1 else ops.concatenate([ops.zeros_like(logits), logits], axis=-1)
        return ops.sum(ops.softmax(both) * ops.one_hot(index, both.shape[-1]), axis=-1)

    return score


some = slice(0, 100)
missing = 1 - scored_preds[some].max(axis=-1)
fig, ax = plt.subplots(figsize=(6, 3.4), layout="constrained")
for name, score in (("logit", class_score), ("probability", class_probability)):
    strengths = np.abs(raw_maps(network, last_conv_layer_name, scored_images[some], classes[some], score)).max((1, 2))
    ax.plot(np.maximum(missing, 1e-8), np.maximum(strengths, 1e-12), "o", ms=4, alpha=0.6, label=f"map of the {name}")
ax.set(xscale="log", yscale="log")
ax.set(xlabel="1 − probability of the most likely class", ylabel="largest value of the map")
ax.invert_xaxis()
ax.legend(fontsize=8)
plots.show(fig, "Strength of the map against certainty: of the logit it stays, of the probability it falls to nothing")

# %% [markdown]
# To the right the network is ever more certain. The map of the logit stays strong; that of the probability falls in
# step with what is left to gain. Further to the right a probability becomes exactly 1 in 32-bit numbers and its map
# exactly 0: nothing to see for the very pictures that are clearest.
#
# > **Reader's note.** The book takes the gradient of the softmax output, takes its mean over the batch, too, which is
# > right for one picture only, and divides by the map's maximum even if that is 0. Here the score is a logit, each
# > picture has its own weights, and an empty map stays empty.
#
# ### Is the heatmap right?
#
# A bright spot on the animal convinces, but it might be there on any picture, for animals are in the middle of
# pictures. So we *score*: which share of a heatmap's energy, of the sum of its values, lies on the animal (its mask;
# pixels of the outline do not count)? And the same for two heatmaps that know nothing: one that is equal everywhere,
# and a blob in the centre.


# %% tags=["energy"]
def energy_share(heatmaps, inside, counted=None):
    """Return the share of each heatmap's sum that lies inside, (N,); NaN for a heatmap of zeros.

    All are (N, height, width): heatmaps not negative, `inside` and `counted` boolean; what is not counted is left out.
    """
    counted = np.ones_like(inside) if counted is None else counted
    total = np.sum(heatmaps * counted, axis=(1, 2), dtype="float64")
    within = np.sum(heatmaps * (inside & counted), axis=(1, 2), dtype="float64")
    return np.divide(within, total, out=np.full(len(total), np.nan), where=total > 0)


def centred_blob(height, width, spread=0.25):
    """Return a Gaussian (height, width) in the middle, `spread` times the sides wide."""
    y, x = (np.linspace(-0.5, 0.5, side) / spread for side in (height, width))
    return np.exp(-(y[:, None] ** 2 + x**2) / 2)


# %% tags=["energy"] nbval={"timeout": 1800}
raw = raw_maps(network, last_conv_layer_name, scored_images, classes)
blob = np.broadcast_to(centred_blob(*cam_size), scored_masks.shape)
heatmaps = {
    "Grad-CAM": resize(np.maximum(raw, 0), cam_size),
    "centred blob": blob,
    "uniform map": np.ones_like(blob),
}
on_animal = {name: energy_share(maps, scored_masks == 0, scored_masks != 2) for name, maps in heatmaps.items()}


# %% tags=["energy"]
def mean_and_error(values):
    """Return the mean of the values that are numbers, and half the width of its 95 % interval."""
    values = values[~np.isnan(values)]
    return float(values.mean()), float(1.96 * values.std(ddof=1) / math.sqrt(len(values)))


def print_difference(shares, other="centred blob"):
    """Print by how much Grad-CAM's shares are above another map's, picture by picture, and the verdict."""
    difference, error = mean_and_error(shares["Grad-CAM"] - shares[other])
    verdict = "better" if difference > error else "worse" if difference < -error else "no better"
    interval = f"95 % between {difference - error:.3f} and {difference + error:.3f}"
    print(f"Grad-CAM less {other}: {difference:.3f}, {interval}: {verdict}")


def show_shares(shares, title, ax):
    """Draw the mean of each map's shares as a bar with its 95 % interval."""
    means, errors = zip(*map(mean_and_error, shares.values()), strict=True)
    bars = ax.bar(list(shares), means, yerr=errors, capsize=5, color=["C0", "0.6", "0.6"])
    ax.bar_label(bars, fmt="%.2f", fontsize=8)
    ax.set(title=title, ylim=(0, 1.2 * max(means)))


# %% tags=["energy"] nbval={"atol": 0.12, "figure_rms": 0.15}
widths = (0.1, 0.15, 0.2, 0.25, 0.3, 0.4)
blobs = [np.broadcast_to(centred_blob(*cam_size, width), scored_masks.shape) for width in widths]
by_width = [np.nanmean(energy_share(maps, scored_masks == 0, scored_masks != 2)) for maps in blobs]
fig, axes = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
show_shares(on_animal, "share of the energy on the animal", axes[0])
axes[1].plot(widths, by_width, "o-", color="0.5", label="centred blob")
axes[1].axhline(np.nanmean(on_animal["Grad-CAM"]), color="C0", label="Grad-CAM")
axes[1].set(title="against the width of the blob", xlabel="width, in sides of the picture", ylim=(0, 1))
axes[1].legend(fontsize=8)
plots.show(
    fig, "Share of energy on the animal for Grad-CAM, a centred blob and a uniform map; and for blobs of several widths"
)
for other in ("centred blob", "uniform map"):
    print_difference(on_animal, other)
print(f"{np.mean(np.isnan(on_animal['Grad-CAM'])):.3f} of the maps are empty")

# %% [markdown]
# The lines below the figure compare picture by picture, each with a 95 % interval of the mean difference: a map that is
# equal everywhere is easily beaten; the blob, which has never seen a picture, is the fairer judge, for drawn heads are
# nearly always in the middle. On the right the score's own weakness: the narrower the blob, the higher its share,
# without knowing anything, for the very middle of these pictures is always animal. Energy rewards small maps. A score
# needs a fair baseline.
#
# The network need not look at all of the animal: what tells a cat from a dog is only a part of it. The drawn animals
# come with a mask for each part. Muzzle, ears, eyes (their size and pupils) and whiskers differ in shape between cats
# and dogs; coat, colours and surroundings do not. So we ask again, of the energy that is on the animal: how much is
# on the parts of the head that distinguish them?

# %% tags=["parts"] nbval={"atol": 0.06, "figure_rms": 0.15}
TELLING = ("muzzle", "ears", "eyes", "whiskers")


def read_parts(file):
    """Return the index into PARTS of each pixel, uint8 (height, width)."""
    return np.array(Image.open(file).resize(cam_size[::-1], Image.Resampling.NEAREST))


on_parts = {}
if find_annotation(paths[0], "parts").exists():
    parts = np.stack([read_parts(find_annotation(path, "parts")) for path in paths])
    telling = np.isin(parts, [PARTS.index(part) for part in TELLING])
    on_parts = {name: energy_share(maps, telling, parts > 0) for name, maps in heatmaps.items()}
    fig, ax = plt.subplots(figsize=(5, 3.2), layout="constrained")
    show_shares(on_parts, f"share of the animal's energy on {', '.join(TELLING)}", ax)
    plots.show(fig, "Share of the energy on the parts that tell cats from dogs, for the same three maps")
    print_difference(on_parts)
else:
    print("These pictures have no masks of the parts.")

# %% [markdown]
# The uniform map's share is that of these parts in the animals, and Grad-CAM's is hardly above it. So the heatmaps tell
# us that the network looks at heads, where animals are anyway; they do not show how it tells the species. Without the
# score we might have made up a story about figure 9.20.
#
# ### At which layer?
#
# The last maps have seen most, but are the coarsest. We cut the same network at its last layer of each size and score
# a hundred pictures.


# %% tags=["layers"]
def measure_layers(network, names):
    """Return for each layer the energy on the animal in a hundred pictures: mean, and half its 95 % interval."""
    images, masks, measured = scored_images[some], scored_masks[some], {}
    seen = predict_classes(network, prepare(images)).argmax(axis=-1)
    for name in names:
        maps = resize(np.maximum(raw_maps(network, name, images, seen), 0), cam_size)
        measured[name] = mean_and_error(energy_share(maps, masks == 0, masks != 2))
    return measured


def draw_blanks(ax):
    """Draw lines where the two maps are that know nothing."""
    for name, style in (("centred blob", "--"), ("uniform map", ":")):
        ax.axhline(np.nanmean(on_animal[name][some]), color="0.4", linestyle=style, label=name)


# %% tags=["layers"] nbval={"timeout": 1800, "atol": 0.25}
by_side = last_of_each_size(network)
energy_by_layer = measure_layers(network, by_side.values())
for (name, (mean, error)), side in zip(energy_by_layer.items(), by_side, strict=True):
    ends = f"95 % between {mean - error:.2f} and {mean + error:.2f}"
    print(f"{name}, {side}×{side}: {mean:.2f} of the energy on the animal, {ends}")

# %% tags=["layers"] nbval={"figure_rms": 0.15}
fig, ax = plt.subplots(figsize=(6, 3.2), layout="constrained")
sides = [f"{side}×{side}" for side in by_side]
means, errors = zip(*energy_by_layer.values(), strict=True)
ax.errorbar(sides, means, errors, marker="o", capsize=4, label="Grad-CAM")
draw_blanks(ax)
ax.set(xlabel="size of the maps", ylabel="share on the animal", ylim=(0, 1))
ax.legend(fontsize=8)
plots.show(
    fig, "Share of energy on the animal for Grad-CAM at maps of several sizes, with the two maps that know nothing"
)

# %% [markdown]
# In the stored run the 3×3 maps at the end do little better than a uniform map, though one bright cell in their
# middle would score far higher: it is not the size alone. The 12×12 maps do best. It is tempting to stop here and to
# advise everybody to cut at 12×12. The best of six layers on the same hundred pictures flatters, though, and there is
# a worse catch: see below.
#
# ### The sanity check
#
# A heatmap should depend on what the network has learned. If it looks the same after the weights have been destroyed,
# it only shows the picture's edges. So we replace the weights from the top, a few layers at a time, with fresh ones
# from the initialiser, and watch how alike the maps for the same class remain (Adebayo et al. 2018). Alike means
# here: the rank correlation between the maps of the same picture, and also its absolute value, for a map turned into
# its negative still shows the same places.


# %% tags=["constants"]
RANDOMISED = knob(sample=50, book=20)  # pictures for the sanity check


# %% tags=["sanity"]
def randomise(model, names, seed):
    """Return a copy of a model in which the layers of these names have new weights."""
    keras.utils.set_random_seed(seed)
    copy = keras.models.clone_model(model)
    for old, new in zip(model.layers, copy.layers, strict=True):
        if old.name not in names:
            new.set_weights(old.get_weights())
    return copy


def rank_correlation(maps, others):
    """Return Spearman's rank correlation of maps (N, height, width) with their partners, (N,); 0 if constant."""

    def correlate(first, second):
        constant = np.ptp(first) == 0 or np.ptp(second) == 0
        return 0.0 if constant else spearmanr(first, second, axis=None).statistic

    return np.array([correlate(*pair) for pair in zip(maps, others, strict=True)])


# %% tags=["sanity"] nbval={"timeout": 1800}
weighted = [layer.name for layer in reversed(network.layers) if layer.weights]
steps = sorted({round(step) for step in np.linspace(0, len(weighted), 9)})


def measure_similarity(network, seed):
    """Return rank correlations (N,) of a network's maps: with those after each of `steps`, and with others' maps.

    `seed` is for the new weights, and none that a network was trained from: that one brings its first weights back,
    which a trained network still resembles.
    """
    images, similarity = scored_images[:RANDOMISED], {}
    seen = predict_classes(network, prepare(images)).argmax(axis=-1)
    original = raw_maps(network, last_conv_layer_name, images, seen)
    for step in progress(steps, desc="Destroying weights", unit="step", leave=False):
        maps = raw_maps(randomise(network, weighted[:step], seed), last_conv_layer_name, images, seen)
        similarity[step] = rank_correlation(original, maps)
    return similarity, rank_correlation(original, np.roll(original, 1, axis=0))


FRESH = 1000  # is added to the seed of a training for weights that are new to its network
similarity, elsewhere = measure_similarity(network, lesson.SEED + FRESH)

# %% tags=["sanity"] nbval={"rtol": 0.2, "atol": 0.45, "figure_rms": 0.2}
fig, ax = plt.subplots(figsize=(6.5, 3.2), layout="constrained")
means = {"rank correlation": [values.mean() for values in similarity.values()]}
means["its absolute value"] = [np.abs(values).mean() for values in similarity.values()]
plots.show_lines(means, list(similarity), ax)
ax.axhline(elsewhere.mean(), color="0.5", linestyle="--", label="different pictures")
ax.axhline(np.abs(elsewhere).mean(), color="0.5", linestyle=":", label="different pictures, absolute value")
ax.set(xlabel=f"layers with new weights, from the top, of {len(weighted)}", ylabel="maps before and after")
ax.legend(fontsize=8)
plots.show(fig, "Similarity of the heatmaps falls as more and more layers lose their weights")
print("rank correlation", ", ".join(f"{step}: {values.mean():.2f}" for step, values in similarity.items()))
print(f"between maps of different pictures: {elsewhere.mean():.2f}")

# %% [markdown]
# The gray lines are what two maps of *different* pictures have in common. With all weights in place the maps are the
# same, of course. With new weights in the first layers from the top, half of the likeness is lost; with new weights in
# half of the layers, the maps are no more alike than those of different pictures. After that the curve goes up and down
# by chance. The absolute value ends higher, for some maps become the negatives of what they were. So the map shows what
# the network has learned. A method whose curve stays high would be an edge detector in disguise.
#
# > **A trap.** Our first version drew the new weights from the seed of the training. They were then the very weights
# > that the network had started from, which a short training does not leave far behind, and the maps stayed alike.
#
# ### Would another training say the same?
#
# All intervals so far are about *pictures*: they say how far other pictures of the same kind would move a mean. All
# pictures were judged by one network, though, and had its training begun with other weights, or on a processor that
# rounds in another way, it would be another network. So we train it again, from other seeds, and repeat both
# measurements: the energy at each size of maps, and the sanity check.


# %% tags=["constants"]
TRAININGS = knob(sample=4, book=1)  # of the mini-Xception, each from another seed, that are compared at the end


# %% tags=["trainings"]
def train_again(seed):
    """Return a copy of the network with weights from another seed, trained as notebook 9.3 trains the mini-Xception."""
    keras.utils.set_random_seed(seed)
    with lesson.devices.use(lesson.DEVICES, lesson.PRECISION):
        knobs = lesson.FILTERS, lesson.MOMENTUM, lesson.ROTATION, lesson.ZOOM
        another = lesson.build_mini_xception(image_size, *knobs)
        if WEIGHTS == "own":
            recipe = lesson.EPOCHS, lesson.BATCH_SIZE, lesson.LEARNING_RATE, lesson.DECAY, lesson.MODELS
            best, _ = lesson.train_classifier(another, lesson.pictures, *recipe)
            another = keras.models.load_model(best)
    copy = keras.models.clone_model(network)
    copy.set_weights(another.get_weights())
    return copy


# %% tags=["trainings"] nbval={"timeout": 1800}
networks, energies, similarities = [network], [energy_by_layer], [similarity]
seeds = range(lesson.SEED + 1, lesson.SEED + TRAININGS) if BACKBONE == "mini-Xception" else ()
for seed in progress(seeds, desc="Other trainings", unit="network"):
    networks.append(train_again(seed))
    energies.append(measure_layers(networks[-1], by_side.values()))
    similarities.append(measure_similarity(networks[-1], seed + FRESH)[0])

# %% tags=["trainings", "trainings-figure"] nbval={"figure_rms": 0.15}
fig, axes = plt.subplots(1, 2, figsize=(10, 3.4), layout="constrained")
plots.show_runs([[mean for mean, _ in measured.values()] for measured in energies], sides, axes[0])
plots.show_runs([[values.mean() for values in alike.values()] for alike in similarities], steps, axes[1])
draw_blanks(axes[0])
axes[0].set(xlabel="size of the maps", title="share of the energy on the animal", ylim=(0, 1))
axes[1].set(xlabel="layers with new weights, from the top", title="rank correlation before and after", ylim=(-1, 1.05))
axes[0].legend(fontsize=8)
plots.show(fig, "The energy at each size, and the sanity check, for several trainings of the same network")

# %% tags=["trainings"] nbval={"atol": 0.15}
for side, measured in zip(sides, zip(*(energy.values() for energy in energies), strict=True), strict=True):
    means = np.array([mean for mean, _ in measured])
    print(f"{side}: {means.mean():.2f} of the energy on the animal, standard deviation {means.std():.2f}")

# %% [markdown]
# Left, what remains: in every training the 3×3 maps do hardly better than a uniform map, and the 6×6 maps much
# better. What does not remain is the rest: at 6×6 and 12×12 some trainings are above the blob and others below it, and
# the lines cross. The intervals over pictures were much narrower than the distance between the lines. A verdict
# about heatmaps of *such networks* needs several of them: "cut at 12×12" would have been news about one network.
#
# Right: in each training the likeness falls as soon as the top layers have new weights, in two of the four to
# nothing, in two to less than half. Where the lines wander then is chance: a random network's maps are bright
# at much the same place in all pictures, so even the mean over many is not zero, and it may be negative. Hence the
# absolute value in the figure before.
#
# (Do you see only one line? Networks of Keras Applications come from one training each. Their results have the same
# catch, and no remedy.)

# %% [markdown]
# > **Predict, then run.** A network with one output tells cats from dogs. How does the raw map for "cat" look, if
# > you know the one for "dog"?
# >
# > <details><summary>Answer</summary>
# >
# > It is the same map with the opposite sign: there is only one logit.
# >
# > </details>

# %% [markdown]
# ## Look for yourself
#
# One layer, one of its channels and one class, in one figure. In a running notebook the next cells bring three menus;
# elsewhere they show one choice.


# %% tags=["explorer"]
def explore(layer, channel, class_index):
    """Return a figure: a channel's activation for the picture, its pattern, and the heatmap for a class."""
    maps = keras.Model(network.input, network.get_layer(layer).output).predict(img_array, verbose=0)
    channel = min(channel, maps.shape[-1] - 1)
    pattern, _ = grow_pattern(build_extractor(network, layer, prepare), channel, cam_size[0], seed=SEED)
    raw = grad_cam(last_conv_layer_model, classifier_model, img_array, class_score(class_index))[0]
    fig, axes = plt.subplots(1, 3, figsize=(10, 3.3), layout="constrained")
    image = axes[0].imshow(maps[0, ..., channel].astype("float32"), cmap="viridis")
    axes[0].set_title(f"{layer}, channel {channel}", fontsize=10)
    axes[0].axis("off")
    fig.colorbar(image, ax=axes[0], label="activation")
    plots.show_picture(deprocess_image(pattern), "the pattern that it likes", axes[1])
    plots.show_picture(lay_over(picture, to_heatmap(raw), COLORMAP, OPACITY), f"for {labels[class_index]}", axes[2])
    return fig


# %% tags=["explorer"] nbval={"figure_rms": 0.3}
names = find_convolutions(network)
plots.show(explore(names[len(names) // 2], 0, explained), "A channel's activation, its pattern, and a heatmap")

# %% tags=["explorer"]
if not is_silent():  # in a running notebook, not where notebooks are executed to be stored or checked
    import ipywidgets

    classes_by_name = [(label, index) for index, label in enumerate(labels)]
    menus = {
        "layer": ipywidgets.Dropdown(options=names),
        "channel": ipywidgets.BoundedIntText(max=4095),
        "class_index": ipywidgets.Dropdown(options=classes_by_name, value=explained, description="class"),
    }
    ipywidgets.interact_manual(lambda **choice: plots.show(explore(**choice), "Your choice"), **menus)

# %% [markdown]
# ## Results
#
# What a machine should compare between two runs goes into a file, what a person should remember goes below it.

# %% nbval={"rtol": 0.2, "atol": 0.25}
results = {
    "profile": PROFILE,
    "backbone": BACKBONE,
    "top_classes": [list(entry) for entry in top_classes],
    "top_class_index": top_pred_index,
    "explained": labels[explained],
    "cam_layer": last_conv_layer_name,
    "pictures_scored": len(paths),
    **{
        f"energy_{name.lower().replace(' ', '_').replace('-', '_')}": float(np.nanmean(shares))
        for name, shares in on_animal.items()
    },
    **{
        f"parts_{name.lower().replace(' ', '_').replace('-', '_')}": float(np.nanmean(shares))
        for name, shares in on_parts.items()
    },
    "similarity": {step: float(values.mean()) for step, values in similarity.items()},
    "energy_by_layer_of_trainings": [{name: mean for name, (mean, _) in measured.items()} for measured in energies],
    "similarity_all_new": float(similarity[len(weighted)].mean()),
    "similarity_different_pictures": float(elsewhere.mean()),
    "silent_channels": dict(zip(layer_names, silent_share.tolist(), strict=True)),
}
path = save_results(results, Path(BUILD, "results", "9_4.json"))

# %% [markdown]
# ## What we saw
#
# - First layers keep the picture, deep ones are silent for much of it: the share of silent channels grows with depth.
# - Gradient ascent shows what a filter responds to: colours first, then stripes and textures. What the deepest
#   filters like depends on what the network has been taught.
# - Grad-CAM takes four steps: cut the network, take the gradient of a score with respect to the maps, average it per
#   channel, take the mean of the weighted channels. The score should be a logit, and may be of a class, of its
#   opposite, or of some pixels.
# - A heatmap that looks right is not yet right. Score it against maps that know nothing, the blob in the middle above
#   all, and destroy the weights: ours depends on what was learned.
# - An interval speaks for what was varied. Ours varied the pictures; another training moved the result further than
#   another hundred pictures.
#
# **Limits.** Grad-CAM averages the gradient over a map, so it is exact only where the head is a mean followed by a
# linear layer; at earlier layers it is a heuristic. Energy on the animal rewards small maps, and the verdict depends
# on the width of the blob. The sanity check draws new weights once for each network. In the `sample` profile all
# animals are drawn, with heads in the middle.
#
# ### Exercises
#
# **1. A finer cut.** Are finer maps, the third of `by_side`, better than the centred blob on *all* pictures that we
# score, and do they prefer the parts that distinguish? In one training, and in all?
#
# <details><summary>Solution</summary>
#
# ```python
# finer = list(by_side.values())[2]
# for another in networks:
#     seen = predict_classes(another, prepare(scored_images)).argmax(axis=-1)
#     maps = resize(np.maximum(raw_maps(another, finer, scored_images, seen), 0), cam_size)
#     print_difference(on_animal | {"Grad-CAM": energy_share(maps, scored_masks == 0, scored_masks != 2)})
#     if on_parts:
#         print_difference(on_parts | {"Grad-CAM": energy_share(maps, telling, parts > 0)})
# ```
#
# Each line sounds certain, and they contradict each other. In the stored run the finer maps are better than the blob
# on the animal in some trainings, and not in others.
# </details>
#
# **2. Every place for itself.** Grad-CAM gives all places of a channel the same weight. HiResCAM (Draelos, Carin
# 2020) multiplies each value with its own gradient. Write it, and score it.
#
# <details><summary>Solution</summary>
#
# ```python
# def hires_cam(features, head, inputs, score):
#     maps = ops.convert_to_tensor(features.predict_on_batch(inputs))
#     with tf.GradientTape() as tape:
#         tape.watch(maps)
#         scores = score(head(maps, training=False))
#     return ops.convert_to_numpy(ops.mean(tape.gradient(scores, maps) * maps, axis=-1))
# ```
#
# Where the head is a global mean and a linear layer, both are the same. HiResCAM's values also add up to the score,
# up to the bias and a constant factor, where a flattening and a linear layer follow; further from the end neither is
# exact.
# </details>
#
# **3. Cover it.** If the bright place speaks for the class, the logit should fall when it is covered, and by more
# than when another place is.
#
# <details><summary>Solution</summary>
#
# ```python
# def cover(pictures, heatmaps, side):
#     """Return copies of pictures (N, height, width, 3), gray around the brightest place of each heatmap."""
#     covered = pictures.copy()
#     for picture, heatmap in zip(covered, heatmaps, strict=True):
#         y, x = np.unravel_index(heatmap.argmax(), heatmap.shape)
#         picture[max(0, y - side // 2) : y + side // 2, max(0, x - side // 2) : x + side // 2] = 128
#     return covered
#
#
# logits, score = to_logits(network), class_score(classes)
# before = score(logits.predict(prepare(scored_images), verbose=0))
# for name in ("Grad-CAM", "centred blob"):
#     covered = cover(scored_images, heatmaps[name], cam_size[0] // 4)
#     after = score(logits.predict(prepare(covered), verbose=0))
#     print(f"{name}: the logit falls by {float(ops.mean(before - after)):.2f}")
# ```
#
# This asks the network itself, and needs no mask. In the stored run covering the brightest place lowers the logit more
# than covering the middle does.
# </details>

# %% [markdown]
# ## Glossary
#
# - **activation, map**: what a layer puts out for a picture.
# - **channel**: one of a layer's maps.
# - **dead channel**: a channel that is zero on every picture.
# - **filter pattern**: a picture that makes a filter's response large.
# - **gradient ascent**: steps that change the picture, not the weights, to raise a number.
# - **logit**: the number before softmax or sigmoid.
# - **Grad-CAM**: the mean of the last maps, each weighted by the mean gradient of the class's score.
# - **heatmap**: a Grad-CAM map without what speaks against the class, scaled to 1.
# - **energy**: the sum of a heatmap's values.
# - **rank correlation**: how alike two maps order their places: 1 the same order, 0 none, −1 the opposite.
# - **sanity check**: do the maps change when the weights are destroyed?

# %% [markdown]
# ### Sources
#
# F. Chollet, *Deep Learning with Python*, 2nd edition, Manning 2021, section 9.4. R. Selvaraju et al., *Grad-CAM*,
# ICCV 2017. J. Adebayo et al., *Sanity Checks for Saliency Maps*, NeurIPS 2018. H. Wang et al., *Score-CAM*, CVPR
# workshops 2020 (energy inside an object). R. Draelos, L. Carin, *Use HiResCAM instead of Grad-CAM*, 2020. A.
# Mordvintsev, C. Olah, M. Tyka, *Inceptionism*, 2015 (jitter). F. Chollet, *Xception*, CVPR 2017.
