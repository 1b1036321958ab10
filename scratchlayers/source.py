"""Which module is meant by ``package.module`` or by ``path/to/file.py``?"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType


def imported(source: str) -> ModuleType:
    """Import a module by its name, or a file by its path; whatever the import raises comes out."""
    path = Path(source)
    if path.suffix != ".py":
        return importlib.import_module(source)
    name = f"loaded_{path.stem}"  # whatever the file is called, it takes no other module's place
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise FileNotFoundError(f"there is no file {source}")
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
