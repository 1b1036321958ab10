"""Convolution of single pixels, and its gradients: products of matrices, none of them packed or turned.

    y[p, o] = b[o] + Σ_i x[p, i] · w[o, i]        gx[p, i] = Σ_o gy[p, o] · w[o, i]        gw[o, i] = Σ_p gy[p, o] · x[p, i]

A row is a pixel of an image, all channels beside each other, in each group by itself; or a filter. That is what the
heads of classifiers compute, and the gates between (squeeze and excitation). Of a few pixels each weight is needed so
seldom that bringing it into any other order would take longer than the product. Tiles at an edge go back to where they
are whole, and compute some results twice.
"""

from __future__ import annotations

from collections.abc import Callable
from math import ceil, prod

from torch import Tensor

from ..choose import Algorithm, Problem, Ready
from ..jit import Real, kernel
from ..pages import maker
from ..simd import at, length, load, total
from ..target import REGISTERS, VECTOR_BYTES, lanes
from ..team import Job
from ..workspace import scratch
from .boxes import is_product
from .dots import MOST_ROWS, columns_beside, dots
from .product import product
from .turn import between_pixels

ROWS, COLUMNS, VECTORS = 1, 1, 1
TERMS = 512  # of a sum at a time, so that a tile's rows stay in the first cache
LARGE = 2**17  # weights that are better not packed
_FILTERS = 4 if REGISTERS == 32 else 2


@kernel
def along_inputs(
    lo, hi, thread, x: Real, w: Real, b: Real, biased, y: Real, cells: Real, pixels, groups, inputs, outputs, parts,
):  # fmt: skip
    """y of some filters of a group and all pixels. ``cells`` is scratch of all threads, a tile's cells together."""
    lanes, tiles = length(x), (pixels + ROWS - 1) // ROWS
    own, size = at(cells, thread * tiles * ROWS * COLUMNS * lanes), ROWS * COLUMNS * lanes
    for task in range(lo, hi):
        group = task // parts
        o = group * outputs + min(task % parts * COLUMNS, outputs - COLUMNS)
        rows, there = at(x, group * inputs), at(y, o)
        for i in range(0, inputs, TERMS):
            for tile in range(tiles):
                source = at(rows, min(tile * ROWS, pixels - ROWS) * groups * inputs + i)
                dots(
                    ROWS, COLUMNS, source, groups * inputs, at(w, o * inputs + i), inputs,
                    at(own, tile * size), min(inputs - i, TERMS), i == 0,
                )  # fmt: skip
        for tile in range(tiles):
            target = at(there, min(tile * ROWS, pixels - ROWS) * groups * outputs)
            for m in range(ROWS):
                for n in range(COLUMNS):
                    value = total(load(own, tile * size + (m * COLUMNS + n) * lanes))
                    target[m * groups * outputs + n] = value + b[o + n] if biased else value


@kernel
def along_outputs(lo, hi, thread, gy: Real, w: Real, gx: Real, pixels, groups, inputs, outputs, parts):
    """gx of some channels of a group and all pixels."""
    for task in range(lo, hi):
        group = task // parts
        i = min(task % parts * VECTORS * length(w), inputs - VECTORS * length(w))
        for first in range(0, pixels, ROWS):
            p = min(first, pixels - ROWS)
            product(
                ROWS, VECTORS, at(gy, (p * groups + group) * outputs), groups * outputs, 1,
                at(w, group * outputs * inputs + i), inputs,
                at(gx, (p * groups + group) * inputs + i), groups * inputs, outputs, 1,
            )  # fmt: skip


@kernel
def along_pixels(lo, hi, thread, x: Real, gy: Real, gw: Real, pixels, groups, inputs, outputs, parts):
    """gw of some filters of a group."""
    width = VECTORS * length(x)
    for task in range(lo, hi):
        group = task // parts
        o = group * outputs + min(task % parts * ROWS, outputs - ROWS)
        for first in range(0, inputs, width):
            i = min(first, inputs - width)
            product(
                ROWS, VECTORS, at(gy, o), 1, groups * outputs, at(x, group * inputs + i), groups * inputs,
                at(gw, o * inputs + i), inputs, pixels, 1,
            )  # fmt: skip


