"""Planted faults: each breaks a copy of the project, and the checks must catch it, for the reason stated here.

python tests/mutants.py                             # all of them, as a table; also `make mutants`
python tests/mutants.py --only sound --repeat 10    # is a sound project ever taken for a broken one?
"""

import argparse
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from nbformat.v4 import new_output
from tqdm import tqdm

from project_copy import ProjectCopy, find_cell, replaced, run_pytest

SEGMENTATION = "9_2_image_segmentation"
ARCHITECTURES = "9_3_convnet_architectures"
INTERPRETING = "9_4_interpreting_convnets"


@dataclass(frozen=True)
class Mutant:
    """A fault, and how it is to be caught."""

    name: str
    plant: Callable[[ProjectCopy], None]
    says: str | None  # a regular expression for the first failure; None for what must pass
    run: tuple = (f"notebooks/{SEGMENTATION}.ipynb",)  # the arguments of pytest
    environment: dict = field(default_factory=dict)


@dataclass(frozen=True)
class Verdict:
    """What came of a mutant."""

    right: bool
    told: str  # the first line of the first failure
    seconds: float
    text: str  # all that pytest printed


def judge(mutant, folder):
    """Break a copy of the project in an empty folder, run the checks there, and return the Verdict."""
    started = time.monotonic()
    project = ProjectCopy(folder)
    try:
        mutant.plant(project)
    except LookupError as error:
        return Verdict(False, str(error), time.monotonic() - started, "")
    run = run_pytest(project.folder, "-x", *mutant.run, **mutant.environment)
    failure = run.failures[0] if run.failures else ""
    if mutant.says is None:
        right, told = run.status == 0, failure or "passed"
    else:
        right, told = run.status == 1 and bool(re.search(mutant.says, failure, re.DOTALL)), failure or "ESCAPED"
    blamed = [line[1:].strip() for line in told.splitlines() if line.startswith("E  ")]  # of a test's traceback
    blamed = max(blamed[:2], key=len) if blamed else told.partition("\n")[0]
    return Verdict(right, blamed, time.monotonic() - started, run.text)


# How to plant


def in_cell(text, old, new, stem=SEGMENTATION, **metadata):
    """Change the source of a cell of both files, found by a tag or by its text; it may get other metadata."""

    def change(cells):
        cell = cells[find_cell(cells, text)]
        cell.source = replaced(cell.source, old, new, f"the cell {text!r}")
        cell.metadata.update(metadata)

    return lambda project: project.edit_notebook(stem, change)


def in_cells(change, stem=SEGMENTATION, paired=True):
    """Change the list of cells."""
    return lambda project: project.edit_notebook(stem, change, paired)


def in_file(path, old, new):
    """Change a text file."""
    return lambda project: project.edit_text(path, old, new)


def nothing(project):
    """Leave the project as it is."""


def clear_outputs(cells):
    """Take all outputs away, as `nbstripout` or a menu does."""
    for cell in cells:
        if cell.cell_type == "code":
            cell.update(outputs=[], execution_count=None)


def clear_one_output(cells):
    """Take the output of the second cell away, as a merge may."""
    cells[find_cell(cells, "nbval-ignore-output")].outputs = []


def delete_cell(text):
    """Delete a cell."""
    return lambda cells: cells.pop(find_cell(cells, text))


def exchange_cells(first, second):
    """Exchange two cells with their outputs; both had been run in the new order."""

    def change(cells):
        i, j = find_cell(cells, first), find_cell(cells, second)
        cells[i].execution_count, cells[j].execution_count = cells[j].execution_count, cells[i].execution_count
        cells[i], cells[j] = cells[j], cells[i]

    return change


def exchange_figures(first, second):
    """Exchange the outputs of two cells."""

    def change(cells):
        one, other = cells[find_cell(cells, first)], cells[find_cell(cells, second)]
        one.outputs, other.outputs = other.outputs, one.outputs

    return change


def remove_tag(tag):
    """Take a tag away."""

    def change(cells):
        metadata = cells[find_cell(cells, tag)].metadata
        metadata.tags = [other for other in metadata.tags if other != tag]
        if not metadata.tags:
            del metadata["tags"]

    return change


def drop_alt_text(tag):
    """Take the text of a figure away."""
    return lambda cells: [output.metadata.clear() for output in cells[find_cell(cells, tag)].outputs]


def add_output(text, output):
    """Add an output to a cell."""
    return lambda cells: cells[find_cell(cells, text)].outputs.append(output)


