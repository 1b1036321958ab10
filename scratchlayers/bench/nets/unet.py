"""A small U-Net (Ronneberger et al., 2015): down by max pooling, up by transposed convolution, across by joining."""

import torch
from torch import Tensor, nn

from .parts import conv_norm, initialised


def _double(c: int, o: int) -> nn.Module:
    return nn.Sequential(conv_norm(c, o, 3), conv_norm(o, o, 3))


class _Level(nn.Module):
    """One size: two convolutions, what lies below at half of it, and two convolutions of both together."""

    def __init__(self, c: int, o: int, below: nn.Module) -> None:
        super().__init__()
        self.down, self.pool, self.below = _double(c, o), nn.MaxPool2d(2), below
        self.up, self.joined = nn.ConvTranspose2d(2 * o, o, 2, 2), _double(2 * o, o)

    def forward(self, x: Tensor) -> Tensor:
        x = self.down(x)
        return self.joined(torch.cat([x, self.up(self.below(self.pool(x)))], 1))


def unet(levels: int = 3, width: int = 32) -> nn.Module:
    """Three levels of 32 to 128 channels above 256, for images of one channel; a score for each of two classes."""
    net: nn.Module = _double(width << (levels - 1), width << levels)
    for level in reversed(range(levels)):
        net = _Level(width << (level - 1) if level else 1, width << level, net)
    return initialised(nn.Sequential(net, nn.Conv2d(width, 2, 1)))
