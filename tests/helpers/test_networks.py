"""Networks of Keras Applications from files and without a network connection."""

import json

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
    assert base.predict(np.zeros((1, 96, 64, 3)), verbose=0).shape == (1, 3, 2, 1280)
    pictures = prepare(np.random.default_rng(0).integers(0, 256, (1, 224, 224, 3), "uint8"))
    pooled = base.predict(pictures, verbose=0).mean((1, 2))
    kernel, bias = whole.layers[-1].get_weights()
    answer = keras.ops.softmax(pooled @ kernel + bias)
    np.testing.assert_allclose(answer, whole.predict(pictures, verbose=0), rtol=1e-3)


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
    with pytest.raises(ConnectionError, match=rf"Xception.*download_data.py weights.*{tmp_path}.*-p WEIGHTS FILE"):
        load_application("Xception", "imagenet", folder=tmp_path)
    with pytest.raises(ConnectionError, match=r"MobileNetV2 cannot be fetched.*keras/models.*-p WEIGHTS FILE"):
        load_application("MobileNetV2", "imagenet", folder=tmp_path)
    with pytest.raises(ConnectionError, match=r"imagenet_class_index.json.*download_data.py weights.*beside the file"):
        load_class_names(tmp_path)


def test_downloaded_weights_are_used_offline(offline, tmp_path, monkeypatch):
    loaded = []
    monkeypatch.setattr(networks, "_from_file", lambda build, path, top: loaded.append((path.name, top)))
    for ending, include_top in (("", True), ("_notop", False)):
        name = f"xception_weights_tf_dim_ordering_tf_kernels{ending}.h5"
        (tmp_path / name).touch()
        load_application("Xception", "imagenet", include_top, tmp_path)
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
