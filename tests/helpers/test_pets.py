"""Pets from files to arrays: listing, masks, faults, the cache, and real files."""

import os
import random
import tarfile

import numpy as np
import pytest
from PIL import Image

from assets import find_asset
from helpers import pets, pictures
from helpers.pictures import read_picture


def draw(height=40, width=60, seed=0):
    """A smooth random picture: survives JPEG within a few levels."""
    small = np.random.default_rng(seed).integers(0, 256, (3, 4, 3), np.uint8)
    return Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC)


def draw_trimap(height=40, width=60, seed=0):
    blocks = np.random.default_rng(seed).integers(1, 4, (height // 4, width // 4), np.uint8)
    return Image.fromarray(blocks.repeat(4, 0).repeat(4, 1))


@pytest.fixture
def folder(tmp_path):
    """Twenty pets of two sizes, saved out of order, beside files that are none."""
    images, trimaps = tmp_path / "pets/images", tmp_path / "pets/annotations/trimaps"
    images.mkdir(parents=True)
    trimaps.mkdir(parents=True)
    for number in (5, 3, 19, 0, 1, 2, 4, *range(6, 19)):
        size = (40, 60) if number % 2 else (64, 32)
        draw(*size, number).save(images / f"pet_{number}.jpg", quality=95)
        draw_trimap(*size, number).save(trimaps / f"pet_{number}.png")
    (images / "pet_0.mat").write_bytes(b"not a picture")
    (images / "._pet_1.jpg").write_bytes(b"hidden")
    (trimaps / "._pet_1.png").write_bytes(b"hidden")
    return tmp_path / "pets"


@pytest.fixture
def decoded(monkeypatch):
    """What Pillow is asked to decode."""
    calls, original = [], Image.open
    monkeypatch.setattr(Image, "open", lambda file: calls.append(file) or original(file))
    return calls


def damage(folder, name, content=b""):
    (folder / "images" / name).write_bytes(content)


# --- listing


def test_list_pets_matches_by_name_and_ignores_other_files(folder):
    image_paths, mask_paths = pets.list_pets(folder)
    names = sorted(f"pet_{number}" for number in range(20))
    assert image_paths == [folder / f"images/{name}.jpg" for name in names]
    assert mask_paths == [folder / f"annotations/trimaps/{name}.png" for name in names]
    assert pets.list_pets(str(folder)) == (image_paths, mask_paths)
    assert [pets.find_annotation(path, "trimaps") for path in image_paths] == mask_paths
    assert pets.find_annotation(str(image_paths[0]), "parts") == folder / "annotations/parts/pet_0.png"


def test_list_pets_names_what_has_no_partner(folder):
    (folder / "images/pet_3.jpg").unlink()
    (folder / "annotations/trimaps/pet_8.png").unlink()
    with pytest.raises(ValueError, match="2 of 20 names") as error:
        pets.list_pets(folder)
    assert "annotations/trimaps/pet_3.png" in str(error.value)
    assert "images/pet_8.jpg" in str(error.value)
    for number in range(10, 19):
        (folder / f"images/pet_{number}.jpg").unlink()
    with pytest.raises(ValueError, match=r"11 of 20 names.* and 6 more"):
        pets.list_pets(folder)


@pytest.mark.parametrize("gone", ["", "images", "annotations/trimaps"])
def test_list_pets_says_how_to_get_what_is_not_there(folder, gone):
    (folder / gone).rename(folder.parent / "elsewhere")
    with pytest.raises(FileNotFoundError, match=r"make notebooks.*make data") as error:
        pets.list_pets(folder)
    assert gone in str(error.value)


# --- reading one mask


@pytest.mark.parametrize("size", [(13, 17), (80, 90), (40, 20)])
def test_masks_are_resized_by_nearest_neighbour(tmp_path, size):
    trimap = np.full((40, 60), 1, np.uint8)
    trimap[:, 30:] = 3  # between 1 and 3 interpolation would invent 2
    Image.fromarray(trimap).save(tmp_path / "pet.png")
    mask = pets.read_mask(tmp_path / "pet.png", size)
    rows = ((np.arange(size[0]) + 0.5) * 40 / size[0]).astype(int)
    columns = ((np.arange(size[1]) + 0.5) * 60 / size[1]).astype(int)
    assert mask.dtype == np.uint8
    np.testing.assert_array_equal(mask, trimap[rows][:, columns] - 1)


def test_read_mask_counts_classes_from_0(tmp_path):
    trimap = np.array([[1, 2, 3]], np.uint8)
    for mode in ("L", "P"):  # a palette's indices are the classes, whatever its colours
        picture = Image.fromarray(trimap)
        if mode == "P":
            picture.putpalette([255, 0, 0] * 256)
        picture.save(tmp_path / "pet.png")
        assert pets.read_mask(tmp_path / "pet.png").tolist() == [[0, 1, 2]]


def test_masks_may_have_other_numbers_of_classes(tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "masks").mkdir()
    mask = np.array([[1, 2], [3, 4]], np.uint8)
    paths = [tmp_path / "images/a.jpg"] * 12, [tmp_path / "masks/a.png"] * 12
    Image.fromarray(np.zeros((2, 2, 3), np.uint8)).save(paths[0][0])
    Image.fromarray(mask).save(paths[1][0])
    masks = pets.load_pets(*paths, 2, 4, tmp_path / "cache")[1]
    np.testing.assert_array_equal(masks[0, ..., 0], mask - 1)
    with pytest.raises(ValueError, match="values 1, 2, 3, 4 where a mask has 1, 2, 3, one a class"):
        pets.load_pets(*paths, 2, 3, tmp_path / "cache")  # not what the cache has of four classes
    Image.fromarray(np.uint8([[0, 255], [255, 0]])).save(paths[1][0])
    assert pets.read_mask(paths[1][0], classes=2).tolist() == [[1, 0], [0, 1]]


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ([[0, 1, 3]], "values 0, 1, 3"),
        ([[1, 4, 255]], "1, 4, 255"),
        ([[0, 2]], "values 0, 2"),
        ([[[1, 1, 2]]], r"colours \(RGB\)"),
    ],
)
def test_read_mask_refuses_other_values(tmp_path, values, complaint):
    Image.fromarray(np.array(values, np.uint8)).save(tmp_path / "pug_7.png")
    with pytest.raises(pictures.UnreadableError, match=rf"pug_7\.png: .*{complaint}"):
        pets.read_mask(tmp_path / "pug_7.png")


