"""Which net is looked into if none is given? One that learns, in seconds, to tell in which direction a bar points."""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor
from torch import nn as torch_nn

SIDE, DIRECTIONS = 20, 4


def bars(count: int, draw: torch.Generator) -> tuple[Tensor, Tensor]:
    """Return (count, 1, 20, 20) pictures of a soft bar in noise, and which of four directions it has."""
    label = torch.randint(DIRECTIONS, (count,), generator=draw)
    angle = label * torch.pi / DIRECTIONS + 0.15 * torch.randn(count, generator=draw)
    shift = 5 * (torch.rand(count, generator=draw) - 0.5)
    at = torch.arange(SIDE) - (SIDE - 1) / 2
    across = at.view(-1, 1) * angle.cos().view(-1, 1, 1) + at * angle.sin().view(-1, 1, 1) - shift.view(-1, 1, 1)
    clean = torch.exp(-(across**2) / 3)
    return (clean + 0.25 * torch.randn(clean.shape, generator=draw))[:, None], label


def untrained() -> torch_nn.Sequential:
    """Return the net with its first weights, always the same."""
    from ... import nn

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return torch_nn.Sequential(
            nn.Conv2d(1, 8, 7, padding=3), torch_nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(8, 8, 3, padding=1), torch_nn.ReLU(), nn.AdaptiveMaxPool2d(1),
            torch_nn.Flatten(), torch_nn.Linear(8, DIRECTIONS),
        )  # fmt: skip


@cache
def trained(steps: int = 150) -> torch_nn.Sequential:
    """Return the net after some steps of AdamW, whose decay takes away the noise that filters begin with."""
    net, draw = untrained(), torch.Generator().manual_seed(1)
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-2, weight_decay=0.5)
    for _ in range(steps):
        x, label = bars(32, draw)
        optimizer.zero_grad()
        torch_nn.functional.cross_entropy(net(x), label).backward()
        optimizer.step()
    return net.eval()


def one_bar() -> Tensor:
    """Return one picture, (1, 20, 20)."""
    return bars(1, torch.Generator().manual_seed(5))[0][0]
