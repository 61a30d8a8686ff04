"""The fused batch norm against Keras's own: outputs, gradients, moving averages, and when it stands back."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, ops

from helpers import batch_norm
from helpers.batch_norm import speed_up_batch_norm
from machinery.benchmarks.book import KerasBatchNormalization

speed_up_batch_norm()


MAPS = np.random.default_rng(0).normal(3, 2, (4, 9, 7, 6)).astype("float32")


@pytest.fixture
def fused(monkeypatch):
    """Count how often TensorFlow's operation is used."""
    calls, original = [], tf.compat.v1.nn.fused_batch_norm
    monkeypatch.setattr(tf.compat.v1.nn, "fused_batch_norm", lambda *a, **o: calls.append(1) or original(*a, **o))
    return calls


def pair(**options):
    """Return Keras's layer and ours with the same random weights."""
    both = [kind(momentum=0.8, **options) for kind in (KerasBatchNormalization, layers.BatchNormalization)]
    for layer in both:
        layer.build(MAPS.shape)
        dice = np.random.default_rng(1)
        layer.set_weights([dice.uniform(0.5, 2, weights.shape) for weights in layer.get_weights()])
    return both


def train(layer, maps=MAPS):
    """Return the output in training, the gradients of a loss, and the weights and averages afterwards."""
    maps = tf.constant(maps)
    with tf.GradientTape() as tape:
        tape.watch(maps)
        outputs = layer(maps, training=True)
        loss = ops.mean(ops.sin(ops.cast(outputs, "float32")) ** 2)
    gradients = tape.gradient(loss, [maps, layer.gamma, layer.beta])
    return [np.array(value, "float32") for value in (outputs, *gradients, *layer.weights)]


@pytest.mark.parametrize("maps", [MAPS, MAPS[:1], MAPS[:, :1, :2], 0 * MAPS])
def test_training_step_is_keras_s(fused, maps):
    ours, theirs = (train(layer, maps) for layer in reversed(pair()))
    assert len(fused) == 1
    for value, expected in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(value, expected, atol=1e-4)


def test_moving_averages_of_many_steps_are_keras_s(fused):
    theirs, ours = pair()
    for step in range(50):
        for layer in (theirs, ours):
            layer(MAPS * (1 + step % 3), training=True)
    assert len(fused) == 50
    np.testing.assert_allclose(ours.moving_mean, theirs.moving_mean, rtol=1e-5)
    np.testing.assert_allclose(ours.moving_variance, theirs.moving_variance, rtol=1e-5)


def test_training_in_sixteen_bits_is_keras_s(fused):
    theirs, ours = pair(dtype="mixed_bfloat16")
    assert ours(MAPS, training=True).dtype == theirs(MAPS, training=True).dtype == "bfloat16"
    for value, expected in zip(train(ours), train(theirs), strict=True):
        np.testing.assert_allclose(value, expected, atol=0.05)
    assert len(fused) == 2


CASES = {
    "inference": lambda layer: layer(MAPS, training=False),
    "frozen": lambda layer: setattr(layer, "trainable", False) or layer(MAPS, training=True),
    "masked": lambda layer: layer(MAPS, training=True, mask=np.ones(MAPS.shape[:-1], bool)),
}
OTHERS = {
    "no scale": dict(scale=False),
    "no offset": dict(center=False),
    "other axis": dict(axis=1),
    "synchronized": dict(synchronized=True),
}


@pytest.mark.parametrize("case", CASES)
def test_elsewhere_it_is_keras_s_own(fused, case):
    theirs, ours = pair()
    np.testing.assert_array_equal(CASES[case](ours), CASES[case](theirs))
    assert not fused


@pytest.mark.parametrize("options", OTHERS.values(), ids=OTHERS)
def test_with_other_options_it_is_keras_s_own(fused, options):
    theirs, ours = pair(**options)
    np.testing.assert_array_equal(ours(MAPS, training=True), theirs(MAPS, training=True))
    assert not fused


def test_maps_without_height_and_on_other_devices_are_left_to_keras(fused, monkeypatch):
    layers.BatchNormalization()(MAPS[:, 0, 0], training=True)
    monkeypatch.setattr(batch_norm, "prefers_fused_batch_norm", lambda: False)
    layers.BatchNormalization()(MAPS, training=True)
    assert not fused


def test_a_saved_model_is_keras_s(tmp_path):
    inputs = keras.Input(MAPS.shape[1:])
    model = keras.Model(inputs, layers.BatchNormalization(momentum=0.7)(inputs))
    model(MAPS, training=True)
    model.save(tmp_path / "model.keras")
    assert model.layers[1].get_config().keys() == KerasBatchNormalization().get_config().keys()
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.layers[1].momentum == 0.7
    np.testing.assert_array_equal(loaded.predict(MAPS, verbose=0), model.predict(MAPS, verbose=0))


def test_asked_twice_it_is_as_fast_as_once():
    before = layers.BatchNormalization.call
    speed_up_batch_norm()
    assert layers.BatchNormalization.call is before
