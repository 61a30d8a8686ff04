"""Training that takes long happens once, survives being killed, and is remembered, keyed by all that it depends on."""

import hashlib
import json
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
from .progress import is_silent, training_progress

CACHE_FORMAT = 2  # to be raised whenever the same recipe would give another model


def fit_once(model, images, labels, *, validation_data, folder, batch_size, epochs):
    """Train a compiled model and keep the epoch with the lowest validation loss; resume a broken run; or recall.

    The trained model goes to `FOLDER/NAME-KEY/NAME.keras`, NAME being the model's. The key depends on the model
    (layers, initial weights, optimizer, loss), the data and their order, the options, and the versions of Keras and its
    backend; how Keras numbers layers does not count. After each epoch the state of the training goes to
    `FOLDER/NAME-KEY.epochs`: if the process is killed, the same call continues from the last finished epoch and ends
    with the same weights, bit for bit on a processor. What is damaged or half-written is not loaded: an earlier state
    is, or the model is trained anew.

    Args:
        model: a compiled keras.Model; afterwards it has the best weights.
        images: array (N, ...) to train on, shuffled anew for each epoch, by a seed drawn as Keras's layers draw theirs.
        labels: array (N, ...).
        validation_data: (images, labels).
        folder: where trained models are kept.
        batch_size: pictures a step.
        epochs: passes over the pictures, at least 1.

    Returns:
        A dict of lists, one float an epoch: training and validation loss and metrics, and "seconds", the time that
        the epoch took when the model was trained.
    """
    batches = Batches(images, labels, batch_size, seed=random.randint(1, 10**9))
    options = {"batch_size": batch_size, "epochs": epochs, "seed": batches.seed}
    key = caching.name_entry(_recipe(model, images, labels, validation_data, options))
    entry = Path(folder, f"{model.name}-{key}")
    model.optimizer.build(model.trainable_variables)  # else there is nowhere to load its state
    history = caching.recall(entry)
    if history is not None:
        model.load_weights(entry / f"{model.name}.keras")
        _gather(model)
        return history
    diary = Diary(model, batches, entry.with_name(f"{entry.name}.epochs"))
    model.fit(
        feed(batches),
        validation_data=feed(Batches(*validation_data, batch_size)),
        initial_epoch=diary.resume(),
        epochs=epochs,
        shuffle=False,  # Keras would shuffle whole batches; `Batches` shuffles what is in them
        callbacks=[training_progress(), diary],
        verbose=0,
    )
    model.set_weights(diary.best)
    _gather(model)
    if caching.store(entry, lambda draft: model.save(draft / f"{model.name}.keras"), diary.history):
        shutil.rmtree(diary.folder, ignore_errors=True)
    return diary.history


