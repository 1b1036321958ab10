"""Where is MNIST, and are those really its bytes? (LeCun, Cortes and Burges; CC BY-SA 3.0)"""

import hashlib
import os
from pathlib import Path
from typing import NamedTuple

from lightning_app.data import idx
from lightning_app.data.files import cache_folder, unpacked
from lightning_app.data.images import Images, Labelled, labelled
from lightning_app.errors import AppError


class File(NamedTuple):
    """One of the four published files: its name, unpacked size in bytes, and SHA-256 of the unpacked bytes."""

    name: str
    size: int
    sha256: str


TRAIN_X = File("train-images-idx3-ubyte", 47040016, "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db")
TRAIN_Y = File("train-labels-idx1-ubyte", 60008, "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5")
TEST_X = File("t10k-images-idx3-ubyte", 7840016, "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7")
TEST_Y = File("t10k-labels-idx1-ubyte", 10008, "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2")
FILES = (TRAIN_X, TRAIN_Y, TEST_X, TEST_Y)

ROOT_VARIABLE = "SCRATCHLAYERS_DATA"
INSIDE = ("mnist", ".", "MNIST/raw")  # ours, the files themselves, torchvision's


def folders(root: str | None) -> list[Path]:
    """Where to look, in order: in ``root``, $SCRATCHLAYERS_DATA and the cache, each itself or mnist/ inside it."""
    bases = [root, os.environ.get(ROOT_VARIABLE), cache_folder()]
    return [Path(base) / inside for base in bases if base for inside in INSIDE]


def locate(root: str | None) -> Path | None:
    """The first folder that has all four files, packed or not; None when none has."""
    return next((folder for folder in folders(root) if all(path_of(folder, file) for file in FILES)), None)


def load(folder: Path) -> Images:
    """The 60,000 training and 10,000 test images in ``folder``."""
    return Images(
        "mnist",
        f"70,000 images from {folder}",
        tuple(map(str, range(10))),
        _pair(folder, TRAIN_X, TRAIN_Y),
        _pair(folder, TEST_X, TEST_Y),
    )


def verified(path: Path, file: File) -> bytes:
    """The unpacked bytes of ``path``, which must be those of ``file``."""
    content = unpacked(path, file.size)
    if hashlib.sha256(content).hexdigest() != file.sha256:
        raise AppError(f"{path}: its SHA-256 is not that of {file.name}")
    return content


def _pair(folder: Path, x: File, y: File) -> Labelled:
    try:
        arrays = [idx.parse(verified(path_of(folder, file), file), file.name) for file in (x, y)]
    except AppError as error:
        raise AppError(f"{error}; delete it to have it fetched again") from error
    return labelled(*arrays, str(folder))


def path_of(folder: Path, file: File) -> Path | None:
    """Where in ``folder`` the file lies, packed or not."""
    candidates = (folder / f"{file.name}.gz", folder / file.name)
    return next((path for path in candidates if path.is_file()), None)
