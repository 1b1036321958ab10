"""Which test images lie in the page? One of each class, then some that the network takes for another."""

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from lightning_app import checkpoint
from lightning_app.pixels import scaled

LOOKED_AT = 2000  # test images


class Sample(NamedTuple):
    """An image (c, h, w) uint8, its class, and whether the network finds it."""

    x: Tensor
    label: str
    right: bool


def samples(net: nn.Module, content: dict[str, Any], most: int) -> list[Sample]:
    """Up to ``most`` test images of a checkpoint's data; none where these are not on this machine."""
    images = checkpoint.images(content)
    if images is None:
        return []
    test = images.test.take(torch.arange(min(LOOKED_AT, len(images.test.y))))
    with torch.inference_mode():
        right = torch.cat([net(scaled(x)).argmax(1) for x in test.x.split(500)]) == test.y
    chosen = [*_first_of_each(test.y, right), *torch.nonzero(~right).flatten().tolist()]
    return [Sample(test.x[n], images.classes[int(test.y[n])], bool(right[n])) for n in chosen[:most]]


def _first_of_each(y: Tensor, right: Tensor) -> list[int]:
    found = [torch.nonzero((y == label) & right).flatten() for label in y.unique()]
    return [int(places[0]) for places in found if len(places)]
