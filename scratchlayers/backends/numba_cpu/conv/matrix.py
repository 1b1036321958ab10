"""Convolution of single pixels, and its gradients: products of matrices, none of them packed or turned.

    y[p, o] = b[o] + Σ_i x[p, i] · w[o, i]    gx[p, i] = Σ_o gy[p, o] · w[o, i]    gw[o, i] = Σ_p gy[p, o] · x[p, i]

A row is a pixel of an image, all channels beside each other, in each group by itself; or a filter. That is what the
heads of classifiers compute, and the gates between (squeeze and excitation). For a few pixels each weight is needed so
seldom that bringing it into any other order would take longer than the product; where those lie in planes, they are
turned. Tiles at an edge go back to where they are whole, and compute some results twice.
"""

from __future__ import annotations

from math import ceil, prod

from torch import Tensor

from ....geometry import Sizes
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
from .turn import between_pixels, planes

ROWS, COLUMNS, VECTORS = 1, 1, 1  # of a tile, replaced when compiled
TERMS = 512  # of a sum at a time, so that a tile's rows stay in the first cache
TILES = 32  # of pixels at a time, so that they and the cells stay in the second
ROOM, LEAST = 256 * 2**10, 64  # bytes of pixels at a time where their results lie along a vector, and pixels
FEW = 64
WORTH = 4  # pixels that take no longer than reading the weights
LARGE = 2**17  # weights that take longer to pack than some pixels to be turned
# how many pixels, vectors of channels, and filters of a weight gradient a tile may take
PIXELS, VECTOR_COUNTS, FILTERS = (1, 2, 4, 6, 8), (1, 2, 3, 4, 6, 8, 12), 4
if REGISTERS < 32:
    PIXELS, FILTERS = (1, 2, 3), 2


@kernel
def along_inputs(
    lo, hi, thread, x: Real, w: Real, b: Real, biased, y: Real, cells: Real, pixels, groups, inputs, outputs, parts,
):  # fmt: skip
    """y of some filters of a group and some tiles of pixels. ``cells`` is scratch of all threads."""
    lanes, tiles, whole, pixel = length(x), (pixels + ROWS - 1) // ROWS, groups * inputs, groups * outputs
    size = ROWS * COLUMNS * lanes
    own = at(cells, thread * min(tiles, TILES) * size)
    for task in range(lo, hi):
        part, group, first = task % parts, task // parts % groups, task // parts // groups * TILES
        o, some = group * outputs + min(part * COLUMNS, outputs - COLUMNS), min(tiles - first, TILES)
        for i in range(0, inputs, TERMS):
            rows, columns = at(x, group * inputs + i), at(w, o * inputs + i)
            for tile in range(some):
                p, own_cells = min((first + tile) * ROWS, pixels - ROWS), at(own, tile * size)
                count = min(inputs - i, TERMS)
                dots(ROWS, COLUMNS, at(rows, p * whole), whole, columns, inputs, own_cells, count, i == 0)
        for tile in range(some):
            target = at(y, min((first + tile) * ROWS, pixels - ROWS) * pixel + o)
            for m in range(ROWS):
                for n in range(COLUMNS):
                    value = total(load(own, tile * size + (m * COLUMNS + n) * lanes))
                    target[m * pixel + n] = value + b[o + n] if biased else value


@kernel
def along_results(
    lo, hi, thread, x: Real, m: Real, b: Real, biased, y: Real, pixels, groups, inputs, outputs, parts, each,
):  # fmt: skip
    """y[p, o] = b[o] + Σ_i x[p, i] · m[i, o], for some o of a group and ``each`` of the pixels."""
    width = VECTORS * length(x)
    for task in range(lo, hi):
        part, group, first = task % parts, task // parts % groups, task // parts // groups * each
        o = min(part * width, outputs - width)
        matrix, begin = at(m, group * inputs * outputs + o), at(b, group * outputs + o)
        for pixel in range(first, min(first + each, pixels), ROWS):
            p = min(pixel, pixels - ROWS) * groups + group
            target = at(y, p * outputs + o)
            product(
                ROWS, VECTORS, at(x, p * inputs), groups * inputs, 1, matrix, outputs,
                target, groups * outputs, inputs, begin, 0, not biased,
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
                at(gw, o * inputs + i), inputs, pixels, gw, 0, 1,
            )  # fmt: skip


def _conv(problem: Problem) -> Ready:
    return between_pixels((_along_inputs if _few(problem) else _along_outputs)(problem), problem, False)


def _along_inputs(problem: Problem) -> Ready:
    pixels, _, _, outputs = numbers = _sizes(problem)
    rows = _tile(pixels, PIXELS, MOST_ROWS)
    columns = columns_beside(rows) if columns_beside(rows) <= outputs else 1
    code = along_inputs.compiled(problem.dtype, ROWS=rows, COLUMNS=columns)
    tiles = ceil(pixels / rows)
    job = _job(code, numbers, outputs, columns, 6, ceil(tiles / TILES))
    cells = min(tiles, TILES) * rows * columns * VECTOR_BYTES
    new = maker(problem.y_size, problem.dtype, not _lone(problem))

    def run(x: Tensor, w: Tensor, b: Tensor | None) -> Tensor:
        y, memory, bias = new(), scratch(job.threads() * cells), 0 if b is None else b.data_ptr()
        job.run(x.data_ptr(), w.data_ptr(), bias, b is not None, y.data_ptr(), memory.data_ptr())
        return y

    return run


