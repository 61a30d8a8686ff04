"""Skeletons of cats and dogs: what tells the two apart is here, and nowhere else.

An animal is a list of bones in three dimensions. Its own axes are (forward, up, left) with the length of one
skull radius as unit; a pose places the bones, a view turns them towards the camera.
"""

from dataclasses import dataclass, replace

import numpy as np

from .randomness import turn

PARTS = ("background", "body", "head", "ears", "muzzle", "eyes", "legs", "tail", "whiskers")


@dataclass(frozen=True)
class Bone:
    """A tapered capsule from one point to another.

    Attributes:
        start, end: points, float64 (3,); (forward, up, left) in a skeleton, (x, y, depth) in pixels in a view.
        radii: thickness at start and end.
        part: a name from PARTS.
        colour: None for the coat, else float (3,) RGB in [0, 1].
        blend: how softly it melts into its neighbours, in the unit of its points.
    """

    start: np.ndarray
    end: np.ndarray
    radii: tuple[float, float]
    part: str
    colour: tuple[float, float, float] | None = None
    blend: float = 0.35


@dataclass(frozen=True)
class Decal:
    """Something flat on the surface: an eye, a nose, a line of the mouth, a whisker.

    Attributes:
        kind: "eye", "nose", "line" or "whisker".
        points: one or more points, float64 (n, 3), like those of a bone.
        size: radius or width, in the unit of the points.
        normal: where it looks, float64 (3,); hidden when that is away from the camera.
        detail: for an eye, the ratio of the pupil's width to its height.
    """

    kind: str
    points: np.ndarray
    size: float
    normal: np.ndarray
    detail: float = 1.0


def point(*coordinates):
    """Return a point as float64 (3,)."""
    return np.array(coordinates, dtype="float64")


def chain(points, radii, part, **options):
    """Join neighbouring points by bones."""
    pairs = zip(points, points[1:], radii, radii[1:], strict=False)
    return [Bone(start, end, (r0, r1), part, **options) for start, end, r0, r1 in pairs]


def draw_shape(dice, species):
    """Draw the measures of one animal: what is typical of its species, with individual spread.

    Args:
        dice: a Dice.
        species: "cat" or "dog".

    Returns:
        A dict of lengths in skull radii and of choices.
    """
    u = dice.uniform
    if species == "cat":
        ears = "folded" if dice.chance(0.08) else "pricked"
        shape = dict(
            muzzle=u(0.05, 0.28),
            muzzle_width=u(0.30, 0.36),
            ears=ears,
            ear=u(0.75, 1.05),
            ear_spread=u(0.5, 0.68),
            eye=u(0.19, 0.25),
            pupil=u(0.25, 0.8),
            whiskers=u(0.8, 1.3),
            nose=u(0.10, 0.14),
            back=u(2.7, 3.7),
            leg=u(1.5, 2.1),
            thick=u(0.24, 0.32),
            chest=u(0.82, 1.05),
            waist=u(0.8, 1.0),
            neck=u(0.45, 0.75),
            tail=u(2.6, 3.8),
            tail_radii=(u(0.2, 0.27), u(0.15, 0.24)),
            tail_curl=u(-40, 65),
        )
    else:
        ears = "pricked" if dice.chance(0.12) else dice.pick(("floppy", "floppy", "tipped"))
        shape = dict(
            muzzle=u(0.6, 1.15),
            muzzle_width=u(0.34, 0.46),
            ears=ears,
            ear=u(0.8, 1.25),
            ear_spread=u(0.45, 0.65),
            eye=u(0.14, 0.19),
            pupil=u(0.85, 1.0),
            whiskers=0.0,
            nose=u(0.17, 0.24),
            back=u(2.9, 4.2),
            leg=u(1.7, 2.7),
            thick=u(0.28, 0.38),
            chest=u(0.95, 1.25),
            waist=u(0.72, 0.95),
            neck=u(0.7, 1.2),
            tail=u(1.0, 2.4),
            tail_radii=(u(0.24, 0.34), u(0.08, 0.2)),
            tail_curl=u(-30, 150),
        )
    shape["species"] = species
    return shape


