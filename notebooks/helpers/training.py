"""Training that survives being killed, and happens once: what `fit` needs beside the callbacks of Keras."""

import hashlib
import json
import math
import random
import re
import shutil
import sys
import time
from pathlib import Path

import keras
import numpy as np

from . import caching
from .devices import count_sharing
from .files import write_whole

CACHE_FORMAT = 3  # to be raised whenever the same recipe would give another model


class Batches(keras.utils.PyDataset):
    """Batches of arrays, as they are or in an order that follows from a seed and the number of the epoch alone.

    Args:
        images: array (N, ...).
        labels: array (N, ...).
        batch_size: pictures a step.
        shuffled: whether each epoch has an order of its own; the seed is drawn as Keras's layers draw theirs.

    Raises:
        ValueError: there are not as many labels as pictures.

    Attributes:
        seed: an int, or None for the order of the arrays.
        order: int64 (N,), the order of the epoch.
    """

    def __init__(self, images, labels, batch_size, shuffled=False):
        super().__init__()
        if len(images) != len(labels):
            raise ValueError(f"{len(images)} pictures, but {len(labels)} labels; expected one for each picture")
        self.images, self.labels, self.batch_size = images, labels, batch_size
        self.seed = random.randint(1, 10**9) if shuffled else None
        self.shuffle(epoch=0)

    def shuffle(self, epoch):
        """Put the pictures into the order of an epoch, counted from 0."""
        self.order = np.arange(len(self.images))
        if self.seed is not None:
            np.random.default_rng([self.seed, epoch]).shuffle(self.order)

    def __len__(self):
        return math.ceil(len(self.images) / self.batch_size)

    def __getitem__(self, index):
        rows = self.order[index * self.batch_size : (index + 1) * self.batch_size]
        return self.images[rows], self.labels[rows]


def feed(batches):
    """Return what `fit` takes `Batches` from: with TensorFlow a `tf.data.Dataset`, else the batches themselves.

    Left to itself, Keras has TensorFlow tune how batches are fetched, in a thread that sleeps 10 ms, 20 ms, 40 ms …,
    and the end of an epoch often waits until it wakes: after 3.8 s of work, until 5.1 s. Arrays leave nothing to tune.
    `fit` needs `shuffle=False` besides: else it warns, or with another backend shuffles whole batches.
    """
    if keras.backend.backend() != "tensorflow":
        return batches
    import tensorflow as tf

    def draw():
        for index in range(len(batches)):
            yield batches[index]

    kinds = tuple(tf.TensorSpec((None, *array.shape[1:]), array.dtype) for array in (batches.images, batches.labels))
    counted = tf.data.experimental.assert_cardinality(len(batches))
    options = tf.data.Options()
    options.autotune.enabled = False
    return tf.data.Dataset.from_generator(draw, output_signature=kinds).apply(counted).prefetch(2).with_options(options)


class DivergedError(ArithmeticError):
    """A training's loss has become infinite, or no number at all."""


