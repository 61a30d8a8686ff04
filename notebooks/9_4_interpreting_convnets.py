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
# usually left out: is what we see *true*? A heatmap that looks right proves nothing, so we score ours against masks
# and against maps that know nothing, and see what becomes of it when we destroy the network's weights. Notebook
# `9_5_are_heatmaps_right` goes further, for those who want to know how far to trust a heatmap.
#
# It accompanies section 9.4 of François Chollet's *Deep Learning with Python*, 2nd edition. A cell that is a
# listing, a step or a figure of the book begins with its number. Steps are code of the book without a number: here
# they are counted.
#
# | section of the book | what | cells | minutes |
# |---|---|---|---|
# | 9.4.1 Intermediate activations | Listings 9.6 to 9.11 | 7–18 | under 0.1 |
# | 9.4.2 Filter patterns | Listings 9.12 to 9.19 | 19–44 | 1.3 |
# | 9.4.3 Grad-CAM: what in this picture speaks for this class? | Listings 9.20 to 9.27 | 45–80 | 0.4 |
#
# | profile | networks and pictures | time |
# |---|---|---|
# | `sample` | networks of 9.2 and 9.3, drawn cats and dogs | three minutes on two cores; more if these have not run |
# | `photos` | MobileNetV2 and Xception's base as trained on ImageNet, photographs | two minutes on two cores |
# | `book` | Xception trained on ImageNet, photographs | meant for a GPU |
#
# Licences: the drawn animals are as free as the code (MIT). Xception's weights come with Keras Applications (MIT).
# Oxford-IIIT Pet is CC BY-SA 4.0; the other photographs belong to their owners.

# %% [markdown]
# ## Settings
#
# Change a *knob* and run the notebook again from there. A knob has up to three values: for the profiles `sample`,
# `photos` (if it names none of its own, the book's) and `book`. Any classifier of Keras Applications will do as
# `BACKBONE`.

# %% tags=["parameters"]
import os

from helpers.knobs import profile_values

PROFILE = os.environ.get("PROFILE", "sample")  # "sample": minutes; "photos": a quarter of an hour; "book": hours
DATA = os.environ.get("DATA", "../data")  # folder that holds the data sets
knob = profile_values(PROFILE)
# The network that Grad-CAM explains: 9.3's mini-Xception, a classifier of Keras Applications, or a .keras file.
BACKBONE = knob(sample="mini-Xception", photos="MobileNetV2", book="Xception")
WEIGHTS = knob(sample="own", book="imagenet")  # "own": those of notebook 9.3; "imagenet"; a file; "untrained"
CAT_PICTURE = knob(sample=0, book=f"{DATA}/pictures/cat.jpg")  # a file, or the number of a test picture of 9.3
PICTURE = knob(sample=15, book=f"{DATA}/pictures/elephant.jpg")  # the same, for Grad-CAM
CLASS = None  # which class Grad-CAM explains: its name, like "tusker", its id or its index; None: the most likely one
PATTERNS = knob(sample=8, photos=16, book=64)  # how many filters of each layer
CAM_LAYER = knob(sample=10, book=6)  # where Grad-CAM cuts the network: a layer, or how many rows its maps have at least
SEED = 1337  # for noise, and for the choice of pictures

# %% [markdown]
# Where things lie, and what computes. These need to be changed less often.

# %% tags=["constants"]
BUILD = os.environ.get("BUILD", "../build")  # folder for models, caches, figures and results
LESSONS = {"9_2": {}, "9_3": {}}  # knobs of notebooks 9.2 and 9.3 to change for their networks: {"EPOCHS": 3}
BASE = knob(sample=None, photos=("Xception", "imagenet"), book=None)  # network for the patterns; None: that above

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
from IPython.display import Image as StoredImage
from IPython.display import display
from keras import layers, ops
from PIL import Image
from scipy.stats import spearmanr

import sample_pets
from helpers import networks, plots
from helpers.dogs_vs_cats import list_split, load_split
from helpers.grad_cam import choose_layer, class_score, grad_cam, last_of_each_size, split_at
from helpers.knobs import watch_knobs
from helpers.lessons import changed_knobs, load_lesson, note_knobs
from helpers.pets import find_annotation, read_mask
from helpers.pictures import find_picture, read_picture
from helpers.progress import is_silent, progress
from helpers.results import read_measured, save_results

watch_knobs("9_4", globals())  # a value that cannot be right is named, not met deep inside
FIGURES = Path(BUILD, "figures")
FIGURES.mkdir(parents=True, exist_ok=True)
keras.utils.clear_session()  # layers are numbered from the start again
keras.utils.set_random_seed(SEED)

# %% [markdown]
# The plain convnet comes from notebook 9.3: from `build/models` if it has been trained there with the same knobs, else
# it is trained now, which takes a while.

# %% tags=["networks"] nbval={"timeout": 1800}
ARCHITECTURES = "9_3_convnet_architectures"
folders = {"PROFILE": PROFILE, "DATA": DATA, "BUILD": BUILD}
changed = changed_knobs(Path(BUILD, "models", PROFILE, "9_3.json"), ARCHITECTURES, **folders)
lesson = load_lesson(ARCHITECTURES, ["setup", "step-9.3-4", "baseline"], **(folders | changed | LESSONS["9_3"]))
others = ", ".join(f"{name} = {value}" for name, value in changed.items())
print(f"trained with the knobs of notebook 9.3, but {others}" if others else "trained with the knobs of notebook 9.3")

# %% [markdown]
# If you have changed knobs in notebook 9.3 and run it, this is the network of that run, and the line above names the
# knobs. It lies in a file, as in the book, `convnet_from_scratch_with_augmentation.keras`; from there we load it. (The
# last lines of the summary count what the optimizer keeps for each weight, too: about as much again. At the book's size
# the network itself has 991,041 parameters.)

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
def get_img_array(img_path, target_size):
    """Return a picture as float32 (1, height, width, 3) in 0-255, at a `target_size` of (height, width)."""
    return read_picture(img_path, target_size)[np.newaxis].astype("float32")


img_path = find_picture("CAT_PICTURE", CAT_PICTURE, lesson.split["test"][0])
img_tensor = get_img_array(img_path, target_size=(lesson.IMAGE_SIZE, lesson.IMAGE_SIZE))
print(img_tensor.dtype, img_tensor.shape)

