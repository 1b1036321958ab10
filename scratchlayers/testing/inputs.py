"""What is a kernel asked? Its arguments by name, in the contract's order, for each case."""

from __future__ import annotations

from math import prod
from typing import Any
from zlib import crc32

import torch
from torch import Tensor

from ..contract import NAMES, tap_dtype
from ..geometry import Sizes
from .case import Border, Case
from .reference import max_pool

Inputs = dict[str, Any]

REAL = (torch.float64, torch.float32)
HALF = (torch.bfloat16, torch.float16)
COMPLEX = (torch.complex128, torch.complex64)
INTEGER = (torch.int64, torch.int32, torch.uint8)

DTYPES = dict.fromkeys(NAMES, (*REAL, *HALF)) | {
    "conv": (*REAL, *HALF, *COMPLEX, torch.int64),
    "conv_input_grad": (*REAL, *HALF, *COMPLEX, torch.int64),
    "conv_weight_grad": (*REAL, *HALF, *COMPLEX),
    "pad": (*REAL, *HALF, *COMPLEX, *INTEGER, torch.bool),
    "pad_adjoint": (*REAL, *HALF, *COMPLEX),
    "max_pool": (*REAL, *HALF, *INTEGER),
    "avg_pool": (*REAL, *HALF, torch.int64),
    "unfold": (*REAL, *HALF, *COMPLEX, torch.bool),
    "fold": (*REAL, *HALF, *COMPLEX, torch.bool),
}
"""The dtypes in which torch's layers ask for each kernel."""


class Values:
    """Reproducible values: the same case is given the same ones, whatever ran before it."""

    def __init__(self, name: str, dtype: torch.dtype, device: str):
        """Seed with a name."""
        self.dtype, self.device = dtype, device
        self.generator = torch.Generator().manual_seed(crc32(name.encode()))

    def __call__(self, *shape: int) -> Tensor:
        """Return normal random numbers, or whole ones where the dtype has no others."""
        if self.dtype.is_floating_point or self.dtype.is_complex:
            wide = torch.complex128 if self.dtype.is_complex else torch.float64
            drawn = torch.randn(*shape, generator=self.generator, dtype=wide)
        else:
            low = -4 if self.dtype.is_signed else 0
            drawn = torch.randint(low, 5, shape, generator=self.generator)
        return drawn.to(self.device, self.dtype)

    def taps(self, case: Case) -> Tensor:
        """Return any tap of each window of a pooling, inside the input or not."""
        drawn = torch.randint(prod(case.grid.kernel_size), case.output, generator=self.generator)
        return drawn.to(self.device, tap_dtype(case.grid))

    def places(self, case: Case) -> Tensor:
        """Return any flat position over the input for each output of a pooling."""
        drawn = torch.randint(prod(case.input[2:]), case.output, generator=self.generator)
        return drawn.to(self.device)


class WholeValues(Values):
    """Small whole numbers, many of them equal, so that sums are exact in any order."""

    def __call__(self, *shape: int) -> Tensor:
        """Return whole numbers from −3 to 3."""
        return torch.randint(-3, 4, shape, generator=self.generator).to(self.device, self.dtype)


def inputs(kernel: str, case: Case | Border, values: Values) -> Inputs:
    """Return the arguments of one call."""
    return _INPUTS[kernel](case, values)


def _gy(case: Case) -> Sizes:
    return case.input[0], case.out_channels, *case.grid.output_size


def _how(case: Case) -> Inputs:
    return {"grid": case.grid, "groups": case.groups}


def _chosen(case: Case, values: Values) -> Tensor:
    """Taps as max pooling chooses them."""
    return max_pool(case, values(*case.input).double().cpu(), case.grid)[1].to(values.device)


_INPUTS = {
    "conv": lambda case, values: {
        "x": values(*case.input),
        "w": values(*case.weight),
        "b": values(case.out_channels) if case.bias else None,
        **_how(case),
    },
    "conv_input_grad": lambda case, values: {
        "gy": values(*_gy(case)),
        "w": values(*case.weight),
        **_how(case),
        "b": values(case.input[1]) if case.bias else None,
    },
    "conv_weight_grad": lambda case, values: {
        "x": values(*case.input),
        "gy": values(*_gy(case)),
        **_how(case),
    },
    "pad": lambda case, values: {"x": values(*case.input), "frame": case.frame},
    "pad_adjoint": lambda case, values: {"gy": values(*case.output), "frame": case.frame},
    "max_pool": lambda case, values: {"x": values(*case.input), "grid": case.grid},
    "gather": lambda case, values: {"x": values(*case.input), "tap": values.taps(case), "grid": case.grid},
    "scatter": lambda case, values: {"gy": values(*case.output), "tap": values.taps(case), "grid": case.grid},
    "tap_index": lambda case, values: {"tap": _chosen(case, values), "grid": case.grid},
    "take": lambda case, values: {
        "x": values(*case.input),
        "index": values.places(case),
        "size": case.grid.input_size,
    },
    "put": lambda case, values: {
        "gy": values(*case.output),
        "index": values.places(case),
        "size": case.grid.input_size,
    },
    "avg_pool": lambda case, values: {
        "x": values(*case.input),
        "divisors": case.divisors,
        "grid": case.grid,
    },
    "avg_pool_adjoint": lambda case, values: {
        "gy": values(*case.output),
        "divisors": case.divisors,
        "grid": case.grid,
    },
    "unfold": lambda case, values: {"x": values(*case.input), "grid": case.grid},
    "fold": lambda case, values: {"gy": values(*case.columns), "grid": case.grid},
}
