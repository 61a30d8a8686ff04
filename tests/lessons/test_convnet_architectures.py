"""The claims of section 9.3, checked on the notebook's own definitions."""

import functools
import itertools
import math
from unittest import mock

import keras
import numpy as np
import pytest
from keras import layers

import sample_pets
from helpers.lessons import load_lesson
from notebook_source import check_training, find_cells, run_cells, run_code

STEM = "9_3_convnet_architectures"


@pytest.fixture(scope="module")
def notebook():
    return load_lesson(STEM, PROFILE="sample")


def parameters_of(network):
    return sorted(layer.count_params() for layer in network.layers if layer.count_params())


def trainable(network):
    return sum(int(np.prod(weight.shape)) for weight in network.trainable_weights)


def strided_projections(network):
    """Return the layers whose gradient crashes TensorFlow on some processors (oneDNN issue 6035)."""
    convolutions = [layer for layer in network.layers if isinstance(layer, layers.Conv2D)]
    return [layer for layer in convolutions if layer.kernel_size == (1, 1) != layer.strides]


# Residual connections


def test_residual_network_is_the_book_s(notebook):  # C-7
    network = notebook.build_residual_network()
    assert network.count_params() == 297_697
    expected = [896, 9_248, 128, 18_496, 36_928, 2_112, 73_856, 147_584, 8_320, 129]
    assert parameters_of(network) == sorted(expected)
    adds = [layer for layer in network.layers if isinstance(layer, layers.Add)]
    assert [layer.output.shape[1:] for layer in adds] == [(16, 16, 32), (8, 8, 64), (8, 8, 128)]


@pytest.mark.parametrize(("pooling", "before", "after"), [*itertools.product((False, True), (3, 8), (3, 8, 16))])
@pytest.mark.parametrize("side", [8, 9])
def test_residual_block_adds_what_fits_for_every_combination(notebook, pooling, before, after, side):
    inputs = keras.Input((side, side, before))
    network = keras.Model(inputs, notebook.residual_block(inputs, after, pooling))
    half = math.ceil(side / 2) if pooling else side
    assert network.output.shape[1:] == (half, half, after)
    projections = [layer for layer in network.layers if getattr(layer, "kernel_size", None) == (1, 1)]
    assert len(projections) == (pooling or before != after)
    assert all(layer.activation.__name__ == "linear" for layer in projections)
    assert strided_projections(network) == (projections if pooling else [])  # as the book prints it: it is not trained


def test_residual_block_is_its_input_when_its_convolutions_give_nothing(notebook):
    inputs = keras.Input((6, 6, 4))
    network = keras.Model(inputs, notebook.residual_block(inputs, 4))
    for layer in network.layers:
        if isinstance(layer, layers.Conv2D):
            layer.kernel.assign(np.zeros(layer.kernel.shape))
    values = np.random.default_rng(0).random((2, 6, 6, 4), "float32")
    np.testing.assert_array_equal(network.predict(values, verbose=0), values)


@pytest.mark.parametrize("side", [8, 9])
def test_projection_is_what_a_strided_convolution_computes(notebook, side):
    network = notebook.build_mini_xception(side + 4, (4,))
    (projection,) = (layer for layer in network.layers if getattr(layer, "kernel_size", None) == (1, 1))
    assert strided_projections(network) == []
    strided = layers.Conv2D(4, 1, strides=2, use_bias=False)
    values = np.random.default_rng(0).random((2, side, side, 4), "float32")
    strided.build(values.shape)
    strided.set_weights(projection.get_weights())
    entry = next(layer.output for layer in network.layers if isinstance(layer, layers.Conv2D))
    seen = keras.Model(entry, projection.output).predict(values, verbose=0)
    np.testing.assert_allclose(seen, strided(values), atol=1e-6)


def test_listings_project_the_skip(notebook):  # L9.1-L9.3
    shapes = []
    for tag in ("listing-9.1", "listing-9.2", "listing-9.3"):
        namespace = run_cells(notebook, tag)
        shapes.append(tuple(namespace.x.shape[1:]))
    assert shapes == [(32, 32, 16), (30, 30, 64), (15, 15, 64)]


