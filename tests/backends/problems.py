"""Problems drawn at random: any layer's function, rank, size, stride, dilation, groups, padding, layout and dtype."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
import torch.nn.functional as torchs
from torch import Tensor

from scratchlayers import functional as ours
from scratchlayers.geometry import Grid, Window

KINDS = ("conv", "conv", "conv", "conv_transpose", "conv_transpose", "max_pool", "avg_pool", "pad")
SIZES = {1: (1, 70), 2: (1, 24), 3: (1, 9)}
FORMATS = {4: torch.channels_last, 5: torch.channels_last_3d}
HALF = (torch.bfloat16, torch.float16)


@dataclass
class Problem:
    """A function of some tensors, to be computed by ours and, on the same numbers in float64, by torch's."""

    name: str
    tensors: tuple[Tensor, ...]
    ours: Callable[..., Tensor]
    torchs: Callable[..., Tensor]
    terms: int  # in the longest sum of any result or gradient
    words: str

    @property
    def dtype(self) -> torch.dtype:
        """Of every tensor."""
        return self.tensors[0].dtype

    def __str__(self) -> str:
        return f"{self.name}({self.words}) of {[tuple(t.shape) for t in self.tensors]} in {self.dtype}"


def draw(number: int) -> Problem:
    """Return the problem of this number; ``tensors`` have any strides."""
    seed = number
    while True:
        die = random.Random(seed)
        torch.manual_seed(seed)
        try:
            problem = globals()[f"_{die.choice(KINDS)}"](die, die.choice((1, 2, 2, 3)))
            problem.words = f"{problem.words}, seed={number}"
            problem.torchs(*(t.double() for t in problem.tensors))
        except (RuntimeError, ValueError):  # the window does not fit, say: draw again
            seed += 1_000_003
        else:
            return problem


