"""Which input element does tap t of output p read? Integers only.

A :class:`Window` is what the user wrote; a :class:`Grid` is that window laid over an input of known size. Kernels
only ever see a Grid, and on every axis one formula places every tap::

    input index = output index · stride + tap · dilation − before

An index outside ``[0, input_size)`` reads the padding value. The words "valid", "same" and "full", unequal padding
and ``ceil_mode`` only change the numbers of a Grid; below this module nothing branches on them. Output sizes follow
Dumoulin and Visin, "A guide to convolution arithmetic for deep learning" (arXiv:1603.07285).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from operator import index
from typing import NamedTuple, SupportsIndex, TypeGuard, cast

Sizes = tuple[int, ...]
Pairs = tuple[tuple[int, int], ...]
Ints = int | Sequence[int]
Padding = str | int | Sequence[int] | Sequence[Sequence[int]]


class Grid(NamedTuple):
    """A window at every output position of one input; each field has one entry per spatial axis."""

    input_size: Sizes
    output_size: Sizes
    kernel_size: Sizes
    stride: Sizes
    dilation: Sizes
    before: Sizes
    after: Sizes

    @property
    def rank(self) -> int:
        """The number of spatial axes."""
        return len(self.input_size)


class Window(NamedTuple):
    """A sliding window as the user describes it, independent of any input."""

    kernel_size: Sizes
    stride: Sizes
    dilation: Sizes
    padding: str | Pairs
    ceil_mode: bool = False

    @classmethod
    def parse(
        cls,
        rank: int,
        kernel_size: Ints,
        stride: Ints | None = None,
        padding: Padding = 0,
        dilation: Ints = 1,
        ceil_mode: bool = False,
    ) -> Window:
        """Read torch's spellings (int, sequence, word) and, per axis, a pair ``(before, after)`` for the padding."""
        kernel = per_axis(rank, kernel_size, "kernel_size")
        own = stride is None or (isinstance(stride, (list, tuple)) and not stride)
        steps = kernel if own else per_axis(rank, cast(Ints, stride), "stride")
        return cls(kernel, steps, per_axis(rank, dilation, "dilation"), _sides(rank, padding), bool(ceil_mode))

    @property
    def extent(self) -> Sizes:
        """The number of input elements between a window's first and last tap, both counted."""
        return tuple((k - 1) * d + 1 for k, d in zip(self.kernel_size, self.dilation, strict=True))

    def over(self, input_size: Sizes) -> Grid:
        """Lay the window over an input of this spatial size; ValueError where it does not fit once."""
        sides = self.sides(input_size)
        axes = zip(input_size, self.extent, self.stride, sides, strict=True)
        output_size = tuple(_positions(*axis, self.ceil_mode) for axis in axes)
        if min(output_size) < 1:
            padded = tuple(n + sum(side) for n, side in zip(input_size, sides, strict=True))
            raise ValueError(
                f"the window needs {self.extent} input elements, the padded input has {padded}: "
                "make the kernel or its dilation smaller, or the padding larger"
            )
        before, after = zip(*sides, strict=True)
        return Grid(input_size, output_size, self.kernel_size, self.stride, self.dilation, before, after)

    def sides(self, input_size: Sizes) -> Pairs:
        """Padding before and after each axis, in input elements."""
        if not isinstance(self.padding, str):
            return self.padding
        axes = zip(input_size, self.extent, self.stride, strict=True)
        return tuple(_NAMED[self.padding](*axis) for axis in axes)


def _full(size: int, extent: int, stride: int) -> tuple[int, int]:
    return extent - 1, extent - 1


def _valid(size: int, extent: int, stride: int) -> tuple[int, int]:
    return 0, 0


