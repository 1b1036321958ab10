"""What do torch's arguments mean? ``torch.nn.functional`` with our convolution, pooling and padding in it.

The names in ``__all__`` are ours: torch's signatures, defaults, errors and results, computed by hand-written kernels.
Every other name is torch's own.
"""

from typing import Any

import torch.nn.functional as _torch

from .. import derivatives as _derivatives  # noqa: F401 our operators find theirs where they are registered
from .. import flops as _flops  # noqa: F401 torch's counter finds the formulas where they are registered
from .adaptive_pool import (
    adaptive_avg_pool1d,
    adaptive_avg_pool2d,
    adaptive_avg_pool3d,
    adaptive_max_pool1d,
    adaptive_max_pool1d_with_indices,
    adaptive_max_pool2d,
    adaptive_max_pool2d_with_indices,
    adaptive_max_pool3d,
    adaptive_max_pool3d_with_indices,
)
from .conv import conv1d, conv2d, conv3d
from .conv_tbc import conv_tbc
from .conv_transpose import conv_transpose1d, conv_transpose2d, conv_transpose3d
from .convolve import convolve1d, convolve2d, convolve3d
from .fold import fold, unfold
from .fractional_max_pool import (
    fractional_max_pool2d,
    fractional_max_pool2d_with_indices,
    fractional_max_pool3d,
    fractional_max_pool3d_with_indices,
)
from .lp_pool import lp_pool1d, lp_pool2d, lp_pool3d
from .max_unpool import max_unpool1d, max_unpool2d, max_unpool3d
from .pad import pad
from .pool import (
    avg_pool1d,
    avg_pool2d,
    avg_pool3d,
    max_pool1d,
    max_pool1d_with_indices,
    max_pool2d,
    max_pool2d_with_indices,
    max_pool3d,
    max_pool3d_with_indices,
)
from .scripted import scriptable as _scriptable

__all__ = [
    "adaptive_avg_pool1d",
    "adaptive_avg_pool2d",
    "adaptive_avg_pool3d",
    "adaptive_max_pool1d",
    "adaptive_max_pool1d_with_indices",
    "adaptive_max_pool2d",
    "adaptive_max_pool2d_with_indices",
    "adaptive_max_pool3d",
    "adaptive_max_pool3d_with_indices",
    "avg_pool1d",
    "avg_pool2d",
    "avg_pool3d",
    "conv1d",
    "conv2d",
    "conv3d",
    "conv_tbc",
    "conv_transpose1d",
    "conv_transpose2d",
    "conv_transpose3d",
    "convolve1d",
    "convolve2d",
    "convolve3d",
    "fold",
    "fractional_max_pool2d",
    "fractional_max_pool2d_with_indices",
    "fractional_max_pool3d",
    "fractional_max_pool3d_with_indices",
    "lp_pool1d",
    "lp_pool2d",
    "lp_pool3d",
    "max_pool1d",
    "max_pool1d_with_indices",
    "max_pool2d",
    "max_pool2d_with_indices",
    "max_pool3d",
    "max_pool3d_with_indices",
    "max_unpool1d",
    "max_unpool2d",
    "max_unpool3d",
    "pad",
    "unfold",
]


for _name in __all__:
    if hasattr(_torch, _name):
        _scriptable(globals()[_name], getattr(_torch, _name))


def __getattr__(name: str) -> Any:
    return getattr(_torch, name)


def __dir__() -> list[str]:
    return sorted({*__all__, *dir(_torch)})
