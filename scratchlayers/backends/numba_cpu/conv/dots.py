"""The register tile of a product of two matrices whose rows lie along the sum: a vector takes its next terms.

    Σ lanes of cells[m · COLUMNS + n] (+)= Σ_{i < count} a[m · lda + i] · b[n · ldb + i]        m < ROWS, n < COLUMNS

Neither side is packed or turned. A cell is a vector; its lanes are added when the sum is complete. A sum begins at 0
and what was there is added last: a long sum in short pieces rounds less often at its full size.
"""

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from ..simd import emit_fma, emit_lanes_below, emit_load, emit_load_where, emit_store, vector_of
from ..target import REGISTERS
from .product import emit_added
from .tile import emit_merge, emit_sums

MOST_ROWS = 6 if REGISTERS == 32 else 3
_MOST_COLUMNS = 8
_I64 = ir.IntType(64)


def columns_beside(rows: int) -> int:
    """Return how many columns of a tile of so many rows leave registers for what a step loads."""
    return min((REGISTERS - 1 - rows) // rows, _MOST_COLUMNS)


@intrinsic(prefer_literal=True)
def dots(typingctx, rows, columns, a, lda, b, ldb, cells, count, first):
    """Add to cells[m · columns + n] the products a[m · lda + i] · b[n · ldb + i]; ``first`` forgets what they were."""
    i64 = types.int64
    signature = types.void(rows, columns, a, i64, a, i64, a, i64, i64)
    return signature, _emitter(a, rows.literal_value, columns.literal_value)


def _emitter(pointer, rows, columns):
    def generate(context, builder, signature, arguments):
        _, _, a, lda, b, ldb, cells, count, first = arguments
        vector = context.get_value_type(vector_of(pointer.dtype))
        sides = [builder.gep(a, [builder.mul(lda, _I64(m))]) for m in range(rows)]
        sides += [builder.gep(b, [builder.mul(ldb, _I64(n))]) for n in range(columns)]
        places = [_I64(k * vector.count) for k in range(rows * columns)]
        whole = builder.sdiv(count, _I64(vector.count))

        def multiplied(loaded, sums):
            for k, value in enumerate(sums):
                yield emit_fma(builder, loaded[k // columns], loaded[rows + k % columns], value)

        def step(i, sums):
            place = builder.mul(i, _I64(vector.count))
            return multiplied([emit_load(builder, side, place, vector) for side in sides], sums)

        sums = emit_sums(builder, [ir.Constant(vector, None)] * len(places), whole, step)
        done = builder.mul(whole, _I64(vector.count))
        rest = builder.sub(count, done)

        def last():
            mask = emit_lanes_below(builder, rest, vector.count)
            return multiplied([emit_load_where(builder, side, done, vector, mask) for side in sides], sums)

        sums = _emit_if(builder, builder.icmp_signed(">", rest, _I64(0)), sums, last)
        for place, value in zip(places, emit_added(builder, cells, places, sums, first), strict=True):
            emit_store(builder, cells, place, value)
        return context.get_dummy_value()

    return generate


def _emit_if(builder, condition, values, others):
    """Emit the values, or where a condition holds what ``others`` emits."""
    before, inside, on = builder.block, builder.append_basic_block("if"), builder.append_basic_block("on")
    builder.cbranch(condition, inside, on)
    builder.position_at_end(inside)
    found = [*others()]
    builder.branch(on)
    builder.position_at_end(on)
    return [emit_merge(builder, (old, before), (new, inside)) for old, new in zip(values, found, strict=True)]