MASKS = {  # of an animal on the left, as people save them
    "of 0 and 1": lambda inside: Image.fromarray(inside.astype(np.uint8)),
    "of 0 and 255": lambda inside: Image.fromarray(255 * inside.astype(np.uint8)),
    "bits": lambda inside: Image.fromarray(inside),
    "RGB": lambda inside: Image.fromarray(255 * inside.astype(np.uint8)).convert("RGB"),
    "RGBA": lambda inside: Image.fromarray(255 * inside.astype(np.uint8)).convert("RGBA"),
    "grey with alpha": lambda inside: Image.fromarray(255 * inside.astype(np.uint8)).convert("LA"),
    "16 bits": lambda inside: Image.fromarray(65535 * inside.astype(np.uint16)),
    "palette": lambda inside: Image.fromarray(inside.astype(np.uint8)).convert("P", dither=Image.Dither.NONE),
    "trimap in RGB": lambda inside: Image.fromarray(np.where(inside, 1, 2).astype(np.uint8)).convert("RGB"),
    "trimap in 16 bits": lambda inside: Image.fromarray(np.where(inside, 1, 2).astype(np.uint16)),
}


@pytest.mark.parametrize("kind", MASKS)
def test_masks_of_two_values_and_of_all_modes_are_understood(tmp_path, kind):
    for animal in (slice(0, 20), slice(0, 60), slice(0, 0)):  # a part, all, nothing
        inside = np.zeros((40, 60), bool)
        inside[:, animal] = True
        MASKS[kind](inside).save(tmp_path / "pug_7.png")
        np.testing.assert_array_equal(pets.read_mask(tmp_path / "pug_7.png"), np.where(inside, 0, 1))


