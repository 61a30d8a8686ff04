"""Networks of Keras Applications from files and without a network connection."""

import json
from unittest import mock

import keras
import numpy as np
import pytest

from helpers import networks
from helpers.networks import load_application, load_class_names


@pytest.fixture
def offline(monkeypatch):
    """Let every download fail, as without a network."""

    def fail(*_, **__):
        raise OSError("no route to host")

    monkeypatch.setattr(keras.utils, "get_file", fail)
    for module in ("xception", "mobilenet_v2"):
        monkeypatch.setattr(f"keras.src.applications.{module}.file_utils.get_file", fail)


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """A file of weights of a whole MobileNetV2."""
    keras.utils.set_random_seed(1)
    path = tmp_path_factory.mktemp("weights") / "mobile.weights.h5"
    keras.applications.MobileNetV2(weights=None).save_weights(path)
    return path


def test_weights_come_from_a_file(weights):
    model, prepare = load_application("MobileNetV2", weights)
    again, _ = load_application("MobileNetV2", str(weights))
    assert all(np.array_equal(*pair) for pair in zip(model.get_weights(), again.get_weights(), strict=True))
    assert model.output.shape == (None, 1000)
    pictures = np.array([[[[0, 127.5, 255]]]], "float32")
    np.testing.assert_allclose(prepare(pictures)[0, 0, 0], [-1, 0, 1])


def test_base_comes_from_a_file_of_the_whole(weights):
    whole, prepare = load_application("MobileNetV2", weights)
    base, _ = load_application("MobileNetV2", weights, include_top=False)
    assert base.output.shape[1:] == (None, None, 1280)
    assert base(np.zeros((1, 96, 64, 3))).shape == (1, 3, 2, 1280)
    pictures = prepare(np.random.default_rng(0).integers(0, 256, (1, 224, 224, 3), "uint8"))
    pooled = keras.ops.mean(base(pictures), axis=(1, 2))
    kernel, bias = whole.layers[-1].get_weights()
    answer = keras.ops.softmax(pooled @ kernel + bias)
    np.testing.assert_allclose(answer, whole(pictures), rtol=1e-3)


@pytest.fixture(scope="module")
def efficient(tmp_path_factory):
    """EfficientNetB0 as Keras builds it from ImageNet's file, here of random weights; and that file."""
    keras.utils.set_random_seed(1)
    path = tmp_path_factory.mktemp("weights") / "efficient.weights.h5"
    network = keras.applications.EfficientNetB0(weights=None)
    (normalise,) = (layer for layer in network.layers if isinstance(layer, keras.layers.Normalization))
    normalise.set_weights([np.array([0.5, 0.4, 0.3]), np.array([0.2, 0.3, 0.4]), *normalise.get_weights()[2:]])
    network.save_weights(path)
    with mock.patch("keras.src.applications.efficientnet.file_utils.get_file", return_value=str(path)):
        return keras.applications.EfficientNetB0(weights="imagenet"), path


def test_efficientnet_from_a_file_is_the_one_that_keras_builds(efficient):
    expected, path = efficient
    picture = np.random.default_rng(0).uniform(0, 255, (1, 224, 224, 3)).astype("float32")
    whole, _ = load_application("EfficientNetB0", path)
    base, _ = load_application("EfficientNetB0", path, include_top=False)
    plain = keras.applications.EfficientNetB0(weights=path)

    def respond(network):  # near the input: the answers of random weights are all alike
        return keras.Model(network.input, network.get_layer("stem_conv").output)(picture)

    right = respond(expected)
    for network in (whole, base, networks.copy_network(expected)):
        np.testing.assert_allclose(respond(network), right, rtol=1e-4, atol=1e-4)
    assert np.abs(np.subtract(respond(plain), right)).max() > 0.1
    np.testing.assert_allclose(whole(picture), expected(picture), rtol=1e-4)


def test_copy_has_new_weights_where_they_are_asked_for(efficient):
    expected, _ = efficient
    keras.utils.set_random_seed(2)
    copy = networks.copy_network(expected, ["top_conv", "predictions"])
    for layer, new in zip(expected.layers, copy.layers, strict=True):
        same = all(np.array_equal(*pair) for pair in zip(layer.get_weights(), new.get_weights(), strict=True))
        assert same == (layer.name not in ("top_conv", "predictions"))


def test_network_of_one_s_own_comes_from_its_file(tmp_path):
    picture = np.random.default_rng(0).random((1, 16, 16, 3), "float32")
    inputs = keras.Input((16, 16, 3))
    base = keras.Model(inputs, keras.layers.Conv2D(4, 3, name="inner")(inputs), name="base")
    plain = keras.Sequential([inputs, *base.layers[1:], keras.layers.Flatten(), keras.layers.Dense(3)])
    outside = keras.Input((16, 16, 3))
    tuned = keras.Model(
        outside, keras.layers.Dense(3)(keras.layers.Flatten()(base(keras.layers.Rescaling(1.0)(outside))))
    )
    for model, ending in ((plain, "keras"), (plain, "h5"), (tuned, "keras")):
        model.save(path := tmp_path / f"own.{ending}")
        np.testing.assert_allclose(networks.load_own(path)(picture), model(picture), rtol=1e-5)
        part = networks.load_own(path, include_top=False)
        assert networks.find_convolutions(part) == ["inner"]
        np.testing.assert_allclose(part(picture), base(picture), rtol=1e-5)
    with pytest.raises(FileNotFoundError, match=r"gone.keras: no such file; expected a network"):
        networks.load_own(tmp_path / "gone.keras")
    path.write_bytes(b"nothing")
    with pytest.raises(ValueError, match=r"own.keras cannot be read as a network"):
        networks.load_own(path)


