"""Measures how fast and in how much memory pictures and masks are read."""

import os
import tempfile
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from PIL import Image
from tqdm import tqdm

from helpers.files import write_whole
from helpers.pets import list_pets, load_pets
from machinery.benchmarks import book
from machinery.benchmarks.measuring import Row, alternate, compare, run_alone
from sample_pets import write_sample_pets


def measure_reading(scale: SimpleNamespace, folder: Path) -> list[Row]:
    """Read pictures and masks; and read them again, as after a change of another knob."""
    originals = folder / f"originals-{scale.pictures}"
    paths = draw_originals(originals, scale.pictures, scale.original)
    row, book_times = compare_reading(paths, scale.size)
    with tempfile.TemporaryDirectory(dir=folder) as kept:
        peak = run_alone("-m", "machinery.benchmarks.alone", originals, scale.size, kept)
        times, _ = alternate({"ours": partial(load_pets, *paths, scale.size, cache=kept)}, len(book_times))
    row.notes.append(f"whole process with the cache: {peak / 1e9:.2f} GB (1.5 allowed)")
    row.reached &= peak <= 1.5e9
    return [row, compare("the same again", times | {"book": book_times}, 50)]


def compare_reading(paths: tuple[list[Path], list[Path]], size: int) -> tuple[Row, list[float]]:
    """Return the row of reading without a cache, and the book's times; the arrays, some GB, are gone then."""
    ways = {"ours": partial(load_pets, *paths, size), "book": partial(book.read_pets, *paths, size)}
    times, results = alternate(ways, 3, warm=0)
    (pictures, masks, _), (book_pictures, book_masks) = results["ours"], results["book"]
    pictures_smaller = book_pictures.nbytes / pictures.nbytes
    smaller = (book_pictures.nbytes + book_masks.nbytes) / (pictures.nbytes + masks.nbytes)
    row = compare(f"read {len(pictures):,} pets to {size}×{size}", times, 3)
    row.agree = np.array_equal(pictures, book_pictures) and np.array_equal(masks, book_masks)
    row.reached &= pictures_smaller == 4
    row.floor = len(pictures) / measure_decoding(paths[0]) / os.cpu_count()
    row.notes.append(
        f"pictures {pictures_smaller:.0f} times smaller, with masks {smaller:.1f}; the floor is the decoding alone"
    )
    return row, times["book"]


def measure_decoding(paths: list[Path]) -> float:
    """Return how many pictures a second one core decodes, without resizing or anything else."""
    paths = paths[:100]
    times, _ = alternate({"decode": lambda: [Image.open(path).convert("RGB") for path in paths]}, 3)
    return len(paths) / min(times["decode"])


def draw_originals(folder: Path, count: int, size: tuple[int, int]) -> tuple[list[Path], list[Path]]:
    """Make pictures as large as those of Oxford-IIIT Pet: drawn pets, enlarged, with grain, about 100 KB each."""
    if not folder.exists():
        drawn = write_sample_pets(folder.parent / "drawn", count=min(count, 3000))
        pairs = list(zip(*list_pets(drawn), strict=True))
        with write_whole(folder) as draft:
            for part in ("images", "annotations/trimaps"):
                (draft / part).mkdir(parents=True)
            for index in tqdm(range(count), desc="Making originals"):
                enlarge_pet(*pairs[index % len(pairs)], draft, index, size)
    return list_pets(folder)


def enlarge_pet(picture_path: Path, trimap_path: Path, folder: Path, index: int, size: tuple[int, int]) -> None:
    """Store one pet, its longer side as `size` begins, with grain of its own."""
    picture, trimap = Image.open(picture_path), Image.open(trimap_path)
    shape = size if picture.width >= picture.height else size[::-1]
    grain = np.random.default_rng(index).normal(0, 6, (*shape[::-1], 1))
    pixels = np.asarray(picture.convert("RGB").resize(shape, Image.Resampling.BICUBIC)) + grain
    enlarged = Image.fromarray(pixels.clip(0, 255).astype("uint8"))
    enlarged.save(folder / f"images/pet_{index:05}.jpg", quality=92)
    trimap = trimap.resize(shape, Image.Resampling.NEAREST)
    trimap.save(folder / f"annotations/trimaps/pet_{index:05}.png")
