"""Can the waiting for compilers be had beforehand? Usual layers run on small tensors, and what they compile is kept.

What there is to compile is found by using it: there is no list of kernels to forget one in.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from itertools import product

import torch

from . import nn, registry
from .backends.numba_cpu import cache, team

_BATCH = 64  # images go side by side where there are many
_SIZE = {1: 200, 2: 28, 3: 10}
_CHANNELS_LAST = {4: torch.channels_last, 5: torch.channels_last_3d}
_FLOATS = (torch.float32, torch.float64, torch.bfloat16, torch.float16)
# (class, arguments, channels of the input): each kind of layer that is computed in a way of its own
_USUAL = (
    *(("Conv", words, words[0]) for words in ((1, 6, 5, 1, 2), (1, 16, 5, 2, 2), (1, 32, 3), (3, 32, 7, 2, 3))),
    *(("Conv", words, words[0]) for words in ((6, 16, 5), (20, 50, 5), (16, 32, 3, 1, 1), (64, 64, 3, 1, 1))),
    *(("Conv", words, words[0]) for words in ((32, 64, 3, 2, 1), (16, 16, 3, 1, 2, 2))),
    *(("Conv", words, words[0]) for words in ((64, 96, 1), (64, 96, 1, 2), (64, 64, 3, 1, 1, 1, 16))),
    *(("Conv", (64, 64, k, s, k // 2, 1, 64), 64) for k, s in ((3, 1), (3, 2), (5, 1), (7, 1))),
    *(("ConvTranspose", words, words[0]) for words in ((32, 16, 2, 2), (32, 16, 3, 2, 1, 1))),
    *((kind, words, 16) for kind in ("MaxPool", "AvgPool") for words in ((2,), (3, 2, 1))),
    *((f"Adaptive{kind}", (size,), 16) for kind in ("MaxPool", "AvgPool") for size in (1, 3)),
    ("LPPool", (2, 2), 16),
    *((f"{mode}Pad", (1,), 16) for mode in ("Zero", "Reflection", "Replication", "Circular")),
)

_UNFOLDED = ((3, 1, 1), (3, 1, 1, 2), (2, 1, 0, 2))


def warm_up(every: bool = False) -> str:
    """Run usual layers, in float32 over two axes or in ``every`` float and rank, and say what became of it.

    ValueError if nothing of it can be kept.
    """
    if not cache.write("warmup", b""):
        raise ValueError(f"nothing can be kept, {cache.VARIABLE} may name a directory that can be written")
    start, calls = time.perf_counter(), list(_calls(every))
    team.openmp()  # which small tensors would not need
    for done, call in enumerate(calls):
        _show(f"{done + 1:>4} of {len(calls)}  {call[0]}{call[-1]}")
        with registry.use_backend("numba"):
            _run(*call)
    _show("")
    return f"{len(calls)} layers in {time.perf_counter() - start:.1f} s; compiled kernels are in {cache.directory()}"


def _calls(every: bool) -> Iterator[tuple[str, torch.dtype, bool, int, tuple[int, ...]]]:
    for dtype in _FLOATS if every else (torch.float32,):
        yield from (("Unfold", dtype, False, 16, words) for words in _UNFOLDED)  # whose backward folds
    for dtype, rank in product(_FLOATS, (2, 1, 3)) if every else ((torch.float32, 2),):
        for kind, words, channels in _USUAL:
            for last in (False, True) if rank > 1 else (False,):
                yield f"{kind}{rank}d", dtype, last, channels, words


def _run(name: str, dtype: torch.dtype, channels_last: bool, channels: int, words: tuple[int, ...]) -> None:
    """Call a layer as in training, as in inference, and without what is only fast."""
    layer = getattr(nn, name)(*words).to(dtype)
    rank = 2 if name == "Unfold" else int(name[-2])
    x = torch.zeros(_BATCH, channels, *(_SIZE[rank],) * rank, dtype=dtype)
    if channels_last:
        x, layer = (a.to(memory_format=_CHANNELS_LAST[x.dim()]) for a in (x, layer))
    layer(x.requires_grad_()).sum().backward()
    with torch.no_grad():
        layer(x)
    with registry.precision("exact"):
        layer(x).sum().backward()


def _show(progress: str) -> None:
    """Rewrite a terminal's line; where there is no terminal, nothing."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\033[K{progress[:100]}")
        sys.stderr.flush()
