"""The innermost loop of a matrix product: a tile of sums that lives in registers from the first product to the last.

    c[m, j] (+)= Σ_i a[i, m] · b[i, j]        m < ROWS, j < VECTORS · lanes

``a`` is packed, ROWS numbers a step, each multiplied with whole vectors of b's step i. A step of a 12 × 2 tile loads 2
vectors and 12 numbers for 24 fused multiply-adds, so the machine's arithmetic is the bound, not its memory. Where the
steps of b lie is given as a constant distance (:func:`tile`) or as a table (:func:`tile_at`): a table that points into
an image is a convolution whose windows were never copied out.
"""

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from ..jit import Longs, Real, kernel
from ..simd import emit_fma, emit_load, emit_prefetch, emit_splat, emit_store, vector_of
from ..target import REGISTERS

# the largest tile that leaves registers for b's vectors and a's number: 24 sums of 32, or 12 of 16
ROWS, VECTORS = (12, 2) if REGISTERS == 32 else (6, 2)
_I64 = ir.IntType(64)


def _signature(rows, vectors, pointer, where):
    i64 = types.int64
    return types.void(rows, vectors, pointer, pointer, where, pointer, i64, i64, i64)


@intrinsic(prefer_literal=True)
def tile(typingctx, rows, vectors, a, b, step, c, ldc, count, first):
    """c[m · ldc + j] (+)= Σ_{i < count} a[i · rows + m] · b[i · step + j]; ``first`` begins the sum at 0, not at c."""

    def place(builder, step, i):
        return builder.mul(step, i)

    return _signature(rows, vectors, a, types.int64), _tile(a, rows, vectors, place)


@intrinsic(prefer_literal=True)
def tile_at(typingctx, rows, vectors, a, b, offsets, c, ldc, count, first):
    """c[m · ldc + j] = begin + Σ_{i < count} a[(i + 1) · rows + m] · b[offsets[i] + j], begin a[m] or what c was.

    ``first`` begins at a[m], a bias: where a block of the sum is not the first, what stands there is not looked at.
    """

    def place(builder, offsets, i):
        return builder.load(builder.gep(offsets, [i]))

    return _signature(rows, vectors, a, offsets), _tile(a, rows, vectors, place, biased=True)


@kernel
def tile_kernel(a: Real, b: Real, offsets: Longs, c: Real, ldc, count, first):
    """:func:`tile_at` as code of its own, for kernels that serve all shapes and call it at its address."""
    tile_at(ROWS, VECTORS, a, b, offsets, c, ldc, count, first)


def _tile(pointer, rows, vectors, place, biased=False):
    """Return what emits the tile's code; ``place`` emits the index of b's step i."""
    rows, vectors = rows.literal_value, vectors.literal_value

    def generate(context, builder, signature, arguments):
        _, _, a, b, where, c, ldc, count, first = arguments
        vector = context.get_value_type(vector_of(pointer.dtype))
        cells = [
            builder.add(builder.mul(ldc, _I64(m)), _I64(j * vector.count)) for m in range(rows) for j in range(vectors)
        ]

        def row_of_a(i):
            numbers = builder.gep(a, [builder.mul(i, _I64(rows))])
            for m in range(rows):
                yield emit_splat(builder, builder.load(builder.gep(numbers, [_I64(m)])), vector)

        def zero_or_bias():
            row = row_of_a(_I64(0)) if biased else [ir.Constant(vector, None)] * rows
            return [value for value in row for _ in range(vectors)]

        def step(i, sums):
            start = place(builder, where, i)
            row_of_b = (
                emit_load(builder, b, builder.add(start, _I64(j * vector.count)), vector) for j in range(vectors)
            )
            numbers = row_of_a(builder.add(i, _I64(1)) if biased else i)
            if biased:  # what a later tile begins with
                ahead = builder.mul(builder.add(i, builder.add(count, _I64(2))), _I64(rows))
                emit_prefetch(builder, a, ahead, cache=2)
            if vectors > rows:  # registers hold what is fewer: the numbers,
                row = list(numbers)
                columns = [
                    [emit_fma(builder, row[m], value, sums[m * vectors + j]) for m in range(rows)]
                    for j, value in enumerate(row_of_b)
                ]
                return [columns[j][m] for m in range(rows) for j in range(vectors)]
            row = list(row_of_b)  # or the vectors
            return [
                emit_fma(builder, number, row[j], sums[m * vectors + j])
                for m, number in enumerate(numbers)
                for j in range(vectors)
            ]

        sums = emit_sums(builder, [ir.Constant(vector, None)] * len(cells), count, step)
        emit_store_added(builder, c, cells, sums, first, zero_or_bias)
        return context.get_dummy_value()

    return generate


def emit_store_added(builder, c, cells, sums, first, fresh):
    """Emit the stores of the sums, added to fresh values or to what c was.

    A long sum so becomes one of blocks, whose rounding errors grow with the root of their length and number.
    """
    new, again, on = (builder.append_basic_block(name) for name in ("new", "again", "on"))
    builder.cbranch(builder.icmp_signed("!=", first, _I64(0)), new, again)
    builder.position_at_end(new)
    for cell, value, begun in zip(cells, sums, fresh(), strict=True):
        emit_store(builder, c, cell, builder.fadd(value, begun))
    builder.branch(on)
    builder.position_at_end(again)
    for cell, value in zip(cells, sums, strict=True):
        emit_store(builder, c, cell, builder.fadd(value, emit_load(builder, c, cell, value.type)))
    builder.branch(on)
    builder.position_at_end(on)


def emit_merge(builder, *arrivals):
    """Emit the value that depends on the block from which the code arrives: (value, block) for each."""
    value = builder.phi(arrivals[0][0].type)
    for arrival in arrivals:
        value.add_incoming(*arrival)
    return value


def emit_sums(builder, begin, count, step):
    """Emit ``for i in range(count): sums = step(i, sums)`` from ``begin``, the sums in registers; return the last."""
    before = builder.block
    loop, end = builder.append_basic_block("loop"), builder.append_basic_block("end")
    builder.cbranch(builder.icmp_signed(">", count, _I64(0)), loop, end)
    builder.position_at_end(loop)
    i = emit_merge(builder, (_I64(0), before))
    sums = [emit_merge(builder, (value, before)) for value in begin]
    done = list(step(i, sums))
    after = builder.add(i, _I64(1))
    for phi, value in zip([i, *sums], [after, *done], strict=True):
        phi.add_incoming(value, builder.block)
    body = builder.block
    _emit_once(builder, builder.cbranch(builder.icmp_signed("<", after, count), loop, end))
    builder.position_at_end(end)
    return [emit_merge(builder, (old, before), (new, body)) for old, new in zip(begin, done, strict=True)]


def _emit_once(builder, branch):
    """Ask for one copy of the loop that this branch closes: two would not find enough registers."""
    module = builder.module
    rule = module.add_metadata([ir.MetaDataString(module, "llvm.loop.unroll.disable")])
    loop = module.add_metadata([ir.MetaDataString(module, "loop"), rule])
    loop.operands = (loop, rule)  # LLVM knows a loop's description by its naming itself
    branch.set_metadata("llvm.loop", loop)
