"""Which values need care? NaN, the infinities, ties, and the lowest value of all."""

from __future__ import annotations

import torch

from ..case import AVG, FOLD, PAD, Border, Case
from ..compare import BrokenLawError
from ..inputs import HALF, INTEGER, REAL, WholeValues
from ..law import law
from ..trial import Trial

_READ = (
    "conv",
    "conv_input_grad",
    "conv_weight_grad",
    *PAD,
    *AVG,
    *FOLD,
    "max_pool",
    "gather",
    "scatter",
    "take",
    "put",
)


def _small(case: Case | Border) -> bool:
    return case.size <= 2000


@law(*_READ, takes=_small)
def nan_and_infinity_stay_where_they_are_read(trial: Trial) -> None:
    """A NaN or an infinity in one element reaches the results that read this element, and no other."""
    for special in (float("nan"), float("inf"), float("-inf")):
        asked = trial.inputs()
        name, x = next(iter(asked.items()))
        for at in {0, x.numel() // 2, x.numel() - 1} if x.numel() else ():
            spoiled = x.clone()
            spoiled.view(-1)[at] = special
            try:
                trial.matches_torch({**asked, name: spoiled})
            except BrokenLawError as wrong:
                where = tuple(int(i) for i in torch.unravel_index(torch.tensor(at), x.shape))
                raise BrokenLawError(f"with {special} at {name}{list(where)}, {wrong}") from None


@law("put", dtypes=(*REAL, *HALF), every_dtype=True, takes=_small)
def last_of_several_is_kept(trial: Trial) -> None:
    """``put`` with ``last`` keeps the last of several elements with one place."""
    asked = trial.inputs()
    for index in (asked["index"], asked["index"] // 3):
        trial.matches_torch({**asked, "index": index, "last": True})


@law("max_pool", dtypes=(*REAL, *HALF, *INTEGER), every_dtype=True)
def first_maximum_and_last_nan_win(trial: Trial) -> None:
    """Of equal largest elements the first is chosen, of several NaN the last."""
    asked = trial.inputs(values=_Ties)
    trial.matches_torch(asked)
    if trial.dtype.is_floating_point:
        x = asked["x"]
        asked["x"] = torch.where(x == 0, float("nan"), x)
        trial.matches_torch(asked)


class _Ties(WholeValues):
    """Four values only."""

    def __call__(self, *shape: int) -> torch.Tensor:
        return torch.randint(0, 4, shape, generator=self.generator).to(self.device, self.dtype)


@law("max_pool", dtypes=(*REAL, *HALF, *INTEGER), every_dtype=True)
def lowest_value_is_a_value(trial: Trial) -> None:
    """A window of only −∞, or of the lowest whole number, has this maximum, at its first tap inside the input."""
    asked = trial.inputs()
    lowest = float("-inf") if trial.dtype.is_floating_point else torch.iinfo(trial.dtype).min
    trial.matches_torch(asked | {"x": torch.full_like(asked["x"], lowest)})
