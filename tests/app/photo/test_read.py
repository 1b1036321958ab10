"""Photographs of digits become images like those of the training set. Real test digits are made into photographs."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageOps

from lightning_app.data import digits
from lightning_app.errors import AppError
from lightning_app.photo.ink import ink
from lightning_app.photo.read import digit, read

GREY = [1, 28, 28]


def drawn(width: int = 10, ink: int = 40, paper: int = 220, size=(300, 400), box=(90, 120, 200, 320)) -> Image.Image:
    """A seven."""
    image = Image.new("L", size, paper)
    left, top, right, bottom = box
    ImageDraw.Draw(image).line([(left, top), (right, top), ((left + right) // 2, bottom)], ink, width, joint="curve")
    return image


def photographed(x: np.ndarray, random: np.random.Generator, dark: bool) -> Image.Image:
    """A 28x28 digit as ink on a large sheet, somewhere, unevenly lit, with the noise of a camera."""
    side = int(random.integers(200, 500))
    ink = np.asarray(Image.fromarray(x).resize((side, side), Image.Resampling.BICUBIC), dtype=np.float32) / 255
    height, width = 800, 600
    rows, columns = np.mgrid[:height, :width]
    sheet = 225 - 80 * random.random() * rows / height - 80 * random.random() * columns / width
    cover = np.zeros((height, width))
    top, left = random.integers(0, height - side), random.integers(0, width - side)
    cover[top : top + side, left : left + side] = ink
    picture = (sheet * (1 - 0.75 * cover) + random.normal(0, 4, sheet.shape)).clip(0, 255)
    return Image.fromarray((255 - picture if dark else picture).astype(np.uint8))


def overlap(a: np.ndarray, b: np.ndarray) -> float:
    """Cosine of the angle between two images: 1 when they are alike."""
    a, b = a.astype(float).ravel(), b.astype(float).ravel()
    return float(a @ b / np.sqrt((a @ a) * (b @ b)))


def test_a_digit_is_laid_as_mnist_lays_it():
    image = digit(drawn())
    rows = np.nonzero(image > 20)[0]
    assert (image.shape, image.dtype) == ((28, 28), np.uint8)
    assert image.max() > 230
    assert 19 <= np.ptp(rows) + 1 <= 20
    weights = image / image.sum()
    for axis in (0, 1):
        assert (weights.sum(1 - axis) * np.arange(28)).sum() == pytest.approx(13.5, abs=0.6)


@pytest.mark.parametrize("name", ["inverted", "small", "off centre", "large", "faint", "thin", "thick"])
def test_how_it_was_drawn_makes_little_difference(name):
    other = {
        "inverted": ImageOps.invert(drawn()),
        "small": drawn().resize((150, 200)),
        "off centre": drawn(box=(5, 190, 115, 390)),
        "large": drawn().resize((3000, 4000)),
        "faint": drawn(ink=170, paper=200),
        "thin": drawn(width=4),
        "thick": drawn(width=24),
    }[name]
    assert overlap(digit(drawn()), digit(other)) > (0.75 if name in ("thin", "thick") else 0.9)


def test_a_thin_pen_does_not_vanish():
    assert digit(drawn(width=2)).sum() > 0.6 * digit(drawn(width=16)).sum()


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 354), st.booleans())
def test_photographs_of_real_digits_look_like_them(place, dark):
    x = digits.load().test.x[place, 0].numpy()
    assert overlap(digit(photographed(x, np.random.default_rng(place), dark)), digit(Image.fromarray(x))) > 0.8


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_the_camera_s_note_of_its_position_is_followed(tmp_path, orientation):
    turned = {1: 0, 3: 180, 6: 90, 8: 270}[orientation]
    image = drawn().rotate(turned, expand=True)
    exif = image.getexif()
    exif[0x0112] = orientation
    image.save(tmp_path / "x.jpg", exif=exif)
    drawn().save(tmp_path / "upright.png")
    found, expected = (read(tmp_path / name, GREY)[0, 0].numpy() for name in ("x.jpg", "upright.png"))
    assert overlap(found, expected) > 0.95


@pytest.mark.parametrize("mode", ["RGB", "P", "1", "LA", "RGBA", "CMYK", "I;16"])
def test_every_kind_of_picture_is_read(tmp_path, mode):
    path = tmp_path / ("x.tiff" if mode == "CMYK" else "x.png")
    if mode == "I;16":
        image = Image.fromarray(np.asarray(drawn()).astype(np.uint16) * 257)
    else:
        image = drawn().convert(mode, dither=Image.Dither.NONE)
    image.save(path)
    assert overlap(read(path, GREY)[0, 0].numpy(), digit(drawn())) > 0.9


@pytest.mark.parametrize("light", [True, False])
def test_what_is_transparent_is_paper(tmp_path, light):
    image = Image.new("LA", (300, 400), (0, 0))
    image.paste((255 if light else 0, 255), mask=drawn(ink=255, paper=0))
    image.save(tmp_path / "x.png")
    assert overlap(read(tmp_path / "x.png", GREY)[0, 0].numpy(), digit(drawn())) > 0.9


def test_networks_of_other_shapes_get_the_picture_resized(tmp_path):
    Image.new("RGB", (50, 40), (10, 20, 30)).save(tmp_path / "x.png")
    x = read(tmp_path / "x.png", [3, 16, 20])
    assert (x.shape, x.dtype) == ((1, 3, 16, 20), torch.uint8)
    assert x[0, :, 8, 8].tolist() == [10, 20, 30]
    assert read(tmp_path / "x.png", [1, 16, 20]).shape == (1, 1, 16, 20)


@pytest.mark.parametrize("shade", [0, 128, 255])
def test_an_empty_sheet_holds_no_digit(tmp_path, shade):
    Image.new("L", (100, 100), shade).save(tmp_path / "x.png")
    with pytest.raises(AppError, match=r"x\.png: no digit found"):
        read(tmp_path / "x.png", GREY)


@pytest.mark.parametrize("content", [b"", b"rubbish", b"\x89PNG\r\n\x1a\nrubbish"])
def test_broken_files_are_one_line(tmp_path, content):
    (tmp_path / "x.png").write_bytes(content)
    with pytest.raises(AppError, match=r"x\.png: cannot be read as an image") as caught:
        read(tmp_path / "x.png", GREY)
    assert "\n" not in str(caught.value)


def test_a_truncated_picture_is_one_line(tmp_path):
    drawn().save(tmp_path / "x.png")
    (tmp_path / "x.png").write_bytes((tmp_path / "x.png").read_bytes()[:-200])
    with pytest.raises(AppError, match=r"x\.png: cannot be read"):
        read(tmp_path / "x.png", GREY)


def test_a_picture_of_monstrous_size_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    drawn().save(tmp_path / "x.png")
    with pytest.raises(AppError, match=r"x\.png: cannot be read"):
        read(tmp_path / "x.png", GREY)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(AppError, match=r"x\.png: no such file"):
        read(tmp_path / "x.png", GREY)


@pytest.mark.parametrize("light", [False, True])
def test_of_a_drawing_by_a_program_every_grey_is_ink(light):
    """Nothing is blurred and no paper is looked for where all around is exactly one grey."""
    drawn_ink = np.zeros((40, 30), np.uint8)
    drawn_ink[5:35, 12:16], drawn_ink[5:35, 16] = 255, 90
    found = ink(Image.fromarray(drawn_ink if light else 255 - drawn_ink))
    np.testing.assert_array_equal(found, drawn_ink)
