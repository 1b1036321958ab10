"""What came out? results.json, the pictures, and the one line that says so."""

from importlib.metadata import version
from pathlib import Path
from platform import python_version
from typing import Any

import pytorch_lightning as pl
import torch
from rich.markup import escape

from lightning_app import figures
from lightning_app.console import console
from lightning_app.history import History
from lightning_app.run import Run, run_of

PACKAGES = ("torch", "pytorch-lightning", "torchmetrics", "numpy")


def finish(run: Run, trainer: pl.Trainer, history: History) -> None:
    """After training and test: write, draw, point runs/latest here, and say it in a line."""
    content = collect(trainer) | {"epochs": len(history.epochs), "training_seconds": round(history.seconds, 2)}
    run.write_json("results.json", content)
    pictures = {
        "confusion_matrix.png": figures.confusion_matrix(content),
        "learning_curves.png": figures.learning_curves(history, content),
        "feature_maps.png": figures.feature_maps(trainer.lightning_module, trainer.datamodule.images),
    }
    for name, figure in pictures.items():
        with run.writing(name) as part:
            figure.savefig(part, format="png", dpi=figures.DPI)
    (run.folder / "hparams.yaml").unlink(missing_ok=True)  # the CSV logger's; config.yaml says it all
    run.make_latest()
    where = f"pictures and results: {escape(str(run.folder))}"
    console().print(f"{_tested(content)} after {history.seconds:.1f} s of training · {where}")


def validated(checkpoint: str, trainer: pl.Trainer) -> None:
    """After `validate`: write beside the checkpoint's run, and say it."""
    measured = {name: float(value) for name, value in trainer.callback_metrics.items()}
    _beside(checkpoint, "validate.json", _about(trainer) | measured)
    name, layers = trainer.datamodule.images.name, trainer.lightning_module.hparams.layers
    accuracy = (
        f"[bold]{measured['val_accuracy']:.2%}[/] of {len(trainer.datamodule.val.y):,} {escape(name)} validation images"
    )
    console().print(f"{accuracy} · {layers} layers · {escape(checkpoint)}")


def tested(checkpoint: str, trainer: pl.Trainer) -> None:
    """After `test`: write beside the checkpoint's run, and say it. The results.json of training stays."""
    content = collect(trainer)
    _beside(checkpoint, "test.json", content)
    console().print(f"{_tested(content)} · {content['layers']} layers · {escape(checkpoint)}")


def collect(trainer: pl.Trainer) -> dict[str, Any]:
    """The content of results.json, after a test."""
    tested, images = trainer.lightning_module.tested, trainer.datamodule.images
    rows = zip(images.classes, tested["precision"], tested["recall"], tested["confusion"], strict=True)
    return _about(trainer) | {
        "test_accuracy": tested["accuracy"],
        "test_images": sum(map(sum, tested["confusion"])),
        "classes": {
            name: {"precision": precision, "recall": recall, "images": sum(row)}
            for name, precision, recall, row in rows
        },
        "confusion_matrix": tested["confusion"],
    }


def _about(trainer: pl.Trainer) -> dict[str, Any]:
    model, data = trainer.lightning_module, trainer.datamodule
    return {
        "dataset": data.images.name,
        "layers": model.hparams.layers,
        "seed": data.seed,
        "parameters": sum(p.numel() for p in model.net.parameters()),
        "device": trainer.strategy.root_device.type,
        "processes": trainer.world_size,
        "threads": torch.get_num_threads(),
        "versions": {"python": python_version(), **{name: version(name) for name in PACKAGES}},
    }


def _tested(content: dict[str, Any]) -> str:
    accuracy = f"[bold]test accuracy {content['test_accuracy']:.2%}[/]"
    return f"{accuracy} on {content['test_images']:,} {escape(content['dataset'])} images"


def _beside(checkpoint: str, name: str, content: dict[str, Any]) -> None:
    run = run_of(Path(checkpoint))
    if run:
        run.write_json(name, {"checkpoint": checkpoint, **content})
