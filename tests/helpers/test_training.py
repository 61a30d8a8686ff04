"""A training is kept, resumed and recalled: what its folder depends on, and what is not loaded."""

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

from helpers import training
from helpers.lessons import load_lesson
from helpers.progress import training_progress
from helpers.start import start_keras
from helpers.training import Batches, DivergedError, Resume, feed, find_folder

start_keras()  # what is killed and what goes on must compute alike: with the batch norm of the notebooks
DICE = np.random.default_rng(0)
IMAGES, LABELS = DICE.integers(0, 256, (40, 8, 8, 3), "uint8"), DICE.integers(0, 2, 40, "uint8")
PARTS = {"images": IMAGES[:30], "labels": LABELS[:30], "val_images": IMAGES[30:], "val_labels": LABELS[30:]}


def build(filters=2, rate=0.01, dropout=0.5, seed=1):
    keras.utils.set_random_seed(seed)
    inputs = keras.Input((8, 8, 3))
    x = layers.RandomFlip("horizontal")(inputs)
    x = layers.BatchNormalization()(layers.Conv2D(filters, 3)(x[:, :8]))  # a slice is no layer, but numbered, too
    x = layers.Dropout(dropout)(layers.GlobalAveragePooling2D()(x))
    model = keras.Model(inputs, layers.Dense(1, activation="sigmoid")(x), name="tiny")
    model.compile(keras.optimizers.RMSprop(rate), "binary_crossentropy", metrics=["accuracy"])
    return model


def prepare(folder, model=None, epochs=3, batch_size=8, **parts):
    """Return the model, the pictures to train and to validate on, and the file of the best epoch."""
    model, parts = model or build(), PARTS | parts
    random.seed(3)  # for the order of the pictures, whatever was built before
    train = Batches(parts["images"], parts["labels"], batch_size, shuffled=True)
    validation = Batches(parts["val_images"], parts["val_labels"], batch_size)
    return model, train, validation, find_folder(folder, model, train, validation, epochs) / "tiny.keras"


def fit(folder, model=None, epochs=3, callbacks=(), **options):
    """Train as the notebooks do; return the best epoch's model and the history."""
    model, train, validation, best = prepare(folder, model, epochs, **options)
    checkpoint = keras.callbacks.ModelCheckpoint(best, save_best_only=True)
    callbacks = [checkpoint, Resume(checkpoint, train), *callbacks]
    data = {"x": feed(train), "validation_data": feed(validation), "shuffle": False}
    history = model.fit(**data, epochs=epochs, callbacks=callbacks, verbose=0)
    return keras.models.load_model(best), history.history


class Epochs(keras.callbacks.Callback):
    """Lists the epochs that are trained."""

    def __init__(self):
        super().__init__()
        self.begun = []

    def on_epoch_begin(self, epoch, logs=None):
        self.begun.append(epoch)


def assert_same_weights(first, second):
    for one, other in zip(first.get_weights(), second.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def without_times(history):
    return {name: values for name, values in history.items() if name != "seconds"}


@pytest.mark.filterwarnings("error:Skipping variable loading")
def test_the_second_time_nothing_is_trained(tmp_path):
    first, history = fit(tmp_path)
    second, again = fit(str(tmp_path), callbacks=[epochs := Epochs()])
    assert epochs.begun == []
    assert again == history
    assert {*history} == {"accuracy", "loss", "val_accuracy", "val_loss", "seconds"}
    assert all(len(values) == 3 for values in history.values())
    assert min(history["seconds"]) > 0
    assert_same_weights(first, second)
    [entry] = tmp_path.iterdir()
    assert entry.name.startswith("tiny-")
    assert sorted(path.name for path in entry.iterdir()) == ["000003", "tiny.keras"]


def test_a_step_is_traced_once(tmp_path, monkeypatch):
    traced, trace = [], keras.Model.train_step
    monkeypatch.setattr(keras.Model, "train_step", lambda model, data: traced.append(data) or trace(model, data))
    _, history = fit(tmp_path)
    assert len(traced) == 1
    assert {*history} == {"accuracy", "loss", "val_accuracy", "val_loss", "seconds"}


def test_a_network_with_open_sides_is_trained(tmp_path):
    inputs = keras.Input((None, None, 3))
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(2, 3)(inputs))
    model = keras.Model(inputs, layers.Dense(1, activation="sigmoid")(x), name="tiny")
    model.compile("rmsprop", "binary_crossentropy", metrics=["accuracy"])
    _, history = fit(tmp_path, model)
    assert len(history["val_accuracy"]) == 3


def test_more_epochs_of_the_same_model_begin_with_the_first(tmp_path):
    model = build()
    fit(tmp_path, model)
    model.fit(IMAGES, LABELS, epochs=2, verbose=0, callbacks=[epochs := Epochs()])
    assert epochs.begun == [0, 1]


