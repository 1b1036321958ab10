"""Pooling modules."""

from __future__ import annotations

from torch import nn

from .. import functional as F
from .choice import Chooses


class _MaxPool(Chooses):
    def forward(self, input):
        words = (self.stride, self.padding, self.dilation, self.ceil_mode, self.return_indices)
        with self._chosen():
            return type(self)._function(input, self.kernel_size, *words)


class _AvgPool(Chooses):
    _override = True

    def forward(self, input):
        words = (self.stride, self.padding, self.ceil_mode, self.count_include_pad)
        override = (self.divisor_override,) if self._override else ()
        with self._chosen():
            return type(self)._function(input, self.kernel_size, *words, *override)


class MaxPool1d(_MaxPool, nn.MaxPool1d):
    """``torch.nn.MaxPool1d``, hand-written. (N, C, L) to (N, C, L')."""

    _function = staticmethod(F.max_pool1d)


class MaxPool2d(_MaxPool, nn.MaxPool2d):
    """``torch.nn.MaxPool2d``, hand-written. (N, C, H, W) to (N, C, H', W')."""

    _function = staticmethod(F.max_pool2d)


class MaxPool3d(_MaxPool, nn.MaxPool3d):
    """``torch.nn.MaxPool3d``, hand-written. (N, C, D, H, W) to (N, C, D', H', W')."""

    _function = staticmethod(F.max_pool3d)


class AvgPool1d(_AvgPool, nn.AvgPool1d):
    """``torch.nn.AvgPool1d``, hand-written. (N, C, L) to (N, C, L')."""

    _function = staticmethod(F.avg_pool1d)
    _override = False

    def __init__(self, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True):
        super().__init__(kernel_size, stride, padding, ceil_mode, count_include_pad)
        if isinstance(padding, str):
            self.padding = padding


class AvgPool2d(_AvgPool, nn.AvgPool2d):
    """``torch.nn.AvgPool2d``, hand-written. (N, C, H, W) to (N, C, H', W')."""

    _function = staticmethod(F.avg_pool2d)


class AvgPool3d(_AvgPool, nn.AvgPool3d):
    """``torch.nn.AvgPool3d``, hand-written. (N, C, D, H, W) to (N, C, D', H', W')."""

    _function = staticmethod(F.avg_pool3d)
