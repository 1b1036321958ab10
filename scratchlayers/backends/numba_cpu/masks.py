"""Vectors of which only some lanes count: at the border of an input, apart in memory, or kept in fewer bits.

A mask names the lanes; what the others would read or write is not touched.
"""

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from .simd import Vector, bytes_of, emit_call, emit_lanes_set, emit_splat, emit_suffix
from .target import lanes

_I32, _I64 = ir.IntType(32), ir.IntType(64)


@intrinsic
def counts(typingctx, pointer, number):
    """Return a vector of integers as wide as the elements of ``pointer``, with one number in every lane."""
    vector = _integers_beside(pointer.dtype)

    def generate(context, builder, signature, arguments):
        kind = context.get_value_type(vector)
        return _narrowed_splat(builder, arguments[1], kind)

    return vector(pointer, types.int64), generate


@intrinsic
def ramp(typingctx, pointer, number):
    """Return a vector of integers as wide as the elements of ``pointer``: number, number + 1, ..."""
    vector = _integers_beside(pointer.dtype)

    def generate(context, builder, signature, arguments):
        kind = context.get_value_type(vector)
        first = _narrowed_splat(builder, arguments[1], kind)
        return builder.add(first, ir.Constant(kind, list(range(vector.length))))

    return vector(pointer, types.int64), generate


