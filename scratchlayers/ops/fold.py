"""What is the derivative of unfolding? Folding, and the other way about: each is the transpose of the other."""

from __future__ import annotations

from torch import Tensor

from .linear_map import linear_map


def unfold(x: Tensor, grid, kernels) -> Tensor:
    """x (N, C, *input) → y (N, C · T, P)."""
    return linear_map(x, "unfold", "fold", grid, kernels=kernels, following=False)


def fold(y: Tensor, grid, kernels) -> Tensor:
    """y (N, C · T, P) → x (N, C, *input)."""
    return linear_map(y, "fold", "unfold", grid, kernels=kernels, following=False)
