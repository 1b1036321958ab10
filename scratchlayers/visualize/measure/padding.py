"""What does a padding layer put around its input? Its values, and which cell each was copied from, by gradient."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from .layers import Layer, Size, called, differentiating, name, ready, single
from .sliding import flat


@dataclass(frozen=True, eq=False)
class Padded:
    """One layer: what comes out, and the number of the cell, counted from 1, that each came from; 0 is none."""

    layer: str
    values: np.ndarray
    source: np.ndarray


@dataclass(frozen=True, eq=False)
class Paddings:
    """Several layers over one input, whose cells are numbered from 1."""

    input: np.ndarray
    layers: tuple[Padded, ...]


def measure(layers: Sequence[Layer], size: Size) -> Paddings:
    """Call each on the numbers from 1, and ask of every output where its gradient goes."""
    shape, *_ = [single(layer, size) for layer in layers]
    x = torch.arange(1.0, 1 + int(np.prod(shape)), dtype=torch.float64).view(1, 1, *shape)
    return Paddings(flat(x[0, 0].numpy(), len(shape)), tuple(_padded(layer, x) for layer in layers))


@differentiating
def _padded(layer: Layer, x: torch.Tensor) -> Padded:
    x = x.clone().requires_grad_()
    rank = x.ndim - 2
    y = called(ready(layer), x)[0, 0]
    sources = []
    for one in y.flatten():
        (gradient,) = torch.autograd.grad(one, x, retain_graph=True)
        cells = gradient.flatten().nonzero().flatten()
        if len(cells) > 1 or (gradient.sum() - len(cells)).abs() > 1e-12:
            raise ValueError(f"{name(layer)} does not pad: an output of it is not the copy of one cell")
        sources.append(int(cells[0]) + 1 if len(cells) else 0)
    source = np.array(sources).reshape(y.shape)
    return Padded(name(layer), flat(y.detach().numpy(), rank), flat(source, rank))
