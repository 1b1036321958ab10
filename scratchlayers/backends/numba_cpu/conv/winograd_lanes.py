"""How do channels get onto the lanes of vectors, and back into planes?

*Staged* pixels hold one vector each: the pixel's value in as many channels as a vector has lanes.
"""

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from ..jit import inner
from ..simd import at, bytes_of, emit_call, emit_load, emit_store, emit_suffix, length, splat, store, vector_of
from ..target import lanes
from .transpose import emit_transpose

TAPS = 9
LANES = lanes(4)
_SHORT = min(TAPS, LANES)
_I1, _I32, _I64 = ir.IntType(1), ir.IntType(32), ir.IntType(64)


@intrinsic(prefer_literal=True)
def turn(typingctx, rows, columns, x, row, y, step):
    """y[p · step + c] = x[c · row + p] for c < rows and p < columns, constants of at most the lanes."""
    i64, rows_count, columns_count = types.int64, rows.literal_value, columns.literal_value

    def generate(context, builder, signature, arguments):
        _, _, x, row, y, step = arguments
        vector = context.get_value_type(vector_of(signature.args[2].dtype))
        taken = [ir.Constant(vector, None)] * vector.count
        for c in range(rows_count):
            taken[c] = _emit_load(builder, x, builder.mul(row, _I64(c)), vector, columns_count)
        for p, value in enumerate(emit_transpose(builder, taken)[:columns_count]):
            _emit_store(builder, y, builder.mul(step, _I64(p)), value, rows_count)
        return context.get_dummy_value()

    return types.void(rows, columns, x, i64, y, i64), generate


def _emit_load(builder, x, index, vector, count):
    """Emit a load of the first ``count`` elements of a vector; the others are not read."""
    if count == vector.count:
        return emit_load(builder, x, index, vector)
    name, address, align, mask = _emit_part(builder, "load", x, index, vector, count)
    return emit_call(builder, name, vector, [address, align, mask, ir.Constant(vector, None)])


def _emit_store(builder, y, index, value, count):
    """Emit a store of the first ``count`` elements of a vector; the others are not written."""
    if count == value.type.count:
        emit_store(builder, y, index, value)
        return
    name, address, align, mask = _emit_part(builder, "store", y, index, value.type, count)
    emit_call(builder, name, ir.VoidType(), [value, address, align, mask])


def _emit_part(builder, action, pointer, index, vector, count):
    name, kind = f"llvm.masked.{action}.{emit_suffix(vector)}.p0", ir.VectorType(_I1, vector.count)
    address = builder.bitcast(builder.gep(pointer, [index]), vector.as_pointer())
    return name, address, _I32(bytes_of(vector.element)), ir.Constant(kind, [i < count for i in range(vector.count)])


@inner
def stage(x, channel, pixel, channels, count, staged):
    """staged[p · lanes + c] = x[c · channel + p · pixel] for p < count; 0 in the lanes c ≥ channels."""
    lanes = length(x)
    whole = channels >= lanes and pixel == 1
    if whole and count >= lanes:
        for p in range(0, count, lanes):
            first = min(p, count - lanes)
            turn(LANES, LANES, at(x, first), channel, at(staged, first * lanes), lanes)
    elif whole and count == _SHORT:
        turn(LANES, _SHORT, x, channel, staged, lanes)
    else:
        for p in range(count):
            store(staged, p * lanes, splat(x, 0.0))
            for c in range(min(channels, lanes)):
                staged[p * lanes + c] = x[c * channel + p * pixel]


@inner
def unstage(staged, y, channel, pixel, channels, count):
    """y[c · channel + p · pixel] = staged[p · lanes + c] for p < count and c < channels."""
    lanes = length(y)
    whole = channels >= lanes and pixel == 1
    if whole and count >= lanes:
        for p in range(0, count, lanes):
            first = min(p, count - lanes)
            turn(LANES, LANES, at(staged, first * lanes), lanes, at(y, first), channel)
    elif whole and count == _SHORT:
        turn(_SHORT, LANES, staged, lanes, y, channel)
    else:
        for p in range(count):
            for c in range(min(channels, lanes)):
                y[c * channel + p * pixel] = staged[p * lanes + c]
