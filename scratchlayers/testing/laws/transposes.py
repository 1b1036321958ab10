"""Do the kernels fit each other? Identities that need no reference; whole numbers make both sides exact."""

from __future__ import annotations

import torch
from torch import Tensor

from ..inputs import WholeValues
from ..law import law
from ..trial import Trial


@law(("conv", "conv_input_grad", "conv_weight_grad"))
def three_gradients_of_one_form(trial: Trial) -> None:
    """⟨conv(x, w), g⟩ = ⟨x, input_grad(g, w)⟩ = ⟨w, weight_grad(x, g)⟩: one trilinear form, contracted three ways."""
    x, w, _, *how = trial.inputs(values=WholeValues).values()
    g = _like(trial.kernels["conv"](x, w, None, *how), trial)
    form = _dot(trial.kernels["conv"](x, w, None, *how), g)
    trial.close(_dot(x, trial.kernels["conv_input_grad"](g, w, *how)), form, "⟨x, input_grad(g, w)⟩")
    trial.close(_dot(w, trial.kernels["conv_weight_grad"](x, g, *how)), form, "⟨w, weight_grad(x, g)⟩")


@law(
    ("pad", "pad_adjoint"),
    ("gather", "scatter"),
    ("take", "put"),
    ("avg_pool", "avg_pool_adjoint"),
    ("unfold", "fold"),
)
def adjoint_is_the_transpose(trial: Trial) -> None:
    """⟨A x, g⟩ = ⟨x, Aᵀ g⟩."""
    map_, transpose = (trial.kernels[name] for name in _PAIRS[trial.kernel])
    x, *how = trial.inputs(values=WholeValues).values()
    y = map_(x, *how)
    g = _like(y, trial)
    trial.close(_dot(x, transpose(g, *how)), _dot(y, g), "⟨x, Aᵀ g⟩")


_PAIRS = {first: (first, second) for first, second in adjoint_is_the_transpose.groups}


def _like(y: Tensor, trial: Trial) -> Tensor:
    return WholeValues(f"{trial.case.name} g", trial.dtype, trial.device)(*y.shape)


def _dot(a: Tensor, b: Tensor) -> Tensor:
    """⟨a, b⟩ as a tensor with axes, so that it can be compared like a result."""
    return (a.cpu().to(torch.float64) * b.cpu().to(torch.float64)).sum().reshape(1, 1, 1)
