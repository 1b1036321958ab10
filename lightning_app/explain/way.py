"""What becomes of a number? It is followed to the answer: at every layer to the output through which it helps most."""

import torch
from torch import Tensor, nn

from lightning_app.explain.trace import Step, Unit


def way(steps: list[Step], unit: Unit) -> list[Unit]:
    """The unit, and in every later step the one through which it raises the likeliest class most."""
    found = [unit]
    for number in range(unit.step + 1, len(steps)):
        helps = _slope(nn.Sequential(*(step.layer for step in steps[number + 1 :])), steps[number].y)
        found.append(Unit(number, _through(steps[number], found[-1].place, helps)))
    return found


def _slope(rest: nn.Sequential, y: Tensor) -> Tensor:
    """How much the likeliest class grows with every cell of ``y``."""
    y = y.clone().requires_grad_()
    return torch.autograd.grad(rest(y).max(), y)[0][0]


def _through(step: Step, place: tuple[int, ...], helps: Tensor) -> tuple[int, ...]:
    """Where its influence times that cell's help is largest; where nothing helps, where its influence is largest.

    The cell is raised above all others first, so that no maximum and no ReLU hides what it reaches.
    """
    x = step.x.clone()
    x[(0, *place)] = float(x.abs().max()) + 1
    change = _influence(step.layer, x, place)
    helped = change * helps
    return _largest(helped if helped.max() > 0 else change.abs())


def _influence(layer: nn.Module, x: Tensor, place: tuple[int, ...]) -> Tensor:
    """∂y/∂x at ``place``, for every y: the gradient of the layer's gradient, which is linear in what it is given."""
    x = x.requires_grad_()
    y = layer(x)
    weights = torch.zeros_like(y, requires_grad=True)
    (gradient,) = torch.autograd.grad(y, x, weights, create_graph=True)
    return torch.autograd.grad(gradient[(0, *place)], weights)[0][0]


def _largest(values: Tensor) -> tuple[int, ...]:
    return tuple(int(i) for i in torch.unravel_index(values.argmax(), values.shape))
