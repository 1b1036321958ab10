"""What is trained on when there is no network? 1,797 real handwritten digits that come with the package (digits.md)."""

from importlib.resources import files

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from lightning_app.data.images import Images, Labelled, part

FULL = 16  # the darkest pixel's value in the 8x8 images
SIDE, MARGIN = 20, 4  # MNIST's proportions: a digit fits 20x20 in the middle of 28x28


def load() -> Images:
    """1,442 training and 355 test images (of each class every fifth), scaled from 8x8 to MNIST's 28x28."""
    with files("lightning_app.data").joinpath("digits.npz").open("rb") as file:
        arrays = np.load(file, allow_pickle=False)
        x, y = torch.from_numpy(arrays["x"]), torch.from_numpy(arrays["y"])
    train, test = part(Labelled(enlarge(x), y.long()))
    return Images("digits", f"{len(y):,} images, built in", tuple(map(str, range(10))), train, test)


def enlarge(x: Tensor) -> Tensor:
    """(n, 8, 8) of 0..16 as (n, 1, 28, 28) of 0..255: bicubic to 20x20, in a margin of 4."""
    large = F.interpolate(x[:, None].float() * (255 / FULL), size=(SIDE, SIDE), mode="bicubic", antialias=False)
    return F.pad(large.clamp(0, 255).round().to(torch.uint8), [MARGIN] * 4)
