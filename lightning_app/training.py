"""How is a net trained where no trainer is needed? The trainer's batches, rates and update rule, in a plain loop."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lightning_app.data.batches import InOrder, Pictures, Shuffled
from lightning_app.data.images import Labelled
from lightning_app.pixels import scaled
from lightning_app.schedule import one_cycle
from lightning_app.seeds import seed_of

EVALUATION_BATCH = 1000
PHASES = ("forward", "backward", "update")


@dataclass(frozen=True)
class Recipe:
    """How to train; the defaults are those of ``fit``. ``shift``: images are moved by up to so many pixels."""

    epochs: int
    batch_size: int = 128
    shift: int = 2
    lr: float = 0.01
    warmup: float = 0.25
    seed: int = 0


class Batch(NamedTuple):
    """One step's images and labels, and how far training is (0..1)."""

    x: Tensor
    y: Tensor
    progress: float


class Step(NamedTuple):
    """What a step says: its loss, and the seconds that each of the `PHASES` took."""

    loss: float
    seconds: tuple[float, float, float]


def batches(data: Labelled, recipe: Recipe) -> Iterator[Batch]:
    """Every step's batch; a pure function of the recipe, so that two nets can be shown the same."""
    pictures, sampler = Pictures(data), Shuffled(len(data.y), recipe.batch_size, recipe.shift, recipe.seed)
    for epoch in range(recipe.epochs):
        sampler.set_epoch(epoch)
        for number, pick in enumerate(sampler):
            yield Batch(*pictures[pick], (epoch + number / len(sampler)) / recipe.epochs)


def steps(data: Labelled, recipe: Recipe) -> int:
    """How many batches there are."""
    return recipe.epochs * len(Shuffled(len(data.y), recipe.batch_size, 0, 0))


class Learner:
    """A net and its optimizer. The images are given to it in the net's dtype."""

    def __init__(self, net: nn.Module, recipe: Recipe):
        self.net, self.recipe = net, recipe
        self.dtype = next(net.parameters()).dtype
        self.optimizer = torch.optim.Adam(net.parameters(), lr=recipe.lr)
        self.steps = 0

    def step(self, batch: Batch) -> Step:
        """Learn from one batch; the gradients stay where they are until the next. Dropout follows seed and step."""
        torch.manual_seed(seed_of(self.recipe.seed, self.steps))
        self.steps += 1
        for group in self.optimizer.param_groups:
            group["lr"] = self.recipe.lr * one_cycle(batch.progress, self.recipe.warmup)
        self.optimizer.zero_grad()
        x = scaled(batch.x).to(self.dtype)
        clock = [time.perf_counter()]
        loss = F.cross_entropy(self.net(x), batch.y)
        clock.append(time.perf_counter())
        loss.backward()
        clock.append(time.perf_counter())
        self.optimizer.step()
        clock.append(time.perf_counter())
        return Step(float(loss.detach()), (clock[1] - clock[0], clock[2] - clock[1], clock[3] - clock[2]))


def probabilities(net: nn.Module, x: Tensor) -> Tensor:
    """(n, classes) float64 for uint8 images (n, c, h, w), in evaluation mode; the net's mode is left as it was."""
    dtype, training = next(net.parameters()).dtype, net.training
    picks = InOrder(len(x), EVALUATION_BATCH)
    with torch.inference_mode():
        logits = [net.eval()(scaled(x[pick.index]).to(dtype)) for pick in picks]
    net.train(training)
    return torch.cat(logits).double().softmax(1)