# %% tags=["listing-9.7", "figure-9.12"]
# Listing 9.7, figure 9.12
fig, ax = plt.subplots(figsize=(3.5, 3.5), layout="constrained")
plots.show_picture(img_tensor[0].astype("uint8"), None, ax)
plots.show(fig, "The test picture of a cat, at the size that the network takes")

# %% [markdown]
# **Figure 9.12.** The test picture. Now a second model that shares all layers of the first but returns what every
# convolution and every pooling layer puts out:

# %% tags=["listing-9.8", "claim-15"]
# Listing 9.8
shown_layers = [layer for layer in baseline.layers if isinstance(layer, layers.Conv2D | layers.MaxPooling2D)]
layer_outputs = [layer.output for layer in shown_layers]
layer_names = [layer.name for layer in shown_layers]
activation_model = keras.Model(baseline.input, layer_outputs)
print(len(layer_outputs), "outputs:", ", ".join(layer_names))

# %% tags=["listing-9.9"]
# Listing 9.9
activations = [maps.astype("float32") for maps in activation_model.predict(img_tensor, verbose=0)]

# %% tags=["step-9.4-1", "claim-16"]
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
# **Figure 9.13.** One channel. What a filter puts out is a picture again: it is bright where the filter's pattern, an
# edge or a colour, occurs. Which one that is depends on the training; another seed gives other filters in another
# order.
#
# > **Reader's note.** The book calls its channel the fifth; index 5 is the sixth.
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
# grey. The first layers together keep nearly all of the picture: a few channels show the whole cat, most others its
# edges at ears and eyes. Further down the maps are coarser and harder to read: they say less of how the picture looks
# and more of what it shows. A network distils: what does not matter to the class is filtered out on the way.
#
# > **Reader's note.** The book's grid drops what does not fill a row of sixteen, and breaks with fewer channels. Its
# > figure 9.15, bicycles drawn from memory, has nothing for code to show and is left out.
#
# And more and more channels are grey: the pattern that they look for is not in this picture, or in none. Is that so on
# others, too? We count over a hundred test pictures: the channels that are zero everywhere in a picture, and the values
# that are zero.


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
# The share of silent channels grows with depth, as the book says: from a tenth in the first layer to nearly two
# thirds in the last, in the stored run. Two things are mixed in it. A channel that is silent on *every* picture is
# dead: it was lost in training. The others wait for something that only some pictures have. The share of channels
# that are silent on all hundred pictures is printed beside it. The share of zero *values* does not grow; a pooling
# keeps the larger of its values, so it has fewer zeros than the convolution before it. Whoever says that activations
# become sparser with depth must say which of the two is counted.

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
# A network comes with its own idea of what pixels are. The book's, Xception, wants them in −1–1, and its
# `preprocess_input` makes that of 0–255.
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
# ### A network that has to look
#
# An untrained filter likes nothing in particular. In the `book` profile we ask Xception as trained on ImageNet. In
# `sample` it is the mini-Xception of notebook 9.3. There a head fills the picture, though, and nothing has to be found.
# So we train the same network once more on heads about half as wide as the picture, anywhere in it and amid
# clutter. Fur, place and things are drawn alike for cats and dogs: what tells them apart is the shape of the head
# alone.


# %% tags=["constants"]
PICTURES = knob(sample=(1400, 200, 300), book=(1000, 500, 1000))  # of each class: to train, to validate, to test
IMAGE_SIZE = knob(sample=80, book=180)  # pixels
FILTERS = knob(sample=(8, 32, 64, 128), book=(32, 64, 128, 256, 512))  # channels of the mini-Xception's blocks
EPOCHS = knob(sample=8, book=100)  # passes over the training pictures
LEARNING_RATE = knob(sample=0.003, book=0.001)  # size of the first step

# %% tags=["heads"] nbval={"figure_rms": 0.02}
if PROFILE == "sample":
    folder = Path(DATA, "sample-heads")
    folder = sample_pets.write_sample_pets(folder, count=2 * sum(PICTURES), heads=True, layout="kaggle")
else:
    folder = lesson.PETS
split = list_split(folder, PICTURES)
fig, axes = plt.subplots(2, 6, figsize=(10, 3.6), layout="constrained")
for row, first in zip(axes, (0, PICTURES[0]), strict=True):
    for ax, path in zip(row, split["train"][0][first:], strict=False):
        plots.show_picture(read_picture(path, (IMAGE_SIZE, IMAGE_SIZE)), path.stem.partition(".")[0], ax)
plots.show(fig, "Six training pictures of cats above six of dogs: small heads among balls, cushions and branches")


# %% tags=["train"]
def train_mini_xception(seed):
    """Return the mini-Xception, trained from a seed on `split` as notebook 9.3 trains it, or recalled."""
    pictures = {part: load_split(*split[part], IMAGE_SIZE, cache=Path(BUILD, "cache")) for part in split}
    keras.utils.clear_session()  # layers are numbered from the start again
    keras.utils.set_random_seed(seed)
    with lesson.devices.use(lesson.DEVICES, lesson.PRECISION):
        network = lesson.build_mini_xception(IMAGE_SIZE, FILTERS, lesson.MOMENTUM, lesson.ROTATION, lesson.ZOOM)
        recipe = EPOCHS, lesson.BATCH_SIZE, LEARNING_RATE, lesson.DECAY, lesson.MODELS
        best, _ = lesson.train_classifier(network, pictures, *recipe)
    network = keras.models.load_model(best)
    correct = lesson.count_correct(network, *pictures["test"])
    return network, correct / len(split["test"][0])


# %% tags=["train"] nbval={"timeout": 1800, "atol": 0.08}
mini_xception, test_accuracy = None, None
if ("mini-Xception", "own") in {(BACKBONE, WEIGHTS), BASE}:
    mini_xception, test_accuracy = train_mini_xception(lesson.SEED)
    print(f"test accuracy {test_accuracy:.3f} on {len(split['test'][0])} pictures")

# %% [markdown]
# `load_network` returns this network or any other, and with it the function that prepares pictures for it.


