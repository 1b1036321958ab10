"""What is the derivative of a convolution? The other two contractions of one trilinear form.

    T(x, w, g) = Σ_{n,o,c,p,t}  x[n, c, p·stride + t·dilation − before] · w[o, c, t] · g[n, o, p]

Fix two of the three and T is linear in the third, so T has three partial gradients:

    Conv        (x, w) → ∂T/∂g    the convolution
    InputGrad   (g, w) → ∂T/∂x    its gradient for x, and the transposed convolution
    WeightGrad  (x, g) → ∂T/∂w    its gradient for w

Each one's backward is the other two, so three kernels give any order of derivative; forward-mode derivatives are sums
of the map itself. Of its two operands each keeps only the one whose partner needs a gradient. Complex operands are
conjugated in backward (torch's convention, Wirtinger calculus).
"""

from __future__ import annotations

import torch
from torch import Tensor

from .batching import as_groups, as_images, split
from .function import Op, asked, forward_mode, is_bare, total
from .layout import is_channels_last, laid, like

_BUT_CHANNELS = {3: (0, 2), 4: (0, 2, 3), 5: (0, 2, 3, 4)}
# over three axes torch knows channels_last only in some dtypes
_CHANNELS_LAST_3D = frozenset({torch.float32, torch.bfloat16, torch.complex64})


class Conv(Op):
    """(x, w, b) → y, b a bias or None."""

    operands = 3

    @staticmethod
    def forward(x, w, b, grid, groups, kernels):
        return laid_out(kernels.conv(x, w, b, grid, groups), x, w)

    @staticmethod
    def setup_context(ctx, inputs, output):
        x, w = inputs[:2]
        ctx.how = inputs[3:]
        ctx.channels_last = is_laid(x, w)
        need_x, need_w = ctx.needs_input_grad[:2]
        ctx.save_for_backward(x if need_w else None, w if need_x else None)
        if forward_mode():
            ctx.save_for_forward(x, w)
            ctx.shape = output.shape

    @staticmethod
    def backward(ctx, gy):
        x, w = ctx.saved_tensors
        gy = laid(gy, ctx.channels_last)
        if gy.is_complex():
            x, w = conj(x), conj(w)
        need_x, need_w, need_b, *_ = asked(ctx, gy)
        bare = is_bare(gy, x, w)
        gx = (InputGrad.forward if bare else InputGrad.call)(gy, w, None, *ctx.how) if need_x else None
        gw = (WeightGrad.forward if bare else WeightGrad.call)(x, gy, *ctx.how) if need_w else None
        return gx, gw, bias_grad(gy) if need_b else None, None, None, None

    @staticmethod
    def jvp(ctx, tx, tw, tb, *_):
        return bilinear_jvp(ctx, Conv, ctx.how, tx, tw, tb)

    @staticmethod
    def vmap(info, dims, x, w, b, grid, groups, kernels):
        return bilinear_vmap(info, dims, Conv, x, w, b, grid, groups, kernels)


class InputGrad(Op):
    """(gy, w, b) → gx, b None or the bias of a transposed convolution."""

    operands = 3

    @staticmethod
    def forward(gy, w, b, grid, groups, kernels):
        return laid_out(kernels.conv_input_grad(gy, w, grid, groups, b), gy, w)

    @staticmethod
    def setup_context(ctx, inputs, output):
        gy, w = inputs[:2]
        ctx.how = inputs[3:]
        ctx.channels_last = is_laid(gy, w)
        need_gy, need_w, *_ = ctx.needs_input_grad
        ctx.save_for_backward(gy if need_w else None, w if need_gy else None)
        if forward_mode():
            ctx.save_for_forward(gy, w)
            ctx.shape = output.shape

    @staticmethod
    def backward(ctx, ggx):
        gy, w = ctx.saved_tensors
        ggx = laid(ggx, ctx.channels_last)
        need_gy, need_w, need_b, *_ = asked(ctx, ggx)
        ggy = Conv.call(ggx, conj(w), None, *ctx.how) if need_gy else None
        gw = WeightGrad.call(ggx, conj(gy), *ctx.how) if need_w else None
        return ggy, gw, bias_grad(ggx) if need_b else None, None, None, None

    @staticmethod
    def jvp(ctx, tgy, tw, tb, *_):
        return bilinear_jvp(ctx, InputGrad, ctx.how, tgy, tw, tb)

    @staticmethod
    def vmap(info, dims, gy, w, b, grid, groups, kernels):
        return bilinear_vmap(info, dims, InputGrad, gy, w, b, grid, groups, kernels)


