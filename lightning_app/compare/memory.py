"""What does a training step of each net hold in memory? What is kept for backward, and the most at any time."""

from types import SimpleNamespace

from torch import nn

from lightning_app.pixels import scaled
from lightning_app.training import Batch, Learner, Recipe
from scratchlayers.bench.memory import peak_bytes, saved_bytes


def memory(net: nn.Module, batch: Batch) -> dict[str, int]:
    """In bytes. The net's weights change: give it a copy."""
    learner = Learner(net, Recipe(1))
    x = scaled(batch.x).to(learner.dtype)
    return {
        "kept for backward": saved_bytes(SimpleNamespace(module=net, call=net), x),
        "peak of a step": peak_bytes(lambda: learner.step(batch)),
    }