def test_a_folder_of_one_s_own(tmp_path):
    images, trimaps = tmp_path / "images", tmp_path / "annotations/trimaps"
    images.mkdir()
    trimaps.mkdir(parents=True)
    exif = Image.Exif()
    exif[0x0112] = 6
    for number, ending in enumerate((".jpg", ".JPG", ".jpeg", ".JPEG")):
        draw(seed=number).save(images / f"pug_{number}{ending}", exif=exif if number else b"")
        size = (60, 40) if number == 3 else (40, 60)  # the last as a viewer shows it
        draw_trimap(*size, number).save(trimaps / f"pug_{number}{'.PNG' if number else '.png'}")
    for stray in ("Thumbs.db", "._pug_0.jpg", ".DS_Store"):
        (images / stray).write_bytes(b"stray")
    image_paths, mask_paths = pets.list_pets(tmp_path)
    loaded, masks, names = pets.load_pets(image_paths, mask_paths, 20)
    assert names == [f"pug_{number}" for number in range(4)]
    for number in range(4):
        expected = pictures.read_picture(image_paths[number], (20, 20), turn=number == 3)
        np.testing.assert_array_equal(loaded[number], expected)
        np.testing.assert_array_equal(masks[number, ..., 0], pets.read_mask(mask_paths[number], (20, 20)))
    (images / "pug_0.jpeg").write_bytes((images / "pug_0.jpg").read_bytes())
    with pytest.raises(ValueError, match=r"two files of one name: pug_0\.jp"):
        pets.list_pets(tmp_path)


def test_damaged_files_are_skipped_and_named_alike_in_every_run(folder, tmp_path, capsys):
    damage(folder, "pet_3.jpg", (folder / "images/pet_3.jpg").read_bytes()[:-500])
    draw_trimap(40, 56).save(folder / "annotations/trimaps/pet_5.png")
    paths = pets.list_pets(folder)  # two of twenty are just allowed
    runs = []
    for _ in range(2):
        runs.append((*pets.load_pets(*paths, 24, cache=tmp_path / "cache"), capsys.readouterr().out))
    images, masks, names, printed = runs[0]
    assert printed.startswith("Skipped 2 of 20 pictures: pet_3 (")
    assert "truncated" in printed
    assert "pet_5 (picture 40x60, trimap 40x56 (height x width))" in printed
    assert str(tmp_path) not in printed
    assert len(images) == len(masks) == len(names) == 18
    for image, mask, name in zip(images, masks, names, strict=True):
        np.testing.assert_array_equal(image, read_picture(folder / f"images/{name}.jpg", (24, 24)))
        expected = pets.read_mask(folder / f"annotations/trimaps/{name}.png", (24, 24))
        np.testing.assert_array_equal(mask[..., 0], expected)
    np.testing.assert_array_equal(images, runs[1][0])
    np.testing.assert_array_equal(masks, runs[1][1])
    assert runs[1][2:] == (names, printed)


def test_more_than_a_tenth_skipped_is_an_error(folder, tmp_path):
    for number in (3, 5, 7):
        damage(folder, f"pet_{number}.jpg")
    for _ in range(2):  # it is not kept, either
        with pytest.raises(ValueError, match=r"3 of 20 pictures cannot be used: pet_3 \(empty file\), pet_5"):
            pets.load_pets(*pets.list_pets(folder), 24, cache=tmp_path / "cache")


# --- loading


def test_load_pets_keeps_the_given_order_and_leaves_its_arguments_alone(folder):
    image_paths, mask_paths = pets.list_pets(folder)
    random.Random(1337).shuffle(image_paths)
    random.Random(1337).shuffle(mask_paths)
    before = list(image_paths), list(mask_paths)
    images, masks, names = pets.load_pets(image_paths, mask_paths, 24)
    assert (image_paths, mask_paths) == before
    assert names == [path.stem for path in image_paths] != sorted(names)
    assert (images.shape, masks.shape) == ((20, 24, 24, 3), (20, 24, 24, 1))
    assert images.dtype == masks.dtype == np.uint8
    for index, path in enumerate(image_paths):
        np.testing.assert_array_equal(images[index], read_picture(path, (24, 24)))
        np.testing.assert_array_equal(masks[index, ..., 0], pets.read_mask(mask_paths[index], (24, 24)))


def test_lists_that_are_not_pairs_are_refused(folder):
    image_paths, mask_paths = pets.list_pets(folder)
    with pytest.raises(ValueError, match=r"Picture pet_0 meets trimap pet_9.*alike"):
        pets.load_pets(image_paths, mask_paths[::-1], 24)
    with pytest.raises(ValueError, match="Picture pet_9 meets trimap nothing"):
        pets.load_pets(image_paths, mask_paths[:-1], 24)


def test_nothing_to_load_is_an_error():
    with pytest.raises(ValueError, match="no pictures"):
        pets.load_pets([], [], 24)


# --- the cache


