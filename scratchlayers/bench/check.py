"""Is it right? Every pass that is to be timed, beside torch's in float64: the error of ours, and of torch's float32.

The error of a layer's result is its largest one, divided by the largest value of what is wanted. A net's is the 2-norm
of all its results' errors, divided by that of what is wanted: where rounding decides on which side of 0 a ReLU finds
itself, single gradients differ at will. Ours may be a few times torch's, as algorithms that multiply less round more
coarsely, or a few roundings; a term that is left out is far more.
"""

from __future__ import annotations

from math import inf
from typing import NamedTuple

import torch
from torch import Tensor

from ..testing.compare import place
from .passes import prepared
from .problems import FORWARD, INPUT, STEP, TITLES, WEIGHT, Problem, Side, reference

Tensors = tuple[Tensor, ...]

TIMES = 8
LEAST = 64 * torch.finfo(torch.float32).eps


class WrongResultError(Exception):
    """What was computed is not what torch computes; the message says where."""


class Errors(NamedTuple):
    """The largest relative error of each side against float64."""

    theirs: float
    ours: float


def check(problem: Problem, kinds: list[str], theirs: Side, ours: Side, x: Tensor, gy: Tensor) -> dict[str, Errors]:
    """Return the errors of each pass; WrongResultError if ours are too large, or if ours raises."""
    wanted = _wanted(problem, kinds, reference(theirs), x.double(), gy.double())
    errors = {}
    for kind in kinds:
        a = prepared(theirs, kind, x, gy, problem.net)()
        try:
            b = prepared(ours, kind, x, gy, problem.net)()
        except Exception as why:  # a backend that is being written may fail in any way
            raise WrongResultError(f"{problem.id}, {TITLES[kind]}: raises {type(why).__name__}: {why}") from why
        errors[kind] = found = Errors(*(error(results, wanted[kind], problem.net) for results in (a, b)))
        allowed = max(TIMES * found.theirs, LEAST)
        if not found.ours <= allowed:
            said = f"error {found.ours:.1e}, torch's {found.theirs:.1e}"
            raise WrongResultError(f"{problem.id}, {TITLES[kind]}: {said}{_where(b, wanted[kind], allowed)}")
    return errors


def _wanted(problem: Problem, kinds: list[str], side: Side, x: Tensor, gy: Tensor) -> dict[str, Tensors]:
    """Return what each pass is to give, the two gradients being parts of the step's."""
    wanted = {}
    if FORWARD in kinds:
        wanted[FORWARD] = prepared(side, FORWARD, x, gy)()
    if set(kinds) - {FORWARD}:
        wanted[STEP] = gradients = prepared(side, STEP, x, gy, problem.net)()
        wanted |= {INPUT: gradients[:1], WEIGHT: gradients[1:]}
    return wanted


def error(got: Tensors, wanted: Tensors, net: bool = False) -> float:
    """Return ‖got − wanted‖ / ‖wanted‖, NaN or infinite where a result is not finite or not of the wanted shape.

    The norm is the 2-norm of a net's results together, the largest value of a layer's, of which the worst one counts.
    """
    if [tensor.shape for tensor in got] != [tensor.shape for tensor in wanted]:
        return inf
    if net:
        got, wanted = ((torch.cat([tensor.flatten() for tensor in tensors]),) for tensors in (got, wanted))
    order = 2 if net else inf
    norm = torch.linalg.vector_norm
    return float(torch.stack([norm(a - b, order) / norm(b, order) for a, b in zip(got, wanted, strict=True)]).max())


def _where(got: Tensors, wanted: Tensors, allowed: float) -> str:
    """Say where in the first wrong tensor the errors are too large."""
    for a, b in zip(got, wanted, strict=True):
        if a.shape != b.shape:
            return f"; the shape {tuple(a.shape)} instead of {tuple(b.shape)}"
        wrong = ~((a - b).abs() <= allowed * b.abs().max())
        if wrong.any():
            return f"; {place(wrong) if a.dim() > 2 else f'wrong at {int(wrong.sum())} of {a.numel()} elements'}"
    return ""
