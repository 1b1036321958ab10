"""Does a kernel keep to its own memory? It reads its inputs, writes its results, and shares neither."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import combinations
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from torch import Tensor

from ...contract import NAMES
from ..compare import BrokenLawError
from ..law import law
from ..trial import OUTPUTS, Trial, tensors


@law(*NAMES)
def inputs_are_only_read(trial: Trial) -> None:
    """Every input holds the same bits after the call, and nothing wrote to it in between."""
    asked = trial.inputs()
    before = {name: (_bytes(x).clone(), x._version) for name, x in tensors(asked).items()}
    trial.ask(asked)
    for name, x in tensors(asked).items():
        bits, version = before[name]
        if x._version != version or not torch.equal(_bytes(x), bits):
            raise BrokenLawError(f"the kernel wrote to its input {name}")


@law(*NAMES, takes=lambda case: case.size <= 20)
def read_only_arrays_are_enough(trial: Trial) -> None:
    """NumPy views of the inputs need not be writable."""
    asked = trial.inputs()
    with _write_protected(tensors(asked).values()):
        trial.matches_torch(asked)


@law(*NAMES)
def memory_is_written_before_it_is_read(trial: Trial) -> None:
    """Results do not depend on what uninitialized memory holds: here NaN, or the largest whole number."""
    with _poisoned_memory():
        trial.matches_torch(trial.inputs())


@law(*NAMES)
def results_are_fresh(trial: Trial) -> None:
    """Results share memory with no input, with one another, or with those of another call."""
    asked = trial.inputs()
    named = [(f"its input {name}", x) for name, x in tensors(asked).items()]
    for call in ("this call", "the next call"):
        named += [(f"{name} of {call}", y) for name, y in zip(OUTPUTS[trial.kernel], trial.ask(asked), strict=True)]
    for (name, x), (other, y) in combinations(named, 2):
        if x.numel() and x.untyped_storage().data_ptr() == y.untyped_storage().data_ptr():
            raise BrokenLawError(f"{other} shares memory with {name}")


@law(*NAMES)
def same_bits_every_time(trial: Trial) -> None:
    """The same call gives the same bits."""
    first, *others = (trial.ask(trial.inputs()) for _ in range(4))
    for other in others:
        for name, a, b in zip(OUTPUTS[trial.kernel], first, other, strict=True):
            if not torch.equal(_bytes(a.contiguous()), _bytes(b.contiguous())):
                raise BrokenLawError(f"{name} differs from one call to the next")


def _bytes(x: Tensor) -> Tensor:
    """All of a tensor's storage."""
    return torch.empty(0, dtype=torch.uint8, device=x.device).set_(x.untyped_storage())


@contextmanager
def _write_protected(held: Iterable[Tensor]) -> Iterator[None]:
    """Hand out NumPy views of these tensors as read-only."""
    storages = {x.untyped_storage().data_ptr() for x in held}
    real = Tensor.numpy

    def numpy(self: Tensor, **options: Any) -> np.ndarray:
        array = real(self, **options)
        if self.untyped_storage().data_ptr() in storages:
            array.flags.writeable = False
        return array

    with patch.object(Tensor, "numpy", numpy):
        yield


@contextmanager
def _poisoned_memory() -> Iterator[None]:
    """Fill what torch and NumPy allocate uninitialized. (torch does so itself in its deterministic mode.)"""
    mode = torch.get_deterministic_debug_mode()
    with ExitStack() as stack:
        stack.enter_context(warnings.catch_warnings())
        warnings.filterwarnings("ignore", message=".*deterministic", category=UserWarning)
        stack.callback(torch.set_deterministic_debug_mode, mode)
        torch.use_deterministic_algorithms(True, warn_only=True)
        for name in ("empty", "empty_like"):
            stack.enter_context(patch.object(np, name, _filling(getattr(np, name))))
        yield


def _filling(allocate: Callable[..., np.ndarray]) -> Callable[..., np.ndarray]:
    def filled(*args: Any, **options: Any) -> np.ndarray:
        array = allocate(*args, **options)
        whole = array.dtype.kind in "iu"
        array.fill(np.iinfo(array.dtype).max if whole else np.nan)
        return array

    return filled
