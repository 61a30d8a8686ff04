"""Answers to the exercises of 9.4: the name of the right one, and typical wrong ones with what they are told."""

import numpy as np
from keras import ops

from helpers.exercises import interpreting as checks

HIRES = {
    "Grad-CAM": (lambda maps, gradients: (maps * gradients.mean((1, 2), keepdims=True)).mean(-1), "That is Grad-CAM"),
    "the gradient": (lambda maps, gradients: gradients.mean(-1), "the gradient alone"),
    "without signs": (lambda maps, gradients: np.abs(maps * gradients).mean(-1), "sign get lost"),
    "cut off": (lambda maps, gradients: np.maximum(maps * gradients, 0).mean(-1), "cut off before the mean"),
    "cut off after the mean": (lambda maps, gradients: np.maximum((maps * gradients).mean(-1), 0), "In a raw map"),
    "not over channels": (lambda maps, gradients: maps * gradients, "expected (2, 5, 4)"),
    "the sum of both": (lambda maps, gradients: (maps + gradients).mean(-1), "neither HiResCAM nor Grad-CAM"),
}


def covered(picture, heatmap, side, copy=True, middle=True, value=128, turn=False, clip=True):
    """Cover a place with some mistake."""
    picture = picture.copy() if copy else picture
    row, column = np.unravel_index(heatmap.argmax(), heatmap.shape)
    row, column = (column, row) if turn else (row, column)
    before, after = (side // 2, side // 2) if middle else (0, side)
    top, left = row - before, column - before
    top, left = (max(0, top), max(0, left)) if clip else (top, left)
    picture[top : row + after, left : column + after] = value
    return picture


def cover(**mistake):
    """Return an answer with some mistake."""
    return lambda *answer: covered(*answer, **mistake)


COVERS = {
    "in place": (cover(copy=False), "expected a copy"),
    "begins there": (cover(middle=False), "it begins there"),
    "black": (cover(value=0), "the square has the value 0"),
    "exchanged": (cover(turn=True), "the square is around"),
    "leaves the picture": (cover(clip=False), "around row 1, column 2, 0 pixels"),
    "nothing": (lambda picture, heatmap, side: picture.copy(), "no pixel has changed"),
    "too small": (lambda picture, heatmap, side: covered(picture, heatmap, side - 2), "64 pixels are covered"),
}


def is_wrong(probabilities, truth):
    """Return the numbers of wrong answers."""
    return np.flatnonzero(probabilities.argmax(1) != truth)


MISTAKES = {
    "right ones, too": (lambda p, truth, count: np.argsort(-p.max(1), kind="stable")[:count], "some of them are right"),
    "least certain": (
        lambda p, truth, count: sorted(is_wrong(p, truth), key=lambda index: p[index].max())[:count],
        "least certain mistakes come first",
    ),
    "in order": (lambda p, truth, count: is_wrong(p, truth)[:count], "in the order of the pictures"),
    "within the mistakes": (
        lambda p, truth, count: np.argsort(-p[is_wrong(p, truth)].max(1))[:count],
        "expected three numbers of pictures",
    ),
}


def responses(extractor, image):
    """Return the mean responses of all filters."""
    return ops.mean(extractor(image), axis=(0, 1, 2))


BOTH = {
    "sum": (lambda e, image, i, j: responses(e, image)[i] + responses(e, image)[j], "the sum"),
    "mean": (lambda e, image, i, j: (responses(e, image)[i] + responses(e, image)[j]) / 2, "the mean"),
    "larger": (lambda e, image, i, j: ops.maximum(responses(e, image)[i], responses(e, image)[j]), "the larger"),
    "the first": (lambda e, image, i, j: responses(e, image)[i], "the larger"),
    "at each place": (lambda e, image, i, j: ops.minimum(e(image)[..., i], e(image)[..., j]), "expected one number"),
    "the mean of the smaller": (
        lambda e, image, i, j: ops.mean(ops.minimum(e(image)[..., i], e(image)[..., j])),
        "smaller at each place",
    ),
    "through NumPy": (
        lambda e, image, i, j: ops.convert_to_tensor(np.min(np.array(responses(e, image))[[i, j]])),
        "no gradient arrives",
    ),
}


def occlusion(
    score, picture, side, step, fresh=True, sign=1, turn=False, anchored=False, clip=True, gray=128, size=None
):
    """Return an occlusion map with some mistake."""
    side = size or side
    height, width, _ = picture.shape
    margin = 0 if anchored else (side - step) // 2
    entries, copy = [], picture.copy()
    for top in range(0, height, step):
        for left in range(0, width, step):
            copy = picture.copy() if fresh else copy
            first, last = (top - margin, left - margin), (top - margin + side, left - margin + side)
            row, column = (max(0, place) for place in first) if clip else first
            copy[row : last[0], column : last[1]] = gray
            entries.append(sign * (score(picture[None])[0] - score(copy[None])[0]))
    entries = np.reshape(entries, (height // step, width // step))
    return entries.T if turn else entries


def occluded(**mistake):
    """Return an answer with some mistake."""
    return lambda *answer: occlusion(*answer, **mistake)


OCCLUSIONS = {
    "negative": (occluded(sign=-1), "the signs are exchanged"),
    "scores": (
        lambda score, picture, *answer: score(picture[None])[0] - occlusion(score, picture, *answer),
        "the scores",
    ),
    "piles up": (occluded(fresh=False), "the squares pile up"),
    "exchanged": (occluded(turn=True), "exchanged?"),
    "in the corner": (occluded(anchored=True), "not in the cell's middle"),
    "not clipped": (occluded(clip=False), "a slice from a number below 0 is empty"),
    "black": (occluded(gray=0), "as gray as that?"),
    "of the cell's size": (occluded(size=4), "is too small"),
    "a share": (occluded(sign=0.5), "by 1600 at row 1, column 3, in your map by 800"),
    "cut at zero": (lambda *answer: np.maximum(occlusion(*answer), 0), "where the score rises"),
    "without signs": (lambda *answer: np.abs(occlusion(*answer)), "found one above"),
    "a row too few": (lambda *answer: occlusion(*answer)[:-1], "expected (4, 6)"),
}
ANSWERS = {
    "hires_cam": (checks.check_hires_cam, HIRES),
    "cover": (checks.check_cover, COVERS),
    "find_mistakes": (checks.check_mistakes, MISTAKES),
    "both": (checks.check_both, BOTH),
    "occlusion_map": (checks.check_occlusion, OCCLUSIONS),
}