# The mutants: the checks of notebooks as they are stored

PETS, PLOTS = "notebooks/helpers/pets.py", "notebooks/helpers/plots.py"
STORED = [
    Mutant("outputs cleared", in_cells(clear_outputs), "cell 1 has the execution count None"),
    Mutant("cell deleted", in_cells(delete_cell("minlength=3) / train_masks.size")), "has the execution count"),
    Mutant(
        "cell of a step deleted", in_cells(delete_cell("step-9.2-9"), paired=False), "another one in 9_2.*make outp"
    ),
    Mutant("two cells exchanged", in_cells(exchange_cells("step-9.2-3", "step-9.2-4")), "not in the book's order"),
    Mutant("tag removed", in_cells(remove_tag("step-9.2-7")), "no cell has the tag step-9.2-7"),
    Mutant(
        "unpaired edit",
        in_file(f"notebooks/{SEGMENTATION}.py", "epochs=EPOCHS,\n", "epochs=3,\n"),
        "in 9_2",
    ),
    Mutant("figure without alt text", in_cells(drop_alt_text("figure-9.4")), "has a figure without alt text"),
    Mutant(
        "standard error stored",
        in_cells(add_output("step-9.2-2", new_output("stream", name="stderr", text="WARNING: retracing"))),
        "has stored stderr: WARNING: retracing",
    ),
    Mutant(
        "path in an output",
        in_cells(add_output("step-9.2-2", new_output("stream", text="/".join(["", "home", "ada", "pets"])))),
        "shows a path of one machine in its stdout",
    ),
    Mutant(
        "many cells ignored",
        in_cells(
            lambda cells: [
                cell.metadata.update(tags=["nbval-ignore-output"], nbval={"reason": "slow"})
                for cell in cells
                if cell.cell_type == "code" and "tags" not in cell.metadata
            ]
        ),
        "cells are ignored, more than 5%",
    ),
]

# A kernel that fails: planted into the first cell, so that nothing else has to run

KERNEL = [
    Mutant(
        "bad magic",
        in_cell("parameters", "import os\n", "import os\n%no_such_magic\n"),
        "raised UsageError: Line magic",
    ),
    Mutant(
        "killed kernel",
        in_cell("parameters", "import os\n", "import os\nos.kill(os.getpid(), 9)\n"),
        "killed by signal 9: out of memory",
    ),
    Mutant(
        "hung cell",
        in_cell("parameters", "import os\n", "import os\nwhile True: pass\n", nbval={"timeout": 2}),
        "ran longer than its limit of 2 s",
    ),
    Mutant(
        "noise on standard error",
        in_cell("parameters", "import os\n", "import os\nos.system('echo noise >&2')\n"),
        "but the cell shows.*stderr: noise",
    ),
    Mutant(
        "raises-exception without one",
        in_cell("parameters", "import os\n", "import os\n", tags=["parameters", "raises-exception"]),
        "is tagged raises-exception and raised nothing",
    ),
]

# Faults before the training, seen in the notebook

