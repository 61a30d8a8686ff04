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
# # 9.2 Image segmentation: which pixels are the pet?
#
# We train a convolutional network that colours every pixel of a picture: animal, background, or the outline in
# between. Along the way we see why such a network shrinks its maps with strides and not with max pooling, how
# transposed convolutions bring the maps back to full size, and how to tell a good mask from one that only looks
# good in the loss.
#
# This notebook accompanies sections 9.1 and 9.2 of François Chollet's *Deep Learning with Python*, 2nd edition.
# A cell that is a step or a figure of the book begins with its number. The book does not number the steps of section
# 9.2: here they are counted, from Step 9.2-1, getting the data, to Step 9.2-9, the first prediction.
#
# | section of the book | what | cells | minutes |
# |---|---|---|---|
# | 9.1 Three questions about one picture | classification, segmentation, detection | 5–6 | under 0.1 |
# | 9.2 From pictures to masks | data, network, training, prediction | 7–30 | 1.0 |
#
# | profile | data | time |
# |---|---|---|
# | `sample` | 3,000 pets drawn by this project's own code | about two minutes on a laptop with two cores |
# | `photos` | 7,390 photographs, [Oxford-IIIT Pet](https://www.robots.ox.ac.uk/~vgg/data/pets/) | 15 minutes |
# | `book` | the same, at the book's size | meant for a GPU |
#
# Licences: the drawn pets are as free as the code (MIT). Oxford-IIIT Pet is CC BY-SA 4.0; the photographs belong to
# their owners.

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

PICTURES = knob(sample=3000, book=7390)  # how many pictures to use at most
IMAGE_SIZE = knob(sample=64, photos=80, book=200)  # pixels, a multiple of 8 because the maps are halved three times
FILTERS = knob(sample=(16, 32, 64), photos=(32, 64, 128), book=(64, 128, 256))  # channels on the three levels
EPOCHS = knob(sample=7, photos=11, book=50)  # passes over the training pictures
BATCH_SIZE = knob(sample=8, photos=16, book=64)  # pictures a step: the smaller, the more steps an epoch
LEARNING_RATE = knob(sample=0.003, book=0.001)  # size of the first step; 0.001 is RMSprop's default
SEED = 1337  # for the order of the files and for the weights

# %% [markdown]
# Where things lie, and what computes. These need to be changed less often.

# %% tags=["constants"]
DATA = os.environ.get("DATA", "../data")  # folder that holds the data sets
CLASS_NAMES = ("animal", "background", "outline")  # of the values 1, 2, 3 in a mask
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
import math
import random
from pathlib import Path

import matplotlib.pyplot as plt
from keras import layers

import sample_pets
from helpers import devices, plots
from helpers.knobs import watch_knobs
from helpers.pets import list_pets, load_pets, read_mask
from helpers.pictures import find_picture, read_picture
from helpers.progress import training_progress
from helpers.results import read_measured, save_results
from helpers.training import Batches, Resume, feed, find_folder

watch_knobs("9_2", globals())  # a value that cannot be right is named, not met deep inside
MODELS = Path(BUILD, "models", PROFILE)
keras.utils.set_random_seed(SEED)

# %% [markdown]
# ## 9.1 Three questions about one picture
#
# Three tasks cover most of what people ask of a vision network:
#
# - **Classification**: what is in the picture? One label, or several that may hold at once.
# - **Segmentation**: which pixels belong to what? A class for every pixel: a *mask*.
# - **Detection**: what is where? A labelled rectangle, the *bounding box*, around every object.
#
# There are more (how alike two pictures are, where joints and other keypoints lie, which 3D mesh fits a body), but
# these three are the ground to stand on. One drawn pet shows all three. The box needs no extra work: it is the
# smallest rectangle that holds the mask.

# %% tags=["figure-9.1"]
# Figure 9.1
pet = sample_pets.draw_pet(seed=SEED, index=12, species="cat")
mask = pet.trimap - 1
rows, columns = np.nonzero(pet.trimap != 2)  # 2 is the background

fig, axes = plt.subplots(1, 3, figsize=(9, 3.2), layout="constrained")
plots.show_picture(pet.picture, f"classification: {pet.species[0]}", axes[0])
plots.show_mask(mask, "segmentation: a class per pixel", axes[1])
plots.show_picture(pet.picture, "detection: a box with a class", axes[2])
plots.show_box((rows.min(), rows.max()), (columns.min(), columns.max()), axes[2])
plots.show(fig, "A drawn cat three times: with labels, as a mask in three colours, and with its bounding box")

