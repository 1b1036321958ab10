"""Where does a run leave its files? In runs/<name>/, each whole or not at all; runs/latest points to the newest.

``config.yaml  metrics.csv  results.json  *.png  checkpoints/best.ckpt  checkpoints/last.ckpt``
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from math import isfinite
from pathlib import Path
from typing import Any

from lightning_app.errors import AppError

LATEST = "latest"


@dataclass(frozen=True)
class Run:
    """The files of one run."""

    folder: Path

    @property
    def checkpoints(self) -> Path:
        """The folder of best.ckpt and last.ckpt."""
        return self.folder / "checkpoints"

    def create(self, resume: bool) -> None:
        """Make the folder; an existing run is never written over, only resumed."""
        if not resume and self.folder.exists() and any(self.folder.iterdir()):
            raise AppError(f"{self.folder} exists; take another --name, or delete it")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise AppError(f"{self.folder} cannot be made ({error.strerror}); give another --runs") from error

    @contextmanager
    def writing(self, name: str) -> Iterator[Path]:
        """A path to write to, which becomes ``name`` in the run folder only when nothing failed."""
        with whole(self.folder / name) as part:
            yield part

    def write(self, name: str, text: str) -> None:
        """Write a text file."""
        with self.writing(name) as part:
            part.write_text(text, encoding="utf-8")

    def write_json(self, name: str, content: dict[str, Any]) -> None:
        """Write a JSON file. What is no number becomes null, which JSON has in its place."""
        self.write(name, json.dumps(_finite(content), indent=2, ensure_ascii=False, allow_nan=False) + "\n")

    def make_latest(self) -> None:
        """Let runs/latest point here: a symbolic link, or where there are none a file with the name."""
        part = self.folder.parent / f".{os.getpid()}-{LATEST}"
        part.unlink(missing_ok=True)
        try:
            part.symlink_to(self.folder.name)
        except OSError:
            part.write_text(self.folder.name, encoding="utf-8")
        part.replace(self.folder.parent / LATEST)


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A path to write to, which becomes ``path`` only when nothing failed."""
    part = path.parent / f".{os.getpid()}-{path.name}"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield part
        part.replace(path)
    except OSError as error:
        raise AppError(f"{path} cannot be written ({error.strerror})") from error
    finally:
        with suppress(OSError):  # the folder may not be there, or not be ours
            part.unlink()


def new(runs: str, name: str | None) -> Run:
    """The run called ``name``, by default the time of day; nothing is created yet."""
    if name and Path(name).name != name:
        raise AppError(f"--name {name}: a name, not a path; the folder of all runs is --runs")
    time = datetime.now().strftime("%Y-%m-%d_%H-%M-%S")
    names = [name] if name else [time, *(f"{time}_{number}" for number in range(2, 100))]
    folders = [Path(runs) / each for each in names]
    return Run(next((folder for folder in folders if not folder.exists()), folders[0]))


def latest(runs: str) -> Run:
    """The run that was finished last."""
    pointer = Path(runs) / LATEST
    target = pointer.parent / pointer.read_text(encoding="utf-8") if pointer.is_file() else pointer.resolve()
    if not target.is_dir():
        raise AppError(f"no finished run in {runs}; train one (scratchlab fit) or give --ckpt_path")
    return Run(Path(runs) / target.name)


def run_of(checkpoint: Path) -> Run | None:
    """The run that a checkpoint belongs to, if it lies in one."""
    return Run(checkpoint.parent.parent) if checkpoint.parent.name == "checkpoints" else None


def _finite(content: Any) -> Any:
    if isinstance(content, dict):
        return {key: _finite(value) for key, value in content.items()}
    if isinstance(content, (list, tuple)):
        return [_finite(value) for value in content]
    return None if isinstance(content, float) and not isfinite(content) else content
