"""The ``numba`` backend: fast kernels for CPUs, written in Python and compiled by Numba. One algorithm a file."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from functools import partial

import torch

from ...contract import Backend, Kernel
from .avg_pool import avg_pool, avg_pool_adjoint
from .choose import watched
from .conv import TABLES, conv, conv_input_grad, conv_weight_grad
from .fold import fold
from .max_pool import max_pool
from .max_pool_backward import scatter
from .max_pool_taps import gather, tap_index
from .pad import pad
from .pad_adjoint import pad_adjoint
from .places import put, take
from .unfold import unfold

EXACT: tuple[Kernel, ...] = (conv, conv_input_grad, conv_weight_grad)
KERNELS: tuple[Kernel, ...] = (
    *EXACT,
    *(pad, pad_adjoint),
    *(max_pool, gather, scatter, tap_index, take, put),
    *(avg_pool, avg_pool_adjoint),
    *(unfold, fold),
)


class _Numba(Backend):
    def watch(self) -> AbstractContextManager[Mapping[str, str]]:
        return watched(TABLES)


BACKEND = _Numba(
    "numba",
    {kernel.__name__: kernel for kernel in KERNELS},
    devices=frozenset({"cpu"}),
    dtypes=frozenset({torch.float32, torch.float64, torch.bfloat16, torch.float16}),
    ranks=frozenset({1, 2, 3}),
    priority=0,
    exact={kernel.__name__: partial(kernel, exact=True) for kernel in EXACT},
)