def test_the_best_epoch_is_kept_and_not_the_last(tmp_path):
    model, history = fit(tmp_path, build(rate=0.5), epochs=8)
    assert np.argmin(history["val_loss"]) < 7  # else this test shows nothing
    loss = model.evaluate(IMAGES[30:], LABELS[30:], verbose=0)[0]
    assert loss == pytest.approx(min(history["val_loss"]), rel=1e-5)


OTHERS = {
    "epochs": dict(epochs=4),
    "batch size": dict(batch_size=7),
    "one pixel": dict(images=np.concatenate([IMAGES[:29], 255 - IMAGES[29:30]])),
    "one label": dict(labels=np.append(LABELS[:29], 1 - LABELS[29])),
    "validation": dict(val_images=IMAGES[20:30]),
    "dtype": dict(images=IMAGES[:30].astype("float32")),
}
MODELS = {"filters": dict(filters=3), "rate": dict(rate=0.02), "dropout": dict(dropout=0.4), "seed": dict(seed=2)}


def name(model=None, **options):
    """Return the name of a training's folder, without a training."""
    return prepare("", model, **options)[-1].parent.name


@pytest.mark.parametrize("what", [*OTHERS, *MODELS])
def test_whatever_is_different_has_another_folder(what):
    assert name(build(**MODELS.get(what, {})), **OTHERS.get(what, {})) != name()


def test_versions_count(monkeypatch):
    before = name()
    monkeypatch.setattr(keras, "__version__", "99.0")
    assert name() != before


def test_how_keras_numbers_layers_does_not_count():
    first, second = build(), build()
    names = [[operation.name for operation in model.operations] for model in (first, second)]
    assert not set(names[0]) & set(names[1])
    assert name(first) == name(second)


def test_how_layers_are_joined_counts():
    def build_joined(last):
        keras.utils.set_random_seed(1)
        inputs = keras.Input((8, 8, 3))
        maps = [layers.Conv2D(3, 3, padding="same")(inputs)]
        for _ in range(2):
            maps.append(layers.Conv2D(3, 3, padding="same")(maps[-1]))
        x = layers.GlobalAveragePooling2D()(layers.add([maps[2], maps[last]]))
        model = keras.Model(inputs, layers.Dense(1)(x), name="joined")
        model.compile("rmsprop", "mse")
        return model

    assert name(build_joined(0)) == name(build_joined(0))
    assert name(build_joined(0)) != name(build_joined(1))


def test_what_is_not_whole_is_not_loaded_but_trained_anew(tmp_path):
    first, _ = fit(tmp_path, epochs=2)
    [folder] = tmp_path.iterdir()
    os.truncate(folder / "000002/tiny.keras", 2000)
    for begun in ([0, 1], []):
        second, _ = fit(tmp_path, epochs=2, callbacks=[epochs := Epochs()])
        assert epochs.begun == begun
        assert_same_weights(first, second)
    assert [path.name for path in folder.glob("0*")] == ["000002"]


def test_a_damaged_checkpoint_is_restored_from_the_state(tmp_path):
    first, _ = fit(tmp_path)
    [folder] = tmp_path.iterdir()
    os.truncate(folder / "tiny.keras", 2000)
    second, _ = fit(tmp_path, callbacks=[epochs := Epochs()])
    assert epochs.begun == []
    assert_same_weights(first, second)


KILLED = """
import os, signal
import test_training
from helpers import training

class Killed(training.Resume):
    def on_train_batch_end(self, batch, logs=None):
        if {moment!r} == "in an epoch" and (len(self.history.get("loss", [])), batch) == (2, 1):
            os.kill(os.getpid(), signal.SIGKILL)

    def _write(self, draft):
        super()._write(draft)
        if {moment!r} == "while it writes" and len(self.history["loss"]) == 3:
            os.kill(os.getpid(), signal.SIGKILL)

test_training.train_mini_xception({folder!r}, Killed)
"""


def train_mini_xception(folder, resume=Resume, epochs=()):
    """Train a small copy of the notebook's network, with all that is random in it, by the notebook's own function."""
    lesson = load_lesson("9_3_convnet_architectures")
    lesson.Resume, lesson.training_progress = resume, lambda: keras.callbacks.CallbackList(list(epochs))
    keras.utils.set_random_seed(5)
    model = lesson.build_mini_xception(16, (2,), 0.9, 0.1, 0.2)
    dice = np.random.default_rng(1)
    pictures = {
        part: (dice.integers(0, 256, (count, 16, 16, 3), "uint8"), np.arange(count) % 2)
        for part, count in (("train", 20), ("validation", 6))
    }
    best, history = lesson.train_classifier(model, pictures, 4, 8, 0.01, True, Path(folder))
    return model, keras.models.load_model(best), history


