"""Where is compiled code kept between processes? In the user's cache directory, or nowhere if that cannot be written.

``SCRATCHLAYERS_CACHE`` names another directory. What is kept is machine code, so only files that the user or root owns,
and nobody else can write, are read. Files are written whole or not at all; what is damaged is as good as not there.
"""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

VARIABLE = "SCRATCHLAYERS_CACHE"
MOST = 2000  # files kept; beyond that, those that were used longest ago go
_SUFFIX = ".kernel"
_DIGEST = hashlib.sha256().digest_size


def directory() -> Path:
    """Return the directory of compiled kernels, which may not exist; OSError if there is no place for one."""
    place = os.environ.get(VARIABLE) or f"{os.environ.get('XDG_CACHE_HOME') or '~/.cache'}/scratchlayers/kernels"
    try:
        return Path(place).expanduser()
    except RuntimeError as why:
        raise OSError(str(why)) from why


def read(name: str) -> bytes | None:
    """Return what was written under this name, or None."""
    try:
        path = directory() / f"{name}{_SUFFIX}"
        with path.open("rb") as file:
            if not _trusted(os.fstat(file.fileno())):
                return None
            digest, content = file.read(_DIGEST), file.read()
    except OSError:
        return None
    with suppress(OSError):
        os.utime(path)  # in use, so not among the first to go
    return content if digest == _digest(name, content) else None


def write(name: str, content: bytes) -> bool:
    """Keep content under this name, and return whether that was possible."""
    try:
        place = directory()
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        _put(place / f"{name}{_SUFFIX}", _digest(name, content) + content)
    except OSError:
        return False
    with suppress(OSError):
        _bound(place)
    return True


def _digest(name: str, content: bytes) -> bytes:
    return hashlib.sha256(name.encode() + b"\0" + content).digest()


def _trusted(status: os.stat_result) -> bool:
    """Whether nobody but the user and root can have written a file."""
    if not hasattr(os, "geteuid"):
        return True
    return status.st_uid in (os.geteuid(), 0) and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def _put(path: Path, content: bytes) -> None:
    handle, temporary = tempfile.mkstemp(_SUFFIX, "unfinished-", path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(temporary).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(temporary).unlink()
        raise


def _bound(place: Path) -> None:
    """Remove what was used longest ago, all beyond the number that is kept."""
    files = list(place.glob(f"*{_SUFFIX}"))
    if len(files) > MOST:
        for path in sorted(files, key=os.path.getmtime)[: len(files) - MOST]:
            path.unlink(missing_ok=True)
