"""Residual nets (He et al., 2016): ResNet-20 for images of 32x32, ResNet-50 (v1.5) for photographs."""

from torch import Tensor, nn

from .parts import Residual, SpatialMean, conv_norm, initialised


class _Thinned(nn.Module):
    """The shortcut without weights: every second position, and as many channels of zeros again."""

    def forward(self, x: Tensor) -> Tensor:
        c = x.shape[1]
        return nn.functional.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, c // 2, c // 2))


def _basic(c: int, o: int, stride: int) -> nn.Module:
    body = nn.Sequential(conv_norm(c, o, 3, stride), conv_norm(o, o, 3, activation=None))
    return Residual(body, _Thinned() if stride > 1 else None, nn.ReLU(inplace=True))


def _bottleneck(c: int, width: int, stride: int) -> nn.Module:
    o = 4 * width
    body = nn.Sequential(
        conv_norm(c, width, 1), conv_norm(width, width, 3, stride), conv_norm(width, o, 1, activation=None)
    )
    shortcut = conv_norm(c, o, 1, stride, activation=None) if c != o or stride > 1 else None
    return Residual(body, shortcut, nn.ReLU(inplace=True))


def resnet20() -> nn.Module:
    """Three stages of three blocks of two 3x3 convolutions, 16 to 64 channels."""
    blocks, c = [], 16
    for o, stride in ((16, 1), (32, 2), (64, 2)):
        blocks += [_basic(c, o, stride), _basic(o, o, 1), _basic(o, o, 1)]
        c = o
    return initialised(nn.Sequential(conv_norm(3, 16, 3), *blocks, SpatialMean(), nn.Linear(64, 10)))


def resnet50() -> nn.Module:
    """A stem and four stages of 3, 4, 6 and 3 bottlenecks, whose 3x3 convolution has the stride."""
    blocks, c = [], 64
    for width, depth, first in ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2)):
        for stride in (first, *[1] * (depth - 1)):
            blocks.append(_bottleneck(c, width, stride))
            c = 4 * width
    stem = (conv_norm(3, 64, 7, 2), nn.MaxPool2d(3, 2, 1))
    return initialised(nn.Sequential(*stem, *blocks, SpatialMean(), nn.Linear(2048, 1000)))
