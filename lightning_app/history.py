"""How did training go? A row per epoch and a loss per few steps, carried in the checkpoint: resuming continues it."""

import time
from typing import Any

import pytorch_lightning as pl
from torch import Tensor

STEPS_BETWEEN = 5


class History(pl.Callback):
    """``epochs``: dicts of epoch, train_loss, val_loss, val_accuracy, seconds; ``losses``: [step, training loss]."""

    def __init__(self) -> None:
        self.epochs: list[dict[str, float]] = []
        self.losses: list[list[float]] = []

    @property
    def seconds(self) -> float:
        """Of training and validation, the resumed part included."""
        return sum(row["seconds"] for row in self.epochs)

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Start the epoch's clock."""
        self._started = time.perf_counter()
        self._epoch_losses: list[Tensor] = []
        self._validated = False

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Keep the batch's loss (a number is made of it only now and then: that waits for the device)."""
        loss = outputs["loss"].detach()
        self._epoch_losses.append(loss)
        if batch_idx % STEPS_BETWEEN == 0:
            self.losses.append([trainer.global_step, float(loss)])

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Not every epoch need be validated."""
        self._validated = True

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Close the epoch's row."""
        found = trainer.callback_metrics.items() if self._validated else ()
        measured = {key: float(value) for key, value in found if key.startswith("val_")}
        mean = sum(map(float, self._epoch_losses)) / max(1, len(self._epoch_losses))
        row = {"epoch": trainer.current_epoch, "train_loss": mean, **measured}
        self.epochs.append({**row, "seconds": time.perf_counter() - self._started})

    def state_dict(self) -> dict[str, Any]:
        """For the checkpoint."""
        return {"epochs": self.epochs, "losses": self.losses}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """From the checkpoint."""
        self.epochs, self.losses = list(state_dict["epochs"]), list(state_dict["losses"])
