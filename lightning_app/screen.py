"""What is printed while training? A header, a line per epoch, and on a terminal one moving bar below them."""

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import ProgressBar
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from lightning_app.console import console
from lightning_app.history import History
from lightning_app.run import Run


class Screen(pl.Callback):
    """Prints, in the first process only."""

    def __init__(self, history: History, run: Run):
        self.history, self.run = history, run

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Say what is about to be trained, on what."""
        if trainer.is_global_zero:
            console().print(header(trainer, pl_module))

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Say so when not beginning at the beginning."""
        if trainer.is_global_zero and trainer.ckpt_path:
            after = f"after epoch {trainer.current_epoch} of {trainer.max_epochs}"
            console().print(f"resuming {trainer.ckpt_path} {after}", markup=False)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """One line."""
        if not trainer.is_global_zero:
            return
        row = self.history.epochs[-1]
        of = f"/{trainer.max_epochs}" if trainer.max_epochs > 0 else ""
        validation = f"validation {row['val_accuracy']:7.2%}  " if "val_accuracy" in row else ""
        console().print(
            f"epoch {row['epoch'] + 1:2d}{of}  loss {row['train_loss']:.4f}  {validation}{row['seconds']:6.1f} s"
        )

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        """Whoever stops training is told how to go on."""
        last = self.run.checkpoints / "last.ckpt"
        if isinstance(exception, KeyboardInterrupt) and trainer.is_global_zero and last.is_file():
            console().print(f"stopped; go on with: scratchlab fit --ckpt_path {last}", markup=False)


class Bar(ProgressBar):
    """One bar for the whole of training, in steps. The trainer disables it in all processes but the first."""

    shown = True

    def disable(self) -> None:
        """Draw nothing."""
        self.shown = False

    def enable(self) -> None:
        """Draw again."""
        self.shown = True

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Show the bar."""
        columns = (TextColumn("training"), BarColumn(40), MofNCompleteColumn(), TextColumn("steps"))
        more = (TimeRemainingColumn(compact=True), TextColumn("{task.fields[loss]}"))
        self._progress = Progress(*columns, *more, console=console(), transient=True, disable=not self.shown)
        total = trainer.estimated_stepping_batches
        self._task = self._progress.add_task("", total=total, completed=trainer.global_step, loss="")
        self._progress.start()

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: dict, batch: object, batch_idx: int
    ) -> None:
        """Move the bar."""
        self._progress.update(self._task, completed=trainer.global_step, loss=f"loss {float(outputs['loss']):.3f}")

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Take the bar away."""
        self._progress.stop()

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        """Take the bar away, whatever happened."""
        if hasattr(self, "_progress"):
            self._progress.stop()


def header(trainer: pl.Trainer, model: pl.LightningModule) -> str:
    """One line: layers, size, data, machine, seed."""
    data = trainer.datamodule
    parameters = sum(p.numel() for p in model.net.parameters())
    threads = f"{torch.get_num_threads()} thread{'s' * (torch.get_num_threads() > 1)}"
    processes = f"{trainer.world_size} processes, " if trainer.world_size > 1 else ""
    parts = (
        f"[bold]{model.hparams.layers} layers[/]",
        f"{parameters:,} parameters",
        f"[bold]{escape(data.images.name)}[/] ({escape(data.images.source)})",
        f"{trainer.strategy.root_device.type}, {processes}{threads}",
        f"seed {data.seed}",
    )
    return " · ".join(parts)
