"""What has compiling cost this process so far? Counted, and told to the user who waits for it."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from . import cache

PATIENCE = 1.0  # seconds of compiling, of one kernel or of all before, after which a line says what is going on
spent = {"compile": 0.0, "load": 0.0}
"""Seconds since the process began."""


@contextmanager
def counted(kind: str, what: str) -> Iterator[None]:
    """Count the seconds that the block takes to "compile" or to "load" something."""
    start, before = time.perf_counter(), spent[kind]
    try:
        yield
    finally:
        spent[kind] += time.perf_counter() - start
        if kind == "compile" and (spent[kind] - before > PATIENCE or before <= PATIENCE < spent[kind]):
            _say(f"compiling for this machine, {spent[kind]:.1f} s so far (just now {what}); {_where()}")


def _where() -> str:
    try:
        return f"kept in {cache.directory()}"
    except OSError as why:
        return f"not kept, {why} ({cache.VARIABLE} may name a directory)"


def _say(words: str) -> None:
    if sys.stderr is not None:
        sys.stderr.write(f"scratchlayers: {words}\n")
        sys.stderr.flush()
