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

from .drawing import BREEDS, PORTRAITS, draw_head, draw_pet

VERSION = 2  # raise when the pictures change: folders of another version are drawn anew
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
    the first ones of a larger one.

    Args:
        folder: where to; replaced as a whole if it holds another data set of sample pets.
        count: number of pictures.
        seed: seed of the data set, an int >= 0.
        portraits: share of the pictures that show a head rather than a whole animal, 0 to 1.
        layout: "oxford" or "kaggle".
        heads: whether the pictures show a head alone, anywhere amid clutter (`draw_head`), and `portraits` counts not.
        workers: number of processes; one a core unless given.

    Returns:
        The folder as a Path.

    Raises:
        FileExistsError: the folder holds something that is not a set of sample pets.
    """
    folder = Path(folder)
    recipe = {"what": "sample pets", "version": VERSION, "count": count, "seed": seed, "portraits": portraits}
    recipe |= {"layout": layout} | ({"heads": True} if heads else {})
    stamp = folder / "sample.json"
    if stamp.exists() and json.loads(stamp.read_text()) == recipe:
        return folder
    if folder.exists() and not stamp.exists() and any(folder.iterdir()):
        raise FileExistsError(f"{folder} holds something else than sample pets; give another folder or empty it")
    with write_whole(folder) as draft:
        _write(draft, count, layout, workers, draw_head if heads else partial(draw_pet, portraits=portraits), seed)
        (draft / "sample.json").write_text(json.dumps(recipe))
    return folder


def _write(folder, count, layout, workers, draw, seed):
    """Draw all pictures in parallel."""
    for part in (LAYOUTS[layout][0], "annotations/trimaps", "annotations/parts"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    tasks = [(folder, layout, draw, seed, index) for index in range(count)]
    # "spawn" works the same on every system, and a fork of a process with TensorFlow's threads may hang.
    with ProcessPoolExecutor(workers or os.cpu_count(), mp_context=get_context("spawn")) as pool:
        done = pool.map(_write_one, tasks, chunksize=max(1, min(20, count // 8)))
        for _ in tqdm(done, total=count, desc="Drawing sample pets", unit="picture"):
            pass


def _write_one(task):
    """Draw and save one picture with its masks."""
    folder, layout, draw, seed, index = task
    part, name_picture = LAYOUTS[layout]
    name = name_picture(index)
    drawing = draw(seed, index, SPECIES[index % 2])
    Image.fromarray(drawing.picture).save(folder / part / f"{name}.jpg", quality=92)
    Image.fromarray(drawing.trimap).save(folder / f"annotations/trimaps/{name}.png")
    Image.fromarray(drawing.parts).save(folder / f"annotations/parts/{name}.png")
