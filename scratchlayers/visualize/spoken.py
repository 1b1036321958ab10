"""Which layer is meant by words? ``Conv2d(1, 1, 3, stride=2)``, or an object in a module or a file."""

from __future__ import annotations

import ast
from typing import Any

import torch.nn

from .. import nn
from ..source import imported
from .measure.layers import example
from .render.files import closest


def layer(words: str) -> Any:
    """Return the layer, ours if it is named without ``torch.nn``, with small whole numbers for weights.

    Raises:
        ValueError: if the words name none; the nearest name is given.

    """
    return example(_called(words)) if words.rstrip().endswith(")") else loaded(words)


def _called(words: str) -> torch.nn.Module:
    try:
        call = ast.parse(words.strip(), mode="eval").body
        if not isinstance(call, ast.Call):
            raise SyntaxError
        home, _, name = ast.unparse(call.func).rpartition(".")
        values = [ast.literal_eval(value) for value in call.args]
        named = {str(keyword.arg): ast.literal_eval(keyword.value) for keyword in call.keywords}
    except (SyntaxError, ValueError) as why:
        raise ValueError(
            f"{words!r} is not a layer; write it as in Python, such as 'Conv2d(1, 1, 3, stride=2)'"
        ) from why
    module = torch.nn if home == "torch.nn" else nn
    made = getattr(module, name, None)
    if home not in ("", "nn", "torch.nn") or not isinstance(made, type) or not issubclass(made, torch.nn.Module):
        known = [known for known in dir(module) if known[0].isupper()]
        raise ValueError(f"there is no layer {name!r}{closest(name, known)}")
    try:
        return made(*values, **named)
    except (TypeError, ValueError, RuntimeError) as why:
        raise ValueError(f"{words}: {str(why).splitlines()[0].replace('__init__()', name)}") from why


def loaded(words: str) -> Any:
    """Return what ``module:ATTR`` or ``path/to/file.py:ATTR`` is; a class is called without arguments."""
    source, colon, attribute = words.rpartition(":")
    if not colon:
        near = closest(words, [known for known in nn.__all__ if known[0].isupper()])
        raise ValueError(f"{words!r} is not a layer{near}; write 'Conv2d(1, 1, 3)' or path/to/file.py:ATTR")
    try:
        found = getattr(imported(source), attribute)
        return found() if isinstance(found, type) else found
    except Exception as why:  # whatever a file does when it is imported, the user asked for it by name
        raise ValueError(f"cannot load {words!r}: {type(why).__name__}: {why}") from why
