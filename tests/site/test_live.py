"""The live page: its numbers are those of Keras, and it answers to a click, a file and the mouse."""

import numpy as np
import pytest

from helpers.grad_cam import class_score, grad_cam, split_at
from machinery.site.live import NETWORKS, describe_network, load_network

PREDICT = """number => {
  const image = document.querySelectorAll("#live-pets img")[number];
  const canvas = Object.assign(document.createElement("canvas"), {width: SHOWN, height: SHOWN});
  canvas.getContext("2d").drawImage(image, 0, 0, SHOWN, SHOWN);
  const answer = {};
  for (const [name, network] of Object.entries(LIVE.networks)) {
    const pixels = shrink(canvas, network.size);
    const outputs = run(network, pixels);
    const last = outputs[network.layers.at(-1).name].data;
    answer[name] = {pixels: Array.from(pixels), last: Array.from(last)};
    if (name === "heads") {
      answer.heat = Array.from(explain(network, outputs).data);
      const middle = network.layers.findLast(layer => layer.kind === "MaxPooling2D").name;
      answer.maps = {name: middle, values: Array.from(outputs[middle].data)};
    }
  }
  return answer;
}"""


@pytest.fixture(scope="module")
def networks():
    return {name: load_network(NETWORKS / f"{name}.keras") for name in ("masks", "heads")}


def test_numbers_are_those_of_keras_on_all_pets(visit, networks):
    import keras

    page = visit("live.html")
    masks, heads = networks["masks"], networks["heads"]
    halves, shown = split_at(heads), None
    for number in range(12):
        answer = page.evaluate(PREDICT, number)
        for name, network in networks.items():
            pixels = np.reshape(answer[name]["pixels"], (1, *network.input_shape[1:])).astype("float32")
            expected = np.asarray(network(pixels, training=False))
            assert np.abs(np.ravel(expected) - answer[name]["last"]).max() < 1e-4
        shown = shown or keras.Model(heads.input, heads.get_layer(answer["maps"]["name"]).output)
        maps = shown(pixels, training=False)
        np.testing.assert_allclose(answer["maps"]["values"], np.ravel(maps), atol=1e-3, rtol=1e-4)
        heat = np.ravel(grad_cam(*halves, pixels, class_score(1)))  # for a cat it is the negative
        np.testing.assert_allclose(answer["heat"], heat, atol=1e-4, rtol=1e-3)
    assert masks.name == "oxford_segmentation"


def test_page_answers_to_a_click_a_file_and_the_mouse(visit, tmp_path):
    from PIL import Image

    page = visit("live.html")
    page.wait_for_function("document.getElementById('live-answer').textContent")
    mask = "document.getElementById('live-mask').toDataURL()"
    masks = [page.evaluate(mask)]
    page.locator("#live-pets button").nth(7).click()
    masks.append(page.evaluate(mask))
    Image.effect_mandelbrot((300, 200), (-2, -1, 1, 1), 50).convert("RGB").save(tmp_path / "mine.jpg")
    page.set_input_files("#live-file", tmp_path / "mine.jpg")
    page.wait_for_function(f"{mask} !== {masks[-1]!r}")
    masks.append(page.evaluate(mask))
    box = page.locator("#live-picture").bounding_box()
    page.mouse.move(box["x"] + 20, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 20, box["y"] + box["height"] - 20, steps=9)
    page.mouse.up()
    masks.append(page.evaluate(mask))
    assert len(set(masks)) == 4
    heat = "document.getElementById('live-heat').toDataURL()"
    for_cat = page.evaluate(heat)
    page.get_by_role("radio", name="a dog").check()
    assert page.evaluate(heat) != for_cat
    channels = "document.getElementById('live-channels').toDataURL()"
    first = page.evaluate(channels)
    page.select_option("#live-layer", index=5)
    assert page.evaluate(channels) != first
    assert page.complaints == []


def test_a_file_that_is_no_picture_is_named(visit, tmp_path):
    page = visit("live.html")
    (tmp_path / "notes.jpg").write_text("no picture")
    page.set_input_files("#live-file", tmp_path / "notes.jpg")
    page.wait_for_function(
        "document.getElementById('live-answer-to-file').textContent.includes('notes.jpg is no picture')"
    )


def test_a_layer_that_the_page_does_not_know_is_named():
    import keras

    inputs = keras.Input((4, 4, 3))
    model = keras.Model(inputs, keras.layers.LayerNormalization(name="odd")(inputs))
    with pytest.raises(ValueError, match="layer odd is a LayerNormalization; the page knows Activation"):
        describe_network(model)
