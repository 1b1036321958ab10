"""The register tile of a matrix product whose left side lies as it comes, its rows or its columns together.

    c[m · ldc + j] = old[m · ldo + j] + Σ_{i < count} a[m · row + i · step] · b[i · b_step + j]

for m < rows, j < vectors · lanes.

With ``step`` 1 a row of ``a`` is a pixel, or a tile of Winograd's, and the sum runs over channels; with ``row`` 1 a row
is a filter, and the sum runs over pixels or tiles. The sum begins at 0 and what was before is added last: a long sum in
short pieces rounds less often at its full size.
"""

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from ..simd import emit_fma, emit_load, emit_splat, emit_store, vector_of
from .tile import emit_merge, emit_sums

_I64 = ir.IntType(64)


@intrinsic(prefer_literal=True)
def product(typingctx, rows, vectors, a, row, step, b, b_step, c, ldc, count, old, ldo, first):
    """c[m · ldc + j] = old[m · ldo + j] + Σ_{i < count} a[m · row + i · step] · b[i · b_step + j].

    ``old`` may be c, or numbers to begin with; where ``first``, it counts as 0 and is not read.
    """
    i64 = types.int64
    signature = types.void(rows, vectors, a, i64, i64, a, i64, a, i64, i64, a, i64, i64)
    return signature, _emitter(a, rows.literal_value, vectors.literal_value)


def _emitter(pointer, rows, vectors):
    def generate(context, builder, signature, arguments):
        _, _, a, row, a_step, b, b_step, c, ldc, count, old, ldo, first = arguments
        vector = context.get_value_type(vector_of(pointer.dtype))
        columns = [_I64(j * vector.count) for j in range(vectors)]
        cells, before = (
            [builder.add(builder.mul(pitch, _I64(m)), column) for m in range(rows) for column in columns]
            for pitch in (ldc, ldo)
        )
        starts = [builder.gep(a, [builder.mul(row, _I64(m))]) for m in range(rows)]

        def step(i, sums):
            numbers, place = builder.mul(i, a_step), builder.mul(i, b_step)
            b_vectors = [emit_load(builder, b, builder.add(place, column), vector) for column in columns]
            for m, start in enumerate(starts):
                number = emit_splat(builder, builder.load(builder.gep(start, [numbers])), vector)
                for j in range(vectors):
                    yield emit_fma(builder, number, b_vectors[j], sums[m * vectors + j])

        sums = emit_sums(builder, [ir.Constant(vector, None)] * len(cells), count, step)
        for cell, value in zip(cells, emit_added(builder, old, before, sums, first), strict=True):
            emit_store(builder, c, cell, value)
        return context.get_dummy_value()

    return generate


def emit_added(builder, old, cells, sums, first):
    """Emit the sums plus what was before; where ``first``, the sums alone."""
    end, again, on = builder.block, builder.append_basic_block("again"), builder.append_basic_block("on")
    builder.cbranch(builder.icmp_signed("!=", first, _I64(0)), on, again)
    builder.position_at_end(again)
    kept = [emit_load(builder, old, cell, value.type) for cell, value in zip(cells, sums, strict=True)]
    both = [builder.fadd(*pair) for pair in zip(sums, kept, strict=True)]
    builder.branch(on)
    builder.position_at_end(on)
    return [emit_merge(builder, (alone, end), (added, again)) for alone, added in zip(sums, both, strict=True)]
