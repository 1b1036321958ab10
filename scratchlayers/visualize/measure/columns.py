"""How is a convolution one product of matrices? The matrix of windows, without copying one: by the weight's gradient.

y[p] = Σ_t w[t] · x[p, t], therefore ∂y[p] / ∂w[t] is what tap t of output p reads, 0 in the padding: im2col's matrix.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from .layers import Layer, Size, called, differentiating, name, ready
from .reading import reads
from .sliding import both, flat, given


@dataclass(frozen=True, eq=False)
class Columns:
    """One filter over one input.

    Attributes:
        layer: its name.
        input: (H, W).
        reads: (P, Q, H, W) of bool.
        weight: (KH, KW).
        matrix: (KH · KW, P · Q): a row a tap, a column an output.
        bias: what is added to each sum.
        output: (P, Q).

    """

    layer: str
    input: np.ndarray
    reads: np.ndarray
    weight: np.ndarray
    matrix: np.ndarray
    bias: float
    output: np.ndarray


@differentiating
def measure(layer: Layer, size: Size = 4, x: Tensor | np.ndarray | None = None) -> Columns:
    """Differentiate every output with respect to the weight; ValueError for a layer with more than one filter."""
    values, copy = given(layer, size, x), ready(layer)
    weight = getattr(copy, "weight", None)
    rank = values.ndim - 2
    if not isinstance(weight, nn.Parameter) or weight.shape[:2] != (1, 1):
        raise ValueError(f"{name(layer)}: im2col is drawn for a convolution of one channel to one")
    weight.requires_grad_()  # the copy's, should the caller's be frozen
    y = called(copy, values)[0, 0]
    taps = [torch.autograd.grad(one, weight, retain_graph=True)[0].flatten() for one in y.flatten()]
    bias = getattr(copy, "bias", None)
    return Columns(
        name(layer),
        flat(values[0, 0].numpy(), rank),
        both(reads(layer, values.shape[2:]), rank),
        flat(weight[0, 0].detach().numpy(), rank),
        torch.stack(taps, 1).numpy(),
        0.0 if bias is None else float(bias.detach()[0]),
        flat(y.detach().numpy(), rank),
    )