def _conv(problem: Problem) -> Ready:
    pixels, _, _, outputs = numbers = _sizes(problem)
    rows = _share(pixels, MOST_ROWS)
    columns = _share(outputs, columns_beside(rows))
    code = along_inputs.compiled(problem.dtype, ROWS=rows, COLUMNS=columns)
    job, new = _job(code, numbers, outputs, columns, 6), maker(problem.y_size, problem.dtype, not _lone(problem))
    cells = ceil(pixels / rows) * rows * columns * VECTOR_BYTES

    def run(x: Tensor, w: Tensor, b: Tensor | None) -> Tensor:
        y, memory, bias = new(), scratch(job.threads() * cells), 0 if b is None else b.data_ptr()
        job.run(x.data_ptr(), w.data_ptr(), bias, b is not None, y.data_ptr(), memory.data_ptr())
        return y

    return between_pixels(run, problem, False)


def _conv_input_grad(problem: Problem) -> Ready:
    pixels, _, inputs, _ = numbers = _sizes(problem)
    rows = _share(pixels, 8 if REGISTERS == 32 else 4)
    vectors = _vectors(problem, inputs, rows)
    code = along_outputs.compiled(problem.dtype, ROWS=rows, VECTORS=vectors)
    job = _job(code, numbers, inputs, vectors * lanes(problem.dtype.itemsize), 3)
    new, rank = maker(problem.x_size, problem.dtype, not _lone(problem)), problem.grid.rank

    def run(gy: Tensor, w: Tensor, b: Tensor | None) -> Tensor:
        gx = new()
        job.run(gy.data_ptr(), w.data_ptr(), gx.data_ptr())
        return gx if b is None else gx.add_(b.view(-1, *(1,) * rank))

    return between_pixels(run, problem, True)


def _conv_weight_grad(problem: Problem) -> Ready:
    _, _, inputs, outputs = numbers = _sizes(problem)
    rows = _share(outputs, _FILTERS)
    code = along_pixels.compiled(problem.dtype, ROWS=rows, VECTORS=_vectors(problem, inputs, rows))
    job, new = _job(code, numbers, outputs, rows, 3), maker(problem.w_size, problem.dtype)

    def run(x: Tensor, gy: Tensor) -> Tensor:
        gw = new()
        job.run(x.data_ptr(), gy.data_ptr(), gw.data_ptr())
        return gw

    return run


def _sizes(problem: Problem) -> tuple[int, int, int, int]:
    """(pixels, groups, channels of a group, its filters)"""
    groups = problem.groups
    pixels = problem.batch * prod(problem.grid.input_size)
    return pixels, groups, problem.channels // groups, problem.filters // groups


def _job(code: int, numbers: tuple[int, int, int, int], count: int, each: int, pointers: int) -> Job:
    """Return the job whose tasks take ``each`` of a group's ``count`` channels or filters."""
    pixels, groups, inputs, outputs = numbers
    parts = ceil(count / each)
    work = 2.0 * groups * inputs * outputs * max(pixels, WORTH)
    return Job(code, groups * parts, work, pointers, *numbers, parts)


WORTH = 4  # pixels that take no longer than reading the weights


def _share(count: int, most: int) -> int:
    """Return the size of equal shares of at most ``most``."""
    return ceil(count / ceil(count / most))


def _vectors(problem: Problem, inputs: int, rows: int) -> int:
    """Return how many vectors of channels a tile of so many rows takes: as many as registers hold, in equal shares."""
    many = lanes(problem.dtype.itemsize)
    return min(_share(ceil(inputs / many), min((REGISTERS - 2) // (rows + 1), 12)), inputs // many)


def _lone(problem: Problem) -> bool:
    return prod(problem.grid.input_size) == 1


def _can(problem: Problem) -> bool:
    return is_product(problem.grid) and problem.channels // problem.groups >= lanes(problem.dtype.itemsize)


def _can_both(problem: Problem) -> bool:
    return _can(problem) and (_lone(problem) or (problem.last and problem.gy_last))


def _pays(problem: Problem) -> bool:
    pixels, _, inputs, _ = _sizes(problem)
    return _lone(problem) or pixels <= (min(max(inputs, 64), 256) if problem.last else 64 * _is_large(problem))


def _gradient_pays(problem: Problem) -> bool:
    return _lone(problem) or _sizes(problem)[0] <= (1024 if problem.last else 256 * _is_large(problem))


def _weight_gradient_pays(problem: Problem) -> bool:
    return _lone(problem) or _sizes(problem)[0] <= 128


def _is_large(problem: Problem) -> bool:
    """Whether packing the weights would take longer than turning some pixels."""
    return prod(problem.w_size) >= LARGE


WHY = "matrices of pixels, read as they lie"
CONV = Algorithm("matrix", _can, _pays, _conv, why=WHY)
INPUT_GRAD = Algorithm("matrix", _can, _gradient_pays, _conv_input_grad, why=WHY)
WEIGHT_GRAD = Algorithm("matrix", _can_both, _weight_gradient_pays, _conv_weight_grad, why=WHY)
