"""Is an input read through its strides? The same elements, laid out in every way torch may hand them over."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from ...contract import NAMES
from ..compare import BrokenLawError
from ..inputs import COMPLEX
from ..law import law
from ..trial import Trial, tensors


@law(*NAMES)
def any_strides_are_read(trial: Trial) -> None:
    """Transposed, sliced, expanded, offset and channels_last inputs give the values of contiguous ones."""
    asked = trial.inputs()
    for name, tensor in tensors(asked).items():
        for layout, laid in _layouts(tensor, repeats=trial.kernel != "tap_index"):
            _matches(trial, {**asked, name: laid}, f"{name} {layout}")


@law(
    "conv",
    "conv_input_grad",
    "conv_weight_grad",
    "pad",
    "pad_adjoint",
    "unfold",
    "fold",
    dtypes=COMPLEX,
    every_dtype=True,
)
def lazy_conjugation_is_seen(trial: Trial) -> None:
    """An input that is conjugated lazily (``x.conj()``) is read as conjugated."""
    asked = trial.inputs()
    for name, tensor in tensors(asked).items():
        _matches(trial, asked | {name: tensor.conj()}, f"{name} a lazy conjugate")


@law(*(name for name in NAMES if name != "tap_index"))
def lazy_negation_is_seen(trial: Trial) -> None:
    """An input that is negated lazily (``x.conj().imag``) is read as negated."""
    asked = trial.inputs()
    for name, tensor in tensors(asked).items():
        if tensor.is_floating_point():
            negated = torch.complex(tensor, tensor).conj().imag
            _matches(trial, asked | {name: negated}, f"{name} a lazily negated view")


def _matches(trial: Trial, asked: dict, what: str) -> None:
    try:
        trial.matches_torch(asked)
    except BrokenLawError as wrong:
        raise BrokenLawError(f"with {what}, {wrong}") from None


def _layouts(x: Tensor, *, repeats: bool) -> Iterator[tuple[str, Tensor]]:
    """(how it is said, the same elements laid out so), and then, expanded, the first of them repeated."""
    axes = tuple(reversed(range(x.dim())))
    yield "transposed", x.permute(axes).contiguous().permute(axes)
    yield "sliced with a step of 2", _inside(x, x.new_empty([2 * n for n in x.shape]), slice(None, None, 2))
    yield "inside a larger tensor", _inside(x, x.new_empty([n + 2 for n in x.shape]), slice(1, -1))
    if x.dim() in _CHANNELS_LAST:
        yield "channels_last", x.contiguous(memory_format=_CHANNELS_LAST[x.dim()])
    if repeats and x.numel():
        yield "expanded over the batch", x[:1].expand(x.shape)
        yield "expanded over the last axis", x[..., :1].expand(x.shape)
        yield "expanded from one element", x.flatten()[0].expand(x.shape)


_CHANNELS_LAST = {4: torch.channels_last, 5: torch.channels_last_3d}


def _inside(x: Tensor, larger: Tensor, where: slice) -> Tensor:
    """Lay x into a larger tensor whose other elements are NaN, or the largest whole number."""
    larger.fill_(float("nan") if x.is_floating_point() else torch.iinfo(x.dtype).max)
    view = larger[(where,) * x.dim()]
    return view.copy_(x)
