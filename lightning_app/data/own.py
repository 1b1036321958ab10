"""How does one train on images of one's own? An .npz of arrays, or a folder with a folder of images per class."""

import zipfile
import zlib
from pathlib import Path

import numpy as np

from lightning_app.data.images import Images, Labelled, labelled, part
from lightning_app.errors import AppError
from lightning_app.picture import opened

LARGEST = 4 << 30  # bytes of arrays that are read from one .npz
SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp"}
BROKEN_ARRAYS = (ValueError, OSError, EOFError, KeyError, MemoryError, zipfile.BadZipFile, zlib.error)


def load_npz(path: Path) -> Images:
    """Arrays x_train, y_train and, if there, x_test, y_test. Nothing in the file is executed (no pickles)."""
    if not path.is_file():
        raise AppError(f"--data.dataset npz: --data.root names the .npz file, and {path} is none")
    arrays = _read_npz(path)
    train = labelled(arrays["x_train"], arrays["y_train"], f"{path} (train)")
    if "x_test" in arrays:
        return _images(path, train, labelled(arrays["x_test"], arrays["y_test"], f"{path} (test)"))
    return _images(path, *part(train))


def load_folder(path: Path) -> Images:
    """``class/*.png``; or ``train/class/*.png`` and ``test/class/*.png``. All images have the size of the first."""
    parted = [path / name for name in ("train", "test")]
    if all(folder.is_dir() for folder in parted):
        classes = _classes(parted[0])
        return _images(path, *(_read_folder(folder, classes) for folder in parted), classes)
    classes = _classes(path)
    return _images(path, *part(_read_folder(path, classes)), classes)


def _images(path: Path, train: Labelled, test: Labelled, classes: list[str] | None = None) -> Images:
    if not len(train.y) or not len(test.y):
        raise AppError(f"{path}: {len(train.y)} training and {len(test.y)} test images; more are needed")
    if train.x.shape[1:] != test.x.shape[1:]:
        raise AppError(f"{path}: training images are {train.x.shape[1:]}, test images {test.x.shape[1:]}")
    highest = int(max(train.y.max(), test.y.max()))
    classes = classes or [str(label) for label in range(highest + 1)]
    return Images(path.stem, f"{len(train.y) + len(test.y):,} images from {path}", tuple(classes), train, test)


def _read_npz(path: Path) -> dict[str, np.ndarray]:
    try:
        with zipfile.ZipFile(path) as archive:
            claimed = sum(entry.file_size for entry in archive.infolist())
        if claimed > LARGEST:
            raise AppError(f"{path}: unpacks to {claimed:,} bytes; at most {LARGEST:,} are read")
        with np.load(path, allow_pickle=False) as stored:
            names = ("x_train", "y_train") + (("x_test", "y_test") if "x_test" in stored else ())
            return {name: stored[name] for name in names}
    except BROKEN_ARRAYS as error:
        raise AppError(f"{path}: not an .npz with plain arrays x_train and y_train ({error})") from error


def _classes(path: Path) -> list[str]:
    classes = sorted(folder.name for folder in path.iterdir() if folder.is_dir()) if path.is_dir() else []
    if len(classes) < 2:
        raise AppError(f"--data.dataset folder: {path} has no folders, one per class, with images in them")
    return classes


def _read_folder(path: Path, classes: list[str]) -> Labelled:
    found = [(file, label) for label, name in enumerate(classes) for file in _image_files(path / name)]
    if not found:
        raise AppError(f"{path}: no images ({' '.join(sorted(SUFFIXES))}) in its folders")
    first = _read_image(found[0][0], None)
    x = np.stack([_read_image(file, first.shape) for file, _ in found])
    return labelled(x, np.array([label for _, label in found]), str(path))


def _image_files(path: Path) -> list[Path]:
    return sorted(file for file in path.iterdir() if file.suffix.lower() in SUFFIXES) if path.is_dir() else []


def _read_image(path: Path, shape: tuple[int, ...] | None) -> np.ndarray:
    image = opened(path)
    array = np.asarray(image.convert("L" if image.mode in ("1", "L") else "RGB"))
    if shape is not None and array.shape != shape:
        raise AppError(f"{path}: is {array.shape}, the first image is {shape}; all must be alike")
    return array
