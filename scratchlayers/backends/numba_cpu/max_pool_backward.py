"""Max pooling backward: each gradient goes to the element that its window chose."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from ...contract import tap_dtype
from ...geometry import Grid
from .collect import collected
from .layout import HALF, alike
from .pages import paged
from .team import run
from .windows import Plan, by_input


def scatter(gy: Tensor, tap: Tensor, grid: Grid) -> Tensor:
    """gx = the transpose of ``gather``: every gy[n,c,p] is added to the element that its tap chose."""
    if gy.dtype in HALF:
        return scatter(gy.float(), tap, grid).to(gy.dtype)
    gy, tap, last = alike(gy, tap)
    code, plan = _plan(gy.shape, gy.dtype, grid, last)
    gx = paged(torch.empty_strided(plan.shape, plan.strides, dtype=gy.dtype))
    if plan.rows:
        run(code, plan.rows, plan.work, gy.data_ptr(), tap.data_ptr(), 0, gx.data_ptr(), plan.address)
    return gx


@lru_cache(maxsize=1024)
def _plan(shape: torch.Size, dtype: torch.dtype, grid: Grid, last: bool) -> tuple[int, Plan]:
    plan = by_input(shape, dtype.itemsize, grid, last)
    return collected.compiled(dtype, **plan.constants, CHOSEN=1, WIDE=int(tap_dtype(grid) is torch.int32)), plan
