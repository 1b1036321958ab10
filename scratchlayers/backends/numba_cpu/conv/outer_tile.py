"""The innermost loop of a weight gradient: a tile of sums in registers, along the output positions.

    sums[m, j] = old[m, j] + Σ_i x[places[i] + taps[m]] · gy[i, j]        m < ROWS, j < VECTORS · lanes

A row is a weight's (channel, tap), a column a filter. x is read where it stands, a number at a time: what a tap adds
to a position's place is the same for all positions, so windows are never copied out, whatever the stride, dilation and
rank. gy is packed, all columns of a position beside each other. A step of a 12 × 2 tile loads 2 vectors and 12 numbers
for 24 fused multiply-adds.

Where there are fewer filters than lanes, UNIT convolutions (groups, or images) go side by side: UNIT numbers of x, one
of each, stand together and are repeated to fill a vector; column j belongs to convolution j mod UNIT.

With other roles it is the innermost loop of direct convolution as well (:mod:`direct`).
"""

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from ..jit import Longs, Real, kernel
from ..simd import emit_fma, emit_load, emit_shuffle, emit_store, vector_of
from ..target import REGISTERS
from .product import emit_added
from .tile import emit_sums

ROWS, VECTORS, UNIT = 12, 2, 1
# rows of the largest tile of so many vectors a row whose sums, with what a step loads, stay in registers
MOST_ROWS = {1: 10, 2: 9, 3: 8, 4: 6} if REGISTERS == 32 else {1: 10, 2: 5, 3: 3}
_I64 = ir.IntType(64)


@kernel
def outer_tile(
    x: Real, places: Longs, taps: Longs, gy: Real, count, sums: Real, pitch, old: Real, old_pitch, first
):  # fmt: skip
    """sums[m · pitch + j] = old[m · old_pitch + j] + Σ_{i < count} x[places[i] + taps[m]] · gy[i · columns + j].

    ``old`` may be the sums, or one row to begin with, of pitch 0; it is added last, and not read where ``first``.
    """
    _outer_tile(ROWS, VECTORS, UNIT, x, places, taps, gy, count, sums, pitch, old, old_pitch, first)


@intrinsic(prefer_literal=True)
def _outer_tile(typingctx, rows, vectors, unit, x, places, taps, gy, count, sums, pitch, old, old_pitch, first):
    i64 = types.int64
    signature = types.void(rows, vectors, unit, x, places, taps, gy, i64, sums, i64, old, i64, i64)
    return signature, _emitter(x, rows.literal_value, vectors.literal_value, unit.literal_value)


def _emitter(pointer, rows, vectors, unit):
    def generate(context, builder, signature, arguments):
        _, _, _, x, places, taps, gy, count, sums, pitch, old, old_pitch, first = arguments
        vector = context.get_value_type(vector_of(pointer.dtype))
        length = vector.count
        sources = [builder.gep(x, [builder.load(builder.gep(taps, [_I64(m)]))]) for m in range(rows)]

        def step(i, values):
            columns = builder.gep(gy, [builder.mul(i, _I64(vectors * length))])
            gy_vectors = [emit_load(builder, columns, _I64(j * length), vector) for j in range(vectors)]
            place = builder.load(builder.gep(places, [i]))
            for m in range(rows):
                numbers = _repeated(builder, sources[m], place, vector, unit)
                for j in range(vectors):
                    yield emit_fma(builder, numbers, gy_vectors[j], values[m * vectors + j])

        values = emit_sums(builder, [ir.Constant(vector, None)] * (rows * vectors), count, step)
        cells, before = (
            [builder.add(builder.mul(line, _I64(m)), _I64(j * length)) for m in range(rows) for j in range(vectors)]
            for line in (pitch, old_pitch)
        )
        for cell, value in zip(cells, emit_added(builder, old, before, values, first), strict=True):
            emit_store(builder, sums, cell, value)
        return context.get_dummy_value()

    return generate


def _repeated(builder, pointer, index, vector, unit):
    """Emit a vector that repeats the ``unit`` numbers at pointer[index]."""
    if unit == vector.count:
        return emit_load(builder, pointer, index, vector)
    few = emit_load(builder, pointer, index, ir.VectorType(vector.element, unit))
    return emit_shuffle(builder, few, few, [lane % unit for lane in range(vector.count)])
