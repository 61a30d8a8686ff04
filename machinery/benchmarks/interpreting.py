"""Measures how fast filter patterns and heatmaps of 9.4 are made."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
from keras import ops
from tqdm import tqdm

from helpers.grad_cam import grad_cam, split_at
from helpers.lessons import load_lesson
from machinery.benchmarks import book
from machinery.benchmarks.floors import find_floor
from machinery.benchmarks.measuring import Row, alternate, compare


def measure_patterns(scale: SimpleNamespace, folder: Path) -> list[Row]:
    """Grow the patterns of the first filters of Xception's block3_sepconv1, each with the same steps."""
    keras.utils.set_random_seed(1)
    base = keras.applications.Xception(weights=None, include_top=False)
    extractor = keras.Model(base.input, base.get_layer("block3_sepconv1").output)
    lesson = load_lesson("9_4_interpreting_convnets")
    extract = lesson.build_extractor(base, "block3_sepconv1", keras.applications.xception.preprocess_input)
    ours, plain = partial(lesson.gradient_ascent_step, extract), book.build_ascent(extractor)

    def respond(picture, index):
        return float(lesson.compute_loss(extract, picture, index))

    times, worst = grow_patterns(ours, plain, respond, scale)
    row = compare(f"{scale.patterns} patterns of block3_sepconv1, {scale.ascent_steps} steps", times, 1.3)
    row.agree = worst <= 1e-2
    sized = keras.models.clone_model(extractor, input_tensors=keras.Input((scale.size, scale.size, 3)))
    row.floor = find_floor(sized, 2 * scale.patterns * scale.ascent_steps)  # there and back
    traces = lesson.gradient_ascent_step.experimental_get_tracing_count(), plain.experimental_get_tracing_count()
    row.notes = [
        f"compilations: {traces[0]} against {traces[1]}; the rise of a response differs by {worst:.2%} at most",
        f"{row.ours / row.floor:.1f} times the floor: the products of the convolutions, there and back",
    ]
    return [row]


def grow_patterns(ours: Callable, plain: Callable, respond: Callable, scale: SimpleNamespace) -> tuple[dict, float]:
    """Return the time that all patterns take each way, and by which share the rises of a response differ at most."""
    start = keras.random.uniform((1, scale.size, scale.size, 3), -0.1, 0.1, seed=1)
    times, worst = {"ours": [0.0], "book": [0.0]}, 0.0
    for index in tqdm(range(scale.patterns), desc="Growing patterns", leave=False):
        ways = {
            "ours": partial(grow_pattern, ours, start, ops.convert_to_tensor(index), scale.ascent_steps),
            "book": partial(grow_pattern, plain, start, index, scale.ascent_steps),
        }
        taken, grown = alternate(ways, 1, warm=0)
        for name, (seconds,) in taken.items():
            times[name][0] += seconds
        one, other, before = (respond(picture, index) for picture in (grown["ours"], grown["book"], start))
        worst = max(worst, abs(one - other) / abs(other - before))
    return times, worst


def grow_pattern(ascend: Callable, picture, filter_index, steps: int) -> np.ndarray:
    """Return the picture after some steps, an array (1, height, width, 3)."""
    rate = ops.convert_to_tensor(1.0)
    for _ in range(steps):
        picture, _ = ascend(picture, filter_index, rate)
    return ops.convert_to_numpy(picture)


def measure_grad_cam(scale: SimpleNamespace, folder: Path) -> list[Row]:
    """Make the heatmap of one picture with Xception, after two that compile."""
    keras.utils.set_random_seed(1)
    network, layer = keras.applications.Xception(weights=None), "block14_sepconv2_act"
    halves = split_at(network, layer, logits=False)  # with its softmax, as the book does
    plain = book.build_grad_cam(network, layer)
    picture = np.random.default_rng(0).uniform(-1, 1, (1, 299, 299, 3)).astype("float32")
    ways = {
        "ours": lambda: grad_cam(*halves, picture, lambda answers: ops.max(answers, axis=-1))[0],
        "book": lambda: plain(picture),
    }
    times, maps = alternate(ways, 2 * scale.repeats, warm=2)
    row = compare("Grad-CAM of one picture, Xception", times, 2.5)
    row.agree = np.allclose(maps["ours"], maps["book"], rtol=1e-3, atol=1e-3 * np.abs(maps["book"]).max())
    row.floor = find_floor(network, 1)
    return [row]
