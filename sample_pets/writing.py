"""A folder of sample pets, laid out like Oxford-IIIT Pet or like Kaggle's Dogs vs. Cats."""

import json
import os
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from PIL import Image
from tqdm import tqdm

from helpers.files import write_whole
from helpers.processes import end_with_parent

from .drawing import BREEDS, PORTRAITS, draw_head, draw_pet

VERSION = 2  # raise when the pictures change: folders of another version are drawn anew
STAMP = "sample.json"  # in each folder: what is drawn there
SPECIES = ("cat", "dog")  # of the pictures with even numbers, and with odd ones


def name_pet(index):
    """Return the name of a picture as Oxford gives it: breed and number."""
    breeds, number = BREEDS[SPECIES[index % 2]], index // 2
    return f"{breeds[number % len(breeds)]}_{number // len(breeds) + 1}"


def name_contestant(index):
    """Return the name of a picture as Kaggle gives it: species and number, from 0."""
    return f"{SPECIES[index % 2]}.{index // 2}"


LAYOUTS = {"oxford": ("images", name_pet), "kaggle": ("train", name_contestant)}  # folder of the pictures, their names


def write_sample_pets(folder, count=3000, seed=2021, portraits=PORTRAITS, layout="oxford", heads=False, workers=None):
    """Draw a data set of cats and dogs, half and half, unless it is there already.

    In Oxford's layout the folder has `images/NAME.jpg`; cat breeds are capitalised, dog breeds are not. In Kaggle's it
    has `train/cat.0.jpg`, `train/dog.0.jpg` and so on. Both have `annotations/trimaps/NAME.png` (1 animal, 2
    background, 3 outline) and `annotations/parts/NAME.png` (index into PARTS). The pictures of a smaller data set are
    the first ones of a larger one. A script that calls this needs `if __name__ == "__main__":`, for several processes
    draw, and each imports the script.

    Args:
        folder: where to; replaced as a whole if it holds another data set of sample pets. If it holds more or fewer
            pictures of this data set they stay, and this one goes beside it, into FOLDER-COUNT; what the two have in
            common is not drawn again and takes no room.
        count: number of pictures.
        seed: seed of the data set, an int >= 0.
        portraits: share of the pictures that show a head rather than a whole animal, 0 to 1.
        layout: "oxford" or "kaggle".
        heads: whether the pictures show a head alone, anywhere amid clutter (`draw_head`), and `portraits` counts not.
        workers: number of processes; one a core unless given.

    Returns:
        The folder where the data set is, as a Path.

    Raises:
        FileExistsError: the folder holds something that is not a set of sample pets.
    """
    folder = Path(folder)
    recipe = {"what": "sample pets", "version": VERSION, "seed": seed, "portraits": portraits, "layout": layout}
    recipe |= {"heads": True} if heads else {}
    sets = {
        path: found for path in [folder, *folder.parent.glob(f"{folder.name}-*")] if (found := _count(path, recipe))
    }
    if folder in sets and sets[folder] != count:
        folder = folder.with_name(f"{folder.name}-{count}")
    if sets.get(folder) == count:
        return folder
    if folder.exists() and not (folder / STAMP).exists() and any(folder.iterdir()):
        raise FileExistsError(f"{folder} holds something else than sample pets; give another folder or empty it")
    with write_whole(folder) as draft:
        for part in (LAYOUTS[layout][0], "annotations/trimaps", "annotations/parts"):
            (draft / part).mkdir(parents=True)
        largest = max(sets, key=sets.get, default=None)
        missing = [index for index in range(count) if not (largest and _link(largest, draft, layout, index))]
        _draw_all(draft, layout, workers, draw_head if heads else partial(draw_pet, portraits=portraits), seed, missing)
        (draft / STAMP).write_text(json.dumps(recipe | {"count": count}))
    return folder


def _count(folder, recipe):
    """Return how many pictures of a recipe a folder holds, 0 if it holds none or something else."""
    try:
        found = json.loads((folder / STAMP).read_text())
        count = found.pop("count")
        return count if found == recipe and isinstance(count, int) else 0
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return 0


def _list_files(layout, index):
    """Return the names of a picture's file and of those of its masks, in a folder of a layout."""
    part, name_picture = LAYOUTS[layout]
    name = name_picture(index)
    return f"{part}/{name}.jpg", f"annotations/trimaps/{name}.png", f"annotations/parts/{name}.png"


def _link(source, target, layout, index):
    """Give a picture and its masks a second name in another folder; return whether all are there."""
    try:
        for name in _list_files(layout, index):
            os.link(source / name, target / name)
    except OSError:
        return False  # not drawn, removed meanwhile, or a disk without links
    return True


def _draw_all(folder, layout, workers, draw, seed, indices):
    """Draw pictures in parallel."""
    tasks = [(folder, layout, draw, seed, index) for index in indices]
    if not tasks:
        return
    # "spawn" works the same on every system, and a fork of a process with TensorFlow's threads may hang.
    with ProcessPoolExecutor(workers or os.cpu_count(), get_context("spawn"), end_with_parent) as pool:
        done = pool.map(_draw_one, tasks, chunksize=max(1, min(20, len(tasks) // 8)))
        for _ in tqdm(done, total=len(tasks), desc="Drawing sample pets", unit="picture"):
            pass


def _draw_one(task):
    """Draw and save one picture with its masks."""
    folder, layout, draw, seed, index = task
    drawing = draw(seed, index, SPECIES[index % 2])
    picture, trimap, parts = (folder / name for name in _list_files(layout, index))
    for file in (picture, trimap, parts):
        file.unlink(missing_ok=True)  # a link that the others lack: what it leads to is not ours to change
    Image.fromarray(drawing.picture).save(picture, quality=92)
    Image.fromarray(drawing.trimap).save(trimap, compress_level=1)
    Image.fromarray(drawing.parts).save(parts, compress_level=1)
