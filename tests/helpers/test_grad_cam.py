"""Grad-CAM of networks as readers have them: the map is that of a formula, wherever the convolutions are."""

import inspect

import keras
import numpy as np
import pytest
from keras import layers, ops

from helpers import grad_cam as cam
from helpers.lessons import load_lesson

SIDE, CLASSES = 24, 3


@pytest.fixture(scope="module")
def architectures():
    return load_lesson("9_3_convnet_architectures", PROFILE="sample")


@pytest.fixture(autouse=True)
def same_weights():
    keras.utils.set_random_seed(1)


def draw_pictures(count=2, side=SIDE, channels=3):
    return np.random.default_rng(0).random((count, side, side, channels), "float32")


def picture_input(side=SIDE, channels=3, name=None):
    return keras.Input((side, side, channels), name=name)


def conv(name="maps", filters=5):
    return layers.Conv2D(filters, 3, strides=2, activation="tanh", name=name)


def pool():
    return layers.GlobalAveragePooling2D()


def answer(activation="softmax", units=CLASSES, **options):
    return layers.Dense(units, activation, name="answer", **options)


def build(*body, inputs=None):
    """Return a functional model of layers in a row."""
    inputs = x = inputs if inputs is not None else picture_input()
    for layer in body:
        x = layer(x)
    return keras.Model(inputs, x)


def expect(maps, kernel, index):
    """Return Grad-CAM's map for a head that is a mean or a flattening, and a kernel (inputs, classes) behind it."""
    _, height, width, channels = maps.shape
    kernel = np.asarray(kernel)[..., index]
    if kernel.size == channels:
        weights = kernel / (height * width)
    else:
        weights = kernel.reshape(height, width, channels).mean((0, 1))
    return (maps * weights).mean(-1)


def check(model, inputs, maps, kernel, layer="maps", **options):
    """Compare the maps for each class with the formula's; return the name of the layer that is found."""
    halves = cam.split_at(model, layer, **options)
    maps, kernel = ops.convert_to_numpy(maps).astype("float32"), ops.convert_to_numpy(kernel).astype("float32")
    for index in range(kernel.shape[-1]):
        found = cam.grad_cam(*halves, inputs, cam.class_score(index))
        expected = expect(maps, kernel, index)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5 * np.abs(expected).max())
    found = cam.choose_layer(model, 2, options.get("output"))
    assert cam.choose_layer(model, found, options.get("output")) == found
    return found


# The formula


def build_nonlinear():
    return build(conv(), layers.Flatten(), layers.Dense(6, "tanh"), answer(), inputs=picture_input(12))


def test_grad_cam_against_finite_differences():
    network, pictures = build_nonlinear(), draw_pictures(2, 12)
    features, head = cam.split_at(network, "maps")
    maps = features.predict(pictures, verbose=0)
    _, height, width, channels = maps.shape
    weights = np.zeros((2, channels))
    first, second = (
        head.get_layer(name).get_weights() for name in [layer.name for layer in head.layers if layer.weights]
    )

    def respond(values):  # the head in float64, by hand
        hidden = np.tanh(values.reshape(2, -1) @ first[0].astype("float64") + first[1])
        return (hidden @ second[0].astype("float64") + second[1])[:, 2]

    for channel in range(channels):
        step = np.zeros(channels)
        step[channel] = 1e-5
        weights[:, channel] = (respond(maps + step) - respond(maps - step)) / 2e-5 / (height * width)
    expected = np.mean(weights[:, None, None] * maps, axis=-1)
    raw = cam.grad_cam(*cam.split_at(network, "maps"), pictures, cam.class_score(2))
    np.testing.assert_allclose(raw, expected, rtol=0, atol=1e-3 * np.abs(expected).max())


def test_grad_cam_of_a_batch_is_that_of_each_picture_alone():  # erratum 12
    network, pictures = build_nonlinear(), draw_pictures(5, 12)
    halves, score = cam.split_at(network, "maps"), cam.class_score(0)
    together = cam.grad_cam(*halves, pictures, score)
    alone = [cam.grad_cam(*halves, pictures[i : i + 1], score)[0] for i in range(5)]
    np.testing.assert_allclose(together, alone, rtol=1e-4, atol=1e-8)


# Sequential models


def stack():
    return [conv(), layers.Flatten(), answer()]