LESSON = [
    Mutant("output of one cell cleared", in_cells(clear_one_output), "cell 2: no output is stored"),
    Mutant(
        "swapped figures", in_cells(exchange_figures("figure-9.1", "figure-9.2")), r"a figure .*\| pet = sample_pets"
    ),
    Mutant(
        "exception swallowed",
        in_cell(
            "step-9.2-2",
            "picture_paths, trimap_paths = list_pets(PETS)\n",
            "picture_paths = []\ntry:\n    picture_paths, trimap_paths = list_pets('pets')\n"
            "except OSError:\n    pass\nif picture_paths:\n    ",
        ),
        r"other kinds of outputs.*\| except OSError:",
    ),
    Mutant(
        "another colour map",
        in_file(PLOTS, "cmap=ListedColormap(list(colors.values()))", "cmap='viridis'"),
        r"a figure differs.*\| pet =",
    ),
    Mutant(
        "class names of a legend exchanged",
        in_file(
            PLOTS, "for name, color in colors.items()]", "for name, color in zip(reversed(colors), colors.values())]"
        ),
        r"a figure differs.*\| pet = ",
    ),
    Mutant(
        "shifted mask",
        in_file(
            PETS,
            "Image.fromarray((trimap - 1).astype(np.uint8))",
            "Image.fromarray(np.roll(trimap - 1, 1, 1).astype(np.uint8))",
        ),
        r"a figure differs.*\| mask = read_mask",
    ),
    Mutant(
        "labels not shifted by one",
        in_file(PETS, "(trimap - 1).astype", "trimap.astype"),
        r"a figure differs.*\| mask = read_mask",
    ),
    Mutant(
        "lists shuffled differently",
        in_cell("step-9.2-5", "Random(SEED).shuffle(shuffled_trimaps)", "Random(SEED + 1).shuffle(shuffled_trimaps)"),
        "ValueError: Picture .* meets trimap",
    ),
    Mutant(
        "order shuffled with another seed",
        in_cell(
            "step-9.2-5",
            "shuffled_pictures, shuffled_trimaps = list",
            "SEED += 1\nshuffled_pictures, shuffled_trimaps = list",
        ),
        r"stdout differs.*\| SEED \+= 1",
    ),
    Mutant("wrong seed", in_cell("parameters", "SEED = 1337", "SEED = 1338"), r"a figure .*\| pet ="),
    Mutant(
        "wrong split",
        in_cell(
            "step-9.2-5",
            "train_images, val_images =",
            "images, masks = (np.roll(array, VALIDATION, 0) for array in (images, masks))\ntrain_images, val_images =",
        ),
        r"a figure differs.*\| .*plots.show_picture\(train_images",
    ),
    Mutant(
        "validation pictures among the training pictures",
        in_cell("step-9.2-5", "images[:-VALIDATION],", "images,"),
        "expected 2700, actual 3000",
    ),
    Mutant(
        "nearest for pictures",
        in_file(PETS, "picture, size, Image.Resampling.BILINEAR", "picture, size, Image.Resampling.NEAREST"),
        r"a figure differs.*plots.show_picture\(train_images",
    ),
    Mutant(
        "bilinear for masks",
        in_file(PETS, "mask, size, Image.Resampling.NEAREST", "mask, size, Image.Resampling.BILINEAR"),
        r"a figure differs.*plots.show_picture\(train_images",
    ),
    Mutant(
        "another width in the network",
        in_cell(
            "step-9.2-6", "layers.Conv2DTranspose(width, 3, padding", "layers.Conv2DTranspose(width + 1, 3, padding"
        ),
        "(?s)differs.*build_segmentation_network",
    ),
    Mutant(
        "names of the dots' networks exchanged",
        in_cell("def build_dot_network", 'halve == "strides"', 'halve != "strides"'),
        r"numbers in stdout differ.*expected 0.92, actual 0.55",
    ),
]

# Faults in and after the training, seen by the tests of the notebook's own definitions


def caught_by_test(name, cell, old, new, test, stem=SEGMENTATION):
    """Return a mutant that a test of the notebook's definitions catches."""
    return Mutant(name, in_cell(cell, old, new, stem), f"def {test}", (f"tests/test_{stem[4:]}.py",))


def in_helper(name, helper, old, new, test):
    """Return a mutant of a helper that a test in the helper's file of tests catches."""
    change = in_file(f"notebooks/helpers/{helper}.py", old, new)
    return Mutant(name, change, f"def {test}", (f"tests/test_{helper}.py",))


in_architectures = partial(caught_by_test, stem=ARCHITECTURES)
in_interpreting = partial(caught_by_test, stem=INTERPRETING)

CURVES = "plots.show_curves(history"
SWAPPED = 'history = {"loss": history["val_loss"], "val_loss": history["loss"]}\n'
TESTED = [
    caught_by_test(
        "metric off by 1 %", "def confusion_matrix", "(both, either", "(1.01 * both, either", "test_iou_against_keras"
    ),
    caught_by_test(
        "pictures not rescaled", "step-9.2-6", "Rescaling(1 / 255)", "Rescaling(1.0)", "test_probabilities_sum"
    ),
    caught_by_test("least probable class", "def predict_masks", "argmax(model", "argmin(model", "test_predicted_masks"),
    caught_by_test(
        "last epoch taken for the best",
        "step-9.2-7",
        "save_best_only=True",
        "save_best_only=False",
        "test_training_uses_the_training_pictures",
    ),
    caught_by_test(
        "trained on validation pictures",
        "step-9.2-7",
        "Batches(train_images, train_masks",
        "Batches(images, masks",
        "test_training_uses_the_training_pictures",
    ),
    caught_by_test(
        "curves of training and validation exchanged", "step-9.2-8", CURVES, SWAPPED + CURVES, "test_curves_are"
    ),
    caught_by_test(
        "best taken for worst", "picture-scores", "argsort(picture", "argsort(-picture", "test_worst_and_best"
    ),
    caught_by_test(
        "masks of other pictures", "worst-and-best", "predictions[index", "predictions[column", "test_worst_and_best"
    ),
]

