"""What happens when two nets learn side by side? Losses, gradients and times, step by step."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

from torch import Tensor, nn

from lightning_app.training import Batch, Learner, Recipe, Step


@dataclass
class Record:
    """``steps``: for each net its steps; ``gradients``: for each parameter, at each step, the relative difference."""

    steps: dict[str, list[Step]]
    gradients: dict[str, list[float]] = field(default_factory=dict)

    def losses(self, name: str) -> list[float]:
        """The loss of one net at every step."""
        return [step.loss for step in self.steps[name]]

    @property
    def apart(self) -> list[float]:
        """|difference of the losses| at every step."""
        return [abs(ours - theirs) for ours, theirs in zip(*map(self.losses, self.steps), strict=True)]


def lockstep(ours: nn.Module, theirs: nn.Module, batches: Iterable[Batch], recipe: Recipe) -> Record:
    """Train both on the same batches. They take turns in who is first, which is a disadvantage for the clock."""
    learners = {"scratch": Learner(ours, recipe), "torch": Learner(theirs, recipe)}
    record = Record({name: [] for name in learners}, {name: [] for name, _ in theirs.named_parameters()})
    for number, batch in enumerate(batches):
        for name in sorted(learners, reverse=number % 2 == 1):
            record.steps[name].append(learners[name].step(batch))
        for name, difference in gradients_apart(ours, theirs).items():
            record.gradients[name].append(difference)
    return record


def gradients_apart(ours: nn.Module, theirs: nn.Module) -> dict[str, float]:
    """‖∂ours − ∂theirs‖ / ‖∂theirs‖ for each parameter, by its name."""
    pairs = zip(ours.named_parameters(), theirs.parameters(), strict=True)
    return {name: relative(a.grad, b.grad) for (name, a), b in pairs}


def relative(a: Tensor, b: Tensor) -> float:
    """‖a − b‖ / ‖b‖; where b is 0 the difference itself."""
    difference, size = float((a - b).norm()), float(b.norm())
    return difference / size if size else difference


def worst(values: Iterable[float]) -> float:
    """The largest, 0 of none; NaN if any is NaN, which max() would hide."""
    found = list(values)
    return math.nan if any(map(math.isnan, found)) else max(found, default=0.0)