# %% tags=["load-network"]
def load_network(name, weights, include_top=True, size=None):
    """Return a network or its base, and its function from pictures (N, height, width, 3) in 0-255 to input.

    The mini-Xception takes pictures of `size` pixels; the networks of Keras Applications have a size of their own with
    their top, and take any size without it. A network from a file of yours takes pictures in 0-255 as they are.
    """
    keras.utils.clear_session()  # Keras numbers layers from the start again: a layer has the same name each time
    if Path(name).suffix in (".keras", ".h5"):
        return networks.load_own(name, include_top), lambda pictures: ops.cast(pictures, "float32")
    if name != "mini-Xception":
        if weights == "own":
            raise ValueError(f'WEIGHTS is "own", but {name} is no network of ours; expected "imagenet" or a file')
        return networks.load_application(name, weights, include_top, Path(DATA, "weights"))
    if weights not in ("own", "untrained"):
        raise ValueError(f'WEIGHTS is {weights!r}, but the mini-Xception takes "own" or "untrained"')
    network = lesson.build_mini_xception(size or IMAGE_SIZE, FILTERS, lesson.MOMENTUM, lesson.ROTATION, lesson.ZOOM)
    if weights == "own":
        network.set_weights(mini_xception.get_weights())
    network = network if include_top else keras.Model(network.input, networks.last_maps(network))
    return network, lambda pictures: ops.cast(pictures, "float32")


# %% tags=["constants"]
PATTERN_SIZE = knob(sample=96, book=200)  # pixels
STEPS = 30  # of gradient ascent
RATE = 10.0  # length of a step, where pixels are in [-1, 1]; with shrinking steps, of the first one

# %% tags=["base"]
base_name, base_weights = BASE or (BACKBONE, WEIGHTS)
base, prepare_for_base = load_network(base_name, base_weights, include_top=False, size=PATTERN_SIZE)
pattern_size = base.input.shape[1] or PATTERN_SIZE  # a network from your own file may take one size alone
print(f"{base_name}, from {base.input.shape} to {base.output.shape}, {base.count_params():,} parameters")
print(", ".join(networks.find_convolutions(base)))

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


filter_layers = [FILTER_LAYERS] if isinstance(FILTER_LAYERS, str) else FILTER_LAYERS
filter_layers = filter_layers or networks.choose_convolutions(base)
if strangers := set(filter_layers) - set(networks.find_convolutions(base)):
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
#
# > **Reader's note.** That is gray where a picture's values go from 0 to 1. Xception, and ours, expects [−1, 1], where
# > gray is 0, and nothing keeps the pixels in that range. Below we change both.


# %% tags=["listing-9.17"]
# Listing 9.17
def generate_filter_pattern(feature_extractor, filter_index, seed=0):
    """Return the image (size, size, 3) that a filter likes, and the losses before each step and at the end."""
    image = keras.random.uniform((1, pattern_size, pattern_size, 3), 0.4, 0.6, seed=seed)
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


# %% tags=["step-9.4-3", "figure-9.16"] nbval={"rtol": 2, "figure_rms": 0.4}
# Step 9.4-3, figure 9.16
pattern, losses = generate_filter_pattern(feature_extractor, FILTER, seed=SEED)
fig, ax = plt.subplots(figsize=(3.5, 3.5), layout="constrained")
plots.show_picture(deprocess_image(pattern, CROP), f"filter {FILTER} of {filter_layers[0]}", ax)
plots.show(fig, "The pattern that one filter likes")
print(f"pixels from {pattern.min():.1f} to {pattern.max():.1f}; the loss rose: {losses[-1] > losses[0]}")

# %% [markdown]
# **Figure 9.16.** The pattern for the filter with index 2, the third.
#
# > **Reader's note.** The book calls it the pattern of "filter 0"; the index in its code is 2.
#
# ### Three changes
#
# Two things are not right yet. The line below the figure tells one: the pixels have left the range [−1, 1] that a
# picture has, in which the network was trained. The other is in the figure: much of it is noise, of a kind that no
# photograph has. So we make three changes, one after the other. *Range*: start around 0, middle gray, and cut to [−1,
# 1] after each step. *Shrinking steps*: the last steps are short, so that they do not leap over the best place. *Blur*:
# before every second step a pixel becomes the mean of its neighbourhood, 3×3 pixels; what only works as noise does not
# survive that, and what is left is what the filter looks for in pictures.


# %% tags=["options"]
def grow_pattern(feature_extractor, filter_index, size, in_range=True, shrinking=True, blur=True, seed=0):
    """Return the image (size, size, 3) that a filter likes, and the losses; like `generate_filter_pattern`."""
    start = 0.0 if in_range else 0.5
    image = keras.random.uniform((1, size, size, 3), start - 0.1, start + 0.1, seed=seed)
    filter_index, learning_rate = ops.convert_to_tensor(filter_index), ops.convert_to_tensor(RATE)
    losses = []
    for step in range(STEPS):
        rate = learning_rate * (1 - step / STEPS) if shrinking else learning_rate
        blurred = blur and step % 2 == 0
        image = ops.average_pool(image, 3, strides=1, padding="same") if blurred else image
        image, loss = gradient_ascent_step(feature_extractor, image, filter_index, rate)
        image = ops.clip(image, -1, 1) if in_range else image
        losses.append(float(loss))
    losses.append(float(compute_loss(feature_extractor, image, filter_index)))
    return ops.convert_to_numpy(image)[0], losses


# %% tags=["options"] nbval={"figure_rms": 0.3}
options = {"as above": {"in_range": False, "shrinking": False, "blur": False}}
options |= {"+ range": {"shrinking": False, "blur": False}, "+ shrinking steps": {"blur": False}, "+ blur": {}}
grown = {
    name: grow_pattern(feature_extractor, FILTER, pattern_size, seed=SEED, **chosen) for name, chosen in options.items()
}
fig, axes = plt.subplots(1, 5, figsize=(10, 2.2), layout="constrained", width_ratios=(1, 1, 1, 1, 1.4))
for ax, (name, (pattern, _)) in zip(axes, grown.items(), strict=False):
    plots.show_picture(deprocess_image(pattern, CROP), name, ax)
largest = max(max(losses) for _, losses in grown.values())
curves = {name: np.divide(losses, largest) for name, (_, losses) in grown.items()}
plots.show_lines(curves, range(STEPS + 1), axes[-1])
axes[-1].set(xlabel="step", title="loss, of the largest", ylim=(-0.2, 1.1))
axes[-1].legend(fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))
plots.show(fig, "Four patterns that one filter likes, each with one change more, and how the loss rises with the steps")

