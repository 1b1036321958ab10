"""Convolution and its two gradients: which of the algorithms beside this file computes them, and from what.

Every algorithm is handed dense float32 or float64 tensors, contiguous or channels_last, none of them empty. Half
precision is converted on the way in, accumulated in float32, and rounded once on the way out.
"""

from __future__ import annotations

from math import prod

import torch
from torch import Tensor

from ....geometry import Grid
from ..choose import Algorithm, Problem, Tables, choose
from ..layout import HALF
from .dense import CONV as DENSE_CONV
from .dense import INPUT_GRAD as DENSE_INPUT_GRAD
from .depthwise import CONV as DEPTHWISE_CONV
from .depthwise import INPUT_GRAD as DEPTHWISE_INPUT_GRAD
from .depthwise_weight_grad import WEIGHT_GRAD as DEPTHWISE_WEIGHT_GRAD
from .weight_grad import WEIGHT_GRAD as OUTER_WEIGHT_GRAD
from .winograd import CONV as WINOGRAD_CONV
from .winograd import INPUT_GRAD as WINOGRAD_INPUT_GRAD
from .winograd import WEIGHT_GRAD as WINOGRAD_WEIGHT_GRAD

CONV: tuple[Algorithm, ...] = (DEPTHWISE_CONV, WINOGRAD_CONV, DENSE_CONV)
INPUT_GRAD: tuple[Algorithm, ...] = (DEPTHWISE_INPUT_GRAD, WINOGRAD_INPUT_GRAD, DENSE_INPUT_GRAD)
WEIGHT_GRAD: tuple[Algorithm, ...] = (DEPTHWISE_WEIGHT_GRAD, WINOGRAD_WEIGHT_GRAD, OUTER_WEIGHT_GRAD)
TABLES: Tables = {"conv": CONV, "conv_input_grad": INPUT_GRAD, "conv_weight_grad": WEIGHT_GRAD}


def conv(x: Tensor, w: Tensor, b: Tensor | None, grid: Grid, groups: int, exact: bool = False) -> Tensor:
    """y[n,o,p] = b[o] + Σ_{c,t} x[n,c,p,t] · w[o,c,t], by the algorithm that suits the problem."""
    if x.dtype in HALF:
        return conv(x.float(), w.float(), b if b is None else b.float(), grid, groups, exact).to(x.dtype)
    n, c, o = x.shape[0], x.shape[1], w.shape[0]
    if not n * c * o * prod(grid.output_size):
        return _constant(x.new_zeros(n, o, *grid.output_size), b)
    problem = Problem(x.dtype, n, c, o, groups, grid)
    return choose(CONV, problem, exact).run(_readable(x), _plain(w), b if b is None else _plain(b), grid, groups)


def conv_input_grad(
    gy: Tensor, w: Tensor, grid: Grid, groups: int, b: Tensor | None = None, exact: bool = False
) -> Tensor:
    """gx = the transpose of ``conv`` in x, plus ``b`` on each channel, by the algorithm that suits the problem."""
    if gy.dtype in HALF:
        b = b if b is None else b.float()
        return conv_input_grad(gy.float(), w.float(), grid, groups, b, exact).to(gy.dtype)
    n, c, o = gy.shape[0], w.shape[1] * groups, w.shape[0]
    if not n * c * o * prod(grid.input_size) * prod(grid.output_size):
        return _constant(gy.new_zeros(n, c, *grid.input_size), b)
    problem = Problem(gy.dtype, n, c, o, groups, grid)
    return choose(INPUT_GRAD, problem, exact).run(_readable(gy), _plain(w), grid, groups, b if b is None else _plain(b))


def conv_weight_grad(x: Tensor, gy: Tensor, grid: Grid, groups: int, exact: bool = False) -> Tensor:
    """gw[o,c,t] = Σ_{n,p} x[n,c,p,t] · gy[n,o,p], by the algorithm that suits the problem."""
    if x.dtype in HALF:
        return conv_weight_grad(x.float(), gy.float(), grid, groups, exact).to(x.dtype)
    n, c, o = x.shape[0], x.shape[1], gy.shape[1]
    if not n * c * o * prod(grid.output_size):
        return x.new_zeros(o, c // groups, *grid.kernel_size)
    problem = Problem(x.dtype, n, c, o, groups, grid)
    return choose(WEIGHT_GRAD, problem, exact).run(_readable(x), _readable(gy), grid, groups)


def _readable(x: Tensor) -> Tensor:
    """Return a tensor that is contiguous or channels_last, and no lazy negative."""
    x = x.resolve_neg()
    if x.is_contiguous() or (x.dim() == 4 and x.is_contiguous(memory_format=torch.channels_last)):
        return x
    return x.contiguous()


def _plain(x: Tensor) -> Tensor:
    return x.resolve_neg().contiguous()


def _constant(y: Tensor, b: Tensor | None) -> Tensor:
    return y if b is None else y + b.view(-1, *(1,) * (y.dim() - 2))
