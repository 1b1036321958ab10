"""How is a picture file opened? Upright, with 8 bits a channel, or with one line saying why not."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from lightning_app.errors import AppError

BROKEN = (OSError, SyntaxError, ValueError, Image.DecompressionBombError, Image.DecompressionBombWarning)


def opened(path: Path) -> Image.Image:
    """The picture, turned as the camera noted, 16 bits reduced to 8."""
    try:
        with Image.open(path) as image:
            return ImageOps.exif_transpose(_eight_bit(image))
    except FileNotFoundError:
        raise AppError(f"{path}: no such file") from None
    except BROKEN as error:
        raise AppError(f"{path}: cannot be read as an image ({error})") from error


def _eight_bit(image: Image.Image) -> Image.Image:
    if not image.mode.startswith(("I", "F")):
        image.load()
        return image
    values = np.asarray(image, dtype=np.float64)
    return Image.fromarray((values / (257 if values.max() > 255 else 1)).clip(0, 255).astype(np.uint8))