# %% [markdown]
# By the numbers the noise is better: with the blur the loss rises least. (On the right each loss is divided by the
# largest of all. The shrinking steps do not raise it here: in sum they are shorter, and the curve was still rising.) A
# filter responds most to what no picture contains. With the blur we ask what it responds to among smooth pictures,
# which are more like those that the network was trained with, and we get something to look at. From here on we use all
# three changes.
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
    grown = [grow_pattern(feature_extractor, filter_index, pattern_size, seed=SEED) for filter_index in filters]
    all_images = [deprocess_image(image, CROP) for image, _ in grown]
    stitched_filters = plots.tile(all_images, plots.choose_columns(len(all_images)), margin=5, fill=255)
    Image.fromarray(stitched_filters).save(FIGURES / f"filters_for_layer_{layer_name}.png")
    return stitched_filters, np.array([losses for _, losses in grown])


# %% tags=["listing-9.19", "figure-9.17"] nbval={"timeout": 1800, "figure_rms": 0.3}
# Listing 9.19, figure 9.17
compiled_before = gradient_ascent_step.experimental_get_tracing_count()
patterns = {name: show_patterns(name, PATTERNS) for name in networks.find_convolutions(base) if name in filter_layers}
compilations = gradient_ascent_step.experimental_get_tracing_count() - compiled_before
fig = plots.show_gallery({name: stitched_filters for name, (stitched_filters, _) in patterns.items()})
fig.savefig(FIGURES / "filter_patterns.jpg", dpi=150)
plots.show(fig, "Grids of patterns for the first filters of four layers, from the earliest to the deepest")

# %% tags=["figure-9.17", "erratum-11"] nbval={"rtol": 0.3}
# Figure 9.17, continued
for name, (_, losses) in patterns.items():
    print(f"{name}: the loss rose for {np.sum(losses[:, -1] > losses[:, 0])} of {len(losses)} filters")
print(f"{len(patterns)} layers, {compilations} compilations")

# %% [markdown]
# The loss rises for the filters, and one compilation serves all of a layer. Read the grids row by row. In the stored
# run the first convolution likes plain colours, the second grid adds stripes, the third dark spots and dots in pairs.
# The deepest filters like larger things that are made of these: stacks of spots and stripes, perhaps the eyes, the nose
# and the mouth of the drawn heads. The gray around them is what changes these filters' response little;
# we ask for their mean response without the border of the map.

# %% tags=["figure-9.17", "claim-18"] nbval={"figure_rms": 0.02}
# Figure 9.17, from Xception as trained on ImageNet: a stored picture
alt = "Patterns of four layers of Xception: edges and colours, textures, and shapes like feathers and eyes"
display(StoredImage(filename="xception_patterns.jpg", alt=alt))  # made by this notebook's code; see CONTRIBUTING.md

# %% [markdown]
# **Figure 9.17, of the book's network.** The same code with Xception as trained on ImageNet's photographs, the first
# filters of the book's four layers. Colours and edges come first, then textures, fine and coarse, and in
# `block8_sepconv1` shapes that resemble feathers, eyes and faces. The `book` profile draws 64 filters of each layer.

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
count = max(network.output.shape[-1], 2)  # a network with one output tells two classes apart
if count == len(lesson.CLASS_NAMES):
    class_names = [(name, name) for name in lesson.CLASS_NAMES]
elif count == 1000:
    class_names = networks.load_class_names(Path(WEIGHTS).parent, Path(DATA, "weights"))
else:
    class_names = [(str(index), str(index)) for index in range(count)]
labels = [label for _, label in class_names]
cam_size = tuple(side or IMAGE_SIZE for side in network.input.shape[1:3])
print(f"{BACKBONE}: {cam_size[0]} pixels, {len(labels)} classes, {network.count_params():,} parameters")

# %% tags=["listing-9.21", "figure-9.18"]
# Listing 9.21, figure 9.18
img_path = find_picture("PICTURE", PICTURE, split["test"][0])
picture = read_picture(img_path, cam_size)
img_array = prepare(get_img_array(img_path, target_size=cam_size))
fig, ax = plt.subplots(figsize=(3.5, 3.5), layout="constrained")
plots.show_picture(picture, img_path.name, ax)
plots.show(fig, "The picture that the network is asked about")

# %% [markdown]
# **Figure 9.18.** The picture at the network's size. (That of the `sample` profile is one whose heatmap is among the
# clearest. Others are worse: change `PICTURE`, and see the scores of all pictures below.)
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
explained = top_pred_index if CLASS is None else networks.find_class(class_names, CLASS)
print("Grad-CAM explains", labels[explained])

# %% [markdown]
# For Xception and the elephants the book gives African elephant 0.870, tusker 0.077, Indian elephant 0.024, and the
# index 386.
#
# ### Step by step
#
# To get the gradient at the last maps we cut the network in two there: one model from picture to maps, and one, the
# classifier, from maps to the answer. In the book's Xception the last maps come from the layer `block14_sepconv2_act`,
# and two layers come after it.

# %% tags=["listing-9.22"]
# Listing 9.22
last_conv_layer_name = "block14_sepconv2_act"
classifier_layer_names = "avg_pool", "predictions"
last_conv_layer = model.get_layer(last_conv_layer_name)
last_conv_layer_model = keras.Model(model.input, last_conv_layer.output)

# %% tags=["listing-9.23"]
# Listing 9.23
classifier_input = x = keras.Input(last_conv_layer.output.shape[1:])
for layer_name in classifier_layer_names:
    x = model.get_layer(layer_name)(x)
classifier_model = keras.Model(classifier_input, x)
print(f"from {model.input.shape} to {classifier_model.input.shape} to {classifier_model.output.shape}")

# %% [markdown]
# For any network: `choose_layer` finds the place, `split_at` cuts there. And the classifier answers with *logits*, the
# numbers before softmax or sigmoid. We will see why.
#
# > **Reader's note.** A common rule, "the last layer that is a convolution", finds the projection on the skip in the
# > mini-Xception, half of the signal. The right place is the addition after it. `choose_layer` finds such places: it
# > takes the last layer through which everything must pass and whose maps have at least `CAM_LAYER` rows. In the
# > `sample` profile these are maps of 10×10, one block before the last: a larger share of their light is on the animals
# > than at any other size (notebook 9.5 compares the layers). Within a residual block there is no such place, for the
# > skip goes around it.