def head_bones(dice, shape, skin):
    """Return bones and decals of a head at the origin that looks forward."""
    cat = shape["species"] == "cat"
    length, width = shape["muzzle"], shape["muzzle_width"]
    tip = 0.85 + length
    bones = [Bone(point(-0.1, 0, 0), point(0, 0, 0), (0.95, 0.97), "head")]
    for side in (-1, 1):
        cheek = point(0.35, -0.28, 0.42 * side) if cat else point(0.3, -0.25, 0.36 * side)
        bones.append(Bone(cheek, cheek, (0.58, 0.58), "head"))
        pad = point(tip, -0.36, (0.2 if cat else 0.15) * side)
        bones.append(Bone(point(0.6, -0.3, 0.2 * side), pad, (width + 0.08, width * (0.85 if cat else 0.8)), "muzzle"))
        bones += ear_bones(shape, side, skin)
    bones.append(Bone(point(0.4, -0.6, 0), point(tip - 0.12, -0.62, 0), (0.34, 0.22), "muzzle"))
    return bones, face_decals(dice, shape, tip + width * 0.8)


def ear_bones(shape, side, skin):
    """Return one ear: pricked, folded, tipped or floppy."""
    long, spread = shape["ear"], shape["ear_spread"]
    base = point(0.0, 0.62, 0.58 * side)
    if shape["ears"] == "floppy":
        points = [
            point(0, 0.66, 0.62 * side),
            point(0.08, 0.25, 1.1 * side),
            point(0.22, 0.3 - long, 1.12 * side),
        ]
        return chain(points, (0.26, 0.32, 0.27), "ears", blend=0.08)
    if shape["ears"] == "folded":
        return chain(
            [base, base + point(0.25, 0.42, 0.22 * side), base + point(0.55, 0.2, 0.3 * side)],
            (0.4, 0.24, 0.1),
            "ears",
            blend=0.15,
        )
    top = base + point(-0.05, long, (spread - 0.3) * side)
    ear = chain([base, top], (0.42, 0.07), "ears", blend=0.15)
    if shape["ears"] == "tipped":
        half = base + point(0, 0.55 * long, 0.12 * side)
        return chain([base, half, half + point(0.42, -0.1, 0.22 * side)], (0.4, 0.26, 0.12), "ears", blend=0.12)
    inside = Bone(
        base + point(0.3, 0.12, 0.03 * side),
        top + point(0.12, -0.3 * long, -0.02 * side),
        (0.21, 0.05),
        "ears",
        colour=skin,
        blend=0.05,
    )
    return [*ear, inside]


def face_decals(dice, shape, front):
    """Return eyes, nose, mouth and whiskers; `front` is how far forward the muzzle reaches."""
    cat = shape["species"] == "cat"
    ahead = point(1, 0, 0)
    decals = []
    for side in (-1, 1):
        eye = point(0.86, 0.1, (0.4 if cat else 0.36) * side)
        decals.append(Decal("eye", eye[None], shape["eye"], point(0.9, 0.1, 0.45 * side), shape["pupil"]))
        mouth = np.stack(
            [
                point(front, -0.42, 0),
                point(front - 0.04, -0.58, 0.12 * side),
                point(front - 0.16, -0.6, 0.3 * side),
            ]
        )
        decals.append(Decal("line", mouth, 0.045, ahead))
        for _ in range(4 if shape["whiskers"] else 0):
            root = point(front - 0.12, -0.4 + dice.uniform(-0.1, 0.1), 0.32 * side)
            reach = point(dice.uniform(-0.3, 0.2), dice.uniform(-0.35, 0.3), side) * shape["whiskers"]
            decals.append(
                Decal(
                    "whisker",
                    np.stack([root, root + reach * 0.5 + point(0, 0.05, 0), root + reach]),
                    0.03,
                    point(0.8, 0, 0.6 * side),
                )
            )
    decals.append(Decal("nose", point(front + 0.02, -0.2, 0)[None], shape["nose"], ahead))
    return decals


