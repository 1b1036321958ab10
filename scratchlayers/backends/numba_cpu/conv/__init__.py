"""Convolution and its two gradients: which of the algorithms beside this file computes them, and from what.

Every algorithm is handed dense float32 or float64 tensors, contiguous or channels_last, none of them empty. Half
precision is converted on the way in, accumulated in float32, and rounded once on the way out. What a problem needs but
for its numbers is made ready once, so that a small call costs little more than its arithmetic.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from ....geometry import Grid, Sizes
from .. import layout
from ..choose import Algorithm, Problem, Ready, Tables, choose, wish
from .covering import covered_first, flattened, reordered, shaped
from .dense import CONV as DENSE_CONV
from .dense import INPUT_GRAD as DENSE_INPUT_GRAD
from .depthwise import CONV as DEPTHWISE_CONV
from .depthwise import INPUT_GRAD as DEPTHWISE_INPUT_GRAD
from .depthwise_weight_grad import WEIGHT_GRAD as DEPTHWISE_WEIGHT_GRAD
from .direct import CONV as DIRECT_CONV
from .direct import INPUT_GRAD as DIRECT_INPUT_GRAD
from .images import CONV as IMAGES_CONV
from .images import INPUT_GRAD as IMAGES_INPUT_GRAD
from .matrix import CONV as MATRIX_CONV
from .matrix import INPUT_GRAD as MATRIX_INPUT_GRAD
from .matrix import WEIGHT_GRAD as MATRIX_WEIGHT_GRAD
from .patches import INPUT_GRAD as PATCHES_INPUT_GRAD
from .turn import pixels, planes
from .weight_grad import WEIGHT_GRAD as OUTER_WEIGHT_GRAD
from .winograd import CONV as WINOGRAD_CONV
from .winograd import INPUT_GRAD as WINOGRAD_INPUT_GRAD
from .winograd import WEIGHT_GRAD as WINOGRAD_WEIGHT_GRAD

CONV: tuple[Algorithm, ...] = (MATRIX_CONV, DEPTHWISE_CONV, WINOGRAD_CONV, IMAGES_CONV, DIRECT_CONV, DENSE_CONV)
INPUT_GRAD: tuple[Algorithm, ...] = (
    MATRIX_INPUT_GRAD,
    PATCHES_INPUT_GRAD,
    DEPTHWISE_INPUT_GRAD,
    WINOGRAD_INPUT_GRAD,
    IMAGES_INPUT_GRAD,
    DIRECT_INPUT_GRAD,
    DENSE_INPUT_GRAD,
)
WEIGHT_GRAD: tuple[Algorithm, ...] = (
    MATRIX_WEIGHT_GRAD,
    DEPTHWISE_WEIGHT_GRAD,
    WINOGRAD_WEIGHT_GRAD,
    OUTER_WEIGHT_GRAD,
)
TABLES: Tables = {"conv": CONV, "conv_input_grad": INPUT_GRAD, "conv_weight_grad": WEIGHT_GRAD}


def conv(x: Tensor, w: Tensor, b: Tensor | None, grid: Grid, groups: int, exact: bool = False) -> Tensor:
    """y[n,o,p] = b[o] + Σ_{c,t} x[n,c,p,t] · w[o,c,t], by the algorithm that suits the problem."""
    x, last, w, b = _read(x, w, b)
    return _ready("conv", exact, wish(), x.dtype, x.shape, w.shape, grid, int(groups), last)(x, w, b)


def conv_input_grad(
    gy: Tensor, w: Tensor, grid: Grid, groups: int, b: Tensor | None = None, exact: bool = False
) -> Tensor:
    """gx = the transpose of ``conv`` in x, plus ``b`` on each channel, by the algorithm that suits the problem."""
    gy, last, w, b = _read(gy, w, b)
    return _ready("conv_input_grad", exact, wish(), gy.dtype, gy.shape, w.shape, grid, int(groups), last)(gy, w, b)


def conv_weight_grad(x: Tensor, gy: Tensor, grid: Grid, groups: int, exact: bool = False) -> Tensor:
    """gw[o,c,t] = Σ_{n,p} x[n,c,p,t] · gy[n,o,p], by the algorithm that suits the problem."""
    (x, last), (gy, gy_last) = _dense(x), _dense(gy)
    return _ready("conv_weight_grad", exact, wish(), x.dtype, x.shape, gy.shape, grid, int(groups), last, gy_last)(
        x, gy
    )


@lru_cache(maxsize=4096)
def _ready(kernel: str, exact: bool, under: Any, dtype: torch.dtype, *how: Any) -> Ready:
    """Return what computes a kernel of two operands of these shapes, ``under`` the present wish."""
    if dtype in layout.HALF:
        full = _ready(kernel, exact, under, torch.float32, *how)
        return lambda *operands: full(*(t if t is None else t.float() for t in operands)).to(dtype)
    problem = _problem(kernel, dtype, *how)
    if 0 in (problem.batch, problem.channels, problem.filters, *problem.grid.input_size, *problem.grid.output_size):
        return _of_nothing(kernel, problem)
    if kernel == "conv_weight_grad" and (problem.last or problem.gy_last):
        ready, as_torchs = _chosen(kernel, problem, exact), pixels(_shape(kernel, problem), dtype)
        return lambda x, gy: as_torchs(ready(x, gy))
    if kernel == "conv_input_grad" and (moved := covered_first(problem)):
        return reordered(_chosen(kernel, moved[0], exact), moved[1])
    return _chosen(kernel, problem, exact)


def _chosen(kernel: str, problem: Problem, exact: bool) -> Ready:
    """Return what computes a kernel by the algorithm that suits the problem, without axes that are channels."""
    if flat := flattened(problem):
        ready = choose(TABLES[kernel], flat[0], exact).ready(flat[0])
        return shaped(ready, _shape(kernel, problem), flat[1] if kernel == "conv_input_grad" else 1)
    return choose(TABLES[kernel], problem, exact).ready(problem)


def _problem(kernel: str, dtype: torch.dtype, a: Sizes, b: Sizes, grid: Grid, groups: int, *last: bool) -> Problem:
    batch, first, second = a[0], a[1], b[1]
    channels, filters = {
        "conv": (first, b[0]),
        "conv_input_grad": (second * groups, first),
        "conv_weight_grad": (first, second),
    }[kernel]
    return Problem(dtype, batch, channels, filters, groups, grid, *last)


def _shape(kernel: str, problem: Problem) -> Sizes:
    """Return the shape of a kernel's result."""
    sizes = {"conv": problem.y_size, "conv_input_grad": problem.x_size, "conv_weight_grad": problem.w_size}
    return sizes[kernel]