def test_the_second_run_decodes_nothing_and_gives_the_same(folder, tmp_path, decoded):
    paths = pets.list_pets(folder)
    plain = pets.load_pets(*paths, 24)
    first = pets.load_pets(*paths, 24, cache=tmp_path / "cache")
    assert len(decoded) == 80
    second = pets.load_pets(*paths, 24, cache=str(tmp_path / "cache"))
    assert len(decoded) == 80
    for images, masks, names in (first, second):
        np.testing.assert_array_equal(images, plain[0])
        np.testing.assert_array_equal(masks, plain[1])
        assert names == plain[2]
    assert isinstance(second[0], np.memmap)
    for images, masks, _ in (plain, first, second):
        assert not images.flags.writeable
        assert not masks.flags.writeable


@pytest.mark.parametrize("change", ["picture", "trimap", "size", "order", "Pillow", "format"])
def test_any_change_is_decoded_anew(folder, tmp_path, decoded, monkeypatch, change):
    image_paths, mask_paths = pets.list_pets(folder)
    pets.load_pets(image_paths, mask_paths, 24, cache=tmp_path / "cache")
    size = 24
    if change == "picture":
        times = os.stat(image_paths[0])
        draw(64, 32, seed=99).save(image_paths[0], quality=95)
        os.utime(image_paths[0], ns=(times.st_atime_ns, times.st_mtime_ns))
    elif change == "trimap":
        draw_trimap(64, 32, seed=99).save(mask_paths[0])
    elif change == "size":
        size = 25
    elif change == "order":
        image_paths, mask_paths = image_paths[::-1], mask_paths[::-1]
    elif change == "Pillow":
        monkeypatch.setattr(pictures.PIL, "__version__", "0.0")
    else:
        monkeypatch.setattr(pictures, "CACHE_FORMAT", 0)
    decoded.clear()
    images, masks, names = pets.load_pets(image_paths, mask_paths, size, cache=tmp_path / "cache")
    assert len(decoded) == 40
    np.testing.assert_array_equal(images[0], read_picture(image_paths[0], (size, size)))
    np.testing.assert_array_equal(masks[0, ..., 0], pets.read_mask(mask_paths[0], (size, size)))
    assert names[0] == image_paths[0].stem


def test_a_damaged_entry_is_not_loaded_but_rebuilt(folder, tmp_path, decoded):
    paths, cache = pets.list_pets(folder), tmp_path / "cache"
    images, masks, _ = [np.array(part) for part in pets.load_pets(*paths, 24, cache=cache)]
    [entry] = cache.iterdir()
    (entry / "1.npy").write_bytes(b"damaged")
    decoded.clear()
    again = pets.load_pets(*paths, 24, cache=cache)
    assert len(decoded) == 40
    np.testing.assert_array_equal(again[0], images)
    np.testing.assert_array_equal(again[1], masks)
    assert [*cache.iterdir()] == [entry]
    pets.load_pets(*paths, 24, cache=cache)
    assert len(decoded) == 40


def test_without_room_for_the_cache_loading_goes_on(folder, tmp_path):
    resource = pytest.importorskip("resource")  # the limit on a file's size stands in for a full disk
    paths, cache = pets.list_pets(folder), tmp_path / "cache"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.warns(UserWarning, match="not kept for the next run"):
            images, masks, _ = pets.load_pets(*paths, 64, cache=cache)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    plain = pets.load_pets(*paths, 64)
    np.testing.assert_array_equal(images, plain[0])
    np.testing.assert_array_equal(masks, plain[1])
    assert [*cache.iterdir()] == []
    no_folder = folder / "images/pet_0.mat"  # a file where the folder should be
    with pytest.warns(UserWarning, match="not kept for the next run"):
        pets.load_pets(*paths, 24, cache=no_folder)


# --- real files


def test_real_originals_are_read_whatever_their_format(tmp_path, capsys):
    source = find_asset("oxford_pets_originals")
    for name in ("images.tar.gz", "annotations.tar.gz"):
        with tarfile.open(source / name) as archive:
            archive.extractall(tmp_path, filter="data")
    image_paths, mask_paths = pets.list_pets(tmp_path)
    formats = {path.stem: Image.open(path).format for path in image_paths}
    assert (formats["Abyssinian_34"], formats["Abyssinian_5"]) == ("GIF", "PNG")
    images, masks, names = pets.load_pets(image_paths, mask_paths, 64, cache=tmp_path / "cache")
    assert (images.shape, masks.shape) == ((69, 64, 64, 3), (69, 64, 64, 1))
    assert names == list(formats)
    assert capsys.readouterr().out == ""
    assert images.std((1, 2, 3)).min() > 10
    shares = np.bincount(masks.ravel()) / masks.size
    assert len(shares) == 3
    assert shares[2] < shares[0] < shares[1]
