"""Which algorithm computes this convolution? A pure function of the problem's numbers, which a test can override.

Each algorithm says which problems it can compute at all (``can``) and whether it is the one to take (``pays``). The
first that can and pays is taken; the last of a list can compute everything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from itertools import count
from typing import NamedTuple

import torch
from torch import Tensor

from ...geometry import Grid, Sizes

Ready = Callable[..., Tensor]


class Problem(NamedTuple):
    """What is known of a convolution, or of one of its gradients, before its numbers are.

    ``channels`` and ``filters`` are those of the convolution in all groups together: C of x and O of y. ``last`` and
    ``gy_last`` say whether the operands are channels_last: x, or gy where there is no x; and gy beside x.
    """

    dtype: torch.dtype
    batch: int
    channels: int
    filters: int
    groups: int
    grid: Grid
    last: bool = False
    gy_last: bool = False

    @property
    def x_size(self) -> Sizes:
        """The shape of x, and of its gradient."""
        return self.batch, self.channels, *self.grid.input_size

    @property
    def y_size(self) -> Sizes:
        """The shape of y, and of its gradient."""
        return self.batch, self.filters, *self.grid.output_size

    @property
    def w_size(self) -> Sizes:
        """The shape of w, and of its gradient."""
        return self.filters, self.channels // self.groups, *self.grid.kernel_size


@dataclass(frozen=True, eq=False)
class Algorithm:
    """One way to compute a kernel of the contract.

    ``ready`` does once for a problem all that can be done without its numbers, and returns what computes it of the
    tensors: (x, w, b), (gy, w, b) or (x, gy), contiguous or channels_last as the problem says. An algorithm that
    is not ``exact`` may round more coarsely than a plain sum in the tensor's dtype does. ``why`` says in a few words
    what it is good for.
    """

    name: str
    can: Callable[[Problem], bool]
    pays: Callable[[Problem], bool]
    ready: Callable[[Problem], Ready]
    exact: bool = True
    why: str = ""


Tables = Mapping[str, tuple[Algorithm, ...]]
"""The algorithms for each kernel of the contract, in the order in which they are asked."""


_ever = count()


class Watcher(NamedTuple):
    """In place of the forced algorithm's name: that name, and the problems seen meanwhile.

    As a key it is never the same twice: under it nothing that was made ready before is found.
    """

    forced: str | None
    seen: list[tuple[Problem, bool]]

    def __hash__(self) -> int:
        return next(_ever)


_wish: ContextVar[str | Watcher | None] = ContextVar("scratchlayers_numba_algorithm", default=None)
wish: Callable[[], str | Watcher | None] = _wish.get
"""What else than the problem decides: what is made ready under another wish may be something else."""


@contextmanager
def force(name: str) -> Iterator[None]:
    """Take the algorithm of this name wherever it can compute the problem, whether it pays or not."""
    token = _wish.set(Watcher(name, now.seen) if isinstance(now := wish(), Watcher) else name)
    try:
        yield
    finally:
        _wish.reset(token)


@contextmanager
def watched(tables: Tables) -> Iterator[dict[str, str]]:
    """Fill a dict, when the block ends, with what is taken for each kernel of the last convolution computed in it."""
    found: dict[str, str] = {}
    token = _wish.set(watcher := Watcher(_forced(), []))
    try:
        yield found
    finally:
        _wish.reset(token)
        for problem, exact in watcher.seen[-1:]:
            taken = {kernel: choose(algorithms, problem, exact) for kernel, algorithms in tables.items()}
            found.update({kernel: f"{a.name}, {a.why}" if a.why else a.name for kernel, a in taken.items()})


def choose(algorithms: tuple[Algorithm, ...], problem: Problem, exact: bool) -> Algorithm:
    """Return the algorithm to take: the forced one if it can, else the first that can and pays."""
    if isinstance(watcher := wish(), Watcher):
        watcher.seen.append((problem, exact))
    able = [a for a in algorithms if a.can(problem) and (a.exact or not exact)]
    return next((a for a in able if a.name == _forced()), None) or next(
        (a for a in able[:-1] if a.pays(problem)), able[-1]
    )


def _forced() -> str | None:
    now = wish()
    return now.forced if isinstance(now, Watcher) else now
