"""How much is there to do? Multiplications and additions of the direct sums, and the bytes that must move at least."""

from __future__ import annotations

from contextlib import ExitStack
from typing import NamedTuple

from torch import Tensor, nn

from .problems import FORWARD, INPUT, STEP, WEIGHT, Problem, Side

_CONV = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
_TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)


class Work(NamedTuple):
    """Floating-point operations, and bytes read and written once; a net's bytes are not counted."""

    flops: int
    bytes: int | None


def work(problem: Problem, side: Side, x: Tensor, gy: Tensor) -> dict[str, Work]:
    """Return the work of each pass: as much as the forward's for each of the sums that it consists of."""
    flops, step_flops = _flops(side.module, x.detach().requires_grad_(not problem.net))
    if problem.net:
        return {FORWARD: Work(flops, None), STEP: Work(step_flops, None)}
    one = Work(flops, sum(tensor.nbytes for tensor in (x, *side.module.parameters(), gy)))
    parts = len({INPUT, WEIGHT} & set(problem.passes)) + 1
    return {FORWARD: one, INPUT: one, WEIGHT: one, STEP: Work(step_flops, parts * one.bytes)}


def _flops(module: nn.Module, x: Tensor) -> tuple[int, int]:
    """Return those of the forward, and of forward and backward, by watching every layer that multiplies."""
    forward = step = 0

    def count(layer: nn.Module, inputs: tuple[Tensor], y: Tensor) -> None:
        nonlocal forward, step
        per_filter = layer.weight[0].numel()
        flops = 2 * per_filter * (inputs[0] if isinstance(layer, _TRANSPOSED) else y).numel()
        forward += flops
        step += flops * (2 + inputs[0].requires_grad)

    with ExitStack() as undo:
        for layer in module.modules():
            if isinstance(layer, (*_CONV, *_TRANSPOSED, nn.Linear)):
                undo.callback(layer.register_forward_hook(count).remove)
        module.requires_grad_()(x)
    return forward, step