class Batches(keras.utils.PyDataset):
    """Batches of arrays, as they are or in an order that follows from a seed and the number of the epoch alone.

    Attributes:
        seed: an int, or None for the order of the arrays.
        order: int64 (N,), which the callback `Diary` sets for each epoch.
    """

    def __init__(self, images, labels, batch_size, seed=None):
        super().__init__()
        self.images, self.labels, self.batch_size, self.seed = images, labels, batch_size, seed
        self.order = np.arange(len(images))

    def shuffle(self, epoch):
        """Put the pictures into the order of an epoch, counted from 0."""
        self.order = np.random.default_rng([self.seed, epoch]).permutation(len(self.images))

    def __len__(self):
        return -(-len(self.images) // self.batch_size)

    def __getitem__(self, index):
        rows = self.order[index * self.batch_size : (index + 1) * self.batch_size]
        return self.images[rows], self.labels[rows]


def feed(batches):
    """Return what `model.fit` takes `Batches` from: with TensorFlow a `tf.data.Dataset`, else the batches themselves.

    Left to itself, Keras has TensorFlow tune how batches are fetched, in a thread that sleeps 10 ms, 20 ms, 40 ms …,
    and the end of an epoch often waits until it wakes: after 3.8 s of work, until 5.1 s. Arrays leave nothing to tune.
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


class Diary(keras.callbacks.Callback):
    """Write down after each epoch all that the rest of a training depends on; measure it; forecast how long it takes.

    Attributes:
        folder: holds the last state, an entry of `caching` named by the number of epochs done.
        history: dict of lists, one float an epoch.
        best: weights of the epoch with the lowest validation loss, as from `model.get_weights`.
    """

    FIRST, LAST = 3, 13  # what lies between these steps is measured; the first build what the later ones run
    SHORT = 0.5  # minutes; what takes less needs no forecast

    def __init__(self, model, batches, folder):
        super().__init__()
        self.batches, self.folder = batches, folder
        self.history, self.best, self.ends = {}, None, []
        self.variables = [*model.variables, *model.optimizer.variables]  # seeds of random layers are among them

    def resume(self):
        """Load the last whole state, if there is one; return how many epochs it has behind it."""
        for entry in sorted(self.folder.glob("[0-9]*"), reverse=True):
            facts = caching.recall(entry)
            if facts is None:
                continue
            with np.load(entry / "state.npz") as state:
                self.best = [state[f"best {place}"] for place in range(facts["weights"])]
                for place, variable in enumerate(self.variables):
                    variable.assign(state[f"variable {place}"])
            self.history = facts["history"]
            if not is_silent():
                print(f"{self.folder.name.rpartition('-')[0]}: goes on after epoch {int(entry.name)}")
            return int(entry.name)
        return 0

    def on_epoch_begin(self, epoch, logs=None):
        """Shuffle the pictures."""
        self.batches.shuffle(epoch)
        self.begun = time.monotonic()

    def on_train_batch_end(self, batch, logs=None):
        """Print the forecast once, unless the run is an automated one."""
        self.ends.append(time.monotonic())
        if len(self.ends) == self.LAST and not is_silent():
            step = (self.ends[-1] - self.ends[self.FIRST - 1]) / (self.LAST - self.FIRST)
            epochs, minutes = self.params["epochs"], step * self.params["steps"] * self.params["epochs"] / 60
            if minutes >= self.SHORT:
                print(f"{self.model.name}: {epochs} epochs take about {minutes:.1f} minutes here, and validation")

    def on_epoch_end(self, epoch, logs=None):
        """Keep the weights if they are the best so far, and the state of the training."""
        for name, value in {**logs, "seconds": time.monotonic() - self.begun}.items():
            self.history.setdefault(name, []).append(float(value))
        if self.best is None or logs["val_loss"] < min(self.history["val_loss"][:-1]):
            self.best = self.model.get_weights()
        facts = {"history": self.history, "weights": len(self.best)}
        if caching.store(self.folder / f"{epoch + 1:06}", self._write, facts):
            shutil.rmtree(self.folder / f"{epoch:06}", ignore_errors=True)

    def _write(self, draft):
        state = {f"variable {place}": keras.ops.convert_to_numpy(v) for place, v in enumerate(self.variables)}
        np.savez(draft / "state.npz", **state, **{f"best {place}": array for place, array in enumerate(self.best)})


def _gather(model):
    """Let a model that was trained on several devices be used on one, where a single picture is not divided."""
    if getattr(model, "_distribute_strategy", None):
        model._distribute_strategy = None
        model.train_function = model.test_function = model.predict_function = None


def _recipe(model, images, labels, validation_data, options):
    """Return what a trained model depends on, as JSON can write it."""
    backend = keras.backend.backend()
    versions = [keras.__version__, backend, sys.modules[backend].__version__]
    options = options | {"devices": count_sharing()}
    places = {layer.name: f"layer {place}" for place, layer in enumerate(_all_layers(model))}
    config = _renamed(json.loads(model.to_json()), places)
    arrays = [images, labels, *validation_data, *(keras.ops.convert_to_numpy(value) for value in model.variables)]
    return [CACHE_FORMAT, versions, config, [_digest(array) for array in arrays], options]


def _all_layers(model):
    """Yield the layers of a model, slices and the like among them, and of the models in it."""
    for layer in getattr(model, "operations", model.layers):
        yield layer
        yield from _all_layers(layer) if hasattr(layer, "layers") else ()


def _renamed(config, places):
    """Return a configuration whose names do not depend on what was made before: Keras counts, conv2d_7.

    A layer is called by its place, so that it still shows how layers are joined; other names lose their number.
    """
    if isinstance(config, dict):
        renamed = {key: _renamed(value, places) for key, value in config.items()}
        if isinstance(name := renamed.get("name"), str):
            renamed["name"] = re.sub(r"_\d+$", "", name)
        return renamed
    if isinstance(config, list):
        return [_renamed(value, places) for value in config]
    return places.get(config, config) if isinstance(config, str) else config


def _digest(array):
    """Return a digest of an array's values, shape and dtype."""
    array = np.ascontiguousarray(array)
    digest = hashlib.sha256(json.dumps([array.dtype.str, array.shape]).encode())
    digest.update(array.data)
    return digest.hexdigest()
