"""What is the derivative of a pooling? Max pooling chooses a tap and is then a linear map, like average pooling."""

from __future__ import annotations

from torch import Tensor

from .batching import as_images, split
from .function import Op, forward_mode
from .layout import is_channels_last, laid, like
from .linear_map import LinearMap, linear_map


class MaxPool(Op):
    """x → (y, tap). Only the tap, one small integer an output, is kept for backward."""

    @staticmethod
    def forward(x, grid, kernels):
        y, tap = kernels.max_pool(x, grid)
        return like(y, x), like(tap, x)

    @staticmethod
    def setup_context(ctx, inputs, output):
        x, ctx.grid, ctx.kernels = inputs
        ctx.channels_last = is_channels_last(x)
        ctx.save_for_backward(output[1])
        ctx.mark_non_differentiable(output[1])
        ctx.set_materialize_grads(False)
        if forward_mode():
            ctx.save_for_forward(output[1])

    @staticmethod
    def backward(ctx, gy, _):
        if gy is None:
            return None, None, None
        (tap,) = ctx.saved_tensors
        gx = LinearMap.call(laid(gy, ctx.channels_last), tap, "scatter", "gather", (ctx.grid,), ctx.kernels)
        return gx, None, None

    @staticmethod
    def jvp(ctx, tx, *_):
        (tap,) = ctx.saved_tensors
        return LinearMap.call(tx, tap, "gather", "scatter", (ctx.grid,), ctx.kernels), None

    @staticmethod
    def vmap(info, dims, x, grid, kernels):
        y, tap = MaxPool.call(as_images(x, dims[0], info.batch_size), grid, kernels)
        return (split(y, 0, info.batch_size), split(tap, 0, info.batch_size)), (0, 0)


class TapIndex(Op):
    """tap → the flat positions in the input that the taps read. Whole numbers: there is no derivative."""

    @staticmethod
    def forward(tap, grid, kernels):
        return kernels.tap_index(tap, grid)

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.mark_non_differentiable(output)

    @staticmethod
    def vmap(info, dims, tap, grid, kernels):
        return split(TapIndex.call(as_images(tap, dims[0], info.batch_size), grid, kernels), 0, info.batch_size), 0


class Unpool(Op):
    """x → y by the kernel ``put``; of several x with one place the last is kept, but backward all read its gradient.

    (That is no transpose where places coincide. It is what torch does.)
    """

    operands = 2

    @staticmethod
    def forward(x, index, size, kernels):
        return like(kernels.put(x, index, size, True), x)

    @staticmethod
    def setup_context(ctx, inputs, output):
        _, index, ctx.size, ctx.kernels = inputs
        ctx.save_for_backward(index)
        if forward_mode():
            ctx.save_for_forward(index)

    @staticmethod
    def backward(ctx, gy):
        (index,) = ctx.saved_tensors
        return LinearMap.call(gy, index, "take", "put", (ctx.size,), ctx.kernels), None, None, None

    @staticmethod
    def jvp(ctx, tx, *_):
        (index,) = ctx.saved_tensors
        return Unpool.call(tx, index, ctx.size, ctx.kernels)

    @staticmethod
    def vmap(info, dims, x, index, *how):
        x, index = (as_images(a, at, info.batch_size) for a, at in zip((x, index), dims, strict=False))
        return split(Unpool.call(x, index, *how), 0, info.batch_size), 0


def avg_pool(x: Tensor, divisors, grid, kernels) -> Tensor:
    """x → y."""
    return linear_map(x, "avg_pool", "avg_pool_adjoint", divisors, grid, kernels=kernels)