def test_sequential(tmp_path):
    pictures = draw_pictures()
    given, called, built = keras.Sequential([picture_input(), *stack()]), keras.Sequential(stack()), keras.Sequential()
    called(pictures)
    for layer in stack():
        built.add(layer)
    built.build((None, SIDE, SIDE, 3))
    models = [given, called, built]
    for ending in ("keras", "h5"):
        given.save(tmp_path / f"model.{ending}")
        models.append(keras.models.load_model(tmp_path / f"model.{ending}"))
    for model in models:
        maps, kernel = model.layers[0](pictures), model.layers[-1].kernel
        assert check(model, pictures, maps, kernel) == "maps"
    with pytest.raises(ValueError, match="is not built; begin it with keras"):
        cam.split_at(keras.Sequential(stack()))


# Models in models


def build_base(name="base"):
    inputs = picture_input()
    x = layers.MaxPooling2D(2, name="smaller")(layers.Conv2D(4, 3, activation="relu", name="first")(inputs))
    return keras.Model(inputs, layers.Conv2D(6, 3, activation="relu", name="out_relu")(x), name=name)


def test_fine_tuned(tmp_path):
    base, flip = build_base(), keras.Sequential([layers.RandomFlip("horizontal")], name="augmentation")
    model = build(flip, layers.Rescaling(1 / 127.5, offset=-1, name="rescaling"), base, pool(), answer())
    pictures = 255 * draw_pictures()
    maps, kernel = base(pictures / 127.5 - 1), model.layers[-1].kernel
    assert check(model, pictures, maps, kernel, "base/out_relu") == "base/out_relu"
    assert check(model, pictures, maps, kernel, 5) == "base/out_relu"
    assert cam.choose_layer(model, 10) == "base/smaller"
    model.save(tmp_path / "model.keras")
    assert check(keras.models.load_model(tmp_path / "model.keras"), pictures, maps, kernel, 2) == "base/out_relu"
    for name in ("rescaling", "augmentation", "base", "out_relu"):
        with pytest.raises(ValueError, match=f"'{name}' is no layer.*expected one of base/out_relu, base/smaller"):
            cam.split_at(model, name)
    with pytest.raises(ValueError, match="no maps have 23 rows; expected at most 22"):  # not the rescaling's 24
        cam.split_at(model, 23)


def test_nothing_changes_in_the_model():
    base = build_base()
    model = build(layers.Rescaling(0.5), base, pool(), answer())
    pictures = draw_pictures()
    before, output = model.predict(pictures, verbose=0), base.get_layer("out_relu").output
    for _ in range(2):
        cam.split_at(model)
    assert base.get_layer("out_relu").output is output
    np.testing.assert_array_equal(keras.models.clone_model(model).count_params(), model.count_params())
    np.testing.assert_array_equal(model.predict(pictures, verbose=0), before)
    model.set_weights([weight * 0 + 1 for weight in model.get_weights()])
    np.testing.assert_allclose(cam.split_at(model)[0].predict(pictures, verbose=0), base(pictures * 0.5), rtol=1e-5)


def test_nested_twice_with_the_same_names():
    inner = keras.Sequential([picture_input(), conv("a"), layers.Rescaling(2.0, name="scale")], name="inner")
    middle = build(layers.Rescaling(0.5, name="scale"), inner)
    middle = keras.Model(middle.input, middle.output, name="middle")
    model = build(layers.Rescaling(3.0, name="scale"), middle, conv("a"), pool(), answer())
    pictures = draw_pictures()
    inside = middle(3 * pictures)
    assert check(model, pictures, model.layers[-3](inside), model.layers[-1].kernel, 3) == "a"
    np.testing.assert_allclose(cam.split_at(model, "middle/inner/scale")[0](pictures), inside, rtol=1e-5)


def test_layer_that_is_used_twice():
    shared = layers.Conv2D(3, 3, padding="same", activation="tanh", name="shared")
    model = build(shared, shared, pool(), answer())
    pictures = draw_pictures()
    assert check(model, pictures, shared(shared(pictures)), model.layers[-1].kernel, "shared'") == "shared'"


# Several inputs, several outputs, any size


def test_two_inputs():
    picture, numbers = picture_input(name="picture"), keras.Input((4,), name="numbers")
    maps = conv()(picture)
    dense = answer()
    outputs = dense(layers.Concatenate()([pool()(maps), numbers]))
    arrays = [draw_pictures(), np.ones((2, 4), "float32")]
    for order in ([0, 1], [1, 0]):
        model = keras.Model([(picture, numbers)[place] for place in order], outputs)
        expected = model.get_layer("maps")(arrays[0]), dense.kernel[:5]
        assert check(model, [arrays[place] for place in order], *expected) == "maps"
        check(model, {"picture": arrays[0], "numbers": arrays[1]}, *expected)
    model = keras.Model({"picture": picture, "numbers": numbers}, outputs)
    check(model, {"picture": arrays[0], "numbers": arrays[1]}, *expected)