# %% [markdown]
# **Figure 9.1.** The same picture, three answers. They differ in what they say about the place: a label says nothing
# of it, a box says it roughly, a mask says it for every pixel. The box encloses the animal and its outline. (Detection
# is not a subject of this chapter; the RetinaNet example of [keras.io](https://keras.io/examples/vision/retinanet/)
# shows how it is done.)
#
# Segmentation itself comes in two kinds. *Semantic* segmentation gives every pixel a category: two pets become one
# patch of "animal". *Instance* segmentation also keeps individuals apart.

# %% tags=["figure-9.2"]
# Figure 9.2
pair = sample_pets.draw_pair(seed=SEED, index=4)
fig, axes = plt.subplots(1, 3, figsize=(9, 3.2), layout="constrained")
plots.show_picture(pair.picture, "picture", axes[0])
plots.show_mask(pair.instances > 0, "semantic: animal or not", axes[1], ("background", "animal"))
plots.show_mask(pair.instances, "instance: each for itself", axes[2], ("background", "cat", "dog"))
plots.show(fig, "Two drawn animals: picture, one shared mask, and a mask with a colour for each animal")

# %% [markdown]
# **Figure 9.2.** In the middle, cat and dog share a colour; on the right each animal has its own. Our network learns
# the semantic kind: one animal per picture, so no two have to be kept apart.

# %% [markdown]
# > **Predict, then run.** An animal and its outline lie in the rows `10` to `40` of a mask and in the columns `5` to
# > `25`, both ends included. How many rows and columns has the bounding box?
# >
# > <details><summary>Answer</summary>
# >
# > 31 rows and 21 columns: both ends count.
# >
# > </details>

# %% [markdown]
# ## 9.2 From pictures to masks
#
# ### The data
#
# The book trains on Oxford-IIIT Pet: 37 breeds, and for each photograph a *trimap*, a small grey picture that says for
# every pixel: 1 the animal, 2 background, 3 the outline, a narrow band where even people cannot decide. The `sample`
# profile draws its own pets in the very same layout, so that everything below runs anywhere and at once; the `book`
# profile expects what `make data` downloads.

# %% tags=["step-9.2-1"]
# Step 9.2-1
if PROFILE == "sample":
    PETS = sample_pets.write_sample_pets(Path(DATA, "sample-pets"), count=PICTURES)
else:
    PETS = Path(DATA, "oxford-pets")

# %% [markdown]
# Two sorted lists, in step: the n-th trimap belongs to the n-th picture.

# %% tags=["step-9.2-2"]
# Step 9.2-2
input_dir, target_dir = PETS / "images", PETS / "annotations" / "trimaps"
input_img_paths = sorted(input_dir.glob("*.jpg"))
target_paths = sorted(path for path in target_dir.glob("*.png") if not path.name.startswith("."))
print(len(input_img_paths), "pictures and", len(target_paths), "trimaps")

# %% [markdown]
# As long as no file is missing: one trimap less, and all pictures after it have the trimap of another. `list_pets`
# matches the two by name, and complains about a picture without its trimap.

# %% tags=["step-9.2-2"]
# Step 9.2-2, continued
input_img_paths, target_paths = list_pets(PETS)
print("for example", input_img_paths[0].name, "with", target_paths[0].name)

# %% [markdown]
# One of them:

# %% tags=["constants"]
SHOWN_PICTURE = 9  # which picture of the sorted list to look at first

# %% tags=["step-9.2-3", "figure-9.3"]
# Step 9.2-3, figure 9.3
path = find_picture("SHOWN_PICTURE", SHOWN_PICTURE, input_img_paths)
picture = read_picture(path, turn=False)
fig, ax = plt.subplots(figsize=(4, 4), layout="constrained")
plots.show_picture(picture, path.name, ax)
plots.show(fig, f"The picture {path.name}")

# %% [markdown]
# **Figure 9.3.** A picture as it lies in the folder. Pictures differ in size and shape.

# %% tags=["step-9.2-4", "figure-9.4"]
# Step 9.2-4, figure 9.4
mask = read_mask(target_paths[SHOWN_PICTURE], classes=len(CLASS_NAMES))
fig, axes = plt.subplots(1, 2, figsize=(8, 4), layout="constrained")
plots.show_picture(picture, "picture", axes[0])
plots.show_mask(mask, "mask: trimap − 1", axes[1], CLASS_NAMES)
plots.show(fig, "The same picture beside its mask in the class colours")

