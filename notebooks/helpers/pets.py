"""Pets from any folder of the Oxford-IIIT Pet layout to arrays or batches.

Files are listed with `list_pets` and become arrays with `load_pets` (everything in memory or on disk) or
batches with `stream_pets` (memory stays flat). Pixels stay uint8 until the model rescales them.
"""

import io
import os
import random
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import zip_longest
from pathlib import Path

import numpy as np
import PIL
from PIL import Image

from . import disk_cache
from .progress import progress

CLASS_NAMES = ("animal", "background", "outline")
SKIPPED_AT_MOST = 0.1  # share of unreadable files; beyond it something else is wrong
CACHE_FORMAT = 1  # to be raised whenever the same files would give other pixels


class UnreadableError(ValueError):
    """A file that is not the picture or the mask it should be; `reason` leaves out its path."""

    def __init__(self, path: Path | str, reason: str):
        super().__init__(f"{path}: {reason}")
        self.reason = reason


def list_pets(folder: Path | str) -> tuple[list[Path], list[Path]]:
    """List the pictures and trimaps of a folder, matched by name.

    Returns the paths `images/NAME.jpg` and `annotations/trimaps/NAME.png`, both sorted by NAME. Hidden and
    other files are ignored. Raises FileNotFoundError if there are none, ValueError if a file has no partner.
    """
    parts = {"images": ".jpg", "annotations/trimaps": ".png"}
    found = []
    for part, ending in parts.items():
        files = Path(folder, part).glob(f"[!.]*{ending}")
        found.append({file.stem: file for file in files})
        if not found[-1]:
            raise FileNotFoundError(
                f"{Path(folder, part)} holds no *{ending} files. "
                "`make notebooks` draws the sample pets, `make data` downloads the book's."
            )
    pictures, trimaps = found
    if lone := sorted(pictures.keys() ^ trimaps.keys()):
        lone_files = [(pictures | trimaps)[name].relative_to(folder).as_posix() for name in lone]
        raise ValueError(
            f"{len(lone)} of {len(pictures | trimaps)} names in {folder} lack their picture or their trimap: "
            f"{_some(lone_files)}. Each images/NAME.jpg needs its annotations/trimaps/NAME.png: "
            "remove what stands alone, or unpack both archives again (`make data`)."
        )
    names = sorted(pictures)
    return [pictures[name] for name in names], [trimaps[name] for name in names]


def find_annotation(path: Path | str, kind: str) -> Path:
    """Return where the annotation of a picture `images/NAME.jpg` belongs: `annotations/KIND/NAME.png`, there or not."""
    path = Path(path)
    return path.parents[1] / "annotations" / kind / f"{path.stem}.png"


def read_picture(path: Path | str, size: tuple[int, int] | None = None) -> np.ndarray:
    """Read a picture of any format, whatever its file is called, as RGB.

    Returns uint8 (height, width, 3) in 0-255, resized to `size` (height, width) by antialiased bilinear
    interpolation. Transparent pixels show white. Pixels stay in the file's order: an EXIF rotation is not
    applied, because trimaps are not rotated. Raises UnreadableError.
    """
    return _to_array(_open(path, _to_rgb), size, Image.Resampling.BILINEAR)


def read_mask(path: Path | str, size: tuple[int, int] | None = None) -> np.ndarray:
    """Read a trimap as classes, the indices of `CLASS_NAMES`.

    Returns uint8 (height, width) with 0 animal, 1 background, 2 outline (trimap values less 1), resized to
    `size` (height, width) by nearest neighbour, which invents no class. Raises UnreadableError.
    """
    return _to_array(_open(path, _to_classes), size, Image.Resampling.NEAREST)


