"""What classes of other people have torch's layers as their base? One of each kind."""

import math

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.functional import avg_pool2d, conv2d


class Plain(nn.Conv2d):
    """Other words, the same computation."""

    def __init__(self, channels):
        super().__init__(channels, channels, 3, padding=1, bias=False)


class Doubling(nn.MaxPool2d):
    """Torch's forward and something more."""

    def forward(self, input):
        return 2 * super().forward(input)


class Standardized(nn.Conv2d):
    """Its weight is normalised, then convolved by torch's function."""

    def forward(self, input):
        weight = self.weight - self.weight.mean((1, 2, 3), keepdim=True)
        return F.conv2d(input, weight, self.bias, self.stride, self.padding, self.dilation, self.groups)


class Same(nn.Conv2d):
    """As large an output as stride allows, padded by torch's function."""

    def forward(self, input):
        sides = []
        for n, k, s in zip(input.shape[:1:-1], self.kernel_size[::-1], self.stride[::-1], strict=True):
            total = max((math.ceil(n / s) - 1) * s + k - n, 0)
            sides += [total // 2, total - total // 2]
        return super().forward(F.pad(input, sides))


class Hooked(nn.Conv2d):
    """Only the inner method is its own."""

    def _conv_forward(self, input, weight, bias):
        return torch.conv2d(input, weight.abs(), bias, self.stride, self.padding, self.dilation, self.groups)


class Early(nn.AvgPool2d):
    """Its functions were imported before anybody could change them."""

    def forward(self, input):
        return avg_pool2d(input, self.kernel_size) - conv2d(input, torch.ones_like(input[:1, :, :2, :2]), stride=2)


class Mixed(nn.Sequential, nn.ConvTranspose2d):
    """Two bases, and torch's method taken from one of them by name."""

    def __init__(self):
        nn.ConvTranspose2d.__init__(self, 2, 2, 2)

    forward = nn.ConvTranspose2d.forward


class Reduced(nn.ReflectionPad2d):
    """Pickled in its own way, and with a slot."""

    __slots__ = ("extra",)

    def __reduce__(self):
        return type(self), (self.padding,)


KINDS = {
    "Plain": lambda: Plain(2),
    "Doubling": lambda: Doubling(2),
    "Standardized": lambda: Standardized(2, 4, 3, padding=(1, 0), groups=2),
    "Same": lambda: Same(2, 3, (3, 2), stride=2, padding_mode="zeros"),
    "Hooked": lambda: Hooked(2, 2, 2, dilation=2),
    "Early": lambda: Early(2),
    "Mixed": Mixed,
    "Reduced": lambda: Reduced(1),
}
OWN = {"Doubling", "Standardized", "Same", "Hooked", "Early", "Mixed"}
"""Those that compute in a way of their own."""
