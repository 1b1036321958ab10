"""What is the derivative of a linear map? The map itself; and its backward is its adjoint, whose backward is the map.

Padding, average pooling and, once its taps are chosen, max pooling are linear in their one tensor, so that writing
A and Aᵀ is writing every derivative there is.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor

from .batching import as_images, split
from .function import Op, forward_mode
from .layout import is_channels_last, laid, like


class LinearMap(Op):
    """x → A x, where the kernel of one name computes A, of ``(x, *how)``, and that of the other its transpose.

    ``tap`` is None or a tensor of chosen taps, which goes before ``how``.
    """

    operands = 2

    @staticmethod
    def forward(x, tap, name, adjoint, how, kernels):
        kernel = getattr(kernels, name)
        return like(kernel(x, *how) if tap is None else kernel(x, tap, *how), x)

    @staticmethod
    def setup_context(ctx, inputs, output):
        _, tap, ctx.name, ctx.adjoint, *ctx.how = inputs
        ctx.save_for_backward(tap)
        if forward_mode():
            ctx.save_for_forward(tap)

    @staticmethod
    def backward(ctx, gy):
        (tap,) = ctx.saved_tensors
        return LinearMap.call(gy, tap, ctx.adjoint, ctx.name, *ctx.how), None, None, None, None, None

    @staticmethod
    def jvp(ctx, tx, *_):
        (tap,) = ctx.saved_tensors
        return LinearMap.call(tx, tap, ctx.name, ctx.adjoint, *ctx.how)

    @staticmethod
    def vmap(info, dims, x, tap, name, adjoint, how, kernels):
        (in_x, in_tap, *_), size = dims, info.batch_size
        tap = tap if tap is None else as_images(tap, in_tap, size)
        return split(LinearMap.call(as_images(x, in_x, size), tap, name, adjoint, how, kernels), 0, size), 0


class Following(LinearMap):
    """A linear map whose gradient lies in memory as x did, whatever becomes of its result."""

    @staticmethod
    def setup_context(ctx, inputs, output):
        LinearMap.setup_context(ctx, inputs, output)
        ctx.channels_last = is_channels_last(inputs[0])

    @staticmethod
    def backward(ctx, gy):
        return LinearMap.backward(ctx, laid(gy, ctx.channels_last))


def linear_map(x: Tensor, name: str, adjoint: str, *how: Any, kernels: Any, following: bool = True) -> Tensor:
    """Apply the kernel of this name, whose derivative is ``adjoint``."""
    return (Following if following else LinearMap).call(x, None, name, adjoint, how, kernels)
