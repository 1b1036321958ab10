"""What does TorchScript find where a program calls one of our functions? Torch's, of the same name.

It compiles source, and ours is no program that it could. A scripted module runs torch's operators, also where this
package is not installed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch._jit_internal import boolean_dispatched
from torch.jit import _builtins


def scriptable(ours: Callable[..., Any], torchs: Callable[..., Any]) -> None:
    """Let TorchScript read ``torchs`` for ``ours``, which for it is an operator, a choice of two, or more source."""
    operator = _builtins._find_builtin(torchs)  # type: ignore[no-untyped-call]  # torch has no types here
    if operator is not None:
        _builtins._register_builtin(ours, operator)
    elif torchs in boolean_dispatched:
        boolean_dispatched[ours] = boolean_dispatched[torchs]
    else:
        ours.__prepare_scriptable__ = lambda: torchs  # type: ignore[attr-defined]  # where TorchScript looks
