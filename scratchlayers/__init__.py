"""PyTorch's convolution, padding and pooling layers with hand-written forward and backward.

>>> import torch
>>> from scratchlayers import nn
>>> layer = nn.Conv2d(1, 8, kernel_size=3, padding="same")
>>> layer(torch.zeros(2, 1, 28, 28)).shape
torch.Size([2, 8, 28, 28])
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ._version import __version__

if TYPE_CHECKING:
    from . import functional, nn, visualize
    from .conversion import convert, left_alone, patch, report, revert
    from .explanation import explain
    from .registry import precision, register, use_backend

__all__ = [
    "__version__",
    "convert",
    "explain",
    "functional",
    "left_alone",
    "nn",
    "patch",
    "precision",
    "register",
    "report",
    "revert",
    "use_backend",
    "visualize",
]

_HOME = {
    **dict.fromkeys(("convert", "left_alone", "patch", "report", "revert"), "conversion"),
    **dict.fromkeys(("precision", "register", "use_backend"), "registry"),
    "explain": "explanation",
}


def __getattr__(name: str) -> Any:
    if name in ("functional", "nn", "visualize"):
        return import_module(f".{name}", __name__)
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f".{_HOME[name]}", __name__), name)
    return value


def __dir__() -> list[str]:
    return __all__
