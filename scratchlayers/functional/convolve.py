"""True convolution, the kernel flipped: y[i] = Σ_t x[i − t] · w[t], beside the cross-correlation that nets call so.

Sizes and centring are those of ``scipy.signal.convolve``: "full" is every position where x and w meet, "same" its
middle, as large as x, "valid" the positions where one lies inside the other.
"""

from __future__ import annotations

from torch import Tensor

from .conv import conv_nd

_MODES = ("full", "same", "valid")


def convolve1d(x: Tensor, w: Tensor, mode: str = "full") -> Tensor:
    """x (..., L) with w (K): as ``numpy.convolve``. See :func:`convolve2d`."""
    return _convolve(1, x, w, mode)


def convolve2d(x: Tensor, w: Tensor, mode: str = "full") -> Tensor:
    """Convolve in the mathematician's sense.

    Args:
        x: (..., H, W); or (N, C, H, W) or (C, H, W) if ``w`` has channels.
        w: one kernel (KH, KW) for every leading axis of x; or filters (O, C, KH, KW), whose products are summed over C.
        mode: "full" gives H + KH − 1 rows, "same" gives H, "valid" gives H − KH + 1 (x and w change places if w
            is the larger one).

    Returns:
        (..., H', W'), or (N, O, H', W') for filters.

    Raises:
        ValueError: for another mode or number of axes, or if neither of x and w fits into the other for "valid".

    >>> import torch
    >>> convolve2d(torch.tensor([[1.0, 2.0]]), torch.tensor([[1.0, 10.0]]))
    tensor([[ 1., 12., 20.]])

    """
    return _convolve(2, x, w, mode)


def convolve3d(x: Tensor, w: Tensor, mode: str = "full") -> Tensor:
    """x (..., D, H, W) with w (KD, KH, KW). See :func:`convolve2d`."""
    return _convolve(3, x, w, mode)


def _convolve(rank: int, x: Tensor, w: Tensor, mode: str) -> Tensor:
    if mode not in _MODES:
        raise ValueError(f"mode must be one of {', '.join(map(repr, _MODES))}, got {mode!r}")
    if x.dim() < rank or w.dim() not in (rank, rank + 2):
        wanted = f"x with at least {rank} axes and w with {rank} or {rank + 2}"
        raise ValueError(f"convolving over {rank} axes takes {wanted}, got {tuple(x.shape)} and {tuple(w.shape)}")
    if w.dim() == rank + 2:
        return _filtered(rank, x, w, mode)
    if mode == "valid" and x.dim() == rank and all(k >= n for k, n in zip(w.shape, x.shape, strict=True)):
        x, w = w, x
    lead, size = x.shape[:-rank], x.shape[-rank:]
    y = _filtered(rank, x.reshape(lead.numel(), 1, *size), w[None, None], mode)
    return y.reshape(*lead, *y.shape[2:])


def _filtered(rank: int, x: Tensor, w: Tensor, mode: str) -> Tensor:
    flipped = w.flip(tuple(range(2, rank + 2)))
    sides = {
        "full": [(k - 1, k - 1) for k in w.shape[2:]],
        "same": [(k // 2, (k - 1) // 2) for k in w.shape[2:]],
    }
    return conv_nd(rank, x, flipped, None, 1, tuple(sides.get(mode, [(0, 0)] * rank)), 1, 1)
