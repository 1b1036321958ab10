"""What does a law get to work with? One case, the kernels, values to ask about, a comparison that reports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

import torch
from torch import Tensor

from ..contract import Kernel
from .case import CONV, Border, Case
from .compare import close
from .inputs import Inputs, Values, inputs
from .reference import reference


@dataclass
class Trial:
    """One law tried on one case. ``kernel`` is the first of the kernels that the law is about."""

    case: Case | Border
    kernels: Mapping[str, Kernel]
    kernel: str
    dtype: torch.dtype
    device: str
    error: float = 0.0

    def inputs(self, kernel: str | None = None, values: type[Values] = Values, dtype: Any = None) -> Inputs:
        """Return reproducible arguments for a kernel."""
        return inputs(kernel or self.kernel, self.case, self.values(values, dtype))

    def values(self, values: type[Values] = Values, dtype: Any = None) -> Values:
        """Return a fresh source of values, the same each time."""
        return values(self.case.name, dtype or self.dtype, self.device)

    def ask(self, inputs: Inputs, kernel: str | None = None) -> tuple[Tensor, ...]:
        """Call a kernel, and return its results as a tuple."""
        results = self.kernels[kernel or self.kernel](*inputs.values())
        return results if isinstance(results, tuple) else (results,)

    def close(self, got: Tensor, want: Tensor, name: str) -> None:
        """Compare one result, and remember the largest error."""
        self.error = max(self.error, close(got, want, name, _terms(self.kernel, self.case)))

    def matches_torch(self, asked: Inputs) -> None:
        """Ask the kernel, and compare each result with torch's."""
        want = reference(self.kernel, self.case, asked)
        for name, mine, torchs in zip(OUTPUTS[self.kernel], self.ask(asked), want, strict=True):
            self.close(mine, torchs, name)


def _terms(kernel: str, case: Case | Border) -> int:
    """Return how many products a result of the kernel is the sum of."""
    if kernel not in CONV:
        return 1
    o, *each = case.weight
    taps = prod(case.grid.kernel_size)
    sums = (prod(each), o // case.groups * taps, case.input[0] * prod(case.grid.output_size))
    return dict(zip(CONV, sums, strict=True))[kernel]


OUTPUTS = {
    "conv": ("y",),
    "conv_input_grad": ("gx",),
    "conv_weight_grad": ("gw",),
    "pad": ("y",),
    "pad_adjoint": ("gx",),
    "max_pool": ("y", "tap"),
    "gather": ("y",),
    "scatter": ("gx",),
    "tap_index": ("index",),
    "take": ("y",),
    "put": ("gx",),
    "avg_pool": ("y",),
    "avg_pool_adjoint": ("gx",),
    "unfold": ("y",),
    "fold": ("gx",),
}
"""What each kernel returns."""


def tensors(asked: Inputs) -> dict[str, Tensor]:
    """Return the inputs that are tensors."""
    return {name: a for name, a in asked.items() if isinstance(a, Tensor)}
