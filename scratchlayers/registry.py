"""Who runs this call, and why? Registration, discovery, choice and the reasons for it.

A backend is found in three ways: it is built in, it is installed and names itself in the entry-point group
``scratchlayers.backends``, or it is passed to :func:`register`. A call asks the chain (the wanted backend, then all
others by priority) kernel by kernel, and takes the first that does not refuse. The ``torch`` backend runs anywhere.
"""

from __future__ import annotations

import difflib
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from functools import lru_cache
from importlib import import_module
from importlib.metadata import entry_points
from threading import RLock
from types import SimpleNamespace
from typing import Any, cast

import torch

from .contract import NAMES, Backend, Kernel, Kernels

ENTRY_POINTS = "scratchlayers.backends"
VARIABLE = "SCRATCHLAYERS_BACKEND"
PRECISION = "SCRATCHLAYERS_PRECISION"
_BUILT_IN = tuple(f"scratchlayers.backends.{name}" for name in ("numba_cpu", "torch_ops", "numpy_loops"))
_ENVIRONMENT = os.environ.get(VARIABLE) or None  # read once: a choice that changed halfway would be two choices
_registered: dict[str, Backend] = {}
_wanted: ContextVar[str | None] = ContextVar("scratchlayers_backend", default=_ENVIRONMENT)
_precision: ContextVar[str] = ContextVar("scratchlayers_precision", default=os.environ.get(PRECISION) or "fast")
_generation = 0
_finding = RLock()
_stage = "new"


class UnknownBackendError(LookupError):
    """A backend was asked for by a name that none has."""


def register(backend: Backend, *, replace: bool = False) -> Backend:
    """Make a backend available to this process, and return it; ValueError if the name is taken."""
    if not isinstance(backend, Backend):
        raise TypeError(f"register takes a scratchlayers.contract.Backend, got {type(backend).__name__}")
    _discover()
    if backend.name in _registered and not replace:
        raise ValueError(f"a backend {backend.name!r} is already registered; pass replace=True to take its place")
    _add(backend)
    return backend


def unregister(name: str) -> None:
    """Forget a backend; UnknownBackendError if there is none of that name."""
    global _generation
    get(name)
    del _registered[name]
    _generation += 1


def use_backend(name: str) -> AbstractContextManager[None]:
    """Prefer one backend, in a ``with`` block or as a decorator, for what this thread calls.

    What it refuses, the rest of the chain runs. Forward's choice holds for its backward, wherever that runs, and
    what held when ``torch.compile`` compiled a function holds for that.
    UnknownBackendError, with those that exist, if there is none of that name.
    """
    get(name)
    return _set(_wanted, name)


def precision(word: str) -> AbstractContextManager[None]:
    """Say how kernels may round, in a ``with`` block or as a decorator, for what this thread calls.

    "fast", the default, lets a float32 convolution use algorithms that multiply less and round somewhat more;
    "exact" takes plain sums only. Forward's choice holds for its backward, and what held when ``torch.compile``
    compiled a function holds for that. ValueError for any other word.
    """
    return _set(_precision, _checked_precision(word))


@contextmanager
def _set(variable: ContextVar[Any], value: str) -> Iterator[None]:
    token = variable.set(value)
    try:
        yield
    finally:
        variable.reset(token)


def _checked_precision(word: str) -> str:
    if word not in ("fast", "exact"):
        raise ValueError(f'a precision is "fast" or "exact", not {word!r}; see precision() and {PRECISION}')
    return word


def kernels(device: str, dtype: torch.dtype, rank: int, choose: Callable[..., Kernels] | None = None) -> Kernels:
    """Return the kernels that answer a call with tensors of this device type, dtype and number of spatial axes.

    ``choose`` is asked instead of :func:`resolve`, on which it may build.
    """
    return (choose or resolve)(_wanted.get(), _precision.get(), device, dtype, rank, _generation)


def wanted() -> tuple[str | None, str]:
    """Return the backend asked for, if any, and the precision, as they are for this thread now."""
    return _wanted.get(), _precision.get()


def generation() -> int:
    """Return the number that changes when a backend comes or goes."""
    return _generation


