"""How far apart are two nets that hold the same weights? What training's chaos cannot blur: one step, from one place.

Two nets that learn side by side drift apart once rounding has made them differ, whoever wrote them. At equal weights
there is only rounding.
"""

from copy import deepcopy
from typing import NamedTuple

from torch import Tensor, nn

from lightning_app.compare.lockstep import gradients_apart, worst
from lightning_app.training import Batch, Learner, Recipe, probabilities


class Apart(NamedTuple):
    """Differences: of the loss, of each parameter's gradient (relative)."""

    loss: float
    gradients: dict[str, float]

    @property
    def gradient(self) -> float:
        """The largest of the gradients' differences."""
        return worst(self.gradients.values())


def apart(ours: nn.Module, theirs: nn.Module, batch: Batch) -> Apart:
    """One step of copies of both, from the weights of ``ours``."""
    ours, theirs = deepcopy(ours), deepcopy(theirs)
    theirs.load_state_dict(ours.state_dict())
    losses = [Learner(net, Recipe(1)).step(batch).loss for net in (ours, theirs)]
    return Apart(abs(losses[0] - losses[1]), gradients_apart(ours, theirs))


def answers_apart(ours: nn.Module, theirs: nn.Module, x: Tensor) -> float:
    """The largest difference of any probability for images ``x``, at the weights of ``ours``."""
    theirs = deepcopy(theirs)
    theirs.load_state_dict(ours.state_dict())
    return float((probabilities(ours, x) - probabilities(theirs, x)).abs().max())


def part(batch: Batch, images: int) -> Batch:
    """The first images of a batch: enough for the loops."""
    return Batch(batch.x[:images], batch.y[:images], batch.progress)


def same_weights(net: nn.Module, like: nn.Module) -> nn.Module:
    """``net`` with the weights and the dtype of ``like``."""
    net = net.to(next(like.parameters()).dtype)
    net.load_state_dict(like.state_dict())
    return net
