"""How do a user's tensors and words reach an op? Checked, batched, and with torch's own error where they may not."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, NoReturn, TypeVar

import torch
from torch import Tensor

from ..geometry import is_per_side

FLOATS = frozenset({torch.float32, torch.float64, torch.bfloat16, torch.float16})
INTEGERS = frozenset({torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64})
COMPLEX = frozenset({torch.complex64, torch.complex128, torch.complex32})
Plan = TypeVar("Plan")


def remembered(plan: Callable[..., Plan]) -> Callable[..., Plan]:
    """Cache a function of shapes and words, of whole numbers: (1.0,) and (True,) equal (1,) but are not it."""
    cached = lru_cache(maxsize=1024, typed=True)(plan)

    def remember(*words: Any) -> Plan:
        kinds = {*map(type, words)}
        if list in kinds:
            words, kinds = _tupled(words), {tuple}
        if tuple in kinds and not all(_is_whole(word) for word in words if type(word) is tuple):
            return plan(*words)
        try:
            return cached(*words)
        except TypeError:
            if not _is_symbolic(words):
                raise
            return plan(*words)  # sizes that are symbols have no hash

    return remember


def _is_symbolic(value: Any) -> bool:
    return any(map(_is_symbolic, value)) if isinstance(value, tuple) else isinstance(value, torch.SymInt)


def _tupled(value: Any) -> Any:
    return tuple(map(_tupled, value)) if isinstance(value, (list, tuple)) else value


def _is_whole(word: tuple[Any, ...]) -> bool:
    return all(type(e) is int or (type(e) is tuple and _is_whole(e)) for e in word)


def check(input: Tensor, dtypes: frozenset[torch.dtype], *others: Tensor | None) -> None:
    """Check that the operands' dtypes are allowed and that dtypes and devices agree; TypeError if not."""
    dtype, device = input.dtype, input.device
    if dtype not in dtypes:
        raise TypeError(f"no kernel is defined for {dtype}")
    for other in others:
        if other is not None and (other.dtype != dtype or other.device != device):
            raise TypeError(f"operands differ: {dtype} on {device} and {other.dtype} on {other.device}")


def is_extension(padding: object, stride: object = None) -> bool:
    """Whether a padding is one that only we have, so that torch's error would speak of something else.

    A convolution, which has a ``stride`` to tell, knows words in torch too.
    """
    if not isinstance(padding, str):
        return is_per_side(padding)
    if stride is None:
        return padding in ("valid", "same", "full")
    return padding == "full" or (padding == "same" and any(s != 1 for s in _flat(stride)))


def exportable(words: tuple[Any, ...], padding: int) -> tuple[Any, ...]:
    """Return the words, of which one is the padding; NotImplementedError if that is one that only we have."""
    if is_extension(words[padding]):
        raise NotImplementedError(
            f"torch's pooling has no padding={words[padding]!r}, so an exported program cannot have it: "
            "pad the input by torch.nn.functional.pad before"
        )
    return words


def refuse(ours: Exception, extension: bool, operator: Callable[..., Any], *arguments: Any) -> NoReturn:
    """Raise the error that torch's own operator raises for these arguments; ours where it is ours to explain."""
    if not extension:
        operator(*arguments)
    raise ours


def batched(x: Tensor, rank: int) -> Tensor:
    """(N, C, *spatial) from that or from (C, *spatial)."""
    return x if x.dim() == rank + 2 else x.unsqueeze(0)


def spatial(shape: torch.Size, rank: int) -> tuple[int, ...]:
    """Return the spatial sizes of an input; ValueError unless it is (N, C, *spatial) or (C, *spatial)."""
    if len(shape) not in (rank + 1, rank + 2):
        raise ValueError(f"the input must have {rank + 1} or {rank + 2} axes, got shape {tuple(shape)}")
    return tuple(shape[-rank:])


def nothing(x: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Return an empty result, of which the gradient for ``x`` is 0."""
    return x.flatten()[:0].reshape(shape).clone()


def is_nothing(*operands: Tensor | None) -> bool:
    """Whether torch asks no kernel to convolve the first of these operands: for complex numbers it always does."""
    tensors = [t for t in operands if t is not None]
    x = tensors[0]
    alike = all(isinstance(t, Tensor) and t.device == x.device for t in tensors)
    return alike and not x.numel() and not x.is_complex()


def product_of_nothing(x: Tensor, w: Tensor, b: Tensor | None, shape: tuple[int, ...]) -> Tensor:
    """Return an empty convolution, which needs no kernel: as in torch of any dtypes; the gradients are 0."""
    y = x * w.flatten()[0] if w.numel() else x.flatten() * w.flatten()
    y = y.reshape(shape)
    return y if b is None else y.add_(b[0])


def _flat(value: object) -> tuple[object, ...]:
    return tuple(value) if isinstance(value, (list, tuple)) else (value,)
