"""Places, light and clutter around an animal; drawn alike for cats and dogs."""

import numpy as np

from .animals import Bone, point
from .randomness import clouds, grains, sample, strands
from .rendering import Coat, lay_over, raise_relief, shade

FURS = (
    (0.10, 0.09, 0.09),
    (0.30, 0.29, 0.30),
    (0.52, 0.50, 0.49),
    (0.34, 0.22, 0.14),
    (0.47, 0.33, 0.21),
    (0.70, 0.43, 0.20),
    (0.80, 0.62, 0.40),
    (0.88, 0.80, 0.68),
    (0.93, 0.91, 0.88),
    (0.24, 0.15, 0.10),
)
CLOTHS = (
    (0.55, 0.16, 0.16),
    (0.18, 0.28, 0.48),
    (0.22, 0.42, 0.30),
    (0.78, 0.66, 0.38),
    (0.62, 0.58, 0.54),
    (0.40, 0.24, 0.42),
    (0.85, 0.82, 0.78),
    (0.20, 0.20, 0.22),
    (0.76, 0.42, 0.24),
    (0.45, 0.62, 0.68),
)
WALLS = (
    (0.82, 0.79, 0.72),
    (0.66, 0.72, 0.74),
    (0.74, 0.66, 0.58),
    (0.56, 0.60, 0.50),
    (0.80, 0.72, 0.70),
    (0.45, 0.46, 0.50),
    (0.60, 0.47, 0.38),
    (0.90, 0.88, 0.84),
)
WOODS = (
    (0.62, 0.42, 0.30),
    (0.78, 0.64, 0.46),
    (0.70, 0.55, 0.44),
    (0.46, 0.24, 0.17),
    (0.66, 0.63, 0.60),
    (0.84, 0.76, 0.62),
)
MEADOWS = ((0.45, 0.60, 0.22), (0.62, 0.60, 0.34), (0.30, 0.50, 0.18))
PATTERNS = ("solid", "solid", "solid", "striped", "patched", "spotted", "pointed", "bicolour")


def vary(dice, colour, amount=0.07):
    """Return a colour near this one."""
    gain = dice.uniform(1 - amount, 1 + amount)
    return tuple(min(max(c * gain + dice.uniform(-amount, amount) / 2, 0.02), 1.0) for c in colour)


def pick_apart(dice, colours, other):
    """Return that one of two random colours which stands out more from another, as a photographer would."""
    return max(
        dice.pick(colours), dice.pick(colours), key=lambda c: sum(abs(a - b) for a, b in zip(c, other, strict=True))
    )


def draw_coat(dice, unit, base=None):
    """Draw a fur; `unit` is the skull radius in pixels, `base` its main colour if that is settled."""
    return Coat(
        base=base or vary(dice, dice.pick(FURS)),
        second=vary(dice, dice.pick(FURS)),
        pattern=dice.pick(PATTERNS),
        period=unit * dice.uniform(0.35, 0.9),
        hair=min(max(unit * dice.uniform(0.03, 0.09), 0.8), 2.6),
        offset=(dice.uniform(0, 256), dice.uniform(0, 256)),
        threshold=dice.uniform(0.35, 0.6),
    )


def draw_cloth(dice, unit):
    """Draw a cloth: smooth, striped or patched."""
    base, second = vary(dice, dice.pick(CLOTHS)), vary(dice, dice.pick(CLOTHS))
    return Coat(
        base=base,
        second=second,
        pattern=dice.pick(("solid", "solid", "striped", "patched")),
        period=unit * dice.uniform(0.3, 1.2),
        hair=0.0,
        offset=(dice.uniform(0, 256), dice.uniform(0, 256)),
        threshold=dice.uniform(0.3, 0.6),
    )


