"""The innermost loop of a convolution with an image in each lane: all filters of a panel at one output position.

    c[m · pitch + j] = begin + Σ_{l < lines} Σ_{i < count} a[l · a_line + i · ROWS + m] · b[l · b_line + offsets[i] + j]

for m < ROWS, j < VECTORS · lanes. A line is a row of taps, of all channels: those that read the image, and no others.
"""

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from ..jit import Longs, Real, kernel
from ..simd import emit_fma, emit_load, emit_splat, vector_of
from ..target import REGISTERS
from .tile import emit_store_added, emit_sums

ROWS, VECTORS = 6, 2
# rows of the largest tile of so many vectors a row: its sums, a step's vectors and a number are in registers, and four
# vectors are only for what makes too few sums with two; so one tile serves most batches
MOST_ROWS = {1: 28, 2: 14, 4: 3} if REGISTERS == 32 else {1: 12, 2: 6, 4: 2}
_I64 = ir.IntType(64)


@kernel
def images_tile(
    a: Real, a_line, b: Real, b_line, offsets: Longs, lines, count, c: Real, pitch, bias: Real, first
):  # fmt: skip
    """c[m · pitch + j] = the sums, added to bias[m] where ``first`` and else to what c was."""
    _images_tile(ROWS, VECTORS, a, a_line, b, b_line, offsets, lines, count, c, pitch, bias, first)


@intrinsic(prefer_literal=True)
def _images_tile(typingctx, rows, vectors, a, a_line, b, b_line, offsets, lines, count, c, pitch, bias, first):
    i64 = types.int64
    signature = types.void(rows, vectors, a, i64, a, i64, offsets, i64, i64, a, i64, a, i64)
    return signature, _emitter(a, rows.literal_value, vectors.literal_value)


def _emitter(pointer, rows, vectors):
    def generate(context, builder, signature, arguments):
        _, _, a, a_line, b, b_line, offsets, lines, count, c, pitch, bias, first = arguments
        vector = context.get_value_type(vector_of(pointer.dtype))
        columns = [_I64(j * vector.count) for j in range(vectors)]
        cells = [builder.add(builder.mul(pitch, _I64(m)), column) for m in range(rows) for column in columns]

        def numbers_at(pointer):
            for m in range(rows):
                yield emit_splat(builder, builder.load(builder.gep(pointer, [_I64(m)])), vector)

        def line(number, sums):
            weights, source = (
                builder.gep(side, [builder.mul(number, apart)]) for side, apart in ((a, a_line), (b, b_line))
            )

            def step(i, sums):
                place = builder.load(builder.gep(offsets, [i]))
                row = [emit_load(builder, source, builder.add(place, column), vector) for column in columns]
                for m, number in enumerate(numbers_at(builder.gep(weights, [builder.mul(i, _I64(rows))]))):
                    for j in range(vectors):
                        yield emit_fma(builder, number, row[j], sums[m * vectors + j])

            return emit_sums(builder, sums, count, step)

        sums = emit_sums(builder, [ir.Constant(vector, None)] * len(cells), lines, line)
        biases = lambda: [value for value in numbers_at(bias) for _ in columns]  # noqa: E731
        emit_store_added(builder, c, cells, sums, first, biases)
        return context.get_dummy_value()

    return generate
