"""The ``numba`` backend: fast kernels for CPUs, written in Python and compiled by Numba. One algorithm a file."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from functools import partial

import torch

from ...contract import Backend, Kernel
from .choose import watched
from .conv import TABLES

KERNELS: tuple[Kernel, ...] = ()
EXACT: tuple[Kernel, ...] = ()


class _Numba(Backend):
    def watch(self) -> AbstractContextManager[Mapping[str, str]]:
        return watched(TABLES)


BACKEND = _Numba(
    "numba",
    {kernel.__name__: kernel for kernel in KERNELS},
    devices=frozenset({"cpu"}),
    dtypes=frozenset({torch.float32, torch.float64, torch.bfloat16, torch.float16}),
    ranks=frozenset({1, 2, 3}),
    priority=-1,
    exact={kernel.__name__: partial(kernel, exact=True) for kernel in EXACT},
)
