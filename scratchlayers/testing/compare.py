"""Where is a result wrong? The elements, said as a place in the tensor."""

from __future__ import annotations

import torch
from torch import Tensor

# assert_close's own figures, so that what it calls close is what is localised
from torch.testing._comparison import default_tolerances

_SIDES = {1: ("element",), 2: ("row", "column"), 3: ("plane", "row", "column")}


class BrokenLawError(AssertionError):
    """A kernel does not do what it owes; the message says where."""


def close(got: Tensor, want: Tensor, name: str, terms: int = 1) -> float:
    """Return the largest error; BrokenLawError, saying where, if any is beyond the tolerance.

    The error is relative where a value is larger than 1. The tolerance is torch.testing.assert_close's; for a sum of
    very many ``terms`` of size 1, what their roundings in the accumulator (float32 at least) can add up to.
    """
    if got.shape != want.shape:
        raise BrokenLawError(f"{name} has the shape {tuple(got.shape)} instead of {tuple(want.shape)}")
    if got.dtype != want.dtype:
        raise BrokenLawError(f"{name} is {got.dtype} instead of {want.dtype}")
    got, want = got.detach().cpu().resolve_conj().resolve_neg(), want.detach().cpu()
    rtol, atol = default_tolerances(got, want)
    right = torch.isclose(got, want, rtol=rtol, atol=max(atol, terms * _unit(got.dtype)), equal_nan=True)
    error = _error(got, want)
    if not right.all():
        raise BrokenLawError(f"{name} is {place(~right, name)}; {_worst(got, want, right, error)}")
    return relative(error, want)


def relative(error: Tensor, want: Tensor) -> float:
    """Return the largest error, divided by what is wanted where this is larger than 1."""
    scale = want.to(torch.complex128).abs().nan_to_num(nan=1, posinf=1).clamp(min=1)
    return float((error / scale).max()) if error.numel() else 0.0


def _unit(dtype: torch.dtype) -> float:
    """Return the rounding of the narrowest accumulator the contract allows."""
    if not (dtype.is_floating_point or dtype.is_complex):
        return 0.0
    return min(torch.finfo(dtype).eps, torch.finfo(torch.float32).eps)


def place(wrong: Tensor, name: str = "y") -> str:
    """Say where a mask ``(A, B, *spatial)`` over a result is set, in the narrowest words that cover it."""
    count = f"wrong at {int(wrong.sum())} of {wrong.numel()} elements"
    if wrong.all():
        return f"{count}, everywhere"
    leading = ("filter" if name == "gw" else "image", "channel")
    return f"{count}, {_region(wrong.flatten(0, 1).any(0))}{_alone(wrong, leading)}"


def _region(wrong: Tensor) -> str:
    if wrong.all():
        return "at every position"
    covering = (words for words, mask in _regions(tuple(wrong.shape)) if not (wrong & ~mask).any())
    return next(covering, "in the interior and at the border")


def _regions(size: tuple[int, ...]) -> list[tuple[str, Tensor]]:
    """(words, mask) of the places that have a name, the narrowest first."""
    rank, sides, at_end = len(size), [], torch.zeros(size, dtype=torch.int64)
    for axis, n in enumerate(size):
        position = torch.arange(n).reshape(-1, *(1,) * (rank - axis - 1)).expand(size)
        first, last, what = position == 0, position == n - 1, _SIDES[rank][axis]
        at_end += first | last
        if n > 1:
            sides += [(f"only in the first {what}", first), (f"only in the last {what}", last)]
    corners = [("only in the corners", at_end == rank)] if rank > 1 and min(size) > 1 else []
    return [*corners, *sides, ("only at the edges", at_end > 0), ("only in the interior", at_end == 0)]


def _alone(wrong: Tensor, leading: tuple[str, str]) -> str:
    """Name the image or channel that alone is wrong."""
    words = ""
    for axis, name in enumerate(leading):
        at = wrong.transpose(0, axis).flatten(1).any(1).nonzero().flatten().tolist()
        words += f", {name} {at[0]} alone" if len(at) == 1 and wrong.shape[axis] > 1 else ""
    return words


def _worst(got: Tensor, want: Tensor, right: Tensor, error: Tensor) -> str:
    at = int(error.masked_fill(right, -1).argmax())
    index = tuple(int(i) for i in torch.unravel_index(torch.tensor(at), got.shape))
    return f"the worst at {index}: {_said(got[index])} instead of {_said(want[index])}"


def _said(number: Tensor) -> str:
    value = number.item()
    return f"{value:.6g}" if isinstance(value, float | complex) else str(value)


def _error(got: Tensor, want: Tensor) -> Tensor:
    """|got − want|, 0 where both are the same NaN or infinity, infinite where only one is."""
    wide = torch.complex128 if got.is_complex() else torch.float64
    error = (got.to(wide) - want.to(wide)).abs()
    same = (got == want) | (got.isnan() & want.isnan())
    return error.masked_fill(same, 0).nan_to_num(nan=float("inf"))
