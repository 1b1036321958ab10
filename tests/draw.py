"""Which arguments can a function be called with? Hypothesis strategies that draw all of torch's."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from hypothesis import assume, settings
from hypothesis import strategies as st

from scratchlayers.geometry import Window

LAYOUTS = ("contiguous", "channels_last", "transposed", "sliced", "expanded")


def examples(count):
    """How many examples a test draws; twenty times as many with ``--hypothesis-profile=search``."""
    return settings(max_examples=count if settings.default.derandomize else 20 * count)


class Call(NamedTuple):
    """The tensors and the words of one call."""

    tensors: tuple[Any, ...]
    words: tuple[Any, ...]

    def __repr__(self) -> str:
        shown = [x if x is None else f"{x.dtype} {tuple(x.shape)} at {x.stride()}" for x in self.tensors]
        return f"{', '.join(map(str, shown))} with {self.words}"


def tensor(shape, dtype, layout="contiguous", seed=0):
    """Whole numbers from −3 to 3, so that sums are exact in every dtype and in any order; and ties occur."""
    generator = torch.Generator().manual_seed(seed)
    low = 0 if dtype in (torch.uint8, torch.bool) else -3
    x = torch.randint(low, 4, tuple(shape), generator=generator).to(torch.float64)
    if dtype.is_complex:
        x = torch.complex(x, torch.randint(low, 4, tuple(shape), generator=generator).to(torch.float64))
    return arranged(x.to(dtype), layout)


def arranged(x, layout):
    """Return ``x`` with other strides ("expanded": with its first element along the first axis everywhere)."""
    if layout == "channels_last" and x.dim() in (4, 5):
        return x.contiguous(memory_format=torch.channels_last if x.dim() == 4 else torch.channels_last_3d)
    if layout == "transposed" and x.dim() > 1:
        return x.transpose(0, -1).contiguous().transpose(0, -1)
    if layout == "sliced" and x.dim() > 0:
        wide = x.new_empty((*x.shape[:-1], 2 * x.shape[-1] + 1))
        wide[..., 1::2] = x
        return wide[..., 1::2]
    if layout == "expanded" and x.dim() > 0:
        return x[:1].expand_as(x)
    return x.clone(memory_format=torch.contiguous_format)


@st.composite
def spelled(draw, values):
    """One of torch's ways to write an int for each axis."""
    ways = [tuple(values), list(values)]
    if len(set(values)) == 1:
        ways += [values[0], (values[0],)]
    return draw(st.sampled_from(ways))


def ints(rank, low, high):
    return st.lists(st.integers(low, high), min_size=rank, max_size=rank)


def layouts():
    return st.sampled_from(LAYOUTS)


def seeds():
    return st.integers(0, 2**16)


def batches():
    """None is unbatched."""
    return st.sampled_from([None, 0, 1, 2, 3])


def spatial(draw, extents, paddings):
    """An input in which the window fits at least once, with room for a few more."""
    room = draw(ints(len(extents), 0, 5))
    return [max(e - 2 * p, 1) + r for e, p, r in zip(extents, paddings, room, strict=True)]


def extents(kernel, dilation):
    return [(k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True)]


@st.composite
def convolutions(draw, rank, dtypes=(torch.float64,)):
    dtype = draw(st.sampled_from(dtypes))
    kernel, stride, dilation = draw(ints(rank, 1, 4)), draw(ints(rank, 1, 3)), draw(ints(rank, 1, 3))
    word = draw(st.sampled_from([None, None, None, "valid", "same"]))
    padding = draw(ints(rank, 0, 3)) if word is None else [0] * rank
    if word == "same":
        stride = [1] * rank
    size = spatial(draw, extents(kernel, dilation), padding)
    batch, groups = draw(batches()), draw(st.integers(1, 3))
    c, o = draw(st.integers(1, 3)), draw(st.integers(1, 3)) * groups
    lead = [] if batch is None else [batch]
    x = tensor([*lead, groups * c, *size], dtype, draw(layouts()), draw(seeds()))
    w = tensor([o, c, *kernel], dtype, draw(layouts()), draw(seeds()))
    b = draw(st.sampled_from([None, tensor([o], dtype, seed=draw(seeds()))]))
    words = [draw(spelled(stride)), word or draw(spelled(padding)), draw(spelled(dilation)), groups]
    return Call((x, w, b), tuple(words))


