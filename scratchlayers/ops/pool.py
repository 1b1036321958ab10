"""What is the derivative of a pooling? Max pooling chooses a tap and is then a linear map, like average pooling."""

from __future__ import annotations

from math import prod

import torch
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


class Unpool(LinearMap):
    """x → y by the kernel ``put``; of several x with one place the last is kept, but backward all read its gradient.

    (That is no transpose where places coincide. It is what torch does.)
    """

    @staticmethod
    def forward(x, index, put, take, how, kernels):
        (size,) = how
        return like(kernels.put(x.where(_lasts(index, prod(size)), 0), index, size), x)

    @staticmethod
    def jvp(ctx, tx, *_):
        (index,) = ctx.saved_tensors
        return Unpool.call(tx, index, ctx.name, ctx.adjoint, *ctx.how)

    @staticmethod
    def vmap(info, dims, x, index, *how):
        x, index = (as_images(a, at, info.batch_size) for a, at in zip((x, index), dims, strict=False))
        return split(Unpool.call(x, index, *how), 0, info.batch_size), 0


def _lasts(index: Tensor, count: int) -> Tensor:
    """Return True where no later index of the same plane names the same of ``count`` places."""
    places = index.flatten(2)
    order = torch.arange(places.shape[2], device=index.device).expand_as(places)
    last = order.new_zeros(*index.shape[:2], count).scatter_reduce_(2, places, order, "amax")
    return (last.gather(2, places) == order).reshape(index.shape)


def avg_pool(x: Tensor, divisors, grid, kernels) -> Tensor:
    """x → y."""
    return linear_map(x, "avg_pool", "avg_pool_adjoint", divisors, grid, kernels=kernels)