def test_two_pictures():
    inputs = picture_input(name="left"), picture_input(name="right")
    sides = [conv(name)(tensor) for name, tensor in zip(("on_left", "on_right"), inputs, strict=True)]
    dense = answer()
    model = keras.Model(inputs, dense(layers.Concatenate()([pool()(side) for side in sides])))
    pictures = [draw_pictures(), draw_pictures() ** 2]
    for name, picture, weights in (("on_left", 0, dense.kernel[:5]), ("on_right", 1, dense.kernel[5:])):
        check(model, pictures, model.get_layer(name)(pictures[picture]), weights, name)


def test_two_outputs():
    inputs = picture_input()
    maps = conv()(inputs)
    ends = [layers.Dense(units, "softmax", name=name) for units, name in ((2, "species"), (5, "breed"))]
    outputs, pictures = [end(pool()(maps)) for end in ends], draw_pictures()
    for model in (keras.Model(inputs, outputs), keras.Model(inputs, {"species": outputs[0], "breed": outputs[1]})):
        for end in ends:
            for output in (model.output_names.index(end.name), end.name):
                check(model, pictures, model.get_layer("maps")(pictures), end.kernel, output=output)
        known = ", ".join(f"{number} or '{name}'" for number, name in enumerate(model.output_names))
        for output in (None, 2, "colour"):
            with pytest.raises(ValueError, match=f"output {output}; expected one of the model's outputs: {known}"):
                cam.split_at(model, output=output)


def test_pictures_in_gray_of_any_size():
    model = build(conv(), pool(), answer(), inputs=picture_input(None, 1))
    for pictures in (draw_pictures(2, 20, 1), draw_pictures(3, 31, 1)):
        assert check(model, pictures, model.layers[1](pictures), model.layers[-1].kernel, 6) == "maps"
    assert cam.last_of_each_size(model) == {}


# Ends of every kind

ENDS = {
    "softmax": [answer()],
    "sigmoid": [answer("sigmoid")],
    "layer": [answer(None), layers.Activation("softmax")],
    "sigmoid as a layer": [answer(None), layers.Activation("sigmoid")],
    "Softmax": [answer(None), layers.Softmax()],
    "operation": [answer(None), ops.softmax],
    "logits": [answer(None)],
    "linear": [answer("linear")],
    "reshape": [answer(), layers.Reshape((CLASSES,))],
    "reshape and flatten": [answer(), layers.Reshape((1, CLASSES)), layers.Flatten()],
    "cast": [answer(), layers.Activation("linear", dtype="float32")],
    "dropout": [answer(), layers.Dropout(0.1)],
    "dropout before": [layers.Dropout(0.5), answer()],
    "one of two": [answer("sigmoid", 1)],
    "one logit": [answer(None, 1)],
    "many labels": [answer("sigmoid", 7)],
}


@pytest.mark.parametrize("end", ENDS)
def test_score_is_the_logit(end):
    end = [layer if inspect.isfunction(layer) else type(layer).from_config(layer.get_config()) for layer in ENDS[end]]
    model = build(conv(), pool(), *end)
    pictures, dense = draw_pictures(), model.get_layer("answer")
    kernel = ops.convert_to_numpy(dense.kernel)
    kernel = np.hstack([-kernel, kernel]) if kernel.shape[-1] == 1 else kernel
    check(model, pictures, model.get_layer("maps")(pictures), kernel)
    logits = cam.to_logits(model)(pictures)
    pooled = ops.convert_to_numpy(ops.mean(model.get_layer("maps")(pictures), axis=(1, 2)))
    np.testing.assert_allclose(logits, pooled @ ops.convert_to_numpy(dense.kernel), rtol=1e-4, atol=1e-6)


def test_head_that_is_a_mean_alone():
    model = build(conv(), layers.Conv2D(4, 1, name="last"), pool())
    pictures = draw_pictures()
    maps = cam.split_at(model, "last")[0](pictures)
    check(model, pictures, maps, np.eye(4), "last")