def leg_bones(shape, hip, foot, bend, strong=1.0):
    """Return a leg from hip to foot, bent forward (or backward) at the knee."""
    r = shape["thick"]
    knee = (hip + foot) / 2 + point(bend, 0.08, 0)
    points = [hip, knee, foot + point(0, 0.12, 0), foot + point(0.28, 0.02, 0)]
    return chain(points, (r * 1.7 * strong, r * 1.15, r * 0.85, r), "legs", blend=0.25)


def tail_bones(dice, shape, root):
    """Return a tail of five bones that curls up or down as it goes."""
    heading, points = dice.uniform(150, 200), [root]
    side = dice.uniform(-0.5, 0.5)
    for _ in range(5):
        cosine, sine = turn(heading)
        step = point(cosine, sine, side) * (shape["tail"] / 5)
        after = points[-1] + step
        points.append(point(after[0], max(after[1], 0.15), after[2]))
        heading -= shape["tail_curl"] / 4
    thick, thin = shape["tail_radii"]
    return chain(points, tuple(thick + (thin - thick) * i / 5 for i in range(6)), "tail", blend=0.2)


def stand(dice, shape):
    """Return the legs of a standing animal, where its hips and shoulders are, and the way from these to its head."""
    back, leg, chest, waist = (shape[key] for key in ("back", "leg", "chest", "waist"))
    wide = 0.55 * chest
    bones = []
    for side in (-1, 1):
        hip, foot = point(0.05, leg + 0.3, wide * side), point(-0.1 + dice.uniform(-0.35, 0.35), 0.1, wide * side)
        bones += leg_bones(shape, hip, foot, -0.22, 1.35)
        shoulder = point(back, leg + 0.2, wide * side)
        paw = point(back + 0.1 + dice.uniform(-0.35, 0.35), 0.1, wide * side)
        bones += leg_bones(shape, shoulder, paw, 0.05)
    return bones, point(0, leg + waist * 0.6, 0), point(back, leg + chest * 0.7, 0), point(0.7, 0.8, 0)


def sit(dice, shape):
    """Return the same as `stand` for a sitting animal."""
    back, leg, chest, waist = (shape[key] for key in ("back", "leg", "chest", "waist"))
    wide = 0.55 * chest
    shoulders = point(back * 0.38, leg + chest * 0.85, 0)
    bones = []
    for side in (-1, 1):
        thigh, foot = point(0.25, 0.75, wide * 1.35 * side), point(1.15, 0.12, wide * 1.6 * side)
        bones += chain([thigh, foot], (0.72, 0.26), "legs")
        bones += chain([foot, foot + point(0.35, 0, 0)], (0.26, 0.27), "legs")
        paw = point(back * 0.38 + 0.55 + dice.uniform(-0.35, 0.35) * 0.4, 0.1, wide * 0.72 * side)
        bones += leg_bones(shape, shoulders + point(0.15, -0.4, wide * 0.8 * side), paw, 0.03)
    return bones, point(0, waist * 0.95, 0), shoulders, point(0.4, 0.95, 0)


def lie(dice, shape):
    """Return the same as `stand` for a lying animal."""
    back, chest, waist = (shape[key] for key in ("back", "chest", "waist"))
    wide = 0.55 * chest
    bones = []
    for side in (-1, 1):
        thigh, foot = point(0.3, 0.7, wide * 1.3 * side), point(1.2, 0.25, wide * 1.5 * side)
        bones += chain([thigh, foot], (0.68, 0.27), "legs")
        elbow = point(back * 0.9 + 0.1, 0.4, wide * side)
        reach = point(1.2 + dice.uniform(-0.35, 0.35), -0.15, dice.uniform(-0.35, 0.35) * 0.5)
        bones += chain([elbow, elbow + reach], (0.4, 0.27), "legs")
    return bones, point(0, waist * 0.9, 0), point(back * 0.9, chest * 0.95, 0), point(0.55, 0.9, 0)


POSES = {"standing": stand, "sitting": sit, "lying": lie}


