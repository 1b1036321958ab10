"""Which checks does a backend have to pass? Every law, for each kernel that the backend says it runs.

from scratchlayers.testing import parametrize_with_checks

@parametrize_with_checks(my_plugin.BACKEND)
def test_my_backend_keeps_the_contract(check):
    check()
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch

from ..contract import Backend, Kernel
from ..registry import get
from .case import Border, Case
from .cases import CASES
from .compare import BrokenLawError
from .law import Group, Law
from .laws import LAWS
from .trial import Trial


@dataclass
class Outcome:
    """What a check found: how many cases it tried, which failed and why, and the largest error anywhere."""

    cases: int = 0
    failures: list[tuple[Case | Border, Exception]] = field(default_factory=list)
    error: float = 0.0


@dataclass(frozen=True)
class Check:
    """One law about one kernel (or group of kernels) of a backend in one dtype, on all its cases, smallest first."""

    law: Law
    group: Group
    backend: Backend
    dtype: torch.dtype
    device: str
    cases: tuple[Case | Border, ...]

    def __call__(self) -> None:
        """Raise BrokenLawError, with the smallest case that fails and where, if any does."""
        if failures := self.run().failures:
            raise BrokenLawError(self.report(failures)) from failures[0][1]

    def run(self) -> Outcome:
        """Try every case."""
        outcome = Outcome(len(self.cases))
        for case in self.cases:
            trial = Trial(case, self._kernels(case), self.group[0], self.dtype, self.device)
            try:
                self.law.function(trial)
            except Exception as why:  # noqa: BLE001 a broken kernel may raise anything; it is reported, not lost
                outcome.failures.append((case, why))
            outcome.error = max(outcome.error, trial.error)
        return outcome

    def report(self, failures: list[tuple[Case | Border, Exception]]) -> str:
        """Say what is broken, and show the smallest case."""
        case, why = failures[0]
        what = str(why) if isinstance(why, BrokenLawError) else f"raises {type(why).__name__}: {why}"
        return (
            f"{self} fails on {len(failures)} of {len(self.cases)} cases\n"
            f"  law: {self.law.statement}\n"
            f"  smallest case: {case}\n"
            f"  {what}"
        )

    def __str__(self) -> str:
        dtype = str(self.dtype).removeprefix("torch.")
        return f"{self.backend.name}-{self.law.name}-{'+'.join(self.group)}-{dtype}"

    def _kernels(self, case: Case | Border) -> dict[str, Kernel]:
        """Return the backend's own kernels; the partners it lacks are the torch backend's."""
        own = {name: kernel for name, kernel in self.backend.kernels.items() if _runs(self, name, case)}
        return {**get("torch").kernels, **own}


def _runs(check: Check, name: str, case: Case | Border) -> bool:
    return check.backend.refuses(name, check.device, check.dtype, case.rank) is None


def checks(
    backend: Backend,
    *,
    device: str = "cpu",
    dtypes: Iterable[torch.dtype] | None = None,
    quick: bool = False,
) -> Iterator[Check]:
    """Yield the checks that apply to a backend: to the kernels it declares, where it does not refuse.

    ``dtypes`` None means all that the backend accepts; ``quick`` leaves the large cases out.
    """
    allowed = None if dtypes is None else set(dtypes)
    for law in LAWS:
        for group in law.groups:
            for dtype in law.dtypes_of(group):
                if allowed is not None and dtype not in allowed:
                    continue
                check = Check(law, group, backend, dtype, device, ())
                cases = tuple(case for case in CASES if _applies(check, case) and not (quick and case.large))
                if cases:
                    yield Check(law, group, backend, dtype, device, cases)
                    if not law.every_dtype:
                        break


def _applies(check: Check, case: Case | Border) -> bool:
    """Whether a case suits all kernels of a check, and the backend itself runs one of them."""
    suits = check.law.takes(case) and all(case.fits(name) for name in check.group)
    return suits and any(_runs(check, name, case) for name in check.group)


def parametrize_with_checks(*backends: Backend, **options: Any) -> Any:
    """Return a pytest decorator that runs a test once for each check of the backends; options as of :func:`checks`."""
    import pytest

    return pytest.mark.parametrize(
        "check", [check for backend in backends for check in checks(backend, **options)], ids=str
    )