@st.composite
def transposed_convolutions(draw, rank, dtypes=(torch.float64,)):
    dtype = draw(st.sampled_from(dtypes))
    kernel, stride, dilation = draw(ints(rank, 1, 3)), draw(ints(rank, 1, 3)), draw(ints(rank, 1, 3))
    size, padding = draw(ints(rank, 1, 4)), draw(ints(rank, 0, 2))
    extra = [draw(st.integers(0, max(s, d) - 1)) for s, d in zip(stride, dilation, strict=True)]
    batch, groups = draw(batches()), draw(st.integers(1, 3))
    c, o = draw(st.integers(1, 2)), draw(st.integers(1, 3))
    lead = [] if batch is None else [batch]
    x = tensor([*lead, groups * c, *size], dtype, draw(layouts()), draw(seeds()))
    w = tensor([groups * c, o, *kernel], dtype, draw(layouts()), draw(seeds()))
    b = draw(st.sampled_from([None, tensor([groups * o], dtype, seed=draw(seeds()))]))
    words = [draw(spelled(stride)), draw(spelled(padding)), draw(spelled(extra)), groups, draw(spelled(dilation))]
    return Call((x, w, b), tuple(words))


@st.composite
def pooled(draw, rank, dtype, kernel, dilation):
    """(input, stride, padding) for a window."""
    extent = extents(kernel, dilation)
    padding = [draw(st.integers(0, e // 2)) for e in extent]
    size = spatial(draw, extent, padding)
    batch = draw(batches())
    shape = [*([] if batch is None else [batch]), draw(st.integers(1, 3)), *size]
    x = tensor(shape, dtype, draw(layouts()), draw(seeds()))
    stride = draw(st.sampled_from([None, draw(spelled(draw(ints(rank, 1, 4))))]))
    return x, stride, draw(spelled(padding))


@st.composite
def max_poolings(draw, rank, dtypes=(torch.float64,)):
    kernel, dilation = draw(ints(rank, 1, 3)), draw(ints(rank, 1, 3))
    x, stride, padding = draw(pooled(rank, draw(st.sampled_from(dtypes)), kernel, dilation))
    ceil_mode = draw(st.booleans())
    assume(every_window_reads(Window.parse(rank, kernel, stride, padding, dilation, ceil_mode).over(x.shape[-rank:])))
    return Call((x,), (draw(spelled(kernel)), stride, padding, draw(spelled(dilation)), ceil_mode, draw(st.booleans())))


def every_window_reads(grid):
    """Where a dilated window steps over the whole input, torch names a place outside of it and writes there."""
    return all(
        any(0 <= p * s + t * d - b < n for t in range(k))
        for n, m, k, s, d, b, _ in zip(*grid, strict=True)
        for p in range(m)
    )


@st.composite
def average_poolings(draw, rank, dtypes=(torch.float64,)):
    kernel = draw(ints(rank, 1, 4))
    x, stride, padding = draw(pooled(rank, draw(st.sampled_from(dtypes)), kernel, [1] * rank))
    words = (draw(spelled(kernel)), stride, padding, draw(st.booleans()), draw(st.booleans()))
    override = () if rank == 1 else (draw(st.sampled_from([None, 1, 3, -2])),)
    return Call((x,), (*words, *override))


@st.composite
def constant_paddings(draw, dtypes=(torch.float64,)):
    dtype = draw(st.sampled_from(dtypes))
    shape = draw(st.lists(st.integers(0, 4), max_size=5))
    named = draw(st.integers(0, len(shape)))
    sides = []
    for size in reversed(shape[len(shape) - named :]):
        before = draw(st.integers(-size, 3))
        sides += [before, draw(st.integers(-size - min(before, 0), 3))]
    x = tensor(shape, dtype, draw(layouts()), draw(seeds()))
    values = [None, 0, 2, 1.0] if dtype is torch.bool else [None, 0, 2, -1.0, 0.5]
    values += [float("inf"), float("nan")] if dtype.is_floating_point else []
    return Call((x,), (draw(st.sampled_from([tuple(sides), sides])), "constant", draw(st.sampled_from(values))))


@st.composite
def copying_paddings(draw, mode, dtypes=(torch.float64,)):
    rank = draw(st.integers(1, 3))
    size = draw(ints(rank, 1, 4))
    batch = draw(batches())
    most = {"reflect": lambda n: n - 1, "replicate": lambda n: 4, "circular": lambda n: n}[mode]
    sides = []
    for n in reversed(size):
        start = draw(st.integers(0, n - 1))
        end = draw(st.integers(0, n - 1 - start))
        limit = most(n - start - end if mode == "circular" else n)
        sides += [-crop or draw(st.integers(0, limit)) for crop in (start, end)]
    shape = [*([] if batch is None else [batch]), draw(st.integers(1, 3)), *size]
    x = tensor(shape, draw(st.sampled_from(dtypes)), draw(layouts()), draw(seeds()))
    return Call((x,), (tuple(sides), mode))
