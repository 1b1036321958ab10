"""What happens inside a net? Every part's output, noted while the net is called; and the filters it has."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from .layers import called, first, ready


@dataclass(frozen=True, eq=False)
class Step:
    """One part of a net: its name, its class, the shape that comes out, its parameters and its output."""

    name: str
    kind: str
    shape: tuple[int, ...]
    parameters: int
    output: np.ndarray


@dataclass(frozen=True, eq=False)
class Steps:
    """An input, (C, H, W), and what each part made of it, in the order of the calls."""

    net: str
    input: np.ndarray
    steps: tuple[Step, ...]


@dataclass(frozen=True, eq=False)
class Filters:
    """Of each convolution: its name, and its weight, (O, I, KH, KW)."""

    names: tuple[str, ...]
    weights: tuple[np.ndarray, ...]


class UpTo(nn.Module):
    """A net that stops at one of its parts."""

    def __init__(self, net: nn.Module, part: str) -> None:
        super().__init__()
        self.net, self.part = net, part

    def forward(self, x: Tensor) -> Tensor:
        """Return what that part makes of x."""
        kept: list[Tensor] = []
        part = self.net.get_submodule(self.part)
        hook = part.register_forward_hook(lambda *args: kept.append(first(args[2]).clone()))
        try:
            called(self.net, x)
        finally:
            hook.remove()
        return kept[-1]  # of a part that is called several times the last, as in Steps


def measure(net: nn.Module, x: Tensor | np.ndarray) -> Steps:
    """Call the net on one input, (C, H, W) or (H, W), and note what every innermost part makes of it."""
    net = ready(net)
    given = torch.as_tensor(x).detach().to("cpu", torch.float64, copy=True)
    given = given[None] if given.ndim == 2 else given
    steps: list[Step] = []
    hooks = [
        part.register_forward_hook(_noting(steps, name)) for name, part in net.named_modules() if _innermost(name, part)
    ]
    try:
        with torch.no_grad():
            net(given[None].clone())  # its first part may work in place
    except (RuntimeError, ValueError, IndexError, TypeError, NotImplementedError) as why:
        raise ValueError(
            f"{type(net).__name__} takes no input of {tuple(given.shape)}: {str(why).splitlines()[0]}"
        ) from why
    finally:
        for hook in hooks:
            hook.remove()
    return Steps(type(net).__name__, given.numpy(), tuple(steps))


def _innermost(name: str, part: nn.Module) -> bool:
    """Has it no parts? What computes a weight (``parametrizations``) is no part of a net."""
    parts = {child for child, _ in part.named_children()} - {"parametrizations"}
    return not parts and "parametrizations" not in name.split(".")


def _noting(steps: list[Step], name: str):
    def note(part: nn.Module, _: object, out: Tensor | tuple[Tensor, ...]) -> None:
        made = first(out)[0].detach().clone()  # the next part may work in place
        count = sum(parameter.numel() for parameter in part.parameters())
        steps.append(Step(name, type(part).__name__, tuple(made.shape), count, made.numpy()))

    return note


def filters(net: nn.Module) -> Filters:
    """Return the filters over two axes; ValueError if there are none."""
    found = [
        (f"{type(part).__name__} {name}".strip(), part.weight.detach().cpu().double().numpy())
        for name, part in net.named_modules()
        if isinstance(getattr(part, "weight", None), Tensor) and part.weight.ndim == 4
    ]
    if not found:
        raise ValueError(f"{type(net).__name__} has no filters over two axes to draw")
    names, weights = zip(*found, strict=True)
    return Filters(names, weights)
