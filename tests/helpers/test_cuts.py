"""Networks are cut where all of the signal passes, and answer with logits."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from helpers import cuts
from helpers.lessons import load_lesson


@pytest.fixture(scope="module")
def architectures():
    return load_lesson("9_3_convnet_architectures", PROFILE="sample")


def build_classifier():
    inputs = keras.Input((12, 12, 3))
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3, activation="tanh")(inputs))
    return keras.Model(inputs, layers.Dense(3, activation="softmax")(x))


def draw_pictures(count=4, side=12):
    return np.random.default_rng(0).random((count, side, side, 3), "float32")


def test_logits_belong_to_the_probabilities(architectures):
    pictures = draw_pictures()
    for network in (build_classifier(), architectures.build_mini_xception(12, (2, 3))):
        logits = cuts.to_logits(network).predict(pictures, verbose=0)
        answer = ops.softmax(logits) if logits.shape[-1] > 1 else ops.sigmoid(logits)
        np.testing.assert_allclose(answer, network.predict(pictures, verbose=0), rtol=1e-4, atol=1e-6)
    own = keras.Model((inputs := keras.Input((2,))), layers.Softmax()(layers.Dense(3)(inputs)))
    values = np.ones((1, 2), "float32")
    np.testing.assert_allclose(
        ops.softmax(cuts.to_logits(own).predict(values, verbose=0)), own.predict(values, verbose=0), rtol=1e-5
    )


def test_network_is_split_where_all_of_the_signal_passes(architectures):  # erratum 13
    network = architectures.build_mini_xception(24, (2, 3, 4))
    points = list(cuts.cut_points(network))
    kinds = [type(network.get_layer(name)).__name__ for name in points]
    assert kinds[:3] == ["Add"] * 3
    last_convolution = [layer for layer in network.layers if isinstance(layer, layers.Conv2D)][-1]
    assert last_convolution.kernel_size == (1, 1)
    with pytest.raises(ValueError, match=rf"'{last_convolution.name}'.*expected one of {points[0]}, {points[1]}"):
        cuts.split_at(network, last_convolution.name)
    for name in ("nothing", network.layers[-1].name):
        for refuse in (cuts.split_at, cuts.choose_layer):
            with pytest.raises(ValueError, match=rf"'{name}' is no layer with maps.*expected one of"):
                refuse(network, name)
    pictures = 255 * draw_pictures(2, 24)
    whole = network.predict(pictures, verbose=0)
    for name in points:
        features, head = cuts.split_at(network, name)
        np.testing.assert_allclose(head.predict(features.predict(pictures, verbose=0), verbose=0), whole, atol=1e-5)
    assert cuts.choose_layer(network, 3) == points[0]
    assert cuts.choose_layer(network, 4) == points[1]
    with pytest.raises(ValueError, match="no maps have 25 rows; expected at most 24"):
        cuts.choose_layer(network, 25)


def test_last_layer_of_each_size(architectures):
    network = architectures.build_mini_xception(24, (2, 3, 4))
    sizes = cuts.last_of_each_size(network)
    assert list(sizes) == [3, 5, 10, 20]  # from small to large, without the 24 of the input
    kinds = [type(network.get_layer(name)).__name__ for name in sizes.values()]
    assert kinds == ["Add", "Add", "Add", "Conv2D"]