def pose(dice, shape, name):
    """Place the bones below the head.

    Args:
        dice: a Dice.
        shape: from draw_shape.
        name: one of POSES.

    Returns:
        The bones, and the point where the head belongs, float64 (3,).
    """
    chest, waist = shape["chest"], shape["waist"]
    bones, hips, shoulders, lift = POSES[name](dice, shape)
    middle = (hips + shoulders) / 2 + point(0, dice.uniform(-0.05, 0.15), 0)
    bones += chain([hips, middle, shoulders], (waist, (waist + chest) / 2, chest), "body", blend=0.6)
    head = shoulders + lift * (0.75 + shape["neck"] * 0.6)
    neck = [shoulders + point(0.1, 0.2, 0), head + point(-0.2, -0.3, 0)]
    bones += chain(neck, (chest * 0.8, 0.62), "body", blend=0.6)
    bones += tail_bones(dice, shape, hips + point(-waist * 0.85, 0.15, 0))
    return bones, head


def rotation(yaw, pitch, roll=0.0):
    """Return the matrix that takes (forward, up, left) to (x, y, depth) on the screen, float64 (3, 3).

    Yaw 0 looks into the camera, 90 to the right; a positive pitch looks from above; roll tilts, in degrees.
    """
    (cy, sy), (cp, sp), (cr, sr) = turn(yaw), turn(pitch), turn(roll)
    x = (sy, 0.0, cy)
    depth = (cy, 0.0, -sy)
    y = tuple(d * sp - up * cp for d, up in zip(depth, (0, 1, 0), strict=True))
    z = tuple(d * cp + up * sp for d, up in zip(depth, (0, 1, 0), strict=True))
    return np.array(
        [
            [cr * a - sr * b for a, b in zip(x, y, strict=True)],
            [sr * a + cr * b for a, b in zip(x, y, strict=True)],
            z,
        ]
    )


def transform(item, matrix, shift, scale=1.0):
    """Turn, enlarge and move a bone or a decal; element by element, as BLAS would round its own way."""

    def move(p):
        return (matrix[:, 0] * p[0] + matrix[:, 1] * p[1] + matrix[:, 2] * p[2]) * scale + shift

    if isinstance(item, Bone):
        return replace(
            item,
            start=move(item.start),
            end=move(item.end),
            blend=item.blend * scale,
            radii=(item.radii[0] * scale, item.radii[1] * scale),
        )
    normal = (move(item.normal) - shift) / scale
    return replace(item, points=np.stack([move(p) for p in item.points]), size=item.size * scale, normal=normal)


@dataclass(frozen=True)
class Animal:
    """An animal as the camera sees it: (x, y, depth) in skull radii, y downwards, depth towards the viewer.

    Attributes:
        bones: all bones.
        decals: what is painted on.
        head: the bones of the head alone.
    """

    bones: list[Bone]
    decals: list[Decal]
    head: list[Bone]


def draw_animal(dice, species, skin):
    """Draw one animal in a pose of its own, seen from a side of its own.

    Args:
        dice: a Dice.
        species: "cat" or "dog".
        skin: colour of the inner ear, (3,) RGB in [0, 1].

    Returns:
        An Animal.
    """
    shape = draw_shape(dice, species)
    name = dice.pick(("standing", "sitting", "lying", "sitting"))
    yaw = dice.side() * dice.uniform(*{"standing": (35, 100), "sitting": (0, 75), "lying": (25, 85)}[name])
    pitch = dice.uniform(0, 16)
    body, neck = pose(dice, shape, name)
    view = rotation(yaw, pitch)
    body = [transform(bone, view, point(0, 0, 0)) for bone in body]
    centre = transform(Bone(neck, neck, (1, 1), "head"), view, point(0, 0, 0)).start
    look = max(-85, min(85, yaw * dice.uniform(0.05, 0.7) + dice.uniform(-15, 15)))
    view = rotation(look, pitch + dice.uniform(-14, 14), dice.uniform(-14, 14))
    size = dice.uniform(1.05, 1.3)
    bones, decals = head_bones(dice, shape, skin)
    head = [transform(bone, view, centre, size) for bone in bones]
    return Animal(body + head, [transform(decal, view, centre, size) for decal in decals], head)
