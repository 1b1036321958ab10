"""Convolution modules."""

from __future__ import annotations

from torch import nn

from ..functional.conv import conv_nd
from ..geometry import Window, per_axis
from .choice import Chooses


class _Conv(Chooses):
    """What the convolutions share: torch's constructor widened by our paddings, and the method that computes."""

    _rank: int
    _function = staticmethod(conv_nd)

    def __init__(
        self,
        in_channels,
        out_channels,
        kernel_size,
        stride=1,
        padding=0,
        dilation=1,
        groups=1,
        bias=True,
        padding_mode="zeros",
        device=None,
        dtype=None,
    ):
        word = padding if isinstance(padding, str) else None
        if word == "full":
            sides = Window.parse(self._rank, kernel_size, stride, padding, dilation).sides((0,) * self._rank)
            padding = tuple(before for before, _ in sides)
        torchs_stride = 1 if word == "same" else stride
        super().__init__(
            in_channels,
            out_channels,
            kernel_size,
            torchs_stride,
            padding,
            dilation,
            groups,
            bias,
            padding_mode,
            device,
            dtype,
        )
        if word == "same":
            self.stride = per_axis(self._rank, stride, "stride")

    def _conv_forward(self, input, weight, bias):
        return self._by_choice(
            self._function,
            self._rank,
            input,
            weight,
            bias,
            self.stride,
            self.padding,
            self.dilation,
            self.groups,
            self.padding_mode,
        )


class Conv1d(_Conv, nn.Conv1d):
    """``torch.nn.Conv1d``, hand-written. (N, C, L) to (N, O, L')."""

    _rank = 1


class Conv2d(_Conv, nn.Conv2d):
    """``torch.nn.Conv2d``, hand-written. (N, C, H, W) to (N, O, H', W').

    Beyond torch, ``padding`` may be "full", "same" with a stride, or ((top, bottom), (left, right));
    see :func:`scratchlayers.functional.conv2d`.
    """

    _rank = 2


class Conv3d(_Conv, nn.Conv3d):
    """``torch.nn.Conv3d``, hand-written. (N, C, D, H, W) to (N, O, D', H', W')."""

    _rank = 3
