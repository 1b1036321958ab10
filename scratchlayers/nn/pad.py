"""Padding modules."""

from __future__ import annotations

from torch import nn

from .. import functional as F
from .choice import Chooses


class _Pad(Chooses):
    _mode: str

    def forward(self, input):
        return self._by_choice(F.pad, input, self.padding, self._mode)


class _Constant(Chooses):
    def forward(self, input):
        return self._by_choice(F.pad, input, self.padding, "constant", self.value)


class _Reflection(_Pad):
    _mode = "reflect"


class _Replication(_Pad):
    _mode = "replicate"


class _Circular(_Pad):
    _mode = "circular"

    def forward(self, input):
        self._check_input_dim(input)
        return super().forward(input)


class ConstantPad1d(_Constant, nn.ConstantPad1d):
    """``torch.nn.ConstantPad1d``, hand-written: pads with ``value``."""


class ConstantPad2d(_Constant, nn.ConstantPad2d):
    """``torch.nn.ConstantPad2d``, hand-written: pads with ``value``."""


class ConstantPad3d(_Constant, nn.ConstantPad3d):
    """``torch.nn.ConstantPad3d``, hand-written: pads with ``value``."""


class ZeroPad1d(_Constant, nn.ZeroPad1d):
    """``torch.nn.ZeroPad1d``, hand-written: pads with zeros."""


class ZeroPad2d(_Constant, nn.ZeroPad2d):
    """``torch.nn.ZeroPad2d``, hand-written: pads with zeros."""


class ZeroPad3d(_Constant, nn.ZeroPad3d):
    """``torch.nn.ZeroPad3d``, hand-written: pads with zeros."""


class ReflectionPad1d(_Reflection, nn.ReflectionPad1d):
    """``torch.nn.ReflectionPad1d``, hand-written: mirrors at the border."""


class ReflectionPad2d(_Reflection, nn.ReflectionPad2d):
    """``torch.nn.ReflectionPad2d``, hand-written: mirrors at the border."""


class ReflectionPad3d(_Reflection, nn.ReflectionPad3d):
    """``torch.nn.ReflectionPad3d``, hand-written: mirrors at the border."""


class ReplicationPad1d(_Replication, nn.ReplicationPad1d):
    """``torch.nn.ReplicationPad1d``, hand-written: repeats the border."""


class ReplicationPad2d(_Replication, nn.ReplicationPad2d):
    """``torch.nn.ReplicationPad2d``, hand-written: repeats the border."""


class ReplicationPad3d(_Replication, nn.ReplicationPad3d):
    """``torch.nn.ReplicationPad3d``, hand-written: repeats the border."""


class CircularPad1d(_Circular, nn.CircularPad1d):
    """``torch.nn.CircularPad1d``, hand-written: goes around the circle."""


class CircularPad2d(_Circular, nn.CircularPad2d):
    """``torch.nn.CircularPad2d``, hand-written: goes around the circle."""


class CircularPad3d(_Circular, nn.CircularPad3d):
    """``torch.nn.CircularPad3d``, hand-written: goes around the circle."""
