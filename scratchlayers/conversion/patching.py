"""Which of torch's names are ours for a while?"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from threading import Lock
from types import ModuleType
from typing import Any

from .redirect import Redirect
from .table import FUNCTIONS

_found: dict[tuple[ModuleType, str], Any] = {}
_counting = Lock()
_blocks = 0


@contextmanager
def patch(early_bound: bool = False) -> Iterator[None]:
    """Let torch's own functions be ours inside the ``with`` block, for models that cannot be converted.

    ``torch.nn.functional.*`` and ``torch.*`` name our functions until the block ends, which modules built before and
    after, subclasses and users' code look up when they run; compiled models notice and compile anew. The change is seen
    by all threads, and lasts until the last of several blocks ends.

    Args:
        early_bound: catch also the names that were imported earlier (``from torch.nn.functional import conv2d``). That
            costs each call of torch in the block some microseconds, and holds only in the thread that opened it.

    """
    _begin()
    try:
        with Redirect() if early_bound else nullcontext():
            yield
    finally:
        _end()


def _begin() -> None:
    global _blocks
    with _counting:
        _blocks += 1
        if _blocks == 1:
            for (space, name), ours in FUNCTIONS.items():
                _found[space, name] = getattr(space, name)
                setattr(space, name, ours)


def _end() -> None:
    global _blocks
    with _counting:
        _blocks -= 1
        if _blocks == 0:
            for (space, name), theirs in _found.items():
                setattr(space, name, theirs)
