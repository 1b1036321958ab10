"""What exactly is run, and timed, in each pass?

    forward  y, nothing recorded
    input    gx = (∂y/∂x)ᵀ gy, of a y that is there
    weight   gw and gb = (∂y/∂w)ᵀ gy, of a y that is there
    step     y, then the gradients of the input (of a net's, none) and of every parameter

gy is fixed. A net's forward is that of inference, its step that of training.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from .problems import FORWARD, INPUT, STEP, WEIGHT, Side

Run = Callable[[], tuple[Tensor, ...]]


def prepared(side: Side, kind: str, x: Tensor, gy: Tensor, net: bool = False) -> Run:
    """Return a function that does one pass, as often as it is called, and returns its results.

    The module keeps the settings of the pass that was prepared last.
    """
    call = side.call
    side.module.train(kind != FORWARD).requires_grad_(kind in (WEIGHT, STEP))
    x = x.detach().requires_grad_(kind == INPUT or (kind == STEP and not net))
    if kind == FORWARD:
        return lambda: _forward(call, x)
    wanted = [x] if kind == INPUT else [*side.module.parameters()]
    if kind == STEP:
        wanted = [x] * x.requires_grad + wanted
        return lambda: torch.autograd.grad(call(x), wanted, gy)
    y = call(x)
    return lambda: torch.autograd.grad(y, wanted, gy, retain_graph=True)


def _forward(call: Callable[[Tensor], Tensor], x: Tensor) -> tuple[Tensor]:
    with torch.no_grad():
        return (call(x),)


def direction(side: Side, x: Tensor) -> Tensor:
    """Return a gy for the side's output, laid out as that is."""
    side.module.eval()
    with torch.no_grad():
        return torch.randn_like(side.call(x))