def test_gradient_vanishes_without_skips_and_not_with_them(notebook):  # C-8
    norms = {}
    images, labels = keras.random.uniform((4, 16, 16, 3), seed=1), np.arange(4)[:, None] % 2
    for skips, depth in itertools.product((False, True), (4, 32)):
        keras.utils.set_random_seed(1)
        network = notebook.build_stack(depth, skips)
        norms[skips, depth] = notebook.first_gradient_norm(network, images, labels)
        additions = sum(isinstance(layer, layers.Add) for layer in network.layers)
        assert additions == depth * skips
    assert norms[False, 32] < 1e-4 * norms[False, 4]
    assert norms[True, 32] > 0.05 * norms[True, 4]


def test_gradient_norm_against_finite_differences(notebook):
    keras.utils.set_random_seed(2)
    network = notebook.build_stack(2, True, width=3)
    images, labels = keras.random.uniform((4, 16, 16, 3), seed=1), np.arange(4)[:, None] % 2
    kernel = network.get_layer("first").kernel
    start, loss = kernel.numpy().copy(), keras.losses.BinaryCrossentropy()
    differences = []
    for place in np.ndindex(start.shape):
        ends = []
        for step in (1e-2, -1e-2):
            moved = start.copy()
            moved[place] += step
            kernel.assign(moved)
            ends.append(float(loss(labels, network(images, training=True))))
        differences.append((ends[0] - ends[1]) / 2e-2)
    kernel.assign(start)
    assert notebook.first_gradient_norm(network, images, labels) == pytest.approx(np.linalg.norm(differences), rel=0.02)


def test_gradient_norm_of_a_tiny_gradient_is_not_zero(notebook):
    network = notebook.build_stack(1, False)
    tape = mock.MagicMock()
    tape.__enter__.return_value.gradient.return_value = np.full((3, 3, 3, 16), 1e-25, "float32")
    with mock.patch.dict(notebook.first_gradient_norm.__globals__, {"tf": mock.Mock(GradientTape=lambda: tape)}):
        norm = notebook.first_gradient_norm(network, np.zeros((1, 16, 16, 3), "float32"), np.zeros((1, 1)))
    assert norm == pytest.approx(1e-25 * np.sqrt(432))


# Batch normalisation


@pytest.fixture(scope="module")
def batch_norm(notebook):
    """The namespace after the cells on batch norm."""
    cells = ("step-9.3-2", "step-9.3-3", "useless-bias", "two-modes", "frozen", "listing-9.4", "listing-9.5")
    return run_cells(notebook, *cells, SEED=1337, MOMENTUM=0.9)


