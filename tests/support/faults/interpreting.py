"""Planted faults of section 9.4."""

from functools import partial

from .planting import caught_by_test, in_helper

INTERPRETING = "9_4_interpreting_convnets"

in_interpreting = partial(caught_by_test, stem=INTERPRETING)

MUTANTS = [
    in_helper(
        "probability instead of logit",
        "cuts",
        '| {"name": f"{last.name}_logits", "activation": "linear"}',
        '| {"name": f"{last.name}_logits"}',
        "test_logits_belong",
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
        "def compute_loss",
        "ops.take(activation, filter_index, axis=-1)",
        "ops.take(activation, filter_index - 1, axis=-1)",
        "test_loss_is",
    ),
    in_interpreting(
        "a trace per filter",
        "def grow_pattern",
        "ops.convert_to_tensor(filter_index), ops.convert_to_tensor(RATE)",
        "filter_index, RATE",
        "test_ascent_raises_every_filter",
    ),
    in_interpreting(
        "pattern beyond the valid range",
        "def grow_pattern",
        "ops.clip(image, -1, 1) if in_range",
        "image if in_range",
        "test_ascent_raises_every_filter",
    ),
    in_interpreting(
        "heatmap not resized to the picture",
        "def lay_over",
        "fine = resize(heatmap[np.newaxis], picture.shape[:2])[0]",
        "fine = np.pad(heatmap, [(0, a - b) for a, b in zip(picture.shape, heatmap.shape)])",
        "test_heatmap_over_a_picture",
    ),
    in_interpreting(
        "colour scale per picture", "figure-9.19", "(0, 1)", "(0, heatmap.mean())", "test_heatmap_has_the_same_colours"
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
