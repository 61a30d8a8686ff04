"""Checks of the exercises on interpretation, `exercises/9_4_exercises`."""

import numpy as np
import tensorflow as tf
from keras import ops

from . import call, exercise, expect


@exercise
def check_hires_cam(hires_cam):
    """Check a function from maps and gradients (N, height, width, channels) to raw maps (N, height, width)."""
    dice = np.random.default_rng(0)
    maps, gradients = dice.uniform(0, 1, (2, 5, 4, 6)), dice.normal(0, 1, (2, 5, 4, 6))
    found = np.asarray(call(hires_cam, maps, gradients), "float64")
    expect(found.shape == (2, 5, 4), f"maps (2, 5, 4, 6) give the shape {found.shape}; expected (2, 5, 4)")
    others = {
        "is the gradient averaged over the places first? That is Grad-CAM": (
            maps * gradients.mean((1, 2), keepdims=True)
        ).mean(axis=-1),
        "that is the gradient alone: what is in the maps does not count": gradients.mean(axis=-1),
        "does the sign get lost? What speaks against a class is negative": np.abs(maps * gradients).mean(axis=-1),
        "is what is negative cut off before the mean? It belongs to the mean, too": (
            np.maximum(maps * gradients, 0).mean(axis=-1)
        ),
        "is what is negative cut off? In a raw map it stays": np.maximum((maps * gradients).mean(axis=-1), 0),
    }
    for why, wrong in others.items():
        expect(not _alike(found, wrong), f"the map is another one: {why}")
    expect(_alike(found, (maps * gradients).mean(axis=-1)), "the map is neither HiResCAM nor Grad-CAM")


@exercise
def check_cover(cover):
    """Check a function (picture, heatmap, side) to the picture with a gray square around its brightest place."""
    picture, heatmap = np.full((40, 60, 3), 200, "uint8"), np.zeros((40, 60))
    heatmap[12, 41] = 1.0
    given = picture.copy()
    covered = np.asarray(call(cover, picture, heatmap, 10))
    expect(np.array_equal(picture, given), "the picture that was given has changed; expected a copy")
    expect(covered.shape == picture.shape, f"a picture {picture.shape} gives {covered.shape}")
    rows, columns = np.nonzero(np.any(covered != picture, axis=-1))
    expect(len(rows), "no pixel has changed")
    expect(
        np.all(covered[rows, columns] == 128),
        f"the square has the value {covered[rows[0], columns[0], 0]}; expected 128",
    )
    middle = (rows.min() + rows.max() + 1) / 2, (columns.min() + columns.max() + 1) / 2
    what = f"the brightest place is row 12, column 41, and the square is around row {middle[0]:g}, column {middle[1]:g}"
    expect(abs(middle[0] - 17) > 1 or abs(middle[1] - 46) > 1, f"{what}: it begins there")
    expect(abs(middle[0] - 12) <= 1 and abs(middle[1] - 41) <= 1, what)
    expect(len(rows) == 100, f"{len(rows)} pixels are covered; expected a square of 10 × 10")
    heatmap[1, 2] = 2.0
    corner = np.asarray(call(cover, picture, heatmap, 10))
    count = np.any(corner != picture, axis=-1).sum()
    expect(
        count in (42, 48, 49, 56),
        f"around row 1, column 2, {count} pixels are covered; expected what lies in the picture",
    )


@exercise
def check_mistakes(find_mistakes):
    """Check a function (probabilities, truth, count) to the most certain of the wrong answers."""
    probabilities = np.array([[0.9, 0.1], [0.4, 0.6], [0.05, 0.95], [0.3, 0.7], [0.8, 0.2], [0.45, 0.55]])
    truth = np.array([0, 0, 0, 1, 1, 0])
    found = [int(index) for index in call(find_mistakes, probabilities, truth, 3)]
    expect(found != [2, 0, 4], "found 2, 0, 4, the most certain answers; some of them are right")
    expect(found != [5, 1, 4], "found 5, 1, 4: the least certain mistakes come first")
    expect(found != [1, 2, 4], "found 1, 2, 4: mistakes, but in the order of the pictures")
    expect(found == [2, 4, 1], f"found {found}; expected three numbers of pictures, the most certain mistake first")
    expect(
        len(call(find_mistakes, probabilities, truth, 10)) == 4, "of 10 wanted, expected the 4 mistakes that there are"
    )


