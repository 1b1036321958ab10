"""What does the trainer carry besides model and data? Checkpoints, loggers, the screen; and no surprises of its own."""

from typing import Any

import pytorch_lightning as pl
from lightning_utilities.core.imports import RequirementCache
from pytorch_lightning.callbacks import ModelCheckpoint
from pytorch_lightning.loggers import Logger, TensorBoardLogger

from lightning_app.console import console
from lightning_app.data.module import UNSTATED
from lightning_app.errors import AppError
from lightning_app.history import History
from lightning_app.metrics import Metrics
from lightning_app.run import Run
from lightning_app.screen import Bar, Screen


def equipped(options: dict[str, Any], run: Run, saves: bool, resumed_at: int | None) -> dict[str, Any]:
    """The user's trainer ``options`` with our equipment; files are written to ``run`` only if ``saves``."""
    if options["overfit_batches"]:
        raise AppError("--trainer.overfit_batches would replace our sampler; use --trainer.limit_train_batches")
    history = History()
    bar = [Bar()] if console().is_terminal and options["enable_progress_bar"] is not False else []
    ours = {
        "callbacks": [*_as_list(options["callbacks"]), history, Screen(history, run), *bar],
        "enable_progress_bar": bool(bar),  # Lightning's own would be added beside ours
        "enable_model_summary": bool(options["enable_model_summary"]),  # its table says less than our header
        "use_distributed_sampler": False,  # our samplers share the images themselves
    }
    if saves:
        ours["callbacks"] += [_checkpoint(run, "best", monitor="val_loss"), _checkpoint(run, "last")]
    if options["logger"] in (None, True):
        ours["logger"] = _loggers(run, resumed_at) if saves else False
    if options["max_epochs"] is None:
        ours["max_epochs"] = UNSTATED
    return {**options, **ours}


def best_checkpoint(trainer: pl.Trainer) -> str:
    """The file of the epoch with the lowest validation loss; of the last one if none was validated."""
    for checkpoint in trainer.checkpoint_callbacks:
        if checkpoint.best_model_path:
            return checkpoint.best_model_path
    raise AppError("nothing was trained, so there is no checkpoint to test; see --trainer.max_epochs")


def history_of(trainer: pl.Trainer) -> History:
    """The trainer's record of its epochs."""
    return next(callback for callback in trainer.callbacks if isinstance(callback, History))


def _checkpoint(run: Run, name: str, **options: Any) -> ModelCheckpoint:
    """Written at the end of an epoch, over the one before. ("save_last" would keep only epochs that are best.)"""
    return ModelCheckpoint(run.checkpoints, name, save_on_train_epoch_end=True, enable_version_counter=False, **options)


def _loggers(run: Run, resumed_at: int | None) -> list[Logger]:
    loggers = [Metrics(run, resumed_at)]
    if RequirementCache("tensorboard"):
        loggers.append(TensorBoardLogger(run.folder, name="", version="tensorboard"))
    return loggers


def _as_list(value: Any) -> list:
    return [] if value is None else value if isinstance(value, list) else [value]
