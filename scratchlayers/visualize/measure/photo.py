"""What is looked at? A photograph from a file, or the one that comes with matplotlib, read when it is needed.

That is Grace Hopper's portrait, a work of the United States Navy in the public domain.
"""

from __future__ import annotations

from os import PathLike
from pathlib import Path

import numpy as np

SIDE = 144  # pixels


def photo(file: str | PathLike[str] | None = None, side: int = SIDE) -> np.ndarray:
    """Return the middle of a photograph, (side, side) of grey values from 0 to 1.

    Raises:
        ValueError: if the file cannot be read, or pillow or matplotlib is missing.

    """
    try:
        from PIL import Image, ImageOps, UnidentifiedImageError

        path = _default() if file is None else Path(file)
        with Image.open(path) as image:
            grey = ImageOps.exif_transpose(image).convert("L")
            small = ImageOps.fit(grey, (side, side), Image.Resampling.LANCZOS, centering=(0.5, 0.2))
    except ImportError as why:
        raise ValueError(f'photographs need {why.name}: pip install "scratchlayers[viz]"') from why
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as why:
        raise ValueError(f"{file} cannot be read as a photograph: {why}") from why
    return np.asarray(small, float) / 255


def _default() -> Path:
    import matplotlib as mpl

    return Path(mpl.get_data_path()) / "sample_data" / "grace_hopper.jpg"
