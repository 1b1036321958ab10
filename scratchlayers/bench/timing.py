"""How long do two ways of the same take? Measured in turns, so that what else the machine does hits both alike."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median, quantiles
from time import perf_counter
from typing import Any, NamedTuple


class Times(NamedTuple):
    """Seconds a call of each, and the ratio ours / theirs: its median and quartiles over the rounds."""

    theirs: float
    ours: float
    ratio: float
    low: float
    high: float


def interleaved(theirs: Callable[[], Any], ours: Callable[[], Any], rounds: int, seconds: float) -> Times:
    """Time two functions in turns: in each round a block of calls of one, then of the other, of ``seconds`` each."""
    counts = [_calls_in(f, seconds) for f in (theirs, ours)]
    a, b = [], []
    for turn in range(rounds):
        order = ((theirs, counts[0], a), (ours, counts[1], b))
        for f, count, times in order if turn % 2 else reversed(order):
            times.append(_per_call(f, count))
    ratios = [after / before for before, after in zip(a, b, strict=True)]
    low, _, high = quantiles(ratios, n=4)
    return Times(median(a), median(b), median(ratios), low, high)


def _calls_in(f: Callable[[], Any], seconds: float) -> int:
    f()
    return max(int(seconds / max(_per_call(f, 3), 1e-7)), 1)


def _per_call(f: Callable[[], Any], count: int) -> float:
    start = perf_counter()
    for _ in range(count):
        f()
    return (perf_counter() - start) / count
