"""What does the network get to see of a file? The digit, cut out and laid as MNIST lays its own.

MNIST's digits are white on black, fitted into 20x20 with their proportions kept, and centred by mass in 28x28
(LeCun, Cortes and Burges, http://yann.lecun.com/exdb/mnist).
"""

from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from lightning_app.errors import AppError
from lightning_app.photo.ink import HALF, ink, thickened
from lightning_app.picture import opened

SIDE, BOX = 28, 20
GREY_SHAPE = [1, SIDE, SIDE]


def read(path: Path, shape: list[int]) -> Tensor:
    """One uint8 image (1, c, h, w) from a PNG or JPEG file, for a network that learned on ``shape`` (c, h, w).

    For 28x28 grey images the digit is cut out and centred; for any other shape the picture is only resized.
    """
    image = opened(path)
    if shape == GREY_SHAPE:
        found = digit(_grey(image))
        if found is None:
            raise AppError(f"{path}: no digit found, all of it is of one colour")
        return torch.from_numpy(found)[None, None]
    fitted = ImageOps.fit(image.convert("L" if shape[0] == 1 else "RGB"), (shape[2], shape[1]))
    return torch.from_numpy(np.array(fitted)).reshape(shape[1], shape[2], shape[0]).permute(2, 0, 1)[None]


def digit(grey: Image.Image) -> np.ndarray | None:
    """(28, 28) uint8, white on black, of a grey picture of one digit; None if there is nothing on it."""
    strokes = ink(grey)
    return None if strokes is None else laid(strokes)


def laid(strokes: np.ndarray) -> np.ndarray:
    """(28, 28) uint8 of ``strokes`` (h, w) uint8, 255 where there is ink: cropped, thickened, fitted, centred."""
    rows, columns = (np.flatnonzero((strokes >= HALF).any(axis)) for axis in (1, 0))
    margin = 1
    top, left = max(0, rows[0] - margin), max(0, columns[0] - margin)
    cropped = thickened(Image.fromarray(strokes[top : rows[-1] + 1 + margin, left : columns[-1] + 1 + margin]))
    width, height = (max(1, round(side * BOX / max(cropped.size))) for side in cropped.size)
    narrowed = cropped.resize((width, cropped.height), Image.Resampling.BOX)  # Pillow's own order differs by version
    return _centred(np.asarray(narrowed.resize((width, height), Image.Resampling.BOX)))


def _centred(small: np.ndarray) -> np.ndarray:
    """Laid into 28x28 so that the centre of mass is in the middle, as far as the digit stays inside."""
    moments = [(small.sum(1 - axis, dtype=np.int64) * np.arange(small.shape[axis])).sum() for axis in (0, 1)]
    centre = [moment / small.sum(dtype=np.int64) for moment in moments]  # of whole numbers: a tie is one everywhere
    middle = (SIDE - 1) / 2
    top, left = (int(np.clip(round(middle - c), 0, SIDE - s)) for c, s in zip(centre, small.shape, strict=True))
    full = np.zeros((SIDE, SIDE), np.uint8)
    full[top : top + small.shape[0], left : left + small.shape[1]] = small
    return full


def _grey(image: Image.Image) -> Image.Image:
    """Grey; what is transparent becomes white, or black under light strokes."""
    if "A" not in image.getbands() and "transparency" not in image.info:
        return image.convert("L")
    light, opaque = image.convert("LA").split()
    visible = np.asarray(light)[np.asarray(opaque) > 127]
    paper = 0 if len(visible) and visible.mean() > 127 else 255
    return Image.composite(light, Image.new("L", image.size, paper), opaque)
