"""Planted faults of section 9.4."""

from functools import partial

from .planting import caught_by_test

INTERPRETING = "9_4_interpreting_convnets"

in_interpreting = partial(caught_by_test, stem=INTERPRETING)

MUTANTS = [
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