# %% [markdown]
# **Figure 9.4.** The target, drawn by `plots.show_mask`, our `display_target` and `display_mask`. `read_mask` subtracts
# 1, so that the classes are 0, 1, 2, as the loss wants them.
#
# > **Reader's note.** The book draws picture and mask one after the other on the same axes, where the second covers the
# > first, and multiplies the trimap by 127 and lets the plot scale itself: a picture in which one class is missing
# > then shows the others in other colours, and what is called grey is drawn in viridis. Here they stand side by side,
# > and a class has one colour in the whole notebook.

# %% [markdown]
# ### Arrays
#
# Three things happen on the way to arrays. Everything gets one size, `IMAGE_SIZE` (the book's `img_size`). Both lists
# are shuffled *alike*: the files are sorted by breed, and without shuffling the validation pictures would be of the
# last breeds only. And the last pictures are put aside for validation. `load_pets` fills the two arrays, which is what
# the book's `path_to_input_image` and `path_to_target` are for; what it has read once it keeps in `build/cache`.
#
# Pictures are resized with bilinear interpolation, masks by nearest neighbour: halfway between class 0 (animal) and
# class 2 (outline) lies not class 1 (background).
#
# A pet in a mirror is still a pet. With `MIRROR` the network also trains on the mirror image of each picture, its mask
# mirrored alike. The book does without, and so does the `sample` profile; the `photos` profile would soon learn its
# pictures by heart.

# %% tags=["constants"]
VALIDATION = knob(sample=300, book=1000)  # of these, how many validate
MIRROR = knob(sample=False, photos=True, book=False)  # whether to train on the mirror image of each picture, too

# %% tags=["step-9.2-5"]
# Step 9.2-5
shuffled_inputs, shuffled_targets = list(input_img_paths), list(target_paths)
random.Random(SEED).shuffle(shuffled_inputs)
random.Random(SEED).shuffle(shuffled_targets)
paths = shuffled_inputs[:PICTURES], shuffled_targets[:PICTURES]
input_imgs, targets, names = load_pets(*paths, IMAGE_SIZE, len(CLASS_NAMES), Path(BUILD, "cache"))
num_imgs, num_val_samples = len(input_imgs), VALIDATION
if not 0 < num_val_samples < num_imgs:
    raise ValueError(f"VALIDATION is {VALIDATION}; expected 1 to {num_imgs - 1}, fewer than the pictures")
train_input_imgs, val_input_imgs = input_imgs[:-num_val_samples], input_imgs[-num_val_samples:]
train_targets, val_targets = targets[:-num_val_samples], targets[-num_val_samples:]
if MIRROR:  # picture and mask alike
    train_input_imgs = np.concatenate([train_input_imgs, train_input_imgs[:, :, ::-1]])
    train_targets = np.concatenate([train_targets, train_targets[:, :, ::-1]])

# %% tags=["step-9.2-5"]
# Step 9.2-5, continued
for name, array in (("input_imgs", input_imgs), ("targets", targets)):
    print(f"{name:10} {array.dtype} {array.shape}  {array.nbytes / 2**20:.0f} MiB")
print(f"{len(train_input_imgs)} train, from {names[0]} on")
print(f"{len(val_input_imgs)} validate, from {names[-num_val_samples]} on")

# %% [markdown]
# > **Reader's note.** The book keeps pictures as `float32`: at its scale 3.5 GB before training starts. A pixel is a
# > byte, so we keep `uint8`, a quarter of that, and let the network's first layer turn batches into floats. The book
# > also lets `load_img` resize pictures by nearest neighbour, its default, which makes edges ragged.
#
# What the network will see: the first four training pictures at its size, and under each what it should answer.

# %%
fig, axes = plots.show_columns(train_input_imgs[:4], train_targets[:4], titles=names, names=CLASS_NAMES)
plots.show(fig, "Four training pictures at the network's size, above their masks in the class colours")

# %% [markdown]
# At 64 pixels a pet is still a pet, and along a clear edge its outline is about three pixels wide. It is wider where
# grass covers the animal, and a thin tail may be nothing but outline. At the book's 200 pixels there is more of
# everything to see.
#
# How often does each class occur? The answer is the bar that any network has to clear: whoever calls every pixel
# "background" already gets that share of them right.

# %%
shares = np.bincount(train_targets.ravel(), minlength=len(CLASS_NAMES)) / train_targets.size
for name, share in zip(CLASS_NAMES, shares, strict=True):
    print(f"{name:10} {share:6.1%} of the training pixels")

