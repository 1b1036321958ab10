"""How does the trainer get its data? A LightningDataModule over the sets in `choose` and the order in `batches`."""

from inspect import signature
from typing import Any

import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader, Sampler

from lightning_app.data import choose
from lightning_app.data.batches import InOrder, Pictures, Shuffled
from lightning_app.data.images import Images, Labelled
from lightning_app.errors import AppError

EVALUATION_BATCH = 1000
IMAGES_SEEN = 432_000  # what an unstated number of epochs amounts to: eight passes over MNIST
UNSTATED = -1  # trainer.max_epochs when none are asked for
MOST_EPOCHS = 15  # and at most so many over a small set


class DataModule(pl.LightningDataModule):
    """Images in memory, parted into training, validation and test.

    Args:
        dataset: auto is MNIST if it is there or can be fetched, else the digits built in; npz and folder are your own.
        root: where the files are, or are put; for npz the file, for folder the folder. Also $SCRATCHLAYERS_DATA.
        batch_size: images per optimizer step, shared between the processes when there are several.
        validation: the part of the training images that is held out for choosing the best checkpoint.
        shift: training images are moved at random by up to so many pixels each way.
        seed: of shuffling and shifts; follows seed_everything.

    """

    def __init__(
        self,
        dataset: choose.Name = "auto",
        root: str | None = None,
        batch_size: int = 128,
        validation: float = 0.1,
        shift: int = 2,
        seed: int = 0,
    ):
        super().__init__()
        _check(batch_size >= 1, "--data.batch_size", batch_size, "at least 1")
        _check(0 < validation < 1, "--data.validation", validation, "between 0 and 1")
        _check(shift >= 0, "--data.shift", shift, "0 or more pixels")
        self.dataset, self.root, self.batch_size = dataset, root, batch_size
        self.validation, self.shift, self.seed = validation, shift, seed
        self.images: Images | None = None

    def prepare_data(self) -> None:
        """Download if need be (the trainer calls this in one process per machine)."""
        choose.prepare(self.dataset, self.root)

    def setup(self, stage: str) -> None:
        """Load and part the images; the same images are held out whatever the seed."""
        if self.images is not None:
            return
        self.images = choose.load(self.dataset, self.root)
        n = len(self.images.train.y)
        order = torch.randperm(n, generator=torch.Generator().manual_seed(0))
        held_out = max(1, round(self.validation * n))
        self.val, self.train = (self.images.train.take(part) for part in (order[:held_out], order[held_out:]))
        _check(len(self.train.y) > 0, "--data.validation", self.validation, "small enough to leave training images")

        if stage == "fit" and self.trainer and self.trainer.max_epochs == self.trainer.max_steps == UNSTATED:
            self.trainer.fit_loop.max_epochs = self.epochs

    @property
    def epochs(self) -> int:
        """How many epochs to train when none are asked for."""
        return max(1, min(MOST_EPOCHS, round(IMAGES_SEEN / len(self.train.y))))

    def description(self) -> dict[str, Any]:
        """What a checkpoint has to say about its data, in plain values; ``options`` are this class's arguments."""
        options = {name: getattr(self, name) for name in signature(type(self)).parameters}
        if self.dataset == "auto":
            options["dataset"] = self.images.name
        return {
            "name": self.images.name,
            "classes": list(self.images.classes),
            "shape": list(self.images.shape),
            "epochs": self.trainer.max_epochs,
            "options": options,
        }

    def train_dataloader(self) -> DataLoader:
        """Shuffled, shifted batches."""
        return _loader(self.train, Shuffled(len(self.train.y), self.batch_size, self.shift, self.seed, *self._place()))

    def val_dataloader(self) -> DataLoader:
        """The held-out images, once, in order."""
        return _loader(self.val, InOrder(len(self.val.y), EVALUATION_BATCH, *self._place()))

    def test_dataloader(self) -> DataLoader:
        """The test images, once, in order."""
        return _loader(self.images.test, InOrder(len(self.images.test.y), EVALUATION_BATCH, *self._place()))

    def _place(self) -> tuple[int, int]:
        return (self.trainer.global_rank, self.trainer.world_size) if self.trainer else (0, 1)


def _loader(data: Labelled, sampler: Sampler) -> DataLoader:
    return DataLoader(Pictures(data), sampler=sampler, batch_size=None, num_workers=0)


def _check(good: bool, option: str, value: object, allowed: str) -> None:
    if not good:
        raise AppError(f"{option} {value}: must be {allowed}")
