"""Pets from files to arrays: formats, interpolation, faults, the cache, batches, and real files."""

import os
import random
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from helpers import disk_cache, pets

ROOT = Path(__file__).resolve().parents[1]
ASSETS = Path(os.environ.get("COMPANION_ASSETS", ROOT.parent / "shared" / "assets"))


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
    """The names of the files that Pillow is asked to decode."""
    names, original = [], pets._open
    monkeypatch.setattr(pets, "_open", lambda path, convert: (names.append(path.name), original(path, convert))[1])
    return names


def damage(folder, name, content):
    path = folder / "images" / name
    path.write_bytes(content(path.read_bytes()))


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


# --- reading one picture


def save_as(path, picture, kind):
    """Save in a format that the name `.jpg` hides; return what RGB is to be read, and the tolerance."""
    rgb, grey = np.array(picture).astype(float), np.array(picture.convert("L"))
    repeated = grey[..., None].repeat(3, 2)
    alpha = np.linspace(0, 255, picture.width).astype(np.uint8)[None].repeat(picture.height, 0)
    share = alpha[..., None] / 255
    if kind == "gif":
        palette = picture.quantize(64)
        palette.save(path, "GIF")
        return palette.convert("RGB"), 0
    if kind == "png with alpha":
        Image.fromarray(np.dstack([picture, alpha])).save(path, "PNG")
        return rgb * share + 255 * (1 - share), 1
    if kind == "grey with alpha":
        Image.fromarray(np.dstack([grey, alpha])).save(path, "PNG")
        return repeated * share + 255 * (1 - share), 1
    if kind == "palette with transparency":
        palette = picture.quantize(16)
        palette.save(path, "PNG", transparency=3)
        return np.where(np.asarray(palette)[..., None] == 3, 255, palette.convert("RGB")), 0
    if kind == "grey":
        Image.fromarray(grey).save(path, "JPEG", quality=100)
        return repeated, 3
    if kind == "cmyk":
        inks = [Image.eval(band, lambda level: 255 - level) for band in picture.split()]
        Image.merge("CMYK", [*inks, Image.new("L", picture.size)]).save(path, "JPEG", quality=100, subsampling=0)
        return rgb, 4
    if kind == "1 bit":
        picture.convert("1").save(path, "PNG")
        return picture.convert("1").convert("RGB"), 0
    if kind == "16 bit":
        Image.fromarray(grey.astype(np.uint16) * 256 + 77).save(path, "PNG")
        return repeated, 0
    picture.save(path, kind, lossless=True)
    return rgb, 0


KINDS = [
    "gif",
    "png with alpha",
    "grey with alpha",
    "palette with transparency",
    "grey",
    "cmyk",
    "1 bit",
    "16 bit",
]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("kind", [*KINDS, "PNG", "BMP", "TIFF", "WEBP"])
def test_read_picture_reads_every_format_under_a_jpg_name(tmp_path, kind):
    path = tmp_path / "pet.jpg"
    expected, tolerance = save_as(path, draw(), kind)
    image = pets.read_picture(path)
    assert image.dtype == np.uint8
    assert image.shape == (40, 60, 3)
    np.testing.assert_allclose(image, np.asarray(expected, float), atol=tolerance)
    assert np.ptp(image) > 100
    assert pets.read_picture(str(path), (20, 30)).shape == (20, 30, 3)


