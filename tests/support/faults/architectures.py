"""Planted faults of section 9.3."""

from functools import partial

from .planting import caught_by_test

ARCHITECTURES = "9_3_convnet_architectures"
SKIP = "        x = layers.add([x, residual])\n"
NORMALISE = "        x = layers.BatchNormalization(momentum=momentum)(x)\n"
RELU = '        x = layers.Activation("relu")(x)\n'
POOL = "        x = layers.MaxPooling2D(3, strides=2"

in_architectures = partial(caught_by_test, stem=ARCHITECTURES)

MUTANTS = [
    in_architectures("skip connection left out", "def build_mini_xception", SKIP, "", "test_projection_is"),
    in_architectures(
        "skip around half of the block",
        "def build_mini_xception",
        POOL,
        "        residual = x\n" + POOL,
        "test_projection_is",
    ),
    in_architectures(
        "activation before batch norm",
        "def build_mini_xception",
        "        residual = x\n" + NORMALISE + RELU,
        "        residual = x\n" + RELU + NORMALISE,
        "test_order_in_a_block",
    ),
    in_architectures(
        "ordinary convolution for a separable one",
        "def build_mini_xception",
        'layers.SeparableConv2D(size, 3, padding="same", use_bias=False)(x)\n        x = layers.MaxPooling2D',
        'layers.Conv2D(size, 3, padding="same", use_bias=False)(x)\n        x = layers.MaxPooling2D',
        "test_mini_xception_is",
    ),
    in_architectures(
        "ablation of another network",
        "def build_variant",
        "Rescaling(1 / 255)",
        "Rescaling(1 / 127)",
        "test_network_with_all_parts",
    ),
    in_architectures(
        "skip of the ablation multiplied by 0",
        "def build_variant",
        "layers.Conv2D(size, 1, use_bias=False)(skip)])",
        "0 * layers.Conv2D(size, 1, use_bias=False)(skip)])",
        "test_network_with_all_parts",
    ),
    in_architectures(
        "trained on a tenth of the pictures",
        "def train_classifier",
        'train = Batches(*pictures["train"], batch_size, shuffled=True)',
        'train = Batches(*(part[::10] for part in pictures["train"]), batch_size, shuffled=True)',
        "test_training_uses_the_training_pictures",
    ),
    in_architectures(
        "augmentation active at test time",
        "def build_mini_xception",
        "x = build_augmentation(rotation, zoom)(inputs)",
        "x = layers.Lambda(lambda images: images + 9 * keras.random.uniform(()))(inputs)",
        "test_augmentation_and_dropout_act_in_training_only",
    ),
    in_architectures(
        "dropout active at test time",
        "def build_mini_xception",
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
        "BOOK = {",
        'low, high = binomtest(correct, total).proportion_ci(confidence_level=0.95, method="wilson")',
        "half = 1.96 * math.sqrt(correct / total * (1 - correct / total) / total)\n"
        "    low, high = correct / total - half, correct / total + half",
        "test_accuracy_is_that_of_the_test_pictures",
    ),
    in_architectures(
        "one ablation seed for all",
        "def train_variant",
        "keras.utils.set_random_seed(seed)\n",
        "keras.utils.set_random_seed(SEED)\n",
        "test_ablation_tries_all_eight",
    ),
    in_architectures(
        "ablation on the training pictures",
        "def train_variant",
        'small_pictures["test"]',
        'small_pictures["train"]',
        "test_ablation_tries_all_eight",
    ),
]
