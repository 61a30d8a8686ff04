"""The methods of section 9.4 against independent oracles, on the notebook's own definitions."""

import functools
import json
import re
from unittest import mock

import keras
import numpy as np
import pytest
from keras import layers, ops

from assets import find_asset
from helpers import grad_cam as cam
from helpers import networks
from helpers.lessons import load_lesson
from notebook_source import find_cells, run_cells, run_code

STEM = "9_4_interpreting_convnets"


@pytest.fixture(scope="module")
def notebook():
    return load_lesson(STEM, PROFILE="sample")


@pytest.fixture(scope="module")
def architectures():
    return load_lesson("9_3_convnet_architectures", PROFILE="sample")


def build_classifier(classes=3, side=12, activation="softmax", seed=1, pooled=True):
    """Return a small network from pictures to classes, its last maps called "maps"."""
    keras.utils.set_random_seed(seed)
    inputs = keras.Input((side, side, 3))
    x = layers.Conv2D(4, 3, activation="leaky_relu", name="early")(inputs)
    x = layers.Conv2D(5, 3, strides=2, activation="tanh", name="maps")(x)
    x = layers.GlobalAveragePooling2D()(x) if pooled else layers.Flatten()(x)
    x = x if pooled else layers.Dense(6, activation="tanh")(x)
    return keras.Model(inputs, layers.Dense(classes, activation=activation, name="answer")(x))


def draw_pictures(count=4, side=12, seed=0):
    return np.random.default_rng(seed).random((count, side, side, 3), "float32")


# Activations


def test_activation_model_has_the_book_s_outputs(notebook, architectures, capsys):  # C-15, C-16
    baseline = architectures.build_baseline(180)
    batch = np.zeros((1, 180, 180, 3), "float32")
    namespace = run_cells(notebook, "listing-9.8", "listing-9.9", "step-9.4-1", baseline=baseline, img_tensor=batch)
    sides = [178, 89, 87, 43, 41, 20, 18, 9, 7]
    channels = [32, 32, 64, 64, 128, 128, 256, 256, 256]
    shapes = [(1, side, side, count) for side, count in zip(sides, channels, strict=True)]
    assert [maps.shape for maps in namespace.activations] == shapes
    assert "9 outputs" in capsys.readouterr().out
    kinds = [re.sub(r"_\d+$", "", name) for name in namespace.layer_names]
    assert kinds == ["conv2d", *["max_pooling2d", "conv2d"] * 4]


def test_gray_channels_have_a_scale_of_their_own(notebook):
    dice = np.random.default_rng(0)
    maps = dice.normal([5, 0, -300], [1, 0.1, 20], (50, 40, 3)).astype("float32")
    maps = np.concatenate([maps, np.zeros((50, 40, 1)), np.full((50, 40, 1), 7.0)], axis=-1)
    kept = maps.copy()
    gray = notebook.to_gray(maps)
    assert (gray.dtype, gray.shape) == (np.uint8, (5, 50, 40))
    np.testing.assert_allclose(gray[:3].mean((1, 2)), 128, atol=1.5)
    np.testing.assert_allclose(gray[:3].std((1, 2)), 64, atol=4)
    assert (gray[3].max(), set(gray[4].ravel())) == (0, {128})
    np.testing.assert_array_equal(maps, kept)


def test_networks_are_those_of_the_last_run_of_9_3(notebook, tmp_path, capsys):
    load = mock.Mock()
    knobs = {"BUILD": str(tmp_path), "PROFILE": "sample", "DATA": "pets", "load_lesson": load}
    (tmp_path / "models/sample").mkdir(parents=True)
    for noted, told in (({}, "9.3\n"), ({"EPOCHS": 8, "ZOOM": 0.2}, "9.3, but EPOCHS = 8, ZOOM = 0.2\n")):
        (tmp_path / "models/sample/9_3.json").write_text(json.dumps(noted))
        run_cells(notebook, "networks", **knobs)
        assert capsys.readouterr().out.endswith(told)
        assert load.call_args.kwargs == {"BUILD": str(tmp_path), "PROFILE": "sample", "DATA": "pets"} | noted


