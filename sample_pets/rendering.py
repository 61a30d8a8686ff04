"""From bones to pixels: a height field, light on it, and fur.

Every bone is a tapered capsule; the surface towards the viewer is the smooth maximum of all their depths, the
silhouette the smooth minimum of their distances (the polynomial blend of signed distance fields, after Quilez).
"""

from dataclasses import dataclass

import numpy as np

from .animals import PARTS, Bone
from .randomness import clouds, sample, strands

FAR = np.float32(-1e4)
MARGIN = 14  # pixels around a bone in which its distance is known
REACH = 10  # pixels around a silhouette in which something of it is seen: hair, and darkness on what is behind


@dataclass
class Relief:
    """What is known of each pixel; all arrays are (height, width).

    Attributes:
        depth: float32, surface height towards the viewer in pixels; FAR where there is nothing.
        distance: float32, signed distance to the silhouette in pixels, negative inside.
        part: uint8 index into PARTS.
        tint: int32 index into `tints`, 0 for the coat.
        along, across: float32, position on the bone in pixels, for fur and stripes.
        tints: colours that are not the coat's.
    """

    depth: np.ndarray
    distance: np.ndarray
    part: np.ndarray
    tint: np.ndarray
    along: np.ndarray
    across: np.ndarray
    tints: list


def raise_relief(bones, height, width):
    """Build the height field of bones given in pixels; see Relief."""
    shape = (height, width)
    relief = Relief(
        np.full(shape, FAR),
        np.full(shape, np.float32(99)),
        np.zeros(shape, "uint8"),
        np.zeros(shape, "int32"),
        np.zeros(shape, "float32"),
        np.zeros(shape, "float32"),
        [(0, 0, 0)],
    )
    for bone in bones:
        flat = bone.end[:2] - bone.start[:2]
        if flat[0] ** 2 + flat[1] ** 2 < (0.4 * max(bone.radii)) ** 2:  # points at the viewer: its two ends
            for end, radius in zip((bone.start, bone.end), bone.radii, strict=True):
                _add(relief, Bone(end, end, (radius, radius), bone.part, bone.colour, bone.blend))
        else:
            _add(relief, bone)
    return relief


def _box(points, radius, height, width):
    """Return the slices that hold these points and a margin, clipped to the picture."""
    low, high = points.min(0) - radius, points.max(0) + radius + 1
    x0, y0 = max(int(low[0]), 0), max(int(low[1]), 0)
    return slice(y0, max(min(int(high[1]) + 1, height), y0)), slice(x0, max(min(int(high[0]) + 1, width), x0))


def _grid(box):
    """Return the coordinates of the pixels of a box: float32 (h, 1) and (1, w)."""
    return (
        np.arange(box[0].start, box[0].stop, dtype="float32")[:, None],
        np.arange(box[1].start, box[1].stop, dtype="float32")[None],
    )


def _add(relief, bone):
    """Melt one bone into the relief, in the box that it touches."""
    (x0, y0, z0), (x1, y1, z1) = bone.start.astype("float32"), bone.end.astype("float32")
    r0, r1 = np.float32(bone.radii[0]), np.float32(bone.radii[1])
    box = _box(np.stack([bone.start, bone.end])[:, :2], max(bone.radii) + MARGIN, *relief.depth.shape)
    y, x = _grid(box)
    if not (y.size and x.size):
        return
    px, py, dx, dy = x - x0, y - y0, x1 - x0, y1 - y0
    length = np.sqrt(max(dx * dx + dy * dy, np.float32(1e-6)))
    along = (px * dx + py * dy) / length if length > 0.01 else py + 0 * px
    t = np.clip(along / length, 0, 1) if length > 0.01 else np.zeros_like(along)
    qx, qy = px - t * dx, py - t * dy
    away2 = qx * qx + qy * qy
    radius = r0 + (r1 - r0) * t
    distance = np.sqrt(away2) - radius
    depth = z0 + (z1 - z0) * t + np.sqrt(np.maximum(radius * radius - away2, 0)) - 2 * np.maximum(distance, 0)

    k = np.float32(max(bone.blend, 0.5))
    old_depth, old_distance = relief.depth[box], relief.distance[box]
    won = depth > old_depth
    h = np.maximum(k - np.abs(depth - old_depth), 0)
    relief.depth[box] = np.maximum(depth, old_depth) + h * h / (4 * k)
    h = np.maximum(k - np.abs(distance - old_distance), 0)
    relief.distance[box] = np.minimum(distance, old_distance) - h * h / (4 * k)
    relief.along[box] = np.where(won, along, relief.along[box])
    relief.across[box] = np.where(
        won, (px * dy - py * dx) / length if length > 0.01 else px + 0 * py, relief.across[box]
    )
    relief.part[box][won] = PARTS.index(bone.part)
    if bone.colour is not None:
        relief.tints.append(bone.colour)
    relief.tint[box][won] = len(relief.tints) - 1 if bone.colour is not None else 0


