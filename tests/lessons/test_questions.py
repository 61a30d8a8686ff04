"""The answers to "Predict, then run", each computed from the lessons' own definitions."""

import re
from types import SimpleNamespace
from unittest import mock

import keras
import numpy as np
import pytest
from keras import layers

from helpers.lessons import load_lesson, read_lesson
from notebook_source import STEMS, run_cells

SEGMENTATION, ARCHITECTURES, INTERPRETING, APPENDIX = STEMS


def find_answers(stem):
    """Return the answers of a notebook in order."""
    prose = "\n".join(cell.source for cell in read_lesson(stem).cells if cell.cell_type == "markdown")
    found = re.findall(r"\*\*Predict, then run\.\*\*.*?</summary>(.*?)</details>", prose, re.DOTALL)
    return [" ".join(answer.replace("\n>", " ").split()) for answer in found]


def segmentation():
    lesson = load_lesson(SEGMENTATION)
    trimap = np.full((60, 50), 2)
    trimap[10:41, 5:26] = 3
    trimap[12:30, 8:20] = 1
    pet = SimpleNamespace(trimap=trimap, picture=np.zeros((60, 50, 3), "uint8"), species=["cat"])
    namespace = run_cells(lesson, "figure-9.1", SEED=1, sample_pets=mock.Mock(**{"draw_pet.return_value": pet}))
    (box,) = namespace.axes[2].patches
    columns, rows = box.get_width(), box.get_height()
    yield f"{rows} rows and {columns} columns"
    network = lesson.get_model(200, 3)
    convolutions = [layer for layer in network.layers if isinstance(layer, layers.Conv2D)]
    yield str(convolutions[3].output.shape[1:])


def architectures():
    lesson = load_lesson(ARCHITECTURES)
    vgg16 = keras.applications.VGG16(weights=None, include_top=False, input_shape=(224, 224, 3))
    side, filters = vgg16.get_layer("block4_conv1").output.shape[2:]
    yield f"{side}×{side}, with {filters} filters"
    inputs = keras.Input((8, 8, 32))
    block = keras.Model(inputs, lesson.residual_block(inputs, 64))
    (projection,) = (layer for layer in block.layers if getattr(layer, "kernel_size", None) == (1, 1))
    yield f"{projection.count_params():,}:"
    normalise = layers.BatchNormalization()
    normalise.build((None, 8, 8, 32))
    trained = sum(int(np.prod(weight.shape)) for weight in normalise.trainable_weights)
    yield f"{normalise.count_params()}, of which {trained} are trained"
    separable, ordinary = (
        lesson.build_single(kind, 128).count_params() for kind in (layers.SeparableConv2D, layers.Conv2D)
    )
    yield f"{separable:,}", f"has {ordinary:,}"
    network = lesson.build_mini_xception(180, (32, 64, 128, 256, 512))
    others = sum(int(np.prod(weight.shape)) for weight in network.non_trainable_weights if "moving" in weight.path)
    assert sum(isinstance(layer, layers.BatchNormalization) for layer in network.layers) == 10
    yield f"ten batch norms, {others:,} numbers"


def interpreting():
    lesson = load_lesson(INTERPRETING)
    baseline = load_lesson(ARCHITECTURES).build_baseline(180)
    maps = [layer for layer in baseline.layers if isinstance(layer, layers.Conv2D | layers.MaxPooling2D)]
    yield f"{maps[1].output.shape[1]} and {maps[2].output.shape[1]}"
    inputs = keras.Input((16, 16, 3))
    silent = layers.Conv2D(1, 3, activation="relu", kernel_initializer="zeros", bias_initializer="zeros")
    extractor, picture = keras.Model(inputs, silent(inputs)), keras.random.uniform((1, 16, 16, 3), seed=1)
    after, _ = lesson.gradient_ascent_step(extractor, picture, keras.ops.convert_to_tensor(0), 10.0)
    np.testing.assert_array_equal(after, picture)
    yield "Nothing"
    logits = keras.ops.convert_to_tensor([[0.7], [-2.0]])
    cat, dog = (keras.ops.convert_to_numpy(lesson.class_score(index)(logits)) for index in (0, 1))
    np.testing.assert_array_equal(cat, -dog)
    yield "opposite sign"


@pytest.mark.parametrize(
    ("stem", "compute"), [(SEGMENTATION, segmentation), (ARCHITECTURES, architectures), (INTERPRETING, interpreting)]
)
def test_answers_are_right(stem, compute):
    answers, expected = find_answers(stem), list(compute())
    assert len(answers) == len(expected)
    for answer, parts in zip(answers, expected, strict=True):
        for part in [parts] if isinstance(parts, str) else parts:
            assert part in answer
