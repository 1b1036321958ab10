"""Which input cells does an output read? Those where its gradient is not zero: the layer is asked, nothing is derived.

One gradient is enough for a linear layer. A maximum passes its gradient to one cell only; therefore the layer sees an
input for every cell, in which that cell is the largest of all, and an output reads all that ever had a gradient.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np
import torch
from torch import Tensor

from .layers import Layer, called, channels, differentiating, generic

_MOST = 150_000_000  # elements of all gradients together


@differentiating
def reads(layer: Layer, sizes: Sequence[int], outputs: Sequence[int] | None = None) -> np.ndarray:
    """Return (outputs..., inputs...) of bool: does that output read that input?

    Args:
        layer: anything that maps (N, C, *sizes) to (N, O, ...) and can be differentiated.
        sizes: the input's spatial sizes.
        outputs: only these, as flat indices; then the result is (len(outputs), *sizes).

    Raises:
        ValueError: if there is too much to ask.

    """
    cells = prod(sizes)
    _bounded(cells**2 * channels(layer), sizes)  # before the probes are made
    x, y = _probed(generic(layer), torch.eye(cells).view(cells, *sizes))
    asked = range(y[0].numel()) if outputs is None else outputs
    _bounded(len(asked) * x.numel(), sizes)
    found = np.stack([_hit(one, x).any(0).numpy() for one in y.flatten(1).sum(0)[list(asked)]])
    return found.reshape(*(y.shape[1:] if outputs is None else found.shape[:1]), *sizes)


@differentiating
def along(layer: Layer, sizes: Sequence[int], axis: int) -> np.ndarray:
    """Return (outputs, inputs) of bool along one axis: does anything at that place read anything at that one?"""
    length = sizes[axis]
    shape = [length if other == axis else 1 for other in range(len(sizes))]
    raised = torch.stack([line.view(shape).expand(*sizes) for line in torch.eye(length)])
    x, y = _probed(generic(layer), raised)
    others = [other for other in range(len(sizes)) if other != axis]
    lines = y.sum([0, *(other + 1 for other in others)])
    return np.stack(
        [_hit(line, x).any(0).amax(others).numpy() if others else _hit(line, x).any(0).numpy() for line in lines]
    )


def _bounded(elements: int, sizes: Sequence[int]) -> None:
    if elements > _MOST:
        raise ValueError(
            f"a size of {'×'.join(map(str, sizes))} is too much to ask the layer cell by cell; take a smaller one"
        )


def _probed(layer: Layer, raised: Tensor) -> tuple[Tensor, Tensor]:
    """Return an input a probe, in which the raised cells are the largest, and the outputs, summed over channels."""
    draw = torch.Generator().manual_seed(0)
    shape = (len(raised), channels(layer), *raised.shape[1:])
    x = torch.rand(shape, generator=draw, dtype=torch.float64) + 1 + 10 * raised[:, None]
    x.requires_grad_()
    return x, called(layer, x).sum(1)


def _hit(output: Tensor, x: Tensor) -> Tensor:
    """Return (probes, *sizes): where the gradient of the output is not zero, in any channel."""
    (gradient,) = torch.autograd.grad(output, x, retain_graph=True, allow_unused=True)
    return torch.zeros_like(x[:, 0], dtype=torch.bool) if gradient is None else (gradient != 0).any(1)
