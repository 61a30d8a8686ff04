"""Measures how fast the networks of 9.2 and 9.3 train, and that they learn the same."""

import io
import statistics
from contextlib import redirect_stdout
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np

from helpers import devices
from helpers.lessons import load_lesson
from helpers.training import Batches, feed
from machinery.benchmarks import book
from machinery.benchmarks.floors import find_floor
from machinery.benchmarks.measuring import Row, alternate, compare

PRECISIONS = {"ours": "fastest", "book": "float32"}
PASSES = 3  # of a picture in training: forwards, and twice as much work backwards


def draw_pictures(count: int, side: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return random pictures uint8 (count, side, side, 3) and classes of two kinds: of pixels and of pictures."""
    dice = np.random.default_rng(0)
    pictures = dice.integers(0, 256, (count, side, side, 3), "uint8")
    return pictures, (pictures[..., :1] // 86).astype("uint8"), np.arange(count) % 2


def train_epoch(model: keras.Model, pictures: np.ndarray, targets: np.ndarray, batch_size: int) -> None:
    """Train one epoch; all are fed in the same way, without waiting at the end (see `helpers.training.feed`)."""
    model.fit(feed(Batches(pictures, targets, batch_size)), epochs=1, shuffle=False, verbose=0)


def time_epochs(
    kinds: dict, loss: str, pictures: np.ndarray, targets: np.ndarray, batch_size: int, repeats: int
) -> tuple[dict, dict, keras.Model]:
    """Return the times of an epoch, in turns, the first loss of each kind, and the last model.

    A kind is a pair, a function that builds a model and its precision; all begin with the same weights.
    """
    ways, losses = {}, {}
    for name, (build, precision) in kinds.items():
        keras.utils.set_random_seed(1)
        with devices.use(1, precision):
            model = build()
            model.compile(optimizer="rmsprop", loss=loss)
        losses[name] = float(model.train_on_batch(pictures[:batch_size], targets[:batch_size]))
        ways[name] = partial(train_epoch, model, pictures, targets, batch_size)
    times, _ = alternate(ways, repeats)
    return times, losses, model


# 9.2


def measure_segmentation(scale: SimpleNamespace, folder: Path) -> list[Row]:
    """Train the network of 9.2 for an epoch in 32 bits and in the fastest precision; and to its end in both."""
    build = partial(load_lesson("9_2_image_segmentation").get_model, scale.side_92, 3)
    pictures, masks, _ = draw_pictures(64 * scale.steps_92, scale.side_92)
    kinds = {name: (build, precision) for name, precision in PRECISIONS.items()}
    loss = "sparse_categorical_crossentropy"
    times, _, model = time_epochs(kinds, loss, pictures, masks, 64, min(scale.repeats, 3))
    row = compare(f"9.2, epoch of {len(pictures)} at {scale.side_92}×{scale.side_92}, batch 64", times, 1.4)
    policy = devices.fastest_precision()
    row.floor = find_floor(model, PASSES * len(pictures), policy.removeprefix("mixed_"))
    row.notes.append(f"precision {policy}; the floor is the products at this machine's rate in that precision")
    if policy == "float32":
        row.notes.append("no bfloat16 instructions here, so both are the same")
        row.reached = True
    keras.utils.clear_session()
    scores = {name: score_precision(scale, folder, precision) for name, precision in PRECISIONS.items()}
    row.agree = abs(scores["ours"] - scores["book"]) <= scale.iou_apart
    row.notes.append(
        f"mean IoU of the sample's training, {scale.seeds} seeds: {scores['ours']:.4f}, in 32 bits {scores['book']:.4f}"
    )
    return [row]


def score_precision(scale: SimpleNamespace, folder: Path, precision: str) -> float:
    """Train the sample's network of 9.2 from several seeds; return the mean of its mean IoU on the validation set."""
    cells = ["setup", "step-9.2-1", "step-9.2-2", "step-9.2-5", "step-9.2-7"]
    knobs = {"PROFILE": "sample", "DATA": str(folder), "BUILD": str(folder), "PRECISION": precision}
    scores = []
    for seed in range(1, 1 + scale.seeds):
        with redirect_stdout(io.StringIO()):
            lesson = load_lesson("9_2_image_segmentation", cells, SEED=seed, **knobs, **scale.iou_knobs)
        predicted = lesson.predict_masks(lesson.model, lesson.val_input_imgs)
        scores.append(lesson.segmentation_scores(lesson.val_targets, predicted)["mean_iou"])
    return statistics.mean(scores)


# 9.3


def measure_mini_xception(scale: SimpleNamespace, folder: Path) -> list[Row]:
    """Train the mini-Xception for an epoch as the book builds it, as the lesson does, and in the fastest precision."""
    pictures, _, labels = draw_pictures(32 * scale.steps_93, scale.side_93)
    sizes = scale.side_93, scale.filters_93
    ours = partial(load_lesson("9_3_convnet_architectures").build_mini_xception, *sizes)
    plain = partial(book.build_mini_xception, *sizes)
    kinds = {"ours": (ours, "float32"), "book": (plain, "float32"), "fastest": (ours, "fastest")}
    times, losses, model = time_epochs(kinds, "binary_crossentropy", pictures, labels, 32, scale.repeats)
    work = f"9.3, mini-Xception, epoch of {len(pictures)} at {scale.side_93}×{scale.side_93}, batch 32"
    row = compare(work, times, 1.5)
    apart = abs(losses["ours"] - losses["book"])
    row.agree = apart <= 1e-4
    row.floor = find_floor(model, PASSES * len(pictures))
    row.notes.append("32 bits in both; the floor is the products of the convolutions at this machine's rate")
    row.notes.append(f"the first losses differ by {apart:.1e}")
    return [row, compare(f"the same in {devices.fastest_precision()}", times | {"ours": times["fastest"]})]