def test_silence_is_counted(notebook):
    maps = np.ones((4, 6, 6, 5), "float32")
    maps[..., 0] = 0  # silent in all pictures
    maps[0, ..., 1] = 0  # silent in one of four
    maps[:, 0, 0, 2] = 0  # zero at one place
    model = mock.Mock(predict_on_batch=lambda images: [images[..., :5], images[..., 2:]], outputs=[0, 1])
    silent, zero, dead = notebook.measure_silence(model, maps, batch_size=3)
    np.testing.assert_allclose(silent, [(4 + 1) / 20, 0])
    np.testing.assert_allclose(dead, [1 / 5, 0])
    np.testing.assert_allclose(zero, [(4 * 36 + 36 + 4) / (20 * 36), 4 / (12 * 36)])


# Filter patterns


@pytest.fixture(scope="module")
def extractor():
    network = build_classifier(side=16)
    maps = keras.Model(network.input, network.get_layer("early").output)
    return lambda image: maps(image / 2 + 0.5, training=False)


@pytest.mark.parametrize("index", [0, 2])
def test_loss_is_the_mean_of_one_channel_without_its_border(notebook, index):  # S9.4-2
    maps = np.random.default_rng(0).random((1, 9, 8, 3), "float32")
    loss = notebook.compute_loss(lambda image: image, ops.convert_to_tensor(maps), ops.convert_to_tensor(index))
    assert float(loss) == pytest.approx(maps[:, 2:-2, 2:-2, index].mean(), rel=1e-6)
    small = maps[:, :4, :4]
    loss = notebook.compute_loss(lambda image: image, ops.convert_to_tensor(small), ops.convert_to_tensor(index))
    assert float(loss) == pytest.approx(small[..., index].mean(), rel=1e-6)


def test_extractor_takes_pixels_of_any_network(notebook):  # L9.14
    network = build_classifier(side=16)
    build = functools.partial(notebook.build_extractor, network, "early")
    images = draw_pictures(2, 16) * 2 - 1
    expected = keras.Model(network.input, network.get_layer("early").output)
    for prepare, seen in ((lambda pictures: pictures, 127.5 * (images + 1)), (lambda pictures: pictures / 255, None)):
        inputs = images / 2 + 0.5 if seen is None else seen
        np.testing.assert_allclose(build(prepare)(images), expected(inputs), rtol=1e-4, atol=1e-4)


def test_layers_and_filters_that_are_not_there_are_told(notebook):
    network = build_classifier(side=16)
    names = {"base": network, "prepare_for_base": lambda pictures: pictures}
    build = find_cells(STEM, "base")[-1]
    with pytest.raises(ValueError, match="FILTER is 5; expected 0 to 4, the filters of maps"):
        run_code(notebook, build, **names, FILTER_LAYERS=("maps",), FILTER=5)
    with pytest.raises(ValueError, match="FILTER_LAYERS names nothing; expected convolutions"):
        run_code(notebook, build, **names, FILTER_LAYERS=("maps", "nothing"), FILTER=0)


def test_ascent_step_goes_along_the_gradient_by_its_rate(notebook, extractor):  # L9.16, erratum 8
    image, index = ops.convert_to_tensor(draw_pictures(1, 16) - 0.5), ops.convert_to_tensor(1)
    after, loss = notebook.gradient_ascent_step(extractor, image, index, ops.convert_to_tensor(0.25))
    step = ops.convert_to_numpy(after - image)
    assert np.sqrt((step.astype("float64") ** 2).sum()) == pytest.approx(0.25, rel=1e-4)

    def respond(values):
        return float(notebook.compute_loss(extractor, values, index))

    assert float(loss) == pytest.approx(respond(image), rel=1e-5)
    ahead, behind = (respond(image + sign * 0.04 * step) for sign in (1, -1))
    sideways = np.random.default_rng(1).permutation(step.ravel()).reshape(step.shape)
    assert ahead - behind > 3 * abs(respond(image + 0.04 * sideways) - respond(image - 0.04 * sideways))


