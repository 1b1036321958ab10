"""What excites a filter most? The parts of the training images to which it answers most strongly."""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lightning_app.explain.window import Box, box, reached
from lightning_app.pixels import scaled
from lightning_app.progress import shown

BATCH = 500


class Patches(NamedTuple):
    """Per channel (first axis) the strongest ``answers``, the ``images`` they came from, and the patches of pixels."""

    channels: list[int]
    answers: Tensor  # (channels, k)
    images: Tensor  # (channels, k), places in the training set
    pixels: Tensor  # (channels, k, c, rows, columns) uint8


def patches(net: nn.Module, x: Tensor, channels: list[int], k: int) -> Patches:
    """The ``k`` images of ``x`` (n, c, h, w) uint8 that excite each channel of the net's output (maps) most.

    A patch is what the answer's gradient reaches; all patches are as large as the largest.
    """
    answers, images, places = _strongest(net, x, channels, min(k, len(x)))
    picked = scaled(x[images.flatten()]).requires_grad_()
    y = net(picked).flatten(2)
    every = torch.arange(len(picked))
    chosen = y[every, torch.tensor(channels).repeat_interleave(images.shape[1]), places.flatten()].sum()
    masks = reached(torch.autograd.grad(chosen, picked)[0])
    pixels = _cut(x[images.flatten()], [box(mask) for mask in masks])
    return Patches(channels, answers, images, pixels.unflatten(0, images.shape))


def _strongest(net: nn.Module, x: Tensor, channels: list[int], k: int) -> tuple[Tensor, Tensor, Tensor]:
    """(channels, k) each: the answers, the images and the places in their maps; one per image."""
    kept = [torch.empty(len(channels), 0), *(torch.empty(len(channels), 0, dtype=torch.int64) for _ in range(2))]
    starts = range(0, len(x), BATCH)
    for start in shown(starts, "looking for what excites the filters", len(starts)):
        with torch.inference_mode():
            y = net(scaled(x[start : start + BATCH]))[:, channels].flatten(2)
        answers, places = y.max(2)
        numbers = torch.arange(start, start + len(y)).expand(len(channels), -1)
        joined = [torch.cat(pair, 1) for pair in zip(kept, (answers.T, numbers, places.T), strict=True)]
        best = joined[0].topk(min(k, joined[0].shape[1]), dim=1).indices
        kept = [each.gather(1, best) for each in joined]
    return kept[0], kept[1], kept[2]


def _cut(images: Tensor, boxes: list[Box | None]) -> Tensor:
    """A patch per image, all of one size; a box cut off by the picture's edge is filled up with black there."""
    rows = max((each.size[0] for each in boxes if each), default=images.shape[-2])
    columns = max((each.size[1] for each in boxes if each), default=images.shape[-1])
    roomy = F.pad(images, [columns, columns, rows, rows])
    patches = []
    for image, found in zip(roomy, boxes, strict=True):
        one = found or Box(0, 0, rows - 1, columns - 1)
        top = one.bottom - rows + 1 if one.top == 0 else one.top
        left = one.right - columns + 1 if one.left == 0 else one.left
        patches.append(image[:, rows + top : 2 * rows + top, columns + left : 2 * columns + left])
    return torch.stack(patches)
