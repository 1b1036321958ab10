"""What is the derivative of a convolution whose border copies its inside? Pad again: the padded tensor is not kept."""

from __future__ import annotations

from .conv import InputGrad, WeightGrad, bias_grad, bilinear_jvp, bilinear_vmap, conj, is_laid, laid_out
from .function import Op, asked, forward_mode
from .layout import is_channels_last, laid, like
from .linear_map import linear_map
from .pad import pad


class PaddedConv(Op):
    """(x, w, b) → y, x being laid into ``frame`` before the window of ``grid`` slides over it.

    ``contiguous`` says that the padded tensor is contiguous whatever x is, which shows in the layout of y.
    """

    operands = 3

    @staticmethod
    def forward(x, w, b, frame, contiguous, grid, groups, kernels):
        padded = kernels.pad(x, frame)
        padded = padded.contiguous() if contiguous else like(padded, x)
        return laid_out(kernels.conv(padded, w, b, grid, groups), padded, w)

    @staticmethod
    def setup_context(ctx, inputs, output):
        x, w, _, *ctx.padded = inputs
        ctx.frame, contiguous, *ctx.how = ctx.padded
        ctx.x_channels_last = is_channels_last(x) and not contiguous
        ctx.channels_last = is_laid(w) or (is_laid(x) and not contiguous)
        need_x, need_w, *_ = ctx.needs_input_grad
        ctx.save_for_backward(x if need_w else None, w if need_x else None)
        if forward_mode():
            ctx.save_for_forward(x, w)
            ctx.shape = output.shape

    @staticmethod
    def backward(ctx, gy):
        x, w = ctx.saved_tensors
        *_, kernels = ctx.how
        need_x, need_w, need_b, *_ = asked(ctx, gy)
        gy, gx, gw = laid(gy, ctx.channels_last), None, None
        if need_x:
            gx = laid(InputGrad.call(gy, conj(w), None, *ctx.how), ctx.x_channels_last)
            gx = linear_map(gx, "pad_adjoint", "pad", ctx.frame, kernels=kernels)
        if need_w:
            gw = WeightGrad.call(conj(pad(x, ctx.frame, kernels)), gy, *ctx.how)
        return gx, gw, bias_grad(gy) if need_b else None, None, None, None, None, None

    @staticmethod
    def jvp(ctx, tx, tw, tb, *_):
        return bilinear_jvp(ctx, PaddedConv, ctx.padded, tx, tw, tb)

    @staticmethod
    def vmap(info, dims, x, w, b, *how):
        return bilinear_vmap(info, dims, PaddedConv, x, w, b, *how)
