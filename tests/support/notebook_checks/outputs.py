"""Outputs of a cell, and how stored ones are compared with fresh ones."""

import base64
import copy
import difflib
import io
import re
from decimal import Decimal

import numpy as np
from nbval.plugin import coalesce_streams
from PIL import Image

from . import Failure

FIGURES = ("image/png", "image/jpeg")
TEXTS = ("stdout", "stderr", "error", "text/plain", "alt text")
NUMBER = re.compile(r"(?<![\w.])[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?(?!\.?\d)")


def flatten(outputs):
    """Return outputs as pairs of a kind (one of `TEXTS` or any MIME type) and a content.

    Text that is printed comes from a kernel in pieces that depend on the time; here they are joined.
    """
    pairs = []
    for output in coalesce_streams(copy.deepcopy(outputs)):  # it changes its argument
        if output.output_type == "stream":
            pairs.append((output.name, output.text))
        elif output.output_type == "error":
            pairs.append(("error", f"{output.ename}: {output.evalue}"))
        else:  # of a widget the text is left, its model is a random number
            pairs += [(kind, content) for kind, content in sorted(output.data.items()) if "widget" not in kind]
            about = [value for value in output.metadata.values() if isinstance(value, dict)]
            pairs += [("alt text", value["alt"]) for value in about if "alt" in value]
    return pairs


def compare(stored, fresh, limits):
    """Compare the stored outputs of a cell with fresh ones.

    Returns:
        How many numbers were compared with a tolerance, and how many figures.

    Raises:
        Failure: they differ.
    """
    expected, actual = flatten(stored), flatten(fresh)
    if [kind for kind, _ in expected] != [kind for kind, _ in actual]:
        lists = ["\n".join(f"{kind}: {str(content)[:300]}" for kind, content in pairs) for pairs in (expected, actual)]
        raise Failure(f"the cell shows other kinds of outputs than stored\n{difference(*lists)}")
    floats = figures = 0
    for (kind, old), (_, new) in zip(expected, actual, strict=True):
        if kind in FIGURES:
            compare_figures(old, new, limits["figure_rms"], limits["figure_size"])
            figures += 1
        elif kind in TEXTS:
            floats += compare_texts(kind, old, new, limits["rtol"], limits["atol"])
        elif old != new:
            raise Failure(f"{kind} differs; it has no tolerance\n{difference(str(old), str(new))}")
    return floats, figures


def compare_texts(kind, old, new, rtol, atol):
    """Compare two texts exactly but for their numbers; return how many were compared with a tolerance."""
    # The spaces before a number may be its padding, which depends on its length.
    frames = [re.sub(r" +(?=\0)", " ", NUMBER.sub("\0", text)) for text in (old, new)]
    if frames[0] != frames[1]:
        raise Failure(f"{kind} differs; only numbers have a tolerance\n{difference(old, new)}")
    floats, wrong = 0, []
    for expected, actual in zip(NUMBER.findall(old), NUMBER.findall(new), strict=True):
        value, allowed = Decimal(expected), Decimal(0)
        if re.search("[.eE]", expected + actual):
            half_unit = Decimal(5).scaleb(value.as_tuple().exponent - 1)
            allowed = Decimal(str(rtol)) * abs(value) + Decimal(str(atol)) + half_unit
            floats += 1
        if abs(Decimal(actual) - value) > allowed:
            wrong.append(f"expected {expected}, actual {actual}, tolerance {allowed:.2g}")
    if wrong:
        listed = "\n".join(wrong[:10])
        raise Failure(f"numbers in {kind} differ; rtol {rtol}, atol {atol}\n{listed}\n{difference(old, new)}")
    return floats


def difference(expected, actual):
    """Return the lines in which two texts differ, at most 40."""
    lines = difflib.unified_diff(expected.splitlines(), actual.splitlines(), "expected", "actual", lineterm="", n=1)
    return "\n".join([*lines][:40])


def compare_figures(old, new, limit, size_limit=0):
    """Compare two pictures, base64; the second is brought to the first's size if their sides differ by this share."""
    pictures = expected, actual = [decode(data) for data in (old, new)]
    if all(abs(b - a) <= size_limit * a for a, b in zip(expected.size, actual.size, strict=True)):
        actual = actual.resize(expected.size)
    if expected.size != actual.size:
        sizes = "expected {} × {} pixels, actual {} × {}".format(*expected.size, *actual.size)
        raise Failure(f"a figure has another size: {sizes}; it has no tolerance", pictures)
    rms = np.sqrt(np.mean(np.square(np.asarray(expected, float) - np.asarray(actual, float)))) / 255
    if rms > limit:
        raise Failure(f"a figure differs: root mean square expected 0, actual {rms:.4f}, tolerance {limit}", pictures)


def decode(data):
    """Return a picture, base64, in RGB on white, as a reader sees it."""
    picture = Image.open(io.BytesIO(base64.b64decode(data))).convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("RGB")
