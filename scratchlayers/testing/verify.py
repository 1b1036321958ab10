"""Does it all hold, seen from the command line? A line for each law, and under a broken one where it breaks."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import attrgetter
from textwrap import indent
from typing import NamedTuple

import torch

from ..contract import Backend
from .modules import ModuleCheck, module_checks
from .suite import Check, Outcome, checks


class Row(NamedTuple):
    """What became of one law."""

    law: str
    cases: int
    error: float | None
    reports: list[str]


def verify(
    backend: Backend, *, device: str = "cpu", dtypes: Iterable[torch.dtype] | None = None, quick: bool = False
) -> bool:
    """Print how a backend does on every check that applies to it, and return whether all held.

    ValueError if no check applies: nothing verified is not success.
    """
    every = list(checks(backend, device=device, dtypes=dtypes, quick=quick))
    if not every:
        raise ValueError(f"nothing to verify: {backend.name!r} refuses all that was asked, on {device}")
    return _table(f"{backend.name} on {device}, against torch {torch.__version__}", _rows(every))


def verify_modules() -> bool:
    """Print how every layer of ``scratchlayers.nn`` does beside torch.nn's, and return whether all agree."""
    return _table("the layers of scratchlayers.nn, beside those of torch.nn", _module_rows(module_checks()))


def _table(title: str, rows: Iterable[Row]) -> bool:
    started, cases, broken = time.perf_counter(), 0, 0
    _say(f"{title}\n\n{'law':<42}{'cases':>7}{'largest error':>15}  result")
    for law, count, error, reports in rows:
        largest = "" if error is None else f"{error:.1e}" if error else "0"
        _say(f"{law:<42}{count:>7}{largest:>15}  {'BROKEN' if reports else 'holds'}")
        for report in reports:
            _say(indent(report, "  "))
        cases, broken = cases + count, broken + bool(reports)
    verdict = f"{broken} of the laws broken" if broken else "every law holds"
    _say(f"\n{verdict}: {cases} cases in {time.perf_counter() - started:.1f} s\n")
    return not broken


def _say(text: str) -> None:
    print(text, flush=True)


def _rows(every: list[Check]) -> Iterator[Row]:
    done = 0
    for law, group in groupby(every, attrgetter("law")):
        outcomes = []
        for check in group:
            done += 1
            _show(f"{done:>4} of {len(every)}  {check}")
            outcomes.append((check, check.run()))
        _show("")
        cases = sum(outcome.cases for _, outcome in outcomes)
        yield Row(law.name, cases, max(outcome.error for _, outcome in outcomes), list(_reports(outcomes)))


def _show(progress: str) -> None:
    """Rewrite a terminal's line; where there is no terminal, nothing."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\033[K{progress[:100]}")
        sys.stderr.flush()


def _reports(outcomes: list[tuple[Check, Outcome]]) -> Iterator[str]:
    """One report for each group of kernels, in the first dtype that fails; the other dtypes are named."""
    failed = [(check, outcome.failures) for check, outcome in outcomes if outcome.failures]
    for _, same in groupby(failed, lambda pair: pair[0].group):
        (check, failures), *others = same
        names = ", ".join(str(other.dtype).removeprefix("torch.") for other, _ in others)
        yield check.report(failures) + (f"\n  likewise in {names}" if others else "")


def _module_rows(every: list[ModuleCheck]) -> Iterator[Row]:
    for law, group in groupby(every, attrgetter("law")):
        whys = [(check, _raised(check)) for check in group]
        yield Row(law.__name__, len(whys), None, [f"{check.layer}: {why}" for check, why in whys if why])


def _raised(check: ModuleCheck) -> Exception | None:
    try:
        check()
    except Exception as why:  # noqa: BLE001 whatever a layer raises is what is reported
        return why
    return None
