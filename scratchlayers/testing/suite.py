"""Which checks does a backend have to pass? Every law, for each kernel that the backend says it runs.

from scratchlayers.testing import parametrize_with_checks

@parametrize_with_checks(my_plugin.BACKEND)
def test_my_backend_keeps_the_contract(check):
    check()
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice, product
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
    cases: tuple[Case | Border, ...] = ()

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
        own = self.backend.kernels.items()
        return {**get("torch").kernels, **{name: kernel for name, kernel in own if self._runs(name, case)}}

    def _runs(self, kernel: str, case: Case | Border) -> bool:
        return self.backend.refuses(kernel, self.device, self.dtype, case.rank) is None

    def applies(self, case: Case | Border) -> bool:
        """Whether a case suits the law and all its kernels, and the backend itself runs one of them."""
        suits = self.law.takes(case) and all(case.fits(kernel) for kernel in self.group)
        return suits and any(self._runs(kernel, case) for kernel in self.group)


def checks(
    backend: Backend,
    *,
    device: str = "cpu",
    dtypes: Iterable[torch.dtype] | None = None,
    quick: bool = False,
) -> Iterator[Check]:
    """Yield the checks that apply to a backend: to the kernels it declares, where it does not refuse.

    ``dtypes`` None means all that the backend accepts; ``quick`` leaves the large cases out. Its exact kernels are
    checked as a backend of their own.
    """
    cases = [case for case in CASES if not (quick and case.large)]
    allowed = None if dtypes is None else set(dtypes)
    exact = replace(backend, name=f"{backend.name} exact", kernels=backend.exact, exact={})
    for law in LAWS:
        for group, whose in product(law.groups, (backend, exact) if backend.exact else (backend,)):
            asked = [dtype for dtype in law.dtypes_of(group) if allowed is None or dtype in allowed]
            found = (check for dtype in asked if (check := _check(law, group, whose, dtype, device, cases)).cases)
            yield from found if law.every_dtype else islice(found, 1)


def _check(law: Law, group: Group, backend: Backend, dtype: torch.dtype, device: str, cases: list) -> Check:
    check = Check(law, group, backend, dtype, device)
    return replace(check, cases=tuple(filter(check.applies, cases)))


def parametrize_with_checks(*backends: Backend, **options: Any) -> Any:
    """Return a pytest decorator that runs a test once for each check of the backends; options as of :func:`checks`."""
    import pytest

    return pytest.mark.parametrize(
        "check", [check for backend in backends for check in checks(backend, **options)], ids=str
    )
