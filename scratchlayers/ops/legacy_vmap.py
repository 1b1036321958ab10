"""How does an op meet what ``torch.autograd.grad(is_grads_batched=True)`` hands it? By its own ``vmap``.

A vectorized jacobian and gradcheck batch gradients so too: through torch's older vmap, whose tensors hide an axis and
have no memory that a kernel could read. Torch has no public function that opens them. Without the private ones they
are left as they are, and reading them is torch's error.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor

_PRIVATE = ("_dispatch_key_parse", "_dispatch_tls_set_dispatch_key_included", "_vmapmode_decrement_nesting")
_KNOWN = all(hasattr(torch._C, name) for name in _PRIVATE) and hasattr(torch._C._functorch, "is_legacy_batchedtensor")
_MODE = torch._C._dispatch_key_parse("VmapMode") if _KNOWN else None

# whether gradients are being batched now: asked at every call, so that it must not cost one of Python's
is_active: Callable[[], bool] = (
    partial(torch._C._dispatch_tls_is_dispatch_key_included, _MODE) if _KNOWN else partial(bool, False)
)


def hides_an_axis(a: Any) -> bool:
    """Whether a value is a tensor of that vmap."""
    return isinstance(a, Tensor) and torch._C._functorch.is_legacy_batchedtensor(a)


def mapped(op: Any, args: tuple[Any, ...]) -> Any:
    """Call an op outside of the innermost level, mapped over the axis that its tensors hide there."""
    below = torch._C._vmapmode_decrement_nesting()
    level = max(below + 1, 1)  # the engine's thread of a device does not count the levels: it is -1 there, of one
    torch._C._dispatch_tls_set_dispatch_key_included(_MODE, below > 0)
    try:
        seen = [_seen(a, level) if hides_an_axis(a) else None for a in args]
        sizes = {len(a) for a in seen if a is not None}
        if not sizes:
            return op.call(*args)
        args = tuple([a if z is None else z for a, z in zip(args, seen, strict=True)])
        info, dims = SimpleNamespace(batch_size=max(sizes)), tuple([None if z is None else 0 for z in seen])
        y, at = op.vmap(info, dims, *args)
    finally:
        torch._C._vmapmode_increment_nesting()
        torch._C._dispatch_tls_set_dispatch_key_included(_MODE, True)
    if isinstance(y, Tensor):
        return _hidden(y, at, level)
    return tuple([_hidden(part, axis, level) for part, axis in zip(y, at, strict=True)])


def _hidden(y: Tensor, axis: int, level: int) -> Tensor:
    """Return a tensor that hides an axis, whose slices each lie in one piece: in forward mode torch asks for that."""
    return torch._add_batch_dim(y.movedim(axis, 0).contiguous() if axis else y, 0, level)


def _seen(a: Tensor, level: int) -> Tensor | None:
    """Return a tensor with the axis it hides at a level first, None if it hides none there.

    Of a tensor that hides none torch makes as many equal slices as are asked for: none.
    """
    seen = torch._remove_batch_dim(a, level, 0, 0)
    return seen if len(seen) else None
