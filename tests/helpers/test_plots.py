"""Plots: a class has one colour in every picture, and every figure has a text."""

import math

import matplotlib
import numpy as np
import pytest
from matplotlib.colors import to_rgba

from helpers import plots

matplotlib.use("agg")
import matplotlib.pyplot as plt

COLORS = list(plots.CLASS_COLORS.values())


@pytest.fixture(autouse=True)
def no_open_figures():
    yield
    plt.close("all")


def colors_of(mask):
    """Return the colour of each pixel as drawn, (height, width, 4)."""
    image = plots.show_mask(mask).images[0]
    return image.cmap(image.norm(image.get_array()))


def test_a_class_keeps_its_colour_whatever_else_is_in_the_picture():  # erratum 3
    full, partial = np.array([[0, 1, 2]]), np.array([[2, 2, 1]])
    np.testing.assert_allclose(colors_of(full)[0], [to_rgba(color) for color in COLORS])
    np.testing.assert_allclose(colors_of(partial)[0], [to_rgba(COLORS[label]) for label in (2, 2, 1)])


def test_a_mask_is_drawn_without_mixing_classes():
    assert plots.show_mask(np.zeros((2, 2), int)).images[0].get_interpolation() == "nearest"


def test_a_mask_has_a_legend_in_its_colours():
    legend = plots.show_mask(np.zeros((2, 2), int)).get_legend()
    assert [text.get_text() for text in legend.get_texts()] == ["animal", "background", "outline"]
    patches = [patch.get_facecolor() for patch in legend.get_patches()]
    assert patches == [to_rgba(color) for color in COLORS]


def test_other_classes_have_other_colours():
    names = ("cat", "background", "sofa", "sky", "grass", "rug", "dog", "lamp")
    colors = plots.choose_colors(names)
    assert tuple(colors) == names
    assert len(set(colors.values())) == len(names)
    assert colors["background"] == plots.CLASS_COLORS["background"]
    names = ("a", "b", "c", "d", "e", "f", "g", "h")
    assert len({*plots.choose_colors(names).values()}) == len(names)


def test_picture_and_mask_stand_side_by_side():  # erratum 2
    _, axes = plt.subplots(1, 2)
    picture = plots.show_picture(np.zeros((4, 6, 3), "uint8"), "picture", axes[0])
    mask = plots.show_mask(np.zeros((4, 6), int), "mask", axes[1])
    assert [len(ax.images) for ax in (picture, mask)] == [1, 1]
    assert picture is axes[0]
    assert mask is axes[1]


def test_class_colours_differ_in_brightness():
    brightness = [np.dot(to_rgba(color)[:3], (0.299, 0.587, 0.114)) for color in COLORS]
    assert np.abs(np.subtract.outer(brightness, brightness))[np.triu_indices(3, 1)].min() > 0.2


def test_show_keeps_the_alternative_text_and_closes_the_figure(monkeypatch):
    shown = []
    monkeypatch.setattr(plots, "display", lambda figure, metadata: shown.append((figure, metadata)))
    figure, _ = plt.subplots()
    plots.show(figure, "an empty figure")
    assert shown == [(figure, {"image/png": {"alt": "an empty figure"}})]
    assert not plt.get_fignums()


@pytest.mark.parametrize("count", [1, 3, 4, 5, 9])
@pytest.mark.parametrize("channels", [(), (3,)])
def test_tiles_show_every_picture_once(count, channels):
    pictures = np.random.default_rng(0).integers(1, 256, (count, 5, 7, *channels), "uint8")
    grid = plots.tile(pictures, columns=4, margin=2, fill=0)
    columns, rows = min(4, count), math.ceil(count / 4)
    assert (grid.dtype, grid.shape) == (np.uint8, (rows * 7 - 2, columns * 9 - 2, *channels))
    for index, picture in enumerate(pictures):
        top, left = index // 4 * 7, index % 4 * 9
        np.testing.assert_array_equal(grid[top : top + 5, left : left + 7], picture)
    assert np.count_nonzero(grid) == pictures.size


@pytest.mark.parametrize(("count", "columns"), [(1, 1), (2, 2), (7, 7), (8, 4), (9, 3), (12, 4), (64, 8)])
def test_grids_have_no_holes(count, columns):
    assert plots.choose_columns(count) == columns


def test_a_box_holds_the_first_and_the_last_pixel():
    _, ax = plt.subplots()
    plots.show_box((2, 4), (1, 1), ax)
    (box,) = ax.patches
    assert (box.get_xy(), box.get_width(), box.get_height()) == ((0.5, 1.5), 1, 3)


def test_bars_stand_in_groups():
    _, ax = plt.subplots()
    plots.show_bars({"a": [1, 2], "b": [3, 4]}, ["x", "y"], ax)
    middles = [round(bar.get_x() + bar.get_width() / 2, 6) for bar in ax.patches]
    assert (middles, [bar.get_height() for bar in ax.patches]) == ([-0.2, 0.8, 0.2, 1.2], [1, 2, 3, 4])
    assert [text.get_text() for text in ax.texts] == ["1.00", "2.00", "3.00", "4.00"]


def test_pictures_stand_above_their_masks():
    pictures, masks = np.zeros((2, 4, 4, 3), "uint8"), np.arange(32).reshape(2, 4, 4, 1) % 3
    _, axes = plots.show_columns(pictures, masks, 2 - masks, titles=["one", "two"])
    assert [ax.get_title() for ax in axes[0]] == ["one", "two"]
    np.testing.assert_array_equal(axes[1, 1].images[0].get_array(), masks[1, ..., 0])
    np.testing.assert_array_equal(axes[2, 0].images[0].get_array(), 2 - masks[0, ..., 0])


def test_silent_channels_are_grey_and_only_they():
    channels = np.zeros((3, 4, 4), "uint8")
    channels[0, 0, 0], channels[2] = 255, np.arange(16).reshape(4, 4) * 17
    (ax,) = plots.show_channels({"layer": channels}, columns=4).axes
    grid = np.asarray(ax.images[0].get_array())
    grey = (np.ptp(grid.astype(int), axis=-1) == 0) & (grid[..., 0] < 255)
    np.testing.assert_array_equal(grey[:, 5:9], True)
    assert grey.sum() == 16


def test_maps_share_their_colours():
    _, axes = plots.show_maps({"a": np.zeros((2, 2)), "b": np.ones((2, 2))}, "PuOr", (-1, 1), "against, for")
    assert [ax.images[0].get_clim() for ax in axes] == [(-1, 1)] * 2