@dataclass(frozen=True)
class Coat:
    """Colours and pattern of a fur (or of a cloth).

    Attributes:
        base, second: (3,) RGB in [0, 1].
        pattern: "solid", "striped", "patched", "spotted", "pointed" or "bicolour".
        period: size of the pattern in pixels.
        hair: height of the fur's relief in pixels.
        offset: where in the noise textures to look.
        threshold: share of the second colour, in [0, 1].
    """

    base: tuple
    second: tuple
    pattern: str
    period: float
    hair: float
    offset: tuple[float, float]
    threshold: float


def albedo(relief, coat, box):
    """Return the colour of every pixel of a relief, a box of the picture, before light falls on it: see `shade`."""
    y, x = _grid(box)
    scale = np.float32(24 / coat.period)
    patches = sample(clouds(), y * scale + np.float32(coat.offset[0]), x * scale + np.float32(coat.offset[1]))
    cut = np.float32(coat.threshold)
    if coat.pattern == "striped":
        phase = relief.along / np.float32(coat.period) + patches * 2
        wave = np.abs(phase - np.floor(phase) - np.float32(0.5)) * 2
        mix = np.clip((wave - 1 + cut) * 5, 0, 1)
    elif coat.pattern == "patched":
        mix = np.clip((patches - 1 + cut) * 14, 0, 1)
    elif coat.pattern == "spotted":
        spots = sample(clouds(), y * scale * 3 + 9, x * scale * 3 + 5)
        mix = np.clip((spots - 1 + cut * np.float32(0.9)) * 10, 0, 1)
    elif coat.pattern == "pointed":
        dark = np.isin(relief.part, [PARTS.index(name) for name in ("ears", "muzzle", "legs", "tail")])
        mix = dark * np.float32(0.85)
    elif coat.pattern == "bicolour":
        low = np.isin(relief.part, [PARTS.index(name) for name in ("muzzle", "legs")])
        mix = np.maximum(low, np.clip((patches - 1 + cut * np.float32(0.7)) * 14, 0, 1))
    else:
        mix = (patches - np.float32(0.5)) * np.float32(0.3)
    base, second = (np.array(colour, "float32") for colour in (coat.base, coat.second))
    colours = base + mix.astype("float32")[..., None] * (second - base)
    tinted = relief.tint > 0
    if tinted.any():
        colours[tinted] = np.array(relief.tints, "float32")[relief.tint[tinted]]
    return colours


def shade(relief, coat, light):
    """Return the lit picture of a relief and its opacity, in the box of the picture that it touches.

    Args:
        relief: a Relief; around its silhouette the distance is roughened by the hair, in place.
        coat: a Coat.
        light: dict with "direction" (3,) of length one (x, y, towards the viewer), "ambient", "diffuse".

    Returns:
        Colours, float32 (h, w, 3), opacity in [0, 1], float32 (h, w), and the box, two slices.
    """
    box = tuple(_span(np.min(relief.distance, axis=axis) < REACH) for axis in (1, 0))
    relief = Relief(*(values[box] for values in list(vars(relief).values())[:-1]), relief.tints)
    hair = sample(strands(), relief.along + np.float32(coat.offset[1]), relief.across * 2 + np.float32(coat.offset[0]))
    depth = relief.depth + (hair - np.float32(0.5)) * np.float32(coat.hair)
    relief.distance += (hair - np.float32(0.5)) * np.float32(min(coat.hair, 3.0))
    slope_x, slope_y = np.zeros_like(depth), np.zeros_like(depth)
    slope_x[:, 1:-1] = np.clip((depth[:, 2:] - depth[:, :-2]) / 2, -4, 4)
    slope_y[1:-1] = np.clip((depth[2:] - depth[:-2]) / 2, -4, 4)
    lx, ly, lz = (np.float32(value) for value in light["direction"])
    facing = np.sqrt(1 + slope_x * slope_x + slope_y * slope_y)
    lit = np.maximum((lz - slope_x * lx - slope_y * ly) / facing, 0)
    rim = np.float32(0.75) + np.float32(0.25) / facing
    strength = (np.float32(light["ambient"]) + np.float32(light["diffuse"]) * lit) * rim
    strength *= np.float32(0.8) + np.float32(0.4) * hair if coat.hair else 1
    opacity = np.clip(np.float32(0.5) - relief.distance, 0, 1)
    return albedo(relief, coat, box) * strength[..., None], opacity, box


