"""What do all our modules share? They may prefer a backend, and whoever reads programs sees torch's module in them."""

from __future__ import annotations

from contextlib import nullcontext
from functools import update_wrapper, wraps
from types import FunctionType

from torch.compiler import is_compiling
from torch.fx import Tracer

from ..functional.traced import Noted
from ..registry import use_backend


class Chooses:
    """A module that may prefer one backend: set ``module.backend`` to its name, or leave it None for the default.

    FX records it as one call of a module, as it does torch's. TorchScript, which compiles source, finds torch's.
    """

    backend: str | None = None

    def __init_subclass__(cls, **words):
        super().__init_subclass__(**words)
        torchs = next((base for base in cls.__mro__ if base.__module__.startswith("torch.nn.modules.")), None)
        if torchs is not None and cls.__module__.startswith(f"{__package__}."):
            if cls.forward is not torchs.forward:
                cls.forward = readable(_closed(cls.forward), torchs.forward)
            if hasattr(cls, "_conv_forward"):
                cls._conv_forward = readable(cls._conv_forward, torchs._conv_forward)

    def _by_choice(self, function, *arguments):
        if self.backend is None:
            return function(*arguments)
        with self._chosen():
            return function(*arguments)

    def _chosen(self):
        if self.backend is None:
            return nullcontext()
        return (Noted if is_compiling() else use_backend)(self.backend)


def _closed(forward):
    """Return ``forward`` as a method that uses no globals."""
    return lambda self, *args, **named: forward(self, *args, **named)


def _as_torchs(is_leaf):
    """Return FX's rule of which modules are one call in a program, for which ours are as torch's."""

    @wraps(is_leaf)
    def is_leaf_module(self, m, module_qualified_name):
        return m.__module__.startswith(f"{__package__}.") or is_leaf(self, m, module_qualified_name)

    return is_leaf_module


def readable(ours: FunctionType, torchs: FunctionType) -> FunctionType:
    """Return a method, which must use no globals, such that TorchScript reads torch's in its place.

    That goes by ``__wrapped__`` to the source, and by the globals to what its names mean: so they are torch's.
    """
    method = FunctionType(ours.__code__, torchs.__globals__, torchs.__name__, ours.__defaults__, ours.__closure__)
    return update_wrapper(method, torchs)


# FX has no other place to say so: its own rule goes by the name of torch's package
Tracer.is_leaf_module = _as_torchs(Tracer.is_leaf_module)
