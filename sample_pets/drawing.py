"""One picture: a place, clutter, an animal or two, what stands before them, and the masks of it all."""

from dataclasses import dataclass, replace

import numpy as np

from .animals import PARTS, draw_animal, transform
from .randomness import Dice
from .rendering import draw_decals, lay_over, raise_relief, shade
from .scenes import FURS, add_blades, add_object, add_shadow, develop, draw_coat, draw_light, draw_place, vary

IRISES = ((0.75, 0.60, 0.15), (0.45, 0.60, 0.25), (0.35, 0.22, 0.10), (0.35, 0.55, 0.75), (0.60, 0.38, 0.12))
NOSES = ((0.08, 0.07, 0.07), (0.72, 0.42, 0.40), (0.30, 0.18, 0.14))
BREEDS = {"cat": ("Bramble", "Marble", "Velvet"), "dog": ("barley", "conker", "thistle")}
PORTRAITS = 0.6  # share of the pictures that show a head rather than a whole animal
OUTLINE = 0.024  # half the width of a trimap's outline, as a share of the picture's shorter side


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


def draw_pet(seed, index, species, portraits=PORTRAITS):
    """Draw a picture of one animal.

    Args:
        seed: seed of the data set, an int >= 0.
        index: number of the picture, an int >= 0.
        species: "cat" or "dog".
        portraits: how likely the picture is of the head rather than of the whole animal, 0 to 1.

    Returns:
        A Drawing; the same on every machine for the same arguments.
    """
    dice = Dice(seed, index)
    portrait = dice.chance(portraits)
    # The frame's share, in width or in height: of the whole animal a quarter to nine tenths, rather more than less;
    # of a portrait's head up to all of it.
    extent = dice.uniform(0.7, 1.0) if portrait else max(dice.uniform(0.25, 0.9) for _ in range(5))
    return _draw(dice, [Sitter(species, dice.uniform(0.3, 0.7), extent, portrait)])


def draw_head(seed, index, species):
    """Draw a picture of a head alone, anywhere in it, two to three fifths of its width or height, amid clutter.

    Cats and dogs differ in the shape of their heads alone: fur, place, light and clutter are drawn alike for both.
    For arguments and result see draw_pet.
    """
    dice = Dice(seed, index)
    return _draw(dice, [Sitter(species, dice.uniform(0, 1), dice.uniform(0.4, 0.6), alone=True)])


def draw_pair(seed, index, species=("cat", "dog"), heads=False):
    """Draw a picture of two animals, the second in front, or of two heads amid clutter; see draw_pet."""
    dice = Dice(seed, index)
    side = dice.side()
    spots = (0.5 - 0.22 * side, 0.5 + 0.2 * side)
    if heads:
        spots = (0.5 - 0.36 * side, 0.5 + 0.36 * side)
    extents = (0.4, 0.45) if heads else (0.45, 0.58)
    return _draw(
        dice,
        [Sitter(name, spot, dice.uniform(*extents), alone=heads) for name, spot in zip(species, spots, strict=True)],
    )


@dataclass(frozen=True)
class Sitter:
    """Who sits for the picture, and where.

    Attributes:
        species: "cat" or "dog".
        centre: horizontal place, as a share of the frame's width; of a head alone, of what it leaves of the frame.
        extent: share of the frame that the animal, or in a portrait its head, takes in width or in height.
        portrait: whether the head is the subject, and the body may leave the frame.
        alone: whether there is nothing but the head, high or low in the frame.
    """

    species: str
    centre: float
    extent: float
    portrait: bool = False
    alone: bool = False