SKIP = "        x = layers.add([x, layers.Conv2D(filters, 1, use_bias=False)(skip)])\n"
NORMALISE = """\
        if batch_norm:
            x = layers.BatchNormalization(momentum=momentum)(x)
"""
TESTED += [
    in_architectures("skip connection left out", "step-9.3-6", SKIP, "        pass\n", "test_mini_xception_is"),
    in_architectures(
        "skip around half of the block",
        "step-9.3-6",
        "    x = layers.MaxPooling2D(3, strides=2",
        "    skip = x\n    x = layers.MaxPooling2D(3, strides=2",
        "test_mini_xception_is",
    ),
    in_architectures(
        "activation before batch norm",
        "step-9.3-6",
        NORMALISE + '        x = layers.Activation("relu")(x)\n',
        '        x = layers.Activation("relu")(x)\n' + NORMALISE,
        "test_order_in_a_block",
    ),
    in_architectures(
        "ordinary convolution for a separable one",
        "step-9.3-6",
        "layers.SeparableConv2D if separable else layers.Conv2D",
        "layers.Conv2D",
        "test_mini_xception_is",
    ),
    in_architectures(
        "dropout active at test time",
        "step-9.3-6",
        "layers.Dropout(0.5)(x)",  # a layer called with training=True does not do: Keras overrules that
        "layers.Dropout(0.5)(layers.Lambda(lambda maps: keras.random.dropout(maps, 0.5))(x))",
        "test_augmentation_and_dropout_act_in_training_only",
    ),
    in_architectures(
        "test pictures among the training pictures",
        "step-9.3-4",
        "split = list_split(PETS, PICTURES)\n",
        'split = list_split(PETS, PICTURES)\nsplit["train"] = [a + b for a, b in zip(split["train"], split["test"])]\n',
        "test_no_picture_is_in_two_parts",
    ),
    in_architectures(
        "validation accuracy reported as test accuracy",
        "BOOK = {",
        'test_labels = pictures["test"]',
        'test_labels = pictures["validation"]',
        "test_accuracy_is_that_of_the_test_pictures",
    ),
    in_architectures(
        "trained on the validation pictures",
        "def train_classifier",
        'Batches(*pictures["train"]',
        'Batches(*pictures["validation"]',
        "test_training_uses_the_training_pictures",
    ),
    in_architectures(
        "projection with an activation",
        "step-9.3-1",
        "residual = layers.Conv2D(filters, 1)(residual)",
        'residual = layers.Conv2D(filters, 1, activation="relu")(residual)',
        "test_residual_block_adds_what_fits",
    ),
    in_architectures(
        "curves of the two networks exchanged",
        "figure-9.11",
        '"mini-Xception": mini_xception_history, "baseline": baseline_history',
        '"mini-Xception": baseline_history, "baseline": mini_xception_history',
        "test_curves_are_those_of_the_trainings",
    ),
    in_architectures(
        "interval of the normal approximation",
        "def wilson_interval",
        "half = math.sqrt(spread * (share * (1 - share) + spread / 4)) / (1 + spread)\n    return centre - half",
        "centre, half = share, math.sqrt(spread * share * (1 - share))\n    return centre - half",
        "test_wilson_interval",
    ),
    in_architectures(
        "one ablation seed for all",
        "PARTS = (",
        "keras.utils.set_random_seed(seed)\n",
        "keras.utils.set_random_seed(SEED)\n",
        "test_ablation_tries_all_eight",
    ),
    in_architectures(
        "ablation on the training pictures",
        "PARTS = (",
        'small_pictures["test"]',
        'small_pictures["train"]',
        "test_ablation_tries_all_eight",
    ),
]