def _span(inside):
    """Return the slice from before the first to behind the last place that is true, for slopes need neighbours."""
    places = np.flatnonzero(inside)
    return slice(max(places[0] - 1, 0), min(places[-1] + 2, len(inside))) if len(places) else slice(0, 0)


def lay_over(picture, colours, opacity, box=(slice(None), slice(None))):
    """Blend colours over a picture, in place."""
    part = picture[box]
    part += (np.asarray(colours, "float32") - part) * opacity[..., None]


def draw_decals(picture, relief, decals, colours):
    """Draw eyes, noses, mouths and whiskers where they can be seen, in place.

    Args:
        picture: float32 (height, width, 3).
        relief: the animal's Relief; `part` is updated with "eyes", "muzzle" and "whiskers".
        decals: list of Decal in pixels.
        colours: dict with RGB for "iris", "nose", "line", "whisker".
    """
    for decal in decals:
        if decal.normal[2] < 0.2 or _hidden(relief, decal):
            continue
        if decal.kind in ("line", "whisker"):
            _draw_line(picture, relief, decal, colours)
        else:
            _draw_spot(picture, relief, decal, colours)


def _hidden(relief, decal):
    """Tell whether the surface at the first point lies clearly before it."""
    x, y = int(decal.points[0, 0]), int(decal.points[0, 1])
    height, width = relief.depth.shape
    if not (0 <= x < width and 0 <= y < height):
        return True
    return relief.depth[y, x] > decal.points[0, 2] + max(6 * decal.size, 4.0) * 0.5


def _draw_spot(picture, relief, decal, colours):
    """Draw an eye with iris, pupil and a highlight, or a nose."""
    (cx, cy, _), r = decal.points[0], decal.size
    box = _box(decal.points[:, :2], r * 1.5 + 1, *relief.depth.shape)
    y, x = _grid(box)
    x, y = (x - np.float32(cx)) / np.float32(max(0.45, min(1.0, decal.normal[2]))), y - np.float32(cy)
    round_ = lambda a, b, s: np.clip((s - np.sqrt(a * a + b * b)) + np.float32(0.5), 0, 1)  # noqa: E731
    inside = relief.distance[box] < 0
    if decal.kind == "nose":
        spot = np.clip(
            np.float32(r)
            - np.maximum(np.abs(x) * np.float32(0.9) + np.maximum(y, 0) * np.float32(0.5), np.abs(y) * np.float32(1.4))
            + np.float32(0.5),
            0,
            1,
        )
        lay_over(picture, colours["nose"], spot * inside, box)
        lay_over(
            picture,
            (0.9, 0.9, 0.9),
            round_(x, y + np.float32(0.4 * r), np.float32(0.2 * r)) * np.float32(0.5) * inside,
            box,
        )
        relief.part[box][(spot > 0.5) & inside] = PARTS.index("muzzle")
        return
    lay_over(picture, (0.06, 0.05, 0.05), round_(x, y * np.float32(1.15), np.float32(r * 1.18)) * inside, box)
    spot = round_(x, y * np.float32(1.15), np.float32(r)) * inside
    lay_over(picture, colours["iris"], spot, box)
    lay_over(picture, (0.02, 0.02, 0.02), round_(x / np.float32(decal.detail), y, np.float32(r * 0.72)) * spot, box)
    glint = round_(x + np.float32(r * 0.3), y + np.float32(r * 0.35), np.float32(r * 0.22))
    lay_over(picture, (1, 1, 1), glint * spot, box)
    relief.part[box][spot > 0.5] = PARTS.index("eyes")


def _draw_line(picture, relief, decal, colours):
    """Draw a line through the points, thinner than a pixel where it must be."""
    whisker = decal.kind == "whisker"
    half = np.float32(max(decal.size / 2, 0.35))
    strength = np.float32(min(1.0, decal.size) if whisker else 0.8)
    box = _box(decal.points[:, :2], 2, *relief.depth.shape)
    y, x = _grid(box)
    if not (y.size and x.size):
        return
    nearest = np.full((y.size, x.size), np.float32(99))
    for (x0, y0, _), (x1, y1, _) in zip(
        decal.points.astype("float32"), decal.points[1:].astype("float32"), strict=False
    ):
        dx, dy = x1 - x0, y1 - y0
        t = np.clip(((x - x0) * dx + (y - y0) * dy) / max(dx * dx + dy * dy, np.float32(1e-3)), 0, 1)
        qx, qy = x - x0 - t * dx, y - y0 - t * dy
        nearest = np.minimum(nearest, np.sqrt(qx * qx + qy * qy))
    line = np.clip(half - nearest + np.float32(0.5), 0, 1) * strength
    if not whisker:
        line *= relief.distance[box] < 0
    lay_over(picture, colours[decal.kind], line, box)
    relief.part[box][line > 0.3] = PARTS.index("whiskers" if whisker else "muzzle")
