"""On which inputs must a backend be right? One table; a case's name says why the case is there.

The first that fails should be small enough to follow by hand, so most are tiny, and they run in the order of size.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from ..geometry import Frame, Grid, Ints, Padding, Pairs, Sizes, Window, divisors

CONV = ("conv", "conv_input_grad", "conv_weight_grad")
MAX = ("max_pool", "gather", "scatter", "tap_index")
AVG = ("avg_pool", "avg_pool_adjoint")
PAD = ("pad", "pad_adjoint")


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
        return self.groups == 1 and (kernel in MAX or (kernel in AVG and set(self.grid.dilation) == {1}))

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


_WINDOWS = (
    Case("single_element", (1, 1, 1), 1, out_channels=1),
    Case("pair", (1, 1, 3), 2, out_channels=1),
    Case("pair_that_jumps", (1, 1, 4), 2, stride=2, out_channels=1),
    Case("pair_apart", (1, 1, 4), 2, dilation=2, out_channels=1),
    Case("border_on_the_left_only", (1, 1, 3), 2, padding=((1, 0),), out_channels=1),
    Case("border_on_the_right_only", (1, 1, 3), 2, padding=((0, 1),), out_channels=1),
    Case("two_channels_in_and_out", (1, 2, 3), 2),
    Case("two_groups", (1, 2, 3), 2, groups=2),
    Case("no_bias", (1, 1, 3), 2, out_channels=1, bias=False),
    Case("two_images", (2, 1, 3), 2, out_channels=1),
    Case("windows_in_the_padding_only", (1, 1, 2), 1, padding=1, out_channels=1),
    Case("all_taps_step_over_the_input", (1, 1, 2), 2, dilation=3, padding=1, out_channels=1),
    Case("last_element_unread", (1, 1, 4), 3, stride=2, out_channels=1),
    Case("gaps_between_windows", (1, 1, 5), 1, stride=2, out_channels=1),
    Case("ceil_hangs_over", (1, 1, 4), 3, stride=2, ceil_mode=True, out_channels=1),
    Case("ceil_drops_a_window", (1, 1, 3), 2, stride=2, padding=1, ceil_mode=True, out_channels=1),
    Case("average_leaves_padding_out", (1, 1, 3), 3, padding=1, count_include_pad=False, out_channels=1),
    Case("average_ceil_and_padding", (1, 1, 4), 3, stride=2, padding=1, ceil_mode=True, out_channels=1),
    Case("average_with_own_divisor", (1, 1, 4), 2, divisor_override=3, out_channels=1),
    Case("square", (1, 1, 3, 3), 2, out_channels=1),
    Case("square_two_channels", (1, 2, 3, 3), (2, 3), padding=(1, 0)),
    Case("window_as_large_as_the_input", (1, 1, 3, 3), 3, out_channels=1),
    Case("row_and_column_differ", (1, 1, 4, 3), (1, 2), stride=(2, 1), out_channels=1),
    Case("every_side_differs", (1, 1, 3, 4), (3, 2), padding=((0, 2), (1, 0)), out_channels=1),
    Case("even_kernel_keeps_size", (1, 1, 3, 3), 2, padding="same", out_channels=1),
    Case("strided_same", (1, 1, 5, 4), 3, stride=2, padding="same", out_channels=1),
    Case("full_overlap", (1, 1, 3, 2), (2, 3), padding="full", out_channels=1),
    Case("dilated_full_overlap", (1, 1, 3, 3), 2, padding="full", dilation=2, out_channels=1),
    Case("everything_uneven", (2, 2, 7, 9), (3, 2), stride=(2, 3), padding=((1, 0), (2, 1)), dilation=(1, 2)),
    Case("square_ceil", (1, 1, 5, 5), 2, stride=2, ceil_mode=True, out_channels=1),
    Case(
        "square_ceil_without_padding_counted",
        (1, 2, 6, 5),
        3,
        stride=2,
        padding=1,
        ceil_mode=True,
        count_include_pad=False,
    ),
    Case("square_own_divisor", (2, 1, 4, 4), 2, divisor_override=7, out_channels=1),
    Case("overlapping_pool", (2, 3, 7, 7), 3, stride=2),
    Case("dilated_pool", (1, 2, 7, 6), 3, padding=1, dilation=2),
    Case("depthwise", (2, 4, 5, 5), 3, padding=1, groups=4, out_channels=4),
    Case("depthwise_two_filters_each", (1, 3, 4, 4), 2, groups=3, out_channels=6),
    Case("grouped", (2, 6, 4, 3), 2, groups=3, out_channels=9),
    Case("pointwise", (2, 5, 3, 4), 1, out_channels=3),
    Case("pointwise_strided", (1, 3, 5, 6), 1, stride=2, out_channels=4),
    Case("odd_sizes", (3, 3, 5, 7), (3, 5), padding=(1, 2), out_channels=5),
    Case("empty_batch", (0, 2, 4, 4), 3, padding=1),
    Case("line", (2, 3, 11), 4, stride=3, padding=2, dilation=2),
    Case("volume", (1, 2, 3, 4, 2), 2, padding=1),
    Case(
        "volume_uneven",
        (1, 2, 4, 3, 5),
        (2, 1, 3),
        stride=(1, 2, 2),
        padding=((1, 0), (0, 0), (2, 1)),
        dilation=(2, 1, 1),
    ),
    Case("volume_ceil", (1, 1, 4, 5, 3), (2, 3, 2), stride=2, padding=(0, 1, 0), ceil_mode=True),
    Case("as_many_taps_as_a_byte_counts", (1, 1, 17, 16), 16, out_channels=1),
    Case("more_taps_than_a_byte_counts", (1, 1, 17, 18), (16, 17), out_channels=1),
    Case("sums_of_hundreds", (2, 4, 64), 64, padding="full"),
    Case("mnist_image", (2, 1, 28, 28), 3, padding="same", out_channels=4, large=True),
    Case("vectors_and_a_rest", (1, 19, 5, 17), 3, padding=1, out_channels=17, large=True),
    Case("rows_of_thirty_three", (2, 8, 9, 33), 3, stride=(1, 2), padding=1, out_channels=8, large=True),
)

_BORDERS = (
    Border("nothing_to_do", (1, 1, 3), ((0, 0),), "constant"),
    Border("zeros_on_the_left", (1, 1, 2), ((1, 0),), "constant"),
    Border("zeros_on_the_right", (1, 1, 2), ((0, 2),), "constant"),
    Border("cropped", (1, 1, 5), ((-1, -2),), "constant"),
    Border("cropped_and_padded", (1, 1, 4), ((-2, 3),), "constant"),
    Border("one_element_repeated", (1, 1, 1), ((2, 1),), "replicate"),
    Border("edges_repeated", (1, 1, 3), ((2, 4),), "replicate"),
    Border("edge_repeated_other_cropped", (1, 1, 4), ((2, -1),), "replicate"),
    Border("mirrored", (1, 1, 3), ((1, 1),), "reflect"),
    Border("mirrored_as_far_as_it_goes", (1, 1, 4), ((3, 3),), "reflect"),
    Border("mirrored_and_cropped", (1, 1, 5), ((-2, 2),), "reflect"),
    Border("wrapped", (1, 1, 3), ((1, 1),), "circular"),
    Border("wrapped_as_far_as_it_goes", (1, 1, 3), ((3, 3),), "circular"),
    Border("wrapped_after_cropping", (1, 1, 5), ((-1, 2),), "circular"),
    Border("all_sides_differ", (1, 2, 2, 3), ((1, 2), (3, 0)), "constant"),
    Border("crop_rows_pad_columns", (1, 1, 4, 2), ((-1, -1), (2, 1)), "constant"),
    Border("square_repeated", (2, 1, 2, 3), ((1, 2), (0, 3)), "replicate"),
    Border("square_mirrored", (1, 2, 3, 4), ((2, 1), (1, 3)), "reflect"),
    Border("square_wrapped", (2, 2, 3, 4), ((1, 3), (2, 0)), "circular"),
    Border("empty_batch", (0, 2, 3, 4), ((1, 1), (2, 0)), "reflect"),
    Border("volume_zeros", (1, 2, 2, 3, 2), ((1, 0), (-1, 2), (0, 2)), "constant"),
    Border("volume_repeated", (1, 1, 2, 2, 3), ((1, 1), (2, 0), (0, 1)), "replicate"),
    Border("volume_mirrored", (1, 1, 2, 3, 3), ((1, 0), (2, 2), (1, 1)), "reflect"),
    Border("volume_wrapped", (1, 1, 2, 3, 2), ((2, 1), (0, 3), (1, 1)), "circular"),
    Border("hundreds_of_copies", (1, 1, 2), ((300, 200),), "replicate"),
    Border("mnist_image", (2, 1, 28, 28), ((2, 2), (2, 2)), "reflect", large=True),
)  # fmt: skip

CASES: tuple[Case | Border, ...] = tuple(sorted((*_WINDOWS, *_BORDERS), key=lambda case: (case.size == 0, case.size)))
