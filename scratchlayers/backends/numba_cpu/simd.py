"""Vectors in kernels: one machine register of elements, as a value that Numba code can name.

Inside a kernel, ``load(x, i)`` takes the elements x[i], x[i + 1], ... that fill a vector of the machine's width and
``store(y, i, v)`` puts them back; ``+``, ``-``, ``*``, ``fma``, comparisons and ``select`` work lane by lane. What
stands in the Python code is what the machine executes: no width is left to the compiler's choice.

Addresses need no alignment. ``load_first`` and ``store_first`` touch only the first n lanes' elements.
"""

from __future__ import annotations

import operator

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.datamodel import PrimitiveModel, register_default
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import intrinsic, lower_builtin

from .target import lanes

_I1, _I32 = ir.IntType(1), ir.IntType(32)


class Vector(types.Type):
    """As many elements of one Numba type as fill a register; or, of booleans, a mask of as many lanes."""

    def __init__(self, element: types.Type, length: int) -> None:
        self.element, self.length = element, length
        super().__init__(name=f"Vector({element}, {length})")


@register_default(Vector)
class _VectorModel(PrimitiveModel):
    def __init__(self, dmm, fe_type) -> None:
        element = _I1 if fe_type.element is types.boolean else dmm.lookup(fe_type.element).get_value_type()
        super().__init__(dmm, fe_type, ir.VectorType(element, fe_type.length))


def vector_of(element: types.Type) -> Vector:
    """Return the vector type of an element type, as wide as the machine's registers."""
    return Vector(element, lanes(element.bitwidth // 8))


# What follows emits LLVM's instructions; intrinsics of other modules build on it.


def emit_splat(builder, scalar, vector: ir.VectorType):
    """Emit a vector that holds one scalar in every lane."""
    nothing = ir.Constant(vector, ir.Undefined)
    first = builder.insert_element(nothing, scalar, ir.Constant(_I32, 0))
    return emit_shuffle(builder, first, nothing, [0] * vector.count)


def emit_shuffle(builder, a, b, order: list[int]):
    """Emit a vector of the lanes of a and b, counted through both, that ``order`` names."""
    return builder.shuffle_vector(a, b, ir.Constant(ir.VectorType(_I32, len(order)), order))


def emit_load(builder, pointer, index, vector: ir.VectorType):
    """Emit a load of the vector that begins at pointer[index]."""
    value = builder.load(builder.bitcast(builder.gep(pointer, [index]), vector.as_pointer()))
    value.align = bytes_of(vector.element)
    return value


def emit_load_where(builder, pointer, index, vector: ir.VectorType, mask):
    """Emit a load of the lanes of a mask, 0 in the others, whose memory is not read."""
    address = builder.bitcast(builder.gep(pointer, [index]), vector.as_pointer())
    align, zeros = ir.Constant(_I32, bytes_of(vector.element)), ir.Constant(vector, None)
    return emit_call(builder, f"llvm.masked.load.{emit_suffix(vector)}.p0", vector, [address, align, mask, zeros])


def emit_store(builder, pointer, index, value) -> None:
    """Emit a store of a vector to pointer[index] and what follows."""
    stored = builder.store(value, builder.bitcast(builder.gep(pointer, [index]), value.type.as_pointer()))
    stored.align = bytes_of(value.type.element)


def emit_store_where(builder, pointer, index, value, mask) -> None:
    """Emit a store of the lanes of a mask, or without one of all."""
    if mask is None:
        emit_store(builder, pointer, index, value)
        return
    address = builder.bitcast(builder.gep(pointer, [index]), value.type.as_pointer())
    align = ir.Constant(_I32, bytes_of(value.type.element))
    name = f"llvm.masked.store.{emit_suffix(value.type)}.p0"
    emit_call(builder, name, ir.VoidType(), [value, address, align, mask])


def emit_prefetch(builder, pointer, index, cache: int) -> None:
    """Emit the wish that the line of pointer[index], which need not exist, be in the first or second cache soon."""
    address = builder.bitcast(builder.gep(pointer, [index]), ir.IntType(8).as_pointer())
    read, near, data = (ir.Constant(_I32, word) for word in (0, 4 - cache, 1))
    emit_call(builder, "llvm.prefetch.p0", ir.VoidType(), [address, read, near, data])


def emit_fma(builder, a, b, c):
    """Emit a · b + c, rounded once where the machine can."""
    return emit_call(builder, f"llvm.fmuladd.{emit_suffix(a.type)}", a.type, [a, b, c])


def emit_call(builder, name: str, result: ir.Type, arguments: list):
    """Emit a call of one of LLVM's own functions."""
    kind = ir.FunctionType(result, [argument.type for argument in arguments])
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), arguments)


def emit_lanes_below(builder, count, length: int):
    """Emit the mask of the first ``count`` lanes, ``count`` an int64 of any size."""
    i64 = ir.IntType(64)
    every = ir.Constant(ir.VectorType(i64, length), list(range(length)))
    return builder.icmp_signed("<", every, emit_splat(builder, count, ir.VectorType(i64, length)))