class WeightGrad(Op):
    """(x, gy) → gw."""

    operands = 2

    @staticmethod
    def forward(x, gy, grid, groups, kernels):
        return laid_out(kernels.conv_weight_grad(x, gy, grid, groups), x, gy)

    @staticmethod
    def setup_context(ctx, inputs, output):
        x, gy, *ctx.how = inputs
        need_x, need_gy, *_ = ctx.needs_input_grad
        ctx.save_for_backward(x if need_gy else None, gy if need_x else None)
        if forward_mode():
            ctx.save_for_forward(x, gy)

    @staticmethod
    def backward(ctx, ggw):
        x, gy = ctx.saved_tensors
        need_x, need_gy, *_ = asked(ctx, gy if x is None else x)
        gx = InputGrad.call(conj(gy), ggw, None, *ctx.how) if need_x else None
        ggy = Conv.call(conj(x), ggw, None, *ctx.how) if need_gy else None
        return gx, ggy, None, None, None

    @staticmethod
    def jvp(ctx, tx, tgy, *_):
        x, gy = ctx.saved_tensors
        pairs = ((tx, gy), (x, tgy))
        return total([WeightGrad.call(*pair, *ctx.how) for pair in pairs if not any(t is None for t in pair)])

    @staticmethod
    def vmap(info, dims, x, gy, grid, groups, kernels):
        size, (in_x, in_gy, *_) = info.batch_size, dims
        x, gy = as_groups(x, in_x, size, 1), as_groups(gy, in_gy, size, 1)
        return split(WeightGrad.call(x, gy, grid, size * groups, kernels), 0, size), 0


def bilinear_jvp(ctx, op, how, tx, tw, tb):
    """Return the tangent of a map of (x, w, b), linear in each of x and w and with b added to the channels."""
    x, w = ctx.saved_tensors
    terms = [op.call(*pair, None, *how) for pair in ((tx, w), (x, tw)) if not any(t is None for t in pair)]
    if tb is not None:
        terms.append(tb.view(-1, *(1,) * (len(ctx.shape) - 2)).expand(ctx.shape))
    return total(terms)


def bilinear_vmap(info, dims, op, x, w, b, *how):
    """Map over a batch of x: more images. Over a batch of w or b: more groups."""
    (in_x, in_w, in_b, *_), size = dims, info.batch_size
    *geometry, groups, kernels = how
    if in_w is None and in_b is None:
        return split(op.call(as_images(x, in_x, size), w, b, *how), 0, size), 0
    x, w = as_groups(x, in_x, size, 1), as_groups(w, in_w, size, 0)
    b = b if b is None else as_groups(b, in_b, size, 0)
    return split(op.call(x, w, b, *geometry, size * groups, kernels), 1, size), 1


def bias_grad(gy: Tensor) -> Tensor:
    """gb[o] = Σ_{n,p} gy[n,o,p]. Torch does not sum complex32."""
    axes = _BUT_CHANNELS[gy.dim()]
    if gy.dtype is torch.complex32:
        return torch.view_as_complex(torch.view_as_real(gy).sum(axes))
    return torch.sum(gy, axes)


def laid_out(result: Tensor, *operands: Tensor) -> Tensor:
    """Lay the result out as torch does."""
    if result.dim() == 5 and result.dtype not in _CHANNELS_LAST_3D:
        return like(result)
    return like(result, *operands)


def is_laid(*operands: Tensor) -> bool:
    """Whether torch computes with these operands channels_last, forwards and backwards."""
    for x in operands:
        strides = x.stride()
        if strides[1] <= strides[-1] and is_channels_last(x):
            return x.dim() != 5 or x.dtype in _CHANNELS_LAST_3D
    return False


def conj(x: Tensor | None) -> Tensor | None:
    """Return the conjugate of what is complex."""
    return x.conj() if x is not None and x.is_complex() else x
