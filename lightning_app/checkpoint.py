"""Which weights are meant, and how were they made? Finds and reads checkpoints; nothing in one is ever executed."""

from pathlib import Path
from typing import Any

import torch

from lightning_app import run
from lightning_app.data import choose
from lightning_app.data.images import Images
from lightning_app.errors import AppError

WORDS = ("best", "last")
NEEDED = ("state_dict", "hyper_parameters", "data")


def find(asked: str | None, runs: str) -> Path:
    """The file asked for, or the best of a run's folder; "best" (the default) and "last" are of the latest run."""
    if asked is None or asked in WORDS:
        path = run.latest(runs).checkpoints / f"{asked or WORDS[0]}.ckpt"
    elif Path(asked).is_dir():
        path = run.Run(Path(asked)).checkpoints / f"{WORDS[0]}.ckpt"
    else:
        path = Path(asked)
    if path.is_file():
        return path
    there = sorted(map(str, Path(runs).glob("*/checkpoints/*.ckpt")))
    raise AppError(f"no checkpoint {path}; there are: {', '.join(there) if there else f'none in {runs}'}")


def read(path: Path) -> dict[str, Any]:
    """The content of a checkpoint of this application, on the CPU."""
    try:
        content = torch.load(path, weights_only=True, map_location="cpu")
    except Exception as error:
        raise AppError(f"{path}: not a readable checkpoint ({type(error).__name__})") from error
    missing = [key for key in NEEDED if not isinstance(content, dict) or key not in content]
    if missing:
        raise AppError(f"{path}: not a checkpoint of lightning_app, it has no {', '.join(missing)}")
    return content


def images(content: dict[str, Any]) -> Images | None:
    """The data that a checkpoint learned from; None where they are not, or no longer the same, on this machine."""
    data = content["data"]
    try:
        found = choose.load(data["options"]["dataset"], data["options"]["root"])
    except (AppError, OSError):
        return None
    same = list(found.shape) == data["shape"] and list(found.classes) == data["classes"]
    return found if same else None


def defaults(content: dict[str, Any]) -> dict[str, Any]:
    """Command-line options as they were when the checkpoint was written."""
    model = {f"model.{name}": value for name, value in content["hyper_parameters"].items() if name[0] != "_"}
    options = dict(content["data"]["options"])
    seed = options.pop("seed")
    data = {f"data.{name}": value for name, value in options.items()}
    return {**model, **data, "seed_everything": seed}
