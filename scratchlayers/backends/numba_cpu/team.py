"""Who runs a kernel's tasks? torch's own threads, as many as torch is set to use, or the caller alone.

torch's wheels carry their own OpenMP library, whose idle threads wait for the next job. Asking that very team
(``GOMP_parallel``, the entry that compilers call) costs microseconds, follows ``torch.set_num_threads`` and puts no
second team on the same cores, as Numba's own threading layers would. Where the library is not found, and in a forked
child, in which the team's threads are missing, a pool of Python threads does the same. For little work the caller works
alone. Who does a task changes no bit of it.
"""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from functools import cache
from pathlib import Path

import numpy as np
import torch
from llvmlite import ir
from numba import types
from numba.extending import intrinsic
from torch import Tensor

from .jit import Longs, inner, kernel

GRAIN = 200_000  # operations worth waking one more thread for, some 5 µs
PIECES = 8  # in which a thread takes its share, so that another can help it
_MOST_ARGUMENTS = 56
_forked = False


class Job:
    """A kernel's tasks 0 to ``tasks``, prepared once.

    ``run(*pointers)`` does them, as often as wanted, and ``threads()`` tells how many threads it would use at most now:
    a kernel's ``thread`` is below that.

    ``address`` is :meth:`Kernel.compiled`'s. What its body takes after ``thread`` is first ``pointers`` integers, which
    are given at each call, tensors by ``data_ptr()``, and then the ``numbers``, of which an array stands for its
    address. Whoever calls keeps the tensors alive, the job its arrays. The tasks are done on as many threads as
    ``work`` operations deserve: each has a contiguous share, and who is done helps the others.
    """

    __slots__ = ("_arrays", "run", "threads")

    def __init__(self, address: int, tasks: int, work: float, pointers: int, *numbers: int | np.ndarray) -> None:
        if (count := pointers + len(numbers)) > _MOST_ARGUMENTS:
            raise ValueError(f"a kernel asks for {count} arguments, of at most {_MOST_ARGUMENTS}")
        self._arrays = [n for n in numbers if isinstance(n, np.ndarray)]
        words = [n.ctypes.data if isinstance(n, np.ndarray) else n for n in numbers]
        end = struct.pack(f"{len(words)}q{8 * (_MOST_ARGUMENTS - count)}x", *words)
        begin, pack = struct.Struct("4q").pack, struct.Struct(f"{pointers}q").pack
        most = max(min(tasks, int(work / GRAIN) + 1), 1)
        whole, share = begin(0, 1, address, tasks), _share()

        def threads() -> int:
            return min(torch.get_num_threads(), most)

        def alone(*pointers: int) -> None:
            share(whole + pack(*pointers) + end, 0)

        def together(*pointers: int) -> None:
            rest, count = pack(*pointers) + end, threads()
            if count == 1:
                share(whole + rest, 0)
            elif not _forked and (team := openmp()):
                team(begin(*team.asks, address, tasks) + rest + bytes(8 * count), count)
            else:
                _pooled(begin(0, count, address, tasks) + rest + bytes(8 * count), count)

        self.run: Callable[..., None] = alone if most == 1 else together
        self.threads: Callable[[], int] = _one if most == 1 else threads


def _one() -> int:
    return 1


def filling(job: Job, new: Callable[[], Tensor]) -> Callable[[Tensor], Tensor]:
    """Return what runs a job of (x, y): of one tensor, and of a ``new`` one that it fills and returns."""

    def run(x: Tensor) -> Tensor:
        y = new()
        job.run(x.data_ptr(), y.data_ptr())
        return y

    return run


@intrinsic
def _call(typingctx, lo, hi, thread, block):
    """Call block[2] as a function of lo, hi, thread and all that follows block[3].

    It is given as many integers as there may be. That is sound where the caller clears the stack and all 64-bit
    arguments go in the order of a list, as in the calling conventions of x86-64 (System V and Windows) and of AArch64:
    what a function is given beyond its parameters lies in registers and places that it does not read.
    """
    i64 = ir.IntType(64)

    def generate(context, builder, signature, arguments):
        *share, block = arguments
        address, *words = (builder.load(builder.gep(block, [i64(i)])) for i in (2, *range(4, _MOST_ARGUMENTS + 4)))
        kind = ir.FunctionType(ir.VoidType(), [i64] * (3 + _MOST_ARGUMENTS))
        builder.call(builder.inttoptr(address, kind.as_pointer()), [*share, *words])
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64, block), generate


