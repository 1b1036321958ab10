"""What do several nets share? A convolution with its normalisation, a sum with a shortcut, means over an image."""

from __future__ import annotations

from torch import Tensor, nn


def conv_norm(
    c: int, o: int, kernel_size: int, stride: int = 1, groups: int = 1, activation: type[nn.Module] | None = nn.ReLU
) -> nn.Sequential:
    """Return a convolution that keeps the size up to its stride, batch normalisation, and an activation if any."""
    conv = nn.Conv2d(c, o, kernel_size, stride, kernel_size // 2, groups=groups, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(o), *([activation(inplace=True)] if activation else []))


class Residual(nn.Module):
    """y = after(body(x) + shortcut(x))."""

    def __init__(self, body: nn.Module, shortcut: nn.Module | None = None, after: nn.Module | None = None) -> None:
        super().__init__()
        self.body, self.shortcut, self.after = body, shortcut or nn.Identity(), after or nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """Return the sum."""
        return self.after(self.body(x) + self.shortcut(x))


class SpatialMean(nn.Module):
    """y[n,c] = the mean over an image's positions."""

    def forward(self, x: Tensor) -> Tensor:
        """Return the means."""
        return x.mean((2, 3))


def initialised(net: nn.Module) -> nn.Module:
    """Return the net with weights whose convolutions neither fade nor blow up its activations (He et al., 2015)."""
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    return net
