"""What is timed? Layers and nets, each built twice from the same words: once with ``torch.nn``, once with ours."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True)
class Problem:
    """A module and an input for it; ``build(nn)`` uses only names that ``torch.nn`` has.

    A ``bare`` one is timed without the module around its ``forward``, as a function is called.
    """

    name: str
    input: tuple[int, ...]
    build: Callable[[Any], torch.nn.Module]
    quick: bool = False
    bare: bool = False

    def pair(self, theirs: Any, ours: Any) -> tuple[torch.nn.Module, torch.nn.Module, Tensor]:
        """Return the module built with each namespace, of the same weights, and an input that asks for its gradient."""
        torch.manual_seed(0)
        a, b = self.build(theirs), self.build(ours)
        b.load_state_dict(a.state_dict())
        return a, b, torch.randn(self.input, requires_grad=True)


class _BareConv(torch.nn.Module):
    """A convolution whose ``forward`` is the function alone."""

    def __init__(self, nn: Any, channels: int):
        super().__init__()
        conv = nn.Conv2d(channels, channels, 3)
        self.weight, self.bias = w, b = conv.weight, conv.bias
        conv2d = nn.functional.conv2d
        self.forward = lambda x: conv2d(x, w, b)


def _mnist_net(nn: Any) -> torch.nn.Module:
    return nn.Sequential(
        *(nn.Conv2d(1, 24, 5), nn.MaxPool2d(2), nn.ReLU()),
        *(nn.Conv2d(24, 32, 3), nn.MaxPool2d(2), nn.ReLU()),
        *(nn.Flatten(), nn.Linear(800, 128), nn.ReLU(), nn.Linear(128, 10)),
    )


PROBLEMS = (
    Problem("tiny conv 1→1 3x3, 4x4", (1, 1, 4, 4), lambda nn: nn.Conv2d(1, 1, 3), quick=True),
    Problem("tiny conv 4→4 3x3, 8x8", (1, 4, 8, 8), lambda nn: nn.Conv2d(4, 4, 3), quick=True),
    Problem("tiny F.conv2d 1→1 3x3, 4x4", (1, 1, 4, 4), lambda nn: _BareConv(nn, 1), quick=True, bare=True),
    Problem("tiny F.conv2d 4→4 3x3, 8x8", (1, 4, 8, 8), lambda nn: _BareConv(nn, 4), quick=True, bare=True),
    Problem("LeNet conv 1→6 5x5, one image", (1, 1, 28, 28), lambda nn: nn.Conv2d(1, 6, 5, padding=2), quick=True),
    Problem("MNIST conv 1→32 3x3, N=64", (64, 1, 28, 28), lambda nn: nn.Conv2d(1, 32, 3, padding=1), quick=True),
    Problem("MNIST conv 32→64 3x3, N=64", (64, 32, 14, 14), lambda nn: nn.Conv2d(32, 64, 3, padding=1)),
    Problem("stem 3→64 7x7 /2", (4, 3, 112, 112), lambda nn: nn.Conv2d(3, 64, 7, 2, 3)),
    Problem("3x3 64→64, 28x28", (8, 64, 28, 28), lambda nn: nn.Conv2d(64, 64, 3, padding=1)),
    Problem("3x3 /2 64→128, 28x28", (8, 64, 28, 28), lambda nn: nn.Conv2d(64, 128, 3, 2, 1)),
    Problem("1x1 128→256, 14x14", (8, 128, 14, 14), lambda nn: nn.Conv2d(128, 256, 1)),
    Problem("depthwise 3x3, 96 channels", (4, 96, 28, 28), lambda nn: nn.Conv2d(96, 96, 3, padding=1, groups=96)),
    Problem("grouped 3x3, 32 groups", (4, 128, 14, 14), lambda nn: nn.Conv2d(128, 128, 3, padding=1, groups=32)),
    Problem("dilated 3x3, dilation 2", (4, 32, 28, 28), lambda nn: nn.Conv2d(32, 32, 3, padding=2, dilation=2)),
    Problem("1-D conv 32→64 k9", (8, 32, 512), lambda nn: nn.Conv1d(32, 64, 9, padding=4)),
    Problem("3-D conv 8→16 3x3x3", (2, 8, 12, 24, 24), lambda nn: nn.Conv3d(8, 16, 3, padding=1)),
    Problem("transposed 4x4 /2 32→16", (8, 32, 14, 14), lambda nn: nn.ConvTranspose2d(32, 16, 4, 2, 1)),
    Problem("max pool 2x2, 24x24x24", (64, 24, 24, 24), lambda nn: nn.MaxPool2d(2), quick=True),
    Problem("max pool 3x3 /2, 56x56", (4, 64, 56, 56), lambda nn: nn.MaxPool2d(3, 2, 1)),
    Problem("avg pool 2x2, 24x24x24", (64, 24, 24, 24), lambda nn: nn.AvgPool2d(2), quick=True),
    Problem("global avg pool 7x7", (16, 512, 7, 7), lambda nn: nn.AvgPool2d(7)),
    Problem("zero pad 2", (16, 32, 28, 28), lambda nn: nn.ZeroPad2d(2)),
    Problem("reflection pad 2", (16, 32, 28, 28), lambda nn: nn.ReflectionPad2d(2)),
    Problem("circular pad 2", (16, 32, 28, 28), lambda nn: nn.CircularPad2d(2)),
    Problem("MNIST net, training step N=256", (256, 1, 28, 28), _mnist_net, quick=True),
)
