"""How does a long sum of half-precision numbers end? As the exact sum, rounded once."""

from __future__ import annotations

import torch

from ..case import AVG, CONV, Border, Case
from ..compare import BrokenLawError, place, relative
from ..inputs import HALF, Values
from ..law import law
from ..reference import max_pool, reference
from ..trial import OUTPUTS, Trial


def _long(case: Case | Border) -> bool:
    return case.name in ("sums_of_hundreds", "hundreds_of_copies")


@law(*CONV, *AVG, "pad_adjoint", "scatter", "put", "fold", dtypes=HALF, every_dtype=True, takes=_long)
def half_precision_accumulates_wide(trial: Trial) -> None:
    """A sum of hundreds of bfloat16 or float16 numbers is the exact one, rounded once."""
    asked = trial.inputs(values=_NearOne)
    if trial.kernel == "scatter":
        asked["tap"] = _taps_of_one_element(trial).to(asked["gy"].device)
    if trial.kernel == "put":
        asked["index"] = torch.zeros_like(asked["index"])
    exact = {name: a.double() if a is not None and name in _SUMMED else a for name, a in asked.items()}
    (got,), (want,) = trial.ask(asked), reference(trial.kernel, trial.case, exact)
    error = (got.cpu().double() - want).abs()
    once = 0.6 * torch.finfo(trial.dtype).eps  # half a unit, and room for float32 sums
    wrong = error > once * want.abs()
    trial.error = max(trial.error, relative(error, want))
    if wrong.any():
        name = OUTPUTS[trial.kernel][0]
        raise BrokenLawError(f"{name} is {place(wrong, name)}, by up to {float(error.max()):.6g}")


def _taps_of_one_element(trial: Trial) -> torch.Tensor:
    """Return taps that read the middle element of the input wherever a window has it."""
    peak = torch.zeros(trial.case.input, dtype=torch.float64)
    peak[..., peak.shape[-1] // 2] = 1
    return max_pool(trial.case, peak, trial.case.grid)[1]


_SUMMED = ("x", "w", "b", "gy")


class _NearOne(Values):
    """Positive numbers, so that no sum cancels."""

    def __call__(self, *shape: int) -> torch.Tensor:
        return super().__call__(*shape).abs().add(0.5).clamp(max=1.5)
