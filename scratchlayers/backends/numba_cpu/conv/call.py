"""How does a kernel use another? By its address, as the team does: then neither is compiled again for the other."""

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.extending import intrinsic


@intrinsic
def call(typingctx, address, *arguments):
    """Call the kernel at an address of :meth:`Kernel.compiled` with the pointers and 64-bit integers it takes."""
    passed = [types.int64 if isinstance(a, types.Integer | types.Boolean) else a for a in arguments]

    def generate(context, builder, signature, values):
        address, operands = values[0], list(values[1:])
        if len(signature.args) == 2 and isinstance(signature.args[1], types.BaseTuple):
            operands = [builder.extract_value(operands[0], k) for k in range(len(signature.args[1]))]
        kind = ir.FunctionType(ir.VoidType(), [operand.type for operand in operands])
        builder.call(builder.inttoptr(address, kind.as_pointer()), operands)
        return context.get_dummy_value()

    return types.void(types.int64, types.StarArgTuple(passed)), generate