def _of_nothing(kernel: str, problem: Problem) -> Ready:
    """Return what computes a kernel whose sums have no terms."""
    size, rank = _shape(kernel, problem), problem.grid.rank

    def run(x: Tensor, other: Tensor, b: Tensor | None = None) -> Tensor:
        y = x.new_zeros(size)
        return y if b is None else y + b.view(-1, *(1,) * rank)

    return run


def _dense(x: Tensor) -> tuple[Tensor, bool]:
    return (x, False) if x.is_contiguous() and not x.is_neg() else layout.dense(x)


_planes = lru_cache(maxsize=1024)(planes)


def _contiguous(w: Tensor) -> Tensor:
    """Return weights that lie otherwise as kernels read them; those of channels_last nets are turned by one of ours."""
    w, last = layout.dense(w)
    if not last:
        return w
    return w.contiguous() if w.dtype in layout.HALF else _planes(w.shape, w.dtype)(w)


def _read(x: Tensor, w: Tensor, b: Tensor | None) -> tuple[Tensor, bool, Tensor, Tensor | None]:
    """Return operands that kernels can read: x, whether that is channels_last, w and b."""
    x, last = _dense(x)
    if not w.is_contiguous() or w.is_neg():
        w = _contiguous(w)
    if b is not None and (not b.is_contiguous() or b.is_neg()):
        b = b.resolve_neg().contiguous()
    return x, last, w, b
