"""Pets from any folder of the Oxford-IIIT Pet layout to arrays: pictures, and masks."""

from collections.abc import Sequence
from functools import partial
from itertools import zip_longest
from pathlib import Path

import numpy as np
from PIL import Image

from .pictures import UnreadableError, list_some, load_rows, open_picture, to_array, to_upright


def list_pets(folder: Path | str) -> tuple[list[Path], list[Path]]:
    """List the pictures and trimaps of a folder, matched by name.

    Returns the paths `images/NAME.jpg` (or `.jpeg`) and `annotations/trimaps/NAME.png`, both sorted by NAME; endings
    may be in capitals. Hidden and other files are ignored. Raises FileNotFoundError if there are none, ValueError if a
    file has no partner, or two.
    """
    parts = {"images": (".jpg", ".jpeg"), "annotations/trimaps": (".png",)}
    found = []
    for part, endings in parts.items():
        files = [file for file in Path(folder, part).glob("[!.]*") if file.suffix.lower() in endings]
        found.append({file.stem: file for file in files})
        if not files:
            raise FileNotFoundError(
                f"{Path(folder, part)} holds no *{endings[0]} files. `make notebooks` draws the sample pets, `make "
                "data` downloads the book's; docs/own_pictures.md tells how your own have to lie."
            )
        if twins := [file.name for file in files if found[-1][file.stem] != file]:
            raise ValueError(
                f"{Path(folder, part)} has two files of one name: {list_some(sorted(twins))}; keep one of each"
            )
    pictures, trimaps = found
    if lone := sorted(pictures.keys() ^ trimaps.keys()):
        lone_files = [(pictures | trimaps)[name].relative_to(folder).as_posix() for name in lone]
        raise ValueError(
            f"{len(lone)} of {len(pictures | trimaps)} names in {folder} lack their picture or their trimap: "
            f"{list_some(lone_files)}. Each images/NAME.jpg needs its annotations/trimaps/NAME.png: "
            "remove what stands alone, or unpack both archives again (`make data`)."
        )
    names = sorted(pictures)
    return [pictures[name] for name in names], [trimaps[name] for name in names]


def find_annotation(path: Path | str, kind: str) -> Path:
    """Return where the annotation of a picture `images/NAME.jpg` belongs: `annotations/KIND/NAME.png`, there or not."""
    path = Path(path)
    return path.parents[1] / "annotations" / kind / f"{path.stem}.png"


def read_mask(path: Path | str, size: tuple[int, int] | None = None, classes: int = 3) -> np.ndarray:
    """Read a trimap, or a mask of other classes or of two values, as classes that count from 0.

    Returns uint8 (height, width), the file's values 1 to `classes` less 1 (of a trimap: 0 animal, 1 background, 2
    outline), resized to `size` (height, width) by nearest neighbour, which invents no class. A mask of 0 and one other
    value, 1, 255 or 65535, is background, class 1, where it is 0, else class 0. Several channels must be equal, but for
    transparency, which does not count. Raises UnreadableError.
    """
    return to_array(open_picture(path, partial(_to_classes, classes=classes)), size, Image.Resampling.NEAREST)


def load_pets(
    image_paths: Sequence[Path],
    mask_paths: Sequence[Path],
    image_size: int,
    classes: int = 3,
    cache: Path | str | None = None,
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Load pictures and masks, in the order of their paths; like `pictures.load_pictures` in all else.

    Returns images uint8 (N, image_size, image_size, 3) in 0-255, masks uint8 (N, image_size, image_size, 1)
    of classes from 0 on, and N names. Pairs that cannot be read, or differ in size, are left out and reported.
    Raises ValueError if the paths are not pairs, or more than a tenth cannot be read.
    """
    pairs, names = _pair(image_paths, mask_paths)
    size = (image_size, image_size)
    read = partial(_read_pair, size=size, classes=classes)
    (images, masks), kept = load_rows(pairs, names, read, [(*size, 3), (*size, 1)], cache)
    return images, masks, [names[index] for index in kept]


def _pair(image_paths, mask_paths) -> tuple[list[tuple[Path, Path]], list[str]]:
    pairs = list(zip_longest(image_paths, mask_paths, fillvalue=Path("nothing")))
    for image_path, mask_path in pairs:
        if image_path.stem != mask_path.stem:
            raise ValueError(
                f"Picture {image_path.stem} meets trimap {mask_path.stem}: both lists need "
                "the same names in the same order. Shuffle and cut them alike."
            )
    return pairs, [image_path.stem for image_path, _ in pairs]


def _to_classes(picture: Image.Image, classes: int) -> Image.Image:
    trimap = np.asarray(picture)
    if trimap.ndim == 3:
        colours = trimap[..., :-1] if picture.mode in ("LA", "RGBA") else trimap
        if np.ptp(colours, axis=-1).any():
            raise ValueError(f"colours ({picture.mode}) where a trimap has one channel, with the values 1, 2, 3")
        trimap = colours[..., 0]
    if trimap.min() < 1 or trimap.max() > classes:
        values = set(np.unique(trimap).tolist())
        if values - {0} not in ({1}, {255}, {65535}, set()):
            known = ", ".join(map(str, range(1, classes + 1)))
            raise ValueError(f"values {list_some(sorted(values))} where a mask has {known}, one a class, or 0 and 255")
        trimap = np.where(trimap > 0, 1, 2)
    return Image.fromarray((trimap - 1).astype(np.uint8))


def _read_pair(image_path, mask_path, size, classes) -> tuple[np.ndarray, np.ndarray]:
    picture, mask = open_picture(image_path), open_picture(mask_path, partial(_to_classes, classes=classes))
    if picture.size != mask.size:  # the mask may have been drawn on what a viewer shows
        picture = open_picture(image_path, to_upright)
    if picture.size != mask.size:
        sizes = "picture {1}x{0}, trimap {3}x{2} (height x width)".format(*picture.size, *mask.size)
        raise UnreadableError(image_path, sizes)
    image = to_array(picture, size, Image.Resampling.BILINEAR)
    return image, to_array(mask, size, Image.Resampling.NEAREST)[..., np.newaxis]