def draw_light(dice):
    """Draw a light: where it comes from, how hard and how warm it is."""
    x, y, z = dice.uniform(-0.7, 0.7), dice.uniform(-0.9, -0.3), dice.uniform(0.5, 1.0)
    length = np.sqrt(x * x + y * y + z * z)
    diffuse = dice.uniform(0.45, 0.85)
    warmth = dice.uniform(-0.08, 0.10)
    return {
        "direction": (x / length, y / length, z / length),
        "diffuse": diffuse,
        "ambient": 1.02 - diffuse,
        "colour": (1 + warmth, 1.0, 1 - warmth),
    }


def draw_place(dice, height, width, horizon, subject):
    """Draw a floor up to the horizon (a row) and what stands behind it, apart from the subject's colour.

    Returns:
        float32 (height, width, 3), and whether grass grows there.
    """
    y, x = np.arange(height, dtype="float32")[:, None], np.arange(width, dtype="float32")[None]
    nearness = np.maximum(y - np.float32(horizon), 1) / np.float32(height)
    across = (x - np.float32(width * dice.uniform(0.2, 0.8))) / (nearness + np.float32(0.25))
    outdoors = dice.chance(0.45)
    behind = _draw_trees(dice, y, x, horizon) if outdoors else _draw_wall(dice, y, x, horizon, subject)
    grassy = outdoors and dice.chance(0.75)
    floor = (_draw_grass if grassy else _draw_floor)(dice, y, nearness, across, subject)
    edge = np.clip(y - np.float32(horizon), 0, 1)[..., None]
    place = behind + (floor - behind) * edge
    fall = np.float32(dice.uniform(-0.35, 0.35))
    return place * (1 + fall * (x / np.float32(width) - np.float32(0.5)))[..., None], grassy


def _mix(first, second, share):
    """Blend two colours by a share in [0, 1] of shape (height, width)."""
    first, second = np.array(first, "float32"), np.array(second, "float32")
    return first + (second - first) * share[..., None]


def _draw_wall(dice, y, x, horizon, subject):
    """Draw a wall: plain, striped or panelled, with a skirting board and perhaps a window's glow."""
    colour = vary(dice, pick_apart(dice, WALLS, subject))
    stain = sample(clouds(), y / 2 + dice.uniform(0, 256), x / 2 + dice.uniform(0, 256))
    wall = _mix(colour, vary(dice, colour, 0.12), stain)
    style, period = dice.pick(("plain", "plain", "plain", "striped", "panelled")), np.float32(dice.uniform(14, 40))
    phase = x / period - np.floor(x / period)
    if style == "striped":
        wall = (
            wall + (_mix(colour, vary(dice, dice.pick(WALLS)), np.ones_like(stain)) - wall) * (phase < 0.5)[..., None]
        )
    elif style == "panelled":
        wall = (
            wall
            * (np.float32(0.85) + np.float32(0.15) * np.clip(np.abs(phase - np.float32(0.5)) * 12, 0, 1))[..., None]
        )
    board = np.clip(1 - np.abs(y - np.float32(horizon - 5)) / 5, 0, 1) > 0
    wall = np.where(board[..., None], np.array(vary(dice, (0.85, 0.83, 0.8)), "float32"), wall)
    if dice.chance(0.4):
        gx, gy, size = dice.uniform(0, x.size), dice.uniform(0, max(horizon, 1)), dice.uniform(30, 80)
        glow = np.maximum(1 - np.maximum(np.abs(x - np.float32(gx)), np.abs(y - np.float32(gy))) / np.float32(size), 0)
        wall = wall + glow[..., None] * np.float32(0.35)
    return wall


def _draw_trees(dice, y, x, horizon):
    """Draw sky and leaves, out of focus."""
    sky = _mix(
        vary(dice, (0.55, 0.70, 0.88)),
        vary(dice, (0.85, 0.88, 0.90)),
        np.clip(y / np.float32(max(horizon, 1)), 0, 1),
    )
    leaves = sample(clouds(), y * np.float32(0.8) + dice.uniform(0, 256), x * np.float32(0.8) + dice.uniform(0, 256))
    green = _mix(vary(dice, (0.10, 0.17, 0.08)), vary(dice, (0.45, 0.55, 0.28)), leaves)
    crown = np.float32(horizon * dice.uniform(-0.2, 0.9))
    bush = np.clip((y - crown + (leaves - np.float32(0.5)) * 70) / 10, 0, 1)
    return sky + (green - sky) * bush[..., None]


