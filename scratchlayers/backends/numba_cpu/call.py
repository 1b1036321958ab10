"""How does one kernel run the code of another? At its address, as the team of threads does.

What is called stays a function of its own: it is compiled once for all that call it, and has all registers.
"""

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic


@intrinsic
def call(typingctx, address, arguments):
    """Call a kernel with a tuple of pointers and integers."""

    def generate(context, builder, signature, values):
        address, packed = values
        words = []
        for kind, value in zip(arguments, cgutils.unpack_tuple(builder, packed), strict=True):
            pointer = isinstance(kind, types.CPointer)
            words.append(value if pointer else context.cast(builder, value, kind, types.int64))
        code = ir.FunctionType(ir.VoidType(), [word.type for word in words]).as_pointer()
        builder.call(builder.inttoptr(address, code), words)
        return context.get_dummy_value()

    return types.void(types.int64, arguments), generate
