"""Which modules of a model change their class?"""

from __future__ import annotations

import logging

from torch import nn as torch_nn

from ..functional.border import is_extension
from ..nn.choice import Chooses
from .classes import Refused, ours, theirs
from .reporting import left_alone, of_the_family

logger = logging.getLogger("scratchlayers")


def convert(model: torch_nn.Module) -> torch_nn.Module:
    """Make every convolution, pooling and padding module of a model one of ours, and return the model.

    Only the class of a module changes: parameters, buffers, hooks, parametrizations, optimizer state and ``state_dict``
    keys are untouched objects, and :func:`revert` undoes it. A user's subclass gets a class that is a subclass of
    it and of ours, in whose ``forward`` torch's functions are ours.

    :func:`report` says what became of each module; what is left alone is logged as a warning, too. What a module of
    another kind computes with ``F.conv2d`` or ``F.pad`` stays torch's: :func:`patch` covers it.
    """
    for module in model.modules():
        if of_the_family(module) and "forward" not in vars(module):
            try:
                module.__class__ = ours(type(module))
            except Refused:
                continue
    for name, why in left_alone(model).items():
        logger.warning("convert left %s alone: %s", name or "the model itself", why)
    return model


def revert(model: torch_nn.Module) -> torch_nn.Module:
    """Make every module of ours in a model torch's, or its user's, again, and return the model.

    A module with settings that torch does not know (asymmetric or strided "same" padding) stays ours, with a warning.
    """
    for name, module in model.named_modules():
        if issubclass(type(module), Chooses):
            try:
                _revert(module)
            except Refused as why:
                logger.warning("revert left %s alone: %s", name or "the model itself", why)
    return model


def _revert(module: torch_nn.Module) -> None:
    kind = theirs(type(module))
    padding, stride = getattr(module, "padding", 0), getattr(module, "stride", (1,))
    if is_extension(padding, stride if hasattr(module, "weight") else None):
        words = (
            f"padding={padding!r} with stride={stride}"
            if isinstance(padding, str)
            else f"padding={padding} for each side"
        )
        raise Refused(f"torch has no {words}")
    module.__class__ = kind