# %% [markdown]
# ### The network
#
# The first half, the *encoder*, looks like any convnet: it shrinks the maps and deepens them, from many pixels that
# each know little to few that each know much. But a classifier may forget *where* it saw something; we may not. So the
# second half, the *decoder*, goes the same way back, to full size. Halving is done by convolutions with stride 2,
# doubling by *transposed* convolutions with stride 2, and the last layer gives three numbers per pixel that add up to
# one. (A *stride* of 2 means that the filter is applied at every second place only.) All convolutions pad their input
# with zeros, `padding="same"`: without it each would cut its borders off, and no map would have exactly half the size
# of the one before. (The book writes the layers down one by one, with 64, 128 and 256 filters; here a loop does, so
# that the numbers can be changed.)


# %% tags=["step-9.2-6"]
# Step 9.2-6
def get_model(img_size, num_classes, filters=(64, 128, 256)):
    """Return a network from pictures (N, size, size, 3) in 0-255 to class probabilities (N, size, size, classes)."""
    halvings = len(filters)
    if img_size % 2**halvings:
        raise ValueError(f"img_size is {img_size}; expected a multiple of {2**halvings}, try 64 or 200")
    inputs = keras.Input((img_size, img_size, 3))
    x = layers.Rescaling(1 / 255)(inputs)
    for width in filters:
        x = layers.Conv2D(width, 3, strides=2, padding="same", activation="relu")(x)
        x = layers.Conv2D(width, 3, padding="same", activation="relu")(x)
    for width in reversed(filters):
        x = layers.Conv2DTranspose(width, 3, padding="same", activation="relu")(x)
        x = layers.Conv2DTranspose(width, 3, strides=2, padding="same", activation="relu")(x)
    outputs = layers.Conv2D(num_classes, 3, padding="same", activation="softmax", dtype="float32")(x)
    return keras.Model(inputs, outputs, name="oxford_segmentation")


model = get_model(IMAGE_SIZE, len(CLASS_NAMES), FILTERS)
model.summary()

# %% [markdown]
# Read the shapes from top to bottom: half, quarter, eighth of the side, and back. The book's network is the same
# function with the book's widths, and its numbers can be checked without training it.

# %% tags=["claim-1", "claim-2"]
book_network = get_model(img_size=200, num_classes=3)
weighted = [layer for layer in book_network.layers if layer.count_params()]
encoder_end = weighted[5].output
print(f"{book_network.count_params():,} parameters, the book says 2,880,643")
print("by layer:", " · ".join(f"{layer.count_params():,}" for layer in weighted))
print("the encoder ends at", encoder_end.shape[1:], "and the output is", book_network.output.shape[1:])

# %% [markdown]
# ### A transposed convolution undoes the shape
#
# A convolution with stride 2 takes (100, 100, 64) to (50, 50, 128); a transposed one with stride 2 takes it back. It
# undoes the *shape*, not the values: what the first threw away is gone, and the second learns what to put there.

# %% tags=["claim-4"]
x = keras.random.uniform((1, 100, 100, 64), seed=SEED)
down = layers.Conv2D(128, 3, strides=2, padding="same")(x)
up = layers.Conv2DTranspose(64, 3, strides=2, padding="same")(down)
print(x.shape[1:], "→", down.shape[1:], "→", up.shape[1:])

# %% [markdown]
# ### Why strides and not max pooling?
#
# Max pooling keeps the largest value of a window and forgets where in the window it was. For "is there a cat?" that is
# welcome; for "where does the cat end?" it is not. Put a single bright pixel into each of the four corners of a
# 2×2 window:

# %% tags=["claim-3"]
windows = np.eye(4, dtype="float32").reshape(4, 2, 2, 1)  # four windows, one bright pixel in each
pooled = layers.MaxPooling2D(2)(windows)
strided = layers.Conv2D(1, 2, strides=2, use_bias=False)(windows)  # one filter, one number for each window
print("max pooling:        ", np.ravel(pooled))
print("strided convolution:", np.ravel(strided).round(2))

# %% [markdown]
# The pooled answers are the same four times: no later layer can tell the places apart any more. The convolution answers
# with another of its weights for each place. In a network the loss is milder, since a convolution before the pooling
# smears every pixel over its neighbours. So let us measure it: two networks of the same size learn to halve a picture
# of scattered dots and to draw it again. All that differs is how they halve.


# %% tags=["claim-3"]
def build_dot_network(halve):
    """Return a network that halves a picture of dots (N, 32, 32, 1) and draws it again: dots are above 0."""
    inputs = keras.Input((32, 32, 1))
    if halve == "strides":
        x = layers.Conv2D(8, 3, strides=2, padding="same", activation="relu")(inputs)
    else:
        x = layers.Conv2D(8, 3, padding="same", activation="relu")(inputs)
        x = layers.MaxPooling2D(2)(x)
    return keras.Model(inputs, layers.Conv2DTranspose(1, 3, strides=2, padding="same")(x))


