"""Convolution of single pixels, and its gradients: products of matrices as they lie.

    y[p, o] = b[o] + Σ_i x[p, i] · w[o, i]    gx[p, i] = Σ_o gy[p, o] · w[o, i]    gw[o, i] = Σ_p gy[p, o] · x[p, i]

A row is a pixel of an image, all channels beside each other, in each group by itself; or a filter. That is what the
heads of classifiers compute, and the gates between (squeeze and excitation). For a few pixels each weight is needed so
seldom that bringing it into any other order would take longer than the product: then a vector takes the next terms of a
sum, and where the pixels lie in planes, they are turned. For many, y's weights are. Tiles at an edge go back to where
they are whole, and compute some results twice; long sums are added up in pieces, which rounds less often at full size.
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
TERMS = 512  # of a sum at a time: so that a tile's rows stay in the first cache, and for the rounding
TILES = 32  # of pixels at a time, so that they and the cells stay in the second
ROOM, LEAST = 256 * 2**10, 64  # bytes of pixels at a time where their results lie along a vector, and pixels
FEW = 64  # pixels whose sums lie along the vectors, not their results
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
    lo, hi, thread, x: Real, m: Real, b: Real, biased, y: Real, cells: Real,
    pixels, groups, inputs, outputs, parts, each,
):  # fmt: skip
    """y[p, o] = b[o] + Σ_i x[p, i] · m[i, o], for some o of a group and ``each`` of the pixels.

    ``cells`` is scratch of all threads, for a tile's sums until they are complete.
    """
    width = VECTORS * length(x)
    own = at(cells, thread * ROWS * width)
    for task in range(lo, hi):
        part, group, first = task % parts, task // parts % groups, task // parts // groups * each
        o = min(part * width, outputs - width)
        matrix, begin = at(m, group * inputs * outputs + o), at(b, group * outputs + o)
        for pixel in range(first, min(first + each, pixels), ROWS):
            p = min(pixel, pixels - ROWS) * groups + group
            target = at(y, p * outputs + o)
            for i in range(0, inputs, TERMS):
                into, pitch = (target, groups * outputs) if i + TERMS >= inputs else (own, width)
                old, apart = (begin, 0) if i == 0 else (own, width)
                product(
                    ROWS, VECTORS, at(x, p * inputs + i), groups * inputs, 1, at(matrix, i * outputs), outputs,
                    into, pitch, min(inputs - i, TERMS), old, apart, i == 0 and not biased,
                )  # fmt: skip


@kernel
def along_pixels(lo, hi, thread, x: Real, gy: Real, gw: Real, cells: Real, pixels, groups, inputs, outputs, parts):
    """gw of some filters of a group; ``cells`` as in :func:`along_results`."""
    width = VECTORS * length(x)
    own = at(cells, thread * ROWS * width)
    for task in range(lo, hi):
        group = task // parts
        o = group * outputs + min(task % parts * ROWS, outputs - ROWS)
        for first in range(0, inputs, width):
            i = min(first, inputs - width)
            target = at(gw, o * inputs + i)
            for p in range(0, pixels, TERMS):
                into, pitch = (target, inputs) if p + TERMS >= pixels else (own, width)
                product(
                    ROWS, VECTORS, at(gy, p * groups * outputs + o), 1, groups * outputs,
                    at(x, (p * groups + group) * inputs + i), groups * inputs,
                    into, pitch, min(pixels - p, TERMS), own, width, p == 0,
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
    _, groups, inputs, outputs = numbers = _sizes(problem)
    run, turned = _results(problem, numbers, problem.y_size), planes((groups, inputs, outputs), problem.dtype)
    return lambda x, w, b: run(x, turned(w), b)


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
    job = Job(code, blocks * groups * parts, work, 6, *numbers, parts, each)
    new, cells = maker(size, problem.dtype, not _lone(problem)), rows * vectors * VECTOR_BYTES

    def run(x: Tensor, w: Tensor, b: Tensor | None) -> Tensor:
        y, memory, bias = new(), scratch(job.threads() * cells), 0 if b is None else b.data_ptr()
        job.run(x.data_ptr(), w.data_ptr(), bias, b is not None, y.data_ptr(), memory.data_ptr())
        return y

    return run


def _conv_weight_grad(problem: Problem) -> Ready:
    _, _, inputs, outputs = numbers = _sizes(problem)
    rows = FILTERS if outputs >= FILTERS else 1
    vectors = vectors_of(problem, inputs, rows)
    code = along_pixels.compiled(problem.dtype, ROWS=rows, VECTORS=vectors)
    job, new = _job(code, numbers, outputs, rows, 4), maker(problem.w_size, problem.dtype)
    cells = rows * vectors * VECTOR_BYTES

    def run(x: Tensor, gy: Tensor) -> Tensor:
        gw, memory = new(), scratch(job.threads() * cells)
        job.run(x.data_ptr(), gy.data_ptr(), gw.data_ptr(), memory.data_ptr())
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


def vectors_of(problem: Problem, count: int, rows: int) -> int:
    """Return how many vectors of ``count`` results a tile of so many rows takes."""
    whole, rest = divmod(count, lanes(problem.dtype.itemsize))
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


WHY = "matrices of pixels and weights"
CONV = Algorithm("matrix", _can, _pays, _conv, why=WHY)
INPUT_GRAD = Algorithm("matrix", _can, _gradient_pays, _conv_input_grad, why=WHY)
WEIGHT_GRAD = Algorithm("matrix", _can_both, _weight_gradient_pays, _conv_weight_grad, why=WHY)