@intrinsic
def lanes_between(typingctx, pointer, low, high):
    """Return the mask of the lanes of ``pointer`` that are at least ``low`` and below ``high``, both of 32 bits."""
    length = lanes(pointer.dtype.bitwidth // 8)

    def generate(context, builder, signature, arguments):
        kind = ir.VectorType(_I32, length)
        every = ir.Constant(kind, list(range(length)))
        low, high = (emit_splat(builder, builder.trunc(bound, _I32), kind) for bound in arguments[1:])
        return builder.and_(builder.icmp_signed("<=", low, every), builder.icmp_signed("<", every, high))

    return Vector(types.boolean, length)(pointer, types.int64, types.int64), generate


@intrinsic
def lanes_set(typingctx, pointer, bits):
    """Return the mask of the lanes of ``pointer`` whose bit of a number is 1."""
    mask = Vector(types.boolean, lanes(pointer.dtype.bitwidth // 8))

    def generate(context, builder, signature, arguments):
        return emit_lanes_set(builder, arguments[1], mask.length)

    return mask(pointer, types.int64), generate


@intrinsic
def load_where(typingctx, pointer, index, mask, other):
    """Return a vector of pointer[index], ... in the lanes of a mask; the rest is ``other``'s, its memory not read."""

    def generate(context, builder, signature, arguments):
        pointer, index, mask, other = arguments
        address = builder.bitcast(builder.gep(pointer, [index]), other.type.as_pointer())
        align = ir.Constant(_I32, bytes_of(other.type.element))
        name = f"llvm.masked.load.{emit_suffix(other.type)}.p0"
        return emit_call(builder, name, other.type, [address, align, mask, other])

    return other(pointer, types.int64, mask, other), generate


@intrinsic
def store_where(typingctx, pointer, index, value, mask):
    """Write the lanes of a mask to pointer[index], ...; what lies between is not touched."""

    def generate(context, builder, signature, arguments):
        pointer, index, value, mask = arguments
        address = builder.bitcast(builder.gep(pointer, [index]), value.type.as_pointer())
        align = ir.Constant(_I32, bytes_of(value.type.element))
        emit_call(
            builder, f"llvm.masked.store.{emit_suffix(value.type)}.p0", ir.VoidType(), [value, address, align, mask]
        )
        return context.get_dummy_value()

    return types.void(pointer, types.int64, value, mask), generate


@intrinsic
def load_apart(typingctx, pointer, index, step, mask, other):
    """Return a vector of pointer[index], pointer[index + step], ... in the lanes of a mask, else ``other``'s."""

    def generate(context, builder, signature, arguments):
        pointer, index, step, mask, other = arguments
        addresses = _addresses_apart(builder, pointer, index, step, other.type.count)
        align = ir.Constant(_I32, bytes_of(other.type.element))
        name = f"llvm.masked.gather.{emit_suffix(other.type)}.v{other.type.count}p0"
        return emit_call(builder, name, other.type, [addresses, align, mask, other])

    return other(pointer, types.int64, types.int64, mask, other), generate


@intrinsic
def load_wide(typingctx, pointer, index, mask, like):
    """Return the non-negative integers pointer[index], ... as wide as those of ``like``, 0 outside the mask."""

    def generate(context, builder, signature, arguments):
        pointer, index, mask, wide = arguments
        kind = ir.VectorType(context.get_value_type(signature.args[0].dtype), wide.type.count)
        address = builder.bitcast(builder.gep(pointer, [index]), kind.as_pointer())
        align = ir.Constant(_I32, kind.element.width // 8)
        zero = ir.Constant(kind, None)
        name = f"llvm.masked.load.{emit_suffix(kind)}.p0"
        return _resized(builder, emit_call(builder, name, kind, [address, align, mask, zero]), wide.type)

    return like(pointer, types.int64, mask, like), generate


@intrinsic
def store_narrow(typingctx, pointer, index, value, mask):
    """Write the integers of a mask's lanes to pointer[index], ..., as wide as the pointer's own."""

    def generate(context, builder, signature, arguments):
        pointer, index, value, mask = arguments
        kind = ir.VectorType(context.get_value_type(signature.args[0].dtype), value.type.count)
        address = builder.bitcast(builder.gep(pointer, [index]), kind.as_pointer())
        align = ir.Constant(_I32, kind.element.width // 8)
        words = [_resized(builder, value, kind), address, align, mask]
        emit_call(builder, f"llvm.masked.store.{emit_suffix(kind)}.p0", ir.VoidType(), words)
        return context.get_dummy_value()

    return types.void(pointer, types.int64, value, mask), generate


def _folded(name: str, meaning: str):
    """Return the intrinsic that brings all lanes together by one of LLVM's reductions."""

    def fold(typingctx, a):
        def generate(context, builder, signature, arguments):
            (value,) = arguments
            return emit_call(
                builder, f"llvm.vector.reduce.{name}.{emit_suffix(value.type)}", value.type.element, [value]
            )

        return a.element(a), generate

    fold.__doc__ = meaning
    return intrinsic(fold)


largest_lane = _folded("fmax", "Return the largest of floating-point lanes, none of them NaN.")
latest_lane = _folded("smax", "Return the largest of integer lanes.")
earliest_lane = _folded("umin", "Return the smallest of integer lanes, −1 being larger than all.")
any_lane = _folded("or", "Return whether a mask has a lane.")


@intrinsic
def all_lanes(typingctx, pointer):
    """Return the mask of all lanes of ``pointer``."""
    vector = Vector(types.boolean, lanes(pointer.dtype.bitwidth // 8))
    return vector(pointer), lambda context, builder, signature, arguments: ir.Constant(
        context.get_value_type(vector), [1] * vector.length
    )


@intrinsic
def as_ints(typingctx, pointer):
    """Return the same address as a pointer to 32-bit integers."""
    kind = types.CPointer(types.int32)
    return kind(pointer), lambda context, builder, signature, arguments: builder.bitcast(
        arguments[0], context.get_value_type(kind)
    )


def _integers_beside(element: types.Type) -> Vector:
    """Return the vector of integers that has as many lanes, as wide, as one of this element type."""
    return Vector(types.Integer.from_bitwidth(element.bitwidth, signed=True), lanes(element.bitwidth // 8))


def _narrowed_splat(builder, number, kind: ir.VectorType):
    """Emit a vector of an int64 in as many bits as ``kind`` has."""
    narrow = number if kind.element.width == 64 else builder.trunc(number, kind.element)
    return emit_splat(builder, narrow, kind)


def _resized(builder, value, kind: ir.VectorType):
    """Emit non-negative integers in as many bits as ``kind`` has."""
    if value.type.element.width == kind.element.width:
        return value
    narrower = value.type.element.width > kind.element.width
    return builder.trunc(value, kind) if narrower else builder.zext(value, kind)


def _addresses_apart(builder, pointer, index, step, length: int):
    """Emit the addresses of pointer[index], pointer[index + step], ..."""
    kind = ir.VectorType(_I64, length)
    size = ir.Constant(_I64, bytes_of(pointer.type.pointee))
    first = builder.ptrtoint(builder.gep(pointer, [index]), _I64)
    apart = builder.mul(ir.Constant(kind, list(range(length))), emit_splat(builder, builder.mul(step, size), kind))
    return builder.inttoptr(
        builder.add(emit_splat(builder, first, kind), apart), ir.VectorType(ir.PointerType(), length)
    )