dots = (np.random.default_rng(SEED).random((600, 32, 32, 1)) < 0.05).astype("float32")

# %% [markdown]
# The score is the intersection over union of the dots: of all places that are a dot in the picture, in the drawing or
# in both, the share that is one in both. It is 1 for a perfect drawing.

# %% tags=["constants"]
DOT_EPOCHS = 15  # passes over the dots in the experiment on strides and pooling

# %% tags=["claim-3"] nbval={"rtol": 0.05}
dot_scores, drawings = {}, {"the dots": dots[-1]}
for halve in ("strides", "max pooling"):
    keras.utils.set_random_seed(SEED)
    dot_network = build_dot_network(halve)
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    dot_network.compile(optimizer=keras.optimizers.Adam(0.01), loss=loss)
    dot_network.fit(dots[:500], dots[:500], batch_size=25, epochs=DOT_EPOCHS, verbose=0)
    logits = dot_network.predict(dots[500:], verbose=0)
    both = np.logical_and(logits > 0, dots[500:]).sum()
    dot_scores[halve] = float(both / np.logical_or(logits > 0, dots[500:]).sum())
    drawings[f"drawn after {halve}"] = keras.ops.convert_to_numpy(keras.ops.sigmoid(logits[-1]))
    print(f"halved by {halve:12} intersection over union of the dots {dot_scores[halve]:.2f}")

# %% tags=["claim-3", "claim-3-drawings"] nbval={"figure_rms": 0.05}
fig, axes = plt.subplots(1, 3, figsize=(9, 3.4), layout="constrained")
for ax, (title, drawing) in zip(axes, drawings.items(), strict=True):
    image = ax.imshow(drawing, cmap="gray", vmin=0, vmax=1)
    ax.set_title(title, fontsize=10)
    ax.axis("off")
fig.colorbar(image, ax=axes, shrink=0.8, label="probability of a dot")
plots.show(fig, "Scattered white dots; drawn after strides nearly all are there, after max pooling many are smeared")

# %% [markdown]
# With strides the network learns to write the place into its eight channels and gets the dots back; with max pooling
# some places stay undecided, and the network smears what it does not know. That is why this architecture strides.

# %% [markdown]
# ### Training
#
# Nothing new here: RMSprop, and cross-entropy at every pixel (`sparse`, since the targets are class numbers).
# `ModelCheckpoint` keeps the network of the epoch with the lowest validation loss, for the last one is rarely the
# best, and `load_model` brings it back.
#
# The book trains for 50 epochs at RMSprop's usual step size. The `sample` profile trains for seven only; it starts
# with larger steps and lets them shrink along a cosine, so that the network settles in time. Set `DECAY` to `False`
# to see the validation loss jump about instead.
#
# On photographs the book's network first calls every pixel background, for a hundred steps and more, while the loss
# falls all the same: it has learned how common each class is. Do not stop it there (`docs/measurements.md`).
#
# `Batches` cuts the arrays into batches, in an order that another run can repeat, and `feed` hands them to `fit`
# without a wait at the end of each epoch. Two callbacks are not in the book: one shows a bar, and with `Resume`, a
# training of hours that is interrupted, or whose machine is taken away, goes on after its last finished epoch when
# the cell is run again; and if all epochs are done, nothing is trained a second time. For that, each training has a
# folder of its own in `build/models`, and `find_folder` names it by all that the training depends on: change a knob,
# and it is another.
#
# The line that begins with `with` is for speed alone; take it out, and the same network trains in 32 bits on one
# device. With `PRECISION = "mixed_bfloat16"` the maps have 16 bits while weights and loss keep 32: half the memory to
# move, and on processors and GPUs that have instructions for it, more multiplications at once. The `book` profile
# takes "fastest", what suits the machine; the other profiles stay with 32 bits, for their numbers are compared
# between machines.

# %% tags=["constants"]
DECAY = knob(sample=True, photos=True, book=False)  # whether the steps shrink to nothing towards the last epoch

