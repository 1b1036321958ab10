"""Are the derivatives that autograd builds of the kernels right? Against finite differences, first and second order."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from types import SimpleNamespace

import torch
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck
from torch.autograd.gradcheck import GradcheckError

from ...ops.conv import Conv
from ...ops.fold import unfold
from ...ops.linear_map import linear_map
from ...ops.pad import pad
from ...ops.pool import MaxPool, avg_pool
from ..case import AVG, CONV, FLAT, FOLD, PAD, Border, Case
from ..compare import BrokenLawError
from ..law import law
from ..trial import Trial

_GROUPS = (CONV, PAD, AVG, FOLD, ("max_pool", "gather", "scatter"), FLAT)


def _tiny(case: Case | Border) -> bool:
    elements = prod(case.input) + (prod(case.weight) if isinstance(case, Case) else 0)
    return elements <= 60 and prod(case.output) > 0


@law(*_GROUPS, dtypes=(torch.float64,), takes=_tiny)
def first_derivative_is_right(trial: Trial) -> None:
    """The gradients agree with finite differences."""
    _checked(gradcheck, trial, fast_mode=False)


@law(*_GROUPS, dtypes=(torch.float64,), takes=_tiny)
def second_derivative_is_right(trial: Trial) -> None:
    """The gradients of the gradients agree with finite differences."""
    _checked(gradgradcheck, trial, fast_mode=True)


def _checked(check: Callable[..., bool], trial: Trial, **options: bool) -> None:
    try:
        check(*_function(trial), **options)
    except GradcheckError as wrong:
        raise BrokenLawError(" ".join(str(wrong).partition("\n\n")[0].split())) from None


def _function(trial: Trial) -> tuple[Callable[..., Tensor], list[Tensor]]:
    """(op, its differentiable inputs)."""
    kernels = SimpleNamespace(**trial.kernels)
    x, *rest = trial.inputs().values()
    match trial.kernel:
        case "conv":
            w, b, *how = rest
            op, operands = lambda x, w, b=None: Conv.call(x, w, b, *how, kernels), [x, w, b]
        case "max_pool":
            # no two elements so near that a finite difference would change the winner
            ranks = torch.randperm(x.numel(), generator=trial.values().generator)
            x = (ranks.reshape(x.shape) / 8).to(x)
            op, operands = lambda x: MaxPool.call(x, *rest, kernels)[0].clamp(min=-1e3), [x]
        case "take":
            op, operands = lambda x: linear_map(x, "take", "put", *rest, kernels=kernels), [x]
        case "pad":
            op, operands = lambda x: pad(x, *rest, kernels), [x]
        case "unfold":
            op, operands = lambda x: unfold(x, *rest, kernels), [x]
        case _:
            op, operands = lambda x: avg_pool(x, *rest, kernels), [x]
    return op, [a.requires_grad_() for a in operands if a is not None]
