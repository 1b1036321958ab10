"""Which backend is meant? One that is installed, or one in a module or file that is being written."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

from .. import registry
from ..contract import Backend


def load(spec: str) -> Backend:
    """Return the backend of a registered name, ``module:ATTR`` or ``path/to/file.py:ATTR``.

    UnknownBackendError, in one line, if there is none.
    """
    source, colon, attribute = spec.rpartition(":")
    if not colon:
        return registry.get(spec)
    try:
        found = getattr(_imported(source), attribute)
    except Exception as why:  # whatever a file does when it is imported, the user asked for it by name
        raise registry.UnknownBackendError(f"cannot load {spec!r}: {type(why).__name__}: {why}") from why
    if not isinstance(found, Backend):
        raise registry.UnknownBackendError(f"{spec!r} is of {type(found)}, not a scratchlayers.contract.Backend")
    return found


def _imported(source: str) -> ModuleType:
    path = Path(source)
    if path.suffix != ".py":
        return importlib.import_module(source)
    name = f"verified_{path.stem}"  # whatever the file is called, it takes no other module's place
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise FileNotFoundError(f"there is no file {source}")
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