# %% tags=["step-9.2-7"]
# Step 9.2-7
keras.utils.set_random_seed(SEED)
steps = EPOCHS * math.ceil(len(train_input_imgs) / BATCH_SIZE)
rate = keras.optimizers.schedules.CosineDecay(LEARNING_RATE, steps) if DECAY else LEARNING_RATE
with devices.use(DEVICES, PRECISION):
    model = get_model(IMAGE_SIZE, len(CLASS_NAMES), FILTERS)
    model.compile(optimizer=keras.optimizers.RMSprop(rate), loss="sparse_categorical_crossentropy")
    train = Batches(train_input_imgs, train_targets, BATCH_SIZE, shuffled=True)
    validation = Batches(val_input_imgs, val_targets, BATCH_SIZE)
    best = find_folder(MODELS, model, train, validation, EPOCHS) / "oxford_segmentation.keras"
    checkpoint = keras.callbacks.ModelCheckpoint(best, save_best_only=True)
    callbacks = [checkpoint, Resume(checkpoint, train), training_progress()]
    fitted = model.fit(
        feed(train),
        epochs=EPOCHS,
        validation_data=feed(validation),
        callbacks=callbacks,
        shuffle=False,  # `Resume` shuffles `train` anew for each epoch
        verbose=0,
    )
history = fitted.history
model = keras.models.load_model(best)

# %% [markdown]
# The loss on pictures that the network trains on, and on those it never sees (`history` is what Keras's `History`
# object has in its attribute of that name, a dict of lists):

# %% tags=["step-9.2-8", "figure-9.5"] nbval={"rtol": 0.15, "figure_rms": 0.09}
# Step 9.2-8, figure 9.5
fig, ax = plt.subplots(figsize=(6, 3.5), layout="constrained")
plots.show_curves(history, ["loss"], ax, guessing=math.log(3))
ax.set_ylim(0, 1.2)
plots.show(fig, "Training and validation loss against the epoch")
print(f"lowest validation loss {min(history['val_loss']):.3f}, with {PRECISION} on {DEVICES} device(s)")

# %% [markdown]
# **Figure 9.5.** A network that gives each of three classes a third pays ln 3 per pixel, the dotted line. As long as
# both curves fall, the network learns something that holds for new pictures. When the validation curve turns while
# the other goes on falling, it has begun to learn the training pictures by heart. In the `sample` profile we stop
# where it has become flat; on all of Oxford-IIIT Pet the book sees it near epoch 25 of 50.

# %% [markdown]
# ### Prediction
#
# The best network meets a picture of the validation set. For every pixel it gives three probabilities; the largest one
# names the class.

# %% tags=["constants"]
SHOWN_PREDICTION = 4  # which validation picture to predict first

# %% tags=["step-9.2-9", "figure-9.6"] nbval={"figure_rms": 0.15}
# Step 9.2-9, figure 9.6
test_image = val_input_imgs[SHOWN_PREDICTION]
probabilities = model.predict(np.expand_dims(test_image, 0), verbose=0)[0]
mask = np.argmax(probabilities, axis=-1)

fig, axes = plt.subplots(1, 3, figsize=(10, 3.6), layout="constrained")
plots.show_picture(test_image, "picture", axes[0])
plots.show_mask(val_targets[SHOWN_PREDICTION, ..., 0], "mask", axes[1], CLASS_NAMES)
plots.show_mask(mask, "prediction", axes[2], CLASS_NAMES)
plots.show(fig, "A validation picture, its mask, and the mask that the network predicts")

# %% [markdown]
# **Figure 9.6.** The prediction follows the animal, and small artefacts remain, as the book says. They differ from
# picture to picture: specks, gaps in the outline, thin parts that are lost.

# %% [markdown]
# > **Predict, then run.** The book's network halves a picture of 200×200 three times. Which shape has the map
# > that its fourth convolution puts out?
# >
# > <details><summary>Answer</summary>
# >
# > (50, 50, 128): two of the four convolutions have stride 2, and the second level has 128 filters.
# >
# > </details>

# %% [markdown]
# ## How good is it?
#
# One picture proves nothing, and a loss means little by itself. *Pixel accuracy* is easier to read, but it flatters:
# most pixels are background. The usual measure is **intersection over union** (IoU), for each class: of the pixels
# that are of this class in the mask, in the prediction or in both, the share that is in both. All of it follows from
# one table, the *confusion matrix*: how many pixels of which class were given which class.


# %%
def confusion_matrix(masks, predictions):
    """Count pixels: entry [i, j] is the number of pixels of class i that were predicted as class j."""
    num_classes = len(CLASS_NAMES)
    pairs = np.asarray(masks, "int64").ravel() * num_classes + np.asarray(predictions, "int64").ravel()
    return np.bincount(pairs, minlength=num_classes**2).reshape(num_classes, num_classes)


def intersection_over_union(confusion):
    """Return the IoU of each class, float64; NaN for a class that occurs in neither."""
    both = np.diag(confusion)
    either = confusion.sum(axis=0) + confusion.sum(axis=1) - both
    return np.divide(both, either, out=np.full(len(both), np.nan), where=either > 0)


