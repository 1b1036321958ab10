"""What may a backend supply, and what does it owe? Read this file to write a plugin.

A kernel is a pure function of tensors and integers. Whatever its arithmetic, it

* returns fresh tensors of its inputs' dtype and device and never writes to an input;
* reads any strides (inputs may be expanded, transposed, channels_last, read-only, or carry a lazy conjugation or
  negation);
* accepts every value its signature allows, empty batches included, for the devices, dtypes and ranks that its
  :class:`Backend` declares; what it cannot do, the Backend refuses beforehand;
* accumulates half-precision floats in float32 or wider and rounds once;
* lets an infinity or a NaN reach the results that read it, and no others.

A floating sum of m terms, added one by one or in any grouping, is off by less than m units in the last place of
Σ |term|. A kernel may spend more, for speed, on an algorithm that mixes outputs, such as Winograd's; its Backend then
names under ``exact`` another that does not.

Notation: ``x (N, C, *input)``, ``w (O, C / groups, *kernel)``, ``b (O)``, ``y`` and ``gy (N, O, *output)``;
``x[n, c, p, t]`` is the input element that tap t of the window at output position p reads, 0 outside the input;
a tap is numbered in row-major order over ``grid.kernel_size``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor

from .geometry import Frame, Grid, Sizes

Kernel = Callable[..., Any]


class Kernels(Protocol):
    """The kernels by name: what an op is handed, with every one of them supplied by some backend."""

    def conv(self, x: Tensor, w: Tensor, b: Tensor | None, grid: Grid, groups: int) -> Tensor:
        """y[n,o,p] = b[o] + Σ_{c,t} x[n,c,p,t] · w[o,c,t], c running over the channels of o's group."""

    def conv_input_grad(self, gy: Tensor, w: Tensor, grid: Grid, groups: int, b: Tensor | None = None) -> Tensor:
        """gx = the transpose of ``conv`` in x: every gy[n,o,p] · w[o,c,t] is added to the x[n,c,p,t] it came from.

        ``b (C)``, which a transposed convolution may have, is added to every element of its channel.
        """

    def conv_weight_grad(self, x: Tensor, gy: Tensor, grid: Grid, groups: int) -> Tensor:
        """gw[o,c,t] = Σ_{n,p} x[n,c,p,t] · gy[n,o,p]."""

    def pad(self, x: Tensor, frame: Frame, value: float = 0) -> Tensor:
        """y[n,c,i] = x[n,c,sources[i]], ``value`` where a source is −1. x (N, C, *frame.input_size), any dtype.

        ``frame.runs`` says the same in slices. ``value`` is a number that the dtype of x can hold.
        """

    def pad_adjoint(self, gy: Tensor, frame: Frame) -> Tensor:
        """gx = the transpose of ``pad`` in x: every gy[n,c,i] is added to x[n,c,sources[i]]."""

    def max_pool(self, x: Tensor, grid: Grid) -> tuple[Tensor, Tensor]:
        """(y, tap): the largest x[n,c,p,t] and the tap it was found at.

        The first largest wins a tie, NaN wins over all, the last NaN names the tap. Only taps inside the input
        compete. ``tap`` is uint8 where the window has at most 256 taps, else int32. (A window with no tap inside the
        input holds the dtype's lowest value and tap 0, which ``gather`` and ``scatter`` then leave out.)
        """

    def gather(self, x: Tensor, tap: Tensor, grid: Grid) -> Tensor:
        """y[n,c,p] = x[n,c,p,tap[n,c,p]], 0 where that lies outside the input."""

    def scatter(self, gy: Tensor, tap: Tensor, grid: Grid) -> Tensor:
        """gx = the transpose of ``gather``."""

    def tap_index(self, tap: Tensor, grid: Grid) -> Tensor:
        """index[n,c,p] (int64): the flat position over ``grid.input_size`` of the element that tap[n,c,p] reads.

        Of a tap outside the input it may be anything.
        """

    def take(self, x: Tensor, index: Tensor, size: Sizes) -> Tensor:
        """y[n,c,p] = x[n,c,i], i = index[n,c,p] (int64) being a flat position over ``size``, which is x's."""

    def put(self, gy: Tensor, index: Tensor, size: Sizes, last: bool = False) -> Tensor:
        """gx = the transpose of ``take``: every gy[n,c,p] is added to the x[n,c,i] it came from.

        With ``last``, of several from one place only the last, in row-major order, counts.
        """

    def avg_pool(self, x: Tensor, divisors: tuple[Sizes, ...], grid: Grid) -> Tensor:
        """y[n,c,p] = Σ_t x[n,c,p,t] / Π_axis divisors[axis][p_axis]; integers truncate towards 0."""

    def avg_pool_adjoint(self, gy: Tensor, divisors: tuple[Sizes, ...], grid: Grid) -> Tensor:
        """gx = the transpose of ``avg_pool``."""

    def unfold(self, x: Tensor, grid: Grid) -> Tensor:
        """y[n, c · T + t, p] = x[n,c,p,t] of T taps, p counted in row-major order: every window is a column (im2col).

        x is of any dtype; y is (N, C · T, P).
        """

    def fold(self, gy: Tensor, grid: Grid) -> Tensor:
        """gx = the transpose of ``unfold``: every gy[n, c · T + t, p] is added to x[n,c,p,t]. A sum of bools is any."""