def test_probabilities_on_demand():
    model = build(conv(), pool(), answer())
    pictures = draw_pictures()
    features, head = cam.split_at(model, logits=False)
    np.testing.assert_allclose(head(features(pictures)), model(pictures), rtol=1e-5)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision(policy):
    model = build(
        layers.Conv2D(5, 3, strides=2, activation="tanh", name="maps", dtype=policy),
        layers.GlobalAveragePooling2D(dtype=policy),
        answer(dtype="float32"),
    )
    pictures = draw_pictures()
    maps = model.get_layer("maps")(pictures)
    halves = cam.split_at(model)
    maps = ops.convert_to_numpy(ops.cast(maps, "float32"))
    expected = expect(maps, ops.convert_to_numpy(model.layers[-1].kernel), 1)
    found = cam.grad_cam(*halves, pictures, cam.class_score(1))
    np.testing.assert_allclose(found, expected, atol=0.02 * expected.max())


# What cannot work is told


def test_what_is_no_graph_is_told():
    class Own(keras.Model):
        def __init__(self):
            super().__init__(name="own")
            self.first, self.second = layers.Conv2D(3, 3, name="inner"), answer()

        def call(self, inputs):
            return self.second(pool()(self.first(inputs)))

    with pytest.raises(ValueError, match="own is a subclassed model, with the layers inner, answer, and how"):
        cam.split_at(Own())


def test_what_has_no_maps_is_told():
    volume = keras.Input((8, 8, 8, 1))
    deep = keras.Model(volume, answer()(layers.Flatten()(layers.Conv3D(2, 3, name="volume")(volume))))
    dense = build(layers.Flatten(name="flat"), answer())
    for model, found in ((deep, r"volume \(None, 6, 6, 6, 2\)"), (dense, r"flat \(None, 1728\)")):
        with pytest.raises(ValueError, match=f"needs a layer with maps .* from a convolution.*found .*{found}"):
            cam.split_at(model)


@pytest.mark.parametrize("index", [7, -1, [0, 3]])
def test_class_that_is_not_there_is_told(index):
    with pytest.raises(ValueError, match=r"class .*expected 0 to 2, for the network has 3 classes"):
        cam.class_score(index)(ops.ones((2, 3)))


# Networks of this project and of Keras


def test_network_is_split_where_all_of_the_signal_passes(architectures):  # erratum 13
    network = architectures.build_mini_xception(24, (2, 3, 4))
    points = list(cam.last_of_each_size(network).values())
    kinds = [type(network.get_layer(name)).__name__ for name in points]
    assert kinds == ["Add", "Add", "Add", "Conv2D"]
    assert list(cam.last_of_each_size(network)) == [3, 5, 10, 20]  # from small to large, without the 24 of the input
    last_convolution = [layer for layer in network.layers if isinstance(layer, layers.Conv2D)][-1]
    assert last_convolution.kernel_size == (1, 1)
    with pytest.raises(ValueError, match=rf"'{last_convolution.name}'.*expected one of {points[0]}, {points[1]}"):
        cam.split_at(network, last_convolution.name)
    for name in ("nothing", network.layers[-1].name):
        for refuse in (cam.split_at, cam.choose_layer):
            with pytest.raises(ValueError, match=rf"'{name}' is no layer with maps.*expected one of"):
                refuse(network, name)
    pictures = 255 * draw_pictures(2, 24)
    whole = network.predict(pictures, verbose=0)
    for name in points:
        features, head = cam.split_at(network, name, logits=False)
        np.testing.assert_allclose(head.predict(features.predict(pictures, verbose=0), verbose=0), whole, atol=1e-5)
    assert cam.choose_layer(network, 3) == points[0]
    assert cam.choose_layer(network, 4) == points[1]
    with pytest.raises(ValueError, match="no maps have 25 rows; expected at most 20"):
        cam.choose_layer(network, 25)


QUICK = "MobileNet", "MobileNetV3Small", "EfficientNetB0", "Xception", "ConvNeXtTiny"
KNOWN = sorted(name for name, value in vars(keras.applications).items() if inspect.isfunction(value))


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in KNOWN]
)
def test_networks_of_keras(name):
    network = getattr(keras.applications, name)(weights=None)
    side = network.input.shape[1] or 224
    features, head = cam.split_at(network)
    pictures = draw_pictures(1, side)
    last = features(pictures)
    assert 1 < last.shape[1] <= side // 16
    np.testing.assert_allclose(ops.softmax(head(last)), network(pictures), rtol=1e-3, atol=1e-7)
    maps = cam.grad_cam(features, head, pictures, cam.class_score(3))
    assert maps.shape == last.shape[:3]
    assert np.isfinite(maps).all()