@lru_cache(maxsize=1024)
def resolve(
    wanted: str | None, precision: str, device: str, dtype: torch.dtype, rank: int, generation: int = 0
) -> Kernels:
    """Fill every name of the contract from the first backend in the chain that accepts the call.

    A ``generation`` ends when a backend comes or goes, so that what was chosen in it is not found any more.
    """
    order, word = chain(wanted), _checked_precision(precision)
    return cast(Kernels, SimpleNamespace(**{name: _first(name, order, word, device, dtype, rank) for name in NAMES}))


def chain(wanted: str | None = None) -> list[Backend]:
    """Return the backends in the order they are asked: ``wanted``, if any, then the others by priority."""
    _discover()
    ranked = sorted(_registered.values(), key=lambda backend: -backend.priority)
    return [get(wanted), *(b for b in ranked if b.name != wanted)] if wanted else ranked


def choice(kernel: str, device: str, dtype: torch.dtype, rank: int) -> tuple[str | None, dict[str, str]]:
    """Return the name of the backend that would run a kernel here, and the reasons of those that refused before."""
    refusals: dict[str, str] = {}
    for backend in chain(_wanted.get()):
        reason = backend.refuses(kernel, device, dtype, rank)
        if reason is None:
            return backend.name, refusals
        refusals[backend.name] = reason
    return None, refusals


def get(name: str) -> Backend:
    """Return a backend by name; UnknownBackendError, with those that exist, if there is none."""
    if not isinstance(name, str):
        raise TypeError(f"a backend is chosen by its name, a str, got {type(name).__name__}")
    _discover()
    if name in _registered:
        return _registered[name]
    near = difflib.get_close_matches(name, _registered, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    asked = f"{VARIABLE} asks for {name!r}, but no" if name == _ENVIRONMENT else "no"
    known = ", ".join(sorted(_registered))
    raise UnknownBackendError(f"{asked} backend is named {name!r}; there are {known}{hint}")


def names() -> list[str]:
    """Return the names of all backends, in the order that a call asks them now."""
    return [backend.name for backend in chain(_wanted.get())]


def _first(name: str, order: list[Backend], precision: str, device: str, dtype: torch.dtype, rank: int) -> Kernel:
    refusals = []
    for backend in order:
        reason = backend.refuses(name, device, dtype, rank)
        if reason is None:
            return backend.kernel(name, precision)
        refusals.append(f"{backend.name} {reason}")

    def missing(*_: object) -> object:
        raise NotImplementedError(f"no backend runs {name}: {'; '.join(refusals)}")

    return missing


def _add(backend: Backend) -> None:
    global _generation
    _registered[backend.name] = backend
    _generation += 1


def _checked(found: object) -> Backend:
    if not isinstance(found, Backend):
        raise TypeError(f"it must name a scratchlayers.contract.Backend, this is a {type(found).__name__}")
    if _registered.get(found.name, found) is not found:
        raise ValueError(f"the name {found.name!r} is taken")
    return found


def _discover() -> None:
    """Find the built-in and the installed backends, once; whoever comes meanwhile waits, a plugin itself does not."""
    global _stage
    if _stage == "found":
        return
    broken: list[str] = []
    with _finding:
        if _stage == "new":
            _stage = "finding"
            try:
                broken = _find()
                _stage = "found"
            finally:
                if _stage == "finding":
                    _stage = "new"  # interrupted: the next call looks again
    for message in broken:
        warnings.warn(f"the backend {message}", RuntimeWarning, stacklevel=2)


def _find() -> list[str]:
    """Add every backend there is, and return what is to be said of those that are broken."""
    broken = []
    for module in _BUILT_IN:
        try:
            _add(import_module(module).BACKEND)
        except ImportError as why:  # a compiler that does not suit the rest of the installation
            broken.append(f"{module} is left out: {type(why).__name__}: {why}")
    for point in entry_points(group=ENTRY_POINTS):
        try:
            _add(_checked(point.load()))
        except Exception as why:  # noqa: BLE001 a plugin may fail in any way, and must not take the others with it
            broken.append(f"plugin {point.name!r} ({point.value}) is left out: {type(why).__name__}: {why}")
    return broken
