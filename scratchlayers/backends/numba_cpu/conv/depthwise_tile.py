"""The innermost loops of depthwise convolution: sums that live in registers while the taps, or the image, go by.

Taps come in runs: those of a run read the same vectors, one ``pitch`` after the other, so that a tile of ROWS results
and a run of L taps load ROWS + L − 1 vectors for ROWS · L fused multiply-adds.
"""

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from ..simd import (
    bytes_of,
    emit_call,
    emit_fma,
    emit_lanes_below,
    emit_load,
    emit_splat,
    emit_store,
    emit_suffix,
    vector_of,
)
from .tile import emit_sums
from .transpose import emit_transpose

_I32, _I64 = ir.IntType(32), ir.IntType(64)


@intrinsic
def turn(typingctx, x, rows, y, yi, step):
    """y[yi + i · step + r] = x[rows[r] + i] for r, i < lanes."""

    def generate(context, builder, signature, arguments):
        x, rows, y, yi, step = arguments
        vector = context.get_value_type(vector_of(signature.args[0].dtype))
        places = [builder.load(builder.gep(rows, [_I64(r)])) for r in range(vector.count)]
        for i, value in enumerate(emit_transpose(builder, [emit_load(builder, x, place, vector) for place in places])):
            emit_store(builder, y, builder.add(yi, builder.mul(step, _I64(i))), value)
        return context.get_dummy_value()

    return types.void(x, rows, y, types.int64, types.int64), generate


@intrinsic(prefer_literal=True)
def sum_taps(
    typingctx, rows, run, rest, across, x, xi, x_pitch, shifts, w, runs, rests, begin, y, yi, y_pitch, lanes, drop
):
    """y[yi + j · y_pitch + ...] = begin[0] + Σ_taps w[tap] · x[xi + shift of the tap + j · x_pitch + ...], j < rows.

    ``shifts`` holds, for ``runs`` runs of ``run`` taps and then ``rests`` runs of ``rest`` taps, the first tap's shift;
    the weights stand in the same order. Of vector j only the first lanes − j · drop elements are written. A weight is
    one number for all lanes, as begin[0] is; or, where the lanes lie ``across`` channels, a vector of them.
    """
    i64, cut = types.int64, (rows, run, rest, across)
    length, run, rest, vectors = (number.literal_value for number in cut)
    source, target = (x, i64, i64, shifts, w, i64, i64), (begin, y, i64, i64, i64, i64)

    def generate(context, builder, signature, arguments):
        x, xi, x_pitch, shifts, w, runs, rests, begin, y, yi, y_pitch, lanes, drop = arguments[4:]
        vector = context.get_value_type(vector_of(signature.args[4].dtype))
        sums = [_weight(builder, begin, 0, vector, vectors)] * length
        source = builder.gep(x, [xi])
        for taps, count in ((run, runs), (rest, rests)):
            if taps:
                step = _run(builder, taps, length, source, x_pitch, shifts, w, vector, vectors)
                sums = emit_sums(builder, sums, count, step)
                used = builder.mul(count, _I64(taps * (vector.count if vectors else 1)))
                shifts, w = builder.gep(shifts, [count]), builder.gep(w, [used])
        _store_rows(builder, sums, builder.gep(y, [yi]), y_pitch, lanes, drop)
        return context.get_dummy_value()

    return types.void(*cut, *source, *target), generate


def _run(builder, taps, length, x, pitch, shifts, w, vector, vectors):
    """Return what emits one run of taps, the sums of all rows at once."""

    def step(i, sums):
        sums = list(sums)
        here = builder.gep(x, [builder.load(builder.gep(shifts, [i]))])
        numbers = builder.gep(w, [builder.mul(i, _I64(taps * (vector.count if vectors else 1)))])
        weights = [_weight(builder, numbers, t, vector, vectors) for t in range(taps)]
        for k in range(length + taps - 1):
            value = emit_load(builder, here, _I64(0), vector)
            for t in range(taps):
                if 0 <= k - t < length:
                    sums[k - t] = emit_fma(builder, value, weights[t], sums[k - t])
            here = builder.gep(here, [pitch])
        return sums

    return step


def _weight(builder, w, i, vector, vectors):
    """Emit the vector i of w, or number i in all lanes."""
    if vectors:
        return emit_load(builder, w, _I64(i * vector.count), vector)
    return emit_splat(builder, builder.load(builder.gep(w, [_I64(i)])), vector)


