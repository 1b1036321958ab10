"""What is a case? A window or a border over an input of known size, and the kernels that can be asked about it."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from ..geometry import Frame, Grid, Ints, Padding, Pairs, Sizes, Window, divisors

CONV = ("conv", "conv_input_grad", "conv_weight_grad")
MAX = ("max_pool", "gather", "scatter", "tap_index")
FLAT = ("take", "put")
AVG = ("avg_pool", "avg_pool_adjoint")
PAD = ("pad", "pad_adjoint")
FOLD = ("unfold", "fold")


@dataclass(frozen=True)
class Case:
    """A window over an input ``(N, C, *spatial)``; ``large`` ones are left out of a quick run."""

    name: str
    input: Sizes
    kernel_size: Ints
    stride: Ints = 1
    padding: Padding = 0
    dilation: Ints = 1
    out_channels: int = 2
    groups: int = 1
    bias: bool = True
    ceil_mode: bool = False
    count_include_pad: bool = True
    divisor_override: int | None = None
    large: bool = False

    @property
    def rank(self) -> int:
        """The number of spatial axes."""
        return len(self.input) - 2

    @property
    def size(self) -> int:
        """How much there is to follow by hand: input elements, times weights."""
        return prod(self.input) * prod(self.weight) * self.rank

    @property
    def weight(self) -> Sizes:
        """``(O, C / groups, *kernel)``."""
        return (self.out_channels, self.input[1] // self.groups, *self.grid.kernel_size)

    @property
    def output(self) -> Sizes:
        """``(N, C, *output)`` of a pooling."""
        return (*self.input[:2], *self.grid.output_size)

    @property
    def columns(self) -> Sizes:
        """``(N, C · T, P)``: the windows as columns."""
        return self.input[0], self.input[1] * prod(self.grid.kernel_size), prod(self.grid.output_size)

    @property
    def grid(self) -> Grid:
        """The window where it lies."""
        window = Window.parse(self.rank, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode)
        return window.over(self.input[2:])

    @property
    def divisors(self) -> tuple[Sizes, ...]:
        """What average pooling divides by, per axis."""
        if self.divisor_override is None:
            return divisors(self.grid, self.count_include_pad)
        first, *rest = self.grid.output_size
        return ((self.divisor_override,) * first, *((1,) * size for size in rest))

    def fits(self, kernel: str) -> bool:
        """Whether the kernel can be asked this: groups are a convolution's, and an average has no dilation."""
        if kernel in CONV:
            return True
        if kernel == "tap_index" and not self._every_window_reads():
            return False
        over = (*MAX, *FLAT, *FOLD)
        return self.groups == 1 and (kernel in over or (kernel in AVG and set(self.grid.dilation) == {1}))

    def _every_window_reads(self) -> bool:
        """Whether every window has a tap inside the input: if not, there is no index to name."""
        return all(
            any(0 <= p * s + t * d - b < n for t in range(k))
            for n, m, k, s, d, b in zip(*self.grid[:-1], strict=True)
            for p in range(m)
        )

    def __str__(self) -> str:
        grid, words = self.grid, [f"input {self.input}", f"kernel {self.grid.kernel_size}"]
        plain = {
            "stride": (1,) * self.rank,
            "dilation": (1,) * self.rank,
            "before": (0,) * self.rank,
            "after": (0,) * self.rank,
        }
        words += [f"{name} {getattr(grid, name)}" for name, usual in plain.items() if getattr(grid, name) != usual]
        words += [f"groups {self.groups}"] if self.groups > 1 else []
        return f"{self.name} ({', '.join(words)})"


@dataclass(frozen=True)
class Border:
    """A padding, cropping where negative, of ``(before, after)`` elements around an input ``(N, C, *spatial)``."""

    name: str
    input: Sizes
    sides: Pairs
    mode: str
    large: bool = False

    @property
    def rank(self) -> int:
        """The number of spatial axes."""
        return len(self.input) - 2

    @property
    def size(self) -> int:
        """How much there is to follow by hand."""
        return prod(self.input) * self.rank

    @property
    def frame(self) -> Frame:
        """The border where it lies."""
        return Frame.around(self.input[2:], self.sides, self.mode)

    @property
    def output(self) -> Sizes:
        """``(N, C, *output)``."""
        return (*self.input[:2], *self.frame.output_size)

    def fits(self, kernel: str) -> bool:
        """Whether the kernel can be asked this."""
        return kernel in PAD

    def __str__(self) -> str:
        return f"{self.name} (input {self.input}, {self.mode} padding {self.sides})"
