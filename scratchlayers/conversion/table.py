"""Which class and which function of ours stands for which of torch's?"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

from torch import nn as torch_nn

from .. import nn
from ..functional.aliases import PLACES

CLASSES: dict[type, type] = {
    getattr(torch_nn, name): getattr(nn, name) for name in nn.__all__ if isinstance(getattr(nn, name), type)
}
THEIRS: dict[type, type] = {ours: torchs for torchs, ours in CLASSES.items()}

FUNCTIONS: dict[tuple[ModuleType, str], Callable[..., Any]] = {(space, name): ours for space, name, ours in PLACES}
"""What :func:`scratchlayers.patch` puts where: (module of torch, name) to our function."""
