"""How does MNIST get here? From the first mirror that answers, checked before it is kept, whole or not at all."""

import os
import time
import urllib.request
from collections.abc import Iterable
from contextlib import contextmanager
from pathlib import Path

from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from lightning_app.console import console
from lightning_app.data import mnist
from lightning_app.errors import AppError

MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
    "https://raw.githubusercontent.com/fgnt/mnist/master/",
)
TIMEOUT = 3.0  # seconds without an answer or a byte
TRIES = 2  # per mirror, once it has answered at all
CHUNK = 1 << 16


def fetch(folder: Path) -> None:
    """Put MNIST's four files into ``folder``; an AppError names every mirror tried and why it failed."""
    folder.mkdir(parents=True, exist_ok=True)
    reasons = []
    for mirror in MIRRORS:
        try:
            with _progress() as progress:
                for file in mnist.FILES:
                    _fetch_file(mirror, file, folder, progress)
            return
        except (OSError, AppError) as error:
            reasons.append(f"{mirror} ({getattr(error, 'reason', error)})")
    raise AppError("MNIST could not be downloaded: " + "; ".join(reasons))


def _fetch_file(mirror: str, file: mnist.File, folder: Path, progress: Progress) -> None:
    path = folder / f"{file.name}.gz"
    if path.is_file():
        return
    with _whole_or_not(path) as part:
        for attempt in range(TRIES):
            try:
                _copy(_answer(mirror + path.name), part, file, progress)
                break
            except OSError:
                if attempt == TRIES - 1 or not part.exists():
                    raise
                time.sleep(0.5)
        mnist.verified(part, file)


@contextmanager
def _whole_or_not(path: Path) -> Iterable[Path]:
    """A private name to write to, that becomes ``path`` only when nothing failed."""
    part = path.with_name(f"{os.getpid()}.part.gz")
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _answer(url: str):
    request = urllib.request.Request(url, headers={"User-Agent": "scratchlayers"})
    return urllib.request.urlopen(request, timeout=TIMEOUT)


def _copy(answer, part: Path, file: mnist.File, progress: Progress) -> None:
    total = int(answer.headers.get("Content-Length", 0)) or None
    task = progress.add_task(file.name, total=total)
    with answer, part.open("wb") as out:
        while chunk := answer.read(CHUNK):
            out.write(chunk)
            progress.advance(task, len(chunk))
            if out.tell() > file.size:  # packed is never larger than unpacked
                raise AppError(f"{file.name}: the answer is larger than the file")


def _progress() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    return Progress(*columns, console=console(), transient=True)