@exercise
def check_both(both):
    """Check a function (extractor, image, first, second) to what is large only if both filters' mean responses are."""

    def extractor(image):
        first = image[..., :1]
        return ops.concatenate([image, -2 * first, 0.5 * first, 0.9 * ops.flip(first, axis=(1, 2))], axis=-1)

    image = ops.convert_to_tensor(np.arange(75, dtype="float32").reshape(1, 5, 5, 3) / 10)
    maps = np.array(extractor(image))
    responses = maps.mean(axis=(0, 1, 2))
    for first, second in ((0, 4), (2, 3), (0, 5)):
        found = call(both, extractor, image, first, second)
        expect(
            len(found.shape) == 0,
            f"found the shape {tuple(found.shape)}; expected one number: the mean over the places",
        )
        pair = responses[[first, second]]
        what = f"of responses {pair[0]:.2f} and {pair[1]:.2f} found {float(found):.2f}"
        for name, wrong in {
            "sum": pair.sum(),
            "mean": pair.mean(),
            "larger": pair.max(),
            "product": pair.prod(),
        }.items():
            expect(abs(float(found) - wrong) > 1e-3, f"{what}, the {name}: one filter alone can make it large")
        placewise = maps[..., [first, second]].min(axis=-1).mean()
        other = abs(float(found) - placewise) > 1e-3 or abs(placewise - pair.min()) < 1e-3
        expect(other, f"{what}, the mean of what is smaller at each place; expected to compare the two means")
        expect(abs(float(found) - pair.min()) < 1e-3, f"{what}; that is not large only if both are")
    with tf.GradientTape() as tape:
        tape.watch(image)
        loss = both(extractor, image, 0, 4)
    expect(tape.gradient(loss, image) is not None, "no gradient arrives at the image: has it gone through NumPy?")


@exercise
def check_occlusion(occlusion_map):
    """Check a function (score, picture, side, step) to the fall of the score for each place of a gray square."""
    picture = np.full((16, 24, 3), 128, "uint8")
    picture[4:8, 12:16] = 228  # speaks for the class
    picture[12:16, 4:8] = 78  # speaks against it

    def score(pictures):
        return np.asarray(pictures, "float64").mean(axis=-1).sum(axis=(1, 2))

    given, whole = picture.copy(), float(score(picture[None])[0])
    found = _occlude(occlusion_map, score, picture, 4, 4)
    expect(np.array_equal(picture, given), "the picture that was given has changed; expected a copy for each place")
    right = np.zeros((4, 6))
    right[1, 3], right[3, 1] = 1600, -800
    expect(not np.allclose(found, -right), "the signs are exchanged: where the score falls, your map is negative")
    expect(
        not np.allclose(found, whole - right),
        "found the scores; expected by how much they are below that of the picture",
    )
    for wrong, number in ((np.maximum(right, 0), "0"), (np.abs(right), "one above")):
        expect(not np.allclose(found, wrong), f"where the score rises, expected a number below 0, found {number}")
    lasting = np.cumsum(right.ravel()).reshape(right.shape)
    expect(not np.allclose(found, lasting), "the squares pile up: each place wants a fresh copy of the picture")
    elsewhere = found[right == 0]
    expect(
        not elsewhere.any(), "the map is not 0 where nothing but gray, 128, is covered: is the square as gray as that?"
    )
    for row, column in np.argwhere(~np.isclose(found, right)):
        falls = f"the score falls by {right[row, column]:.4g} at row {row}, column {column}"
        expect(False, f"{falls}, in your map by {found[row, column]:.4g}")
    for side, what in ((8, "larger"), (2, "smaller")):
        found, right = _occlude(occlusion_map, score, picture, side, 4), np.zeros((4, 6))
        for row in range(4):
            for column in range(6):
                top, left = 4 * row + 2 - side // 2, 4 * column + 2 - side // 2
                covered = picture.copy()
                covered[max(0, top) : top + side, max(0, left) : left + side] = 128
                right[row, column] = whole - score(covered[None])[0]
        edge = right.copy()
        edge[0] = edge[:, 0] = 0
        emptied = np.allclose(found, edge) and not np.allclose(edge, right)
        expect(not emptied, "a square that leaves the picture covers nothing: a slice from a number below 0 is empty")
        expect(
            np.allclose(found, right),
            f"a square {what} than its cell is too small, too large, or not in the cell's middle",
        )


def _occlude(occlusion_map, score, picture, side, step):
    found = np.asarray(call(occlusion_map, score, picture, side, step), "float64")
    height, width = picture.shape[0] // step, picture.shape[1] // step
    expect(found.shape != (width, height), f"found {width} rows and {height} columns for a picture 16×24: exchanged?")
    what = f"a picture 16×24 with squares of {side} in cells of {step} gives the shape {found.shape}"
    expect(found.shape == (height, width), f"{what}; expected ({height}, {width})")
    return found


def _alike(maps, others):
    """Tell whether maps (N, height, width) are the same but for a positive factor."""
    scaled = [values / np.abs(values).max(axis=(1, 2), keepdims=True) for values in (maps, others)]
    return np.allclose(*scaled, atol=1e-4)
