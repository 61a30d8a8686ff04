"""Training happens once: what is remembered, what the key depends on, and what is not loaded."""

import json
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

from helpers import caching, training
from helpers.lessons import load_lesson

DICE = np.random.default_rng(0)
IMAGES, LABELS = DICE.integers(0, 256, (40, 8, 8, 3), "uint8"), DICE.integers(0, 2, 40, "uint8")
DATA = {"images": IMAGES[:30], "labels": LABELS[:30], "validation_data": (IMAGES[30:], LABELS[30:])}


def build(filters=2, rate=0.01, dropout=0.5, seed=1):
    keras.utils.set_random_seed(seed)
    inputs = keras.Input((8, 8, 3))
    x = layers.RandomFlip("horizontal")(inputs)
    x = layers.BatchNormalization()(layers.Conv2D(filters, 3)(x[:, :8]))  # a slice is no layer, but numbered, too
    x = layers.Dropout(dropout)(layers.GlobalAveragePooling2D()(x))
    model = keras.Model(inputs, layers.Dense(1, activation="sigmoid")(x), name="tiny")
    model.compile(keras.optimizers.RMSprop(rate), "binary_crossentropy", metrics=["accuracy"])
    return model


def fit(folder, model=None, epochs=3, batch_size=8, **data):
    model = model or build()
    data = DATA | data
    arrays = data.pop("images"), data.pop("labels")
    random.seed(3)  # for the order of the pictures, whatever was built before
    return model, training.fit_once(model, *arrays, **data, folder=folder, epochs=epochs, batch_size=batch_size)


@pytest.fixture
def fits(monkeypatch):
    """Count trainings."""
    calls = []
    original = keras.Model.fit
    monkeypatch.setattr(keras.Model, "fit", lambda *args, **options: calls.append(1) or original(*args, **options))
    return calls


