"""Does torch compute a convolution, pooling or padding itself inside a block?"""

from __future__ import annotations

from contextlib import contextmanager

from torch.utils._python_dispatch import TorchDispatchMode

from scratchlayers import library

_PARTS = ("conv", "pool", "pad", "im2col", "col2im")


class _Noting(TorchDispatchMode):
    def __init__(self):
        super().__init__()
        self.names = set()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        name = function.overloadpacket.__name__
        if function.namespace == library.NAMESPACE:  # an operator of ours: watch what it is made of
            with self:
                return library.run(name, *args)
        if any(part in name for part in _PARTS):
            self.names.add(name)
        return function(*args, **(kwargs or {}))


@contextmanager
def borrowed():
    """Give the set to which the names of the operators of our family are added that torch runs, backward included."""
    with _Noting() as mode:
        yield mode.names
