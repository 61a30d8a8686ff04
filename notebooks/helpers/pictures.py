"""Picture files of any format to arrays, with what cannot be read reported and what was read kept for the next run."""

import io
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import PIL
from PIL import Image, ImageOps

from . import caching
from .progress import progress

SKIPPED_AT_MOST = 0.1  # share of unreadable files; beyond it something else is wrong
CACHE_FORMAT = 3  # to be raised whenever the same files would give other pixels


class UnreadableError(ValueError):
    """A file that is not the picture or the mask it should be; `reason` leaves out its path."""

    def __init__(self, path: Path | str, reason: str):
        super().__init__(f"{path}: {reason}")
        self.reason = reason


def read_picture(path: Path | str, size: tuple[int, int] | None = None, turn: bool = True) -> np.ndarray:
    """Read a picture of any format, whatever its file is called, as RGB.

    Returns uint8 (height, width, 3) in 0-255, resized to `size` (height, width) by antialiased bilinear
    interpolation. Transparent pixels show white. `turn`: whether to turn the picture as its EXIF data say, like every
    viewer; not where a mask fits the pixels as they lie in the file. Raises UnreadableError.
    """
    return to_array(open_picture(path, to_upright if turn else to_rgb), size, Image.Resampling.BILINEAR)


def find_picture(knob: str, choice: int | str, paths: Sequence[Path]) -> Path:
    """Return the path that a knob chooses: one of `paths` by its number, or a file of the reader's own.

    Raises ValueError if there is no such number, FileNotFoundError if there is no such file.
    """
    if isinstance(choice, int):
        if not 0 <= choice < len(paths):
            raise ValueError(
                f"{knob} is {choice}; expected the path of a picture, or a number from 0 to {len(paths) - 1}"
            )
        return paths[choice]
    if not Path(choice).is_file():
        raise FileNotFoundError(f"{knob} is {str(choice)!r}; expected a picture, but there is no such file")
    return Path(choice)


def load_pictures(
    paths: Sequence[Path], image_size: int, cache: Path | str | None = None
) -> tuple[np.ndarray, list[int]]:
    """Load pictures, in the order of their paths.

    Returns images uint8 (N, image_size, image_size, 3) in 0-255, and the N indices of their paths. Files that cannot
    be read are left out and reported. The array is read-only, and with a `cache` folder it stays on disk: copy what you
    want to change. Raises ValueError if there are no paths, or more than a tenth cannot be read.
    """
    size = (image_size, image_size)
    names = [f"{path.parent.name}/{path.name}" for path in paths]
    rows = [(path,) for path in paths]
    (images,), kept = load_rows(rows, names, lambda path: [read_picture(path, size)], [(*size, 3)], cache)
    return images, kept


def report_skipped(names: Sequence[str], reasons: Sequence[str | None]) -> list[int]:
    """Print which files are left out and why; return the indices of the others (their reason is None).

    Raises ValueError if more than a tenth would be left out.
    """
    skipped = [f"{name} ({why})" for name, why in zip(names, reasons, strict=True) if why is not None]
    share = f"{len(skipped):,} of {len(names):,} pictures"
    if len(skipped) > SKIPPED_AT_MOST * len(names):
        raise ValueError(f"{share} cannot be used: {list_some(skipped)}. Are these the right files, complete?")
    if skipped:
        print(f"Skipped {share}: {', '.join(skipped)}")
    return [index for index, reason in enumerate(reasons) if reason is None]


def list_some(things: Sequence, most: int = 5) -> str:
    """Return the first of many things as text, and how many more there are."""
    words = [str(thing) for thing in things[:most]]
    return ", ".join(words) + (f" and {len(things) - most:,} more" if len(things) > most else "")


