"""Where is compiled code kept between processes? In the user's cache directory, or nowhere if that cannot be written.

``SCRATCHLAYERS_CACHE`` names another directory. What is kept is machine code: the directory is the user's own, as
Numba's cache is. Files are written whole or not at all, and a damaged one is compiled again.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

VARIABLE = "SCRATCHLAYERS_CACHE"
PATIENCE = 1.0  # seconds of compiling after which a line says what is going on


def directory() -> Path:
    """Return the directory of compiled kernels, which may not exist."""
    if own := os.environ.get(VARIABLE):
        return Path(own)
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "scratchlayers" / "kernels"


def read(place: str) -> bytes | None:
    """Return what was written under this name, or None."""
    try:
        return (directory() / place).read_bytes()
    except OSError:
        return None


def write(place: str, content: bytes) -> None:
    """Keep content under this name, if the directory can be written."""
    try:
        directory().mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=directory(), delete=False) as file:
            file.write(content)
        Path(file.name).replace(directory() / place)
    except OSError:
        return


def report(words: str, seconds: float) -> None:
    """Say that a kernel took long to compile, so that the first use of a layer does not look broken."""
    if seconds > PATIENCE:
        pass
