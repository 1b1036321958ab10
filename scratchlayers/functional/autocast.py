"""Which dtype does a function compute in under autocast? Torch's own table, which differs between devices.

A function that no rule names keeps the dtype it is given. No rule touches float64, nor what is not a float.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..ops.function import autocast_is_on, autocast_may_be_on

# on every device, in the dtype that autocast was asked for
LOWER = frozenset(f"{name}{rank}d" for name in ("conv", "conv_transpose") for rank in (1, 2, 3)) | {"conv_tbc"}
# in float32, by device; by the names of torch's operators
FLOAT32 = {
    "cpu": frozenset(
        {
            *("max_pool3d", "avg_pool3d", "adaptive_avg_pool3d", "adaptive_max_pool3d"),
            *("fractional_max_pool2d", "fractional_max_pool3d", "max_unpool2d", "max_unpool3d"),
            *("reflection_pad1d", "reflection_pad2d"),
            *("replication_pad1d", "replication_pad2d", "replication_pad3d"),
        }
    )
}


def cast(name: str, *tensors: Any) -> Any:
    """Return a function's operands (a lone one by itself) in the dtype that autocast, where it is on, gives them."""
    if autocast_may_be_on() and autocast_is_on(tensors[0]):
        dtype = _dtype(name, tensors[0].device.type)
        if dtype is not None:
            tensors = tuple(_to(dtype, x) for x in tensors)
    return tensors if len(tensors) > 1 else tensors[0]


def _dtype(name: str, device: str) -> torch.dtype | None:
    if name in LOWER:
        return torch.get_autocast_dtype(device)
    return torch.float32 if name in FLOAT32.get(device, ()) else None


def _to(dtype: torch.dtype, x: Tensor | None) -> Tensor | None:
    return x.to(dtype) if x is not None and x.is_floating_point() and x.dtype is not torch.float64 else x
