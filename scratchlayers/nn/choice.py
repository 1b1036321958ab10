"""What do all our modules share? They may prefer a backend, and whoever reads programs sees torch's module in them."""

from __future__ import annotations

from contextlib import nullcontext
from functools import update_wrapper
from types import FunctionType

from torch.fx import Proxy

from ..registry import use_backend

_NO_WISH = nullcontext()


class Chooses:
    """A module that may prefer one backend: set ``module.backend`` to its name, or leave it None for the default.

    FX records it as one call of a module, as it does torch's. TorchScript, which compiles source, finds torch's.
    """

    backend: str | None = None

    def __init_subclass__(cls, **words):
        super().__init_subclass__(**words)
        torchs = next((base for base in cls.__mro__ if base.__module__.startswith("torch.nn.modules.")), None)
        if torchs is not None and cls.__module__.startswith(f"{__package__}."):
            cls.forward = _readable(_recordable(cls.forward), torchs.forward)
            if hasattr(cls, "_conv_forward"):
                cls._conv_forward = _readable(cls._conv_forward, torchs._conv_forward)

    def _chosen(self):
        return _NO_WISH if self.backend is None else use_backend(self.backend)


def _recordable(forward):
    """Return ``forward``, which for a proxy of FX is a call of the module in the program that FX writes."""
    proxy = Proxy

    def recordable(self, input, *others, **named):
        if isinstance(input, proxy):
            tracer = input.tracer
            return tracer.create_proxy("call_module", tracer.path_of_module(self), (input, *others), named)
        return forward(self, input, *others, **named)

    return recordable


def _readable(ours, torchs):
    """Return a method, which must use no globals, such that TorchScript reads torch's in its place.

    That goes by ``__wrapped__`` to the source, and by the globals to what its names mean: so they are torch's.
    """
    method = FunctionType(ours.__code__, torchs.__globals__, torchs.__name__, ours.__defaults__, ours.__closure__)
    return update_wrapper(method, torchs)
