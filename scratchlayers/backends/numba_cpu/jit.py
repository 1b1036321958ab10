"""How does a Python function become machine code? Compiled at its first use, kept on disk, called by address.

A kernel is a function ``(lo, hi, thread, ...)`` that does the tasks lo to hi of a larger job, on thread number
``thread``. Its other parameters are 64-bit integers, or typed pointers into tensors, by annotation::

    @kernel
    def negate(lo, hi, thread, x: Real, y: Real): ...

``Real`` stands for the dtype that the kernel is compiled for. Names in capitals that the body reads as globals may be
replaced when it is compiled, so that one body serves several tile shapes: ``negate.compiled(torch.float32, ROWS=4)``.

Functions that kernels call are marked :func:`inner`. Both follow IEEE 754 in all but the grouping of sums: NaN and
infinity mean what they mean.
"""

from __future__ import annotations

import hashlib
import inspect
import pickle
import sys
import time
from collections.abc import Callable
from pathlib import Path
from threading import RLock
from types import FunctionType, ModuleType
from typing import Any

import llvmlite
import numba
import torch
from numba import types
from numba.core.registry import cpu_target

from . import cache
from .target import VECTOR_BYTES

_OPTIONS: dict[str, Any] = {"error_model": "numpy", "fastmath": {"contract", "reassoc", "nsz"}}
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
    """Mark a function that kernels call: it is compiled into them."""
    return numba.njit(function, forceinline=True, **_OPTIONS)


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

    def _compile(self, key: Any, element: types.Type, constants: dict[str, Any]) -> int:
        with _compiling:
            if key not in self._addresses:
                signature = self._signature(element)
                words = "-".join([self.__name__, str(element), *(f"{k}{v}" for k, v in sorted(constants.items()))])
                library, symbol = _library(self.body, signature, constants, words)
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


def _library(body: FunctionType, signature: Any, constants: dict[str, Any], words: str) -> tuple[Any, str]:
    """(code in memory, the name of its entry), from the disk where it is there."""
    place = f"{words}-{_fingerprint(sys.modules[body.__module__])}"
    if (found := cache.read(place)) is not None:
        symbol, code = pickle.loads(found)
        return cpu_target.target_context.codegen().unserialize_library(code), symbol
    start = time.perf_counter()
    special = FunctionType(body.__code__, {**body.__globals__, **constants}, body.__name__, body.__defaults__)
    special.__module__ = body.__module__
    made = numba.cfunc(signature, **_OPTIONS)(special)
    library, symbol = made._library, made._wrapper_name
    cache.write(place, pickle.dumps((symbol, library.serialize_using_object_code())))
    cache.report(words, time.perf_counter() - start)
    return library, symbol


def _fingerprint(module: ModuleType) -> str:
    """Return a hash of all that the code depends on: our sources, the compiler's versions and the machine."""
    words = [
        numba.__version__,
        llvmlite.__version__,
        str(VECTOR_BYTES),
        *cpu_target.target_context.codegen().magic_tuple(),
    ]
    sources = (Path(str(m.__file__)).read_bytes() for m in sorted(_needs(module), key=lambda m: m.__name__))
    return hashlib.sha256(b"\0".join([*(str(word).encode() for word in words), *sources])).hexdigest()[:24]


def _needs(module: ModuleType, found: set[ModuleType] | None = None) -> set[ModuleType]:
    """Return a module and the modules of this package whose objects it names."""
    found = {module} if found is None else found | {module}
    for value in list(vars(module).values()):
        name = value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", None)
        if isinstance(name, str) and name.startswith(f"{__package__}.") and sys.modules[name] not in found:
            found = _needs(sys.modules[name], found)
    return found
