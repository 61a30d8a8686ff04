"""Planted faults of section 9.2."""

from .engine import SEGMENTATION, Mutant
from .planting import caught_by_test, clear_one_output, exchange_figures, in_cell, in_cells, in_file

PETS = "notebooks/helpers/pets.py"
PLOTS = "notebooks/helpers/plots.py"
KNOBS = ("tests/lessons/test_knobs.py", "-m", "slow", "-k")
SHOWN = r"a figure differs.*plots.show_columns\(train_input_imgs"
CURVES = "plots.show_curves(history"
SWAPPED = 'history = {"loss": history["val_loss"], "val_loss": history["loss"]}\n'

# Before the training, seen in the notebook
MUTANTS = [
    Mutant("output of one cell cleared", in_cells(clear_one_output), "cell 3: no output is stored"),
    Mutant(
        "swapped figures", in_cells(exchange_figures("figure-9.1", "figure-9.2")), r"a figure .*\| pet = sample_pets"
    ),
    Mutant(
        "exception swallowed",
        in_cell(
            "list_pets(PETS)",
            "input_img_paths, target_paths = list_pets(PETS)\n",
            "input_img_paths = []\ntry:\n    input_img_paths, target_paths = list_pets('pets')\n"
            "except OSError:\n    pass\nif input_img_paths:\n    ",
        ),
        r"other kinds of outputs.*\| except OSError:",
    ),
    Mutant(
        "another colour map",
        in_file(PLOTS, "cmap=ListedColormap(list(choose_colors(names).values()))", "cmap='viridis'"),
        r"a figure differs.*\| pet =",
    ),
    Mutant(
        "class names of a legend exchanged",
        in_file(
            PLOTS,
            "for name, color in choose_colors(names).items()]",
            "for name, color in zip(reversed(names), choose_colors(names).values())]",
        ),
        r"a figure differs.*\| pet = ",
    ),
    Mutant(
        "class colours exchanged in legend and picture alike",
        in_file(
            PLOTS,
            'CLASS_COLORS = {"animal": "#E69F00", "background": "#0B3C5D"',
            'CLASS_COLORS = {"animal": "#0B3C5D", "background": "#E69F00"',
        ),
        r"a figure differs.*\| pet = ",
    ),
    Mutant(
        "masks resized bilinear and rounded",
        in_file(
            PETS,
            "partial(_to_classes, classes=classes)), size, Image.Resampling.NEAREST)",
            "partial(_to_classes, classes=classes)), size, Image.Resampling.BILINEAR)",
        ),
        "def test_masks_are_resized_by_nearest",
        ("tests/helpers/test_pets.py",),
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
        in_cell(
            "num_imgs, num_val_samples =",
            "Random(SEED).shuffle(shuffled_targets)",
            "Random(SEED + 1).shuffle(shuffled_targets)",
        ),
        "ValueError: Picture .* meets trimap",
    ),
    Mutant(
        "order shuffled with another seed",
        in_cell(
            "num_imgs, num_val_samples =",
            "shuffled_inputs, shuffled_targets = list",
            "SEED += 1\nshuffled_inputs, shuffled_targets = list",
        ),
        r"stdout differs.*\| for name, array in",
    ),
    Mutant("wrong seed", in_cell("parameters", "SEED = 1337", "SEED = 1338"), r"a figure .*\| pet ="),
    Mutant(
        "wrong split",
        in_cell(
            "num_imgs, num_val_samples =",
            "train_input_imgs, val_input_imgs =",
            "input_imgs, targets = (np.roll(array, VALIDATION, 0) for array in (input_imgs, targets))\n"
            "train_input_imgs, val_input_imgs =",
        ),
        SHOWN,
    ),
    Mutant(
        "validation pictures among the training pictures",
        in_cell("num_imgs, num_val_samples =", "= input_imgs[:-num_val_samples],", "= input_imgs,"),
        "expected 2700, actual 3000",
    ),
    Mutant(
        "nearest for pictures",
        in_file(PETS, "picture, size, Image.Resampling.BILINEAR", "picture, size, Image.Resampling.NEAREST"),
        SHOWN,
    ),
    Mutant(
        "bilinear for masks",
        in_file(PETS, "mask, size, Image.Resampling.NEAREST", "mask, size, Image.Resampling.BILINEAR"),
        SHOWN,
    ),
    Mutant(
        "another width in the network",
        in_cell(
            "step-9.2-6", "layers.Conv2DTranspose(width, 3, padding", "layers.Conv2DTranspose(width + 1, 3, padding"
        ),
        "(?s)differs.*get_model",
    ),
    Mutant(
        "names of the dots' networks exchanged",
        in_cell("def build_dot_network", 'halve == "strides"', 'halve != "strides"'),
        r"numbers in stdout differ.*expected 0.92, actual 0.55",
    ),
]

# In and after the training, seen by the tests of the notebook's own definitions
MUTANTS += [
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
        "Batches(train_input_imgs, train_targets",
        "Batches(input_imgs, targets",
        "test_training_uses_the_training_pictures",
    ),
    caught_by_test(
        "curves of training and validation exchanged", "step-9.2-8", CURVES, SWAPPED + CURVES, "test_curves_are"
    ),
    caught_by_test(
        "best taken for worst", "picture-scores", "argsort(picture", "argsort(-picture", "test_worst_and_best"
    ),
    caught_by_test(
        "masks of other pictures",
        "worst-and-best",
        "(val_input_imgs, val_targets, predictions)",
        "(val_input_imgs, val_targets[::-1], predictions)",
        "test_worst_and_best",
    ),
]

# Seen by long runs only
MUTANTS += [
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

brighter = tf.data.Dataset.from_tensor_slices(train_input_imgs).map(brighten, num_parallel_calls=8)
train_input_imgs = np.stack(list(brighter.as_numpy_iterator()))
""",
        ),
        r"digests differ: .*oxford_segmentation\.keras",
        ("tests/lessons/test_determinism.py", "-m", "slow"),
    ),
    Mutant(
        "knob without effect",
        in_cell("step-9.2-7", "epochs=EPOCHS,\n", "epochs=1,\n"),
        "EPOCHS.*no effect",
        (*KNOBS, f"{SEGMENTATION}-EPOCHS"),
    ),
    Mutant(
        "seed without effect",
        in_cell("setup", "keras.utils.set_random_seed(SEED)", "SEED = 1337\nkeras.utils.set_random_seed(SEED)"),
        "SEED.*no effect",
        (*KNOBS, f"{SEGMENTATION}-SEED"),
    ),
    Mutant(
        "cell that cannot run twice",
        in_cell("step-9.2-7", "keras.utils.set", "MODELS.mkdir(parents=True)\nkeras.utils.set"),
        "FileExistsError",
        (*KNOBS, "twice"),
    ),
    Mutant(
        "knob that breaks",
        in_cell(
            "num_imgs, num_val_samples =",
            "val_input_imgs = input_imgs[:-num_val_samples], input_imgs[-num_val_samples:]",
            "val_input_imgs = input_imgs[:-num_val_samples], input_imgs[-4:]",
        ),
        r"4 pictures, but \d+ labels",
        (*KNOBS, f"{SEGMENTATION}-VALIDATION"),
    ),
]