NAMES: tuple[str, ...] = tuple(name for name in vars(Kernels) if not name.startswith("_"))


def tap_dtype(grid: Grid) -> torch.dtype:
    """Return the smallest dtype the contract allows for a tap of this window."""
    taps = 1
    for k in grid.kernel_size:
        taps *= k
    return torch.uint8 if taps <= 256 else torch.int32


@dataclass(frozen=True)
class Backend:
    """A named set of kernels. It may hold any subset of :data:`NAMES`; the chain supplies the rest.

    ``devices``, ``dtypes`` and ``ranks`` (numbers of spatial axes; padding may be asked for any) of None mean any;
    a device is a type as torch names it, "cpu". A kernel answers for all grids and groups: there is no refusing one.
    A backend of ``priority`` above 0 goes before the built-in choice wherever it does not refuse; one below 0 runs
    only when it is asked for, or when all others refuse. ``exact`` holds, for those of its kernels that may round more
    coarsely than a plain sum, the ones to call instead where the user wants none of that.
    """

    name: str
    kernels: Mapping[str, Kernel]
    devices: frozenset[str] | None
    dtypes: frozenset[torch.dtype] | None = None
    ranks: frozenset[int] | None = None
    priority: int = field(default=-1, kw_only=True)
    exact: Mapping[str, Kernel] = field(default_factory=dict, kw_only=True)

    def __post_init__(self) -> None:
        """Check the record once, when it is made."""
        if unknown := sorted(set(self.kernels) - set(NAMES)):
            raise ValueError(f"backend {self.name!r} has unknown kernels {unknown}; the contract names {list(NAMES)}")
        if strays := sorted(set(self.exact) - set(self.kernels)):
            raise ValueError(f"backend {self.name!r} has exact kernels {strays} in place of none")

    def kernel(self, name: str, precision: str) -> Kernel:
        """Return the kernel to call at a precision, "fast" or "exact"."""
        return self.exact.get(name, self.kernels[name]) if precision == "exact" else self.kernels[name]

    def refuses(self, kernel: str, device: str, dtype: torch.dtype, rank: int) -> str | None:
        """Say why this backend cannot run the kernel, or None if it can. Override to refuse more."""
        if kernel not in self.kernels:
            return f"has no {kernel}"
        if self.devices is not None and device not in self.devices:
            return f"runs on {', '.join(sorted(self.devices))}, not on {device}"
        if self.dtypes is not None and dtype not in self.dtypes:
            return f"has no kernels for {dtype}"
        if self.ranks is not None and rank not in self.ranks:
            return f"has no kernels for {rank} spatial axes"
        return None

    def watch(self) -> AbstractContextManager[Mapping[str, str]]:
        """Return a block which, when it has ended, has noted the algorithms behind the last of its calls, by kernel.

        For the kernels that forward called, and those that its backward would. Override if there are several.
        """
        return nullcontext({})