def _conv(die: random.Random, rank: int) -> Problem:
    groups, each, filters = die.choice(((1, 9, 20), (1, 40, 70), (1, 3, 9), (12, 1, 1), (40, 1, 2), (3, 4, 5)))
    c, o = groups * die.randint(1, each), groups * die.randint(1, filters)
    kernel = _each(die, rank, (1, 2, 3, 3, 3, 5, 7) if rank < 3 else (1, 2, 3))
    kernel = (die.choice(kernel),) * rank if die.random() < 0.6 else kernel
    words = {
        "stride": _each(die, rank, (1, 1, 1, 2, 3)),
        "padding": tuple(die.randint(0, k) for k in kernel),
        "dilation": _each(die, rank, (1, 1, 1, 2, 3)),
        "groups": groups,
    }
    x = _tensor(die, (die.randint(1, 4), c, *_size(die, rank)))
    w = _tensor(die, (o, c // groups, *kernel), x.dtype)
    tensors = (x, w, _tensor(die, (o,), x.dtype)) if die.random() < 0.5 else (x, w)
    terms = max(x.numel(), w.numel())
    return Problem(f"conv{rank}d", tensors, *_both(f"conv{rank}d", words), terms, str(words))


def _conv_transpose(die: random.Random, rank: int) -> Problem:
    groups, each, filters = die.choice(((1, 20, 9), (1, 30, 40), (12, 1, 1), (3, 4, 5)))
    c, o = groups * die.randint(1, each), die.randint(1, filters)
    kernel = _each(die, rank, (1, 2, 3, 4, 5))
    words = {"stride": _each(die, rank, (1, 2, 2, 3)), "dilation": _each(die, rank, (1, 1, 2)), "groups": groups}
    words["padding"] = tuple(die.randint(0, (k - 1) * d) for k, d in zip(kernel, words["dilation"], strict=True))
    both = zip(words["stride"], words["dilation"], strict=True)
    words["output_padding"] = tuple(die.randint(0, max(s, d) - 1) for s, d in both)
    x = _tensor(die, (die.randint(1, 3), c, *(-(-n // 2) for n in _size(die, rank))))
    w = _tensor(die, (c, o, *kernel), x.dtype)
    tensors = (x, w, _tensor(die, (o * groups,), x.dtype)) if die.random() < 0.5 else (x, w)
    return Problem(
        f"conv_transpose{rank}d",
        tensors,
        *_both(f"conv_transpose{rank}d", words),
        9 * x.numel() + w.numel(),
        str(words),
    )


def _max_pool(die: random.Random, rank: int) -> Problem:
    kernel = _each(die, rank, (1, 2, 2, 3, 3, 5, 17))
    words = {
        "kernel_size": kernel,
        "stride": _each(die, rank, (1, 2, 2, 3, 5)),
        "padding": tuple(die.randint(0, k // 2) for k in kernel),
        "dilation": _each(die, rank, (1, 1, 1, 2)),
        "ceil_mode": die.random() < 0.3,
    }
    x = _pooled(die, rank, ties=die.random() < 0.3)
    _check_windows(Window.parse(rank, *words.values()).over(tuple(x.shape[2:])))
    return Problem(f"max_pool{rank}d", (x,), *_both(f"max_pool{rank}d", words), x[0, 0].numel(), str(words))


def _check_windows(grid: Grid) -> None:
    """ValueError if a window has no tap inside the input: torch's max pooling then writes where it must not."""
    for axis in zip(*grid[:-1], strict=True):
        size, positions, k, s, d, before = axis
        for p in range(positions):
            if not any(0 <= p * s + t * d - before < size for t in range(k)):
                raise ValueError(f"no tap of window {p} lies inside")


def _avg_pool(die: random.Random, rank: int) -> Problem:
    kernel = _each(die, rank, (1, 2, 2, 3, 3, 5, 8))
    words = {
        "kernel_size": kernel,
        "stride": _each(die, rank, (1, 2, 2, 3, 5)),
        "padding": tuple(die.randint(0, k // 2) for k in kernel),
        "ceil_mode": die.random() < 0.3,
        "count_include_pad": die.random() < 0.5,
    }
    if rank > 1 and die.random() < 0.2:
        words["divisor_override"] = die.randint(1, 9)
    x = _pooled(die, rank)
    return Problem(f"avg_pool{rank}d", (x,), *_both(f"avg_pool{rank}d", words), x[0, 0].numel(), str(words))


def _pad(die: random.Random, rank: int) -> Problem:
    mode = die.choice(("constant", "reflect", "replicate", "circular"))
    x = _pooled(die, rank)
    sides = tuple(side for n in reversed(x.shape[2:]) for side in _sides(die, n, mode))
    words = {"pad": sides, "mode": mode}
    if mode == "constant" and die.random() < 0.5:
        words["value"] = 1.5
    return Problem("pad", (x,), *_both("pad", words), x[0, 0].numel(), str(words))


def _sides(die: random.Random, size: int, mode: str) -> tuple[int, int]:
    """What is added or cropped at both ends of an axis, of which something is left, enough to go around in a circle."""
    while True:
        before, after = die.randint(-2, 4), die.randint(-2, 4)
        left = size + min(before, 0) + min(after, 0)
        if left > 0 and (mode != "circular" or max(before, after) <= left):
            return before, after


def _pooled(die: random.Random, rank: int, ties: bool = False) -> Tensor:
    x = _tensor(die, (die.randint(1, 3), die.choice((1, 3, 16, 33)), *_size(die, rank)))
    return (2 * x).round() if ties else x


def _both(name: str, words: dict[str, Any]) -> tuple[Callable[..., Tensor], Callable[..., Tensor]]:
    return tuple(partial(_call, getattr(space, name), words) for space in (ours, torchs))


def _call(function: Callable[..., Tensor], words: dict[str, Any], *tensors: Tensor) -> Tensor:
    return function(*tensors, **words)


def _each(die: random.Random, rank: int, choices: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(die.choice(choices) for _ in range(rank))


def _size(die: random.Random, rank: int) -> tuple[int, ...]:
    return tuple(die.randint(*SIZES[rank]) for _ in range(rank))


def _tensor(die: random.Random, shape: tuple[int, ...], dtype: torch.dtype | None = None) -> Tensor:
    """Numbers in any layout: contiguous, channels_last, every second element, transposed, or repeated."""
    dtype = dtype or die.choice((torch.float32,) * 6 + (torch.float64,) * 3 + HALF)
    x = torch.randn(shape).to(dtype)
    layout = die.random()
    if layout < 0.25 and x.dim() in FORMATS:
        return x.contiguous(memory_format=FORMATS[x.dim()])
    if layout < 0.30:
        return torch.stack([x, x], -1)[..., 0]
    if layout < 0.35 and x.dim() > 1:
        return x.transpose(0, -1).contiguous().transpose(0, -1)
    if layout < 0.37:
        return x[:1].expand(shape)
    return x
