"""Rows to columns in registers: a square of as many rows as a vector has lanes, turned about its diagonal.

First the squares within 16 bytes are turned, then these pieces change places, each four (or two) vectors by the same
small network of exchanges. Every exchange is one instruction on any machine.
"""

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from ..simd import (
    emit_lanes_below,
    emit_load,
    emit_load_where,
    emit_shuffle,
    emit_store,
    emit_store_where,
    vector_of,
)

_PIECE = 16  # bytes within which one instruction interleaves two vectors' elements
_I64 = ir.IntType(64)


@intrinsic
def transpose(typingctx, source, rows, at, count, target, start, step):
    """target[start + i · step + r] = source[rows[r] + at + i] for r < lanes, i < count; 0 for i from there to lanes."""
    i64 = types.int64

    def generate(context, builder, signature, arguments):
        source, rows, at, count, target, start, step = arguments
        vector = context.get_value_type(vector_of(signature.args[0].dtype))
        taken = _emit_rows(builder, source, rows, at, count, vector)
        for i, value in enumerate(emit_transpose(builder, taken)):
            emit_store(builder, target, builder.add(start, builder.mul(step, _I64(i))), value)
        return context.get_dummy_value()

    return types.void(source, rows, i64, i64, target, i64, i64), generate


@intrinsic
def transpose_apart(typingctx, source, rows, at, count, target, spots, rank, channel, many):
    """target[place(i) + r] = source[rows[r] + at + i] for r < ``many`` and i < count, both at most lanes.

    Three of the ``spots`` make a place: the first + rank · the second + channel · the third; none where that is 0.
    """
    i64 = types.int64

    def generate(context, builder, signature, arguments):
        source, rows, at, count, target, spots, rank, channel, many = arguments
        vector = context.get_value_type(vector_of(signature.args[0].dtype))
        turned = emit_transpose(builder, _emit_rows(builder, source, rows, at, count, vector))
        mask = emit_lanes_below(builder, many, vector.count)
        end = builder.append_basic_block("end")
        for i, value in enumerate(turned):
            there, store, on = (builder.append_basic_block(name) for name in ("there", "store", "on"))
            builder.cbranch(builder.icmp_signed("<", _I64(i), count), there, end)
            builder.position_at_end(there)
            first, apart, further = (builder.load(builder.gep(spots, [_I64(3 * i + k)])) for k in range(3))
            builder.cbranch(builder.icmp_signed("!=", further, _I64(0)), store, on)
            builder.position_at_end(store)
            place = builder.add(first, builder.add(builder.mul(rank, apart), builder.mul(channel, further)))
            emit_store_where(builder, target, place, value, mask)
            builder.branch(on)
            builder.position_at_end(on)
        builder.branch(end)
        builder.position_at_end(end)
        return context.get_dummy_value()

    return types.void(source, rows, i64, i64, target, spots, i64, i64, i64), generate


def _emit_rows(builder, source, rows, at, count, vector):
    """Emit the vectors of source[rows[r] + at], ..., the first ``count`` lanes of each; the others are 0."""
    mask = emit_lanes_below(builder, count, vector.count)
    places = (builder.add(builder.load(builder.gep(rows, [_I64(r)])), at) for r in range(vector.count))
    return [emit_load_where(builder, source, place, vector, mask) for place in places]


@intrinsic
def transpose_first(typingctx, source, pitch, target, step, columns, rows):
    """target[i · step + r] = source[r · pitch + i] for r < rows, i < columns, of which there may be more than lanes."""
    i64 = types.int64

    def generate(context, builder, signature, arguments):
        source, pitch, target, step, columns, rows = arguments
        vector = context.get_value_type(vector_of(signature.args[0].dtype))
        taken = [emit_load(builder, source, builder.mul(pitch, _I64(r)), vector) for r in range(vector.count)]
        turned = emit_transpose(builder, taken)
        whole, part, end = (builder.append_basic_block(name) for name in ("whole", "part", "end"))
        builder.cbranch(builder.icmp_signed(">=", rows, _I64(vector.count)), whole, part)
        for block, mask in ((whole, None), (part, rows)):
            builder.position_at_end(block)
            if mask is not None:
                mask = emit_lanes_below(builder, rows, vector.count)
            for i, value in enumerate(turned):
                there = builder.append_basic_block("there")
                builder.cbranch(builder.icmp_signed("<", _I64(i), columns), there, end)
                builder.position_at_end(there)
                emit_store_where(builder, target, builder.mul(step, _I64(i)), value, mask)
            builder.branch(end)
        builder.position_at_end(end)
        return context.get_dummy_value()

    return types.void(source, i64, target, i64, i64, i64), generate


def emit_transpose(builder, rows):
    """Emit the columns of the square whose rows are these vectors."""
    lanes = len(rows)
    piece = min(_PIECE // {"float": 4, "double": 8}[str(rows[0].type.element)], lanes)
    pieces = lanes // piece
    turned = []
    for g in range(0, lanes, piece):
        turned += _network(builder, rows[g : g + piece], _zip(lanes, piece, 1), _zip(lanes, piece, piece // 2))
    columns = [[]] * piece
    for k in range(piece):
        columns[k] = _network(builder, turned[k::piece], _halves(lanes, piece), _alternate(lanes, piece))
    return [columns[k][b] for b in range(pieces) for k in range(piece)]


def _network(builder, rows, first, second):
    """Turn a square of 4, 2 or 1 rows by exchanges of pairs; an exchange is the lanes of its low and high result."""
    if len(rows) == 1:
        return rows
    if len(rows) == 4:
        a, b, c, d = rows
        rows = [emit_shuffle(builder, *pair, order) for order in first for pair in ((a, b), (c, d))]
    pairs = zip(rows[::2], rows[1::2], strict=True)
    return [emit_shuffle(builder, *pair, order) for pair in pairs for order in second]


def _zip(lanes, piece, width):
    """Within each piece, ``width`` elements of a, as many of b, and so on, from its first or its second half."""

    def order(half):
        spots = [(i, source) for i in range(0, piece // 2, width) for source in (0, lanes)]
        return [source + p + half + i + w for p in range(0, lanes, piece) for i, source in spots for w in range(width)]

    return order(0), order(piece // 2)


def _halves(lanes, piece):
    """The first halves of a and b, or the second."""
    return tuple([s + h + i for s in (0, lanes) for i in range(lanes // 2)] for h in (0, lanes // 2))


def _alternate(lanes, piece):
    """Every second piece of a and then b."""
    pieces = range(0, lanes, 2 * piece)
    return tuple([s + p + h + i for s in (0, lanes) for p in pieces for i in range(piece)] for h in (0, piece))
