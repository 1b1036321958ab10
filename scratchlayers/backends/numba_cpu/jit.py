"""How does a Python function become machine code? Compiled at its first use, kept on disk, called by address.

A kernel is a function ``(lo, hi, thread, ...)`` that does the tasks lo to hi of a larger job, on thread number
``thread``, which may be asked for several such ranges. Its other parameters are 64-bit integers, or typed pointers into
tensors, by annotation::

    @kernel
    def negate(lo, hi, thread, x: Real, y: Real): ...

``Real`` stands for the dtype that the kernel is compiled for. Names in capitals that the body reads as globals may be
replaced when it is compiled, so that one body serves several tile shapes: ``negate.compiled(torch.float32, ROWS=4)``.

Functions that kernels call are marked :func:`inner`. Both follow IEEE 754 in all but the grouping of sums: NaN and
infinity mean what they mean.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import inspect
import os
import pickle
import re
import sys
from collections.abc import Callable
from pathlib import Path
from threading import RLock
from types import FunctionType
from typing import Any

import llvmlite
import numba
import torch
from numba import config, types
from numba.core.registry import cpu_target

from . import cache
from .linking import Entered, Linked
from .patience import counted
from .target import VECTOR_BYTES

_OPTIONS: dict[str, Any] = {"error_model": "numpy", "fastmath": {"contract", "reassoc", "nsz"}}
_PART = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
ELEMENTS = {
    torch.float32: types.float32,
    torch.float64: types.float64,
    torch.uint8: types.uint8,
    torch.int8: types.int8,
    torch.int16: types.int16,
    torch.int32: types.int32,
    torch.int64: types.int64,
    torch.bool: types.uint8,
    torch.bfloat16: types.uint16,
    torch.float16: types.uint16,
}


class Pointer:
    """An annotation: the parameter points at elements of ``dtype``, None being the one compiled for."""

    def __init__(self, dtype: types.Type | None) -> None:
        self.dtype = dtype


Real = Pointer(None)
Bytes = Pointer(types.uint8)
Ints = Pointer(types.int32)
Longs = Pointer(types.int64)


def inner(function: Callable[..., Any]) -> Callable[..., Any]:
    """Mark a function that kernels call: it is compiled into them, and cannot be called from Python."""
    return numba.njit(function, forceinline=True, pipeline_class=Linked, **_PART, **_OPTIONS)


class Kernel:
    """A function of a range of tasks, compiled for a dtype when its address is first asked for."""

    def __init__(self, body: FunctionType) -> None:
        self.body, self.__doc__, self.__name__ = body, body.__doc__, body.__name__
        self._addresses: dict[Any, int] = {}
        self._kept: list[Any] = []

    def compiled(self, dtype: torch.dtype, **constants: Any) -> int:
        """Return the address of the code for a dtype, with globals of the body replaced by ``constants``."""
        key = (dtype, *sorted(constants.items())) if constants else dtype
        return self._addresses.get(key) or self._compile(key, ELEMENTS[dtype], constants)

    def assembly(self, dtype: torch.dtype, **constants: Any) -> str:
        """Return the code for a dtype in the machine's words, for who wants to read it."""
        with _compiling:
            library, _ = _translated(self.body, self._signature(ELEMENTS[dtype]), constants)
        return str(library.get_asm_str())

    def _compile(self, key: Any, element: types.Type, constants: dict[str, Any]) -> int:
        if unknown := sorted(set(constants) - set(self.body.__globals__)):
            raise TypeError(f"{self.__name__} reads no global {', '.join(unknown)}")
        with _compiling:
            if key not in self._addresses:
                signature = self._signature(element)
                library, symbol = _library(self.body, signature, constants)
                self._kept.append(library)
                self._addresses[key] = library.get_pointer_to_function(symbol)
            return self._addresses[key]

    def _signature(self, element: types.Type) -> Any:
        parameters = inspect.signature(self.body, eval_str=True).parameters.values()
        kinds = (p.annotation for p in parameters)
        return types.void(
            *(types.CPointer(k.dtype or element) if isinstance(k, Pointer) else types.int64 for k in kinds)
        )


kernel = Kernel
_compiling = RLock()
if hasattr(os, "register_at_fork"):  # a child must not be born while another thread holds the lock
    os.register_at_fork(
        before=_compiling.acquire, after_in_parent=_compiling.release, after_in_child=_compiling.release
    )


def _library(body: FunctionType, signature: Any, constants: dict[str, Any]) -> tuple[Any, str]:
    """(code in memory, the name of its entry), from the disk where it is there."""
    words = [body.__name__, *(f"{k}={v}" for k, v in sorted(constants.items()))]
    name = f"{body.__name__}-{_hash(body.__module__, *words, str(signature), _fingerprint(body.__module__))}"
    with counted("load", name):
        if (found := cache.read(name)) is not None:
            symbol, code = pickle.loads(found)
            return cpu_target.target_context.codegen().unserialize_library(code), symbol
    with counted("compile", " ".join(words)):
        library, symbol = _translated(body, signature, constants)
    code = library.serialize_using_object_code()
    if any(entry in code[2][0] for entry in (b"NRT_", b"numba_gil_ensure")):  # to allocate; to raise
        raise TypeError(
            f"the kernel {body.__name__} raises or allocates: its code calls Numba's runtime, which is not there "
            "when code is loaded from the disk. Compare beforehand, and hand scratch memory in."
        )
    cache.write(name, pickle.dumps((symbol, code)))
    return library, symbol


def _translated(body: FunctionType, signature: Any, constants: dict[str, Any]) -> tuple[Any, str]:
    special = FunctionType(body.__code__, {**body.__globals__, **constants}, body.__name__, body.__defaults__)
    special.__module__ = body.__module__
    made = numba.cfunc(signature, forceinline=True, pipeline_class=Entered, **_OPTIONS)(special)
    return made._library, made._wrapper_name


@functools.cache
def _fingerprint(module: str) -> str:
    """Return a hash of all that a module's code depends on: our sources, the compiler and its switches, the machine."""
    versions = (numba.__version__, llvmlite.__version__, sys.implementation.cache_tag)
    switches = (str(getattr(config, name)) for name in ("OPT", "LOOP_VECTORIZE", "SLP_VECTORIZE"))
    machine = (str(VECTOR_BYTES), *map(str, cpu_target.target_context.codegen().magic_tuple()))
    sources = _sources(module) or {"typed in": os.urandom(16).hex()}  # and so not found again
    return _hash(*versions, *switches, *machine, *(sources[name] for name in sorted(sources)))


def _hash(*words: str) -> str:
    return hashlib.sha256("\0".join(words).encode()).hexdigest()[:32]


_IMPORT = re.compile(r"^from ([\w.]+) import \(?([^()]*?)(?:\)|$)", re.MULTILINE)


def _sources(module: str, found: dict[str, str] | None = None) -> dict[str, str]:
    """Return the source of a module, and of those of this package that it imports from (no packages), by name."""
    found = {} if found is None else found
    file = getattr(sys.modules.get(module), "__file__", None)
    if file is None or file.endswith("__init__.py") or module in found:
        return found
    found[module] = Path(file).read_text("utf-8")
    for origin, names in _IMPORT.findall(found[module]):
        base = importlib.util.resolve_name(origin, module.rpartition(".")[0])
        for name in (base, *(f"{base}.{word.split()[0]}" for word in names.split(",") if word.strip())):
            if name.startswith(f"{__package__}."):
                _sources(name, found)
    return found