def grow(notebook, *arguments, steps=20, rate=1.0, **options):
    with mock.patch.dict(notebook.grow_pattern.__globals__, {"STEPS": steps, "RATE": rate}):
        return notebook.grow_pattern(*arguments, seed=3, **options)


@pytest.mark.parametrize("blur", [False, True])
def test_ascent_raises_every_filter_stays_in_range_and_is_compiled_once(notebook, blur):
    network = build_classifier(side=24)
    extractor = notebook.build_extractor(network, "maps", lambda pictures: pictures / 255)
    before = notebook.gradient_ascent_step.experimental_get_tracing_count()
    for index in range(5):
        pattern, losses = grow(notebook, extractor, index, 24, blur=blur)
        assert losses[-1] > losses[0]
        assert len(losses) == 21
        assert (pattern.shape, pattern.min() >= -1, pattern.max() <= 1) == ((24, 24, 3), True, True)
    assert notebook.gradient_ascent_step.experimental_get_tracing_count() - before == 1  # erratum 11


def test_ascent_starts_near_gray_and_without_range_as_the_book_s(notebook, extractor):  # erratum 7, L9.17
    start, _ = grow(notebook, extractor, 0, 16, steps=0)
    assert 0.05 < np.abs(start).max() <= 0.1
    plain = {"in_range": False, "shrinking": False, "blur": False}
    start, _ = grow(notebook, extractor, 0, 16, steps=0, **plain)
    assert (0.4 <= start.min() < 0.45, 0.55 < start.max() <= 0.6) == (True, True)
    pattern, losses = grow(notebook, extractor, 0, 16, steps=30, rate=5.0, **plain)
    assert np.abs(pattern).max() > 1
    knobs = {"STEPS": 30, "RATE": 5.0, "pattern_size": 16}
    with mock.patch.dict(notebook.generate_filter_pattern.__globals__, knobs):
        printed, printed_losses = notebook.generate_filter_pattern(extractor, 0, seed=3)
    np.testing.assert_array_equal(printed, pattern)
    assert printed_losses == losses


def test_blur_leaves_no_noise(notebook, extractor):
    rough, smooth = (
        np.abs(np.diff(grow(notebook, extractor, 1, 16, steps=10, blur=blur)[0], axis=0)).mean()
        for blur in (False, True)
    )
    assert smooth < 0.7 * rough


def test_a_filter_that_never_responds_gives_no_nan(notebook):
    network = build_classifier(side=16)
    early = network.get_layer("early")
    early.set_weights([np.zeros(early.kernel.shape), np.zeros(4)])
    extractor = notebook.build_extractor(network, "early", lambda pictures: pictures)
    pattern, losses = grow(notebook, extractor, 0, 16, steps=3)
    assert np.isfinite(pattern).all()
    assert losses == [0, 0, 0, 0]


def test_pattern_to_picture(notebook):  # L9.18
    pattern = np.random.default_rng(0).normal(3, 0.01, (40, 30, 3)).astype("float32")
    kept = pattern.copy()
    picture = notebook.deprocess_image(pattern, 5)
    assert (picture.dtype, picture.shape) == (np.uint8, (30, 20, 3))
    assert notebook.deprocess_image(pattern).mean() == pytest.approx(128, abs=1)
    assert notebook.deprocess_image(pattern).std() == pytest.approx(64, abs=3)
    np.testing.assert_array_equal(pattern, kept)
    assert set(notebook.deprocess_image(np.ones((4, 4, 3))).ravel()) == {128}
    with pytest.raises(ValueError, match="CROP is 15; expected less than half of the pattern's 30 pixels"):
        notebook.deprocess_image(pattern, 15)