# %% tags=["split"]
last_conv_layer_name = choose_layer(network, CAM_LAYER)
last_conv_layer_model, classifier_model = split_at(network, last_conv_layer_name)
shapes = img_array.shape, last_conv_layer_model.output.shape, classifier_model.output.shape
print(f"{last_conv_layer_name}: from", " to ".join(str(tuple(shape[1:])) for shape in shapes))

# %% [markdown]
# What the gradient is taken of is a *score*, one number for each picture, computed from its logits. For a class it is
# the class's logit, `logits[:, index]`; a network with one output has one for both classes, with opposite signs.
# `class_score` makes the function.

# %% tags=["listing-9.24"] nbval={"rtol": 0.6}
# Listing 9.24
score = class_score(explained)
last_conv_layer_output = last_conv_layer_model(img_array, training=False)
with tf.GradientTape() as tape:
    tape.watch(last_conv_layer_output)
    logits = classifier_model(last_conv_layer_output, training=False)
    top_class_channel = score(logits)
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


# %% tags=["listing-9.27", "figure-9.20", "claim-21"] nbval={"figure_rms": 0.2}
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
# > `jet` draws edges that are not in the map, so ours is `magma`; and `matplotlib.cm.get_cmap`, by which the book finds
# > it, is gone: it is `matplotlib.colormaps["jet"]` now.
#
# ### All of it as one function
#
# These steps as one function to take along are `grad_cam`, in one file that needs nothing else of this project:
# [`helpers/grad_cam.py`](helpers/grad_cam.py). It takes a batch, and each picture is treated as if it were alone. It
# works on `Sequential` models, on fine-tuned networks with another network in them, and with several inputs or outputs:
#
# ```python
# features, head = split_at(model)  # or split_at(model, "base/out_relu"), a layer in the network "base" in yours
# maps = grad_cam(features, head, pictures, class_score(3))
# ```
#
# `head` is the part behind the cut: what we call the classifier here, for our heads are those of cats and dogs.

# %% tags=["grad-cam"]
raw = grad_cam(last_conv_layer_model, classifier_model, img_array, class_score(explained))[0]
print("the same as step by step:", np.allclose(raw, raw_heatmap, rtol=1e-3, atol=1e-4 * np.abs(raw).max()))

# %% [markdown]
# One picture, two questions: what speaks for the first class, and what for the other? We draw a picture of a cat *and*
# a dog, and ask for both. (In the `book` profile it is the picture above, with its two most likely classes.)


# %% tags=["constants"]
PAIR = 74  # number of the drawn picture of a cat and a dog

# %% tags=["pair"] nbval={"figure_rms": 0.3}
both = Image.fromarray(sample_pets.draw_pair(SEED, PAIR, heads=True).picture).resize(cam_size[::-1])
both = np.array(both) if PROFILE == "sample" else picture
likely = np.argsort(-preds[0])[:2]
batch, two = prepare(np.stack([both, both]).astype("float32")), np.sort(likely)
fig, axes = plt.subplots(1, 3, figsize=(9.5, 3.4), layout="constrained")
plots.show_picture(both, "picture", axes[0])
for ax, index, raw in zip(
    axes[1:], two, grad_cam(last_conv_layer_model, classifier_model, batch, class_score(two)), strict=True
):
    plots.show_picture(lay_over(both, to_heatmap(raw), COLORMAP, OPACITY), f"for {labels[index]}", ax)
plots.show(fig, "A picture with a cat and a dog, and under the heatmaps for each of the two classes")

# %% [markdown]
# The same picture, the same maps: only the score has changed, and the light goes from one head to the other. (It does
# so on few pictures as clearly as on this one; change `PAIR` to see others.) With two classes and one logit, the second
# raw map is the first one's negative: what was cut off there.
#
# The score may be anything that can be computed from the answer. The network of notebook 9.2 answers for every pixel;
# take the mean logit "animal" over the pixels that it calls animal, and the map shows which places this answer comes
# from.

# %% tags=["segmentation"] nbval={"timeout": 1800, "figure_rms": 0.2}
cells = ["setup", "step-9.2-1", "step-9.2-2", "step-9.2-5", "step-9.2-7"]
segmentation = load_lesson("9_2_image_segmentation", cells, **folders, **LESSONS["9_2"])
segmenter, pet = segmentation.model, segmentation.val_input_imgs[segmentation.SHOWN_PREDICTION]
answer = np.argmax(segmenter.predict(pet[np.newaxis], verbose=0)[0], axis=-1)


# %% tags=["segmentation-maps"] nbval={"figure_rms": 0.2}
def mask_score(mask, class_index):
    """Return the score of a class on a mask (height, width): from logits (N, height, width, classes) to (N,)."""
    mask = ops.cast(mask, "float32")
    return lambda logits: ops.sum(logits[..., class_index] * mask, axis=(1, 2)) / ops.maximum(ops.sum(mask), 1)


narrowest = next(iter(last_of_each_size(segmenter).values()))
segmenter_halves = split_at(segmenter, narrowest)
fig, axes = plt.subplots(1, 4, figsize=(11, 3), layout="constrained")
plots.show_picture(pet, "picture", axes[0])
plots.show_mask(answer, "the network's answer", axes[1])
for ax, index in zip(axes[2:], (0, 1), strict=True):
    score = mask_score(answer == index, index)
    heat = to_heatmap(grad_cam(*segmenter_halves, pet[np.newaxis].astype("float32"), score)[0])
    plots.show_picture(lay_over(pet, heat, COLORMAP, 0.6), f"for its {segmentation.CLASS_NAMES[index]}", ax)
plots.show(fig, "A pet, its predicted mask, and the heatmaps of what speaks for animal and for background")

# %% [markdown]
# For the animal, places on the animal count, for its background places around it. The network answers pixel by
# pixel, but each pixel's answer rests on a neighbourhood.
#
# ### Why logits?
#
# A probability near 1 can hardly rise any more: through a sigmoid its gradient is the logit's times p·(1 − p), which
# goes to zero, and softmax does the same. Before it is scaled, a map made from probabilities fades just where the
# network is most certain. We make both maps for a number of pictures, and plot the largest value of each against the
# certainty.

