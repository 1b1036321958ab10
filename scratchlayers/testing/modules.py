"""Does a layer of ``scratchlayers.nn`` do all that ``torch.nn``'s does? Each class beside torch's, law by law.

from scratchlayers.testing import module_checks

@pytest.mark.parametrize("check", module_checks(), ids=str)
def test_layer_is_torchs(check):
    check()
"""

from __future__ import annotations

import copy
import inspect
import io
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import product
from typing import Any

import torch
from torch import Tensor

from .. import nn
from ..registry import use_backend
from .compare import BrokenLawError, close
from .inputs import Values
from .layers import LAYERS, Layer

Pair = tuple[torch.nn.Module, torch.nn.Module]


@dataclass(frozen=True)
class ModuleCheck:
    """One law on one layer, run by ``backend`` (None: whoever is chosen)."""

    law: Callable[[Layer], None]
    layer: Layer
    backend: str | None = None

    def __call__(self) -> None:
        """Raise BrokenLawError if our layer differs from torch's."""
        with use_backend(self.backend) if self.backend else nullcontext():
            self.law(self.layer)

    def __str__(self) -> str:
        return f"{self.law.__name__}-{self.layer}"


def module_checks(backend: str | None = None) -> list[ModuleCheck]:
    """Return every law for every layer."""
    return [ModuleCheck(law, layer, backend) for law in MODULE_LAWS for layer in LAYERS]


def same_construction(layer: Layer) -> None:
    """Same parameters of the constructor, same attributes, and from the same seed the same weights."""
    ours, torchs = _pair(layer)
    if not isinstance(ours, type(torchs)):
        raise BrokenLawError(f"{layer.name} is no subclass of torch's")
    _same("constructor", _signature(ours), _signature(torchs))
    _same("attributes", sorted(vars(ours)), sorted(vars(torchs)))
    for (name, mine), theirs in zip(ours.named_parameters(), torchs.parameters(), strict=True):
        if not torch.equal(mine, theirs):
            raise BrokenLawError(f"{name} is initialized otherwise")


def same_repr_and_state(layer: Layer) -> None:
    """Same repr; the ``state_dict`` of each loads into the other."""
    ours, torchs = _pair(layer)
    _same("repr", repr(ours), repr(torchs))
    _same("state_dict keys", list(ours.state_dict()), list(torchs.state_dict()))
    ours.load_state_dict(torchs.state_dict())
    torchs.load_state_dict(ours.state_dict())


def survives_copies(layer: Layer) -> None:
    """A deep copy and a saved and loaded layer compute the same."""
    ours, _ = _pair(layer)
    file = io.BytesIO()
    torch.save(ours, file)
    file.seek(0)
    want = _outputs(ours, layer, _input(layer))
    for again in (copy.deepcopy(ours), torch.load(file, weights_only=False)):
        for mine, before in zip(_outputs(again, layer, _input(layer)), want, strict=True):
            close(mine, before, "y")


def same_output(layer: Layer) -> None:
    """Same values and dtype, for a batch and for one image."""
    ours, torchs = _pair(layer)
    for what, x in (("a batch", _input(layer)), ("one image", _input(layer)[0])):
        for mine, theirs in zip(_outputs(ours, layer, x), _outputs(torchs, layer, x), strict=True):
            close(mine, theirs, f"the output for {what}")


def same_memory_format(layer: Layer) -> None:
    """channels_last where torch's output is, contiguous where that is, in single and in double precision."""
    last = {4: torch.channels_last, 5: torch.channels_last_3d}.get(len(layer.input), torch.contiguous_format)
    for dtype, format_ in product((torch.float32, torch.float64), {torch.contiguous_format, last}):
        ours, torchs = (module.to(dtype) for module in _pair(layer))
        x = _input(layer).to(dtype).contiguous(memory_format=format_)
        for mine, theirs in zip(_outputs(ours, layer, x), _outputs(torchs, layer, x), strict=True):
            for asked in (torch.contiguous_format, last):
                found = (y.is_contiguous(memory_format=asked) for y in (mine, theirs))
                _same(f"output for a {format_} {dtype} input: whether it is {asked}", *found)


def same_gradients(layer: Layer) -> None:
    """Same gradients for the input and every parameter."""
    mine, theirs = (_gradients(module, layer) for module in _pair(layer))
    for name, gradient in mine.items():
        close(gradient, theirs[name], f"the gradient of {name}")


def same_errors(layer: Layer) -> None:
    """What torch refuses is refused with the same error and the same words."""
    ours, torchs = _pair(layer)
    wrong_channels = (layer.input[0], layer.input[1] + 1, *layer.input[2:])
    for shape in ((3,), (*layer.input, 1, 1), wrong_channels, (*layer.input[:2], *(0,) * len(layer.input[2:]))):
        mine, theirs = (_error(module, layer, torch.zeros(shape, dtype=torch.float64)) for module in (ours, torchs))
        if theirs is not None:
            _same(f"error for an input of shape {shape}", mine, theirs)


MODULE_LAWS = (
    same_construction,
    same_repr_and_state,
    survives_copies,
    same_output,
    same_memory_format,
    same_gradients,
    same_errors,
)


def _pair(layer: Layer) -> Pair:
    """(ours, torch's), both in float64 and from the same seed."""
    made = []
    for module in (nn, torch.nn):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            made.append(getattr(module, layer.name)(*layer.arguments, **layer.options).double())
    return made[0], made[1]


def _input(layer: Layer) -> Tensor:
    return Values(str(layer), torch.float64, "cpu")(*layer.input)


def _outputs(module: torch.nn.Module, layer: Layer, x: Tensor) -> tuple[Tensor, ...]:
    y = module(x) if layer.operand is None else module(x, layer.operand)
    return y if isinstance(y, tuple) else (y,)


def _gradients(module: torch.nn.Module, layer: Layer) -> dict[str, Tensor]:
    x = _input(layer).requires_grad_()
    y = _outputs(module, layer, x)[0]
    y.backward(Values(f"{layer} gy", torch.float64, "cpu")(*y.shape))
    return {"the input": x.grad, **{name: p.grad for name, p in module.named_parameters()}}


def _error(module: torch.nn.Module, layer: Layer, x: Tensor) -> tuple[str, str] | None:
    try:
        _outputs(module, layer, x)
    except Exception as why:  # noqa: BLE001 torch raises many kinds, and the kind is what is compared
        return type(why).__name__, str(why)
    return None


def _signature(module: torch.nn.Module) -> list[tuple[Any, ...]]:
    return [(p.name, p.kind, p.default) for p in inspect.signature(type(module)).parameters.values()]


def _same(what: str, mine: Any, theirs: Any) -> None:
    if mine != theirs:
        raise BrokenLawError(f"{what}: {mine} instead of torch's {theirs}")
