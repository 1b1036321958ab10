"""Pooling modules."""

from __future__ import annotations

from torch import nn

from .. import functional as F
from .choice import Chooses


class _MaxPool(Chooses):
    def forward(self, input):
        words = (self.stride, self.padding, self.dilation, self.ceil_mode, self.return_indices)
        return self._by_choice(type(self)._function, input, self.kernel_size, *words)


class _AvgPool(Chooses):
    _override = True

    def forward(self, input):
        words = (self.stride, self.padding, self.ceil_mode, self.count_include_pad)
        override = (self.divisor_override,) if self._override else ()
        return self._by_choice(type(self)._function, input, self.kernel_size, *words, *override)


class _AdaptiveMaxPool(Chooses):
    def forward(self, input):
        return self._by_choice(type(self)._function, input, self.output_size, self.return_indices)


class _AdaptiveAvgPool(Chooses):
    def forward(self, input):
        return self._by_choice(type(self)._function, input, self.output_size)


class _LPPool(Chooses):
    def forward(self, input):
        return self._by_choice(
            type(self)._function, input, float(self.norm_type), self.kernel_size, self.stride, self.ceil_mode
        )


class _MaxUnpool(Chooses):
    def forward(self, input, indices, output_size=None):
        words = (self.kernel_size, self.stride, self.padding, output_size)
        return self._by_choice(type(self)._function, input, indices, *words)


class _FractionalMaxPool(Chooses):
    def forward(self, input):
        words = (self.kernel_size, self.output_size, self.output_ratio, self.return_indices, self._random_samples)
        return self._by_choice(type(self)._function, input, *words)


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


class AdaptiveAvgPool1d(_AdaptiveAvgPool, nn.AdaptiveAvgPool1d):
    """``torch.nn.AdaptiveAvgPool1d``, hand-written. (N, C, L) to (N, C, L')."""

    _function = staticmethod(F.adaptive_avg_pool1d)


class AdaptiveAvgPool2d(_AdaptiveAvgPool, nn.AdaptiveAvgPool2d):
    """``torch.nn.AdaptiveAvgPool2d``, hand-written. (N, C, H, W) to (N, C, H', W')."""

    _function = staticmethod(F.adaptive_avg_pool2d)


class AdaptiveAvgPool3d(_AdaptiveAvgPool, nn.AdaptiveAvgPool3d):
    """``torch.nn.AdaptiveAvgPool3d``, hand-written. (N, C, D, H, W) to (N, C, D', H', W')."""

    _function = staticmethod(F.adaptive_avg_pool3d)


class AdaptiveMaxPool1d(_AdaptiveMaxPool, nn.AdaptiveMaxPool1d):
    """``torch.nn.AdaptiveMaxPool1d``, hand-written. (N, C, L) to (N, C, L')."""

    _function = staticmethod(F.adaptive_max_pool1d)


class AdaptiveMaxPool2d(_AdaptiveMaxPool, nn.AdaptiveMaxPool2d):
    """``torch.nn.AdaptiveMaxPool2d``, hand-written. (N, C, H, W) to (N, C, H', W')."""

    _function = staticmethod(F.adaptive_max_pool2d)


class AdaptiveMaxPool3d(_AdaptiveMaxPool, nn.AdaptiveMaxPool3d):
    """``torch.nn.AdaptiveMaxPool3d``, hand-written. (N, C, D, H, W) to (N, C, D', H', W')."""

    _function = staticmethod(F.adaptive_max_pool3d)


class LPPool1d(_LPPool, nn.LPPool1d):
    """``torch.nn.LPPool1d``, hand-written. (N, C, L) to (N, C, L')."""

    _function = staticmethod(F.lp_pool1d)


class LPPool2d(_LPPool, nn.LPPool2d):
    """``torch.nn.LPPool2d``, hand-written. (N, C, H, W) to (N, C, H', W')."""

    _function = staticmethod(F.lp_pool2d)


class LPPool3d(_LPPool, nn.LPPool3d):
    """``torch.nn.LPPool3d``, hand-written. (N, C, D, H, W) to (N, C, D', H', W')."""

    _function = staticmethod(F.lp_pool3d)


class FractionalMaxPool2d(_FractionalMaxPool, nn.FractionalMaxPool2d):
    """``torch.nn.FractionalMaxPool2d``, hand-written. (N, C, H, W) to (N, C, H', W')."""

    _function = staticmethod(F.fractional_max_pool2d)


class FractionalMaxPool3d(_FractionalMaxPool, nn.FractionalMaxPool3d):
    """``torch.nn.FractionalMaxPool3d``, hand-written. (N, C, D, H, W) to (N, C, D', H', W')."""

    _function = staticmethod(F.fractional_max_pool3d)


class MaxUnpool1d(_MaxUnpool, nn.MaxUnpool1d):
    """``torch.nn.MaxUnpool1d``, hand-written. (N, C, L) to (N, C, L')."""

    _function = staticmethod(F.max_unpool1d)


class MaxUnpool2d(_MaxUnpool, nn.MaxUnpool2d):
    """``torch.nn.MaxUnpool2d``, hand-written. (N, C, H, W) to (N, C, H', W')."""

    _function = staticmethod(F.max_unpool2d)


class MaxUnpool3d(_MaxUnpool, nn.MaxUnpool3d):
    """``torch.nn.MaxUnpool3d``, hand-written. (N, C, D, H, W) to (N, C, D', H', W')."""

    _function = staticmethod(F.max_unpool3d)
