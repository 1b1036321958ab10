"""Which class replaces which? Our layers into an existing model, in place, and out of it again."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from types import ModuleType
from typing import Any

import torch
from torch import nn as torch_nn
from torch.nn.utils.parametrize import is_parametrized

from . import functional, nn
from .functional.border import is_extension
from .nn.choice import Chooses

logger = logging.getLogger("scratchlayers")

_PAIRS: dict[type, type] = {
    getattr(torch_nn, name): getattr(nn, name) for name in nn.__all__ if isinstance(getattr(nn, name), type)
}
_BACK: dict[type, type] = {ours: torchs for torchs, ours in _PAIRS.items()}
_NOT_YET = tuple(
    kind
    for name in (
        "LazyConv",
        "LazyConvTranspose",
    )
    for rank in (1, 2, 3)
    if (kind := getattr(torch_nn, f"{name}{rank}d", None))
)
_PATCHED = [
    (space, name) for space in (torch, torch_nn.functional) for name in functional.__all__ if hasattr(space, name)
]
_found: dict[tuple[ModuleType, str], Any] = {}
_counting = Lock()
_blocks = 0


def convert(model: torch_nn.Module) -> torch_nn.Module:
    """Make every convolution, pooling and padding module of a model one of ours, and return the model.

    Only the class of a module changes, and only where it is exactly torch's: parameters, buffers, hooks, optimizer
    state and ``state_dict`` keys are untouched objects, and :func:`revert` undoes it. What is left alone (subclasses
    with a ``forward`` of their own, ...) is logged as a warning, and listed by :func:`left_alone`.
    """
    for module in model.modules():
        if type(module) in _PAIRS and "forward" not in vars(module):
            module.__class__ = _PAIRS[type(module)]
    for name, why in left_alone(model).items():
        logger.warning("convert left %s alone: %s", name or "the model itself", why)
    return model


def revert(model: torch_nn.Module) -> torch_nn.Module:
    """Make every module of ours in a model torch's again, and return the model.

    A module with settings that torch does not know (asymmetric or strided "same" padding) stays ours, with a warning.
    """
    for name, module in model.named_modules():
        if not issubclass(type(module), Chooses):
            continue
        if type(module) not in _BACK:
            why = f"{type(module).__qualname__} is a subclass of ours, or was parametrized as ours"
            logger.warning("revert left %s alone: %s", name or "the model itself", why)
        elif extension := _extension(module):
            logger.warning("revert left %s alone: torch has no %s", name or "the model itself", extension)
        else:
            module.__class__ = _BACK[type(module)]
    return model


def left_alone(model: torch_nn.Module) -> dict[str, str]:
    """Return, by name, the modules of our family that are not ours, each with the reason."""
    return {name: why for name, module in model.named_modules() if (why := _reason(module))}


@contextmanager
def patch() -> Iterator[None]:
    """Let torch's own functions be ours inside the ``with`` block, for models that cannot be converted.

    ``torch.nn.functional.*`` and ``torch.*`` name our functions until the block ends, which modules built before and
    after, subclasses and users' code look up when they run. Names imported earlier (``from torch.nn.functional import
    conv2d``) are not caught. The change is seen by all threads, and lasts until the last of several blocks ends.
    """
    global _blocks
    with _counting:
        _blocks += 1
        if _blocks == 1:
            for space, name in _PATCHED:
                _found[space, name] = getattr(space, name)
                setattr(space, name, getattr(functional, name))
    try:
        yield
    finally:
        with _counting:
            _blocks -= 1
            if _blocks == 0:
                for (space, name), function in _found.items():
                    setattr(space, name, function)


def _reason(module: torch_nn.Module) -> str | None:
    """Why a module of the family is not ours, or None."""
    kind = type(module)
    if isinstance(module, _NOT_YET):
        return f"{kind.__name__} is torch's own, not written by hand yet"
    if isinstance(module, Chooses) or not isinstance(module, tuple(_PAIRS)):
        return None
    if "forward" in vars(module):
        return "its forward was replaced on the instance"
    if kind in _PAIRS:
        return "not converted yet"
    base = next(torchs for torchs in _PAIRS if isinstance(module, torchs))
    if is_parametrized(module):
        return f"it was parametrized as torch's {base.__name__}: convert first, parametrize then"
    name = f"{kind.__module__}.{kind.__qualname__}"
    return f"{name} is a subclass of {base.__name__} and may compute differently; scratchlayers.patch() covers it"


def _extension(module: torch_nn.Module) -> str | None:
    padding: Any = getattr(module, "padding", 0)
    stride: Any = getattr(module, "stride", (1,))
    if not is_extension(padding, stride if hasattr(module, "weight") else None):
        return None
    return (
        f"padding={padding!r} with stride={stride}" if isinstance(padding, str) else f"padding={padding} for each side"
    )