CLASSES = [("n01", "crane"), ("n02", "African_elephant"), ("n03", "crane"), ("n04", "dog")]


@pytest.mark.parametrize(
    ("choice", "index"),
    [(0, 0), ("0", 0), (3, 3), ("n03", 2), ("N02", 1), ("African elephant", 1), ("african_elephant", 1), ("dog", 3)],
)
def test_class_is_chosen_by_index_identifier_or_name(choice, index):
    assert networks.find_class(CLASSES, choice) == index


def test_class_that_is_not_there_or_several_is_told():
    with pytest.raises(ValueError, match=r"'crane', of which there are 2; expected 0 \(n01\) or 2 \(n03\)"):
        networks.find_class(CLASSES, "crane")
    for choice in (4, -1, "n05", "cat"):
        with pytest.raises(ValueError, match=rf"{choice!r}, none of the 4 classes; expected an index from 0 to 3"):
            networks.find_class(CLASSES, choice)


@pytest.mark.parametrize("name", ["MobileNetV2", "ResNet50", "EfficientNetB0"])
def test_preparing_changes_nothing_in_place(name, monkeypatch):
    monkeypatch.setattr(networks, "_from_file", lambda *_: None)
    _, prepare = load_application(name, "some.weights.h5")
    for dtype in ("uint8", "float32"):
        pictures = np.random.default_rng(0).integers(0, 256, (1, 4, 4, 3)).astype(dtype)
        kept = pictures.copy()
        assert prepare(pictures).dtype == "float32"
        np.testing.assert_array_equal(pictures, kept)


def test_unknown_network_is_told_with_those_there_are():
    with pytest.raises(ValueError, match=r"'Exception' is no network of keras.applications; there are .*Xception"):
        load_application("Exception")


def test_file_that_is_missing_or_does_not_fit_is_told(tmp_path, weights):
    with pytest.raises(FileNotFoundError, match=r"gone.h5: no such file of weights"):
        load_application("MobileNetV2", tmp_path / "gone.h5")
    damaged = tmp_path / "damaged.weights.h5"
    damaged.write_bytes(weights.read_bytes()[:10_000])
    for include_top, text in ((True, "with its top"), (False, "with or without its top")):
        with pytest.raises(ValueError, match=f"damaged.weights.h5 does not fit MobileNetV2,? {text}"):
            load_application("MobileNetV2", damaged, include_top)
    base = keras.applications.MobileNetV2(weights=None, include_top=False)
    base.save_weights(tmp_path / "base.weights.h5")
    with pytest.raises(ValueError, match=r"base.weights.h5 does not fit MobileNetV2 with its top"):
        load_application("MobileNetV2", tmp_path / "base.weights.h5")


def test_without_network_and_file_both_ways_out_are_told(offline, tmp_path):
    with pytest.raises(ConnectionError, match=rf"Xception.*make data.*{tmp_path}.*-p WEIGHTS FILE"):
        load_application("Xception", "imagenet", folder=tmp_path)
    with pytest.raises(ConnectionError, match=r"MobileNetV2 cannot be fetched.*make data.*-p WEIGHTS FILE"):
        load_application("MobileNetV2", "imagenet", folder=tmp_path)
    with pytest.raises(ConnectionError, match=r"VGG16 cannot be fetched.*keras/models.*-p WEIGHTS FILE"):
        load_application("VGG16", "imagenet", folder=tmp_path)
    with pytest.raises(ConnectionError, match=r"imagenet_class_index.json.*make data.*beside the file"):
        load_class_names(tmp_path)


def test_downloaded_weights_are_used_offline(offline, tmp_path, monkeypatch):
    loaded = []
    monkeypatch.setattr(networks, "_from_file", lambda build, path, top: loaded.append((path.name, top)))
    for ending, include_top in (("", True), ("_notop", False)):
        name = f"xception_weights_tf_dim_ordering_tf_kernels{ending}.h5"
        (tmp_path / name).touch()
        load_application("Xception", "imagenet", include_top, tmp_path)
        assert loaded[-1] == (name, include_top)
    name = "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224.h5"  # for the base, too: there is no other
    (tmp_path / name).touch()
    for include_top in (True, False):
        load_application("MobileNetV2", "imagenet", include_top, tmp_path)
        assert loaded[-1] == (name, include_top)


def test_class_names_come_from_the_first_folder_that_has_them(offline, tmp_path):
    classes = {str(index): [f"n{index:08}", f"class {index}"] for index in range(1000)}
    (tmp_path / "imagenet_class_index.json").write_text(json.dumps(classes))
    names = load_class_names(tmp_path / "none", tmp_path)
    assert (len(names), names[386]) == (1000, ("n00000386", "class 386"))


@pytest.mark.parametrize("name", ["MobileNetV2", "VGG16", "Xception"])
def test_four_convolutions_are_chosen_in_any_network(name):
    base, _ = load_application(name, "untrained", include_top=False)
    names = networks.choose_convolutions(base)
    assert len(set(names)) == 4
    assert set(names) <= set(networks.find_convolutions(base))
    if name == "Xception":
        assert names == ("block3_sepconv1", "block2_sepconv1", "block4_sepconv1", "block8_sepconv1")
