"""Training that takes long happens once: the trained model is remembered, keyed by all that it depends on."""

import hashlib
import json
import re
import sys
import time
from pathlib import Path

import keras
import numpy as np

from . import disk_cache
from .progress import SILENT, training_progress

CACHE_FORMAT = 1  # to be raised whenever the same recipe would give another model


def fit_once(model, images, labels, *, validation_data, folder, **options):
    """Train a compiled model as `model.fit` does and keep the epoch with the lowest validation loss; or recall it.

    The trained model goes to `FOLDER/NAME-KEY/NAME.keras`, NAME being the model's. The key depends on the model
    (layers, initial weights, optimizer, loss), the data, the options, and the versions of Keras and its backend;
    how Keras numbers layers does not count. An entry that is damaged or half-written is not loaded: the model is
    trained anew.

    Args:
        model: a compiled keras.Model; afterwards it has the best weights.
        images: array (N, ...) to train on.
        labels: array (N, ...).
        validation_data: (images, labels).
        folder: where trained models are kept.
        **options: of `model.fit`, numbers and texts, among them `epochs`.

    Returns:
        A dict of lists, one float an epoch: training and validation loss and metrics, and "seconds", the time that
        the epoch took when the model was trained.
    """
    key = disk_cache.name_entry(_recipe(model, images, labels, validation_data, options))
    entry = Path(folder, f"{model.name}-{key}")
    history = disk_cache.recall(entry)
    if history is not None:
        model.optimizer.build(model.trainable_variables)  # else Keras warns that it has nowhere to load its state
        model.load_weights(entry / f"{model.name}.keras")
        return history
    # Never stops early, but keeps the best weights in memory, where no full disk can lose them.
    best = keras.callbacks.EarlyStopping(patience=options["epochs"], restore_best_weights=True)
    watch = Stopwatch()
    callbacks = [best, training_progress(), watch]
    fitted = model.fit(images, labels, validation_data=validation_data, callbacks=callbacks, verbose=0, **options)
    history = fitted.history | {"seconds": watch.seconds}
    disk_cache.store(entry, lambda draft: model.save(draft / f"{model.name}.keras"), history)
    return history


class Stopwatch(keras.callbacks.Callback):
    """Measure the epochs of a training; say after its first steps how long all of it will take.

    Attributes:
        seconds: how long each epoch took, with its validation.
    """

    FIRST, LAST = 3, 13  # what lies between is measured; the first steps build what the later ones run
    SHORT = 0.5  # minutes; what takes less needs no forecast

    def __init__(self):
        super().__init__()
        self.seconds, self.ends = [], []

    def on_epoch_begin(self, epoch, logs=None):
        """Start."""
        self.begun = time.monotonic()

    def on_train_batch_end(self, batch, logs=None):
        """Print the forecast once, unless the run is an automated one."""
        self.ends.append(time.monotonic())
        if len(self.ends) == self.LAST and not SILENT:
            step = (self.ends[-1] - self.ends[self.FIRST - 1]) / (self.LAST - self.FIRST)
            epochs, minutes = self.params["epochs"], step * self.params["steps"] * self.params["epochs"] / 60
            if minutes >= self.SHORT:
                print(f"{self.model.name}: {epochs} epochs take about {minutes:.1f} minutes here, and validation")

    def on_epoch_end(self, epoch, logs=None):
        """Stop."""
        self.seconds.append(time.monotonic() - self.begun)


def _recipe(model, images, labels, validation_data, options):
    """Return what a trained model depends on, as JSON can write it."""
    backend = keras.backend.backend()
    versions = [keras.__version__, backend, sys.modules[backend].__version__]
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