@pytest.fixture(scope="module")
def unkilled(tmp_path_factory):
    return train_mini_xception(tmp_path_factory.mktemp("unkilled"))


@pytest.mark.parametrize("moment", ["in an epoch", "while it writes"])
def test_a_killed_training_goes_on_and_ends_with_the_same_weights(tmp_path, unkilled, moment):
    last, best, expected = unkilled
    folder = tmp_path / "killed"
    code = KILLED.format(moment=moment, folder=str(folder))
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}
    killed = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    [state] = folder.glob("*/0*")
    resumed, resumed_best, history = train_mini_xception(folder, epochs=[epochs := Epochs()])
    assert epochs.begun == [2, 3]
    assert_same_weights(last, resumed)
    assert_same_weights(best, resumed_best)
    assert without_times(history) == without_times(expected)
    kept = [path.name for path in state.parent.iterdir() if path.name[0] != "."]
    assert sorted(kept) == ["000004", "mini_xception.keras"]


def test_the_best_epoch_before_an_interruption_is_not_forgotten(tmp_path):
    expected, history = fit(tmp_path / "whole", build(rate=0.5), epochs=8)
    best = int(np.argmin(history["val_loss"]))
    assert best < 7  # else this test shows nothing

    def stop(epoch, logs):
        if epoch == best + 1:
            raise KeyboardInterrupt

    callbacks = [keras.callbacks.LambdaCallback(on_epoch_begin=stop)]
    with pytest.raises(KeyboardInterrupt):
        fit(tmp_path / "models", build(rate=0.5), epochs=8, callbacks=callbacks)
    model, _ = fit(tmp_path / "models", build(rate=0.5), epochs=8)
    assert_same_weights(expected, model)


def test_each_epoch_sees_every_picture_once_in_an_order_of_its_own():
    batches = Batches(np.arange(30), np.arange(30) * 2, batch_size=8, shuffled=True)
    orders = []
    for epoch in (0, 1, 0):
        batches.shuffle(epoch)
        images, labels = (np.concatenate(parts) for parts in zip(*map(batches.__getitem__, range(4)), strict=True))
        np.testing.assert_array_equal(labels, 2 * images)
        orders.append(images.tolist())
    assert len(batches) == 4
    assert sorted(orders[0]) == list(range(30))
    assert orders[0] == orders[2] != orders[1]


def test_labels_for_other_pictures_are_refused():
    with pytest.raises(ValueError, match="40 pictures, but 39 labels"):
        Batches(IMAGES, LABELS[:39], batch_size=16)


def test_what_is_fed_follows_the_order_of_each_epoch():
    batches = Batches(IMAGES, LABELS, batch_size=16, shuffled=True)
    fed = feed(batches)
    for epoch in (0, 1):
        batches.shuffle(epoch)
        labels = np.concatenate([part for _, part in fed.as_numpy_iterator()])
        np.testing.assert_array_equal(labels, LABELS[batches.order])


def test_what_is_not_shuffled_keeps_its_order_and_nothing_is_tuned():
    batches = Batches(IMAGES, LABELS, batch_size=16)
    batches.shuffle(epoch=1)
    fed = feed(batches)
    assert (len(fed), fed.options().autotune.enabled) == (3, False)
    images, labels = (np.concatenate(parts) for parts in zip(*fed.as_numpy_iterator(), strict=True))
    np.testing.assert_array_equal(images, IMAGES)
    np.testing.assert_array_equal(labels, LABELS)


def test_without_room_for_the_state_the_training_is_not_lost(tmp_path, monkeypatch):
    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(training.np, "savez", fail)
    with pytest.warns(UserWarning, match="not kept for the next run"):
        model, history = fit(tmp_path)
    loss = model.evaluate(IMAGES[30:], LABELS[30:], verbose=0)[0]
    assert loss == pytest.approx(min(history["val_loss"]), rel=1e-5)


def test_the_bar_goes_over_all_steps_and_on_from_where_the_training_does(tmp_path, capsys, monkeypatch):
    monkeypatch.delenv("TQDM_DISABLE", raising=False)
    fit(tmp_path, callbacks=[training_progress()])
    assert "12/12" in capsys.readouterr().err
    fit(tmp_path, callbacks=[training_progress()])
    bar = capsys.readouterr().err
    assert ("12/12" in bar, " 0/12" in bar) == (True, False)


@pytest.mark.parametrize("rate", [1e30, float("inf")])
def test_a_training_that_diverges_says_so(tmp_path, rate):
    with pytest.raises(DivergedError, match=r"diverged in epoch \d: the loss is .* smaller LEARNING_RATE"):
        fit(tmp_path, build(rate=rate))
