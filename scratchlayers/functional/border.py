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
_whole: dict[int, tuple[Any, ...]] = {}  # tuples by their identity, each kept so that no other has it


def remembered(plan: Callable[..., Plan]) -> Callable[..., Plan]:
    """Cache a function of shapes and words, of whole numbers: (1.0,) and (True,) equal (1,) but are not it."""
    cached = lru_cache(maxsize=1024, typed=True)(plan)

    def remember(*words: Any) -> Plan:
        if tuple in map(type, words):
            for word in words:
                if type(word) is tuple and _whole.get(id(word)) is not word and not _is_whole(word):
                    return plan(*words)
        try:
            return cached(*words)
        except TypeError:
            if list in map(type, words):
                return remember(*_tupled(words))
            if not _is_symbolic(words):
                raise
            return plan(*words)  # sizes that are symbols have no hash

    return remember


def _is_symbolic(value: Any) -> bool:
    return any(map(_is_symbolic, value)) if isinstance(value, tuple) else isinstance(value, torch.SymInt)


def _tupled(value: Any) -> Any:
    return tuple(map(_tupled, value)) if isinstance(value, (list, tuple)) else value


def _is_whole(word: tuple[Any, ...]) -> bool:
    """Whether a tuple is, however deep, of integers; a module's is asked about at every call, so that is noted."""
    if not all(type(e) is int or (type(e) is tuple and _is_whole(e)) for e in word):
        return False
    if len(_whole) >= 4096:
        _whole.clear()
    _whole[id(word)] = word
    return True


def check(input: Tensor, dtypes: frozenset[torch.dtype], *others: Tensor | None) -> None:
    """Check that the operands' dtypes are allowed and that dtypes and devices agree; TypeError if not."""
    dtype, on_cpu = input.dtype, input.is_cpu
    if dtype not in dtypes:
        raise TypeError(f"no kernel is defined for {dtype}")
    for x in others:
        if x is not None and (x.dtype is not dtype or not (x.is_cpu if on_cpu else x.device == input.device)):
            raise TypeError(f"operands differ: {dtype} on {input.device} and {x.dtype} on {x.device}")


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