def _draw(dice, sitters):
    """Draw a place, the sitters in it from back to front, and what stands before them."""
    skins = [vary(dice, (0.80, 0.58, 0.52)) for _ in sitters]
    furs = [vary(dice, dice.pick(FURS)) for _ in sitters]
    animals = [draw_animal(dice, sitter.species, skin) for sitter, skin in zip(sitters, skins, strict=True)]
    animals = [
        replace(animal, bones=animal.head) if sitter.alone else animal
        for sitter, animal in zip(sitters, animals, strict=True)
    ]
    height, width = _draw_size(dice, len(sitters) > 1 or _is_wide(animals[0], sitters[0].portrait))
    light = draw_light(dice)
    horizon = height * dice.uniform(0.15, 0.65)
    picture, grassy = draw_place(dice, height, width, horizon, furs[0])
    amid = sitters[0].alone  # clutter of the head's size, all over
    for _ in range(int(dice.uniform(3, 7) if amid else dice.uniform(0, 2.5))):
        spot = (dice.uniform(0, width), dice.uniform(0 if amid else horizon, height))
        add_object(picture, dice, min(height, width) / (6 if amid else 10), spot, light)
    distance = np.full((height, width), np.float32(99))
    parts, instances = np.zeros((height, width), "uint8"), np.zeros((height, width), "uint8")
    for number, (sitter, animal, fur) in enumerate(zip(sitters, animals, furs, strict=True), 1):
        relief = _add_animal(picture, dice, sitter, animal, fur, light)
        inside = relief.distance < 0
        parts = np.where(inside | (relief.part == PARTS.index("whiskers")), relief.part, parts)
        instances[inside] = number
        distance = np.minimum(distance, relief.distance)
    covered = _add_foreground(picture, dice, light, grassy)
    distance = np.maximum(distance, -covered)
    parts[covered <= 0] = 0
    instances[distance >= 0] = 0
    band = OUTLINE * min(height, width)
    trimap = np.where(distance < -band, 1, np.where(distance > band, 2, 3)).astype("uint8")
    species = tuple(sitter.species for sitter in sitters)
    return Drawing(develop(picture, dice, light), trimap, parts.astype("uint8"), instances, species)


def _is_wide(animal, portrait):
    """Tell whether an animal (in a portrait, its head) is wider than high."""
    low, high = _bounds(animal.head if portrait else animal.bones)
    return high[0] - low[0] > high[1] - low[1]


def _draw_size(dice, wide):
    """Draw a picture's height and width, 180 to 250 pixels on the longer side; most fit what they show."""
    long = dice.uniform(180, 250)
    short = long * dice.pick((1.0, 0.75, 0.75, 0.667, 0.8))
    landscape = wide if dice.chance(0.85) else not wide
    return (int(short), int(long)) if landscape else (int(long), int(short))


def _add_animal(picture, dice, sitter, animal, fur, light):
    """Draw an animal into the picture, in place, and return its Relief."""
    height, width = picture.shape[:2]
    low, high = _bounds(animal.head if sitter.portrait else animal.bones)
    scale = sitter.extent * min(width / (high[0] - low[0]), height / (high[1] - low[1]))
    half = (high[1] - low[1]) * scale / 2
    middle = height * dice.uniform(0.4, 0.6) if sitter.portrait else dice.uniform(half, height * 0.97 - half)
    if not sitter.portrait:  # it stands on the floor, not in the sky
        middle = max(middle, min(height * 0.6, height * 0.97 - half))
    across = width * sitter.centre
    if sitter.alone:  # a quarter of it may leave the frame
        halves = (high - low) * scale * 0.25
        across = halves[0] + sitter.centre * (width - 2 * halves[0])
        middle = dice.uniform(halves[1], height - halves[1])
    shift = np.array([across, middle, 0]) - np.append((low + high) / 2 * scale, 0)
    move = lambda item: transform(item, np.eye(3), shift, scale)  # noqa: E731
    relief = raise_relief([move(bone) for bone in animal.bones], height, width)
    coat = draw_coat(dice, scale, fur)
    colours, opacity, box = shade(relief, coat, light)
    add_shadow(picture, relief.distance, light, min(int(middle + half) - 2, height + 40))
    lay_over(picture, colours, opacity, box)
    paints = {
        "iris": vary(dice, dice.pick(IRISES)),
        "nose": dice.pick(NOSES),
        "line": (0.12, 0.08, 0.08),
        "whisker": (0.92, 0.92, 0.9) if sum(coat.base) < 2 else (0.35, 0.33, 0.3),
    }
    draw_decals(picture, relief, [move(decal) for decal in animal.decals], paints)
    return relief


def _bounds(bones):
    """Return the lowest and highest (x, y) that bones reach."""
    low = np.min([np.minimum(b.start, b.end)[:2] - max(b.radii) for b in bones], 0)
    high = np.max([np.maximum(b.start, b.end)[:2] + max(b.radii) for b in bones], 0)
    return low, high


def _add_foreground(picture, dice, light, grassy):
    """Draw what hides a part of the animal, now and then, in place.

    Returns:
        The signed distance to it, float32 (height, width); 0 on blades of grass, too thin to have an inside, which
        makes the animal behind them outline.
    """
    height, width = picture.shape[:2]
    nothing = np.full((height, width), np.float32(99))
    kind = dice.uniform()
    if kind < 0.15:
        spot = (dice.uniform(0.1, 0.9) * width, dice.uniform(0.75, 1.0) * height)
        return add_object(picture, dice, min(height, width) / 7, spot, light)
    if grassy and kind < 0.6:
        return np.where(add_blades(picture, dice, height * dice.uniform(0.8, 0.95)), np.float32(0), nothing)
    return nothing
