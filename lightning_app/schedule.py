"""How fast does one learn at each step? One cycle: a rise, then a long fall (Smith and Topin 2017, arXiv:1708.07120).

A pure function of progress, so that nothing needs to be stored: a resumed run is at the same rate, and one that is
resumed with more epochs follows the longer cycle.
"""

import math

START = 1 / 25  # of the highest rate
END = 1e-4 / 25


def one_cycle(progress: float, warmup: float) -> float:
    """The part (0..1) of the highest rate at ``progress`` (0..1): half a cosine up until ``warmup``, one down after."""
    if progress < warmup:
        return _between(START, 1.0, progress / warmup)
    return _between(1.0, END, min(1.0, (progress - warmup) / (1 - warmup)))


def _between(start: float, end: float, part: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * part)) / 2
