"""The claims of section 9.2, checked on the notebook's own definitions."""

from unittest import mock

import keras
import numpy as np
import pytest

from helpers.lessons import load_lesson
from notebook_source import check_training, find_cells, run_cells, run_code

STEM = "9_2_image_segmentation"
BY_LAYER = [1792, 36928, 73856, 147584, 295168, 590080, 590080, 590080, 295040, 147584, 73792, 36928, 1731]


@pytest.fixture(scope="module")
def notebook():
    return load_lesson(STEM)


@pytest.fixture(scope="module")
def network(notebook):
    return notebook.get_model(200, 3)


def test_parameters_by_layer(network):  # C-1
    weighted = [layer.count_params() for layer in network.layers if layer.count_params()]
    assert weighted == BY_LAYER
    assert sum(weighted) == 2_880_643
    assert sum(int(np.prod(weight.shape)) for weight in network.trainable_weights) == 2_880_643


def test_shapes_of_encoder_and_output(network):  # C-2
    encoder_end = [layer for layer in network.layers if isinstance(layer, keras.layers.Conv2D)][5]
    assert encoder_end.output.shape == (None, 25, 25, 256)
    assert network.output.shape == (None, 200, 200, 3)


def test_network_is_the_book_s(network):  # S9.2-6
    layers = [layer for layer in network.layers if layer.count_params()]
    down, up = keras.layers.Conv2D, keras.layers.Conv2DTranspose
    described = [(type(layer), layer.filters, layer.strides[0], layer.activation.__name__) for layer in layers]
    assert described == [
        *[(down, 64, 2, "relu"), (down, 64, 1, "relu"), (down, 128, 2, "relu")],
        *[(down, 128, 1, "relu"), (down, 256, 2, "relu"), (down, 256, 1, "relu")],
        *[(up, 256, 1, "relu"), (up, 256, 2, "relu"), (up, 128, 1, "relu")],
        *[(up, 128, 2, "relu"), (up, 64, 1, "relu"), (up, 64, 2, "relu"), (down, 3, 1, "softmax")],
    ]
    assert all(layer.kernel_size == (3, 3) and layer.padding == "same" for layer in layers)


def test_probabilities_sum_to_one_and_pictures_are_rescaled(notebook):
    network = notebook.get_model(16, 3, (4, 4, 4))
    picture = np.random.default_rng(0).integers(0, 256, (2, 16, 16, 3), "uint8")
    output = keras.ops.convert_to_numpy(network(picture))
    np.testing.assert_allclose(output.sum(-1), 1, rtol=1e-5)
    rescaling = next(layer for layer in network.layers if isinstance(layer, keras.layers.Rescaling))
    assert rescaling.scale == 1 / 255


def test_size_that_cannot_be_halved_three_times_is_refused(notebook):
    with pytest.raises(ValueError, match=r"img_size is 100.*multiple of 8"):
        notebook.get_model(100, 3, (4, 4, 4))


def test_transposed_convolution_undoes_the_shape(notebook):  # C-4
    namespace = run_cells(notebook, "claim-4", SEED=1)
    assert [tuple(maps.shape) for maps in (namespace.x, namespace.down, namespace.up)] == [
        (1, 100, 100, 64),
        (1, 50, 50, 128),
        (1, 100, 100, 64),
    ]


def test_strides_keep_the_place_and_pooling_does_not(notebook):  # C-3
    namespace = run_code(notebook, *find_cells(STEM, "claim-3")[:2], SEED=1337)
    assert (np.ravel(namespace.pooled).tolist(), len(np.unique(namespace.strided))) == ([1, 1, 1, 1], 4)
    strides, pooling = (namespace.build_dot_network(halve) for halve in ("strides", "max pooling"))
    assert strides.count_params() == pooling.count_params()


@pytest.mark.parametrize("seed", range(3))
def test_iou_against_keras(notebook, seed):
    dice = np.random.default_rng(seed)
    masks, answers = dice.integers(0, 3, (2, 4, 9, 7, 1), "uint8")
    confusion = notebook.confusion_matrix(masks, answers)
    ours = notebook.intersection_over_union(confusion)
    for label in range(3):
        metric = keras.metrics.IoU(num_classes=3, target_class_ids=[label])
        metric.update_state(masks, answers)
        assert ours[label] == pytest.approx(float(metric.result()), abs=1e-6)
    assert confusion.sum() == masks.size
    assert np.trace(confusion) == (masks == answers).sum()
    assert confusion[0, 2] == ((masks == 0) & (answers == 2)).sum()  # row: mask, column: prediction


