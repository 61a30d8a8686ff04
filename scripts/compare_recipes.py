#!/usr/bin/env python3
"""Measure after how many steps the book's network of 9.2 says anything but "background", for four ways to train it.

A network that colours pixels first learns how common each class is, and answers every pixel alike. How long it stays
there depends on its weights and its steps: the book's way (Glorot's initialiser, RMSprop, steps of 0.001), and three
others. Two cores need some seconds a step at 64 pixels. Results are written after each training, and none of those
that a file has is made again.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np

from helpers.lessons import load_lesson
from helpers.results import save_results
from helpers.start import start_keras
from helpers.training import Batches

ROOT = Path(__file__).resolve().parents[1]
CELLS = ["setup", "step-9.2-1", "step-9.2-2", "step-9.2-5"]  # of the lesson: the data
EVERY = 10  # steps from look to look at 128 validation pictures
LEFT = 0.05  # "all background" is left when the mean IoU is above that answer's by more than this,
LOOKS = 3  # at so many looks one after the other


def find_recipes():
    """Return the ways to train by name: the initialiser of all layers but the last, and what makes the optimizer."""
    import keras

    return {
        "the book's": ("glorot_uniform", lambda: keras.optimizers.RMSprop(0.001)),
        "He's initialiser": ("he_uniform", lambda: keras.optimizers.RMSprop(0.001)),
        "Adam": ("glorot_uniform", lambda: keras.optimizers.Adam(0.001)),
        "a third of the step": ("glorot_uniform", lambda: keras.optimizers.RMSprop(0.0003)),
    }


def build_network(lesson, initialiser, seed):
    """Return the lesson's network with weights from an initialiser; the last layer, before a softmax, keeps its own."""
    import keras

    keras.utils.set_random_seed(seed)
    model = lesson.get_model(lesson.IMAGE_SIZE, len(lesson.CLASS_NAMES), lesson.FILTERS)
    for number, layer in enumerate(model.layers[:-1]):
        if layer.weights:
            draw = keras.initializers.get({"class_name": initialiser, "config": {"seed": 1000 * seed + number}})
            layer.kernel.assign(draw(layer.kernel.shape))
    return model


def train(lesson, model, most):
    """Train until the network has left "all background", or for `most` steps.

    Returns:
        A dict: "left", the number of steps after which it had, or None; and, a value for each look, "steps", "mean_iou"
        and "loss", the mean since the look before.
    """
    pictures, masks = lesson.val_input_imgs[:128], lesson.val_targets[:128]
    background = lesson.segmentation_scores(masks, np.ones_like(masks))["mean_iou"]
    batches = Batches(lesson.train_input_imgs, lesson.train_targets, lesson.BATCH_SIZE, shuffled=True)
    seen, losses = {"left": None, "steps": [], "mean_iou": [], "loss": []}, []
    for step in range(most):
        epoch, index = divmod(step, len(batches))
        if index == 0:
            batches.shuffle(epoch)
        losses.append(float(model.train_on_batch(*batches[index])))
        if (step + 1) % EVERY == 0:
            score = lesson.segmentation_scores(masks, lesson.predict_masks(model, pictures))["mean_iou"]
            for name, value in {"steps": step + 1, "mean_iou": score, "loss": np.mean(losses).item()}.items():
                seen[name].append(value)
            losses.clear()
            if len(seen["steps"]) >= LOOKS and min(seen["mean_iou"][-LOOKS:]) > background + LEFT:
                return seen | {"left": seen["steps"][-LOOKS]}
    return seen


def main(argv=None):
    """Train each recipe from each seed; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--data", type=Path, default=ROOT / "data", metavar="DIR", help="the data sets (data)")
    add("--out", type=Path, default=ROOT / "build/results/9_2_recipes.json", metavar="FILE", help="results")
    add("--size", type=int, default=64, help="pixels (64; the book's are 200)")
    add("--seeds", type=int, default=3, help="trainings of each recipe (3)")
    add("--steps", type=int, default=600, help="give up after so many (600)")
    options = parser.parse_args(argv)
    start_keras()
    knobs = {"PROFILE": "book", "IMAGE_SIZE": options.size, "DATA": str(options.data), "BUILD": str(ROOT / "build")}
    lesson = load_lesson("9_2_image_segmentation", CELLS, **knobs)
    settings = {"image_size": options.size, "batch_size": lesson.BATCH_SIZE, "pictures": len(lesson.input_imgs)}
    trainings = {name: {} for name in find_recipes()}
    if options.out.exists():
        found = json.loads(options.out.read_text("utf-8"))
        if {name: found[name] for name in settings} != settings:
            parser.error(f"{options.out} has results of other pictures: give another --out, or remove it")
        trainings |= found["trainings"]
    for name, (initialiser, make_optimizer) in find_recipes().items():
        for seed in range(1, options.seeds + 1):
            if str(seed) not in trainings[name]:
                model = build_network(lesson, initialiser, seed)
                model.compile(optimizer=make_optimizer(), loss="sparse_categorical_crossentropy")
                trainings[name][str(seed)] = train(lesson, model, options.steps)
                save_results(settings | {"trainings": trainings}, options.out)
            print(f"{name}, seed {seed}: {trainings[name][str(seed)]['left'] or 'more'} steps", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