@pytest.mark.filterwarnings("error:Skipping variable loading")
def test_the_second_time_nothing_is_trained(tmp_path, fits):
    first, history = fit(tmp_path)
    second, again = fit(str(tmp_path))
    assert len(fits) == 1
    assert again == history
    assert {*history} == {"accuracy", "loss", "val_accuracy", "val_loss", "seconds"}
    assert all(len(values) == 3 for values in history.values())
    assert min(history["seconds"]) > 0
    for one, other in zip(first.get_weights(), second.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    [entry] = tmp_path.iterdir()
    assert entry.name.startswith("tiny-")
    loaded = keras.models.load_model(entry / "tiny.keras")
    np.testing.assert_array_equal(loaded.predict(IMAGES, verbose=0), first.predict(IMAGES, verbose=0))


def test_the_best_epoch_is_kept_and_not_the_last(tmp_path):
    model, history = fit(tmp_path, build(rate=0.5), epochs=8)
    assert np.argmin(history["val_loss"]) < 7  # else this test shows nothing
    loss = model.evaluate(*DATA["validation_data"], verbose=0)[0]
    assert loss == pytest.approx(min(history["val_loss"]), rel=1e-5)


OTHERS = {
    "epochs": dict(epochs=4),
    "batch size": dict(batch_size=7),
    "one pixel": dict(images=np.concatenate([IMAGES[:29], 255 - IMAGES[29:30]])),
    "one label": dict(labels=np.append(LABELS[:29], 1 - LABELS[29])),
    "validation": dict(validation_data=(IMAGES[20:30], LABELS[20:30])),
    "dtype": dict(images=IMAGES[:30].astype("float32")),
}
MODELS = {"filters": dict(filters=3), "rate": dict(rate=0.02), "dropout": dict(dropout=0.4), "seed": dict(seed=2)}


def key(model=None, epochs=3, batch_size=8, **data):
    """Return the name of the entry, without a training."""
    data = DATA | data
    options = {"epochs": epochs, "batch_size": batch_size, "seed": 1}
    recipe = training._recipe(model or build(), data["images"], data["labels"], data["validation_data"], options)
    return caching.name_entry(recipe)


@pytest.mark.parametrize("what", [*OTHERS, *MODELS])
def test_whatever_is_different_has_another_key(what):
    assert key(build(**MODELS.get(what, {})), **OTHERS.get(what, {})) != key()


def test_versions_count(monkeypatch):
    before = key()
    monkeypatch.setattr(keras, "__version__", "99.0")
    assert key() != before


def test_how_keras_numbers_layers_does_not_count():
    first, second = build(), build()
    names = [[operation.name for operation in model.operations] for model in (first, second)]
    assert not set(names[0]) & set(names[1])
    assert key(first) == key(second)


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

    assert key(build_joined(0)) == key(build_joined(0))
    assert key(build_joined(0)) != key(build_joined(1))


def edit_record(entry, **changes):
    path = entry / "record.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


SPOILS = {
    "half a model": lambda entry: os.truncate(entry / "tiny.keras", 2000),
    "a foreign model": lambda entry: build(filters=5).save(entry / "tiny.keras"),
    "no model": lambda entry: (entry / "tiny.keras").unlink(),
    "half a record": lambda entry: os.truncate(entry / "record.json", 20),
    "no record": lambda entry: (entry / "record.json").unlink(),
    "another's key": lambda entry: edit_record(entry, key="tiny-0"),
    "a record of nothing": lambda entry: (entry / "record.json").write_text("[]"),
}


@pytest.mark.parametrize("spoil", SPOILS)
def test_what_is_not_whole_or_not_ours_is_not_loaded_but_trained_anew(tmp_path, fits, spoil):
    first, _ = fit(tmp_path, epochs=1)
    [entry] = tmp_path.iterdir()
    SPOILS[spoil](entry)
    second, _ = fit(tmp_path, epochs=1)
    assert len(fits) == 2
    for one, other in zip(first.get_weights(), second.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    fit(tmp_path, epochs=1)
    assert len(fits) == 2
    assert list(tmp_path.iterdir()) == [entry]


LARGEST = "9_3_convnet_architectures"
KILLED = """
import os, signal, sys
sys.path.insert(0, {tests!r})
import test_training
from helpers import caching, training

class Killed(training.Diary):
    def on_train_batch_end(self, batch, logs=None):
        if {moment!r} == "in an epoch" and (len(self.history.get("loss", [])), batch) == (2, 1):
            os.kill(os.getpid(), signal.SIGKILL)

    def _write(self, draft):
        super()._write(draft)
        if {moment!r} == "while it writes" and len(self.history["loss"]) == 3:
            os.kill(os.getpid(), signal.SIGKILL)

def store(entry, *rest, original=caching.store):
    if {moment!r} == "after the last epoch" and not entry.name.isdigit():
        os.kill(os.getpid(), signal.SIGKILL)
    return original(entry, *rest)

training.Diary, caching.store = Killed, store
test_training.train_mini_xception({folder!r})
"""


def train_mini_xception(folder):
    """Train a small copy of the notebook's network, with all that is random in it, by the notebook's own function."""
    lesson = load_lesson(LARGEST)
    keras.utils.set_random_seed(5)
    model = lesson.build_mini_xception(16, (2, 4), 0.9, 0.1, 0.2)
    dice = np.random.default_rng(1)
    pictures = {
        part: (dice.integers(0, 256, (count, 16, 16, 3), "uint8"), np.arange(count) % 2)
        for part, count in (("train", 20), ("validation", 6))
    }
    history = lesson.train_classifier(model, pictures, 4, 8, 0.01, True, Path(folder))
    return model, history


@pytest.mark.parametrize(
    ("moment", "done"), [("in an epoch", 2), ("while it writes", 2), ("after the last epoch", 4), ("damaged", 0)]
)
def test_a_killed_training_goes_on_and_ends_with_the_same_weights(tmp_path, moment, done):
    unkilled, expected = train_mini_xception(tmp_path / "unkilled")
    folder = tmp_path / "killed"
    paths = {"tests": str(Path(__file__).parent), "folder": str(folder)}
    code = KILLED.format(moment="in an epoch" if moment == "damaged" else moment, **paths)
    killed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert not list(folder.rglob("*.keras"))
    [state] = folder.glob("*.epochs/0*")
    if moment == "damaged":
        os.truncate(state / "state.npz", 1000)
    epochs, original = [], training.Diary.on_epoch_begin
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            training.Diary,
            "on_epoch_begin",
            lambda self, epoch, logs=None: epochs.append(epoch) or original(self, epoch),
        )
        model, history = train_mini_xception(folder)
    assert epochs == list(range(done, 4))
    for one, other in zip(unkilled.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    without_times = [{name: values for name, values in h.items() if name != "seconds"} for h in (history, expected)]
    assert without_times[0] == without_times[1]
    assert [path.suffix for path in folder.iterdir()] == [""]  # the entry, and no states


def test_an_interrupted_training_goes_on(tmp_path, monkeypatch, fits):
    expected, _ = fit(tmp_path / "whole")
    begin = training.Diary.on_epoch_begin

    def stop(self, epoch, logs=None):
        if epoch == 2:
            raise KeyboardInterrupt
        begin(self, epoch)

    with monkeypatch.context() as patch:
        patch.setattr(training.Diary, "on_epoch_begin", stop)
        with pytest.raises(KeyboardInterrupt):
            fit(tmp_path / "models")
    model, history = fit(tmp_path / "models")
    assert len(history["loss"]) == 3
    for one, other in zip(expected.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_each_epoch_sees_every_picture_once_in_an_order_of_its_own():
    batches = training.Batches(np.arange(30), np.arange(30) * 2, batch_size=8, seed=4)
    orders = []
    for epoch in (0, 1, 0):
        batches.shuffle(epoch)
        images, labels = (np.concatenate(parts) for parts in zip(*map(batches.__getitem__, range(4)), strict=True))
        np.testing.assert_array_equal(labels, 2 * images)
        orders.append(images.tolist())
    assert len(batches) == 4
    assert sorted(orders[0]) == list(range(30))
    assert orders[0] == orders[2] != orders[1]


def test_without_room_for_the_model_the_training_is_not_lost(tmp_path):
    (tmp_path / "models").write_text("a file where the folder should be")
    with pytest.warns(UserWarning, match="not kept for the next run"):
        model, history = fit(tmp_path / "models")
    loss = model.evaluate(*DATA["validation_data"], verbose=0)[0]
    assert loss == pytest.approx(min(history["val_loss"]), rel=1e-5)


@pytest.mark.parametrize("silent", [False, True])
def test_the_forecast_is_one_line_for_people(tmp_path, capsys, monkeypatch, silent):
    monkeypatch.setattr(training, "is_silent", lambda: silent)
    fit(tmp_path / "short", batch_size=2)
    assert "minutes" not in capsys.readouterr().out
    monkeypatch.setattr(training.Diary, "SHORT", 0)
    fit(tmp_path / "long", batch_size=2)
    assert capsys.readouterr().out.count("tiny: 3 epochs take about 0.") == (not silent)


def test_batches_without_a_seed_keep_their_order_and_tune_nothing():
    batches = training.Batches(IMAGES, LABELS, batch_size=16)
    fed = training.feed(batches)
    assert not fed.options().autotune.enabled
    images, labels = (np.concatenate(parts) for parts in zip(*fed.as_numpy_iterator(), strict=True))
    np.testing.assert_array_equal(images, IMAGES)
    np.testing.assert_array_equal(labels, LABELS)
    assert len(fed) == 3


def test_what_is_fed_follows_the_order_of_each_epoch():
    batches = training.Batches(IMAGES, LABELS, batch_size=16, seed=3)
    fed = training.feed(batches)
    for epoch in (0, 1):
        batches.shuffle(epoch)
        labels = np.concatenate([part for _, part in fed.as_numpy_iterator()])
        np.testing.assert_array_equal(labels, LABELS[batches.order])