def test_read_picture_leaves_an_exif_rotation_alone(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by a quarter to look at it
    draw().save(tmp_path / "turned.jpg", exif=exif)
    draw().save(tmp_path / "plain.jpg")
    np.testing.assert_array_equal(*[pets.read_picture(tmp_path / f"{n}.jpg") for n in ("turned", "plain")])


def triangle_weights(length, size):
    """Antialiased linear interpolation written as a matrix: one row of weights for each new pixel."""
    scale = length / size
    centres = (np.arange(size) + 0.5) * scale
    distance = np.abs(centres[:, None] - (np.arange(length) + 0.5)) / max(scale, 1)
    weights = np.maximum(0, 1 - distance)
    return weights / weights.sum(1, keepdims=True)


@pytest.mark.parametrize("size", [(13, 17), (80, 90), (40, 20)])
def test_pictures_are_resized_by_antialiased_bilinear_interpolation(tmp_path, size):
    rows, columns = np.mgrid[0:40, 0:60]
    noise = np.random.default_rng(1).integers(0, 256, (40, 60))
    picture = np.dstack([rows * 6, columns * 4, noise]).astype(np.uint8)
    Image.fromarray(picture).save(tmp_path / "pet.jpg", "PNG")
    vertical, horizontal = triangle_weights(40, size[0]), triangle_weights(60, size[1])
    expected = np.einsum("yr,xc,rck->yxk", vertical, horizontal, picture)
    np.testing.assert_allclose(pets.read_picture(tmp_path / "pet.jpg", size), expected, atol=1.1)


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


def test_read_mask_gives_the_indices_of_the_class_names(tmp_path):
    trimap = np.array([[1, 2, 3]], np.uint8)
    for mode in ("L", "P"):  # a palette's indices are the classes, whatever its colours
        picture = Image.fromarray(trimap)
        if mode == "P":
            picture.putpalette([255, 0, 0] * 256)
        picture.save(tmp_path / "pet.png")
        mask = pets.read_mask(tmp_path / "pet.png")
        assert [pets.CLASS_NAMES[index] for index in mask[0]] == ["animal", "background", "outline"]


@pytest.mark.parametrize(
    ("values", "complaint"),
    [([[0, 1, 3]], "values 0, 1, 3"), ([[1, 4, 255]], "1, 4, 255"), (np.ones((2, 2, 3)), "3 channels")],
)
def test_read_mask_refuses_other_values(tmp_path, values, complaint):
    Image.fromarray(np.array(values, np.uint8)).save(tmp_path / "pug_7.png")
    with pytest.raises(pets.UnreadableError, match=rf"pug_7\.png: .*{complaint}"):
        pets.read_mask(tmp_path / "pug_7.png")


# --- faults

FAULTS = {
    "empty": (lambda content: b"", "empty file"),
    "truncated": (lambda content: content[: len(content) // 2], "truncated"),
    "page": (lambda content: b"<html>404 Not Found</html>", "not a picture of any known format"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_read_picture_names_the_damaged_file(folder, fault):
    content, reason = FAULTS[fault]
    damage(folder, "pet_3.jpg", content)
    with pytest.raises(pets.UnreadableError, match=rf"pet_3\.jpg: .*{reason}"):
        pets.read_picture(folder / "images/pet_3.jpg")


def test_a_png_of_noise_is_unreadable_and_a_missing_file_is_missing(tmp_path):
    draw().save(tmp_path / "pet.png")
    content = bytearray((tmp_path / "pet.png").read_bytes())
    content[60:200] = bytes(140)
    (tmp_path / "pet.png").write_bytes(content)
    with pytest.raises(pets.UnreadableError, match=r"pet\.png"):
        pets.read_picture(tmp_path / "pet.png")
    with pytest.raises(FileNotFoundError):
        pets.read_picture(tmp_path / "nowhere.jpg")


def test_damaged_files_are_skipped_and_named_alike_in_every_run(folder, tmp_path, capsys):
    damage(folder, "pet_3.jpg", FAULTS["truncated"][0])
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
        np.testing.assert_array_equal(image, pets.read_picture(folder / f"images/{name}.jpg", (24, 24)))
        expected = pets.read_mask(folder / f"annotations/trimaps/{name}.png", (24, 24))
        np.testing.assert_array_equal(mask[..., 0], expected)
    np.testing.assert_array_equal(images, runs[1][0])
    np.testing.assert_array_equal(masks, runs[1][1])
    assert runs[1][2:] == (names, printed)


def test_more_than_a_tenth_skipped_is_an_error(folder, tmp_path):
    for number in (3, 5, 7):
        damage(folder, f"pet_{number}.jpg", FAULTS["empty"][0])
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
        np.testing.assert_array_equal(images[index], pets.read_picture(path, (24, 24)))
        np.testing.assert_array_equal(masks[index, ..., 0], pets.read_mask(mask_paths[index], (24, 24)))


@pytest.mark.parametrize("load", [pets.load_pets, lambda *args: pets.stream_pets(*args, batch_size=4)])
def test_lists_that_are_not_pairs_are_refused(folder, load):
    image_paths, mask_paths = pets.list_pets(folder)
    with pytest.raises(ValueError, match=r"Picture pet_0 meets trimap pet_9.*alike"):
        load(image_paths, mask_paths[::-1], 24)
    with pytest.raises(ValueError, match="Picture pet_9 meets trimap nothing"):
        load(image_paths, mask_paths[:-1], 24)


def test_nothing_to_load_is_an_error():
    with pytest.raises(ValueError, match="no pictures"):
        pets.load_pets([], [], 24)


def test_load_pictures_returns_what_it_kept(folder, capsys):
    damage(folder, "pet_11.jpg", FAULTS["page"][0])
    paths = pets.list_pets(folder)[0]
    images, kept = pets.load_pictures(paths, 24)
    assert kept == [index for index in range(20) if index != 3]  # pet_0, pet_1, pet_10, pet_11, ...
    assert "images/pet_11.jpg (not a picture" in capsys.readouterr().out
    np.testing.assert_array_equal(images[3], pets.read_picture(paths[4], (24, 24)))


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
        monkeypatch.setattr(pets.PIL, "__version__", "0.0")
    else:
        monkeypatch.setattr(pets, "CACHE_FORMAT", 0)
    decoded.clear()
    images, masks, names = pets.load_pets(image_paths, mask_paths, size, cache=tmp_path / "cache")
    assert len(decoded) == 40
    np.testing.assert_array_equal(images[0], pets.read_picture(image_paths[0], (size, size)))
    np.testing.assert_array_equal(masks[0, ..., 0], pets.read_mask(mask_paths[0], (size, size)))
    assert names[0] == image_paths[0].stem


def test_a_renamed_folder_still_hits(folder, tmp_path, decoded):
    pets.load_pets(*pets.list_pets(folder), 24, cache=tmp_path / "cache")
    moved = folder.rename(tmp_path / "moved")
    decoded.clear()
    pets.load_pets(*pets.list_pets(moved), 24, cache=tmp_path / "cache")
    assert decoded == []


def entries(cache):
    """Return the folders of a cache, whole or not."""
    return [path for path in cache.iterdir() if path.is_dir()]


SPOILS = {
    "truncated": lambda entry: os.truncate(entry / "0.npy", 500),
    "flipped": lambda entry: flip_a_byte(entry / "1.npy"),
    "gone": lambda entry: (entry / "1.npy").unlink(),
    "no record": lambda entry: (entry / "record.json").unlink(),
    "half a record": lambda entry: os.truncate(entry / "record.json", 30),
    "another's record": lambda entry: (entry / "record.json").write_text("[1, 2]"),
    "another's key": lambda entry: replace(entry / "record.json", entry.name, "0" * 32),
}


def flip_a_byte(path):
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def replace(path, old, new):
    path.write_text(path.read_text().replace(old, new))


@pytest.mark.parametrize("spoil", SPOILS)
def test_a_damaged_entry_is_not_loaded_but_rebuilt(folder, tmp_path, decoded, spoil):
    paths, cache = pets.list_pets(folder), tmp_path / "cache"
    images, masks, _ = [np.array(part) for part in pets.load_pets(*paths, 24, cache=cache)]
    [entry] = entries(cache)
    SPOILS[spoil](entry)
    decoded.clear()
    again = pets.load_pets(*paths, 24, cache=cache)
    assert len(decoded) == 40
    np.testing.assert_array_equal(again[0], images)
    np.testing.assert_array_equal(again[1], masks)
    assert entries(cache) == [entry]
    pets.load_pets(*paths, 24, cache=cache)
    assert len(decoded) == 40


def test_an_interrupted_write_leaves_nothing_to_load(folder, tmp_path, decoded, monkeypatch):
    paths, cache = pets.list_pets(folder), tmp_path / "cache"

    def interrupt(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(disk_cache.os, "replace", interrupt)
        with pytest.raises(KeyboardInterrupt):
            pets.load_pets(*paths, 24, cache=cache)
    assert list(cache.iterdir()) == []
    assert len(pets.load_pets(*paths, 24, cache=cache)[0]) == 20


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
    assert entries(cache) == []
    with pytest.warns(UserWarning, match="not kept"):  # a file where the folder should be
        pets.load_pets(*paths, 24, cache=folder / "images/pet_0.mat")


def test_an_error_in_a_thread_ends_the_waiting_work():
    done = []

    def task(number):
        if number == 0:
            raise FileNotFoundError
        time.sleep(0.01)
        done.append(number)

    with pytest.raises(FileNotFoundError):
        pets._in_threads(task, range(500), "Reading")
    assert len(done) < 500


# --- batches


def test_batches_equal_the_arrays(folder, capsys):
    damage(folder, "pet_3.jpg", FAULTS["truncated"][0])
    image_paths, mask_paths = pets.list_pets(folder)
    images, masks, names = pets.load_pets(image_paths, mask_paths, 24)
    printed = capsys.readouterr().out
    batches = pets.stream_pets(image_paths, mask_paths, 24, batch_size=8, seed=1)
    assert capsys.readouterr().out == printed
    assert "pet_3 (" in printed
    assert [len(batches[index][0]) for index in range(len(batches))] == [8, 8, 3]
    for part, expected in enumerate((images, masks)):
        got = np.concatenate([batches[index][part] for index in range(len(batches))])
        assert got.dtype == np.uint8
        np.testing.assert_array_equal(got, expected)
    batches.on_epoch_end()
    shuffled = list(range(len(names)))
    random.Random(1).shuffle(shuffled)
    np.testing.assert_array_equal(batches[0][0], images[shuffled[:8]])
    np.testing.assert_array_equal(batches[2][1], masks[shuffled[16:]])
    assert image_paths == sorted(image_paths)


# --- the module, and real files


def test_importing_needs_no_backend():
    code = "import helpers.pets, helpers.dogs_vs_cats, sys; print({'keras', 'tensorflow'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT / "notebooks", capture_output=True, text=True)
    assert run.stdout == "set()\n", run.stderr


def test_real_originals_are_read_whatever_their_format(tmp_path, capsys):
    source = ASSETS / "oxford_pets_originals"
    if not source.is_dir():
        pytest.skip("not run: ../shared/assets is not here")
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