# %% [markdown]
# First the pictures: they need masks, for the scores below, and the network must not have been fitted to them.


# %% tags=["constants"]
SCORED = knob(sample=400, photos=500, book=1000)  # pictures with masks on which heatmaps are scored: all that validate


# %% tags=["scored-pictures"]
def list_scored():
    """Return the paths of validation pictures that have trimaps: those above if drawn, else those of 9.2."""
    if PROFILE == "sample":
        return split["validation"][0]
    validation = segmentation.names[-segmentation.VALIDATION :]
    return [Path(segmentation.PETS, "images", f"{name}.jpg") for name in validation]


candidates = list_scored()
chosen = np.random.default_rng(SEED).permutation(len(candidates))[:SCORED]
paths = [candidates[index] for index in chosen]
scored_images = np.stack([read_picture(path, cam_size, turn=False) for path in paths])
scored_masks = np.stack([read_mask(find_annotation(path, "trimaps"), cam_size) for path in paths])
print(f"{len(paths)} pictures with masks, {np.mean(scored_masks == 0):.0%} of the pixels are animal")


# %% tags=["maps-of-all"]
def raw_maps(network, layer_name, images, classes, score=class_score, batch_size=20):
    """Return the raw Grad-CAM maps (N, height, width) of pictures in 0-255, each for its class in `classes` (N,)."""
    starts = progress(range(0, len(images), batch_size), desc=f"Grad-CAM at {layer_name}", unit="batch", leave=False)
    batches = [slice(start, start + batch_size) for start in starts]
    halves = split_at(network, layer_name)
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
# step with what is left to gain. At the right edge a probability is 1 but for what 32-bit numbers round away, and its
# map is millions of times weaker. With one logit, to scale the map to 1 brings the same heatmap back, until rounding
# has made it 0: then there is nothing to see, for the very pictures that are clearest. With a softmax over many classes
# scaling does not help, for the other classes' logits are mixed in.
#
# > **Reader's note.** The book takes the gradient of the softmax output, takes its mean over the batch, too, which is
# > right for one picture only, and divides by the map's maximum even if that is 0. Here the score is a logit, each
# > picture has its own weights, and an empty map stays empty.
#
# ### Is the heatmap right?
#
# A bright spot on the animal convinces, but it might be there on any picture. So we *score*: which share of a heatmap's
# energy, of the sum of its values, lies on the animal (its mask; pixels of the outline do not count)? And the same for
# two heatmaps that know nothing: one that is equal everywhere, and a blob in the centre, where photographers put their
# subjects. The narrower the blob, the better for it, if the very middle of the pictures is animal most often; so we try
# several widths, and take the one that does best on these pictures.


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


def score_maps(maps):
    """Return the share of each map's energy on the animal of its picture, (N,)."""
    maps = np.broadcast_to(maps, (len(scored_masks), *maps.shape[-2:]))
    return energy_share(maps, scored_masks == 0, scored_masks != 2)


# %% tags=["energy"] nbval={"timeout": 1800}
WIDTHS = 0.03, 0.06, 0.1, 0.15, 0.2, 0.3, 0.4
raw = raw_maps(network, last_conv_layer_name, scored_images, classes)
blobs = {width: score_maps(centred_blob(*cam_size, width)) for width in WIDTHS}
best_width = max(blobs, key=lambda width: blobs[width].mean())
on_animal = {
    "Grad-CAM": score_maps(resize(np.maximum(raw, 0), cam_size)),
    "best blob": blobs[best_width],
    "uniform map": score_maps(np.ones(cam_size)),
}


# %% tags=["energy"]
def mean_and_error(values):
    """Return the mean of the values that are numbers, and half the width of its 95 % interval."""
    values = values[~np.isnan(values)]
    return float(values.mean()), float(1.96 * values.std(ddof=1) / math.sqrt(len(values)))


def judge(shares, other="best blob"):
    """Print by how much Grad-CAM's shares are above another map's, picture by picture; return the verdict."""
    difference, error = mean_and_error(shares["Grad-CAM"] - shares[other])
    verdict = "better" if difference > error else "worse" if difference < -error else "no better"
    interval = f"95 % between {difference - error:.3f} and {difference + error:.3f}"
    print(f"Grad-CAM less {other}: {difference:.3f}, {interval}: {verdict}")
    return verdict


def show_shares(shares, title, ax):
    """Draw the mean of each map's shares as a bar with its 95 % interval; return the means."""
    means, errors = zip(*map(mean_and_error, shares.values()), strict=True)
    bars = ax.bar(list(shares), means, yerr=errors, capsize=5, color=["C0", "0.6", "0.6"])
    ax.bar_label(bars, fmt="%.2f", fontsize=8)
    ax.set(title=title, ylim=(0, 1.3 * max(means)))
    return means


# %% tags=["energy"] nbval={"rtol": 0.2, "atol": 0.12, "figure_rms": 0.3}
fig, ax = plt.subplots(figsize=(5, 3.2), layout="constrained")
means = show_shares(on_animal, "share of the energy on the animal", ax)
plots.show(fig, "Share of energy on the animal for Grad-CAM, the best blob in the middle, and a uniform map")
verdict = judge(on_animal)
print(f"{means[0] / means[2]:.1f} times the uniform map; the best blob is {best_width} of a side wide")

# %% [markdown]
# The uniform map's share is that of the animals in the pictures. The line below the figure compares picture by picture,
# with a 95 % interval of the mean difference: the heatmaps are on the animal more than the best blob in the middle is.
# That is the verdict about this one network; whether another training would say the same is asked in notebook 9.5,
# and so is whether the heatmaps are on those parts of the animal that tell a cat from a dog.
#
# ### The sanity check
#
# A heatmap should depend on what the network has learned. If it looks the same after the weights have been destroyed,
# it only shows the picture's edges. So we replace the weights from the top, layer after layer, with fresh ones from the
# initialiser, and look at the heatmap for the same class (Adebayo et al. 2018). Weights can be drawn in lucky and
# unlucky ways, so we draw several times.