TESTED += [
    in_interpreting(
        "probability instead of logit",
        "def to_logits",
        '| {"name": f"{last.name}_logits", "activation": "linear"}',
        '| {"name": f"{last.name}_logits"}',
        "test_grad_cam_after_global_pooling",
    ),
    in_interpreting(
        "gradient pooled over the batch",
        "def grad_cam",
        "axis=(1, 2), keepdims=True)  #",
        "axis=(0, 1, 2), keepdims=True)  #",
        "test_grad_cam_against_finite",
    ),
    in_interpreting(
        "maps of the training mode",
        "def grad_cam",
        "features.predict_on_batch(inputs)",
        "features(inputs, training=True)",
        "test_augmentation_is_off",
    ),
    in_interpreting(
        "off-by-one filter index",
        "def filter_response",
        "ops.take(maps, filter_index, axis=-1)",
        "ops.take(maps, filter_index - 1, axis=-1)",
        "test_filter_response_is",
    ),
    in_interpreting(
        "a trace per filter",
        "def grow_pattern",
        'ops.convert_to_tensor(filter_index), ops.convert_to_tensor(rate, "float32")',
        "filter_index, rate",
        "test_ascent_raises_every_filter",
    ),
    in_interpreting(
        "pattern beyond the valid range",
        "def grow_pattern",
        "ops.clip(picture, -1, 1) if clip",
        "picture if clip",
        "test_ascent_raises_every_filter",
    ),
    in_helper(
        "picture modified in place",
        "networks",
        'preprocess_input(keras.ops.cast(keras.ops.convert_to_tensor(pictures), "float32"))',
        "preprocess_input(pictures)",
        "test_preparing_changes_nothing",
    ),
    in_interpreting(
        "heatmap not resized to the picture",
        "def lay_over",
        "fine = resize(heatmap[np.newaxis], picture.shape[:2])[0]",
        "fine = np.pad(heatmap, [(0, a - b) for a, b in zip(picture.shape, heatmap.shape)])",
        "test_heatmap_over_a_picture",
    ),
    in_interpreting(
        "colour scale per picture", "figure-9.19", ", vmin=0, vmax=1", "", "test_heatmap_has_the_same_colours"
    ),
    in_interpreting(
        "heatmap divided by zero",
        "def to_heatmap",
        "positive / positive.max() if positive.max() > 0 else positive",
        "positive / positive.max()",
        "test_map_that_is_negative_everywhere",
    ),
    in_interpreting(
        "energy of the outline counted", "def energy_share", "heatmaps * counted", "heatmaps", "test_energy_share"
    ),
    in_interpreting(
        "sanity check without destruction",
        "def randomise",
        "if old.name not in names",
        "if True",
        "test_randomised_copy",
    ),
    in_interpreting(
        "first weights taken for new ones",
        "FRESH = 1000",
        "FRESH = 1000",
        "FRESH = 0",
        "test_weights_that_are_new",
    ),
]

TESTED += [
    in_helper(
        "training resumed without the optimizer",
        "training",
        "[*self.model.variables, *self.model.optimizer.variables]",
        "[*self.model.variables]",
        "test_a_killed_training",
    ),
    in_helper(
        "training resumed in another order",
        "training",
        "self.batches.shuffle(epoch)",
        "self.batches.shuffle(epoch - (self.model._initial_epoch or 0))",
        "test_a_killed_training",
    ),
    in_helper(
        "best epoch of before the kill forgotten",
        "training",
        '        self.checkpoint.best = min(history["val_loss"])\n',
        "",
        "test_the_best_epoch_before",
    ),
    in_helper(
        "variance of the fused batch norm divided by n - 1",
        "batch_norm",
        "variance * (ops.maximum(count - 1, 1) / count)",
        "variance",
        "test_training_step_is_keras_s",
    ),
    in_helper(
        "changed file taken for unchanged",
        "caching",
        "status.st_size, status.st_ino, status.st_mtime_ns",
        "0, 0, 0",
        "test_a_changed_file",
    ),
]

# Faults that only long runs see


def knob_tests(name):
    """Return the arguments of pytest for the test of a knob, or of cells that run "twice"."""
    words = "twice" if name == "twice" else f"{SEGMENTATION}-{name}"
    return ("tests/test_knobs.py", "-m", "slow", "-k", words)