def test_iou_of_a_class_that_is_nowhere_is_nan(notebook):
    confusion = notebook.confusion_matrix(np.ones((2, 2)), np.ones((2, 2)))
    np.testing.assert_array_equal(notebook.intersection_over_union(confusion), [np.nan, 1, np.nan])


def test_predicted_masks_do_not_depend_on_the_batches(notebook):
    network = notebook.get_model(16, 3, (4, 4, 4))
    pictures = np.random.default_rng(1).integers(0, 256, (7, 16, 16, 3), "uint8")
    masks = notebook.predict_masks(network, pictures, batch_size=3)
    assert masks.dtype == np.uint8
    assert masks.shape == (7, 16, 16, 1)
    one_by_one = [np.argmax(network.predict_on_batch(picture[None]), -1)[0] for picture in pictures]
    np.testing.assert_array_equal(masks[..., 0], one_by_one)


def test_training_masks_start_at_zero_and_match_their_pictures(notebook, tmp_path):  # S9.2-5
    pets = notebook.sample_pets.write_sample_pets(tmp_path / "pets", count=8, seed=3, workers=1)
    input_img_paths, target_paths = notebook.list_pets(pets)
    knobs = dict(SEED=1337, PICTURES=8, VALIDATION=2, IMAGE_SIZE=32, BUILD=tmp_path)
    namespace = run_cells(notebook, input_img_paths=input_img_paths, target_paths=target_paths, **knobs)
    for _ in range(2):  # the cell can be run twice
        namespace = run_cells(namespace, "step-9.2-5")
        order = [path.stem for path in input_img_paths]
        notebook.random.Random(1337).shuffle(order)
        assert namespace.names == order
        assert set(np.unique(namespace.targets)) == {0, 1, 2}
        assert (len(namespace.train_input_imgs), len(namespace.val_targets)) == (6, 2)
    assert namespace.input_imgs.shape == (8, 32, 32, 3)
    assert namespace.input_imgs.dtype == namespace.targets.dtype == np.uint8


@pytest.fixture
def arrays():
    """Arrays as the notebook splits them: 12 pictures train, 8 validate."""
    dice = np.random.default_rng(4)
    images, masks = dice.integers(0, 256, (20, 16, 16, 3), "uint8"), dice.integers(0, 3, (20, 16, 16, 1), "uint8")
    parts = {"train_input_imgs": images[:12], "val_input_imgs": images[12:]}
    return {"input_imgs": images, "targets": masks, "train_targets": masks[:12], "val_targets": masks[12:], **parts}


def test_training_uses_the_training_pictures(notebook, arrays, tmp_path):  # S9.2-7
    knobs = dict(SEED=1, IMAGE_SIZE=16, FILTERS=(4,), EPOCHS=2, BATCH_SIZE=4, LEARNING_RATE=0.01, MODELS=tmp_path)
    for decay in (True, False):
        network = mock.Mock()
        replaced = {"get_model": mock.Mock(return_value=network), "feed": lambda batches: batches}
        replaced["find_folder"] = lambda folder, *_: folder
        with mock.patch("keras.models.load_model") as load_model:
            namespace = run_cells(notebook, "step-9.2-7", **arrays, **knobs, **replaced, DECAY=decay)
        (batches,), options = network.fit.call_args
        training, validation = ((arrays[f"{part}_input_imgs"], arrays[f"{part}_targets"]) for part in ("train", "val"))
        check_training(batches, training, options, validation)
        assert (options["epochs"], batches.batch_size) == (2, 4)
        assert options["callbacks"][0].filepath == str(tmp_path / "oxford_segmentation.keras")
        load_model.assert_called_once_with(tmp_path / "oxford_segmentation.keras")
        assert namespace.model is load_model.return_value
        rates = network.compile.call_args.kwargs["optimizer"]._learning_rate
        assert [float(rates(step) if decay else rates) for step in (0, 6)] == pytest.approx(
            [0.01, 0.0 if decay else 0.01]
        )


