"""What does a sliding window read, and what comes out? Asked of the layer, output by output."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from .lattice import windows
from .layers import Layer, Size, called, channels, differentiating, name, numbers, ready, sizes
from .reading import reads

Cell = tuple[int, int]


@dataclass(frozen=True, eq=False)
class Sliding:
    """One layer over one input; everything two-dimensional, a line being one row.

    Attributes:
        layer: its name.
        input: (H, W), the values of the first channel.
        output: (P, Q), the values of the first channel.
        reads: (P, Q, H, W) of bool: the window of each output.
        outside: the cells beyond the border under each window, in the order of the outputs.
        weights: (P, Q, H, W): the gradient of each output, summed over channels.
        rest: (P, Q): each output less the sum of weight times input: the bias, for a linear layer.
        line: has it one axis only?

    """

    layer: str
    input: np.ndarray
    output: np.ndarray
    reads: np.ndarray
    outside: tuple[tuple[Cell, ...], ...]
    weights: np.ndarray
    rest: np.ndarray
    line: bool = False

    @property
    def ring(self) -> list[Cell]:
        """All cells beyond the border as far as windows reach, row by row."""
        (top, bottom), (left, right) = self.padding
        h, w = self.input.shape
        cells = [(i, j) for i in range(-top, h + bottom) for j in range(-left, w + right)]
        return [(i, j) for i, j in cells if not (0 <= i < h and 0 <= j < w)]

    @property
    def framed(self) -> Cell:
        """The rows and columns of the input with all that."""
        (top, bottom), (left, right) = self.padding
        return self.input.shape[0] + top + bottom, self.input.shape[1] + left + right

    @property
    def padding(self) -> tuple[Cell, Cell]:
        """How many rows before and after, and how many columns, windows reach beyond the input."""
        cells = np.array([cell for window in self.outside for cell in window]).reshape(-1, 2)
        low, high = cells.min(0, initial=0), cells.max(0, initial=0) - np.array(self.input.shape) + 1
        return (int(-low[0]), int(max(high[0], 0))), (int(-low[1]), int(max(high[1], 0)))


def measure(layer: Layer, size: Size = 5, x: Tensor | np.ndarray | None = None) -> Sliding:
    """Call the layer on x, or on small whole numbers, and differentiate every output; ValueError if it cannot be."""
    values = given(layer, size, x)
    shape = tuple(values.shape[2:])
    read = reads(layer, shape)
    under = windows(layer, read, shape)
    output, weights = _differentiated(layer, values)
    rest = (
        output - (weights * values[0].sum(0).numpy()).sum(axis=tuple(range(-len(shape), 0)))
        if channels(layer) == 1
        else 0 * output
    )
    lines = [flat(array, len(shape)) for array in (values[0, 0].numpy(), output)]
    return Sliding(
        name(layer),
        *lines,
        both(read, len(shape)),
        tuple(tuple(_outside(cells, shape)) for cells in under or [()] * output.size),
        both(weights, len(shape)),
        flat(rest, len(shape)),
        len(shape) == 1,
    )


def given(layer: Layer, size: Size, x: Tensor | np.ndarray | None) -> Tensor:
    """Return x, (H, W) or (L,), as (1, C, ...), or small whole numbers of that size."""
    if x is None:
        return numbers(1, channels(layer), *sizes(layer, size))
    values = torch.as_tensor(x, dtype=torch.float64).detach().cpu()
    sizes(layer, tuple(values.shape))
    return values.expand(1, channels(layer), *values.shape)


def flat(array: np.ndarray, rank: int) -> np.ndarray:
    """Return one channel's (L,) as (1, L); (H, W) stays."""
    return array.reshape(1, -1) if rank == 1 else array


def both(array: np.ndarray, rank: int) -> np.ndarray:
    """Return (P, L) as (1, P, 1, L); (P, Q, H, W) stays."""
    return array[None, :, None, :] if rank == 1 else array


def _outside(cells: list[tuple[int, ...]], shape: tuple[int, ...]) -> list[Cell]:
    """Return those of the cells that are not in the input."""
    beyond = [cell for cell in cells if not all(0 <= i < n for i, n in zip(cell, shape, strict=True))]
    return [(0, cell[0]) if len(cell) == 1 else (cell[0], cell[1]) for cell in beyond]


@differentiating
def _differentiated(layer: Layer, values: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Return the first channel's outputs, (P...), and the gradient of each, (P..., sizes...)."""
    x = values.clone().requires_grad_()
    y = called(ready(layer), x)[0, 0]
    gradients = [torch.autograd.grad(one, x, retain_graph=True)[0][0].sum(0) for one in y.flatten()]
    return y.detach().numpy(), torch.stack(gradients).view(*y.shape, *values.shape[2:]).numpy()