def _same(size: int, extent: int, stride: int) -> tuple[int, int]:
    """ceil(size / stride) positions, the odd element at the end: TensorFlow's rule, and torch's at stride 1."""
    total = max((-(-size // stride) - 1) * stride + extent - size, 0)
    return total // 2, total - total // 2


_NAMED = {"valid": _valid, "same": _same, "full": _full}


def _positions(size: int, extent: int, stride: int, side: tuple[int, int], ceil_mode: bool) -> int:
    """How many windows there are on one axis."""
    before, after = side
    room = size + before + after - extent
    if not ceil_mode:
        return room // stride + 1
    count = -(-room // stride) + 1
    # torch drops a last window that would start entirely inside the trailing padding
    return count - 1 if (count - 1) * stride >= size + before else count


def transposed(
    rank: int,
    input_size: Sizes,
    kernel_size: Sizes,
    stride: Ints,
    padding: Padding,
    output_padding: Ints,
    dilation: Ints,
) -> Grid:
    """Return the grid of the convolution whose input gradient is this transposed convolution.

    Its *output* is what the transposed convolution reads, its *input* what that one makes, so
    ``size = (input_size − 1) · stride − before − after + extent + output_padding``.
    """
    window = Window.parse(rank, kernel_size, stride, padding, dilation)
    extra = per_axis(rank, output_padding, "output_padding", least=0)
    if isinstance(window.padding, str):
        raise ValueError(f"a transposed convolution takes its padding in numbers, not {window.padding!r}")
    sides = window.padding
    for e, s, d in zip(extra, window.stride, window.dilation, strict=True):
        if e >= max(s, d):
            raise ValueError(f"output_padding must be smaller than stride or dilation, got {e} at {s} and {d}")
    axes = zip(input_size, window.stride, sides, window.extent, extra, strict=True)
    size = tuple((n - 1) * s - sum(side) + extent + e for n, s, side, extent, e in axes)
    if min(size) < 0:
        raise ValueError(f"the output would have size {size}: make the padding smaller or the input larger")
    before, after = zip(*sides, strict=True)
    return Grid(size, input_size, window.kernel_size, window.stride, window.dilation, before, after)


def divisors(grid: Grid, count_include_pad: bool) -> tuple[Sizes, ...]:
    """Per axis, the number of elements an average counts at each output position.

    The divisor of output p is the product over the axes. Windows that hang over the padded input (``ceil_mode``)
    are counted up to its end only; without ``count_include_pad``, up to the input's own.
    """
    counts = []
    for n, m, k, s, b, a in zip(
        grid.input_size, grid.output_size, grid.kernel_size, grid.stride, grid.before, grid.after, strict=True
    ):
        low, high = (-b, n + a) if count_include_pad else (0, n)
        starts = [p * s - b for p in range(m)]
        counts.append(tuple(max(min(start + k, high) - max(start, low), 1) for start in starts))
    return tuple(counts)


class Run(NamedTuple):
    """Positions ``start`` to ``stop`` of a padded axis copy the input's ``source``, ``source + step``, ..."""

    start: int
    stop: int
    source: int
    step: int


class Frame(NamedTuple):
    """A padded (or, where negative, cropped) input; each field has one entry per spatial axis.

    Every padding mode is only a different list of runs. What no run reaches copies nothing.
    """

    input_size: Sizes
    output_size: Sizes
    runs: tuple[tuple[Run, ...], ...]

    @property
    def rank(self) -> int:
        """The number of spatial axes."""
        return len(self.input_size)

    @property
    def sources(self) -> tuple[Sizes, ...]:
        """``sources[axis][i]``: the input index that position i of the padded axis copies, −1 where it copies none."""
        return tuple(_table(size, runs) for size, runs in zip(self.output_size, self.runs, strict=True))

    @property
    def undone(self) -> Frame | None:
        """The frame that puts every copy back where it came from, if this one makes a single run of each axis."""
        if any(len(runs) > 1 or any(run.step != 1 for run in runs) for runs in self.runs):
            return None
        back = [[Run(source, source + stop - start, start, 1) for start, stop, source, _ in runs] for runs in self.runs]
        return Frame(self.output_size, self.input_size, tuple(map(tuple, back)))

    @classmethod
    def around(cls, input_size: Sizes, sides: Pairs, mode: str) -> Frame:
        """Lay a border of (before, after) elements around each axis; ValueError where the mode cannot supply it."""
        axes = list(zip(input_size, sides, strict=True))
        runs = tuple(_runs(size, before, after, mode) for size, (before, after) in axes)
        return cls(input_size, tuple(size + before + after for size, (before, after) in axes), runs)


def _table(size: int, runs: tuple[Run, ...]) -> Sizes:
    table = [-1] * size
    for start, stop, source, step in runs:
        table[start:stop] = [source + i * step for i in range(stop - start)]
    return tuple(table)


def _runs(size: int, before: int, after: int, mode: str) -> tuple[Run, ...]:
    """Return what a padded axis copies: from the border before it, from the input itself, from the border after it."""
    first = max(-before, 0)
    kept = size - first - max(-after, 0)
    if kept < 0:
        raise ValueError(f"cropping {-before} and {-after} elements leaves less than nothing of {size}")
    # per mode: the most it can add, and (source, step) of the border before and of the border after
    borders = {
        "constant": None,
        "replicate": (None, (0, 0), (size - 1, 0)),
        "circular": (kept, (first + kept - before, 1), (first, 1)),
        "reflect": (size - 1, (before, -1), (size - 2, -1)),
    }
    if mode not in borders:
        raise ValueError(f"mode must be one of {', '.join(borders)}, got {mode!r}")
    start, stop = max(before, 0), max(before, 0) + kept
    runs = [Run(start, stop, first, 1)]
    if border := borders[mode]:
        most, ahead, behind = border
        if most is not None and max(before, after) > most:
            raise ValueError(f"{mode} padding repeats at most {most} of {size} elements, got {(before, after)}")
        runs = [Run(0, start, *ahead), *runs, Run(stop, size + before + after, *behind)]
    return tuple(run for run in runs if run.start < run.stop)


class Regions(NamedTuple):
    """Windows that need not be of one size, laid end to end by ``frame``, so that those of ``grid`` do not overlap.

    ``sizes[axis][p]`` is the number of elements that the region at position p has of its own.
    """

    frame: Frame
    grid: Grid
    sizes: tuple[Sizes, ...]

    @classmethod
    def adaptive(cls, input_size: Sizes, output_size: Sizes, repeat: bool) -> Regions:
        """Cut each axis of n elements into m regions, the p-th from ⌊p n / m⌋ to ⌈(p + 1) n / m⌉, as torch does.

        A region smaller than the largest of its axis is filled up by copies of its last element with ``repeat``, by
        zeros without. Where all are of one size and one step apart, the axis stays as it is.
        """
        runs, windows, sizes = zip(
            *(_regions(n, m, repeat) for n, m in zip(input_size, output_size, strict=True)), strict=True
        )
        kernel, stride, laid = zip(*windows, strict=True)
        zeros = (0,) * len(input_size)
        grid = Grid(laid, output_size, kernel, stride, (1,) * len(zeros), zeros, zeros)
        return cls(Frame(input_size, laid, runs), grid, sizes)


def _regions(n: int, m: int, repeat: bool) -> tuple[tuple[Run, ...], tuple[int, int, int], Sizes]:
    """(runs, (kernel, stride, size of the axis they make), sizes) of one axis."""
    if m == 1:
        return (Run(0, n, 0, 1),), (n, 1, n), (n,)
    n = index(n)  # where a tracer has a symbol for it, this call is for this size only
    starts = [p * n // m for p in range(m)]
    sizes = tuple(-(-(p + 1) * n // m) - start for p, start in enumerate(starts))
    steps = {after - before for before, after in pairwise(starts)}
    if len({*sizes}) == 1 and len(steps) < 2 and 0 not in steps:
        return (Run(0, n, 0, 1),), (sizes[0], max(steps, default=1), n), sizes
    k = max(sizes)
    runs = []
    for p, (start, size) in enumerate(zip(starts, sizes, strict=True)):
        runs.append(Run(p * k, p * k + size, start, 1))
        if repeat and size < k:
            runs.append(Run(p * k + size, (p + 1) * k, start + size - 1, 0))
    return tuple(runs), (k, k, m * k), sizes


def per_axis(rank: int, value: Ints, name: str, least: int = 1) -> Sizes:
    """Return one int for each axis from an int or a sequence of one or ``rank`` ints."""
    sizes = (whole(value, name),) * rank if isinstance(value, SupportsIndex) else tuple(whole(v, name) for v in value)
    if len(sizes) == 1:
        sizes *= rank
    if len(sizes) != rank or min(sizes) < least:
        raise ValueError(f"{name} must be an int of at least {least} or {rank} of them, got {value!r}")
    return sizes


def whole(value: SupportsIndex, name: str) -> int:
    """Return an int from an int of any library; TypeError for a bool, a float or a word."""
    if isinstance(value, bool):
        raise TypeError(f"{name} must be an int, not a bool")
    return index(value)


def _sides(rank: int, padding: Padding) -> str | Pairs:
    if isinstance(padding, str):
        if padding not in _NAMED:
            raise ValueError(f"padding must be numbers or one of {', '.join(map(repr, _NAMED))}, got {padding!r}")
        return padding
    if is_per_side(padding):
        pairs = tuple(per_axis(2, side, "padding of an axis (before, after)", least=0) for side in padding)
        if len(pairs) != rank:
            raise ValueError(f"padding per side must name {rank} pairs (before, after), got {padding!r}")
        return tuple((before, after) for before, after in pairs)
    return tuple((p, p) for p in per_axis(rank, cast(Ints, padding), "padding", least=0))


def is_per_side(padding: object) -> TypeGuard[Sequence[Sequence[int]]]:
    """Whether a padding names each side of an axis for itself, as in ``((1, 2), (0, 1))``."""
    return (
        isinstance(padding, Sequence)
        and not isinstance(padding, str)
        and isinstance(next(iter(padding), 0), (list, tuple))
    )