def test_normalising_with_numpy(batch_norm):  # S9.3-2
    np.testing.assert_allclose(batch_norm.normalised.mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(batch_norm.normalised.std(0), 1, rtol=1e-5)


def test_bias_before_batch_norm_is_useless(batch_norm):  # S9.3-3
    namespace = run_cells(batch_norm, "useless-bias")
    before, after = map(keras.ops.convert_to_numpy, (namespace.before, namespace.after))
    np.testing.assert_allclose(after, before, atol=1e-4)
    assert before.std() == pytest.approx(1, rel=0.1)
    assert float(keras.ops.max(keras.ops.abs(namespace.convolution.bias))) > 2


def test_moving_averages_approach_the_data_as_promised(batch_norm):  # C-9
    namespace = run_cells(batch_norm, "moving-averages")
    target = namespace.data[:, 3].mean()
    for momentum, means in namespace.moving_means.items():
        expected = target * (1 - momentum ** np.arange(1, 501))
        spread = namespace.data[:, 3].std() / np.sqrt(32)
        assert np.abs(np.array(means) - expected).max() < 3 * spread
        assert means[-1] == pytest.approx(target, abs=2 * spread)
    assert set(namespace.moving_means) == {0.9, 0.99}


def test_order_of_activation_and_batch_norm(batch_norm):  # L9.4, L9.5
    late, early = batch_norm.positive_late, batch_norm.positive_early
    assert np.abs(late - 0.5).max() < 0.1
    assert np.mean(np.abs(early - 0.5) > 0.4) > 0.1
    assert float(keras.ops.min(batch_norm.activation_last)) == 0
    assert float(keras.ops.min(batch_norm.activation_first)) < 0


def test_frozen_batch_norm_does_not_move(batch_norm, capsys):
    run_cells(batch_norm, "frozen")
    free, frozen = capsys.readouterr().out.splitlines()
    assert "change by 0.00" not in free
    assert "output mean 0.0" in free
    assert "change by 0.00" in frozen
    assert "output mean 0.0" not in frozen


# Depthwise separable convolutions


def test_weights_of_both_convolutions(notebook):  # C-10
    build = notebook.build_single
    assert build(layers.Conv2D, 64).count_params() == 36_864
    assert build(layers.SeparableConv2D, 64).count_params() == 4_672


def test_multiplications(notebook):  # C-11
    count, build = notebook.count_multiplications, notebook.build_single
    assert count(build(layers.Conv2D, 64, side=10).layers[1]) == 100 * 36_864
    assert count(build(layers.SeparableConv2D, 64, side=10).layers[1]) == 100 * 4_672
    inputs = keras.Input((10, 10, 4))
    strided = layers.Conv2D(8, 3, strides=2, padding="same")
    dense = layers.Dense(1)
    dense(layers.GlobalAveragePooling2D()(strided(inputs)))
    assert [count(strided), count(dense), count(layers.Flatten())] == [25 * 9 * 4 * 8, 8, 0]


def test_times_are_medians_in_turns(notebook):
    calls = []
    functions = [lambda batch, name=name: calls.append(name) or 0.0 for name in "ab"]
    clock = itertools.count()
    fake = mock.Mock(perf_counter=lambda: next(clock))
    with mock.patch.dict(notebook.median_times.__globals__, {"time": fake}):
        assert notebook.median_times(functions, None, repeats=3) == [1, 1]
    assert calls == list("ab") * 5


# The two networks


@pytest.fixture(scope="module")
def mini_xception(notebook):
    return notebook.build_mini_xception(180, (32, 64, 128, 256, 512))


def test_mini_xception_is_the_book_s(mini_xception):  # C-12, S9.3-6
    assert mini_xception.count_params() == 721_857
    assert trainable(mini_xception) == 718_849
    kinds = [type(layer).__name__ for layer in mini_xception.layers]
    counted = ("BatchNormalization", "SeparableConv2D", "MaxPooling2D", "Add", "Conv2D", "Dropout", "Dense")
    assert [kinds.count(kind) for kind in counted] == [10, 10, 5, 5, 6, 1, 1]
    separable = [layer for layer in mini_xception.layers if isinstance(layer, layers.SeparableConv2D)]
    assert [layer.filters for layer in separable] == [32, 32, 64, 64, 128, 128, 256, 256, 512, 512]
    for layer in mini_xception.layers:
        if isinstance(layer, layers.SeparableConv2D):
            assert (layer.kernel_size, layer.padding, layer.use_bias) == ((3, 3), "same", False)
        if isinstance(layer, layers.MaxPooling2D):
            assert (layer.pool_size, layer.strides, layer.padding) == ((3, 3), (2, 2), "same")
        if isinstance(layer, layers.Dropout):
            assert layer.rate == 0.5
    assert strided_projections(mini_xception) == []


def source_of(layer):
    """Return the layer whose output is a layer's only input."""
    return layer.input._keras_history.operation


def test_order_in_a_block_is_batch_norm_relu_convolution(mini_xception):
    for layer in mini_xception.layers:
        if isinstance(layer, layers.SeparableConv2D):
            assert layer.activation.__name__ == "linear"
            relu = source_of(layer)
            assert isinstance(relu, layers.Activation)
            assert relu.activation.__name__ == "relu"
            assert isinstance(source_of(relu), layers.BatchNormalization)


def test_skips_go_around_the_blocks(mini_xception):
    for layer in mini_xception.layers:
        if isinstance(layer, layers.Add):
            pooled, projection = (tensor._keras_history.operation for tensor in layer.input)
            assert isinstance(pooled, layers.MaxPooling2D)
            assert (projection.kernel_size, projection.strides, projection.use_bias) == ((1, 1), (1, 1), False)
            every_second = source_of(projection)
            assert every_second.output.shape == pooled.output.shape[:3] + every_second.input.shape[3:]
            inside = pooled
            while not isinstance(inside, layers.BatchNormalization):
                inside = source_of(inside)
            first = source_of(source_of(source_of(inside)))  # separable convolution, relu, batch norm
            assert source_of(first) is source_of(every_second)


def test_baseline_is_the_book_s(notebook):  # C-13
    baseline = notebook.build_baseline(180)
    weighted = [layer.count_params() for layer in baseline.layers if layer.count_params()]
    assert weighted == [896, 18_496, 73_856, 295_168, 590_080, 12_545]
    assert sum(weighted) == trainable(baseline) == 991_041
    mapped = [layer for layer in baseline.layers if isinstance(layer, layers.Conv2D | layers.MaxPooling2D)]
    assert [layer.output.shape[1] for layer in mapped] == [178, 89, 87, 43, 41, 20, 18, 9, 7]
    assert baseline.layers[-2].rate == 0.5
    assert baseline.name == "convnet_from_scratch_with_augmentation"


@pytest.mark.parametrize("levels", [1, 2, 5])
def test_baseline_says_what_size_it_needs(notebook, levels):
    least = {1: 3, 2: 8, 5: 78}[levels]
    assert notebook.build_baseline(least, (2,) * levels).output.shape == (None, 1)
    with pytest.raises(ValueError, match=f"image_size is {least - 1}; {levels} levels .* at least {least}"):
        notebook.build_baseline(least - 1, (2,) * levels)


@pytest.mark.parametrize("name", ["build_mini_xception", "build_baseline"])
def test_augmentation_and_dropout_act_in_training_only(notebook, name):
    network = getattr(notebook, name)(32, (4, 8))
    pictures = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3), "uint8")
    calm = [keras.ops.convert_to_numpy(network(pictures, training=False)) for _ in range(2)]
    np.testing.assert_array_equal(*calm)
    wild = [keras.ops.convert_to_numpy(network(pictures, training=True)) for _ in range(2)]
    assert not np.array_equal(*wild)
    rescaling = next(layer for layer in network.layers if isinstance(layer, layers.Rescaling))
    assert rescaling.scale == 1 / 255