def test_curves_are_those_of_the_training(notebook, capsys):  # S9.2-8
    history = {"loss": [0.9, 0.5, 0.3], "val_loss": [0.8, 0.4, 0.6]}
    namespace = run_cells(notebook, "step-9.2-8", history=history)
    drawn = {line.get_label(): list(line.get_ydata()) for line in namespace.ax.lines}
    assert drawn["training loss"] == history["loss"]
    assert drawn["validation loss"] == history["val_loss"]
    assert drawn["guessing"] == pytest.approx([np.log(3)] * 2)
    assert "lowest validation loss 0.400" in capsys.readouterr().out


def test_prediction_is_the_network_s(notebook, arrays):  # S9.2-9
    network = notebook.get_model(16, 3, (4,))
    namespace = run_cells(notebook, "step-9.2-9", **arrays, model=network, SHOWN_PREDICTION=4)
    answer = np.argmax(network.predict_on_batch(arrays["val_input_imgs"]), -1)
    np.testing.assert_array_equal(namespace.mask, answer[4])
    shown = [np.asarray(ax.images[0].get_array()) for ax in namespace.axes]
    expected = arrays["val_input_imgs"][4], arrays["val_targets"][4, ..., 0], answer[4]
    assert all(np.array_equal(*pair) for pair in zip(shown, expected, strict=True))


def test_worst_and_best_pictures_are_shown_with_their_masks(notebook, arrays):
    answers = arrays["val_targets"].copy()
    order = [5, 2, 7, 0, 6, 1, 4, 3]  # from worst to best
    for rank, index in enumerate(order):
        answers[index, rank * 2 :] = 1 + answers[index, rank * 2 :] // 2  # the fewer rows, the more animal is left
    namespace = run_cells(notebook, "picture-scores", **arrays, predictions=answers)
    namespace = run_cells(namespace, "worst-and-best")
    assert namespace.chosen == [5, 2, 7, 1, 4, 3]
    for column, index in enumerate(namespace.chosen):
        shown = [np.asarray(ax.images[0].get_array()) for ax in namespace.axes[:, column]]
        expected = arrays["val_input_imgs"][index], arrays["val_targets"][index, ..., 0], answers[index, ..., 0]
        assert all(np.array_equal(*pair) for pair in zip(shown, expected, strict=True))


@pytest.mark.parametrize(("count", "animal"), [(1, True), (4, False)])
def test_few_pictures_and_none_with_an_animal_are_shown_too(notebook, arrays, capsys, count, animal):
    few = {name: values[:count] if animal else np.ones_like(values[:count]) for name, values in arrays.items()}
    namespace = run_cells(notebook, "picture-scores", **few, predictions=few["val_targets"])
    namespace = run_cells(namespace, "worst-and-best")
    assert len(namespace.chosen) == min(2 * count, 6)
    assert ("No validation picture has the class 'animal'" in capsys.readouterr().out) != animal


def test_scores_of_perfect_and_of_trivial_answers(notebook, arrays):
    masks = arrays["targets"]
    perfect = notebook.segmentation_scores(masks, masks)
    assert list(perfect) == ["pixel_accuracy", "mean_iou", "iou_animal", "iou_background", "iou_outline"]
    assert set(perfect.values()) == {1.0}
    background = notebook.segmentation_scores(masks, np.ones_like(masks))
    share = float((masks == 1).mean())
    assert background == pytest.approx(dict(zip(perfect, [share, share / 3, 0, share, 0], strict=True)))


def test_split_that_leaves_nothing_to_train_is_refused(notebook, tmp_path):
    load = {"load_pets": lambda *_, **__: (np.zeros((4, 8, 8, 3)), np.zeros((4, 8, 8, 1)), list("abcd"))}
    knobs = dict(SEED=1, PICTURES=4, IMAGE_SIZE=8, BUILD=tmp_path, input_img_paths=[], target_paths=[])
    for number in (0, 4, 300):
        with pytest.raises(ValueError, match=f"VALIDATION is {number}; expected 1 to 3"):
            run_cells(notebook, "step-9.2-5", **(load | knobs | {"VALIDATION": number}))


def test_book_profile_has_the_book_s_numbers(monkeypatch):
    monkeypatch.setenv("PROFILE", "book")
    lesson = load_lesson(STEM)
    book = {"PICTURES": 7390, "VALIDATION": 1000, "IMAGE_SIZE": 200, "FILTERS": (64, 128, 256), "EPOCHS": 50}
    book |= {"BATCH_SIZE": 64, "SHOWN_PICTURE": 9, "SHOWN_PREDICTION": 4, "SEED": 1337}
    assert {name: getattr(lesson, name) for name in book} == book
