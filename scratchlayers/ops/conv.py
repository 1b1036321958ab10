"""What is the derivative of a convolution? The other two contractions of one trilinear form.

    T(x, w, g) = Σ_{n,o,c,p,t}  x[n, c, p·stride + t·dilation − before] · w[o, c, t] · g[n, o, p]

Fix two of the three and T is linear in the third, so T has three partial gradients:

    Conv        (x, w) → ∂T/∂g    the convolution
    InputGrad   (g, w) → ∂T/∂x    its gradient for x, and the transposed convolution
    WeightGrad  (x, g) → ∂T/∂w    its gradient for w

Each one's backward is the other two, so three kernels give any order of derivative. Of its two operands each keeps
only the one whose partner needs a gradient. Complex operands are conjugated
in backward (torch's convention, Wirtinger calculus).
"""

from __future__ import annotations

import torch
from torch import Tensor

from .function import Op
from .layout import like

_BUT_CHANNELS = {3: (0, 2), 4: (0, 2, 3), 5: (0, 2, 3, 4)}
_CHANNELS_LAST_3D = frozenset({torch.float32, torch.bfloat16, torch.complex64})


class Conv(Op):
    """(x, w, b) → y, b a bias or None."""

    @staticmethod
    def forward(x, w, b, grid, groups, kernels):
        return laid_out(kernels.conv(x, w, b, grid, groups), x, w)

    @staticmethod
    def setup_context(ctx, inputs, output):
        x, w, _, *ctx.how = inputs
        need_x, need_w, *_ = ctx.needs_input_grad
        ctx.save_for_backward(x if need_w else None, w if need_x else None)

    @staticmethod
    def backward(ctx, gy):
        x, w = ctx.saved_tensors
        need_x, need_w, need_b, *_ = ctx.needs_input_grad
        gx = InputGrad.call(gy, conj(w), None, *ctx.how) if need_x else None
        gw = WeightGrad.call(conj(x), gy, *ctx.how) if need_w else None
        return gx, gw, bias_grad(gy) if need_b else None, None, None, None


class InputGrad(Op):
    """(gy, w, b) → gx, b None or the bias of a transposed convolution."""

    @staticmethod
    def forward(gy, w, b, grid, groups, kernels):
        return laid_out(kernels.conv_input_grad(gy, w, grid, groups, b), gy, w)

    @staticmethod
    def setup_context(ctx, inputs, output):
        gy, w, _, *ctx.how = inputs
        need_gy, need_w, *_ = ctx.needs_input_grad
        ctx.save_for_backward(gy if need_w else None, w if need_gy else None)

    @staticmethod
    def backward(ctx, ggx):
        gy, w = ctx.saved_tensors
        need_gy, need_w, need_b, *_ = ctx.needs_input_grad
        ggy = Conv.call(ggx, conj(w), None, *ctx.how) if need_gy else None
        gw = WeightGrad.call(ggx, conj(gy), *ctx.how) if need_w else None
        return ggy, gw, bias_grad(ggx) if need_b else None, None, None, None


class WeightGrad(Op):
    """(x, gy) → gw."""

    @staticmethod
    def forward(x, gy, grid, groups, kernels):
        return laid_out(kernels.conv_weight_grad(x, gy, grid, groups), x, gy)

    @staticmethod
    def setup_context(ctx, inputs, output):
        x, gy, *ctx.how = inputs
        need_x, need_gy, *_ = ctx.needs_input_grad
        ctx.save_for_backward(x if need_gy else None, gy if need_x else None)

    @staticmethod
    def backward(ctx, ggw):
        x, gy = ctx.saved_tensors
        need_x, need_gy, *_ = ctx.needs_input_grad
        gx = InputGrad.call(conj(gy), ggw, None, *ctx.how) if need_x else None
        ggy = Conv.call(conj(x), ggw, None, *ctx.how) if need_gy else None
        return gx, ggy, None, None, None


def bias_grad(gy: Tensor) -> Tensor:
    """gb[o] = Σ_{n,p} gy[n,o,p]."""
    return gy.sum(_BUT_CHANNELS[gy.dim()])


def laid_out(result: Tensor, *operands: Tensor) -> Tensor:
    """Lay the result out as torch does, which over three axes knows channels_last only in these dtypes."""
    if result.dim() == 5 and result.dtype not in _CHANNELS_LAST_3D:
        operands = ()
    return like(result, *operands)


def conj(x: Tensor) -> Tensor:
    """Return the conjugate of what is complex."""
    return x.conj() if x.is_complex() else x