class Resume(keras.callbacks.Callback):
    """Let a `fit` that was killed go on after its last finished epoch and end with the same weights.

    On a processor they are the same bit for bit.

    Keras's `BackupAndRestore` does so but for three things, which this keeps as well: the states of layers that draw
    random numbers, the order of the pictures, and the history. The state after each epoch lies beside the file of the
    checkpoint, with a copy of that file; what is damaged or half-written is not loaded, and then the training starts
    anew. Once all epochs are done, the same `fit` restores file and history and has nothing left to train.

    Args:
        checkpoint: a `keras.callbacks.ModelCheckpoint` with `save_best_only`, before this one in the list of callbacks;
            its file lies in a folder of its own, see `find_folder`.
        batches: the `Batches` to train on.
    """

    def __init__(self, checkpoint, batches):
        super().__init__()
        self.checkpoint, self.batches = checkpoint, batches
        self.best = Path(checkpoint.filepath)
        self.history = {}

    def on_train_begin(self, logs=None):
        """Load the last whole state, if there is one."""
        self.model.optimizer.build(self.model.trainable_variables)  # else there is nowhere to load its state
        self._build_metrics()
        self.variables = [*self.model.variables, *self.model.optimizer.variables]  # states of random layers among them
        for entry in sorted(self.best.parent.glob("[0-9]*"), reverse=True):
            if history := caching.recall(entry):
                self._restore(entry, history)
                return

    def _build_metrics(self):
        """Make the variables of metrics; made by the first step, they would let TensorFlow trace that step twice."""
        if count_sharing() == 1:  # else Keras has made them
            images, labels = self.batches[0]
            outputs = keras.ops.zeros(self.model.compute_output_shape((1, *images.shape[1:])))
            self.model.compute_metrics(None, labels[:1], outputs)
            self.model.reset_metrics()

    def on_epoch_begin(self, epoch, logs=None):
        """Shuffle the pictures."""
        self.batches.shuffle(epoch)
        self.begun = time.monotonic()

    def on_epoch_end(self, epoch, logs=None):
        """Keep the state of the training; add to the history how many seconds the epoch took.

        Raises DivergedError if the loss is no number any more.
        """
        if not all(math.isfinite(logs[name]) for name in ("loss", "val_loss")):
            raise DivergedError(
                f"Training {self.model.name} diverged in epoch {epoch + 1}: the loss is {logs['loss']:.3g}, with "
                f"validation {logs['val_loss']:.3g}. Try a smaller LEARNING_RATE, say a tenth of it."
            )
        logs["seconds"] = time.monotonic() - self.begun
        self.history = {name: [*self.history.get(name, []), float(value)] for name, value in logs.items()}
        folder = self.best.parent
        if caching.store(folder / f"{epoch + 1:06}", self._write, self.history):
            shutil.rmtree(folder / f"{epoch:06}", ignore_errors=True)

    def _write(self, draft):
        np.savez(draft / "state.npz", *map(keras.ops.convert_to_numpy, self.variables))
        shutil.copyfile(self.best, draft / self.best.name)

    def _restore(self, entry, history):
        with np.load(entry / "state.npz") as state:
            for variable, value in zip(self.variables, state.values(), strict=True):
                variable.assign(value)
        with write_whole(self.best) as draft:
            shutil.copyfile(entry / self.best.name, draft)
        self.checkpoint.best = min(history["val_loss"])
        self.history = history
        self.model.history.history.update(history)
        self.model._initial_epoch = int(entry.name)  # as Keras's own callback does

    def on_train_end(self, logs=None):
        """Let another `fit` of the same model begin with its first epoch."""
        self.model._initial_epoch = None


def find_folder(folder, model, train, validation, epochs):
    """Return where a training is kept: FOLDER/NAME-KEY, NAME being the model's.

    The key depends on the compiled model (layers, initial weights, optimizer, loss), the data and their order, the
    number of epochs, and the versions of Keras and its backend; how Keras numbers layers does not count. So a training
    with other knobs has another folder, and one with the same knobs finds what an earlier run left. One process at a
    time may train in a folder.

    Args:
        folder: where trained models are kept.
        model: a compiled keras.Model that has not been trained.
        train: `Batches` to train on.
        validation: `Batches` to validate on.
        epochs: passes over the pictures.
    """
    backend = keras.backend.backend()
    versions = [keras.__version__, backend, sys.modules[backend].__version__]
    options = [train.batch_size, train.seed, epochs, count_sharing()]
    places = {layer.name: f"layer {place}" for place, layer in enumerate(_all_layers(model))}
    config = _rename(json.loads(model.to_json()), places)
    arrays = [
        train.images,
        train.labels,
        validation.images,
        validation.labels,
        *map(keras.ops.convert_to_numpy, model.variables),
    ]
    recipe = [CACHE_FORMAT, versions, config, [_digest(array) for array in arrays], options]
    return Path(folder, f"{model.name}-{caching.name_entry(recipe)}")


def _all_layers(model):
    """Yield the layers of a model, slices and the like among them, and of the models in it."""
    for layer in getattr(model, "operations", model.layers):
        yield layer
        yield from _all_layers(layer) if hasattr(layer, "layers") else ()


def _rename(config, places):
    """Return a configuration whose names do not depend on what was made before: Keras counts, conv2d_7.

    A layer is called by its place, so that it still shows how layers are joined; other names lose their number.
    """
    if isinstance(config, dict):
        renamed = {key: _rename(value, places) for key, value in config.items()}
        if isinstance(name := renamed.get("name"), str):
            renamed["name"] = re.sub(r"_\d+$", "", name)
        return renamed
    if isinstance(config, list):
        return [_rename(value, places) for value in config]
    return places.get(config, config) if isinstance(config, str) else config


def _digest(array):
    """Return a digest of an array's values, shape and dtype."""
    array = np.ascontiguousarray(array)
    digest = hashlib.sha256(json.dumps([array.dtype.str, array.shape]).encode())
    digest.update(array.data)
    return digest.hexdigest()