def to_rgb(picture: Image.Image) -> Image.Image:
    """Return a picture of any mode in RGB."""
    if picture.mode.startswith("I"):  # 16 bits of grey, which Pillow would clip to 255 instead of scaling
        picture = Image.fromarray((np.clip(picture, 0, 65535) // 256).astype(np.uint8))
    if picture.has_transparency_data:
        white = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(white, picture.convert("RGBA"))
    picture.load()  # a damaged file shows here
    return picture if picture.mode == "RGB" else picture.convert("RGB")  # converting RGB to RGB would copy it


def to_upright(picture: Image.Image) -> Image.Image:
    """Return a picture of any mode in RGB, turned as its EXIF data say."""
    return to_rgb(ImageOps.exif_transpose(picture))


def open_picture(path: Path | str, convert: Callable[[Image.Image], Image.Image] = to_rgb) -> Image.Image:
    """Return a file's picture, converted; raise UnreadableError, or FileNotFoundError if there is no such file."""
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


def to_array(picture: Image.Image, size: tuple[int, int] | None, method: Image.Resampling) -> np.ndarray:
    """Return a picture's pixels, resized to `size` (height, width) if it is given."""
    return np.array(picture.resize(size[::-1], method) if size else picture)


def load_rows(rows, names, read, shapes, cache) -> tuple[list[np.ndarray], list[int]]:
    """Return the arrays of the readable rows, from the cache if it has them, and these rows' indices.

    Args:
        rows: tuples of paths; each becomes one entry of every array.
        names: what a row is called in the report.
        read: function from the paths of a row to one array, uint8, for each of `shapes`; raises UnreadableError. What
            else its arrays depend on it has as keywords (`functools.partial`), for the cache.
        shapes: shape of a row in each array.
        cache: folder where arrays are kept for the next run, or None.
    """
    if not rows:
        raise ValueError("There are no pictures to load: the list of paths is empty.")
    if cache:
        entry = Path(cache, caching.name_entry(_list_ingredients(rows, read, shapes)))
        arrays, reasons = _recall_or_decode(entry, rows, read, shapes)
    else:
        arrays, reasons = _decode(rows, read, shapes)
    kept = report_skipped(names, reasons)
    for array in arrays:
        array.flags.writeable = False  # as those from the disk: a second run behaves like the first
    return arrays, kept


def _recall_or_decode(entry, rows, read, shapes) -> tuple[list[np.ndarray], list[str | None]]:
    """Return arrays that stay on disk, in an entry of the cache which is made if it must be."""
    reasons = caching.recall(entry)
    if reasons is None:
        arrays, reasons = _decode(rows, read, shapes)
        if not caching.store(entry, lambda draft: _save(draft, arrays), reasons):
            return arrays, reasons
    return [np.load(entry / f"{number}.npy", mmap_mode="r") for number in range(len(shapes))], reasons


def _list_ingredients(rows, read, shapes) -> list:
    """Return what the arrays depend on: files, as far as a look at the folder tells, sizes, options, who decodes."""
    files = [[str(path.absolute()), *caching.stamp_file(path)] for row in rows for path in row]
    return [CACHE_FORMAT, PIL.__version__, shapes, getattr(read, "keywords", {}), files]


def _save(folder: Path, arrays):
    for number, array in enumerate(arrays):
        np.save(folder / f"{number}.npy", array)


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

    reasons = _in_threads(decode, range(len(rows)))
    kept = [index for index, reason in enumerate(reasons) if reason is None]
    for target, source in enumerate(kept):
        if target != source:
            for array in arrays:
                array[target] = array[source]
    return [array[: len(kept)] for array in arrays], reasons


def _in_threads(task: Callable, items: Sequence) -> list:
    """Apply a task in parallel (Pillow lets go of the interpreter); results keep the order."""
    Image.init()  # registers the formats, which two threads must not do at the same time
    with ThreadPoolExecutor() as pool:
        results = pool.map(task, items)  # an error, or the reader's interrupt, cancels what still waits
        return list(progress(results, desc="Reading pictures", total=len(items), unit=" files", leave=False, delay=2))
