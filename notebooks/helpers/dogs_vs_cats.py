"""Dogs vs. Cats: the book's subset of the data set to arrays, from Microsoft's copy or Kaggle's."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from .pictures import load_pictures, report_skipped

CLASS_NAMES = ("cat", "dog")
SPLITS = ("train", "validation", "test")
# What shows which copy it is, and where the picture of a class and number lies in it.
LAYOUTS = {
    "Kaggle": (("train",), lambda label, number: f"train/{CLASS_NAMES[label]}.{number}.jpg"),
    "Microsoft": (
        ("PetImages/Cat", "PetImages/Dog"),
        lambda label, number: f"PetImages/{CLASS_NAMES[label].title()}/{number}.jpg",
    ),
}


def list_split(folder: Path | str, sizes: Sequence[int] = (1000, 500, 1000)) -> dict[str, tuple[list[Path], list[int]]]:
    """List the pictures to train with, to validate with and to test with; numbered the same in every copy.

    Of each class the first `sizes[0]` numbers train, the next `sizes[1]` validate, the next `sizes[2]` test:
    in the book 0-999, 1,000-1,499 and 1,500-2,499. Returns for "train", "validation" and "test" the paths
    (cats, then dogs, by number) and labels (0 cat, 1 dog). Missing and empty files are left out and reported.
    Raises FileNotFoundError if no copy is in the folder, ValueError if more than a tenth of a part
    is missing.
    """
    place = _find_layout(Path(folder))
    split, start = {}, 0
    for part, size in zip(SPLITS, sizes, strict=True):
        labels, paths = [], []
        for label in range(len(CLASS_NAMES)):
            for number in range(start, start + size):
                paths.append(Path(folder, place(label, number)))
                labels.append(label)
        start += size
        names = [f"{path.parent.name}/{path.name}" for path in paths]
        kept = report_skipped(names, [_absence(path) for path in paths])
        split[part] = [paths[index] for index in kept], [labels[index] for index in kept]
    return split


def load_split(
    paths: Sequence[Path], labels: Sequence[int], image_size: int, cache: Path | str | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Load one part of `list_split`, in its order.

    Returns images uint8 (N, image_size, image_size, 3) in 0-255 and labels uint8 (N,), 0 cat or 1 dog. Files
    that cannot be read are left out and reported. The images are read-only; see `load_pictures`.
    """
    images, kept = load_pictures(paths, image_size, cache)
    return images, np.array(labels, np.uint8)[kept]


def _find_layout(folder: Path) -> Callable[[int, int], str]:
    for markers, place in LAYOUTS.values():
        if all((folder / marker).exists() for marker in markers):
            return place
    raise FileNotFoundError(
        f"{folder} holds neither PetImages/Cat and PetImages/Dog (Microsoft's copy) nor train (Kaggle's). "
        "`scripts/download_data.py dogs-vs-cats` gets Microsoft's; with a Kaggle login, get "
        "train.zip (`kaggle competitions download -c dogs-vs-cats`) and unpack it there."
    )


def _absence(path: Path) -> str | None:
    if not path.is_file():
        return "missing"
    return None if path.stat().st_size else "empty file"