def _along_outputs(problem: Problem) -> Ready:
    pixels, groups, inputs, outputs = _sizes(problem)
    product, turned = (
        _results(problem, (pixels, groups, inputs, outputs), problem.y_size),
        planes((groups, inputs, outputs), problem.dtype),
    )
    return lambda x, w, b: product(x, turned(w), b)


def _conv_input_grad(problem: Problem) -> Ready:
    pixels, groups, inputs, outputs = _sizes(problem)
    return between_pixels(_results(problem, (pixels, groups, outputs, inputs), problem.x_size), problem, True)


def _results(problem: Problem, numbers: tuple[int, int, int, int], size: Sizes) -> Ready:
    """Return what computes y, of this size, from x, a matrix whose rows lie along y's, and the biases of y."""
    pixels, groups, inputs, outputs = numbers
    many = lanes(problem.dtype.itemsize)
    rows = tile_of(pixels)
    vectors = vectors_of(problem, outputs, rows)
    each = ceil(max(ROOM // (inputs * problem.dtype.itemsize), LEAST) / rows) * rows
    code = along_results.compiled(problem.dtype, ROWS=rows, VECTORS=vectors)
    parts, blocks = ceil(outputs / (vectors * many)), ceil(pixels / each)
    work = 2.0 * groups * inputs * outputs * max(pixels, WORTH)
    job = Job(code, blocks * groups * parts, work, 5, *numbers, parts, each)
    new = maker(size, problem.dtype, not _lone(problem))

    def run(x: Tensor, w: Tensor, b: Tensor | None) -> Tensor:
        y = new()
        job.run(x.data_ptr(), w.data_ptr(), 0 if b is None else b.data_ptr(), b is not None, y.data_ptr())
        return y

    return run


def _conv_weight_grad(problem: Problem) -> Ready:
    _, _, inputs, outputs = numbers = _sizes(problem)
    rows = FILTERS if outputs >= FILTERS else 1
    code = along_pixels.compiled(problem.dtype, ROWS=rows, VECTORS=vectors_of(problem, inputs, rows))
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


def _job(code: int, numbers: tuple[int, int, int, int], count: int, each: int, pointers: int, blocks: int = 1) -> Job:
    """Return the job whose tasks take ``each`` of a group's ``count`` channels or filters, of a block of the pixels."""
    pixels, groups, inputs, outputs = numbers
    parts = ceil(count / each)
    work = 2.0 * groups * inputs * outputs * max(pixels, WORTH)
    return Job(code, blocks * groups * parts, work, pointers, *numbers, parts)


def tile_of(pixels: int) -> int:
    """Return how many of some pixels a tile takes whose results lie along vectors."""
    return _tile(pixels, PIXELS, PIXELS[-1])


def _tile(count: int, sizes: tuple[int, ...], most: int) -> int:
    """Return how many of ``count`` a tile takes, of a few ``sizes``, each to be compiled: so that least is wasted."""
    return min((n for n in sizes if n <= min(count, most)), key=lambda n: (ceil(count / n) * (n + 1), -n))


def vectors_of(problem: Problem, inputs: int, rows: int) -> int:
    """Return how many vectors of channels a tile of so many rows takes."""
    whole, rest = divmod(inputs, lanes(problem.dtype.itemsize))
    most = min(whole, (REGISTERS - 2) // (rows + 1))
    return _tile(whole + (rest > 0), VECTOR_COUNTS, most)


def _few(problem: Problem) -> bool:
    pixels, _, _, outputs = _sizes(problem)
    return pixels <= FEW or outputs < lanes(problem.dtype.itemsize)


def _lone(problem: Problem) -> bool:
    return prod(problem.grid.input_size) == 1


def _can(problem: Problem) -> bool:
    return is_product(problem.grid) and problem.channels // problem.groups >= lanes(problem.dtype.itemsize)


def _can_both(problem: Problem) -> bool:
    return _can(problem) and (_lone(problem) or (problem.last and problem.gy_last))


def _at_most(problem: Problem, pixels: int) -> bool:
    """Whether there are so few pixels, and so many weights that to turn the pixels costs less than packing."""
    return _sizes(problem)[0] <= pixels and prod(problem.w_size) >= LARGE


def _pays(problem: Problem) -> bool:
    if problem.last and not _lone(problem):
        return not _few(problem) or _sizes(problem)[0] <= FEW
    return _lone(problem) or _at_most(problem, 32)


def _gradient_pays(problem: Problem) -> bool:
    return _lone(problem) or problem.last or _at_most(problem, 256)


def _weight_gradient_pays(problem: Problem) -> bool:
    return _lone(problem) or _sizes(problem)[0] <= 128


WHY = "matrices of pixels, read as they lie"
CONV = Algorithm("matrix", _can, _pays, _conv, why=WHY)
INPUT_GRAD = Algorithm("matrix", _can, _gradient_pays, _conv_input_grad, why=WHY)
WEIGHT_GRAD = Algorithm("matrix", _can_both, _weight_gradient_pays, _conv_weight_grad, why=WHY)
