"""What became of each module of a model, and why not ours?"""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn as torch_nn
from torch.jit import ScriptModule

from ..nn.choice import Chooses
from .classes import Refused, describe, ours
from .table import CLASSES


@dataclass(frozen=True)
class Report:
    """The modules of the family in a model, by name: ``ours`` says what each is, ``left`` why it is not ours."""

    ours: dict[str, str]
    left: dict[str, str]

    def __str__(self) -> str:
        return "\n".join([*_section("ours", self.ours), *_section("left alone", self.left)])


def report(model: torch_nn.Module) -> Report:
    """Say of each convolution, pooling and padding module of a model whether it is ours, and if not, why.

    >>> import torch, scratchlayers
    >>> model = torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3), torch.nn.ReLU(), torch.nn.MaxPool2d(2))
    >>> model[2].forward = lambda x: x
    >>> print(scratchlayers.report(scratchlayers.convert(model)))
    1 ours
      0  Conv2d
    1 left alone
      2  its forward was replaced on the instance
    """
    named = dict(model.named_modules())
    return Report(
        {name: describe(type(module)) for name, module in named.items() if isinstance(module, Chooses)},
        {name: why for name, module in named.items() if (why := _reason(module))},
    )


def left_alone(model: torch_nn.Module) -> dict[str, str]:
    """Return, by name, the modules of our family that are not ours, each with the reason."""
    return report(model).left


def of_the_family(module: torch_nn.Module) -> bool:
    """Whether a module is a convolution, pooling or padding and not ours."""
    return isinstance(module, tuple(CLASSES)) and not isinstance(module, Chooses)


def _reason(module: torch_nn.Module) -> str | None:
    """Why a module of the family is not ours, or None."""
    if isinstance(module, ScriptModule):
        scripted = module.original_name in {kind.__name__ for kind in CLASSES}
        return "it was compiled by torch.jit: convert first, compile then" if scripted else None
    if not of_the_family(module):
        return None
    if "forward" in vars(module):
        return "its forward was replaced on the instance"
    try:
        ours(type(module))
    except Refused as why:
        return str(why)
    return "not converted yet"


def _section(title: str, modules: dict[str, str]) -> list[str]:
    """Return the lines of a section of the report, none for no modules."""
    named = {name or "the model itself": words for name, words in modules.items()}
    width = max(map(len, named), default=0)
    return [f"{len(named)} {title}"] * bool(named) + [f"  {name:<{width}}  {words}" for name, words in named.items()]