def test_augmentation_is_the_book_s_and_zeros_leave_two_layers_out(notebook):  # S9.3-5
    build = notebook.build_augmentation
    flip, rotation, zoom = build().layers
    assert (flip.mode, rotation.factor, zoom.height_factor) == ("horizontal", (-0.1, 0.1), 0.2)
    assert [len(build(*factors).layers) for factors in ((0, 0), (0.1, 0), (0, 0.2))] == [1, 3, 3]


@pytest.mark.parametrize("switches", [*itertools.product((True, False), repeat=3)])
def test_ablation_takes_out_what_it_says(notebook, switches):
    residual, batch_norm, separable = switches
    parts = dict(zip(("residual", "batch_norm", "separable"), switches, strict=True))
    network = notebook.build_variant(32, (4, 8), **parts)
    kinds = [type(layer).__name__ for layer in network.layers]
    assert kinds.count("Add") == 2 * residual
    assert kinds.count("BatchNormalization") == 4 * batch_norm
    assert kinds.count("SeparableConv2D") == 4 * separable
    assert kinds.count("Conv2D") == 1 + 4 * (not separable) + 2 * residual
    convolutions = [layer for layer in network.layers if getattr(layer, "kernel_size", None) == (3, 3)]
    assert {layer.use_bias for layer in convolutions} == {not batch_norm}


# Data and training


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    sample_pets.write_sample_pets(folder / "dogs-vs-cats", count=40, portraits=1.0, layout="kaggle", workers=1)
    return folder


def test_no_picture_is_in_two_parts(notebook, folder, tmp_path):  # S9.3-4
    knobs = {"PROFILE": "book", "DATA": folder, "BUILD": tmp_path, "PICTURES": (8, 4, 6), "IMAGE_SIZE": 24}
    for _ in range(2):  # erratum 15: a second time works, too
        namespace = run_cells(notebook, "step-9.3-4", **knobs)
    sizes = {part: len(labels) for part, (_, labels) in namespace.pictures.items()}
    assert sizes == {"train": 16, "validation": 8, "test": 12}
    contents = [image.tobytes() for images, _ in namespace.pictures.values() for image in images]
    assert len(set(contents)) == len(contents) == 36
    assert all(labels.mean() == 0.5 for _, labels in namespace.pictures.values())


@pytest.fixture
def arrays():
    dice = np.random.default_rng(5)
    sizes = {"train": 10, "validation": 6, "test": 8}
    return {
        part: (dice.integers(0, 256, (size, 24, 24, 3), "uint8"), dice.integers(0, 2, size, "uint8"))
        for part, size in sizes.items()
    }