def _draw_grass(dice, y, nearness, across, subject):
    """Draw a meadow."""
    blades = sample(strands(), y * (1 / (nearness + np.float32(0.5))), across * 2 + sample(grains(), y, across) * 3)
    patches = sample(clouds(), y + dice.uniform(0, 256), across / 2)
    dark, bright = (
        vary(dice, (0.14, 0.24, 0.08)),
        vary(dice, pick_apart(dice, MEADOWS, subject)),
    )
    return _mix(dark, bright, np.clip(blades * np.float32(0.7) + patches * np.float32(0.4), 0, 1))


def _draw_floor(dice, y, nearness, across, subject):
    """Draw planks, tiles, a carpet or sand in perspective."""
    style = dice.pick(("planks", "tiles", "carpet", "sand"))
    colour = vary(dice, pick_apart(dice, WOODS if style in ("planks", "sand") else CLOTHS, subject), 0.12)
    depth = 1 / (nearness + np.float32(0.12))
    grain = sample(grains(), depth * 40, across * 2)
    floor = _mix(colour, vary(dice, colour, 0.25), grain)
    if style == "carpet" and dice.chance(0.25):
        figure = sample(clouds(), depth * 12, across / 2) > 0.55
        floor = (
            floor + (np.array(vary(dice, dice.pick(CLOTHS)), "float32") - floor) * (figure * np.float32(0.7))[..., None]
        )
    if style in ("planks", "tiles"):
        period = np.float32(dice.uniform(22, 60))
        column = np.floor(across / period)
        joint = np.abs(across / period - column - np.float32(0.5)) > 0.47
        if style == "tiles":
            row = np.floor(depth * np.float32(2.2))
            joint = joint | (np.abs(depth * np.float32(2.2) - row - np.float32(0.5)) > 0.46)
            tone = np.abs(column + row) % 2
        else:
            wood = sample(strands(), depth * 30, across * 2 + column * 37)
            tone = (wood + sample(grains(), column * 11, column * 7 + 0 * depth)) / 2
        floor = floor * (np.float32(0.82) + np.float32(0.3) * tone)[..., None]
        floor = floor * (1 - joint * np.float32(0.35))[..., None]
    return floor


def draw_object(dice, unit, place):
    """Draw a thing at a place (x, y) in pixels: a ball, a cushion, a box-like block, a furry lump or a branch.

    Returns:
        Bones in pixels and a coat.
    """
    kind, (x, y) = dice.pick(("ball", "cushion", "block", "ball", "cushion", "lump", "branch")), place
    r = unit * dice.uniform(0.35, 1.2)
    at = lambda dx, dy, dz=0.0: point(x + dx * r, y + dy * r, dz * r)  # noqa: E731
    if kind == "ball":
        bones = [Bone(at(0, 0), at(0, 0), (r, r), "background")]
    elif kind == "cushion":
        bones = [Bone(at(-1, s), at(1, s * 0.9), (r * 0.6, r * 0.6), "background", blend=r) for s in (-0.4, 0.0, 0.4)]
    elif kind == "block":
        bones = [Bone(at(-0.8, s), at(0.8, s), (r * 0.3, r * 0.3), "background", blend=r * 0.1) for s in (-0.5, 0, 0.5)]
    elif kind == "lump":
        bones = [
            Bone(
                at(dice.uniform(-1, 1), dice.uniform(-0.5, 0.3)),
                at(dice.uniform(-1, 1), 0.2),
                (r * dice.uniform(0.4, 0.8), r * 0.5),
                "background",
                blend=r * 0.5,
            )
            for _ in range(4)
        ]
    else:
        tilt = dice.uniform(-1.5, 1.5)
        bones = [
            Bone(at(-1.8, -tilt), at(1.8, tilt), (r * 0.2, r * 0.13), "background", blend=r * 0.2),
            Bone(at(0, 0), at(0.8, -1.5), (r * 0.14, r * 0.08), "background", blend=r * 0.2),
        ]
    return bones, draw_coat(dice, r) if kind in ("lump", "branch") else draw_cloth(dice, r)


