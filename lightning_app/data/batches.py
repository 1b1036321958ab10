"""In what order are the images seen, and moved by how much? A pure function of (seed, epoch): resuming is exact.

Every epoch's permutation and shifts are drawn at once from a generator of its own, so that nothing depends on
what happened before, nor on how many processes share the work.
"""

import math
from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from lightning_app.data.images import Labelled
from lightning_app.seeds import seed_of


class Pick(NamedTuple):
    """Which images make a batch, and how many pixels (down, right) each is moved; None leaves them in place."""

    index: Tensor
    shift: Tensor | None = None


class Pictures(Dataset):
    """Images that are looked up a batch at a time."""

    def __init__(self, data: Labelled):
        self.data = data

    def __len__(self) -> int:
        return len(self.data.y)

    def __getitem__(self, pick: Pick) -> Labelled:
        x, y = self.data.take(pick.index)
        return Labelled(x if pick.shift is None else moved(x, pick.shift), y)


def moved(x: Tensor, shift: Tensor) -> Tensor:
    """Every image (n, c, h, w) moved by its own ``shift`` (n, 2) of (down, right) pixels; zeros come in."""
    n, c, h, w = x.shape
    reach = int(shift.abs().max()) if n else 0
    room = x.new_zeros(n, c, h + 2 * reach, w + 2 * reach)
    room[:, :, reach : reach + h, reach : reach + w] = x
    rows = torch.arange(h) + reach - shift[:, :1]
    columns = torch.arange(w) + reach - shift[:, 1:]
    images, channels = torch.arange(n)[:, None, None, None], torch.arange(c)[:, None, None]
    return room[images, channels, rows[:, None, :, None], columns[:, None, None, :]]


class Shuffled(Sampler[Pick]):
    """Training batches. ``batch_size`` images per step are shared between ``world`` processes.

    The last batch is never a small one: an epoch is cut into batches that differ by at most one image.
    """

    def __init__(self, n: int, batch_size: int, shift: int, seed: int, rank: int = 0, world: int = 1):
        self.n, self.batch_size, self.shift, self.seed = n, batch_size, shift, seed
        self.rank, self.world, self.epoch = rank, world, 0

    def set_epoch(self, epoch: int) -> None:
        """Called by the trainer before each epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        return max(1, math.ceil(self.n / self.batch_size))

    def __iter__(self) -> Iterator[Pick]:
        generator = torch.Generator().manual_seed(seed_of(self.seed, self.epoch))
        order = torch.randperm(self.n, generator=generator)
        shift = torch.randint(-self.shift, self.shift + 1, (self.n, 2), generator=generator)
        for batch in order.tensor_split(len(self)):
            mine = batch[self.rank :: self.world]
            yield Pick(mine, shift[mine] if self.shift else None)


class InOrder(Sampler[Pick]):
    """Evaluation batches: every image once, by exactly one process, none twice to even the numbers out."""

    def __init__(self, n: int, batch_size: int, rank: int = 0, world: int = 1):
        self.mine = torch.arange(n)[rank::world]
        self.batch_size = max(1, batch_size // world)

    def __len__(self) -> int:
        return math.ceil(len(self.mine) / self.batch_size)

    def __iter__(self) -> Iterator[Pick]:
        return map(Pick, self.mine.split(self.batch_size) if len(self.mine) else ())