def load_pets(
    image_paths: Sequence[Path], mask_paths: Sequence[Path], image_size: int, cache: Path | str | None = None
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Load pictures and masks, in the order of their paths.

    Returns images uint8 (N, image_size, image_size, 3) in 0-255, masks uint8 (N, image_size, image_size, 1)
    of classes 0-2, and N names. Pairs that cannot be read, or differ in size, are left out and reported.
    The arrays are read-only, and with a `cache` folder they stay on disk: copy what you want to change.
    Raises ValueError if the paths are not pairs, or more than a tenth cannot be read.
    """
    pairs, names = _pairs(image_paths, mask_paths)
    size = (image_size, image_size)
    read, shapes = partial(_read_pair, size=size), [(*size, 3), (*size, 1)]
    (images, masks), kept = _load(pairs, names, read, shapes, cache)
    return images, masks, [names[index] for index in kept]


def load_pictures(
    paths: Sequence[Path], image_size: int, cache: Path | str | None = None
) -> tuple[np.ndarray, list[int]]:
    """Load pictures without masks; like `load_pets` in all else.

    Returns images uint8 (N, image_size, image_size, 3) in 0-255, and the N indices of their paths.
    """
    size = (image_size, image_size)
    names = [f"{path.parent.name}/{path.name}" for path in paths]
    rows = [(path,) for path in paths]
    (images,), kept = _load(rows, names, lambda path: [read_picture(path, size)], [(*size, 3)], cache)
    return images, kept


def stream_pets(
    image_paths: Sequence[Path],
    mask_paths: Sequence[Path],
    image_size: int,
    batch_size: int,
    seed: int | None = None,
):
    """Make a `keras.utils.PyDataset` that reads each batch from its files when it is asked for.

    A batch is like the arrays of `load_pets`. All files are read once at the start, so that those that
    cannot be are reported and left out before training. With a `seed`, the pairs are shuffled after every
    epoch; the first has them in the given order. Raises ValueError as `load_pets` does.
    """
    import keras  # here, because nothing else in this file needs a backend

    pairs, names = _pairs(image_paths, mask_paths)
    read = partial(_read_pair, size=(image_size, image_size))
    _, reasons = _decode(pairs, lambda *pair: read(*pair)[:0], shapes=[])  # no arrays: nothing is kept
    pairs = [pairs[index] for index in report_skipped(names, reasons)]

    class PetBatches(keras.utils.PyDataset):
        order = random.Random(seed)

        def __len__(self):
            return -(-len(pairs) // batch_size)

        def __getitem__(self, index):
            batch = pairs[index * batch_size : (index + 1) * batch_size]
            images, masks = zip(*(read(*pair) for pair in batch), strict=True)
            return np.stack(images), np.stack(masks)

        def on_epoch_end(self):
            if seed is not None:
                self.order.shuffle(pairs)

    return PetBatches(workers=os.cpu_count() or 1)


def report_skipped(names: Sequence[str], reasons: Sequence[str | None]) -> list[int]:
    """Print which files are left out and why; return the indices of the others (their reason is None).

    Raises ValueError if more than a tenth would be left out.
    """
    skipped = [f"{name} ({why})" for name, why in zip(names, reasons, strict=True) if why is not None]
    share = f"{len(skipped):,} of {len(names):,} pictures"
    if len(skipped) > SKIPPED_AT_MOST * len(names):
        raise ValueError(f"{share} cannot be used: {_some(skipped)}. Are these the right files, complete?")
    if skipped:
        print(f"Skipped {share}: {', '.join(skipped)}")
    return [index for index, reason in enumerate(reasons) if reason is None]


def _some(things: Sequence, most: int = 5) -> str:
    words = [str(thing) for thing in things[:most]]
    return ", ".join(words) + (f" and {len(things) - most:,} more" if len(things) > most else "")


def _pairs(image_paths, mask_paths) -> tuple[list[tuple[Path, Path]], list[str]]:
    pairs = list(zip_longest(image_paths, mask_paths, fillvalue=Path("nothing")))
    for image_path, mask_path in pairs:
        if image_path.stem != mask_path.stem:
            raise ValueError(
                f"Picture {image_path.stem} meets trimap {mask_path.stem}: both lists need "
                "the same names in the same order. Shuffle and cut them alike."
            )
    return pairs, [image_path.stem for image_path, _ in pairs]


def _open(path, convert: Callable[[Image.Image], Image.Image]) -> Image.Image:
    content = Path(path).read_bytes()  # apart from decoding: a file that is gone is not a damaged file
    try:
        if not content:
            raise ValueError("empty file")
        return convert(Image.open(io.BytesIO(content)))
    except MemoryError:
        raise
    except PIL.UnidentifiedImageError as error:
        raise UnreadableError(path, "not a picture of any known format") from error
    except Exception as error:  # on damaged files decoders raise errors of every kind
        raise UnreadableError(path, str(error) or type(error).__name__) from error


def _to_rgb(picture: Image.Image) -> Image.Image:
    if picture.mode.startswith("I"):  # 16 bits of grey, which Pillow would clip to 255 instead of scaling
        picture = Image.fromarray((np.clip(picture, 0, 65535) // 256).astype(np.uint8))
    if picture.has_transparency_data:
        white = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(white, picture.convert("RGBA"))
    picture.load()  # a damaged file shows here
    return picture if picture.mode == "RGB" else picture.convert("RGB")  # converting RGB to RGB would copy it


def _to_classes(picture: Image.Image) -> Image.Image:
    trimap = np.asarray(picture)
    if trimap.ndim != 2:
        raise ValueError(f"{trimap.shape[-1]} channels where a trimap has one")
    if trimap.min() < 1 or trimap.max() > 3:
        raise ValueError(f"values {_some(np.unique(trimap).tolist())} where a trimap has 1, 2, 3")
    return Image.fromarray((trimap - 1).astype(np.uint8))


def _to_array(picture: Image.Image, size, method) -> np.ndarray:
    return np.array(picture.resize(size[::-1], method) if size else picture)


def _read_pair(image_path, mask_path, size) -> tuple[np.ndarray, np.ndarray]:
    picture, mask = _open(image_path, _to_rgb), _open(mask_path, _to_classes)
    if picture.size != mask.size:
        sizes = "picture {1}x{0}, trimap {3}x{2} (height x width)".format(*picture.size, *mask.size)
        raise UnreadableError(image_path, sizes)
    image = _to_array(picture, size, Image.Resampling.BILINEAR)
    return image, _to_array(mask, size, Image.Resampling.NEAREST)[..., np.newaxis]


def _in_threads(task: Callable, items: Sequence, label: str) -> list:
    """Apply a task in parallel (Pillow and hashlib let go of the interpreter); results keep the order."""
    Image.init()  # registers the formats, which two threads must not do at the same time
    with ThreadPoolExecutor() as pool:
        results = pool.map(task, items)  # an error, or the reader's interrupt, cancels what still waits
        return list(progress(results, desc=label, total=len(items), unit=" files", leave=False, delay=2))


def _decode(rows, read, shapes) -> tuple[list[np.ndarray], list[str | None]]:
    """Read rows of files straight into one array a shape; the readable ones close ranks."""
    arrays = [np.empty((len(rows), *shape), np.uint8) for shape in shapes]

    def decode(index: int) -> str | None:
        try:
            for array, values in zip(arrays, read(*rows[index]), strict=True):
                array[index] = values
        except UnreadableError as error:
            return error.reason
        return None

    reasons = _in_threads(decode, range(len(rows)), "Reading pictures")
    kept = [index for index, reason in enumerate(reasons) if reason is None]
    for target, source in enumerate(kept):
        if target != source:
            for array in arrays:
                array[target] = array[source]
    return [array[: len(kept)] for array in arrays], reasons


def _load(rows, names, read, shapes, folder) -> tuple[list[np.ndarray], list[int]]:
    """Return the arrays of the readable rows, from the cache if it has them, and these rows' indices."""
    if not rows:
        raise ValueError("There are no pictures to load: the list of paths is empty.")
    if not folder:
        arrays, reasons = _decode(rows, read, shapes)
        kept = report_skipped(names, reasons)
    else:
        digests = disk_cache.Digests(Path(folder, "digests.json"))
        entry = Path(folder, disk_cache.name_entry(_recipe(rows, shapes, digests)))
        reasons = disk_cache.recall(entry, digests)
        if recalled := reasons is not None:
            kept = report_skipped(names, reasons)
        else:
            arrays, reasons = _decode(rows, read, shapes)
            kept = report_skipped(names, reasons)
            recalled = _store(entry, arrays, reasons, digests)
        arrays = _map(entry, shapes) if recalled else arrays
        digests.save()
    for array in arrays:
        array.flags.writeable = False  # as those from the disk: a second run behaves like the first
    return arrays, kept


def _recipe(rows, shapes, digests) -> list:
    """Return what the arrays depend on: the files' bytes and order, the size, and who decodes."""
    paths = [path for row in rows for path in row]
    known = {path: digests.recall(path) for path in paths}
    new = [path for path, digest in known.items() if digest is None]
    known |= zip(new, _in_threads(digests, new, "Looking for changes"), strict=True)
    return [CACHE_FORMAT, PIL.__version__, shapes, [known[path] for path in paths]]


def _map(entry: Path, shapes) -> list[np.ndarray]:
    """Map the arrays of a cache entry into memory."""
    return [np.load(entry / f"{number}.npy", mmap_mode="r") for number in range(len(shapes))]


def _store(entry: Path, arrays, reasons, digests) -> bool:
    """Keep arrays on disk; return whether it went well."""

    def write(folder: Path):
        for number, array in enumerate(arrays):
            np.save(folder / f"{number}.npy", array)

    stored = disk_cache.store(entry, write, reasons)
    if stored:
        digests.trust(entry)
    return stored
