"""Dogs vs. Cats: the book's split from any copy, with files that are missing or damaged."""

import zipfile

import numpy as np
import pytest
from PIL import Image

from assets import find_asset
from helpers import dogs_vs_cats

SIZES = (12, 4, 10)
PLACES = {
    "Kaggle": lambda label, number: f"train/{('cat', 'dog')[label]}.{number}.jpg",
    "Microsoft": lambda label, number: f"PetImages/{('Cat', 'Dog')[label]}/{number}.jpg",
}


def picture_path(folder, copy, label, number):
    return folder / PLACES[copy](label, number)


@pytest.fixture(params=PLACES)
def copy(request):
    return request.param


@pytest.fixture
def folder(tmp_path, copy):
    """Thirty cats in red and thirty dogs in blue, four more of each than are used; green is the number."""
    for label in (0, 1):
        for number in range(30):
            path = picture_path(tmp_path, copy, label, number)
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (9, 7), (0, number, 200) if label else (200, number, 0)).save(path, "PNG")
    return tmp_path


def test_every_copy_gives_the_same_split_in_the_same_order(folder, copy, capsys):
    split = dogs_vs_cats.list_split(folder, SIZES)
    ranges = {"train": range(12), "validation": range(12, 16), "test": range(16, 26)}
    assert list(split) == list(ranges)
    for part, numbers in ranges.items():
        paths, labels = split[part]
        expected = [(label, number) for label in (0, 1) for number in numbers]
        assert paths == [picture_path(folder, copy, *pair) for pair in expected]
        assert labels == [label for label, _ in expected]
    assert capsys.readouterr().out == ""


def test_the_books_numbers(tmp_path):
    for label in (0, 1):
        for number in range(2600):
            path = picture_path(tmp_path, "Kaggle", label, number)
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(b"x")
    split = dogs_vs_cats.list_split(str(tmp_path))
    assert [len(paths) for paths, _ in split.values()] == [2000, 1000, 2000]
    assert [sum(labels) for _, labels in split.values()] == [1000, 500, 1000]
    ends = [(paths[0].name, paths[-1].name) for paths, _ in split.values()]
    assert ends == [
        ("cat.0.jpg", "dog.999.jpg"),
        ("cat.1000.jpg", "dog.1499.jpg"),
        ("cat.1500.jpg", "dog.2499.jpg"),
    ]


def test_missing_and_empty_files_are_reported_and_not_replaced(folder, copy, capsys):
    gone, empty = picture_path(folder, copy, 0, 3), picture_path(folder, copy, 1, 5)
    gone.unlink()
    empty.write_bytes(b"")
    paths, labels = dogs_vs_cats.list_split(folder, SIZES)["train"]
    printed = capsys.readouterr().out
    assert printed.startswith("Skipped 2 of 24 pictures: ")
    assert f"{gone.parent.name}/{gone.name} (missing)" in printed
    assert f"{empty.parent.name}/{empty.name} (empty file)" in printed
    numbers = [(0, n) for n in range(12) if n != 3] + [(1, n) for n in range(12) if n != 5]
    assert paths == [picture_path(folder, copy, *pair) for pair in numbers]
    assert labels == [label for label, _ in numbers]


def test_too_few_files_is_an_error_that_says_so(folder):
    with pytest.raises(ValueError, match=r"12 of 32 pictures cannot be used: .*missing.* and 7 more"):
        dogs_vs_cats.list_split(folder, (10, 10, 16))


@pytest.mark.parametrize("there", ["nothing", "half of Microsoft's"])
def test_without_any_copy_the_error_says_how_to_get_one(tmp_path, there):
    if there != "nothing":
        (tmp_path / "PetImages/Cat").mkdir(parents=True)
    with pytest.raises(FileNotFoundError, match=r"scripts/download_data\.py dogs-vs-cats.*train\.zip") as error:
        dogs_vs_cats.list_split(tmp_path)
    assert str(tmp_path) in str(error.value)


def test_load_split_keeps_labels_beside_their_pictures(folder, copy, tmp_path, capsys):
    broken = picture_path(folder, copy, 0, 7)
    broken.write_bytes(b"not a picture")
    split = dogs_vs_cats.list_split(folder, SIZES)
    images, labels = dogs_vs_cats.load_split(*split["train"], 5, cache=tmp_path / "cache")
    printed = capsys.readouterr().out
    assert f"Skipped 1 of 24 pictures: {broken.parent.name}/{broken.name} (not a picture" in printed
    assert (images.shape, images.dtype) == ((23, 5, 5, 3), np.uint8)
    assert labels.dtype == np.uint8
    expected = [(0, n) for n in range(12) if n != 7] + [(1, n) for n in range(12)]
    np.testing.assert_array_equal(labels, [label for label, _ in expected])
    colours = [(0, n, 200) if label else (200, n, 0) for label, n in expected]
    np.testing.assert_array_equal(images[:, 2, 2], colours)
    assert split == dogs_vs_cats.list_split(folder, SIZES)


def test_real_pictures_load(tmp_path, capsys):
    with zipfile.ZipFile(find_asset("dogs_vs_cats_200/train.zip")) as archive:
        pictures = [name for name in archive.namelist() if name.endswith(".jpg")]
        archive.extractall(tmp_path, [name for name in pictures if int(name.split(".")[1]) < 100])
    split = dogs_vs_cats.list_split(tmp_path, (50, 20, 30))
    for part, size in zip(dogs_vs_cats.SPLITS, (50, 20, 30), strict=True):
        images, labels = dogs_vs_cats.load_split(*split[part], 48)
        assert images.shape == (2 * size, 48, 48, 3)
        assert np.bincount(labels).tolist() == [size, size]
        assert images.std((1, 2, 3)).min() > 5
    assert capsys.readouterr().out == ""
