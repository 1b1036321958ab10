"""Which filters does every textbook know? The bank, with what each is for; written as cross-correlation reads them.

Values: Sobel and Prewitt after Gonzalez and Woods, "Digital Image Processing", chapter 10; Scharr's thesis, "Optimale
Operatoren in der Digitalen Bildverarbeitung" (Heidelberg 2000); Roberts, "Machine perception of three-dimensional
solids" (1963); Gabor after Daugman, J. Opt. Soc. Am. A 2:1160 (1985).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from math import cos, pi, sin

import numpy as np


@dataclass(frozen=True, eq=False)
class Kernel:
    """A filter, (KH, KW), and what its response says."""

    name: str
    values: np.ndarray
    meaning: str

    @property
    def signed(self) -> bool:
        """Does it weigh to zero, so that its response has both signs?"""
        return abs(float(self.values.sum())) < 1e-9


def gaussian(size: int, sigma: float) -> np.ndarray:
    """Return a bell that sums to 1."""
    at = np.arange(size) - (size - 1) / 2
    line = np.exp(-(at**2) / (2 * sigma**2))
    return np.outer(line, line) / line.sum() ** 2


def laplacian_of_gaussian(size: int, sigma: float) -> np.ndarray:
    """Return the Laplacian of a bell, shifted to sum to 0."""
    rows, columns = _places(size)
    square = (rows**2 + columns**2) / (2 * sigma**2)
    values = (square - 1) * np.exp(-square)
    values -= values.mean()
    return values / np.abs(values).sum()


def gabor(size: int, angle: float, *, wavelength: float = 5.0, sigma: float = 2.2) -> np.ndarray:
    """Return a wave under a bell, across lines of that angle in degrees, shifted to sum to 0."""
    rows, columns = _places(size)
    turned = angle * pi / 180
    across = columns * sin(turned) + rows * cos(turned)
    values = np.exp(-(rows**2 + columns**2) / (2 * sigma**2)) * np.cos(2 * pi * across / wavelength)
    values -= values.mean()
    return values / np.abs(values).sum()


def _places(size: int) -> tuple[np.ndarray, np.ndarray]:
    at = np.arange(size) - (size - 1) / 2
    return np.meshgrid(at, at, indexing="ij")


def _bank() -> dict[str, Kernel]:
    smooth, wide, soft = (np.array(v, float) for v in ((1, 2, 1), (1, 1, 1), (3, 10, 3)))
    slope = np.array((-1.0, 0, 1))
    rows = [
        ("identity", [[0, 0, 0], [0, 1, 0], [0, 0, 0]], "leaves all as it is"),
        ("box", np.full((3, 3), 1 / 9), "a mean of nine"),
        ("gaussian", np.outer(smooth, smooth) / 16, "a smooth blur"),
        ("gaussian_5", np.outer([1, 4, 6, 4, 1], [1, 4, 6, 4, 1]) / 256, "a wider blur"),
        ("motion", np.eye(7) / 7, "blurred one way"),
        ("sharpen", [[0, -1, 0], [-1, 5, -1], [0, -1, 0]], "less its Laplacian"),
        ("unsharp", 2 * np.eye(1, 25, 12).reshape(5, 5) - gaussian(5, 1.0), "twice it, less its blur"),
        ("sobel_x", np.outer(smooth, slope), "brighter to the right"),
        ("sobel_y", np.outer(slope, smooth), "brighter downwards"),
        ("prewitt_x", np.outer(wide, slope), "brighter to the right"),
        ("prewitt_y", np.outer(slope, wide), "brighter downwards"),
        ("scharr_x", np.outer(soft, slope), "the same at all angles"),
        ("scharr_y", np.outer(slope, soft), "likewise, downwards"),
        ("roberts_x", [[1, 0], [0, -1]], "along one diagonal"),
        ("roberts_y", [[0, 1], [-1, 0]], "along the other"),
        ("laplacian", [[0, 1, 0], [1, -4, 1], [0, 1, 0]], "unlike its neighbours"),
        ("laplacian_8", [[1, 1, 1], [1, -8, 1], [1, 1, 1]], "likewise, all eight"),
        ("laplacian_of_gaussian", laplacian_of_gaussian(9, 1.4), "blobs of one size"),
        ("emboss", [[-2, -1, 0], [-1, 1, 1], [0, 1, 2]], "lit from lower right"),
        ("gabor_0", gabor(11, 0), "lines that lie flat"),
        ("gabor_45", gabor(11, 45), "rising lines"),
        ("gabor_90", gabor(11, 90), "upright lines"),
        ("gabor_135", gabor(11, 135), "falling lines"),
    ]
    return {name: Kernel(name, np.array(values, float), meaning) for name, values, meaning in rows}


KERNELS: dict[str, Kernel] = _bank()


def named(names: Sequence[str]) -> list[Kernel]:
    """Return those of the bank; ValueError, with the nearest, for a name that is not in it."""
    for name in names:
        if name not in KERNELS:
            near = get_close_matches(name, KERNELS, 1)
            guess = f", did you mean {near[0]!r}?" if near else ""
            raise ValueError(f"there is no kernel {name!r}{guess}; kernels: {', '.join(KERNELS)}")
    return [KERNELS[name] for name in names]
