"""ConvNeXt-T (Liu et al., 2022): 7x7 depthwise convolutions, and matrix products over the channels."""

from torch import Tensor, nn

from .parts import Residual, SpatialMean


class _Turned(nn.Sequential):
    """Layers that see the channels last."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


def _block(c: int) -> nn.Module:
    mix = _Turned(nn.LayerNorm(c, eps=1e-6), nn.Linear(c, 4 * c), nn.GELU(), nn.Linear(4 * c, c))
    return Residual(nn.Sequential(nn.Conv2d(c, c, 7, padding=3, groups=c), mix))


def convnext_tiny() -> nn.Module:
    """Four stages of 3, 3, 9 and 3 blocks, 96 to 768 channels; without layer scale and stochastic depth."""
    layers, c = [nn.Conv2d(3, 96, 4, 4), _Turned(nn.LayerNorm(96, eps=1e-6))], 96
    for o, depth in ((96, 3), (192, 3), (384, 9), (768, 3)):
        if o != c:
            layers += [_Turned(nn.LayerNorm(c, eps=1e-6)), nn.Conv2d(c, o, 2, 2)]
        layers += [_block(o) for _ in range(depth)]
        c = o
    return nn.Sequential(*layers, SpatialMean(), nn.LayerNorm(c, eps=1e-6), nn.Linear(c, 1000))
