"""What is the derivative of a padding? A linear map that copies, whose adjoint adds the copies back.

What it fills the rest with is a constant, which no derivative sees.
"""

from __future__ import annotations

from torch import Tensor

from .batching import as_images, split
from .function import Op
from .layout import like
from .linear_map import LinearMap, linear_map


class Pad(Op):
    """x → A x, and a value wherever A copies nothing."""

    @staticmethod
    def forward(x, frame, value, kernels):
        return like(kernels.pad(x, frame, value), x)

    @staticmethod
    def setup_context(ctx, inputs, output):
        _, ctx.frame, _, ctx.kernels = inputs

    @staticmethod
    def backward(ctx, gy):
        return LinearMap.call(gy, None, "pad_adjoint", "pad", (ctx.frame,), ctx.kernels), None, None, None

    @staticmethod
    def jvp(ctx, tx, *_):
        return LinearMap.call(tx, None, "pad", "pad_adjoint", (ctx.frame,), ctx.kernels)

    @staticmethod
    def vmap(info, dims, x, frame, value, kernels):
        return split(Pad.call(as_images(x, dims[0], info.batch_size), frame, value, kernels), 0, info.batch_size), 0


def pad(x: Tensor, frame, kernels, value: float = 0, *, following: bool = True) -> Tensor:
    """x → y. Its gradient is ``following`` the layout of x; torch's of a constant padding does not."""
    if value:
        return Pad.call(x, frame, value, kernels)
    return linear_map(x, "pad", "pad_adjoint", frame, kernels=kernels, following=following)