def add_object(picture, dice, unit, place, light):
    """Draw a thing with its shadow into a picture, in place, and return its signed distance (height, width)."""
    bones, coat = draw_object(dice, unit, place)
    relief = raise_relief(bones, *picture.shape[:2])
    colours, opacity, box = shade(relief, coat, light)
    picture *= (1 - np.float32(0.3) * np.clip(1 - np.maximum(relief.distance, 0) / 8, 0, 1))[..., None]
    lay_over(picture, colours, opacity, box)
    return relief.distance


def add_shadow(picture, distance, light, ground):
    """Darken the ground around an animal: its silhouette flattened onto the floor, in place.

    Args:
        picture: float32 (height, width, 3).
        distance: signed distance to the silhouette, float32 (height, width).
        light: from draw_light.
        ground: row on which the animal stands.
    """
    height, width = distance.shape
    rows, columns = np.arange(height)[:, None], np.arange(width)[None]
    above = (np.float32(ground) - rows) * np.float32(3.2)
    source_row = np.clip(np.float32(ground) - np.abs(above), 0, height - 1).astype("int32")
    slant = np.float32(-light["direction"][0] * 1.5) * (np.float32(ground) - rows)
    source_column = np.clip(columns - slant, 0, width - 1).astype("int32")
    cover = np.clip((4 - distance[source_row, source_column]) / 10, 0, 1) * (rows > ground - height * 0.18)
    near = np.clip(1 - np.maximum(distance, 0) / 5, 0, 1) * np.float32(0.2)
    picture *= (1 - np.maximum(cover * np.float32(0.45), near))[..., None]


def add_blades(picture, dice, base):
    """Draw blades of grass that stand in front, from a row downwards, in place; return where they cover, bool."""
    height, width = picture.shape[:2]
    y, x = np.arange(height, dtype="float32")[:, None], np.arange(width, dtype="float32")[None]
    blade = sample(strands(), y / 3 + dice.uniform(0, 256), x * 3 + y * np.float32(dice.uniform(-0.5, 0.5)))
    cover = blade > np.float32(0.55) + np.maximum(np.float32(base) - y, -12) / 30
    colours = _mix(vary(dice, (0.15, 0.25, 0.08)), vary(dice, (0.50, 0.62, 0.25)), blade)
    lay_over(picture, colours, cover.astype("float32"))
    return cover


def develop(picture, dice, light):
    """Turn light into a photograph, uint8 (height, width, 3): colour cast, exposure, contrast, vignette, grain."""
    height, width = picture.shape[:2]
    y = np.arange(height, dtype="float32")[:, None] / np.float32(height) - np.float32(0.5)
    x = np.arange(width, dtype="float32")[None] / np.float32(width) - np.float32(0.5)
    vignette = 1 - np.float32(dice.uniform(0, 0.5)) * (x * x + y * y)
    exposure = np.float32(dice.uniform(0.85, 1.2)) * np.array(light["colour"], "float32")
    picture = picture * vignette[..., None] * exposure
    picture = (picture - np.float32(0.45)) * np.float32(dice.uniform(0.85, 1.15)) + np.float32(0.45)
    noise = dice.array(height, width) + dice.array(height, width) - 1
    picture = picture + (noise * np.float32(dice.uniform(0.01, 0.05)))[..., None]
    return (np.clip(picture, 0, 1) * np.float32(255) + np.float32(0.5)).astype("uint8")