# %% tags=["constants"]
RANDOMISED = knob(sample=50, book=20)  # pictures for the sanity check
DRAWS = knob(sample=3, book=1)  # how often new weights are drawn
FRESH = 1000  # is added to the seed of a training for weights that are new to its network


# %% tags=["sanity"] nbval={"timeout": 1800}
def destroy(network, layer_name, images, seed):
    """Return raw maps of N pictures, (DRAWS · N, height, width), by how many layers from the top have new weights.

    `seed` is that of the training: new weights are drawn from others, for it brings the network's first weights back,
    which a trained network still resembles.
    """
    seen = predict_classes(network, prepare(images)).argmax(axis=-1)
    weighted = [layer.name for layer in reversed(network.layers) if layer.weights]
    maps = {step: [] for step in sorted({round(step) for step in np.linspace(0, len(weighted), 3)} | {1, 2, 4})}
    for draw in progress(range(DRAWS), desc="Destroying weights", unit="draw", leave=False):
        keras.utils.set_random_seed(seed + FRESH + draw)
        copy, fresh = networks.copy_network(network), networks.copy_network(network, without=weighted)
        for step in maps:
            for name in weighted[:step]:
                copy.get_layer(name).set_weights(fresh.get_layer(name).get_weights())
            maps[step].append(raw_maps(copy, layer_name, images, seen))
    return {step: np.concatenate(draws) for step, draws in maps.items()}


destroyed = destroy(network, last_conv_layer_name, scored_images[:RANDOMISED], lesson.SEED)
steps, all_layers = list(destroyed), max(destroyed)

# %% tags=["sanity-pictures"] nbval={"figure_rms": 0.3}
fig, axes = plt.subplots(2, 6, figsize=(11, 4), layout="constrained")
for row, index in zip(axes, np.argsort(-on_animal["Grad-CAM"][:RANDOMISED])[:2], strict=True):
    plots.show_picture(scored_images[index], "picture", row[0])
    for ax, step in zip(row[1:], (0, 1, 4, steps[-2], steps[-1]), strict=True):
        heat = to_heatmap(destroyed[step][index])
        plots.show_picture(lay_over(scored_images[index], heat, COLORMAP, OPACITY), f"{step} of {all_layers} new", ax)
plots.show(fig, "Two pictures, and their heatmaps as more and more layers lose their weights")

# %% [markdown]
# Two pictures whose heatmaps were right. As the layers lose their weights, from the top, the light leaves the animal,
# is on it again, or goes out: then nothing in the picture speaks for the class. Two pictures cannot tell whether it
# comes back by chance.
#
# To see it for many pictures, we plot how alike the maps before and after are: their *rank correlation*, and also its
# absolute value, for a map turned into its negative still shows the same places.


# %% tags=["sanity"]
def rank_correlation(maps, others):
    """Return Spearman's rank correlation of maps (N, height, width) with their partners, (N,); 0 if constant."""

    def correlate(first, second):
        constant = np.ptp(first) == 0 or np.ptp(second) == 0
        return 0.0 if constant else spearmanr(first, second, axis=None).statistic

    return np.array([correlate(*pair) for pair in zip(maps, others, strict=True)])


similarity = {step: rank_correlation(destroyed[0], maps) for step, maps in destroyed.items()}
intact = destroyed[0][:RANDOMISED]
elsewhere = rank_correlation(intact, np.roll(intact, 1, axis=0))

# %% tags=["sanity"] nbval={"rtol": 0.2, "atol": 0.45, "figure_rms": 0.2}
fig, ax = plt.subplots(figsize=(6.5, 3.2), layout="constrained")
curves = {"rank correlation": [values.mean() for values in similarity.values()]}
curves["its absolute value"] = [np.abs(values).mean() for values in similarity.values()]
plots.show_lines(curves, list(similarity), ax)
ax.axhline(elsewhere.mean(), color="0.5", linestyle="--", label="different pictures")
ax.axhline(np.abs(elsewhere).mean(), color="0.5", linestyle=":", label="different pictures, absolute value")
ax.set(xlabel=f"layers with new weights, from the top, of {all_layers}", ylabel="maps before and after")
ax.legend(fontsize=8)
plots.show(fig, "Similarity of the heatmaps falls as more and more layers lose their weights")
for name, values in curves.items():
    print(f"{name}:", ", ".join(f"{step}: {value:.2f}" for step, value in zip(steps, values, strict=True)))
print(f"between maps of different pictures: {elsewhere.mean():.2f}, absolute value {np.abs(elsewhere).mean():.2f}")

# %% [markdown]
# The gray lines are what two maps of *different* pictures have in common. With all weights in place the maps are the
# same, of course. A new last layer weighs the channels anew, all of them for one logit: many maps become the negatives
# of what they were, so the blue curve falls at once, but the places are still the same, and the absolute value stays
# high. With four new layers, most of the last block, the blue curve is near to zero, and
# the absolute value has lost most of its way; what is left of it above the dotted line shrinks as the blocks before it
# lose their weights, too. So the map shows what the network has learned. A method whose curve stays high would be an
# edge detector in disguise.
#
# > **A trap.** Our first version drew the new weights from the seed of the training. They were then the very weights
# > that the network had started from, which a short training does not leave far behind, and the maps stayed alike.

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
    features, _ = split_at(network, layer)
    maps = features.predict(img_array, verbose=0)
    channel = min(channel, maps.shape[-1] - 1)
    pattern, _ = grow_pattern(
        lambda image: features(prepare(127.5 * (image + 1)), training=False), channel, cam_size[0], seed=SEED
    )
    raw = grad_cam(last_conv_layer_model, classifier_model, img_array, class_score(class_index))[0]
    fig, axes = plt.subplots(1, 3, figsize=(10, 3.3), layout="constrained")
    image = axes[0].imshow(maps[0, ..., channel].astype("float32"), cmap="viridis")
    axes[0].set_title(f"{layer}, channel {channel}", fontsize=10)
    axes[0].axis("off")
    fig.colorbar(image, ax=axes[0], label="activation")
    plots.show_picture(deprocess_image(pattern), "the pattern that it likes", axes[1])
    plots.show_picture(lay_over(picture, to_heatmap(raw), COLORMAP, OPACITY), f"for {labels[class_index]}", axes[2])
    fig.colorbar(plt.cm.ScalarMappable(cmap=COLORMAP), ax=axes[2], label="share of the largest value")
    return fig


