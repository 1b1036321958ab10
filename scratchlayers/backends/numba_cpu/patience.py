"""What has compiling cost this process so far? Counted, and told to the user who waits for it."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from . import cache

PATIENCE = 1.0  # seconds of compiling, of one kernel or of all before, after which a line says what is going on
spent = {"compile": 0.0, "load": 0.0}
"""Seconds of the processor since the process began: what else runs on the machine is not counted."""
_waited = 0.0


@contextmanager
def counted(kind: str, what: str) -> Iterator[None]:
    """Count the seconds that the block takes to "compile" or to "load" something."""
    start, busy = time.perf_counter(), time.thread_time()
    try:
        yield
    finally:
        spent[kind] += time.thread_time() - busy
        if kind == "compile":
            _tell(what, time.perf_counter() - start)


def _tell(what: str, seconds: float) -> None:
    """Say that compiling took long: this kernel alone, or for the first time all together."""
    global _waited
    before, _waited = _waited, _waited + seconds
    if (seconds > PATIENCE or before <= PATIENCE < _waited) and sys.stderr is not None:
        words = f"compiling for this machine, {_waited:.1f} s so far (just now {what}); {_where()}"
        sys.stderr.write(f"scratchlayers: {words}\n")
        sys.stderr.flush()


def _where() -> str:
    try:
        return f"kept in {cache.directory()}"
    except OSError as why:
        return f"not kept, {why} ({cache.VARIABLE} may name a directory)"
