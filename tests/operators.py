"""Which of torch's operators run inside a block? Of our family, say, none may."""

from __future__ import annotations

from contextlib import contextmanager

from torch.utils._python_dispatch import TorchDispatchMode

from scratchlayers import library

_PARTS = ("conv", "pool", "pad", "im2col", "col2im")


class Watching(TorchDispatchMode):
    """A mode that looks through our operators at what they are made of, and meets each operator of torch that ran."""

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        if function.namespace == library.NAMESPACE:
            with self:
                return library.run(function.overloadpacket.__name__, *args)
        result = function(*args, **(kwargs or {}))
        self.met(function, result)
        return result


class _Noting(Watching):
    def __init__(self):
        super().__init__()
        self.names = set()

    def met(self, function, result):
        name = function.overloadpacket.__name__
        if any(part in name for part in _PARTS):
            self.names.add(name)


@contextmanager
def borrowed():
    """Give the set to which the names of the operators of our family are added that torch runs, backward included."""
    with _Noting() as mode:
        yield mode.names
