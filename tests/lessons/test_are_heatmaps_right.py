"""The measurements of the appendix 9.5 on the notebook's own definitions."""

import json
from pathlib import Path
from unittest import mock

import keras
import numpy as np
import pytest
from keras import layers
from PIL import Image

from helpers import grad_cam as cam
from helpers.lessons import load_lesson
from notebook_source import run_cells

STEM = "9_5_are_heatmaps_right"


@pytest.fixture(scope="module")
def notebook():
    return load_lesson(STEM, PROFILE="sample")


def draw_pictures(count=4, side=12):
    return np.random.default_rng(0).random((count, side, side, 3), "float32")


def test_energy_of_each_layer_is_that_of_its_own_maps(notebook):
    images, masks = 255 * draw_pictures(6), np.full((6, 12, 12), 1)
    masks[:, :, :6] = 0
    left, everywhere = np.zeros((4, 12, 12)), np.ones((4, 12, 12))
    left[:, :, :6] = 1
    lesson = load_lesson("9_4_interpreting_convnets", PROFILE="sample")
    lesson.raw_maps = lambda network, name, pictures, seen: {"left": left, "all": everywhere}[name][: len(pictures)]
    lesson.predict_classes = lambda network, pictures: np.eye(2)[[0] * len(pictures)]
    names = {"lesson": lesson, "images": images, "masks": masks, "SOME": 4, "cam_size": (12, 12)}
    with mock.patch.dict(notebook.measure_layers.__globals__, names | {"prepare": lambda values: values}):
        measured = notebook.measure_layers(None, ["left", "all"])
    assert {name: mean for name, (mean, _) in measured.items()} == pytest.approx({"left": 1, "all": 0.5})


def test_cover_hides_the_brightest_place(notebook):
    pictures, heatmaps = np.zeros((1, 9, 9, 3), np.uint8), np.zeros((1, 9, 9))
    heatmaps[0, 4, 8] = 1
    covered = notebook.cover(pictures, heatmaps, 2)
    assert np.argwhere(covered[0, ..., 0]).tolist() == [[3, 7], [3, 8], [4, 7], [4, 8]]
    assert pictures.max() == 0


def test_hires_cam_equals_grad_cam_after_global_pooling_and_differs_elsewhere(notebook):
    inputs = keras.Input((12, 12, 3))
    maps = layers.Conv2D(5, 3, strides=2, activation="tanh", name="maps")(inputs)
    for pooled in (True, False):
        x = layers.GlobalAveragePooling2D()(maps) if pooled else layers.Flatten()(maps)
        halves = cam.split_at(keras.Model(inputs, layers.Dense(3, "softmax")(x)), "maps")
        arguments = *halves, draw_pictures(), cam.class_score(0)
        assert np.allclose(notebook.hires_cam(*arguments), cam.grad_cam(*arguments), atol=1e-7) == pooled


def test_telling_parts_are_those_that_differ(notebook, tmp_path):
    parts = np.zeros((4, 4), "uint8")
    parts[0], parts[1] = 4, 2  # muzzle, head
    (tmp_path / "annotations/parts").mkdir(parents=True)
    Image.fromarray(parts).save(tmp_path / "annotations/parts/cat.0.png")
    lesson = load_lesson("9_4_interpreting_convnets", PROFILE="sample")
    lesson.paths = [tmp_path / "train/cat.0.jpg"] * 2
    heat = np.zeros((2, 4, 4))
    heat[0, 0], heat[1, :2] = 1, 1
    names = {
        "lesson": lesson,
        "cam_size": (4, 4),
        "heatmaps": heat,
        "knowing_nothing": {"uniform map": np.ones((4, 4))},
    }
    with mock.patch.dict(notebook.read_parts.__globals__, names):
        namespace = run_cells(notebook, "parts", **names)
    np.testing.assert_allclose(namespace.on_parts["Grad-CAM"], [1, 0.5])
    np.testing.assert_allclose(namespace.on_parts["uniform map"], [0.5, 0.5])


@pytest.fixture
def stored():
    return json.loads((Path(__file__).resolve().parents[2] / "docs/measurements/9_5_sample.json").read_text())


def test_stored_trainings_have_the_recipe_of_the_lesson(stored):
    lesson = load_lesson("9_4_interpreting_convnets", PROFILE="sample")
    recipe = {name: getattr(lesson, name, None) for name in stored["recipe"]}
    recipe |= {"SEED": load_lesson("9_3_convnet_architectures", PROFILE="sample").SEED, "own": True}
    assert stored["recipe"] == json.loads(json.dumps(recipe))


def test_in_each_stored_training_the_heatmaps_are_on_the_animal(stored):
    trainings = stored["trainings"]
    assert [training["seed"] for training in trainings] == [1337, 1338, 1339, 1340, 1341]
    for training in trainings:
        energy = training["energy"]["10×10"]
        assert energy > 2.5 * stored["energy_uniform_map"]
        assert energy > stored["energy_best_blob"]
        assert training["similarity"]["4"] < 0.5
    assert np.mean([training["test_accuracy"] for training in trainings[:3]]) > 0.9
    best = [max(training["energy"], key=training["energy"].get) for training in trainings]
    assert best.count("10×10") == 4