def test_patterns_of_a_layer_are_saved_as_one_picture(notebook, tmp_path):  # L9.19, erratum 1
    base = keras.Model((network := build_classifier(side=16)).input, network.get_layer("maps").output)
    knobs = {"pattern_size": 16, "STEPS": 2, "RATE": 1.0, "CROP": 1, "SEED": 1, "FIGURES": tmp_path}
    names = {"base": base, "prepare_for_base": lambda pictures: pictures / 255}
    with mock.patch.dict(notebook.show_patterns.__globals__, knobs | names):
        grid, losses = notebook.show_patterns("maps", 4)
    assert (grid.shape, losses.shape) == ((2 * 14 + 5, 2 * 14 + 5, 3), (4, 3))
    assert (tmp_path / "filters_for_layer_maps.png").exists()


# Grad-CAM against oracles


def halve(notebook, network, name):
    """Return features and head, which answers with logits."""
    return cam.split_at(network, name)


@pytest.mark.parametrize("classes", [1, 3])
def test_saturated_prediction_still_has_a_map(notebook, classes):  # erratum 12
    network = build_classifier(classes, activation="softmax" if classes > 1 else "sigmoid")
    kernel, bias = network.get_layer("answer").get_weights()
    bias[-1] = 200
    network.get_layer("answer").set_weights([kernel, bias])
    pictures = draw_pictures()
    index = 1 if classes == 1 else 2
    assert notebook.predict_classes(network, pictures)[:, index] == pytest.approx([1] * 4, abs=1e-30)
    raw = notebook.grad_cam(*halve(notebook, network, "maps"), pictures, notebook.class_score(index))
    assert np.abs(raw).max() > 1e-4
    faded = notebook.grad_cam(*halve(notebook, network, "maps"), pictures, notebook.class_probability(index))
    assert np.abs(faded).max() == 0


def test_map_that_is_negative_everywhere_gives_zeros(notebook):  # erratum 12
    heatmap = notebook.to_heatmap(-np.ones((3, 3), "float32"))
    np.testing.assert_array_equal(heatmap, np.zeros((3, 3)))
    heatmap = notebook.to_heatmap(np.array([[-1.0, 2.0], [4.0, 0.0]]))
    np.testing.assert_array_equal(heatmap, [[0, 0.5], [1, 0]])


def test_arguments_are_never_modified(notebook):  # erratum 10
    network, pictures = build_classifier(), draw_pictures()
    raw, picture = np.random.default_rng(0).normal(size=(3, 3)), draw_pictures(1, 9)[0]
    kept = pictures.copy(), raw.copy(), picture.copy()
    for array in (pictures, raw, picture):
        array.flags.writeable = False
    notebook.grad_cam(*halve(notebook, network, "maps"), pictures, notebook.class_score(0))
    heatmap = notebook.to_heatmap(raw)
    before = heatmap.copy()
    heatmap.flags.writeable = False
    notebook.lay_over(picture, heatmap)
    for now, then in zip((pictures, raw, picture, heatmap), (*kept, before), strict=True):
        np.testing.assert_array_equal(now, then)


def test_class_scores_of_one_logit_are_opposite(notebook):
    logits = ops.convert_to_tensor([[3.0], [-2.0]])
    cat, dog = (np.array(notebook.class_score(index)(logits)) for index in (0, 1))
    np.testing.assert_array_equal(dog, [3, -2])
    np.testing.assert_array_equal(cat, -dog)
    np.testing.assert_array_equal(notebook.class_score(np.array([1, 0]))(logits), [3, 2])
    many = ops.convert_to_tensor([[1.0, 5.0, 2.0]])
    np.testing.assert_array_equal(notebook.class_score(2)(many), [2])
    pair = ops.concatenate([many, many + 10], axis=0)
    np.testing.assert_array_equal(notebook.class_score(np.array([1, 2]))(pair), [5, 12])
    np.testing.assert_allclose(notebook.class_probability(1)(many), ops.softmax(many)[:, 1], rtol=1e-6)
    np.testing.assert_allclose(notebook.class_probability(1)(logits), ops.sigmoid(logits)[:, 0], rtol=1e-6)


