"""What is the derivative of a padding? A linear map that copies, whose adjoint adds the copies back."""

from __future__ import annotations

from torch import Tensor

from .linear_map import linear_map


def pad(x: Tensor, frame, kernels, *, following: bool = True) -> Tensor:
    """x → y. Its gradient is ``following`` the layout of x; torch's of a constant padding does not."""
    return linear_map(x, "pad", "pad_adjoint", frame, kernels=kernels, following=following)
