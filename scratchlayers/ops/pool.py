"""What is the derivative of a pooling? Max pooling chooses a tap and is then a linear map, like average pooling."""

from __future__ import annotations

from torch import Tensor

from .function import Op
from .layout import like
from .linear_map import LinearMap, linear_map


class MaxPool(Op):
    """x → (y, tap). Only the tap, one small integer an output, is kept for backward."""

    @staticmethod
    def forward(x, grid, kernels):
        y, tap = kernels.max_pool(x, grid)
        return like(y, x), like(tap, x)

    @staticmethod
    def setup_context(ctx, inputs, output):
        _, ctx.grid, ctx.kernels = inputs
        ctx.save_for_backward(output[1])
        ctx.mark_non_differentiable(output[1])
        ctx.set_materialize_grads(False)

    @staticmethod
    def backward(ctx, gy, _):
        if gy is None:
            return None, None, None
        (tap,) = ctx.saved_tensors
        gx = LinearMap.call(gy, ctx.kernels.scatter, ctx.kernels.gather, tap, (ctx.grid,))
        return gx, None, None


def avg_pool(x: Tensor, divisors, grid, kernels) -> Tensor:
    """x → y."""
    return linear_map(x, kernels.avg_pool, kernels.avg_pool_adjoint, divisors, grid)
