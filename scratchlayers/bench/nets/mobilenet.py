"""MobileNetV2 (Sandler et al., 2018): depthwise convolutions between pointwise ones."""

from functools import partial

from torch import nn

from .parts import Residual, SpatialMean, conv_norm, initialised

_STAGES = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))
_conv = partial(conv_norm, activation=nn.ReLU6)


def _block(c: int, o: int, stride: int, expansion: int) -> nn.Module:
    width = expansion * c
    wider = [_conv(c, width, 1)] if expansion > 1 else []
    body = nn.Sequential(*wider, _conv(width, width, 3, stride, width), conv_norm(width, o, 1, activation=None))
    return Residual(body) if stride == 1 and c == o else body


def mobilenet_v2() -> nn.Module:
    """The net of width 1, for photographs, without its dropout."""
    blocks, c = [_conv(3, 32, 3, 2)], 32
    for expansion, o, depth, first in _STAGES:
        for stride in (first, *[1] * (depth - 1)):
            blocks.append(_block(c, o, stride, expansion))
            c = o
    return initialised(nn.Sequential(*blocks, _conv(c, 1280, 1), SpatialMean(), nn.Linear(1280, 1000)))
