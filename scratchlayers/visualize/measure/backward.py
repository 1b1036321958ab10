"""What does each output give back? The layer's own backward, asked for one output's gradient at a time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from .layers import Layer, Size, called, differentiating, name, numbers, ready
from .reading import reads
from .sliding import both, flat, given


@dataclass(frozen=True, eq=False)
class Backward:
    """A layer's backward, in parts: one for every output, in their order; their sum is the whole gradient.

    Attributes:
        layer: its name.
        input: (H, W).
        output: (P, Q).
        gradient: (P, Q), the gradient of a loss with respect to the output, which comes in.
        reads: (P, Q, H, W) of bool, the window of each output.
        parts: (P · Q, H, W) for the input, or (P · Q, KH, KW) for the weight: what goes out for each output.

    """

    layer: str
    input: np.ndarray
    output: np.ndarray
    gradient: np.ndarray
    reads: np.ndarray
    parts: np.ndarray


@differentiating
def measure(layer: Layer, size: Size = 5, *, of: str = "input", x: Tensor | np.ndarray | None = None) -> Backward:
    """Ask for the gradient of the input or of the weight; ValueError if the layer has no such weight."""
    values = given(layer, size, x)
    if values.shape[1] > 1:
        raise ValueError(f"{name(layer)} reads {values.shape[1]} channels; its gradients are drawn for one")
    rank, copy = values.ndim - 2, ready(layer)
    values = values.clone().requires_grad_()
    weight = getattr(copy, "weight", None)
    if of == "weight" and (not isinstance(weight, nn.Parameter) or weight.ndim != values.ndim):
        raise ValueError(f"{name(layer)} has no filter whose gradient could be drawn")
    if of == "weight":
        weight.requires_grad_()  # the copy's, should the caller's be frozen
    y = called(copy, values)[:, :1]
    coming = numbers(*y.shape, low=1, high=4, start=5)
    wanted = weight if of == "weight" else values
    return Backward(
        name(layer),
        flat(values[0, 0].detach().numpy(), rank),
        flat(y[0, 0].detach().numpy(), rank),
        flat(coming[0, 0].numpy(), rank),
        both(reads(layer, values.shape[2:]), rank),
        np.stack([flat(part, rank) for part in _parts(y, coming, wanted)]),
    )


def _parts(y: Tensor, coming: Tensor, wanted: Tensor) -> list[np.ndarray]:
    """Return the gradient of ``wanted`` for each output's share of what comes in."""
    shares = torch.diag_embed(coming.flatten()).view(-1, *y.shape)
    return [torch.autograd.grad(y, wanted, share, retain_graph=True)[0][0, 0].numpy() for share in shares]
