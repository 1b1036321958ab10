"""What is a problem? A module of ``torch.nn``, an input for it, and which of its passes are timed."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from typing import Any

import torch
from torch import Tensor

from .. import functional
from ..conversion import convert

FORWARD, INPUT, WEIGHT, STEP = PASSES = ("forward", "input", "weight", "step")
TITLES = {FORWARD: "forward", INPUT: "input gradient", WEIGHT: "weight gradient", STEP: "forward+backward"}

Call = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Problem:
    """``build()`` makes torch's module, of which ours is a converted copy; ``shape`` is that of its input.

    ``bare`` makes, of ``torch.nn.functional`` or ours and the module, the function to be timed in its place. Of a
    ``small`` problem torch's time is the better of its two ways, with oneDNN and without. ``quick`` is the batch of a
    quick run, of which most problems are no part. A ``net`` is given data: no gradient of its input is asked for.
    """

    id: str
    name: str
    group: str
    shape: tuple[int, ...]
    build: Callable[[], torch.nn.Module]
    passes: tuple[str, ...] = PASSES
    bare: Callable[[Any, torch.nn.Module], Call] | None = None
    small: bool = False
    quick: int | None = None
    net: bool = False

    def matches(self, pattern: str) -> bool:
        """Whether the pattern (``c0?``, ``p*``) is of this id, or part of this id, name or group."""
        return fnmatch(self.id, pattern) or pattern.lower() in f"{self.id} {self.name} {self.group}".lower()

    def quickly(self) -> Problem:
        """Return the problem as a quick run takes it."""
        return replace(self, shape=(self.quick or self.shape[0], *self.shape[1:]))


@dataclass(frozen=True)
class Side:
    """One of the two that are compared: a module, and the function of it that is timed."""

    module: torch.nn.Module
    call: Call


def sides(problem: Problem, layout: torch.memory_format = torch.contiguous_format) -> tuple[Side, Side, Tensor]:
    """Return torch's side, ours with the same weights, and the input."""
    torch.manual_seed(0)
    theirs = problem.build()
    x = torch.randn(problem.shape)
    if x.dim() in (4, 5) and layout == torch.channels_last:
        layout = torch.channels_last if x.dim() == 4 else torch.channels_last_3d
        theirs, x = theirs.to(memory_format=layout), x.to(memory_format=layout)
    ours = convert(copy.deepcopy(theirs))
    return _side(problem, theirs, torch.nn.functional), _side(problem, ours, functional), x


def reference(theirs: Side) -> Side:
    """Return torch's module in float64: itself, whatever function of it is timed, which may be a compiled one."""
    module = copy.deepcopy(theirs.module).double()
    return Side(module, module)


def _side(problem: Problem, module: torch.nn.Module, space: Any) -> Side:
    return Side(module, problem.bare(space, module) if problem.bare else module)
