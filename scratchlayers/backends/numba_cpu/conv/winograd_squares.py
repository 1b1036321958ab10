"""Winograd's sums of vectors, over the columns and then the rows of a square, as code without a loop.

A square's entry [r, s] is the vector that stands at ``r · down + s · across``.
"""

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from ..simd import emit_fma, emit_load, emit_splat, emit_store, vector_of
from . import winograd_sums as sums

_I64 = ir.IntType(64)
_FUSED = ("contract",)  # a product and a sum may be one instruction


class _Value:
    """A vector in the code that is emitted, which knows how to emit its sums and its products with a fraction."""

    def __init__(self, builder, vector) -> None:
        self.builder, self.vector = builder, vector

    def __add__(self, other):
        return _Value(self.builder, self.builder.fadd(self.vector, other.vector, flags=_FUSED))

    def __sub__(self, other):
        return _Value(self.builder, self.builder.fsub(self.vector, other.vector, flags=_FUSED))

    def __rmul__(self, factor):
        kind = self.vector.type
        factors = emit_splat(self.builder, ir.Constant(kind.element, float(factor)), kind)
        return _Value(self.builder, self.builder.fmul(factors, self.vector, flags=_FUSED))


def _emit_square(builder, axis, kind, width, x, down, across):
    """Emit M d Mᵀ of the square d at x, ``axis`` being the matrix M; return its rows."""

    def taken(r, s):
        place = builder.add(builder.mul(down, _I64(r)), builder.mul(across, _I64(s)))
        return _Value(builder, emit_load(builder, x, place, kind))

    columns = [axis([taken(r, s) for r in range(width)]) for s in range(width)]
    return [axis(row) for row in zip(*columns, strict=True)]


def _emit_put(builder, rows, y, down, across):
    for r, row in enumerate(rows):
        for s, value in enumerate(row):
            place = builder.add(builder.mul(down, _I64(r)), builder.mul(across, _I64(s)))
            emit_store(builder, y, place, value.vector)


def _emit_suspect(builder, rows, suspect):
    """Emit ``suspect`` plus 0 for each row whose sum is finite, and NaN for each whose sum is not."""
    zeros = ir.Constant(suspect.type, None)
    for first, *others in rows:
        suspect = emit_fma(builder, zeros, sum(others, first).vector, suspect)
    return suspect


def _into_points(axis, width):
    @intrinsic
    def square(typingctx, x, down, across, y, step):
        """y[(6r + s) · step] = (M d Mᵀ)[r, s], d the square at x."""
        i64 = types.int64

        def generate(context, builder, signature, arguments):
            x, down, across, y, step = arguments
            kind = context.get_value_type(vector_of(signature.args[0].dtype))
            rows = _emit_square(builder, axis, kind, width, x, down, across)
            _emit_put(builder, rows, y, builder.mul(step, _I64(sums.COUNT)), step)
            return context.get_dummy_value()

        return types.void(x, i64, i64, x, i64), generate

    return square


data_square = _into_points(sums.data, 6)
filter_square = _into_points(sums.filters, 3)
gradient_square = _into_points(sums.gradients, 4)


def _from_points(axis):
    @intrinsic
    def square(typingctx, m, step, bias, y, down, across, suspect):
        """y[r · down + s · across] = (Aᵀ d A)[r, s] + bias, d[r, s] standing at m + (6r + s) · step.

        Return ``suspect``, with NaN where not all of these numbers are finite.
        """
        i64 = types.int64

        def generate(context, builder, signature, arguments):
            m, step, bias, y, down, across, suspect = arguments
            rows = _emit_square(builder, axis, bias.type, sums.COUNT, m, builder.mul(step, _I64(sums.COUNT)), step)
            rows = [[value + _Value(builder, bias) for value in row] for row in rows]
            _emit_put(builder, rows, y, down, across)
            return _emit_suspect(builder, rows, suspect)

        return bias(m, i64, bias, m, i64, i64, bias), generate

    return square


output_square = _from_points(sums.outputs)
tap_square = _from_points(sums.taps)
