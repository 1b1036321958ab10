"""What was found when comparing, and is it agreement?"""

from dataclasses import dataclass

import torch

from lightning_app.compare.equal import Apart
from lightning_app.compare.lockstep import Record, worst
from lightning_app.compare.scores import Scores
from lightning_app.data.images import Images
from lightning_app.training import Recipe

CHECKED = 100  # steps whose losses must agree; after that rounding's drift says nothing about correctness


@dataclass(frozen=True)
class Comparison:
    """Everything that was found. ``equal``: by when; ``looped``: of the plain loops, step by step."""

    images: Images
    recipe: Recipe
    record: Record
    equal: dict[str, Apart]
    looped: list[Apart]
    answers: float
    scores: dict[str, Scores]
    memory: dict[str, dict[str, int]]
    timed: Record
    dtype: torch.dtype
    tol: float

    @property
    def checked(self) -> int:
        """How many steps' losses are held against --tol."""
        return min(CHECKED, len(self.record.apart))

    @property
    def checks(self) -> dict[str, float]:
        """What --tol is held against."""
        found = {}
        if self.dtype == torch.float64:  # in float32 paths part when rounding tips over one ReLU or maximum
            found[f"losses of the first {self.checked} steps"] = worst(self.record.apart[: self.checked])
        found |= {f"loss at {when}": apart.loss for when, apart in self.equal.items()}
        found |= {f"gradients at {when}, relative": apart.gradient for when, apart in self.equal.items()}
        found["probabilities of the test images, equal weights"] = self.answers
        if self.looped:
            found["plain loops: loss"] = worst(apart.loss for apart in self.looped)
            found["plain loops: gradients, relative"] = worst(apart.gradient for apart in self.looped)
        return found

    @property
    def worst(self) -> float:
        """The largest of them."""
        return worst(self.checks.values())

    @property
    def agree(self) -> bool:
        """A difference that is no number is no agreement."""
        return all(value <= self.tol for value in self.checks.values())
