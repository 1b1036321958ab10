"""What does one unit deep in a net see? Which cells at all, and which with how much weight: both are gradients.

The theoretical field is where the gradient can be other than zero, found with positive weights; the effective one is
the size of the gradient with the net's own weights, its mean over random inputs, which falls off from the middle
(Luo et al., "Understanding the effective receptive field", arXiv:1701.04128).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from . import inside
from .inside import UpTo
from .layers import Size, channels, differentiating, ready
from .reading import reads

_INPUTS = 32


@dataclass(frozen=True, eq=False)
class Field:
    """Of the unit in the middle of one part's output: (H, W) of bool, and (H, W) with 1 at its largest."""

    part: str
    kind: str
    unit: tuple[int, int]
    reads: np.ndarray
    effective: np.ndarray


@dataclass(frozen=True, eq=False)
class Fields:
    """The fields of some parts of a net."""

    net: str
    fields: tuple[Field, ...]


def measure(net: nn.Module, size: Size, parts: Sequence[str] | None = None) -> Fields:
    """Ask for the gradients of the middle unit of each part, by default of every part with a window.

    Raises:
        ValueError: if the net takes no such input, or has no such part.

    """
    shape = (size, size) if isinstance(size, int) else tuple(size)
    if len(shape) != 2 or any(type(length) is not int or length < 1 for length in shape):
        raise ValueError(f"a size is a length from 1, or two, not {size!r}")
    steps = {step.name: step for step in inside.measure(net, torch.zeros(channels(net), *shape)).steps}
    chosen = list(parts) if parts is not None else _with_windows(net, steps)
    unknown = [part for part in chosen if part not in steps or len(steps[part].shape) != 3]
    if unknown or not chosen:
        maps = [name for name, step in steps.items() if len(step.shape) == 3]
        raise ValueError(
            f"no maps come out of {', '.join(unknown) or 'this net'}; they do of {', '.join(maps) or 'nothing'}"
        )
    return Fields(type(net).__name__, tuple(_field(net, steps[part], shape) for part in chosen))


def _with_windows(net: nn.Module, steps: dict) -> list[str]:
    return [
        name for name, step in steps.items() if len(step.shape) == 3 and hasattr(net.get_submodule(name), "kernel_size")
    ]


def _field(net: nn.Module, step, shape: Sequence[int]) -> Field:
    height, width = step.shape[1:]
    unit = (height // 2, width // 2)
    part = UpTo(net, step.name)
    read = reads(part, shape, [unit[0] * width + unit[1]])[0]
    return Field(step.name, step.kind, unit, read, _effective(part, unit, shape))


@differentiating
def _effective(part: UpTo, unit: tuple[int, int], shape: Sequence[int]) -> np.ndarray:
    draw = torch.Generator().manual_seed(0)
    x = torch.randn(_INPUTS, channels(part), *shape, generator=draw, dtype=torch.float64).requires_grad_()
    out = ready(part)(x)[:, :, unit[0], unit[1]]
    shares = torch.randn(out.shape, generator=draw, dtype=torch.float64)
    (gradient,) = torch.autograd.grad((out * shares).sum(), x)
    mean = gradient.square().sum(1).mean(0).sqrt()
    return (mean / mean.max().clamp_min(1e-300)).numpy()
