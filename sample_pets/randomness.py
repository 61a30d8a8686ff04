"""Random numbers and noise textures that are the same on every machine.

Only the bit generator's raw doubles are used, and only operations that IEEE 754 rounds correctly (+, -, *, /,
square root, comparisons): no sine, no exponential, no matrix product, no float sum, whose last digit depends on
the processor. Two machines then agree in every pixel.
"""

import functools
import math

import numpy as np

TILE = 256  # side of the noise textures in pixels, a power of two


class Dice:
    """Random choices from a seed and an index; NumPy promises that PCG64's stream never changes.

    Args:
        *key: non-negative integers, for instance a seed and the number of a picture.
    """

    def __init__(self, *key):
        self._generator = np.random.Generator(np.random.PCG64(np.random.SeedSequence(key)))

    def uniform(self, low=0.0, high=1.0):
        """Return a float in [low, high)."""
        return low + (high - low) * float(self._generator.random())

    def array(self, *shape):
        """Return a float32 array of this shape in [0, 1)."""
        return self._generator.random(shape).astype("float32")

    def chance(self, probability):
        """Return True with this probability."""
        return self.uniform() < probability

    def pick(self, choices):
        """Return one element of a sequence."""
        return choices[int(self.uniform() * len(choices))]

    def side(self):
        """Return -1 or 1."""
        return 1 if self.chance(0.5) else -1


def turn(degrees):
    """Return (cosine, sine), rounded so that every C library gives the same digits."""
    angle = math.radians(degrees)
    return round(math.cos(angle), 6), round(math.sin(angle), 6)


def _smooth(tile, radius, axis):
    """Average over 2 * radius + 1 neighbours along an axis that wraps around."""
    total = tile.copy()
    for shift in range(1, radius + 1):
        total += np.roll(tile, shift, axis) + np.roll(tile, -shift, axis)
    return total / np.float32(2 * radius + 1)


def _stretch(tile):
    """Scale values to [0, 1]."""
    return (tile - tile.min()) / (tile.max() - tile.min())


def _enlarge(lattice):
    """Interpolate a square lattice that wraps around to a tile, smoothly."""
    cells = lattice.shape[0]
    position = np.arange(TILE, dtype="float32") * np.float32(cells / TILE)
    left = position.astype("int64")
    t = position - left
    t = t * t * (3 - 2 * t)
    rows = lattice[left] * (1 - t)[:, None] + lattice[(left + 1) % cells] * t[:, None]
    return rows[:, left] * (1 - t) + rows[:, (left + 1) % cells] * t


@functools.cache
def strands():
    """Return hair: float32 (TILE, TILE) in [0, 1], streaks along the first axis."""
    dice = Dice(9, 1)
    fine = _smooth(_smooth(dice.array(TILE, TILE), 3, 0), 2, 0)
    coarse = _smooth(_smooth(_smooth(dice.array(TILE, TILE), 5, 0), 4, 0), 1, 1)
    return _stretch(_stretch(fine) + _stretch(coarse))


@functools.cache
def clouds():
    """Return smooth patches: float32 (TILE, TILE) in [0, 1], octaves from 8 to 64 cells."""
    dice = Dice(9, 2)
    octaves = [_enlarge(dice.array(cells, cells)) * np.float32(8 / cells) for cells in (8, 16, 32, 64)]
    return _stretch(octaves[0] + octaves[1] + octaves[2] + octaves[3])


@functools.cache
def grains():
    """Return fine grain: float32 (TILE, TILE) in [0, 1]."""
    return _stretch(_smooth(_smooth(Dice(9, 3).array(TILE, TILE), 1, 0), 1, 1))


def sample(tile, rows, columns):
    """Look a tile up at float coordinates in its pixels, wrapping around."""
    return tile[rows.astype("int32") & (TILE - 1), columns.astype("int32") & (TILE - 1)]
