"""Is the answer torch's? First for inputs with a single 1, where the answer is one place, then for random ones."""

from __future__ import annotations

from itertools import product
from math import prod

import torch
from torch import Tensor

from ...contract import NAMES
from ..case import Border, Case
from ..compare import BrokenLawError
from ..inputs import DTYPES, Inputs
from ..law import law
from ..reference import reference
from ..trial import OUTPUTS, Trial, tensors

_ALL_DTYPES = tuple(dict.fromkeys(dtype for dtypes in DTYPES.values() for dtype in dtypes))

LINEAR = {
    "conv": ("x", "w"),
    "conv_input_grad": ("gy", "w"),
    "conv_weight_grad": ("x", "gy"),
    "pad": ("x",),
    "pad_adjoint": ("gy",),
    "gather": ("x",),
    "scatter": ("gy",),
    "take": ("x",),
    "put": ("gy",),
    "avg_pool": ("x",),
    "avg_pool_adjoint": ("gy",),
    "unfold": ("x",),
    "fold": ("gy",),
}
"""The inputs in each of which a kernel is linear, so that one-hot ones tell all."""


@law(*NAMES, dtypes=_ALL_DTYPES, every_dtype=True)
def shape_dtype_and_device(trial: Trial) -> None:
    """A result has the contract's shape, and its input's dtype and device (a tap: the smallest dtype allowed)."""
    asked = trial.inputs()
    device = next(iter(tensors(asked).values())).device
    for name, mine, torchs in zip(
        OUTPUTS[trial.kernel], trial.ask(asked), reference(trial.kernel, trial.case, asked), strict=True
    ):
        got, want = (tuple(mine.shape), mine.dtype, mine.device), (tuple(torchs.shape), torchs.dtype, device)
        if got != want:
            raise BrokenLawError(f"{name} is {_described(*got)} instead of {_described(*want)}")


def _described(shape: tuple[int, ...], dtype: torch.dtype, device: torch.device) -> str:
    return f"{shape} {dtype} on {device}"


@law(*NAMES, dtypes=_ALL_DTYPES, every_dtype=True)
def values_are_torchs(trial: Trial) -> None:
    """Every result is the one of torch.nn.functional and its autograd."""
    asked = trial.inputs()
    try:
        trial.matches_torch(asked)
    except BrokenLawError as wrong:
        hints = [f"it is right when {said}" for said, bland in _blander(asked) if _is_right(trial, bland)]
        raise BrokenLawError("; ".join((str(wrong), *hints))) from None


def _blander(asked: Inputs):
    """(words, inputs) with one input at a time made unable to show a mistake in how it is read."""
    for name, tensor in tensors(asked).items():
        if name == "b":
            yield "b is None", asked | {"b": None}
        elif name not in ("tap", "index"):
            yield f"{name} is all ones", asked | {name: torch.ones_like(tensor)}


def _is_right(trial: Trial, asked: Inputs) -> bool:
    try:
        trial.matches_torch(asked)
    except Exception:  # noqa: BLE001 whatever a broken kernel raises, this hint is not given
        return False
    return True


def _leaves_gaps(case: Case | Border) -> bool:
    """Whether a padding may have elements that copy nothing."""
    return isinstance(case, Border) and case.mode == "constant"


@law("pad", dtypes=DTYPES["pad"], every_dtype=True, takes=_leaves_gaps)
def what_copies_nothing_holds_the_value(trial: Trial) -> None:
    """A padding's ``value`` stands where nothing is copied, and nowhere else."""
    for value in {torch.bool: (True,), torch.uint8: (3, 250)}.get(trial.dtype, (3, -2)):
        trial.matches_torch({**trial.inputs(), "value": value})


def _few(case: Case | Border) -> bool:
    """Whether there are few enough one-hot inputs to try them all."""
    elements = prod(case.input) * prod(case.weight) if isinstance(case, Case) else prod(case.output)
    return 0 < elements <= 150


@law(*LINEAR, takes=_few)
def one_hot_inputs_land_where_they_should(trial: Trial) -> None:
    """Inputs that are 1 at one element and 0 elsewhere give a result at the one place the formula names."""
    asked = trial.inputs()
    asked |= {"b": None} if "b" in asked else {}
    names = LINEAR[trial.kernel]
    for hot in product(*(range(asked[name].numel()) for name in names)):
        probe = asked | {name: _one_hot(asked[name], at) for name, at in zip(names, hot, strict=True)}
        (got,), (want,) = trial.ask(probe), reference(trial.kernel, trial.case, probe)
        if not torch.allclose(got.cpu(), want, equal_nan=True):
            raise BrokenLawError(f"{_named(probe, names)} {_landed(trial.kernel, got.cpu(), want)}")


def _one_hot(like: Tensor, at: int) -> Tensor:
    hot = torch.zeros(like.numel(), dtype=like.dtype, device=like.device)
    hot[at] = 1
    return hot.reshape(like.shape)


def _named(probe: Inputs, names: tuple[str, ...]) -> str:
    """Say which elements are hot."""
    said = []
    for name in names:
        first, second, *place = probe[name].nonzero()[0].tolist()
        if name == "w":
            said.append(f"tap {tuple(place)} of channel {second} of filter {first}")
        else:
            said.append(f"{name} {tuple(place)} of channel {second}")
    return " through ".join(said)


def _landed(kernel: str, got: Tensor, want: Tensor) -> str:
    output = {"y": "output", "gx": "input", "gw": "tap"}[OUTPUTS[kernel][0]]
    places, expected = (_places(y) for y in (got, want))
    if places == expected:
        at = tuple((got != want).nonzero()[0].tolist())
        return f"counts {got[at].item():.6g} instead of {want[at].item():.6g} at {output} {at[2:]}"
    skip = 2 if len({place[:2] for place in places + expected}) == 1 else 0
    return f"lands {_listed(places, skip, output)} instead of {_listed(expected, skip, output)}"


def _places(y: Tensor) -> list[tuple[int, ...]]:
    return [tuple(at) for at in y.nonzero().tolist()]


def _listed(places: list[tuple[int, ...]], skip: int, output: str) -> str:
    """Say the first places, without image and channel where these do not differ."""
    if not places:
        return "nowhere"
    more = f" and {len(places) - 3} more" if len(places) > 3 else ""
    return f"at {output} {', '.join(str(place[skip:]) for place in places[:3])}{more}"