SLOW = [
    Mutant(
        "metric off by 1 %, in the notebook",
        in_cell("def segmentation_scores", "float(np.nanmean(iou))", "1.01 * float(np.nanmean(iou))"),
        r"numbers in stdout differ.*\| trivial =",
    ),
    Mutant(
        "parallel random map",
        in_cell(
            "step-9.2-7",
            "keras.utils.set_random_seed(SEED)\n",
            """\
keras.utils.set_random_seed(SEED)
import tensorflow as tf

def brighten(image):
    return tf.cast(image, "float32") + tf.random.uniform([], -20, 20)

brighter = tf.data.Dataset.from_tensor_slices(train_images).map(brighten, num_parallel_calls=8)
train_images = np.stack(list(brighter.as_numpy_iterator()))
""",
        ),
        r"digests differ: .*oxford_segmentation\.keras",
        ("tests/test_determinism.py", "-m", "slow"),
    ),
    Mutant(
        "knob without effect",
        in_cell("step-9.2-7", "epochs=EPOCHS,\n", "epochs=1,\n"),
        "EPOCHS.*no effect",
        knob_tests("EPOCHS"),
    ),
    Mutant(
        "cell that cannot run twice",
        in_cell("step-9.2-7", "keras.utils.set", "MODELS.mkdir(parents=True)\nkeras.utils.set"),
        "FileExistsError",
        knob_tests("twice"),
    ),
    Mutant(
        "knob that breaks",
        in_cell(
            "step-9.2-5",
            "val_images = images[:-VALIDATION], images[-VALIDATION:]",
            "val_images = images[:-VALIDATION], images[-4:]",
        ),
        "Data cardinality is ambiguous",
        knob_tests("VALIDATION"),
    ),
]

# What must pass

ALL_OF_9_3 = (f"notebooks/{ARCHITECTURES}.ipynb",)
ALL_OF_9_4 = (f"notebooks/{INTERPRETING}.ipynb",)
SOUND = [
    Mutant("sound", nothing, None),
    Mutant(
        "metric off within its tolerance",
        in_cell("def segmentation_scores", "float(np.nanmean(iou))", "1.0005 * float(np.nanmean(iou))"),
        None,
    ),
    # Other processors round differently, and training carries that far: here vector instructions of older ones,
    # then convolutions of another library.
    Mutant("another processor", nothing, None, environment={"ONEDNN_MAX_CPU_ISA": "AVX2"}),
    Mutant("another convolution", nothing, None, environment={"TF_ENABLE_ONEDNN_OPTS": "0"}),
    Mutant("another processor, 9.3", nothing, None, ALL_OF_9_3, {"ONEDNN_MAX_CPU_ISA": "AVX2"}),
    Mutant("another convolution, 9.3", nothing, None, ALL_OF_9_3, {"TF_ENABLE_ONEDNN_OPTS": "0"}),
    Mutant("another processor, 9.4", nothing, None, ALL_OF_9_4, {"ONEDNN_MAX_CPU_ISA": "AVX2"}),
    Mutant("another convolution, 9.4", nothing, None, ALL_OF_9_4, {"TF_ENABLE_ONEDNN_OPTS": "0"}),
]

FAST = [*STORED, *KERNEL]  # part of every `make test`
MUTANTS = [*FAST, *LESSON, *TESTED, *SLOW, *SOUND]


def main():
    """Print a table of the mutants and what caught them; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", default="", metavar="TEXT", help="mutants whose name starts so")
    parser.add_argument("--repeat", type=int, default=1, metavar="N", help="try each N times")
    parser.add_argument("-j", type=int, default=2, metavar="N", help="how many at once")
    options = parser.parse_args()
    chosen = [mutant for mutant in MUTANTS if mutant.name.startswith(options.only)] * options.repeat
    if not chosen:
        parser.error(f"no mutant {options.only}; there are:\n  " + "\n  ".join(mutant.name for mutant in MUTANTS))

    def tried(mutant):
        folder = Path(tempfile.mkdtemp(prefix="mutant-"))
        try:
            return judge(mutant, folder)
        finally:
            shutil.rmtree(folder)

    with ThreadPoolExecutor(options.j) as pool:
        verdicts = list(tqdm(pool.map(tried, chosen), total=len(chosen), unit="mutant", disable=None))
    width = max(len(mutant.name) for mutant in chosen)
    for mutant, verdict in zip(chosen, verdicts, strict=True):
        result = ("sound" if mutant.says is None else "caught") if verdict.right else "WRONG"
        print(f"{mutant.name:{width}}  {result:6}  {verdict.seconds:4.0f} s  {verdict.told[:110]}")
        if not verdict.right:
            print(verdict.text)
    for kind, faulty in (("caught", True), ("passed, as they must,", False)):
        right = [
            verdict.right
            for mutant, verdict in zip(chosen, verdicts, strict=True)
            if (mutant.says is not None) == faulty
        ]
        print(f"{sum(right)} {kind} of {len(right)}")
    return int(not all(verdict.right for verdict in verdicts))


if __name__ == "__main__":
    sys.exit(main())
