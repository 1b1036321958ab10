"""How much of a file from outside is read? Never more than it may hold, whatever it claims."""

import gzip
import os
import sys
import zlib
from pathlib import Path
from typing import BinaryIO

from lightning_app.errors import AppError


def unpacked(path: Path, size: int) -> bytes:
    """The ``size`` bytes of a raw or gzip-packed file; one line when there are more or fewer."""
    try:
        with _opened(path) as file:
            content = file.read(size + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise AppError(f"{path}: cannot be read ({error})") from error
    if len(content) != size:
        found = "more" if len(content) > size else f"only {len(content):,}"
        raise AppError(f"{path}: {size:,} bytes are expected, {found} found")
    return content


def _opened(path: Path) -> BinaryIO | gzip.GzipFile:
    return gzip.open(path) if path.suffix == ".gz" else path.open("rb")


def cache_folder() -> Path:
    """Where this user's downloads are kept: $XDG_CACHE_HOME, or the platform's own place."""
    if os.environ.get("XDG_CACHE_HOME"):
        base = Path(os.environ["XDG_CACHE_HOME"])
    elif sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData/Local"))
    else:
        base = Path.home() / ("Library/Caches" if sys.platform == "darwin" else ".cache")
    return base / "scratchlayers"
