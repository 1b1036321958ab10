"""A miniature of MNIST: the four files, small, with their sizes and hashes put where the real ones stand."""

import gzip
import hashlib
import struct
from pathlib import Path

import numpy as np
import pytest

from lightning_app.data import mnist

TRAIN, TEST = 20, 10


def written(array: np.ndarray) -> bytes:
    """As an IDX file."""
    return bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def contents() -> dict[str, bytes]:
    """Name of the file, its unpacked bytes."""
    random = np.random.default_rng(0)
    arrays = []
    for n in (TRAIN, TEST):
        arrays += [random.integers(0, 256, (n, 28, 28), np.uint8), np.arange(n, dtype=np.uint8) % 10]
    return {file.name: written(array) for file, array in zip(mnist.FILES, arrays, strict=True)}


def install(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """Let the miniature be what the application takes for MNIST, and look only where a test says."""
    files = contents()
    names = ("TRAIN_X", "TRAIN_Y", "TEST_X", "TEST_Y")
    small = [mnist.File(name, len(data), hashlib.sha256(data).hexdigest()) for name, data in files.items()]
    for name, file in zip(names, small, strict=True):
        monkeypatch.setattr(mnist, name, file)
    monkeypatch.setattr(mnist, "FILES", tuple(small))
    return files


def write(folder: Path, files: dict[str, bytes], packed: bool = True) -> None:
    """Put them there, .gz or raw."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        if packed:
            (folder / f"{name}.gz").write_bytes(gzip.compress(data, 1))
        else:
            (folder / name).write_bytes(data)
