"""Planted faults of section 9.4."""

from functools import partial

from .planting import caught_by_test, in_helper

INTERPRETING = "9_4_interpreting_convnets"
APPENDIX = "9_5_are_heatmaps_right"

in_interpreting = partial(caught_by_test, stem=INTERPRETING)
in_appendix = partial(caught_by_test, stem=APPENDIX)

MUTANTS = [
    in_helper(
        "probability instead of logit",
        "grad_cam",
        '| {"name": f"{step.layer.name}_logits", "activation": "linear"}',
        '| {"name": f"{step.layer.name}_logits"}',
        "test_grad_cam_against_finite",
    ),
    in_helper(
        "probability for logit behind a Reshape",
        "grad_cam",
        "FORMS = layers.Reshape | layers.Flatten",
        "FORMS = layers.Flatten",
        "test_score_is_the_logit",
    ),
    in_helper(
        "cut at a preprocessing layer",
        "grad_cam",
        "if _is_convolution(step.layer) or not convolved",
        "if True or not convolved",
        "test_fine_tuned",
    ),
    in_helper(
        "wrong one of two outputs",
        "grad_cam",
        "self.outputs[self.output_names.index(output)]",
        "self.outputs[0]",
        "test_two_outputs",
    ),
    in_helper(
        "signal that goes around the cut",
        "grad_cam",
        "if not self._goes_around(maps[name], target)",
        "if True",
        "test_network_is_split_where",
    ),
    in_helper(
        "gradient pooled over the batch",
        "grad_cam",
        "axis=(1, 2), keepdims=True)  #",
        "axis=(0, 1, 2), keepdims=True)  #",
        "test_grad_cam_against_finite",
    ),
    in_helper(
        "maps of the training mode",
        "grad_cam",
        "features.predict_on_batch(_unpack(arrays))",
        "features(_unpack(arrays), training=True)",
        "test_fine_tuned",
    ),
    in_helper(
        "statistics lost in a copy",
        "networks",
        "copy.load_weights(file)",
        "copy.set_weights(model.get_weights())",
        "test_efficientnet_from_a_file",
    ),
    in_helper(
        "sanity check without destruction",
        "networks",
        "copy.get_layer(name).set_weights(weights)",
        "pass",
        "test_copy_has_new_weights",
    ),
    in_helper(
        "the first of two classes of one name",
        "networks",
        "if len(found) > 1:",
        "if False:",
        "test_class_that_is_not_there_or_several",
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
        "heatmap upside down",
        "def lay_over",
        "fine = resize(heatmap[np.newaxis], picture.shape[:2])[0]",
        "fine = resize(heatmap[np.newaxis, ::-1], picture.shape[:2])[0]",
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
        "weights that are not destroyed",
        "def destroy",
        "set_weights(fresh.get_layer(name).get_weights())",
        "set_weights(copy.get_layer(name).get_weights())",
        "test_weights_that_are_new",
    ),
    in_interpreting(
        "pattern without the blur", "def grow_pattern", "blurred = blur and", "blurred = False and", "test_blur_leaves"
    ),
    in_interpreting(
        "worst blob taken for the best", "best_width =", "best_width = max(", "best_width = min(", "test_best_blob"
    ),
    in_appendix("darkest place covered", "def cover", "heatmap.argmax()", "heatmap.argmin()", "test_cover_hides"),
    in_appendix(
        "HiResCAM with a pooled gradient",
        "def hires_cam",
        "tape.gradient(scores, maps) *",
        "ops.mean(tape.gradient(scores, maps), axis=(1, 2), keepdims=True) *",
        "test_hires_cam",
    ),
]
