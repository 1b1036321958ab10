"""Which cells does a number read, and what does each of them add to it? The layers' gradients say so.

A cell is read where the gradient is not zero (beyond rounding: a fast algorithm such as Winograd's leaves specks of
1e-7 of the largest around a window). A maximum passes its gradient to one cell only, and a ReLU to none that
is below zero; therefore many inputs are tried, in each of which another cell is the largest, and what is read is
every cell that ever had a gradient.
"""

from collections.abc import Callable
from math import prod
from typing import NamedTuple

import torch
from torch import Tensor, nn

from lightning_app.explain.trace import Step, Unit

PROBES = 1024  # at most
ROUNDING = 1e-5  # of the largest gradient
RAISED = 6.0  # deviations by which one cell of a probe is above the others


class Box(NamedTuple):
    """Rows ``top`` to ``bottom`` and columns ``left`` to ``right``, the last ones counted in."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.bottom - self.top + 1, self.right - self.left + 1

    def cut(self, maps: Tensor) -> Tensor:
        """The part of ``maps`` (..., rows, columns) that lies in it."""
        return maps[..., self.top : self.bottom + 1, self.left : self.right + 1]


class Terms(NamedTuple):
    """A number as a sum: ``products`` = ``x`` times ``weights``, each as large as the layer's input, and ``bias``."""

    x: Tensor
    weights: Tensor
    products: Tensor
    bias: float


def reads(function: Callable[[Tensor], Tensor], shape: tuple[int, ...], place: tuple[int, ...]) -> Tensor:
    """Which cells of an input of ``shape`` does the output at ``place`` read? A mask of that shape."""
    x = _probes(shape).requires_grad_()
    y = function(x)[(slice(None), *place)].sum()
    return reached(torch.autograd.grad(y, x)[0]).any(0)


def reached(slopes: Tensor) -> Tensor:
    """Where gradients (n, ...) are not zero, as a mask."""
    largest = slopes.flatten(1).abs().amax(1)
    return slopes.abs() > ROUNDING * largest.view(-1, *[1] * (slopes.ndim - 1))


def box(mask: Tensor) -> Box | None:
    """The smallest box around the cells of a mask (..., rows, columns); None if there are none."""
    if not mask.any():
        return None
    flat = mask.flatten(0, -3) if mask.ndim > 2 else mask[None]
    rows, columns = (torch.nonzero(flat.any(0).any(axis)).flatten().tolist() for axis in (1, 0))
    return Box(rows[0], columns[0], rows[-1], columns[-1])


def prefix(steps: list[Step], unit: Unit) -> nn.Sequential:
    """The layers from the picture to the unit."""
    return nn.Sequential(*(step.layer for step in steps[: unit.step + 1]))


def gradient(function: Callable[[Tensor], Tensor], x: Tensor, place: tuple[int, ...]) -> Tensor:
    """How much the output at ``place`` changes with every cell of ``x`` (1, ...); of the shape of ``x`` without 1."""
    x = x.clone().requires_grad_()
    return torch.autograd.grad(function(x)[(0, *place)], x)[0][0]


def terms(step: Step, place: tuple[int, ...]) -> Terms:
    """The sum that a layer makes for its output at ``place``: exact for what is linear at this input."""
    weights = gradient(step.layer, step.x, place)
    products = step.x[0] * weights
    return Terms(step.x[0], weights, products, float(step.y[(0, *place)].double() - products.double().sum()))


def _probes(shape: tuple[int, ...]) -> Tensor:
    """Noise (n, *shape), in which one place after the other is raised in all channels."""
    draw = torch.Generator().manual_seed(0)
    cells = prod(shape[1:]) if len(shape) > 1 else shape[0]
    order = torch.randperm(cells, generator=draw)[:PROBES]
    raised = torch.zeros(len(order), cells).scatter_(1, order[:, None], 1.0)
    raised = raised.view(-1, 1, *shape[1:]) if len(shape) > 1 else raised
    return torch.randn(len(raised), *shape, generator=draw) + RAISED * raised