def emit_lanes_set(builder, bits, length: int):
    """Emit a mask of the lanes whose bit of a number is 1."""
    return builder.bitcast(builder.trunc(bits, ir.IntType(length)), ir.VectorType(_I1, length))


def bytes_of(element: ir.Type) -> int:
    """Return how many bytes an element of LLVM's takes."""
    return {"float": 4, "double": 8}.get(str(element)) or element.width // 8


def emit_suffix(vector: ir.VectorType) -> str:
    """Return how the names of LLVM's own functions end for a type of vectors."""
    element = {"float": "f32", "double": "f64"}.get(str(vector.element)) or str(vector.element)
    return f"v{vector.count}{element}"


@intrinsic
def at(typingctx, pointer, index):
    """Return the pointer to pointer[index]."""
    return pointer(pointer, types.int64), lambda context, builder, signature, arguments: builder.gep(
        arguments[0], [arguments[1]]
    )


@intrinsic
def length(typingctx, pointer):
    """Return how many elements of ``pointer`` fill a vector."""
    number = vector_of(pointer.dtype).length
    return types.int64(pointer), lambda context, builder, signature, arguments: ir.IntType(64)(number)


@intrinsic
def load(typingctx, pointer, index):
    """Return the vector of pointer[index], pointer[index + 1], ..."""
    vector = vector_of(pointer.dtype)

    def generate(context, builder, signature, arguments):
        return emit_load(builder, *arguments, context.get_value_type(vector))

    return vector(pointer, types.int64), generate


@intrinsic
def store(typingctx, pointer, index, value):
    """Write a vector to pointer[index], pointer[index + 1], ..."""

    def generate(context, builder, signature, arguments):
        emit_store(builder, *arguments)
        return context.get_dummy_value()

    return types.void(pointer, types.int64, value), generate


@intrinsic
def prefetch(typingctx, pointer, index):
    """Ask for the cache line of pointer[index], which need not exist, to be there when it is read."""

    def generate(context, builder, signature, arguments):
        emit_prefetch(builder, *arguments, cache=1)
        return context.get_dummy_value()

    return types.void(pointer, types.int64), generate


@intrinsic
def load_first(typingctx, pointer, index, count):
    """Return a vector of pointer[index], ... in its first ``count`` lanes and 0 in the others, which are not read."""
    vector = vector_of(pointer.dtype)

    def generate(context, builder, signature, arguments):
        pointer, index, count = arguments
        kind = context.get_value_type(vector)
        return emit_load_where(builder, pointer, index, kind, emit_lanes_below(builder, count, vector.length))

    return vector(pointer, types.int64, types.int64), generate


@intrinsic
def load_bits(typingctx, pointer, index, bits):
    """Return a vector of pointer[index], ..., 0 in the lanes whose bit of a number is 0; their memory is not read."""
    vector = vector_of(pointer.dtype)

    def generate(context, builder, signature, arguments):
        pointer, index, bits = arguments
        kind = context.get_value_type(vector)
        return emit_load_where(builder, pointer, index, kind, emit_lanes_set(builder, bits, kind.count))

    return vector(pointer, types.int64, types.int64), generate


@intrinsic
def store_first(typingctx, pointer, index, value, count):
    """Write the first ``count`` lanes of a vector to pointer[index], ...; what follows is not touched."""

    def generate(context, builder, signature, arguments):
        pointer, index, value, count = arguments
        emit_store_where(builder, pointer, index, value, emit_lanes_below(builder, count, value.type.count))
        return context.get_dummy_value()

    return types.void(pointer, types.int64, value, types.int64), generate


@intrinsic
def splat(typingctx, pointer, scalar):
    """Return a vector for the elements of ``pointer`` with one scalar in every lane."""
    vector = vector_of(pointer.dtype)

    def generate(context, builder, signature, arguments):
        return emit_splat(builder, arguments[1], context.get_value_type(vector))

    return vector(pointer, pointer.dtype), generate


@intrinsic
def fma(typingctx, a, b, c):
    """Return a · b + c lane by lane, rounded once where the machine can."""
    return a(a, a, a), lambda context, builder, signature, arguments: emit_fma(builder, *arguments)


@intrinsic
def select(typingctx, mask, a, b):
    """Return a where the mask holds and b elsewhere."""
    return a(mask, a, a), lambda context, builder, signature, arguments: builder.select(*arguments)


@intrinsic
def evens(typingctx, a, b):
    """Return every second element of a and then b, beginning with the first."""
    order = list(range(0, 2 * a.length, 2))
    return a(a, a), lambda context, builder, signature, arguments: emit_shuffle(builder, *arguments, order)


@intrinsic
def odds(typingctx, a, b):
    """Return every second element of a and then b, beginning with the second."""
    order = list(range(1, 2 * a.length, 2))
    return a(a, a), lambda context, builder, signature, arguments: emit_shuffle(builder, *arguments, order)


