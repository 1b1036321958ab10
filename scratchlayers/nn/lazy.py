"""Convolution modules that learn their number of input channels from the first input, and then become ours."""

from __future__ import annotations

from torch import nn

from .conv import Conv1d, Conv2d, Conv3d
from .conv_transpose import ConvTranspose1d, ConvTranspose2d, ConvTranspose3d


class LazyConv1d(nn.LazyConv1d, Conv1d):
    """``torch.nn.LazyConv1d``, which becomes our :class:`Conv1d`."""

    cls_to_become = Conv1d


class LazyConv2d(nn.LazyConv2d, Conv2d):
    """``torch.nn.LazyConv2d``, which becomes our :class:`Conv2d`."""

    cls_to_become = Conv2d


class LazyConv3d(nn.LazyConv3d, Conv3d):
    """``torch.nn.LazyConv3d``, which becomes our :class:`Conv3d`."""

    cls_to_become = Conv3d


class LazyConvTranspose1d(nn.LazyConvTranspose1d, ConvTranspose1d):
    """``torch.nn.LazyConvTranspose1d``, which becomes our :class:`ConvTranspose1d`."""

    cls_to_become = ConvTranspose1d


class LazyConvTranspose2d(nn.LazyConvTranspose2d, ConvTranspose2d):
    """``torch.nn.LazyConvTranspose2d``, which becomes our :class:`ConvTranspose2d`."""

    cls_to_become = ConvTranspose2d


class LazyConvTranspose3d(nn.LazyConvTranspose3d, ConvTranspose3d):
    """``torch.nn.LazyConvTranspose3d``, which becomes our :class:`ConvTranspose3d`."""

    cls_to_become = ConvTranspose3d
