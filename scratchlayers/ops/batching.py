"""How does an op map over one more axis (``torch.func.vmap``)? Each slice becomes more images, or more groups."""

from __future__ import annotations

from torch import Tensor


def as_images(x: Tensor, axis: int | None, size: int) -> Tensor:
    """(B, N, ...) to (B·N, ...), ``axis`` being where B is, or None where every slice has the same ``x``."""
    return as_groups(x, axis, size, 0)


def as_groups(x: Tensor, axis: int | None, size: int, into: int) -> Tensor:
    """Merge the axis of the slices into the axis ``into`` of each, the slice being the slower of the two."""
    x = x.unsqueeze(into).expand(*x.shape[:into], size, *x.shape[into:]) if axis is None else x.movedim(axis, into)
    return x.reshape(*x.shape[:into], x.shape[into] * x.shape[into + 1], *x.shape[into + 2 :])


def split(y: Tensor, axis: int, size: int) -> Tensor:
    """Take the slices out of an axis again; they are the axis itself then, and what is left follows it."""
    return y.reshape(*y.shape[:axis], size, y.shape[axis] // size, *y.shape[axis + 1 :])