def test_training_uses_the_training_pictures_and_validates_on_the_others(notebook, arrays, tmp_path):  # S9.3-7
    train = notebook.train_classifier
    for decay in (True, False):
        model = mock.Mock()
        model.name = "network"
        with mock.patch.dict(
            train.__globals__, {"find_folder": lambda folder, *_: folder / "key", "feed": lambda batches: batches}
        ):
            best, history = train(model, arrays, 2, 5, 0.01, decay, tmp_path)
        (batches,), options = model.fit.call_args
        check_training(batches, arrays["train"], options, arrays["validation"])
        assert (options["epochs"], batches.batch_size) == (2, 5)
        assert (best, options["callbacks"][0].filepath) == (tmp_path / "key/network.keras", str(best))
        assert history is model.fit.return_value.history
        compiled = model.compile.call_args.kwargs
        assert (compiled["loss"], compiled["metrics"]) == ("binary_crossentropy", ["accuracy"])
        rates = compiled["optimizer"]._learning_rate
        assert [float(rates(step) if decay else rates) for step in (0, 4)] == pytest.approx(
            [0.01, 0 if decay else 0.01]
        )


def test_accuracy_is_that_of_the_test_pictures_for_each_network(notebook, arrays):
    """The first network is right on all test pictures and wrong on all others, the second the other way round."""
    right = notebook.build_baseline(24, (2,))
    wrong = keras.Model(right.input, 1 - right.output)
    for model in (right, wrong):
        model.compile(loss="binary_crossentropy", metrics=["accuracy"])
    pictures = {}
    for part, (images, _) in arrays.items():
        answers = (right.predict(images, verbose=0)[:, 0] > 0.5).astype("uint8")
        pictures[part] = images, answers if part == "test" else 1 - answers
    namespace = run_cells(notebook, "test-accuracy", pictures=pictures, mini_xception=right, baseline=wrong)
    assert namespace.test_accuracy == {"mini-Xception": 1.0, "baseline": 0.0}
    assert namespace.total == 8
    for name, share in namespace.test_accuracy.items():  # Wilson: from each bound, what was seen is barely plausible
        low, high = namespace.test_interval[name]
        assert 0 <= low < high <= 1
        for bound in (low, high):
            assert abs(share - bound) == pytest.approx(1.96 * np.sqrt(bound * (1 - bound) / 8), abs=1e-4)


def test_curves_are_those_of_the_trainings(notebook):  # F9.11
    names = ("accuracy", "val_accuracy", "loss", "val_loss")
    first, second = ({name: [start + i / 10, 0.5] for i, name in enumerate(names)} for start in (0.1, 0.2))
    namespace = run_cells(notebook, "figure-9.11", mini_xception_history=first, baseline_history=second)
    for column, history in enumerate((first, second)):
        for row, metric in enumerate(("accuracy", "loss")):
            lines = {line.get_label(): list(line.get_ydata()) for line in namespace.axes[row, column].lines}
            assert lines[f"training {metric}"] == history[metric]
            assert lines[f"validation {metric}"] == history[f"val_{metric}"]


def heights(axes):
    return [patch.get_height() for patch in axes.patches]


def test_times_are_drawn_beside_what_arithmetic_promises(notebook):  # C-11
    ratios = {"WIDTHS": (2, 4), "promised": {2: 5.0, 4: 6.0}, "seen": {2: 1.5, 4: 12.0}}
    for source in find_cells(STEM, "claim-11"):
        if "plt.subplots" in source:
            namespace = run_code(notebook, source, **ratios)
    assert heights(namespace.ax) == [5.0, 6.0, 1.5, 12.0]
    assert namespace.ax.get_ylim()[1] > 12


def test_comparison_is_drawn_from_what_was_measured(notebook):
    networks = {
        "mini-Xception": notebook.build_mini_xception(24, (2,)),
        "baseline": notebook.build_baseline(24, (2,)),
    }
    measured = {"test_accuracy": {"mini-Xception": 0.9, "baseline": 0.7}}
    measured["test_interval"] = {"mini-Xception": (0.85, 0.93), "baseline": (0.6, 0.8)}
    book = {"mini-Xception": 0.908, "baseline": 0.835}
    namespace = run_cells(notebook, "comparison", **measured, models=networks, BOOK=book)
    accuracy, parameters, _ = namespace.axes
    assert heights(accuracy) == [0.9, 0.7]
    bars = [container.errorbar.lines[2][0].get_segments()[0][:, 1] for container in accuracy.containers[1::2]]
    np.testing.assert_allclose(bars, [[0.85, 0.93], [0.6, 0.8]])
    assert heights(parameters) == pytest.approx([network.count_params() / 1e6 for network in networks.values()])


