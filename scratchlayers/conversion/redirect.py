"""How do torch's functions become ours for one stretch of code, whatever names it knows them by?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch.overrides import TorchFunctionMode

from .table import FUNCTIONS

_OURS: dict[Callable[..., Any], Callable[..., Any]] = {
    getattr(space, name): function for (space, name), function in FUNCTIONS.items()
}


class Redirect(TorchFunctionMode):
    """Inside the block, a call of a function of torch that we have too is a call of ours, in this thread.

    It sees the call and not the name, so that names imported early are caught as well; it costs every call of torch in
    the block some microseconds.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: tuple[type, ...],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Call ours for theirs."""
        return _OURS.get(func, func)(*args, **(kwargs or {}))
