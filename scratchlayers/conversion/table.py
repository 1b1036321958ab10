"""Which class and which function of ours stands for which of torch's?"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import torch
from torch import nn as torch_nn

from .. import functional, nn

CLASSES: dict[type, type] = {
    getattr(torch_nn, name): getattr(nn, name) for name in nn.__all__ if isinstance(getattr(nn, name), type)
}
THEIRS: dict[type, type] = {ours: torchs for torchs, ours in CLASSES.items()}

_FAMILY = (
    "AdaptiveAvgPool",
    "AdaptiveMaxPool",
    "FractionalMaxPool",
    "LPPool",
    "LazyConv",
    "LazyConvTranspose",
    "MaxUnpool",
)
NOT_YET = tuple(
    kind
    for name in _FAMILY
    for rank in (1, 2, 3)
    if (kind := getattr(torch_nn, f"{name}{rank}d", None)) and kind not in CLASSES
)

_OTHERWISE = {(torch, "adaptive_max_pool1d")}  # returns a pair, and its namesake in torch.nn.functional does not
FUNCTIONS: dict[tuple[ModuleType, str], Callable[..., Any]] = {
    (space, name): getattr(functional, name)
    for space in (torch, torch_nn.functional)
    for name in functional.__all__
    if hasattr(space, name) and (space, name) not in _OTHERWISE
}
"""What :func:`scratchlayers.patch` puts where: (module of torch, name) to our function."""
