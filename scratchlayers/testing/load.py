"""Which backend is meant? One that is installed, or one in a module or file that is being written."""

from __future__ import annotations

from .. import registry
from ..contract import Backend
from ..source import imported


def load(spec: str) -> Backend:
    """Return the backend of a registered name, ``module:ATTR`` or ``path/to/file.py:ATTR``.

    UnknownBackendError, in one line, if there is none.
    """
    source, colon, attribute = spec.rpartition(":")
    if not colon:
        return registry.get(spec)
    try:
        found = getattr(imported(source), attribute)
    except Exception as why:  # whatever a file does when it is imported, the user asked for it by name
        raise registry.UnknownBackendError(f"cannot load {spec!r}: {type(why).__name__}: {why}") from why
    if not isinstance(found, Backend):
        raise registry.UnknownBackendError(f"{spec!r} is of {type(found)}, not a scratchlayers.contract.Backend")
    return found