def _every_third(first: int):
    """Return the intrinsic that takes every third element of a, b and c, beginning with number ``first``."""

    def thirds(typingctx, a, b, c):
        """Return every third element of a, then b, then c."""
        n = a.length
        places = [first + 3 * j for j in range(n)]
        of_two = [place if place < 2 * n else 0 for place in places]
        of_three = [j if place < 2 * n else place - n for j, place in enumerate(places)]

        def generate(context, builder, signature, arguments):
            a, b, c = arguments
            return emit_shuffle(builder, emit_shuffle(builder, a, b, of_two), c, of_three)

        return a(a, a, a), generate

    return intrinsic(thirds)


thirds_from_first, thirds_from_second, thirds_from_third = (_every_third(first) for first in range(3))


@intrinsic
def interleaved_low(typingctx, a, b):
    """Return the first half of a[0], b[0], a[1], b[1], ..."""
    order = [lane for j in range(a.length // 2) for lane in (j, a.length + j)]
    return a(a, a), lambda context, builder, signature, arguments: emit_shuffle(builder, *arguments, order)


@intrinsic
def interleaved_high(typingctx, a, b):
    """Return the second half of a[0], b[0], a[1], b[1], ..."""
    half = a.length // 2
    order = [lane for j in range(half, a.length) for lane in (j, a.length + j)]
    return a(a, a), lambda context, builder, signature, arguments: emit_shuffle(builder, *arguments, order)


def _three_mixed(part: int):
    """Return the intrinsic that gives one of the three vectors of a[0], b[0], c[0], a[1], ..."""

    def mixed(typingctx, a, b, c):
        """Return a third of a[0], b[0], c[0], a[1], b[1], ..."""
        n = a.length
        places = [divmod(part * n + j, 3) for j in range(n)]
        of_two = [lane + n * (which == 1) for lane, which in places]
        of_three = [n + lane if which == 2 else j for j, (lane, which) in enumerate(places)]

        def generate(context, builder, signature, arguments):
            a, b, c = arguments
            return emit_shuffle(builder, emit_shuffle(builder, a, b, of_two), c, of_three)

        return a(a, a, a), generate

    return intrinsic(mixed)


three_mixed_first, three_mixed_second, three_mixed_third = (_three_mixed(part) for part in range(3))


@intrinsic
def total(typingctx, a):
    """Return the sum of all lanes, added in pairs."""

    def generate(context, builder, signature, arguments):
        (value,) = arguments
        half = value.type.count // 2
        while half:
            low = emit_shuffle(builder, value, value, list(range(half)))
            high = emit_shuffle(builder, value, value, list(range(half, 2 * half)))
            value, half = builder.fadd(low, high), half // 2
        return builder.extract_element(value, ir.Constant(_I32, 0))

    return a.element(a), generate


def _operator(operation, result, emit) -> None:
    """Let an operator of Python work on two vectors of one kind: it gives a ``result(vector)``."""

    @infer_global(operation)
    class OnVectors(AbstractTemplate):
        def generic(self, operands, keywords):
            if len(operands) == 2 and isinstance(operands[0], Vector) and operands[0] == operands[1]:
                return signature(result(operands[0]), *operands)
            return None

    @lower_builtin(operation, Vector, Vector)
    def on_vectors(context, builder, signature, arguments):
        return emit(builder, signature.args[0], *arguments)


def _itself(vector: Vector) -> Vector:
    return vector


def _mask(vector: Vector) -> Vector:
    return Vector(types.boolean, vector.length)


def _compare(sign: str):
    """Emit a comparison; with a NaN only ``!=`` holds."""

    def emit(builder, vector, a, b):
        if isinstance(vector.element, types.Float):
            compare = builder.fcmp_unordered if sign == "!=" else builder.fcmp_ordered
        else:
            compare = builder.icmp_signed if vector.element.signed else builder.icmp_unsigned
        return compare(sign, a, b)

    return emit


def _float_or_int(on_floats: str, on_ints: str):
    def emit(builder, vector, a, b):
        return getattr(builder, on_floats if isinstance(vector.element, types.Float) else on_ints)(a, b)

    return emit


_operator(operator.add, _itself, _float_or_int("fadd", "add"))
_operator(operator.sub, _itself, _float_or_int("fsub", "sub"))
_operator(operator.mul, _itself, _float_or_int("fmul", "mul"))
_operator(operator.truediv, _itself, lambda builder, vector, a, b: builder.fdiv(a, b))
_operator(operator.or_, _itself, lambda builder, vector, a, b: builder.or_(a, b))
_operator(operator.and_, _itself, lambda builder, vector, a, b: builder.and_(a, b))
for _operation, _sign in (
    *((operator.lt, "<"), (operator.le, "<="), (operator.gt, ">")),
    *((operator.ge, ">="), (operator.eq, "=="), (operator.ne, "!=")),
):
    _operator(_operation, _mask, _compare(_sign))
