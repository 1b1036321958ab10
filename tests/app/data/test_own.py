import io
import pickle
import struct
import zipfile
import zlib

import numpy as np
import pytest
from PIL import Image

from lightning_app.data import own
from lightning_app.errors import AppError

RANDOM = np.random.default_rng(0)
X, Y = RANDOM.integers(0, 256, (20, 6, 6), np.uint8), np.arange(20) % 2


class Exploding:
    def __reduce__(self):
        return (pytest.fail, ("a pickle was executed",))


def test_npz_with_a_test_part(tmp_path):
    np.savez(tmp_path / "mine.npz", x_train=X, y_train=Y, x_test=X[:4], y_test=Y[:4])
    images = own.load_npz(tmp_path / "mine.npz")
    assert (images.name, images.classes) == ("mine", ("0", "1"))
    assert (len(images.train.y), len(images.test.y)) == (20, 4)


def test_npz_without_one_gives_up_every_fifth(tmp_path):
    np.savez(tmp_path / "mine.npz", x_train=X, y_train=Y)
    images = own.load_npz(tmp_path / "mine.npz")
    assert (len(images.train.y), len(images.test.y)) == (16, 4)


def entry(name: str, data: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, data)
    return buffer.getvalue()


def header(shape: str) -> bytes:
    text = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text


def stored(**arrays: object) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not a zip",
        zlib.compress(b"abc"),
        pickle.dumps(Exploding()),
        stored(x=X, y=Y),
        stored(x_train=X, y_train=Y)[:-200],
        stored(x_train=np.array([Exploding()], dtype=object), y_train=Y),
        entry("x_train.npy", b"no array"),
        entry("x_train.npy", header("(1000000, 1000000, 1000)") + b"x"),
        entry("x_train.npy", header("(9, 9, 9)") + b"x"),
        stored(x_train=X, y_train=Y.astype(float)),
        stored(x_train=X, y_train=Y, x_test=X[:, :5], y_test=Y),
    ],
)
def test_hostile_or_broken_npz_is_one_line(tmp_path, content):
    path = tmp_path / "mine.npz"
    path.write_bytes(content)
    with pytest.raises(AppError, match=r"mine\.npz") as caught:
        own.load_npz(path)
    assert "\n" not in str(caught.value)


def test_an_npz_that_unpacks_to_too_much_is_not_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(own, "LARGEST", 1000)
    np.savez_compressed(tmp_path / "mine.npz", x_train=np.zeros((100, 28, 28), np.uint8), y_train=np.zeros(100, int))
    with pytest.raises(AppError, match="unpacks to 79,"):
        own.load_npz(tmp_path / "mine.npz")


def test_a_missing_npz_is_named(tmp_path):
    with pytest.raises(AppError, match=r"absent\.npz is none"):
        own.load_npz(tmp_path / "absent.npz")


def save(folder, n, size=(6, 6), mode="L"):
    folder.mkdir(parents=True)
    for number in range(n):
        Image.new(mode, size, number).save(folder / f"{number:02d}.png")


def test_folders_are_classes(tmp_path):
    save(tmp_path / "cat", 10)
    save(tmp_path / "dog", 10)
    images = own.load_folder(tmp_path)
    assert images.classes == ("cat", "dog")
    assert (len(images.train.y), len(images.test.y)) == (16, 4)
    assert images.test.x[:, 0, 0, 0].tolist() == [4, 9, 4, 9]


def test_folders_may_be_parted_already(tmp_path):
    for part, n in (("train", 4), ("test", 2)):
        for name in ("cat", "dog"):
            save(tmp_path / part / name, n, mode="RGB")
    images = own.load_folder(tmp_path)
    assert (len(images.train.y), len(images.test.y), images.shape) == (8, 4, (3, 6, 6))


def test_an_undecodable_image_is_named(tmp_path):
    save(tmp_path / "cat", 5)
    save(tmp_path / "dog", 5)
    (tmp_path / "dog" / "03.png").write_bytes(b"\x89PNG\r\n\x1a\nrubbish")
    with pytest.raises(AppError, match=r"03\.png: cannot be read"):
        own.load_folder(tmp_path)


def test_an_image_of_another_size_is_named(tmp_path):
    save(tmp_path / "cat", 5)
    save(tmp_path / "dog", 5, size=(7, 6))
    with pytest.raises(AppError, match=r"00\.png: is \(6, 7\), the first image is \(6, 6\)"):
        own.load_folder(tmp_path)


@pytest.mark.parametrize("classes", [[], ["cat"]])
def test_fewer_than_two_classes_are_refused(tmp_path, classes):
    for name in classes:
        save(tmp_path / name, 5)
    with pytest.raises(AppError, match="one per class"):
        own.load_folder(tmp_path)


def test_folders_without_images_are_refused(tmp_path):
    save(tmp_path / "cat", 0)
    save(tmp_path / "dog", 0)
    with pytest.raises(AppError, match="no images"):
        own.load_folder(tmp_path)