def test_class_is_chosen(notebook):
    names = {"labels": ["cat", "dog"], "class_names": [("n1", "cat"), ("n2", "dog")], "top_pred_index": 1}
    for chosen, index in ((None, 1), ("cat", 0), ("n2", 1), (0, 0), (1, 1)):
        assert run_cells(notebook, "class", **names, CLASS=chosen).explained == index
    with pytest.raises(ValueError, match=r"CLASS is 'cow', none of the 2 classes"):
        run_cells(notebook, "class", **names, CLASS="cow")


def test_probabilities_of_one_output_are_those_of_two_classes(notebook):
    network = build_classifier(1, activation="sigmoid")
    probabilities = notebook.predict_classes(network, draw_pictures())
    np.testing.assert_allclose(probabilities[:, 1], network.predict(draw_pictures(), verbose=0)[:, 0])
    np.testing.assert_allclose(probabilities.sum(1), 1, rtol=1e-6)


def test_mask_score_counts_the_pixels_of_the_mask_alone(notebook):
    logits = np.random.default_rng(0).normal(size=(2, 4, 4, 3)).astype("float32")
    mask = np.zeros((4, 4), bool)
    mask[1, 2:] = True
    score = np.array(notebook.mask_score(mask, 1)(logits))
    np.testing.assert_allclose(score, logits[:, 1, 2:, 1].mean(1), rtol=1e-5)
    assert np.array(notebook.mask_score(np.zeros((4, 4)), 1)(logits)).tolist() == [0, 0]


def test_book_s_cut_gives_the_network_s_answer(notebook):  # L9.22, L9.23
    keras.utils.set_random_seed(1)
    model, picture = keras.applications.Xception(weights=None), draw_pictures(1, 299)
    namespace = run_cells(notebook, "listing-9.22", "listing-9.23", model=model)
    assert namespace.last_conv_layer_name == cam.choose_layer(model)
    answer = namespace.classifier_model(namespace.last_conv_layer_model(picture))
    np.testing.assert_allclose(answer, model(picture), rtol=1e-4)


def test_most_likely_classes_come_in_keras_s_form(notebook):  # S9.4-4
    preds = np.array([[0.1, 0.7, 0.2], [0.5, 0.3, 0.2]])
    names = {"class_names": [("n1", "cat"), ("n2", "dog"), ("n3", "cow")]}
    with mock.patch.dict(notebook.decode_predictions.__globals__, names):
        decoded = notebook.decode_predictions(preds, top=2)
    assert decoded == [[("n2", "dog", 0.7), ("n3", "cow", 0.2)], [("n1", "cat", 0.5), ("n2", "dog", 0.3)]]


