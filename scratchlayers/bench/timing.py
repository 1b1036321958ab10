"""How long do several ways of the same take? Measured in turns, so that what else the machine does hits all alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from math import ceil
from time import perf_counter
from typing import Any, NamedTuple


class Budget(NamedTuple):
    """How many rounds there are, the seconds that a round of all contestants takes at least, and all rounds at most.

    The most is exceeded where fewer than three rounds would fit.
    """

    rounds: int
    seconds: float
    most: float


class Contestant(NamedTuple):
    """A function, and what has to be set while it runs; setting that is not timed."""

    call: Callable[[], Any]
    setting: Callable[[], AbstractContextManager[Any]] = nullcontext


def interleaved(
    contestants: Sequence[Contestant], budget: Budget, clock: Callable[[], float] = perf_counter
) -> list[list[float]]:
    """Return, for each contestant, its seconds a call in each round; in a round each has one block of calls."""
    blocks = [_sized(contestant, budget.seconds / len(contestants), clock) for contestant in contestants]
    fitting = int(budget.most / sum(count * seconds for count, seconds in blocks))
    turns = [
        [_block(contestant, count, clock) for contestant, (count, _) in zip(contestants, blocks, strict=True)]
        for _ in range(max(min(budget.rounds, fitting), 3))
    ]
    return [list(times) for times in zip(*turns, strict=True)]


def _sized(contestant: Contestant, seconds: float, clock: Callable[[], float]) -> tuple[int, float]:
    """How many calls take that long, and how long one does, found by growing blocks; the first call warms up."""
    count = 1
    _block(contestant, count, clock)
    while (one := _block(contestant, count, clock)) * count < seconds / 4:
        count *= 4
    return max(ceil(seconds / one), 1), one


def _block(contestant: Contestant, count: int, clock: Callable[[], float]) -> float:
    """Return the seconds of one of ``count`` calls."""
    call = contestant.call
    with contestant.setting():
        start = clock()
        for _ in range(count):
            call()
        return (clock() - start) / count
