"""Pictures from files to arrays: formats, interpolation, faults."""

import numpy as np
import pytest
from PIL import Image

from helpers import pictures


def draw(height=40, width=60, seed=0):
    """A smooth random picture: survives JPEG within a few levels."""
    small = np.random.default_rng(seed).integers(0, 256, (3, 4, 3), np.uint8)
    return Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC)


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
    image = pictures.read_picture(path)
    assert image.dtype == np.uint8
    assert image.shape == (40, 60, 3)
    np.testing.assert_allclose(image, np.asarray(expected, float), atol=tolerance)
    assert np.ptp(image) > 100
    assert pictures.read_picture(str(path), (20, 30)).shape == (20, 30, 3)


def test_read_picture_turns_as_exif_says_if_it_may(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by a quarter to look at it
    draw().save(tmp_path / "turned.jpg", exif=exif)
    draw().save(tmp_path / "plain.jpg")
    plain, turned = (pictures.read_picture(tmp_path / f"{name}.jpg") for name in ("plain", "turned"))
    np.testing.assert_array_equal(turned, np.rot90(plain, -1))
    np.testing.assert_array_equal(pictures.read_picture(tmp_path / "turned.jpg", turn=False), plain)


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
    np.testing.assert_allclose(pictures.read_picture(tmp_path / "pet.jpg", size), expected, atol=1.1)


# --- faults

FAULTS = {
    "empty": (lambda content: b"", "empty file"),
    "truncated": (lambda content: content[: len(content) // 2], "truncated"),
    "page": (lambda content: b"<html>404 Not Found</html>", "not a picture of any known format"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_read_picture_names_the_damaged_file(tmp_path, fault):
    (content, reason), path = FAULTS[fault], tmp_path / "pet_3.jpg"
    draw().save(path, quality=95)
    path.write_bytes(content(path.read_bytes()))
    with pytest.raises(pictures.UnreadableError, match=rf"pet_3\.jpg: .*{reason}"):
        pictures.read_picture(path)


def test_a_png_of_noise_is_unreadable_and_a_missing_file_is_missing(tmp_path):
    draw().save(tmp_path / "pet.png")
    content = bytearray((tmp_path / "pet.png").read_bytes())
    content[60:200] = bytes(140)
    (tmp_path / "pet.png").write_bytes(content)
    with pytest.raises(pictures.UnreadableError, match=r"pet\.png"):
        pictures.read_picture(tmp_path / "pet.png")
    with pytest.raises(FileNotFoundError):
        pictures.read_picture(tmp_path / "nowhere.jpg")


def test_a_picture_is_chosen_by_number_or_by_file(tmp_path):
    paths = [tmp_path / "cat.jpg", tmp_path / "dog.jpg"]
    paths[1].touch()
    assert [pictures.find_picture("PICTURE", choice, paths) for choice in (0, 1, str(paths[1]))] == [*paths, paths[1]]
    for choice in (2, -1, 9999):
        with pytest.raises(ValueError, match=rf"PICTURE is {choice}; expected .* 0 to 1"):
            pictures.find_picture("PICTURE", choice, paths)
    with pytest.raises(FileNotFoundError, match=r"CAT_PICTURE is 'none.jpg'; expected a picture"):
        pictures.find_picture("CAT_PICTURE", "none.jpg", paths)