def test_augmentation_is_off(notebook, architectures):
    network = architectures.build_mini_xception(24, (2, 3), rotation=0.2, zoom=0.4)
    pictures = 255 * draw_pictures(3, 24)
    name = cam.choose_layer(network)
    halves, score = halve(notebook, network, name), notebook.class_score(0)
    first, second = (notebook.grad_cam(*halves, pictures, score) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    extractor = notebook.build_extractor(network, name, lambda values: values)
    image, index = ops.convert_to_tensor(pictures[:1] / 255), ops.convert_to_tensor(0)
    assert len({float(notebook.compute_loss(extractor, image, index)) for _ in range(3)}) == 1


def test_heatmap_over_a_picture_has_the_picture_s_size(notebook):
    picture = np.full((20, 30, 3), 100, np.uint8)
    heatmap = np.zeros((2, 3), "float32")
    heatmap[1, 2] = 1
    overlay = notebook.lay_over(picture, heatmap, "gray", 0.5)
    assert (overlay.dtype, overlay.shape) == (np.uint8, picture.shape)
    assert (overlay[0, 0].tolist(), overlay[-1, -1].tolist()) == ([50] * 3, [178] * 3)
    np.testing.assert_array_less(overlay[-1, 15:24, 0], overlay[-1, 16:25, 0])  # smooth between the two
    np.testing.assert_array_equal(notebook.lay_over(picture, heatmap, opacity=0), picture)


def test_heatmap_has_the_same_colours_in_every_picture(notebook):  # F9.19
    names = {"raw_heatmap": np.array([[2.0, 4.0]]), "explained": 0, "labels": ["a"], "COLORMAP": "magma"}
    namespace = run_cells(notebook, "figure-9.19", **names)
    assert namespace.axes[0].images[0].get_clim() == (0, 1)


# Scores


def test_energy_share(notebook):
    heatmaps = np.zeros((3, 4, 4), "float32")
    heatmaps[0, :2] = 1
    heatmaps[1, 0, 0], heatmaps[1, 3, 3] = 3, 1
    inside, counted = np.zeros((3, 4, 4), bool), np.ones((3, 4, 4), bool)
    inside[:, 0] = True
    counted[1, 3, 3] = False
    np.testing.assert_allclose(notebook.energy_share(heatmaps, inside), [0.5, 0.75, np.nan])
    np.testing.assert_allclose(notebook.energy_share(heatmaps, inside, counted), [0.5, 1, np.nan])


def test_blob_is_in_the_centre(notebook):
    blob = notebook.centred_blob(31, 41)
    assert blob.shape == (31, 41)
    assert np.unravel_index(blob.argmax(), blob.shape) == (15, 20)
    np.testing.assert_allclose(blob, blob[::-1, ::-1])
    assert blob[15, 0] == pytest.approx(np.exp(-2))  # the edge is two spreads away


def test_verdict_follows_the_interval_of_the_difference(notebook, capsys):
    dice = np.random.default_rng(0)
    other = dice.random(200)
    for shift, verdict in ((0.1, "better"), (-0.1, "worse"), (0.0, "no better")):
        shares = {"Grad-CAM": other + shift + dice.normal(0, 0.05, 200), "best blob": other}
        assert notebook.judge(shares) == verdict
        assert capsys.readouterr().out.endswith(f": {verdict}\n")
    mean, error = notebook.mean_and_error(np.array([1.0, 3.0, np.nan]))
    assert (mean, error) == pytest.approx((2, 1.96))
    with_gap = {"Grad-CAM": np.array([0.5, np.nan, 0.6]), "uniform map": np.array([0.1, 0.9, 0.2])}
    notebook.judge(with_gap, "uniform map")
    assert capsys.readouterr().out == "Grad-CAM less uniform map: 0.400, 95 % between 0.400 and 0.400: better\n"


def test_best_blob_of_all_widths_is_taken(notebook):
    masks = np.full((3, 21, 21), 1)  # background
    masks[:, 8:13, 8:13] = 0
    names = {"scored_masks": masks, "cam_size": (21, 21), "scored_images": masks, "classes": None, "network": None}
    names |= {"raw_maps": lambda *_: np.ones((3, 5, 5)), "last_conv_layer_name": "maps", "WIDTHS": (0.3, 0.05, 0.1)}
    code = next(code for code in find_cells(STEM, "energy") if "best_width =" in code)
    with mock.patch.dict(notebook.score_maps.__globals__, names):
        namespace = run_code(notebook, code.replace("WIDTHS = ", "_ = "), **names)
    assert namespace.best_width == 0.05
    assert namespace.on_animal["best blob"][0] > namespace.on_animal["uniform map"][0] == pytest.approx(25 / 441)
    assert namespace.on_animal["Grad-CAM"] == pytest.approx(namespace.on_animal["uniform map"], rel=1e-5)


def test_rank_correlation(notebook):
    dice = np.random.default_rng(0)
    maps = dice.random((4, 5, 6))
    maps[2] = np.maximum(maps[2] - 0.5, 0)  # ties
    others = np.stack([np.exp(maps[0]), -maps[1], np.maximum(dice.random((5, 6)) - 0.3, 0), np.ones((5, 6))])
    seen = notebook.rank_correlation(maps, others)
    ranks = [[np.mean(np.flatnonzero(np.sort(v.ravel()) == x)) for x in v.ravel()] for v in (maps[2], others[2])]
    np.testing.assert_allclose(seen, [1, -1, np.corrcoef(*ranks)[0, 1], 0], atol=1e-12)


def test_weights_that_are_new_are_not_the_ones_of_before_training(notebook, architectures):
    keras.utils.set_random_seed(7)
    network = architectures.build_mini_xception(24, (2, 3))  # has learned nothing: from its own seed it comes back
    names = {"lesson": run_cells(architectures, SEED=7), "network": network, "RANDOMISED": 4, "DRAWS": 1}
    names |= {"last_conv_layer_name": cam.choose_layer(network), "prepare": lambda values: values}
    names |= {"scored_images": 255 * draw_pictures(4, 24), "on_animal": {"Grad-CAM": np.ones(4)}}
    with mock.patch.dict(notebook.raw_maps.__globals__, names):
        namespace = run_cells(notebook, "sanity", **names)
    assert namespace.steps[:3] == [0, 1, 2]
    assert namespace.steps[-1] == sum(bool(layer.weights) for layer in network.layers)
    assert namespace.similarity[0] == pytest.approx(1)
    assert np.all(namespace.similarity[max(namespace.similarity)] < 0.99)


def test_training_is_the_one_of_9_3_on_the_heads(notebook, architectures, tmp_path):
    split = dict.fromkeys(("train", "validation", "test"), ([f"{number}.jpg" for number in range(6)], [0, 1] * 3))
    images, labels = 255 * draw_pictures(6, 24), np.arange(6.0)[:, None] % 2
    lesson = run_cells(architectures, BATCH_SIZE=3, DECAY=False, MODELS=tmp_path)
    names = {"lesson": lesson, "split": split, "IMAGE_SIZE": 24, "FILTERS": (2, 3), "EPOCHS": 1, "LEARNING_RATE": 0.01}
    names |= {"load_split": lambda *_, cache: (images, labels), "BUILD": str(tmp_path)}
    weights = []
    with mock.patch.dict(notebook.train_mini_xception.__globals__, names):
        for seed in (5, 6):
            network, accuracy = notebook.train_mini_xception(seed)
            weights.append(np.concatenate([values.ravel() for values in network.get_weights()]))
            assert accuracy == np.mean((network.predict(images, verbose=0) > 0.5) == labels)
    keras.utils.set_random_seed(5)
    first = lesson.build_mini_xception(24, (2, 3), lesson.MOMENTUM, lesson.ROTATION, lesson.ZOOM).get_weights()
    assert not np.array_equal(weights[0], np.concatenate([values.ravel() for values in first]))
    assert not np.array_equal(weights[0], weights[1])


def test_maps_of_many_pictures_are_each_for_its_class(notebook):
    network, pictures = build_classifier(pooled=False), draw_pictures(5)
    classes = np.array([0, 2, 1, 1, 0])
    with mock.patch.dict(notebook.raw_maps.__globals__, {"prepare": lambda values: values}):
        raw = notebook.raw_maps(network, "maps", pictures, classes, batch_size=2)
    for index, picture, label in zip(range(5), pictures, classes, strict=True):
        halves, score = halve(notebook, network, "maps"), notebook.class_score(int(label))
        alone = notebook.grad_cam(*halves, picture[np.newaxis], score)[0]
        np.testing.assert_allclose(raw[index], alone, rtol=1e-4, atol=1e-8)


def test_sanity_check_keeps_the_class_when_the_network_changes_its_mind(notebook):
    network, pictures = build_classifier(1, activation="sigmoid"), draw_pictures()
    classes = notebook.predict_classes(network, pictures).argmax(-1)
    with mock.patch.dict(notebook.raw_maps.__globals__, {"prepare": lambda values: values}):
        before = notebook.raw_maps(network, "maps", pictures, classes)
        answer = network.get_layer("answer")
        answer.set_weights([-weights for weights in answer.get_weights()])
        after = notebook.raw_maps(network, "maps", pictures, classes)
    np.testing.assert_allclose(notebook.rank_correlation(before, after), -1)


# Networks by name


def load_network(notebook, architectures, *arguments, **options):
    with mock.patch.dict(notebook.load_network.__globals__, {"lesson": architectures, "IMAGE_SIZE": 24}):
        return notebook.load_network(*arguments, **options)


def test_wrong_weights_for_a_network_are_told(notebook, architectures):
    with pytest.raises(ValueError, match=r'WEIGHTS is "own", but MobileNetV2'):
        load_network(notebook, architectures, "MobileNetV2", "own")
    with pytest.raises(ValueError, match=r"WEIGHTS is 'imagenet', but the mini-Xception takes"):
        load_network(notebook, architectures, "mini-Xception", "imagenet")


def test_mini_xception_at_another_size_has_the_trained_weights(notebook, architectures):
    knobs = (2, 3), architectures.MOMENTUM, architectures.ROTATION, architectures.ZOOM
    keras.utils.set_random_seed(5)
    trained = architectures.build_mini_xception(24, *knobs)
    names = {"lesson": architectures, "mini_xception": trained, "IMAGE_SIZE": 24, "FILTERS": (2, 3)}
    with mock.patch.dict(notebook.load_network.__globals__, names):
        network, prepare = notebook.load_network("mini-Xception", "own", size=40)
        base, _ = notebook.load_network("mini-Xception", "own", include_top=False)
    assert network.input.shape == (None, 40, 40, 3)
    assert all(np.array_equal(*pair) for pair in zip(network.get_weights(), trained.get_weights(), strict=True))
    assert base.output.shape[-1] == 3
    assert prepare(np.zeros((1, 2, 2, 3), np.uint8)).dtype == "float32"


def test_menus_of_a_running_notebook_offer_every_layer_and_class(notebook):
    explore, names = mock.Mock(), ["conv2d", "conv2d_1"]
    menus_only = find_cells(STEM, "explorer")[-1]
    values = {"names": names, "labels": ["cat", "dog"], "explained": 1, "is_silent": lambda: False, "explore": explore}
    with mock.patch("ipywidgets.interact_manual") as interact, mock.patch("helpers.plots.show") as show:
        run_code(notebook, menus_only, **values)
        (draw,), menus = interact.call_args
        draw(**{name: menu.value for name, menu in menus.items()})
    assert (menus["layer"].options, menus["class_index"].options) == (tuple(names), (("cat", 0), ("dog", 1)))
    explore.assert_called_once_with(layer="conv2d", channel=0, class_index=1)
    assert show.call_args.args[0] is explore.return_value


# Real networks, where their files are


def test_mobilenet_sees_african_elephants_and_looks_at_them(notebook):  # C-20, C-21
    weights = find_asset("weights/mobilenet_v2_imagenet.weights.h5")
    network, prepare = networks.load_application("MobileNetV2", weights)
    names = networks.load_class_names(weights.parent)
    picture = notebook.read_picture(find_asset("pictures/elephant.jpg"), (224, 224))[np.newaxis]
    probabilities = notebook.predict_classes(network, prepare(picture))[0]
    assert np.argmax(probabilities) == 386
    assert names[386] == ("n02504458", "African_elephant")
    layer = cam.choose_layer(network, 6)
    raw = notebook.grad_cam(*halve(notebook, network, layer), prepare(picture), notebook.class_score(386))
    heatmap = notebook.resize(np.maximum(raw, 0), (224, 224))
    animals = np.zeros_like(heatmap, bool)
    animals[:, 30:150, 35:] = True  # a box around the two, 45 % of the picture
    assert notebook.energy_share(heatmap, animals)[0] > 0.7


def test_filters_of_xception_respond_ever_more(notebook):  # C-18
    weights = find_asset("weights/xception_imagenet_notop.weights.h5")
    base, prepare = networks.load_application("Xception", weights, include_top=False)
    extractor = notebook.build_extractor(base, "block3_sepconv1", prepare)
    for index in (0, 2, 63):
        _, losses = grow(notebook, extractor, index, 100, steps=10, rate=5.0)
        assert losses[-1] > losses[0] + 0.5