def test_ablation_is_drawn_from_its_rows(notebook):
    rows = [
        {
            "residual": True,
            "batch_norm": True,
            "separable": True,
            "parameters": 10,
            "accuracy": [0.9, 0.8],
            "seconds": 2.0,
        },
        {
            "residual": False,
            "batch_norm": False,
            "separable": True,
            "parameters": 20,
            "accuracy": [0.6, 0.5],
            "seconds": 1.0,
        },
    ]
    parts = ("residual", "batch_norm", "separable")
    top, middle, bottom, dots = run_cells(notebook, "ablation-figure", PARTS=parts, ablation=rows).fig.axes
    assert [patch.get_y() + patch.get_height() for patch in top.patches] == pytest.approx([0.85, 0.55])
    first, second, *keys = top.lines
    assert [list(line.get_ydata()) for line in (first, second)] == [[0.9, 0.8], [0.6, 0.5]]
    assert [(key.get_color(), key.get_label()) for key in keys] == [
        (first.get_color(), "with batch norm"),
        (second.get_color(), "without"),
    ]
    assert (heights(middle), heights(bottom)) == ([10, 20], [2.0, 1.0])
    dark = {tuple(int(place[0]) for place in line.get_data()) for line in dots.lines if line.get_color() == "0.2"}
    names = [label.get_text() for label in dots.get_yticklabels()]
    assert {(column, names[row]) for column, row in dark} == {
        *((0, part.replace("_", " ")) for part in parts),
        (1, "separable"),
    }


def test_network_with_all_parts_must_be_the_printed_one(notebook):
    knobs = {"IMAGE_SIZE": 24, "FILTERS": (2, 3), "test_images": 255 * np.ones((8, 24, 24, 3), "float32")}
    run_cells(notebook, "same-network", **knobs)
    for missing in ("residual", "batch_norm"):
        less = functools.partial(notebook.build_variant, **{missing: False})
        with pytest.raises(AssertionError):
            run_cells(notebook, "same-network", **knobs, build_variant=less)


def test_ablation_tries_all_eight_with_every_seed_and_tests_on_the_test_pictures(notebook, folder, tmp_path):
    split = notebook.list_split(folder / "dogs-vs-cats", (4, 2, 5))
    knobs = {"ABLATION_SIZE": 16, "ABLATION_FILTERS": (2,), "ABLATION_EPOCHS": 7, "ABLATION_SEEDS": 2}
    asked, starts, best = [], [], tmp_path / "best.keras"

    def train(model, pictures, *options):
        assert {part: len(images) for part, (images, _) in pictures.items()} == {
            "train": 8,
            "validation": 4,
            "test": 10,
        }
        assert options == (7, 32, 0.002, True, tmp_path / "ablation")
        starts.append(model.get_weights()[0].tobytes())
        model.save(best)
        return best, {"seconds": [2.0, 1.0], "val_loss": [0.4, 0.3, 0.5]}

    def count(model, images, labels):
        asked.append(len(images))
        return len(asked) % 2

    fake = {"count_correct": count, "train_classifier": train}
    places = {"split": split, "BUILD": tmp_path, "MODELS": tmp_path}
    namespace = run_cells(notebook, "ablation", **knobs, **fake, **places, total=10)
    rows = namespace.ablation
    switches = [tuple(row[part] for part in namespace.PARTS) for row in rows]
    assert switches == [*itertools.product((True, False), repeat=3)]
    assert asked == [10] * 16
    assert all(first != second for first, second in zip(starts[::2], starts[1::2], strict=True))
    measured = [(row["accuracy"], row["val_loss"], row["seconds"]) for row in rows]
    assert measured == [([1 / 10, 0], [0.3, 0.3], 1.0)] * 8
    assert len({row["parameters"] for row in rows}) == 8


def test_book_profile_has_the_book_s_numbers():
    lesson = load_lesson(STEM, PROFILE="book")
    book = {"PICTURES": (1000, 500, 1000), "IMAGE_SIZE": 180, "FILTERS": (32, 64, 128, 256, 512), "EPOCHS": 100}
    book |= {"BASELINE_FILTERS": (32, 64, 128, 256, 256), "BATCH_SIZE": 32, "ROTATION": 0.1, "ZOOM": 0.2}
    book |= {"MOMENTUM": 0.99, "LEARNING_RATE": 0.001, "DECAY": False}
    assert {name: getattr(lesson, name) for name in book} == book