@intrinsic
def _ask(typingctx, address):
    """Call the C function ``int f(void)`` at an address."""

    def generate(context, builder, signature, arguments):
        kind = ir.FunctionType(ir.IntType(32), [])
        return builder.sext(builder.call(builder.inttoptr(arguments[0], kind.as_pointer()), []), ir.IntType(64))

    return types.int64(types.int64), generate


@intrinsic
def take(typingctx, block, place, many):
    """Add ``many`` to block[place], as one step among all threads, and return what it was."""
    i64 = types.int64
    return i64(block, i64, i64), lambda context, builder, signature, arguments: builder.atomic_rmw(
        "add", builder.gep(arguments[0], [arguments[1]]), arguments[2], "monotonic"
    )


@inner
def do(number, count, block):
    """Do tasks 0 to block[3] as thread ``number`` of ``count``: those of its own share, then what others have left.

    A share is contiguous and taken in pieces; after the arguments stands, for each share, how much of it is taken.
    """
    tasks = block[3]
    if count == 1:
        _call(0, tasks, number, block)
        return
    for turn in range(count):
        owner = (number + turn) % count
        lo, hi = tasks * owner // count, tasks * (owner + 1) // count
        piece = max((hi - lo) // PIECES, 1)
        lo += take(block, _MOST_ARGUMENTS + 4 + owner, piece)
        while lo < hi:
            _call(lo, min(lo + piece, hi), number, block)
            lo = tasks * owner // count + take(block, _MOST_ARGUMENTS + 4 + owner, piece)


@kernel
def share(block: Longs, number):
    """Do the share of this thread of block[1]."""
    do(number, block[1], block)


@kernel
def member(block: Longs):
    """Do this thread's share: block[0] and block[1] tell its number and that of the team, which may be smaller."""
    do(_ask(block[0]), _ask(block[1]), block)


@cache
def _share() -> Callable[[bytes, int], None]:
    return ctypes.CFUNCTYPE(None, ctypes.c_char_p, ctypes.c_int64)(share.compiled(torch.float32))


class _OpenMP:
    """torch's team of threads, behind the entry that compilers call."""

    def __init__(self, library: ctypes.CDLL) -> None:
        names = ("omp_get_thread_num", "omp_get_num_threads")
        self.asks = tuple(ctypes.cast(getattr(library, name), ctypes.c_void_p).value for name in names)
        self._parallel = library.GOMP_parallel
        self._parallel.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_uint, ctypes.c_uint]
        self._parallel.restype = None
        self._entry = member.compiled(torch.float32)

    def __call__(self, block: bytes, count: int) -> None:
        self._parallel(self._entry, block, count, 0)


@cache
def openmp() -> _OpenMP | None:
    """Return torch's team, or None where its library is not found or has no such entry."""
    for path in sorted(_libraries()):
        try:
            return _OpenMP(ctypes.CDLL(path))
        except (OSError, AttributeError):
            continue
    return None


def _libraries() -> set[str]:
    """Return the files of the OpenMP library that torch has loaded: its own, or the one there is if it brought none."""
    try:
        lines = Path("/proc/self/maps").read_text().splitlines()
    except OSError:
        return set()
    mapped = {line.split(maxsplit=5)[-1] for line in lines}
    loaded = {path for path in mapped if Path(path).name.startswith(("libgomp", "libiomp5", "libomp"))}
    own = {path for path in loaded if Path(path).is_relative_to(Path(torch.__file__).parent)}
    return own or (loaded if len(loaded) == 1 else set())


def _pooled(block: bytes, count: int) -> None:
    others = [_pool().submit(_share(), block, number) for number in range(1, count)]
    try:
        _share()(block, 0)
        wait(others)
    except BaseException:  # an interruption must not free memory that others still write to
        wait(others)
        raise


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(os.cpu_count(), "scratchlayers")


def _left_alone() -> None:
    """Begin life in a forked child, in which no other thread lives on."""
    global _forked
    _forked = True
    _pool.cache_clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_left_alone)
