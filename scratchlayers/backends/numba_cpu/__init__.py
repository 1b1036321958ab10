"""The ``numba`` backend: fast kernels for CPUs, written in Python and compiled by Numba. One algorithm a file."""

import torch

from ...contract import Backend, Kernel

KERNELS: tuple[Kernel, ...] = ()

BACKEND = Backend(
    "numba",
    {kernel.__name__: kernel for kernel in KERNELS},
    devices=frozenset({"cpu"}),
    dtypes=frozenset({torch.float32, torch.float64, torch.bfloat16, torch.float16}),
    ranks=frozenset({1, 2, 3}),
    priority=-1,
)