def _store_rows(builder, values, y, pitch, lanes, drop) -> None:
    """Emit stores of all vectors, whole ones if the last is whole."""
    length = values[0].type.count
    last = builder.sub(lanes, builder.mul(drop, _I64(len(values) - 1)))
    with builder.if_else(builder.icmp_signed(">=", last, _I64(length))) as (whole, some):
        with whole:
            here = y
            for value in values:
                emit_store(builder, here, _I64(0), value)
                here = builder.gep(here, [pitch])
        with some:
            here = y
            for value in values:
                _store_first(builder, here, value, lanes)
                here, lanes = builder.gep(here, [pitch]), builder.sub(lanes, drop)


def _store_first(builder, y, value, lanes) -> None:
    mask = emit_lanes_below(builder, lanes, value.type.count)
    align = ir.Constant(_I32, bytes_of(value.type.element))
    address = builder.bitcast(y, value.type.as_pointer())
    emit_call(builder, f"llvm.masked.store.{emit_suffix(value.type)}.p0", ir.VoidType(), [value, address, align, mask])


@intrinsic(prefer_literal=True)
def sum_places(
    typingctx, rows, run, width, masked, x, x_pitch, shifts, sums, gy, gy_pitch, valid, valid_pitch, tiles, count
):
    """sums[g, t] += Σ_tiles Σ_j x[xi + shifts[g] + (j + t) · x_pitch + ...] · gy[yi + j · gy_pitch + ...], in vectors.

    ``tiles`` holds ``count`` times (xi, yi, vi); j < rows, t < run, g < width. Where ``masked``, only the lanes that
    ``valid[vi + j · valid_pitch + ...]`` marks take part: of gy nothing else is read, of x nothing else counts.
    """
    length, taps, groups, masked_ = (value.literal_value for value in (rows, run, width, masked))
    i64 = types.int64
    signature = types.void(rows, run, width, masked, x, i64, shifts, sums, gy, i64, valid, i64, tiles, i64)

    def generate(context, builder, signature, arguments):
        x, x_pitch, shifts, sums, gy, gy_pitch, valid, valid_pitch, tiles, count = arguments[4:]
        vector = context.get_value_type(vector_of(signature.args[4].dtype))
        sources = [builder.gep(x, [builder.load(builder.gep(shifts, [_I64(g)]))]) for g in range(groups)]

        def step(i, values):
            values = list(values)
            entry = builder.gep(tiles, [builder.mul(i, _I64(3))])
            xi, yi, vi = (builder.load(builder.gep(entry, [_I64(field)])) for field in range(3))
            masks = _masks(builder, valid, vi, valid_pitch, length, vector) if masked_ else [None] * length
            factors = _factors(builder, gy, yi, gy_pitch, masks, vector)
            for g, source in enumerate(sources):
                here = builder.gep(source, [xi])
                for k in range(length + taps - 1):
                    value = emit_load(builder, here, _I64(0), vector)
                    for t in range(taps):
                        if 0 <= k - t < length:
                            a = g * taps + t
                            more = emit_fma(builder, value, factors[k - t], values[a])
                            mask = masks[k - t]
                            values[a] = more if mask is None else builder.select(mask, more, values[a])
                    here = builder.gep(here, [x_pitch])
            return values

        places = [_I64(a * vector.count) for a in range(groups * taps)]
        begin = [emit_load(builder, sums, place, vector) for place in places]
        for place, value in zip(places, emit_sums(builder, begin, count, step), strict=True):
            emit_store(builder, sums, place, value)
        return context.get_dummy_value()

    return signature, generate


def _masks(builder, valid, vi, pitch, length, vector):
    """Emit the masks of all rows, from a byte a lane."""
    kind = ir.VectorType(ir.IntType(8), vector.count)
    masks = []
    for _ in range(length):
        masks.append(builder.icmp_signed("!=", emit_load(builder, valid, vi, kind), ir.Constant(kind, None)))
        vi = builder.add(vi, pitch)
    return masks


def _factors(builder, gy, yi, pitch, masks, vector):
    """Emit the loads of gy's rows, of each only the lanes of its mask."""
    factors = []
    for mask in masks:
        if mask is None:
            factors.append(emit_load(builder, gy, yi, vector))
        else:
            address = builder.bitcast(builder.gep(gy, [yi]), vector.as_pointer())
            words = [address, ir.Constant(_I32, bytes_of(vector.element)), mask, ir.Constant(vector, None)]
            factors.append(emit_call(builder, f"llvm.masked.load.{emit_suffix(vector)}.p0", vector, words))
        yi = builder.add(yi, pitch)
    return factors
