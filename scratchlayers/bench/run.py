"""How does one problem do? A row of figures for each of its passes, once all of them are known to be right."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from statistics import median
from typing import Any

import torch
from torch import Tensor

from .check import Errors, check
from .memory import peak_bytes, saved_bytes
from .passes import direction, prepared
from .problems import PASSES, STEP, Problem, Side, sides
from .roofs import Roofs
from .statistics import ratio
from .timing import Budget, Contestant, interleaved
from .work import Work, work

Row = dict[str, Any]
FULL, QUICK = Budget(9, 0.2, 16), Budget(5, 0.02, 2)


@dataclass(frozen=True)
class Plan:
    """Which passes of a problem are timed, for how long, and how its tensors are laid out."""

    passes: tuple[str, ...] = PASSES
    budget: Budget = FULL
    layout: torch.memory_format = torch.contiguous_format


def rows(problem: Problem, plan: Plan, roofs: Roofs) -> Iterator[Row]:
    """Yield a row a pass; WrongResultError, before any is timed, if one of them computes something else."""
    theirs, ours, x = sides(problem, plan.layout)
    gy = direction(theirs, x)
    kinds = [kind for kind in problem.passes if kind in plan.passes]
    errors = check(problem, kinds, theirs, ours, x, gy)
    amount = work(problem, theirs, x, gy)
    for kind in kinds:
        row = _about(problem, theirs, kind, plan)
        row |= _times(problem, kind, theirs, ours, x, gy, plan.budget)
        row |= _rates(amount[kind], row, roofs) | _named(errors[kind])
        yield {key: _rounded(value) for key, value in (row | _memory(problem, kind, theirs, ours, x, gy)).items()}


def _about(problem: Problem, side: Side, kind: str, plan: Plan) -> Row:
    layer = problem.name if problem.net else repr(side.module)
    return {
        "id": problem.id,
        "name": problem.name,
        "group": problem.group,
        "pass": kind,
        "input": "x".join(map(str, problem.shape)),
        "layer": layer,
        "dtype": "float32",
        "layout": str(plan.layout).removeprefix("torch."),
    }


def _times(problem: Problem, kind: str, theirs: Side, ours: Side, x: Tensor, gy: Tensor, budget: Budget) -> Row:
    """Time torch's way, or both of them where the problem is small, and ours."""
    torchs = {"torch.nn": nullcontext}
    if problem.small:
        torchs["torch.nn without oneDNN"] = _without_onednn
    contestants = [*((theirs, setting) for setting in torchs.values()), (ours, nullcontext)]
    runs = []
    for side, setting in contestants:
        with setting():
            runs.append(Contestant(prepared(side, kind, x, gy, problem.net), setting))
    *others, mine = interleaved(runs, budget)
    name, best = min(zip(torchs, others, strict=True), key=lambda pair: median(pair[1]))
    return {
        "baseline": name,
        "rounds": len(mine),
        "torch_us": 1e6 * median(best),
        "ours_us": 1e6 * median(mine),
        "torch_min_us": 1e6 * min(best),
        "ours_min_us": 1e6 * min(mine),
        **{f"ratio_{key}": value for key, value in ratio(best, mine)._asdict().items()},
        "ratio_min": min(best) / min(mine),
    }


@contextmanager
def _without_onednn() -> Iterator[None]:
    before = torch.backends.mkldnn.enabled
    torch.backends.mkldnn.enabled = False
    try:
        yield
    finally:
        torch.backends.mkldnn.enabled = before


def _rates(amount: Work, row: Row, roofs: Roofs) -> Row:
    """Return operations and bytes a second of both sides, and the share of what the machine can do."""
    rates: Row = {"flops": amount.flops, "bytes": amount.bytes}
    for side in ("torch", "ours"):
        seconds = row[f"{side}_us"] / 1e6
        rates[f"{side}_gflops"] = amount.flops / seconds / 1e9
        rates[f"{side}_gbytes"] = amount.bytes and amount.bytes / seconds / 1e9
        rates[f"{side}_roof"] = roofs.share(amount.flops, amount.bytes or 0, seconds)
    return rates


def _named(errors: Errors) -> Row:
    return {"torch_error": errors.theirs, "ours_error": errors.ours}


def _memory(problem: Problem, kind: str, theirs: Side, ours: Side, x: Tensor, gy: Tensor) -> Row:
    """Return, of a step, the bytes kept for its backward and the most that it takes; of other passes nothing."""
    figures: Row = {}
    for name, side in (("torch", theirs), ("ours", ours)):
        saved = peak = None
        if kind == STEP:
            step = prepared(side, kind, x, gy, problem.net)
            saved, peak = saved_bytes(side, x.detach().requires_grad_(not problem.net)), peak_bytes(step)
        figures |= {f"{name}_saved": saved, f"{name}_peak": peak}
    return figures


def _rounded(value: Any) -> Any:
    return float(f"{value:.5g}") if isinstance(value, float) else value
