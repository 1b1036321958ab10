"""How do layers see a photograph? The bank of kernels, what each answers, and what pooling leaves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from os import PathLike

import numpy as np
from torch import nn

from ..measure import photo as photos
from ..measure import response
from ..measure.kernels import KERNELS, Kernel, named
from ..measure.layers import Layers, several, titled
from ..picture import Frame, Picture
from .defaults import wide_pools
from .grid import Flat, fitted, number, signs, together
from .marks import Image, Mark, Text, box
from .marks import Shape as Outline

USUAL = ("sobel_x", "sobel_y", "laplacian", "gaussian_5", "sharpen", "emboss", "gabor_45")
_TILE = 4.0


def kernels(names: Sequence[str] | None = None) -> Picture:
    """Show filters of the bank, ``visualize.KERNELS``, with their numbers.

    Args:
        names: which; by default all.

    Returns:
        A picture; its ``data`` is a tuple of kernels.

    Raises:
        ValueError: for a name that is not in the bank.

    """
    data = tuple(named(list(KERNELS) if names is None else names))
    columns = min(6, len(data))
    marks: list[Mark] = []
    for n, kernel in enumerate(data):
        x, y = 0.5 + 3.3 * (n % columns), 0.5 + 3.9 * (n // columns)
        marks += _kernel(kernel, x, y, 2.5)
        marks.append(Text(x + 1.25, y + 2.85, kernel.name, fitted(kernel.name, 3.1, 0.36), bold=True))
        marks.append(Text(x + 1.25, y + 3.2, kernel.meaning, fitted(kernel.meaning, 3.4, 0.27), "soft"))
    rows = -(-len(data) // columns)
    return Picture("kernels", data, (0.7 + 3.3 * columns - 0.3, 0.5 + 3.9 * rows), (), (Frame(tuple(marks)),))


def _kernel(kernel: Kernel, x: float, y: float, room: float, *, words: bool = True) -> tuple[Mark, ...]:
    rows, columns = kernel.values.shape
    side = room / max(rows, columns)
    grid = Flat(x + (room - columns * side) / 2, y + (room - rows * side) / 2, rows, columns, side)
    fill = signs(kernel.values)
    shown = words and max(rows, columns) <= 5
    return together(
        grid.shapes(
            fill,
            width=0.6 if side > 0.3 else 0.3,
            note=lambda cell: f"{kernel.name}{cell} = {number(kernel.values[cell])}",
        ),
        grid.words(kernel.values, fill) if shown else (),
    )


def responses(
    photo: str | PathLike[str] | np.ndarray | None = None,
    names: Sequence[str] = USUAL,
    conv: Callable[..., nn.Module] | None = None,
) -> Picture:
    """Show what kernels answer to a photograph.

    Args:
        photo: a file, or (H, W) from 0 to 1; by default the one that comes with matplotlib.
        names: kernels of the bank.
        conv: the class of layer that computes them; by default ``scratchlayers.nn.Conv2d``.

    Returns:
        A picture; its ``data`` is a :class:`~scratchlayers.visualize.measure.response.Responses`.

    Raises:
        ValueError: for an unknown name, or a file that cannot be read.

    """
    data = response.measure(_grey(photo), named(names), conv)
    tiles = [_tile(data.photo, False)]
    tiles += [_tile(values, k.signed) for values, k in zip(data.maps, data.kernels, strict=True)]
    marks, size = _tiled(tiles, 4, 1.35)
    for n, kernel in enumerate(data.kernels, 1):
        x, y = 0.4 + (n % 4) * (_TILE + 0.4), 0.4 + (n // 4) * (_TILE + 1.35)
        marks += _kernel(kernel, x, y + _TILE + 0.12, 0.9, words=False)
        marks.append(Text(x + 1.1, y + _TILE + 0.4, kernel.name, fitted(kernel.name, 2.9, 0.36), "ink", "start"))
        marks.append(Text(x + 1.1, y + _TILE + 0.8, kernel.meaning, fitted(kernel.meaning, 3.4, 0.28), "soft", "start"))
    marks.append(Text(0.4 + _TILE / 2, 0.4 + _TILE + 0.4, "photograph", 0.36))
    return Picture("kernels and their responses", data, size, (), (Frame(tuple(marks)),), unit=photos.SIDE // 4)


def pooled(photo: str | PathLike[str] | np.ndarray | None = None, layers: Layers | None = None) -> Picture:
    """Show what pooling leaves of a photograph.

    Args:
        photo: a file, or (H, W) from 0 to 1; by default the one that comes with matplotlib.
        layers: by default by maximum and by average, over 2×2, 4×4 and 8×8 pixels.

    Returns:
        A picture; its ``data`` is a :class:`~scratchlayers.visualize.measure.response.Maps`.

    Raises:
        ValueError: for a file that cannot be read.

    """
    chosen = wide_pools() if layers is None else layers
    data = response.measure_layers(_grey(photo), several(chosen))
    words = [f"{title}: {'×'.join(map(str, m.shape))}" for title, m in zip(titled(chosen), data.maps, strict=True)]
    shown = [(data.photo, f"photograph: {'×'.join(map(str, data.photo.shape))}"), *zip(data.maps, words, strict=True)]
    if layers is None:
        shown.insert(4, shown[0])
    tiles = [_tile(values, False) for values, _ in shown]
    marks, size = _tiled(tiles, 4, 0.85)
    for n, (_, title) in enumerate(shown):
        x, y = 0.4 + (n % 4) * (_TILE + 0.4), 0.4 + (n // 4) * (_TILE + 0.85)
        marks.append(Text(x + _TILE / 2, y + _TILE + 0.4, title, fitted(title, _TILE, 0.34)))
    return Picture("pooling a photograph", data, size, (), (Frame(tuple(marks)),), unit=photos.SIDE // 4)


def _tile(values: np.ndarray, signed: bool) -> Image:
    """An image in its place at the origin; a signed one has nothing in the middle of its scale."""
    top = float(np.quantile(np.abs(values), 0.995)) or 1.0
    height = _TILE * values.shape[0] / max(values.shape)
    width = _TILE * values.shape[1] / max(values.shape)
    return Image(
        0,
        0,
        width,
        height,
        np.clip(values / top, -1, 1) if signed else values.clip(0, 1),
        "signed" if signed else "grey",
    )


def _tiled(tiles: Sequence[Image], columns: int, below: float) -> tuple[list[Mark], tuple[float, float]]:
    marks: list[Mark] = []
    for n, tile in enumerate(tiles):
        x, y = 0.4 + (n % columns) * (_TILE + 0.4), 0.4 + (n // columns) * (_TILE + below)
        marks.append(Image(x, y, tile.width, tile.height, tile.values, tile.scale))
        marks.append(Outline(box(x, y, tile.width, tile.height), None, "faint", 0.8))
    rows = -(-len(tiles) // columns)
    return marks, (0.4 + min(columns, len(tiles)) * (_TILE + 0.4), 0.4 + rows * (_TILE + below))


def _grey(photo: str | PathLike[str] | np.ndarray | None) -> np.ndarray:
    return photo if isinstance(photo, np.ndarray) else photos.photo(photo)
