"""Layers and a net that are written as programs: ours, and torch's of the same seed."""

import torch

from scratchlayers import nn
from tests.nn.build import rank_of


def layers(name, words):
    """(ours, torch's), in evaluation mode, with equal weights."""
    ours, torchs = (getattr(space, name)(**words).eval() for space in (nn, torch.nn))
    ours.load_state_dict(torchs.state_dict())
    return ours, torchs


def images(name, words, batch=True):
    """An input for a layer of this class."""
    if name == "Fold":
        shape = (4, 7) if words["kernel_size"] == (2, 2) else (12, 7)
    else:
        shape = (4, *(7, 6, 5)[: rank_of(name)])
    return torch.randn((2, *shape) if batch else shape, generator=torch.Generator().manual_seed(0))


class Net(torch.nn.Module):
    """The usual layers, a branch, and words that only the constructor knew."""

    def __init__(self, space):
        super().__init__()
        self.stem = space.Conv2d(1, 4, 5, stride=2, padding=2)
        self.norm = torch.nn.BatchNorm2d(4)
        self.pad = space.ReflectionPad2d(1)
        self.deep = torch.nn.Sequential(space.Conv2d(4, 4, 3, groups=4, bias=False), torch.nn.ReLU())
        self.down = space.MaxPool2d(3, 2, 1)
        self.up = space.ConvTranspose2d(4, 4, 2, 2)
        self.mean = space.AdaptiveAvgPool2d(1)
        self.head = torch.nn.Linear(4, 3)

    def forward(self, x):
        """(N, 1, H, W) to (N, 3); H and W divisible by 4."""
        x = torch.relu(self.norm(self.stem(x)))
        x = x + self.deep(self.pad(x))
        return self.head(self.mean(self.up(self.down(x))).flatten(1))


def nets():
    """(ours, torch's, images), in evaluation mode, with equal weights."""
    torch.manual_seed(0)
    torchs, ours = Net(torch.nn).eval(), Net(nn).eval()
    ours.load_state_dict(torchs.state_dict())
    return ours, torchs, torch.randn(2, 1, 16, 20)


def agree(got, wanted):
    """Same values, of one tensor or of several."""
    pairs = [(got, wanted)] if isinstance(got, torch.Tensor) else list(zip(got, wanted, strict=True))
    for mine, theirs in pairs:
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-5)
