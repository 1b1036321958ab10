"""Where would a window lie beyond the border? Found from the windows that were measured, and held against all of them.

A gradient shows what is read, so never the padding. If along each axis the windows of a long input are one pattern that
moves on by a constant step, and if some start of that pattern explains every window that was measured, then the rest of
a window at the border lies outside, where the pattern puts it. A layer without such a pattern has no padding to draw.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import NamedTuple

import numpy as np

from .layers import Layer
from .reading import along


class Pattern(NamedTuple):
    """Along one axis: the window of output p is at p · step − before + each offset."""

    offsets: tuple[int, ...]
    step: int
    before: int

    def window(self, place: int) -> tuple[int, ...]:
        """Return what output ``place`` covers."""
        return tuple(place * self.step - self.before + offset for offset in self.offsets)


def windows(layer: Layer, read: np.ndarray, sizes: Sequence[int]) -> list[list[tuple[int, ...]]] | None:
    """Return, for each output in order, all cells under its window, those outside too; None if there is no pattern."""
    patterns = [_pattern(layer, sizes, axis) for axis in range(len(sizes))]
    if None in patterns:
        return None
    outputs = read.shape[: len(sizes)]
    found = []
    for place in np.ndindex(*outputs):
        cells = list(product(*(pattern.window(p) for pattern, p in zip(patterns, place, strict=True))))
        inside = {cell for cell in cells if all(0 <= i < n for i, n in zip(cell, sizes, strict=True))}
        if inside != set(map(tuple, np.argwhere(read[place]).tolist())):
            return None
        found.append(cells)
    return found


def _pattern(layer: Layer, sizes: Sequence[int], axis: int) -> Pattern | None:
    length = 4 * sizes[axis] + 8
    longer = [length if other == axis else size for other, size in enumerate(sizes)]
    try:
        regular = _regular(_sets(along(layer, longer, axis)))
    except (RuntimeError, ValueError):  # it takes inputs of one size only
        return None
    if regular is None:
        return None
    measured = _sets(along(layer, sizes, axis))
    offsets, step, before = regular
    near = sorted(range(before + offsets[-1] + 1), key=lambda start: abs(start - before))  # a short input fits several
    candidates = (Pattern(offsets, step, start) for start in near)
    return next((pattern for pattern in candidates if _explains(pattern, measured, sizes[axis])), None)


def _regular(windows: list[tuple[int, ...]]) -> tuple[tuple[int, ...], int, int] | None:
    """Return the offsets, the step and the start of the windows that no border cuts, if they are all alike."""
    most = max(map(len, windows), default=0)
    whole = [(place, cells) for place, cells in enumerate(windows) if len(cells) == most]
    if most == 0 or len(whole) < 2:
        return None
    shapes = {tuple(i - cells[0] for i in cells) for _, cells in whole}
    (p, first), (q, second) = whole[0], whole[1]
    steps = {(cells[0] - first[0]) / (place - p) for place, cells in whole[1:]}
    if q != p + 1 or len(shapes) > 1 or len(steps) > 1:
        return None
    step = second[0] - first[0]
    return shapes.pop(), step, p * step - first[0]


def _explains(pattern: Pattern, measured: list[tuple[int, ...]], size: int) -> bool:
    return all(
        tuple(i for i in pattern.window(place) if 0 <= i < size) == cells for place, cells in enumerate(measured)
    )


def _sets(read: np.ndarray) -> list[tuple[int, ...]]:
    return [tuple(np.flatnonzero(row).tolist()) for row in read]