# %%
def segmentation_scores(masks, predictions):
    """Return pixel accuracy, mean IoU of the classes that occur, and the IoU of each class, as a dict of floats."""
    confusion = confusion_matrix(masks, predictions)
    iou = intersection_over_union(confusion)
    return {
        "pixel_accuracy": float(np.trace(confusion) / confusion.sum()),
        "mean_iou": float(np.nanmean(iou)),
        **{f"iou_{name}": float(value) for name, value in zip(CLASS_NAMES, iou, strict=True)},
    }


# %% [markdown]
# First the trivial answer: every pixel is of the commonest class, the background. No network is needed for it, so its
# scores are the same on every machine.

# %%
commonest = int(np.argmax(shares))
trivial_name = f"all {CLASS_NAMES[commonest]}"
trivial = segmentation_scores(val_targets, np.full_like(val_targets, commonest))
print(f"{trivial_name}:", "  ".join(f"{name} {score:.3f}" for name, score in trivial.items()))

# %% [markdown]
# Now the network. It predicts the whole validation set in batches, and of the probabilities we keep the most probable
# class only, one byte per pixel.


# %%
def predict_masks(model, images, batch_size=32):
    """Return the most probable class of every pixel, uint8 (N, height, width, 1)."""
    batches = [images[start : start + batch_size] for start in range(0, len(images), batch_size)]
    classes = [np.argmax(model.predict_on_batch(batch), axis=-1) for batch in batches]
    return np.concatenate(classes).astype("uint8")[..., None]


# %% nbval={"rtol": 0.1}
predictions = predict_masks(model, val_input_imgs)
scores = {"network": segmentation_scores(val_targets, predictions), trivial_name: trivial}
print("network:", "  ".join(f"{name} {score:.3f}" for name, score in scores["network"].items()))

# %% nbval={"figure_rms": 0.1}
fig, ax = plt.subplots(figsize=(7, 3.2), layout="constrained")
labels = ["pixel accuracy", "mean IoU", *(f"IoU {name}" for name in CLASS_NAMES)]
plots.show_bars({name: list(values.values()) for name, values in scores.items()}, labels, ax)
ax.set(ylim=(0, 1.25), ylabel="score, 1 is perfect")
plots.show(fig, "Pixel accuracy and IoU of each class, for the network and for the answer 'all background'")

# %% [markdown]
# Calling everything background already gets most pixels right, and yet finds no animal at all: accuracy hides what
# IoU shows. The outline scores lowest, as a narrow band must: in the `sample` profile it is three pixels wide, and
# shifted by one it keeps only half of its IoU.
#
# Which pictures does the network like least? An average hides them, so we look: the three worst and the three best by
# the IoU of the animal.

# %% tags=["picture-scores"] nbval={"rtol": 0.1, "atol": 0.1}
pairs = zip(val_targets, predictions, strict=True)
picture_scores = np.array([intersection_over_union(confusion_matrix(*pair))[0] for pair in pairs])
measured = np.isfinite(picture_scores).sum()  # a mask without animal, met by none, has no IoU: NaN sorts last
order = np.argsort(picture_scores, kind="stable")[: measured or None]
if measured:
    print(
        f"IoU of the {CLASS_NAMES[0]}: worst {picture_scores[order[0]]:.2f}, median {np.nanmedian(picture_scores):.2f}"
    )
else:
    print(f"No validation picture has the class {CLASS_NAMES[0]!r}, neither in its mask nor for the network.")

# %% tags=["worst-and-best"] nbval={"figure_rms": 0.4}
worst, best = order[:3], order[-3:]
chosen, kinds = [*worst, *best], ["worst"] * len(worst) + ["best"] * len(best)
titles = [f"{kind}: IoU {picture_scores[index]:.2f}" for kind, index in zip(kinds, chosen, strict=True)]
shown = [array[chosen] for array in (val_input_imgs, val_targets, predictions)]
fig, axes = plots.show_columns(*shown, titles=titles, names=CLASS_NAMES)
plots.show(fig, "Rows: picture, mask, prediction. Columns: the three worst and the three best validation pictures")

# %% [markdown]
# Top row the pictures, middle row their masks, bottom row the predictions. The best are large, plain animals. The worst
# are small, hidden behind something, or close in colour to what surrounds them; some of them you will find hard
# yourself.

# %% [markdown]
# ## Results
#
# What a machine should compare between two runs goes into a file, what a person should remember goes below it.

