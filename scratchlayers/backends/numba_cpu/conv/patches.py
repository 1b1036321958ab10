"""Input gradient of a convolution whose windows do not overlap, of channels_last images: a product of matrices.

    gx[row a of patch p, j] = b[j] + Σ_o gy[p, o] · w[o, a, j]

A row of a patch is its pixels along the last axis, j one of their channels: they lie together in gx, and beside each
other in weights that are turned. So a transposed convolution makes images twice as large; pointwise convolutions with
a stride have patches of one pixel, and gaps between them.
"""

from __future__ import annotations

from math import ceil, prod

import numpy as np
from torch import Tensor

from ..choose import Algorithm, Problem, Ready
from ..jit import Longs, Real, kernel
from ..pages import maker
from ..simd import at, length
from ..target import VECTOR_BYTES, lanes
from ..team import Job
from ..workspace import scratch
from .matrix import TERMS, tile_of, vectors_of
from .product import product
from .turn import pixels

ROWS, VECTORS = 1, 1  # of a tile, replaced when compiled
EACH = 256  # patches of a task, in whole lines
LINES = 16


@kernel
def to_patches(
    lo, hi, thread, gy: Real, m: Real, b: Real, biased, gx: Real, cells: Real,
    parts, each, lines, depth, height, image, slab, line, step, patches, outputs, count, rows, places: Longs,
):  # fmt: skip
    """gx of some of ``count`` numbers of every row, for ``each`` lines of patches; b holds a bias for every number.

    A line has ``patches`` patches, a slab ``height`` lines and an image ``depth`` slabs. In gx they begin ``step``,
    ``line``, ``slab`` and ``image`` numbers after each other, and the ``rows`` rows of a patch at ``places``. ``cells``
    is scratch of all threads, for a tile's sums until they are complete.
    """
    width = VECTORS * length(gy)
    own = at(cells, thread * ROWS * width)
    for task in range(lo, hi):
        j, block = min(task % parts * width, count - width), task // parts
        for row in range(rows):
            matrix = at(m, row * count + j)
            for number in range(block * each, min((block + 1) * each, lines)):
                h, d, n = number % height, number // height % depth, number // height // depth
                source = at(gy, number * patches * outputs)
                target = at(gx, n * image + d * slab + h * line + places[row] + j)
                for first in range(0, patches, ROWS):
                    p = min(first, patches - ROWS)
                    for o in range(0, outputs, TERMS):
                        into, pitch = (at(target, p * step), step) if o + TERMS >= outputs else (own, width)
                        old, apart = (at(b, j), 0) if o == 0 else (own, width)
                        product(
                            ROWS, VECTORS, at(source, p * outputs + o), outputs, 1,
                            at(matrix, o * rows * count), rows * count,
                            into, pitch, min(outputs - o, TERMS), old, apart, o == 0 and not biased,
                        )  # fmt: skip


def _conv_input_grad(problem: Problem) -> Ready:
    grid, c, taps = problem.grid, problem.channels, prod(problem.grid.kernel_size)
    (job, cells), new = _job(problem), maker(problem.x_size, problem.dtype, True)
    turned = pixels((problem.filters, c, taps), problem.dtype)
    left = any(
        size != out * k for size, out, k in zip(grid.input_size, grid.output_size, grid.kernel_size, strict=True)
    )

    def run(gy: Tensor, w: Tensor, b: Tensor | None) -> Tensor:
        gx, m, begin, memory = new(), turned(w.view(-1, c, taps)), 0, scratch(job.threads() * cells)
        if left and b is None:
            gx.zero_()
        elif left:
            gx.copy_(b.view(-1, *(1,) * grid.rank).expand_as(gx))
        if b is not None:
            b = b.repeat(grid.kernel_size[-1])
            begin = b.data_ptr()
        job.run(gy.data_ptr(), m.data_ptr(), begin, b is not None, gx.data_ptr(), memory.data_ptr())
        return gx

    return run


def _job(problem: Problem) -> tuple[Job, int]:
    """Return the job, and how many bytes of scratch each of its threads needs."""
    grid, c = problem.grid, problem.channels
    (_, high, wide), (depth, height, patches), (kd, kh, kw), (sd, sh, sw) = (
        (1, 1, 1, *sizes)[-3:] for sizes in (grid.input_size, grid.output_size, grid.kernel_size, grid.stride)
    )
    lines, count, rows, tile = problem.batch * depth * height, kw * c, kd * kh, tile_of(patches)
    vectors, each = vectors_of(problem, count, tile), ceil(EACH / patches)
    parts = ceil(count / (vectors * lanes(problem.dtype.itemsize)))
    steps = prod(grid.input_size) * c, sd * high * wide * c, sh * wide * c, sw * c
    places = np.array([(z * high + i) * wide * c for z in range(kd) for i in range(kh)], np.int64)
    numbers = parts, each, lines, depth, height, *steps, patches, problem.filters, count, rows
    work = 2.0 * lines * patches * problem.filters * rows * count
    code = to_patches.compiled(problem.dtype, ROWS=tile, VECTORS=vectors)
    job = Job(code, ceil(lines / each) * parts, work, 6, *numbers, places)
    return job, tile * vectors * VECTOR_BYTES


def _can(problem: Problem) -> bool:
    """Whether windows neither overlap nor have gaps nor reach beyond the input, and their rows fill vectors."""
    grid = problem.grid
    apart = all(
        k <= s and (d == 1 or k == 1) and before == 0 and (out - 1) * s + k <= size
        for size, out, k, s, d, before, _ in zip(*grid, strict=True)
    )
    row = grid.kernel_size[-1] * problem.channels
    return problem.last and problem.groups == 1 and apart and row >= lanes(problem.dtype.itemsize)


def _pays(problem: Problem) -> bool:
    """Whether the lines of patches, which are not cut, keep a team of threads busy, or are no longer than a task."""
    *others, patches = problem.grid.output_size
    return problem.batch * prod(others) >= LINES or patches <= EACH


WHY = "windows apart from each other: rows of patches, written where they lie"
INPUT_GRAD = Algorithm("patches", _can, _pays, _conv_input_grad, why=WHY)
