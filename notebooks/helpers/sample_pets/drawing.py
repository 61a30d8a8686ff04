"""One picture: a place, clutter, an animal or two, what stands before them, and the masks of it all."""

from dataclasses import dataclass

import numpy as np

from .animals import PARTS, draw_animal, transform
from .randomness import Dice
from .rendering import draw_decals, lay_over, raise_relief, shade
from .scenes import add_blades, add_object, add_shadow, develop, draw_coat, draw_light, draw_place, vary

IRISES = ((0.75, 0.60, 0.15), (0.45, 0.60, 0.25), (0.35, 0.22, 0.10), (0.35, 0.55, 0.75), (0.60, 0.38, 0.12))
BREEDS = {"cat": ("Bramble", "Marble", "Velvet"), "dog": ("barley", "conker", "thistle")}
OUTLINE = 0.017  # half the width of a trimap's outline, as a share of the picture's shorter side


@dataclass(frozen=True)
class Drawing:
    """A picture and what is known of it.

    Attributes:
        picture: uint8 (height, width, 3), RGB.
        trimap: uint8 (height, width): 1 animal, 2 background, 3 outline.
        parts: uint8 (height, width), index into PARTS.
        instances: uint8 (height, width): 0 background, then 1, 2 … for each animal.
        species: "cat" or "dog" for each animal.
    """

    picture: np.ndarray
    trimap: np.ndarray
    parts: np.ndarray
    instances: np.ndarray
    species: tuple[str, ...]


def draw_pet(seed, index, species):
    """Draw a picture of one animal.

    Args:
        seed: seed of the data set, an int >= 0.
        index: number of the picture, an int >= 0.
        species: "cat" or "dog".

    Returns:
        A Drawing; the same on every machine for the same arguments.
    """
    dice = Dice(seed, index)
    return _draw(dice, (species,), [(dice.uniform(0.3, 0.7), _draw_extent(dice))])


def draw_pair(seed, index, species=("cat", "dog")):
    """Draw a picture of two animals, the second in front; see draw_pet."""
    dice = Dice(seed, index)
    left = dice.side()
    return _draw(
        dice,
        species,
        [(0.5 - 0.22 * left, dice.uniform(0.45, 0.55)), (0.5 + 0.2 * left, dice.uniform(0.5, 0.6))],
    )


def _draw_extent(dice):
    """Draw how much of the frame an animal takes: a quarter to nine tenths, rather more; above one, a portrait."""
    return dice.uniform(1.15, 1.55) if dice.chance(0.45) else max(dice.uniform(0.25, 0.9) for _ in range(3))


def _draw(dice, species, spots):
    """Draw animals at spots (horizontal centre and extent, as shares of the frame)."""
    height, width = _draw_size(dice)
    light = draw_light(dice)
    horizon = height * dice.uniform(0.15, 0.65)
    picture, grassy = draw_place(dice, height, width, horizon)
    unit = min(height, width) / 9
    for _ in range(int(dice.uniform(0, 4))):
        add_object(picture, dice, unit, (dice.uniform(0, width), dice.uniform(horizon, height)), light)
    distance = np.full((height, width), np.float32(99))
    parts, instances = np.zeros((height, width), "uint8"), np.zeros((height, width), "uint8")
    for number, (name, spot) in enumerate(zip(species, spots, strict=True), 1):
        relief = _add_animal(picture, dice, name, spot, light)
        inside = relief.distance < 0
        parts = np.where(inside | (relief.part == PARTS.index("whiskers")), relief.part, parts)
        instances[inside] = number
        distance = np.minimum(distance, relief.distance)
    covered = _add_foreground(picture, dice, light, grassy)
    distance = np.maximum(distance, -covered)
    parts[covered < 0] = 0
    instances[distance >= 0] = 0
    band = OUTLINE * min(height, width)
    trimap = np.where(distance < -band, 1, np.where(distance > band, 2, 3)).astype("uint8")
    return Drawing(develop(picture, dice, light), trimap, parts.astype("uint8"), instances, tuple(species))


def _draw_size(dice):
    """Draw a picture's height and width: landscape, portrait or square, 150 to 240 pixels on the longer side."""
    long = dice.uniform(180, 250)
    short = long * dice.pick((1.0, 0.75, 0.75, 0.667, 0.8))
    size = (int(short), int(long)) if dice.chance(0.6) else (int(long), int(short))
    return size


def _add_animal(picture, dice, species, spot, light):
    """Draw an animal into the picture, in place, and return its Relief."""
    height, width = picture.shape[:2]
    coat_dice = Dice(int(dice.uniform() * 2**31))
    skin = vary(coat_dice, (0.80, 0.58, 0.52))
    bones, decals, head = draw_animal(dice, species, skin)
    low, high = _bounds(bones)
    centre, extent = spot
    if extent > 1:  # a portrait: the head fills the frame
        low, high = _bounds(head)
        extent -= 0.75
        middle = height * dice.uniform(0.4, 0.6)
    else:
        room = extent * height / 2
        middle = min(max(height * dice.uniform(0.5, 0.8), room), height - room * 0.9)
    scale = extent * min(width / (high[0] - low[0]), height / (high[1] - low[1]))
    if spot[1] <= 1:
        middle = min(middle, height * 0.97 - (high[1] - low[1]) * scale / 2)
    shift = np.array([width * centre - (low[0] + high[0]) / 2 * scale, middle - (low[1] + high[1]) / 2 * scale, 0])
    move = lambda item: transform(item, np.eye(3), shift, scale)  # noqa: E731
    relief = raise_relief([move(bone) for bone in bones], height, width)
    coat = draw_coat(coat_dice, scale)
    colours, opacity = shade(relief, coat, light)
    add_shadow(picture, relief.distance, light, min(int(middle + (high[1] - low[1]) * scale / 2) - 2, height + 40))
    lay_over(picture, colours, opacity)
    whisker = (0.92, 0.92, 0.9) if sum(coat.base) < 2 else (0.35, 0.33, 0.3)
    nose = coat_dice.pick(((0.08, 0.07, 0.07), (0.72, 0.42, 0.40), (0.30, 0.18, 0.14)))
    paints = {
        "iris": vary(coat_dice, coat_dice.pick(IRISES)),
        "nose": nose,
        "line": (0.12, 0.08, 0.08),
        "whisker": whisker,
    }
    draw_decals(picture, relief, [move(decal) for decal in decals], paints)
    return relief


def _bounds(bones):
    """Return the lowest and highest (x, y) that bones reach."""
    low = np.min([np.minimum(b.start, b.end)[:2] - max(b.radii) for b in bones], 0)
    high = np.max([np.maximum(b.start, b.end)[:2] + max(b.radii) for b in bones], 0)
    return low, high


def _add_foreground(picture, dice, light, grassy):
    """Draw what hides a part of the animal, now and then; return the signed distance to it, in place."""
    height, width = picture.shape[:2]
    nothing = np.full((height, width), np.float32(99))
    kind = dice.uniform()
    if kind < 0.25:
        spot = (dice.uniform(0.1, 0.9) * width, dice.uniform(0.7, 1.0) * height)
        return add_object(picture, dice, min(height, width) / 6, spot, light)
    if grassy and kind < 0.6:
        return np.where(add_blades(picture, dice, height * dice.uniform(0.8, 0.95)), np.float32(-99), nothing)
    return nothing