# %% nbval={"rtol": 0.15}
results = {
    "profile": PROFILE,
    "pictures": num_imgs,
    "image_size": IMAGE_SIZE,
    "epochs": EPOCHS,
    "precision": model.layers[1].compute_dtype,
    "devices": DEVICES,
    "parameters": model.count_params(),
    "val_loss": min(history["val_loss"]),
    "history": {name: [round(value, 4) for value in values] for name, values in history.items()},
    **scores["network"],
    f"mean_iou_{trivial_name.replace(' ', '_')}": trivial["mean_iou"],
    **{f"dots_iou_{halve.replace(' ', '_')}": score for halve, score in dot_scores.items()},
}
path = save_results(results, Path(BUILD, "results", "9_2.json"))

# %% [markdown]
# ## At other scales
#
# Photographs are harder than drawings. The same notebook has run on them, with its other profiles; what these runs
# have written is stored in `docs/measurements`, and drawn here beside this run by the function that drew figure 9.5.

# %% tags=["scales"] nbval={"figure_rms": 0.09}
runs = read_measured("9_2", results)
fig, axes = plt.subplots(1, len(runs), figsize=(3.4 * len(runs), 3.2), sharey=True, squeeze=False, layout="constrained")
for (profile, run), ax in zip(runs.items(), axes[0], strict=True):
    plots.show_curves(run["history"], ["loss"], ax, f"{profile}: {run['pictures']:,} pictures", guessing=math.log(3))
axes[0, 0].set_ylim(0, 1.2)
plots.show(fig, "Training and validation loss against the epoch, a plot for each profile")

# %% tags=["scales"] nbval={"rtol": 0.15}
COLUMNS = ("image_size", "epochs", "val_loss", "pixel_accuracy", "iou_animal", "iou_background", "iou_outline")
print("profile", *COLUMNS, sep="  ")
for profile, run in runs.items():
    numbers = (f"{run.get(name, np.nan):>{len(name)}.4g}" for name in COLUMNS)
    print(f"{profile:7}", *numbers, sep="  ")
lowest = 1 + np.argmin(runs["book"]["history"]["val_loss"])
print(f"book: the validation loss is lowest in epoch {lowest}")

# %% [markdown]
# The order of the classes is the same: background, then animal, then outline. But fur can look like the carpet behind
# it, and people drew these trimaps; so on photographs the same kind of network gets less far, with more training.
#
# The run `book` has the book's network, steps and 50 epochs, on pictures of 128×128 pixels in place of 200×200. Its
# validation loss jumps, is lowest in epoch 36, and stays above that from there on while the training loss goes on
# falling: the over-fitting that the book sees near epoch 25 comes, but later. The run `photos` ends better, with
# smaller pictures and fewer epochs. It differs in more than one thing: it trains on mirror images, too, and its steps
# shrink to nothing.

# %% [markdown]
# ## What we saw
#
# - Segmentation is classification, once for every pixel. The loss is the one we know.
# - An encoder trades place for meaning; a decoder trades back. Strides let the place survive, max pooling forgets it.
# - Measure masks by IoU, per class, beside the trivial answer. And look at the worst.
#
# **Limits.** The validation pictures also choose the best epoch, so the scores flatter a little; a third set, kept for
# the end, would not. The drawn pets are easier than photographs: one artist, one animal per picture. A network without
# connections from encoder to decoder draws soft outlines; the first exercise does something about it.
#
# ### Exercises
#
# [`exercises/9_2_exercises`](exercises/9_2_exercises.ipynb): a U-Net, max pooling in equal time, a loss with weights,
# the Dice loss, and a first detector. Each has a check that tells what is wrong, and shows what comes out.

# %% [markdown]
# ## Glossary
#
# - **mask**: a picture that has a class in place of a colour at every pixel.
# - **trimap**: the data set's mask with three values: animal, background, outline.
# - **encoder**: the half of the network that shrinks the maps.
# - **decoder**: the half that brings them back to full size.
# - **stride**: the step from one place of a filter to the next; with 2, maps are halved.
# - **transposed convolution**: a convolution whose stride makes maps larger.
# - **map**: what one filter puts out for a picture: a number for every place.
# - **loss**: what training makes small; here cross-entropy at every pixel.
# - **IoU**: intersection over union: shared pixels of mask and prediction, divided by all pixels of either.
# - **profile**: a set of knobs: `sample` for a laptop, `book` for the chapter's numbers.

# %% [markdown]
# ### Sources
#
# F. Chollet, *Deep Learning with Python*, 2nd edition, Manning 2021, sections 9.1 and 9.2. O. Parkhi, A. Vedaldi,
# A. Zisserman, C. V. Jawahar, *Cats and Dogs*, CVPR 2012 (the data). O. Ronneberger, P. Fischer, T. Brox, *U-Net*,
# MICCAI 2015 (exercise 1).
