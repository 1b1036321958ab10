"""What do the rounds say? The ratio of two that took turns, its spread, and how sure its median is."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from math import exp, log
from statistics import median
from typing import NamedTuple

_RESAMPLES = 1000


class Ratio(NamedTuple):
    """The median over the rounds of torch's time / ours, where 20 to 80 % of the rounds lie, its 95 % interval."""

    median: float
    p20: float
    p80: float
    low: float
    high: float


def ratio(theirs: Sequence[float], ours: Sequence[float]) -> Ratio:
    """Compare round by round; the interval is the bootstrap's, resampling rounds."""
    pairs = [a / b for a, b in zip(theirs, ours, strict=True)]
    draw = random.Random(0)
    medians = sorted(median(draw.choices(pairs, k=len(pairs))) for _ in range(_RESAMPLES))
    spread = sorted(pairs)
    return Ratio(
        median(pairs), quantile(spread, 0.2), quantile(spread, 0.8), *(quantile(medians, q) for q in (0.025, 0.975))
    )


def quantile(ascending: Sequence[float], q: float) -> float:
    """Return the value that a share q of the sorted values lies below, linear in between."""
    place = q * (len(ascending) - 1)
    below = min(int(place), len(ascending) - 2) if len(ascending) > 1 else 0
    above = min(below + 1, len(ascending) - 1)
    return ascending[below] + (ascending[above] - ascending[below]) * (place - below)


def geometric_mean(values: Iterable[float]) -> float:
    """Return (Π values)^(1/count), NaN of none."""
    logs = [log(value) for value in values]
    return exp(sum(logs) / len(logs)) if logs else float("nan")
