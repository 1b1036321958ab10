"""What is a law? A function of a :class:`Trial` that raises where a kernel breaks it. Its docstring says it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from .case import Border, Case
from .inputs import DTYPES, REAL
from .trial import Trial

Group = tuple[str, ...]


@dataclass(frozen=True)
class Law:
    """A named law about some kernels, in the dtypes and on the cases where it says something."""

    function: Callable[[Trial], None]
    groups: tuple[Group, ...]
    dtypes: tuple[torch.dtype, ...]
    every_dtype: bool
    takes: Callable[[Case | Border], bool]

    @property
    def name(self) -> str:
        """The function's."""
        return self.function.__name__

    @property
    def statement(self) -> str:
        """The law in one line."""
        return (self.function.__doc__ or "").strip().splitlines()[0]

    def dtypes_of(self, group: Group) -> list[torch.dtype]:
        """Return the dtypes in which torch's layers may ask this of all kernels of a group."""
        return [dtype for dtype in self.dtypes if all(dtype in DTYPES[kernel] for kernel in group)]


def law(
    *about: str | Group,
    dtypes: tuple[torch.dtype, ...] = REAL,
    every_dtype: bool = False,
    takes: Callable[[Case | Border], bool] = lambda case: True,
) -> Callable[[Callable[[Trial], None]], Law]:
    """Make a law of a function: about each of some kernels, or about each of some groups of them together.

    It is tried in the first of ``dtypes`` that the backend accepts, or in every one.
    """
    groups = tuple(a if isinstance(a, tuple) else (a,) for a in about)
    return lambda function: Law(function, groups, dtypes, every_dtype, takes)
