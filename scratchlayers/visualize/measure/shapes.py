"""Which kernels, strides and paddings fit an input, what comes out, and which cells are never read? By trying each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from torch import nn

from .reading import along


@dataclass(frozen=True, eq=False)
class Shapes:
    """Along one axis of ``size`` cells; arrays are (kernels, strides, paddings).

    ``output`` is the size that comes out, 0 where the layer refuses; ``unread`` counts the cells that no window reads,
    and ``which`` names them.
    """

    layer: str
    size: int
    kernels: tuple[int, ...]
    strides: tuple[int, ...]
    paddings: tuple[int, ...]
    output: np.ndarray
    unread: np.ndarray
    which: dict[tuple[int, int, int], tuple[int, ...]]


def measure(
    size: int,
    kernels: Sequence[int] = range(1, 8),
    strides: Sequence[int] = range(1, 5),
    paddings: Sequence[int] = range(4),
    make: Callable[[int, int, int], nn.Module] | None = None,
) -> Shapes:
    """Build a layer over one axis for every combination and call it.

    Args:
        size: the cells of the input.
        kernels: the sizes of windows.
        strides: the steps.
        paddings: the cells added on each side.
        make: makes a layer of a kernel, a stride and a padding; by default our ``Conv1d`` of one channel.

    Raises:
        ValueError: if a number is not a whole one in its range.

    """
    for name, values, low in (
        ("size", [size], 1),
        ("kernel", kernels, 1),
        ("stride", strides, 1),
        ("padding", paddings, 0),
    ):
        if not values or any(not isinstance(value, int) or value < low for value in values):
            raise ValueError(
                f"a {name} is a whole number from {low}, not {values[0] if len(values) == 1 else list(values)}"
            )
    make = _conv if make is None else make
    shape = (len(kernels), len(strides), len(paddings))
    output, unread, which = np.zeros(shape, int), np.zeros(shape, int), {}
    for place in np.ndindex(shape):
        kernel, stride, padding = kernels[place[0]], strides[place[1]], paddings[place[2]]
        output[place], missed = _tried(make(kernel, stride, padding), size)
        unread[place] = len(missed)
        which[kernel, stride, padding] = missed
    name = type(make(kernels[0], strides[0], paddings[0])).__name__
    return Shapes(name, size, tuple(kernels), tuple(strides), tuple(paddings), output, unread, which)


def _tried(layer: nn.Module, size: int) -> tuple[int, tuple[int, ...]]:
    """Return the output's size, 0 if the layer refuses, and the cells that no output reads."""
    try:
        read = along(layer, [size], 0)
    except (RuntimeError, ValueError):
        return 0, ()
    return len(read), tuple(np.flatnonzero(~read.any(0)).tolist())


def _conv(kernel: int, stride: int, padding: int) -> nn.Module:
    from ... import nn as ours

    return ours.Conv1d(1, 1, kernel, stride, padding, bias=False)
