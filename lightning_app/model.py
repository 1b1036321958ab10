"""What is trained? A LightningModule around the network: loss, optimizer, one-cycle rate, metrics."""

from typing import Any, Literal

import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.nn import functional as F
from torchmetrics import MeanMetric, MetricCollection
from torchmetrics.classification import (
    MulticlassAccuracy,
    MulticlassConfusionMatrix,
    MulticlassPrecision,
    MulticlassRecall,
)

from lightning_app.data.images import Labelled
from lightning_app.net import DEFAULT_NET, Entry, Layers, build
from lightning_app.pixels import scaled
from lightning_app.schedule import one_cycle
from lightning_app.seeds import seed, seed_of

OPTIMIZERS = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW, "sgd": torch.optim.SGD}


class Classifier(pl.LightningModule):
    """An image classifier.

    Args:
        layers: whose convolution, padding and pooling: scratch (hand-written), torch, or numpy (hand-written loops).
        net: the network, layer by layer (see configs/mnist.yaml).
        optimizer: the update rule; sgd has Nesterov momentum 0.9.
        lr: the learning rate at the top of the one-cycle schedule.
        weight_decay: of the optimizer.
        label_smoothing: the part of the target that is spread over all classes.
        warmup: the part of training in which the rate rises.

    """

    def __init__(
        self,
        layers: Layers = "scratch",
        net: list[Entry] = DEFAULT_NET,
        optimizer: Literal["adam", "adamw", "sgd"] = "adam",
        lr: float = 0.01,
        weight_decay: float = 0.0,
        label_smoothing: float = 0.0,
        warmup: float = 0.25,
    ):
        super().__init__()
        self.save_hyperparameters(logger=False)
        self.net = None

    def configure_model(self) -> None:
        """Build the network, once the data have said how large an image is and how many classes there are."""
        if self.net is not None:
            return
        images = self.trainer.datamodule.images
        classes = len(images.classes)
        self.net = build(self.hparams.layers, self.hparams.net, images.shape, classes)
        self.val_loss, self.val_accuracy = MeanMetric(), MulticlassAccuracy(classes, average="micro")
        self.test_metrics = MetricCollection(
            {
                "accuracy": MulticlassAccuracy(classes, average="micro"),
                "precision": MulticlassPrecision(classes, average=None),
                "recall": MulticlassRecall(classes, average=None),
                "confusion": MulticlassConfusionMatrix(classes),
            }
        )

    def forward(self, x: Tensor) -> Tensor:
        """Logits (n, classes) of uint8 images (n, c, h, w)."""
        return self.net(scaled(x))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """The optimizer; its rate is set at every step by `on_train_batch_start`."""
        options = {"momentum": 0.9, "nesterov": True} if self.hparams.optimizer == "sgd" else {}
        kind = OPTIMIZERS[self.hparams.optimizer]
        return kind(self.parameters(), lr=self.hparams.lr, weight_decay=self.hparams.weight_decay, **options)

    def on_fit_start(self) -> None:
        """Learn how many steps the one-cycle schedule has."""
        self.total_steps = max(1, self.trainer.estimated_stepping_batches)

    def on_train_batch_start(self, batch: Labelled, batch_idx: int) -> None:
        """Set this step's learning rate, and make dropout a function of (seed, step, rank): resuming is exact."""
        lr = self.hparams.lr * one_cycle(self.global_step / self.total_steps, self.hparams.warmup)
        for group in self.optimizers().param_groups:
            group["lr"] = lr
        self._log("lr", lr)
        seed(self.device, seed_of(self.trainer.datamodule.seed, self.global_step, self.global_rank))

    def training_step(self, batch: Labelled, batch_idx: int) -> Tensor:
        """Cross-entropy of one batch."""
        x, y = batch
        loss = F.cross_entropy(self(x), y, label_smoothing=self.hparams.label_smoothing)
        self._log("train_loss", loss)
        return loss

    def _log(self, name: str, value: Tensor | float) -> None:
        """Log at the steps that loggers write, and at an epoch's last: at others it would only take a millisecond."""
        every = self.trainer.log_every_n_steps
        if (every and (self.global_step + 1) % every == 0) or self.trainer.is_last_batch or self.trainer.should_stop:
            self.log(name, value)

    def validation_step(self, batch: Labelled, batch_idx: int) -> None:
        """Add a batch to the validation loss and accuracy."""
        x, y = batch
        logits = self(x)
        self.val_loss.update(F.cross_entropy(logits, y), len(y))
        self.val_accuracy.update(logits, y)

    def on_validation_epoch_end(self) -> None:
        """Report over all processes; logging the metrics themselves also resets them."""
        self.log("val_loss", self.val_loss)
        self.log("val_accuracy", self.val_accuracy)

    def test_step(self, batch: Labelled, batch_idx: int) -> None:
        """Add a batch to the test metrics."""
        x, y = batch
        self.test_metrics.update(self(x), y)

    def on_test_epoch_end(self) -> None:
        """Keep the numbers, over all processes, as plain numbers and lists."""
        self.tested = {name: _plain(value) for name, value in self.test_metrics.compute().items()}
        self.test_metrics.reset()

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """A checkpoint says which data it learned from, and what an image and the classes were."""
        checkpoint["data"] = self.trainer.datamodule.description()


def _plain(value: Tensor) -> Any:
    """Python's numbers; fractions to 6 decimals, which float32 has."""
    return value.double().round(decimals=6).tolist() if value.is_floating_point() else value.tolist()
