"""What is a data set here? Images and labels held in memory, already parted into training and test."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from lightning_app.errors import AppError

TEST_EVERY = 5  # a set without a test part gives up images 4, 9, 14, ... of each class for testing
CHANNELS = (1, 3)


class Labelled(NamedTuple):
    """Images ``x`` (n, channels, height, width) uint8 and their classes ``y`` (n,) int64."""

    x: Tensor
    y: Tensor

    def take(self, index: Tensor) -> "Labelled":
        """The images and labels at ``index`` (places, or a mask)."""
        return Labelled(self.x[index], self.y[index])


@dataclass(frozen=True)
class Images:
    """A named data set: ``classes`` are the class names, ``source`` says in a phrase where it came from."""

    name: str
    source: str
    classes: tuple[str, ...]
    train: Labelled
    test: Labelled

    @property
    def shape(self) -> tuple[int, ...]:
        """Channels, height and width of one image."""
        return tuple(self.train.x.shape[1:])


def part(data: Labelled) -> tuple[Labelled, Labelled]:
    """(training, test) of a set that comes undivided: of each class every fifth image is a test image."""
    place = torch.empty_like(data.y)
    for label in data.y.unique():
        same = data.y == label
        place[same] = torch.arange(int(same.sum()))
    test = place % TEST_EVERY == TEST_EVERY - 1
    return data.take(~test), data.take(test)


def labelled(x: np.ndarray, y: np.ndarray, where: str) -> Labelled:
    """Arrays from outside as tensors, or one line saying why they cannot be images and labels.

    ``x``: (n, height, width) or (n, height, width, 1 or 3), uint8 or floats in 0..1; ``y``: (n,) integers from 0.
    """
    if x.ndim == 3:
        x = x[..., None]
    if x.ndim != 4 or x.shape[3] not in CHANNELS or 0 in x.shape:
        raise AppError(f"{where}: images are (n, height, width) or (n, height, width, 3), not {x.shape}")
    if y.shape != x.shape[:1]:
        raise AppError(f"{where}: {len(x)} images but labels of shape {y.shape}; one integer per image is needed")
    if y.dtype.kind not in "iu" or y.min() < 0:
        raise AppError(f"{where}: labels are integers 0, 1, 2, ..., not {y.dtype} from {y.min()}")
    pixels = np.require(_bytes(x, where).transpose(0, 3, 1, 2), requirements=["C", "W"])
    return Labelled(torch.from_numpy(pixels), torch.from_numpy(y.astype(np.int64)))


def _bytes(x: np.ndarray, where: str) -> np.ndarray:
    if x.dtype == np.uint8:
        return x
    if x.dtype.kind == "f" and x.min() >= 0 and x.max() <= 1:
        return np.rint(x * 255).astype(np.uint8)
    raise AppError(f"{where}: pixels are uint8, or floats from 0 to 1, not {x.dtype} in {x.min()} .. {x.max()}")
