"""Where does torch keep each function of the family? In places with slightly other signatures, each with ours for it.

``PLACES`` is what :func:`scratchlayers.patch` swaps: (module, name, our function) wherever torch has the name.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

import torch
import torch.nn.functional
from torch import Tensor
from torch.nn import grad

from .. import functional
from ..geometry import Ints
from ..ops.function import autocast_is_on
from . import conv_grad
from .border import refuse
from .scripted import scriptable

_CONVOLUTION, _CONSTANT_PAD = torch.convolution, torch.constant_pad_nd
_CONVS: dict[int, Callable[..., Tensor]] = {1: functional.conv1d, 2: functional.conv2d, 3: functional.conv3d}
_TRANSPOSED: dict[int, Callable[..., Tensor]] = {
    1: functional.conv_transpose1d,
    2: functional.conv_transpose2d,
    3: functional.conv_transpose3d,
}


def max_pool1d(
    input: Tensor, kernel_size: Ints, stride: Ints = (), padding: Ints = 0, dilation: Ints = 1, ceil_mode: bool = False
) -> Any:
    """``torch.max_pool1d``: :func:`scratchlayers.functional.max_pool1d`, which here returns no indices."""
    return functional.max_pool1d(input, kernel_size, stride, padding, dilation, ceil_mode)


def max_pool1d_with_indices(
    input: Tensor, kernel_size: Ints, stride: Ints = (), padding: Ints = 0, dilation: Ints = 1, ceil_mode: bool = False
) -> Any:
    """``torch.max_pool1d_with_indices``: :func:`scratchlayers.functional.max_pool1d`, which here always does."""
    return functional.max_pool1d(input, kernel_size, stride, padding, dilation, ceil_mode, True)


def max_pool2d(
    input: Tensor, kernel_size: Ints, stride: Ints = (), padding: Ints = 0, dilation: Ints = 1, ceil_mode: bool = False
) -> Any:
    """``torch.max_pool2d``: :func:`scratchlayers.functional.max_pool2d`, which here returns no indices."""
    return functional.max_pool2d(input, kernel_size, stride, padding, dilation, ceil_mode)


def max_pool3d(
    input: Tensor, kernel_size: Ints, stride: Ints = (), padding: Ints = 0, dilation: Ints = 1, ceil_mode: bool = False
) -> Any:
    """``torch.max_pool3d``: :func:`scratchlayers.functional.max_pool3d`, which here returns no indices."""
    return functional.max_pool3d(input, kernel_size, stride, padding, dilation, ceil_mode)


def constant_pad_nd(input: Tensor, pad: Sequence[int], value: float = 0) -> Tensor:
    """``torch.constant_pad_nd``: :func:`scratchlayers.functional.pad` in its mode "constant"."""
    try:
        if value is None:
            raise TypeError("value must be a number")
        return functional.pad(input, pad, "constant", value)
    except (ValueError, TypeError, AttributeError, RuntimeError) as ours:
        refuse(ours, False, _CONSTANT_PAD, input, pad, value)


def convolution(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    transposed: bool,
    output_padding: Sequence[int],
    groups: int,
) -> Tensor:
    """``torch.convolution``: all convolutions in one, of batches only. On CPUs autocast leaves it alone."""
    words = (stride, padding, dilation, transposed, output_padding, groups)
    try:
        if autocast_is_on(input) and input.device.type == "cpu":
            with torch.autocast("cpu", enabled=False):
                return convolution(input, weight, bias, *words)
        lists = (stride, padding, dilation, output_padding)
        if input.dim() != weight.dim() or not isinstance(transposed, bool) or not all(map(_is_list, lists)):
            raise TypeError("convolution takes a batch, its weight, and lists of ints")
        rank = weight.dim() - 2
        if transposed:
            return _TRANSPOSED[rank](input, weight, bias, stride, padding, output_padding, groups, dilation)
        return _CONVS[rank](input, weight, bias, stride, padding, dilation, groups)
    except (ValueError, TypeError, AttributeError, RuntimeError, KeyError) as ours:
        refuse(ours, False, _CONVOLUTION, input, weight, bias, *words)


def _is_list(words: Any) -> bool:
    return isinstance(words, (list, tuple)) and all(isinstance(word, int) for word in words)


_OTHERWISE = {
    function.__name__: function
    for function in (
        max_pool1d,
        max_pool1d_with_indices,
        max_pool2d,
        max_pool3d,
        constant_pad_nd,
        convolution,
    )
} | {"adaptive_max_pool1d": functional.adaptive_max_pool1d_with_indices}  # torch's returns a pair

for _function in (max_pool1d, max_pool1d_with_indices, max_pool2d, max_pool3d, constant_pad_nd, convolution):
    scriptable(_function, getattr(torch, _function.__name__))


def _places() -> list[tuple[ModuleType, str, Callable[..., Any]]]:
    ours = {name: getattr(functional, name) for name in functional.__all__}
    gradients = {name: getattr(conv_grad, name) for name in dir(grad) if name.startswith("conv")}
    spaces = ((torch, ours | _OTHERWISE), (torch.nn.functional, ours), (grad, gradients))
    return [(space, name, ours) for space, names in spaces for name, ours in names.items() if hasattr(space, name)]


PLACES = _places()
