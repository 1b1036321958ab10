"""How does MNIST get here? From a mirror that answers at once; checked before it is kept, whole or not at all."""

import os
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException, HTTPResponse
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
ANSWER_WITHIN = 4.0  # seconds in which a mirror has to answer, all being asked at once
TIMEOUT = 10.0  # seconds without a byte, after that
TRIES = 2
CHUNK = 1 << 16
FAILURES = (OSError, HTTPException, AppError)


def fetch(folder: Path) -> None:
    """Put MNIST's four files into ``folder``; an AppError names every mirror and why it failed."""
    folder.mkdir(parents=True, exist_ok=True)
    answers = _ask(MIRRORS)
    for mirror in MIRRORS:
        if answers[mirror] is not None:
            continue
        try:
            with _progress() as progress:
                for file in mnist.FILES:
                    _fetch_file(mirror, file, folder, progress)
            return
        except FAILURES as error:
            answers[mirror] = _reason(error)
    raise AppError("MNIST could not be downloaded: " + "; ".join(f"{m} ({why})" for m, why in answers.items()))


def _ask(mirrors: tuple[str, ...]) -> dict[str, str | None]:
    """Why each mirror is of no use, or None. Looking up a name knows no time limit, so threads do it."""
    answers: dict[str, str | None] = dict.fromkeys(mirrors, f"no answer within {ANSWER_WITHIN:.0f} s")

    def ask(mirror: str) -> None:
        try:
            _open(f"{mirror}{mnist.TEST_Y.name}.gz", ANSWER_WITHIN).close()
            answers[mirror] = None
        except FAILURES as error:
            answers[mirror] = _reason(error)

    threads = [threading.Thread(target=ask, args=(mirror,), daemon=True) for mirror in mirrors]
    end = time.monotonic() + ANSWER_WITHIN
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))
    return dict(answers)


def _fetch_file(mirror: str, file: mnist.File, folder: Path, progress: Progress) -> None:
    path = folder / f"{file.name}.gz"
    if path.is_file():
        return
    with _whole_or_not(path) as part:
        for attempt in range(TRIES):
            try:
                _copy(_open(mirror + path.name, TIMEOUT), part, file, progress)
                break
            except (OSError, HTTPException):
                if attempt == TRIES - 1:
                    raise
        mnist.verified(part, file)


@contextmanager
def _whole_or_not(path: Path) -> Iterator[Path]:
    """A private name to write to, which becomes ``path`` only when nothing failed."""
    part = path.with_name(f"{path.stem}-{os.getpid()}.part.gz")
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _open(url: str, timeout: float) -> HTTPResponse:
    request = urllib.request.Request(url, headers={"User-Agent": "scratchlayers"})
    return urllib.request.urlopen(request, timeout=timeout)


def _copy(answer: HTTPResponse, part: Path, file: mnist.File, progress: Progress) -> None:
    total = int(answer.headers.get("Content-Length", 0)) or None
    task = progress.add_task(file.name, total=total)
    with answer, part.open("wb") as out:
        while chunk := answer.read(CHUNK):
            out.write(chunk)
            progress.advance(task, len(chunk))
            if out.tell() > file.size + CHUNK:  # packing may add a little, never this much
                raise AppError(f"{file.name}: the answer is larger than the file")
        if total and out.tell() != total:
            raise ConnectionError(f"{file.name}: the connection was lost")


def _reason(error: Exception) -> str:
    return str(getattr(error, "reason", error))


def _progress() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    return Progress(*columns, console=console(), transient=True, disable=not console().is_terminal)