# %% tags=["explorer"] nbval={"figure_rms": 0.3, "figure_size": 0.02}
names = list(last_of_each_size(network).values())
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
    "test_accuracy": test_accuracy,
    **{
        f"energy_{name.lower().replace(' ', '_').replace('-', '_')}": float(np.nanmean(on_animal[name]))
        for name in on_animal
    },
    "best_blob_width": best_width,
    "verdict": f"{verdict} than the best blob",
    "similarity": {step: float(np.abs(values).mean()) for step, values in similarity.items()},
    "similarity_all_new": float(np.abs(similarity[all_layers]).mean()),
    "similarity_different_pictures": float(np.abs(elsewhere).mean()),
    "silent_channels": dict(zip(layer_names, silent_share.tolist(), strict=True)),
}
path = save_results(results, Path(BUILD, "results", "9_4.json"))
note_knobs(Path(BUILD, "models", PROFILE, "9_4.json"), "9_4_interpreting_convnets", globals())

# %% [markdown]
# ## At other scales
#
# Photographs, and networks that have learned from photographs: the same notebook has run with its other profiles. What
# these runs have written is stored in `docs/measurements`, and drawn here beside this run.

# %% tags=["scales"] nbval={"figure_rms": 0.2}
runs = read_measured("9_4", results)
titles = [f"{profile}:\n{run['backbone']}" for profile, run in runs.items()]
fig, (left, right) = plt.subplots(1, 2, figsize=(10, 3.6), layout="constrained")
keys = {"Grad-CAM": "energy_grad_cam", "best blob": "energy_best_blob", "uniform map": "energy_uniform_map"}
energies = {name: [run[key] for run in runs.values()] for name, key in keys.items()}
plots.show_bars(energies, titles, left, ylabel="share of the energy on the animal")
left.set_ylim(0, 1.2)
for width, title, run in zip((5, 3.5, 2), titles, runs.values(), strict=False):  # thinner, where lines lie on others
    steps = [int(step) for step in run["similarity"]]
    right.plot(np.divide(steps, max(steps)), list(run["similarity"].values()), "o-", lw=width, label=title)
right.set(
    xlabel="share of the layers with new weights, from the top", ylabel="absolute rank correlation", ylim=(0, 1.05)
)
right.legend(fontsize=8)
plots.show(fig, "Energy on the animal and the sanity check, for the networks and pictures of each profile")

# %% tags=["scales"] nbval={"rtol": 0.2, "atol": 0.12}
for title, run in zip(titles, runs.values(), strict=True):
    first, *_, last = run["silent_channels"].values()
    print(f"{title}, Grad-CAM is {run['verdict']}")
    print(f"    the picture is called {', '.join(f'{label} {share:.3f}' for _, label, share in run['top_classes'])}")
    print(f"    silent channels of the plain convnet: {first:.2f} in its first layer, {last:.2f} in its last")

# %% [markdown]
# MobileNetV2's first two classes for the book's elephants are those of Xception in the book, with less certainty; its
# third is another. (The photograph is not ours to show; its heatmap lies on the two animals.) On photographs of pets
# its maps hold more energy on the animal than ours on drawn heads, and yet the verdict is the worse one: photographers
# put their subject into the middle, and a blob that knows nothing but that is nearly always on it. There the score says
# little. The sanity check says the same of both networks: the maps change with the weights. MobileNetV2's change at
# once, with the last of its layers. (`book` asks it about more pets, and has the same correlations: of the same twenty
# pictures.)

# %% [markdown]
# ## What we saw
#
# - First layers keep the picture, deep ones are coarser, and more of their channels are silent.
# - Gradient ascent shows what a filter responds to: colours first, then stripes and textures. What the deepest
#   filters like depends on what the network has been taught.
# - Grad-CAM takes four steps: cut the network, take the gradient of a score with respect to the maps, average it per
#   channel, take the mean of the weighted channels. The score should be a logit, and may be of a class, of its
#   opposite, or of some pixels.
# - A heatmap that looks right is not yet right. Score it against maps that know nothing, the blob in the middle above
#   all, and destroy the weights: ours depends on what was learned.
#
# **Limits.** Grad-CAM averages the gradient over a map, so it is exact only where the part behind the cut is a mean
# followed by a linear layer; at earlier layers it is a heuristic. All scores are of one network; see notebook 9.5. In
# the `sample` profile all animals are drawn.
#
# ### Exercises
#
# [`exercises/9_4_exercises`](exercises/9_4_exercises.ipynb): HiResCAM, covering the brightest place, the network's
# surest mistakes, a pattern for two filters, and a heatmap without a gradient. Each has a check that tells what is
# wrong, and shows what comes out.

# %% [markdown]
# ## Glossary
#
# - **activation, map**: what a layer puts out for a picture.
# - **channel**: one of a layer's maps.
# - **dead channel**: a channel that is zero on every picture.
# - **filter pattern**: a picture that makes a filter's response large.
# - **gradient ascent**: steps that change the picture, not the weights, to raise a number.
# - **logit**: the number before softmax or sigmoid.
# - **Grad-CAM**: the mean of a layer's maps, each weighted by the mean gradient of the class's score.
# - **heatmap**: a Grad-CAM map without what speaks against the class, scaled to 1.
# - **energy**: the sum of a heatmap's values.
# - **rank correlation**: how alike two maps order their places: 1 the same order, 0 none, −1 the opposite.
# - **sanity check**: do the maps change when the weights are destroyed?

# %% [markdown]
# ### Sources
#
# F. Chollet, *Deep Learning with Python*, 2nd edition, Manning 2021, section 9.4. R. Selvaraju et al., *Grad-CAM*, ICCV
# 2017. J. Adebayo et al., *Sanity Checks for Saliency Maps*, NeurIPS 2018. H. Wang et al., *Score-CAM*, CVPR workshops
# 2020 (energy inside an object). R. Draelos, L. Carin, *Use HiResCAM instead of Grad-CAM*, 2020. A. Mordvintsev, C.
# Olah, M. Tyka, *Inceptionism*, 2015 (patterns that resemble pictures). F. Chollet, *Xception*, CVPR 2017.
