"""Kernels with one plain mistake each, and the law that must catch it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import prod

import numpy as np
import torch

from scratchlayers import registry
from scratchlayers.contract import Backend

TORCH = registry.get("torch")
RIGHT = TORCH.kernels


@dataclass(frozen=True)
class Mutant:
    """A broken stand-in for one kernel of the torch backend."""

    kernel: str
    caught_by: str
    function: Callable

    @property
    def backend(self) -> Backend:
        return replace(TORCH, name=self.function.__name__, kernels={**RIGHT, self.kernel: self.function})


MUTANTS: dict[str, Mutant] = {}


def mutant(kernel, caught_by):
    def keep(function):
        MUTANTS[function.__name__] = Mutant(kernel, caught_by, function)
        return function

    return keep


# Geometry


@mutant("conv", "one_hot_inputs_land_where_they_should")
def conv_ignores_dilation(x, w, b, grid, groups):
    return RIGHT["conv"](x, w, b, grid._replace(dilation=(1,) * grid.rank), groups)


@mutant("conv", "values_are_torchs")
def conv_swaps_the_two_sides_of_padding(x, w, b, grid, groups):
    return RIGHT["conv"](x, w, b, grid._replace(before=grid.after, after=grid.before), groups)


@mutant("conv", "one_hot_inputs_land_where_they_should")
def conv_flips_the_kernel(x, w, b, grid, groups):
    return RIGHT["conv"](x, w.flip(-1), b, grid, groups)


@mutant("conv_input_grad", "three_gradients_of_one_form")
def input_grad_ignores_dilation(gy, w, grid, groups, b=None):
    return RIGHT["conv_input_grad"](gy, w, grid._replace(dilation=(1,) * grid.rank), groups, b)


@mutant("conv_input_grad", "one_hot_inputs_land_where_they_should")
def input_grad_flips_once_too_often(gy, w, grid, groups, b=None):
    return RIGHT["conv_input_grad"](gy, w.flip(-1), grid, groups, b)


@mutant("conv_input_grad", "values_are_torchs")
def input_grad_drops_the_bias_of_a_transposed_convolution(gy, w, grid, groups, b=None):
    return RIGHT["conv_input_grad"](gy, w, grid, groups)


@mutant("conv_weight_grad", "three_gradients_of_one_form")
def weight_grad_ignores_stride(x, gy, grid, groups):
    return RIGHT["conv_weight_grad"](x, gy, grid._replace(stride=(1,) * grid.rank), groups)


@mutant("conv", "values_are_torchs")
def conv_reads_the_first_group_for_all(x, w, b, grid, groups):
    first = x[:, : w.shape[1]].repeat(1, groups, *(1,) * grid.rank)
    return RIGHT["conv"](first, w, b, grid, groups)


@mutant("conv", "values_are_torchs")
def conv_is_wrong_in_the_last_column(x, w, b, grid, groups):
    y = RIGHT["conv"](x, w, b, grid, groups)
    if y.shape[-1] > 2:
        y[..., -1] = y[..., -2]
    return y


@mutant("conv", "values_are_torchs")
def conv_is_wrong_in_the_corners(x, w, b, grid, groups):
    y = RIGHT["conv"](x, w, b, grid, groups)
    if grid.rank == 2 and y.numel():
        y[..., :: max(y.shape[-2] - 1, 1), -1] += 1
    return y


@mutant("conv", "any_strides_are_read")
def conv_reads_beyond_its_input_instead_of_zeros(x, w, b, grid, groups):
    """Reach one element back in memory, where a row of zeros would be."""
    if not x.storage_offset() or not any(grid.before):
        return RIGHT["conv"](x, w, b, grid, groups)
    y = RIGHT["conv"](x, w, b, grid, groups)
    y[..., 0] += x.as_strided((1,), (1,), x.storage_offset() - 1) * 1e-3
    return y


@mutant("pad", "shape_dtype_and_device")
def pad_does_not_crop(x, frame):
    return RIGHT["pad"](x, frame) if min(map(min, frame.sources)) < 1 else x.clone()


@mutant("pad", "one_hot_inputs_land_where_they_should")
def pad_repeats_the_edge_when_it_mirrors(x, frame):
    return RIGHT["pad"](x, frame._replace(runs=tuple(map(_edge_repeated, frame.runs))))


def _edge_repeated(runs):
    return tuple(r._replace(source=r.source + (1 if r.start else -1)) if r.step == -1 else r for r in runs)


@mutant("pad", "what_copies_nothing_holds_the_value")
def pad_surrounds_with_zeros_whatever_is_asked(x, frame, value=0):
    return RIGHT["pad"](x, frame)


@mutant("pad", "what_copies_nothing_holds_the_value")
def pad_keeps_seven_bits_of_a_value(x, frame, value=0):
    return RIGHT["pad"](x, frame, value if x.dtype.is_floating_point else value % 128)


@mutant("pad", "values_are_torchs")
def pad_wraps_off_by_one(x, frame):
    return RIGHT["pad"](x, frame._replace(runs=tuple(map(_wrapped_late, frame.runs))))


def _wrapped_late(runs):
    first, *rest = runs
    late = rest and first.step == 1 and first.source > 0
    return (first._replace(source=first.source - 1), *rest) if late else runs


# Arithmetic


@mutant("conv", "values_are_torchs")
def conv_drops_the_bias(x, w, b, grid, groups):
    return RIGHT["conv"](x, w, None, grid, groups)


@mutant("conv", "values_are_torchs")
def conv_adds_the_bias_for_every_group(x, w, b, grid, groups):
    return RIGHT["conv"](x, w, b if b is None else b * groups, grid, groups)


@mutant("conv", "values_are_torchs")
def conv_computes_single_precision_in_bfloat16(x, w, b, grid, groups):
    if x.dtype is not torch.float32:
        return RIGHT["conv"](x, w, b, grid, groups)
    return RIGHT["conv"](x.bfloat16().float(), w.bfloat16().float(), b, grid, groups)


@mutant("conv_weight_grad", "values_are_torchs")
def weight_grad_averages_the_batch(x, gy, grid, groups):
    return RIGHT["conv_weight_grad"](x, gy, grid, groups) / max(len(x), 1)


@mutant("conv_weight_grad", "values_are_torchs")
def weight_grad_of_nothing_is_nan(x, gy, grid, groups):
    gw = RIGHT["conv_weight_grad"](x, gy, grid, groups)
    return gw if len(x) else gw / 0


@mutant("conv_weight_grad", "values_are_torchs")
def weight_grad_counts_the_last_image_twice(x, gy, grid, groups):
    last = RIGHT["conv_weight_grad"](x[1:][-1:], gy[1:][-1:], grid, groups)
    return RIGHT["conv_weight_grad"](x, gy, grid, groups) + last


@mutant("conv", "half_precision_accumulates_wide")
def conv_accumulates_narrowly(x, w, b, grid, groups):
    if x.dtype not in (torch.bfloat16, torch.float16):
        return RIGHT["conv"](x, w, b, grid, groups)
    total = RIGHT["conv"](x, torch.zeros_like(w), b, grid, groups)
    for tap in range(grid.kernel_size[-1]):
        one = torch.zeros_like(w)
        one[..., tap] = w[..., tap]
        total += RIGHT["conv"](x, one, None, grid, groups)
    return total


@mutant("pad_adjoint", "half_precision_accumulates_wide")
def pad_adjoint_accumulates_narrowly(gy, frame):
    gx = gy
    for axis, sources in enumerate(frame.sources):
        shape = list(gx.shape)
        shape[2 + axis] = frame.input_size[axis]
        total = gx.new_zeros(shape)
        for i, source in enumerate(sources):
            if source >= 0:
                total.select(2 + axis, source).add_(gx.select(2 + axis, i))
        gx = total
    return gx.clone()


@mutant("scatter", "half_precision_accumulates_wide")
def scatter_accumulates_narrowly(gy, tap, grid):
    gx = torch.zeros(*gy.shape[:2], *grid.input_size, dtype=gy.dtype)
    for at in range(gy.shape[-1]):
        one = torch.zeros_like(gy)
        one[..., at] = gy[..., at]
        gx += RIGHT["scatter"](one, tap, grid)
    return gx


@mutant("scatter", "values_are_torchs")
def scatter_overwrites(gy, tap, grid):
    gx = torch.zeros(*gy.shape[:2], prod(grid.input_size), dtype=gy.dtype)
    inside = RIGHT["gather"](torch.ones(*gy.shape[:2], *grid.input_size), tap, grid) > 0
    at = RIGHT["tap_index"](tap, grid).where(inside, 0)
    gx.scatter_(2, at.flatten(2), gy.where(inside, 0).flatten(2))
    return gx.reshape(*gy.shape[:2], *grid.input_size)


@mutant("scatter", "first_derivative_is_right")
def scatter_doubles(gy, tap, grid):
    return RIGHT["scatter"](gy, tap, grid) * 2


@mutant("gather", "second_derivative_is_right")
def gather_doubles(x, tap, grid):
    return RIGHT["gather"](x, tap, grid) * 2


@mutant("gather", "values_are_torchs")
def gather_reads_a_border_of_ones(x, tap, grid):
    outside = RIGHT["gather"](torch.ones_like(x), tap, grid) == 0
    return RIGHT["gather"](x, tap, grid) + outside.to(x.dtype)


@mutant("put", "last_of_several_is_kept")
def put_adds_up_what_it_should_choose_from(gy, index, size, last=False):
    return RIGHT["put"](gy, index, size)


@mutant("put", "last_of_several_is_kept")
def put_keeps_the_first_of_several(gy, index, size, last=False):
    turned = (t.flatten(2).flip(2).reshape(t.shape) for t in (gy, index))
    return RIGHT["put"](*turned, size, last)


@mutant("avg_pool_adjoint", "adjoint_is_the_transpose")
def avg_adjoint_forgets_the_divisor(gy, divisors, grid):
    return RIGHT["avg_pool_adjoint"](gy, tuple((1,) * len(counts) for counts in divisors), grid)


@mutant("avg_pool", "values_are_torchs")
def avg_pool_counts_what_hangs_over(x, divisors, grid):
    full = tuple((k,) * m for k, m in zip(grid.kernel_size, grid.output_size, strict=True))
    return RIGHT["avg_pool"](x, full, grid)


@mutant("avg_pool", "values_are_torchs")
def avg_pool_rounds_integers_down(x, divisors, grid):
    if x.dtype.is_floating_point:
        return RIGHT["avg_pool"](x, divisors, grid)
    return RIGHT["avg_pool"](x.double(), divisors, grid).floor().to(x.dtype)


@mutant("put", "adjoint_is_the_transpose")
def put_overwrites(gy, index, size):
    gx = torch.zeros(*gy.shape[:2], prod(size), dtype=gy.dtype)
    return gx.scatter_(2, index.flatten(2), gy.flatten(2)).reshape(*gy.shape[:2], *size)


@mutant("put", "half_precision_accumulates_wide")
def put_accumulates_narrowly(gy, index, size):
    gx = torch.zeros(*gy.shape[:2], *size, dtype=gy.dtype)
    for at in range(gy.shape[-1]):
        gx += RIGHT["put"](gy[..., at : at + 1], index[..., at : at + 1], size)
    return gx


@mutant("take", "one_hot_inputs_land_where_they_should")
def take_counts_from_the_end(x, index, size):
    return RIGHT["take"](x, prod(size) - 1 - index, size)


@mutant("take", "values_are_torchs")
def take_reads_the_first_channel_for_all(x, index, size):
    return RIGHT["take"](x[:, :1].expand_as(x), index, size)


@mutant("take", "any_strides_are_read")
def take_assumes_contiguous_input(x, index, size):
    return RIGHT["take"](x.as_strided(x.shape, torch.empty(x.shape).stride()) if _dense(x) else x, index, size)


# Choosing


@mutant("max_pool", "first_maximum_and_last_nan_win")
def max_pool_takes_the_last_tie(x, grid):
    return _mirrored_max(x, grid)


@mutant("max_pool", "first_maximum_and_last_nan_win")
def max_pool_names_the_first_nan(x, grid):
    y, tap = RIGHT["max_pool"](x, grid)
    return y, torch.where(y.isnan(), _mirrored_max(x, grid)[1], tap)


def _mirrored_max(x, grid):
    """Max pooling from the last tap to the first."""
    axes = tuple(range(2, x.dim()))
    reach = [(m - 1) * s + (k - 1) * d - b for _, m, k, s, d, b in zip(*grid[:-1], strict=True)]
    before = tuple(r - n + 1 for r, n in zip(reach, grid.input_size, strict=True))
    y, tap = RIGHT["max_pool"](x.flip(axes), grid._replace(before=before))
    return y.flip(axes), (prod(grid.kernel_size) - 1 - tap.flip(axes).int()).to(tap.dtype)


@mutant("max_pool", "nan_and_infinity_stay_where_they_are_read")
def max_pool_overlooks_nan(x, grid):
    return RIGHT["max_pool"](x.nan_to_num(nan=-1e30, posinf=float("inf"), neginf=float("-inf")), grid)


@mutant("max_pool", "lowest_value_is_a_value")
def max_pool_starts_at_the_lowest_finite_number(x, grid):
    y, tap = RIGHT["max_pool"](x, grid)
    return (y.clamp(min=torch.finfo(y.dtype).min) if y.dtype.is_floating_point else y), tap


@mutant("max_pool", "lowest_value_is_a_value")
def max_pool_lets_the_padding_win(x, grid):
    y, tap = RIGHT["max_pool"](x, grid)
    return y, tap.where(y != float("-inf"), 0)


@mutant("max_pool", "shape_dtype_and_device")
def max_pool_keeps_wide_taps(x, grid):
    y, tap = RIGHT["max_pool"](x, grid)
    return y, tap.long()


@mutant("max_pool", "first_maximum_and_last_nan_win")
def max_pool_counts_taps_in_a_byte(x, grid):
    y, tap = RIGHT["max_pool"](x, grid)
    return y, tap.to(torch.uint8).to(tap.dtype)


@mutant("tap_index", "values_are_torchs")
def tap_index_counts_over_the_output(tap, grid):
    return RIGHT["tap_index"](tap, grid._replace(input_size=(*grid.input_size[:-1], grid.output_size[-1])))


# Columns


@mutant("unfold", "one_hot_inputs_land_where_they_should")
def unfold_puts_channels_behind_taps(x, grid):
    y = RIGHT["unfold"](x, grid)
    return y.unflatten(1, (x.shape[1], -1)).transpose(1, 2).flatten(1, 2) if y.numel() else y


@mutant("unfold", "values_are_torchs")
def unfold_counts_the_windows_by_column(x, grid):
    y = RIGHT["unfold"](x, grid)
    return y.unflatten(2, grid.output_size).transpose(2, -1).flatten(2)


@mutant("unfold", "results_are_fresh")
def unfold_returns_a_view_of_its_input(x, grid):
    return (
        x.flatten(2)
        if grid.kernel_size == (1,) * grid.rank and grid.output_size == grid.input_size
        else RIGHT["unfold"](x, grid)
    )


@mutant("unfold", "nan_and_infinity_stay_where_they_are_read")
def unfold_multiplies_a_mask_of_taps(x, grid):
    return RIGHT["unfold"](x, grid) + (x * 0).sum()


@mutant("unfold", "lazy_conjugation_is_seen")
def unfold_overlooks_lazy_conjugation(x, grid):
    return RIGHT["unfold"](x.conj() if x.is_conj() else x, grid)


@mutant("fold", "adjoint_is_the_transpose")
def fold_averages_what_overlaps(gy, grid):
    counts = RIGHT["fold"](torch.ones_like(gy), grid)
    return RIGHT["fold"](gy, grid) / counts.clamp(min=1)


@mutant("fold", "values_are_torchs")
def fold_overwrites_what_overlaps(gy, grid):
    gx = RIGHT["fold"](gy, grid)
    for column in range(gy.shape[-1]):
        one = torch.zeros_like(gy)
        one[..., column] = 1
        reached = RIGHT["fold"](one, grid) != 0
        one[..., column] = gy[..., column]
        gx = torch.where(reached, RIGHT["fold"](one, grid), gx)
    return gx


@mutant("fold", "first_derivative_is_right")
def fold_doubles(gy, grid):
    return RIGHT["fold"](gy, grid) * 2


@mutant("fold", "half_precision_accumulates_wide")
def fold_accumulates_narrowly(gy, grid):
    gx = RIGHT["fold"](torch.zeros_like(gy), grid)
    for column in range(gy.shape[-1]):
        one = torch.zeros_like(gy)
        one[..., column] = gy[..., column]
        gx += RIGHT["fold"](one, grid)
    return gx


# Special values


@mutant("avg_pool", "nan_and_infinity_stay_where_they_are_read")
def avg_pool_by_running_sums(x, divisors, grid):
    """A NaN stays in a running sum for ever."""
    poison = (x * 0).flatten(2).cumsum(-1)[..., -1]
    return RIGHT["avg_pool"](x, divisors, grid) + poison.reshape(*x.shape[:2], *(1,) * grid.rank)


@mutant("conv", "nan_and_infinity_stay_where_they_are_read")
def conv_multiplies_other_groups_by_zero(x, w, b, grid, groups):
    leak = (x * 0).sum((1,), keepdim=True)
    return RIGHT["conv"](x + leak, w, b, grid, groups)


# Memory


@mutant("conv", "any_strides_are_read")
def conv_assumes_contiguous_input(x, w, b, grid, groups):
    return RIGHT["conv"](x.as_strided(x.shape, torch.empty(x.shape).stride()) if _dense(x) else x, w, b, grid, groups)


@mutant("conv_weight_grad", "any_strides_are_read")
def weight_grad_assumes_contiguous_gy(x, gy, grid, groups):
    gy = gy.as_strided(gy.shape, torch.empty(gy.shape).stride()) if _dense(gy) else gy
    return RIGHT["conv_weight_grad"](x, gy, grid, groups)


def _dense(x):
    return x.untyped_storage().nbytes() >= x.numel() * x.itemsize and not x.is_conj() and not x.is_neg()


@mutant("conv", "inputs_are_only_read")
def conv_writes_to_its_input(x, w, b, grid, groups):
    y = RIGHT["conv"](x, w, b, grid, groups)
    x.mul_(1)
    return y


@mutant("scatter", "inputs_are_only_read")
def scatter_writes_to_its_input_through_numpy(gy, tap, grid):
    gx = RIGHT["scatter"](gy, tap, grid)
    gy.numpy()[...] = 0
    return gx


@mutant("avg_pool", "read_only_arrays_are_enough")
def avg_pool_borrows_its_input(x, divisors, grid):
    borrowed = x.numpy()
    borrowed += 0
    return RIGHT["avg_pool"](x, divisors, grid)


@mutant("avg_pool", "memory_is_written_before_it_is_read")
def avg_pool_adds_to_torch_empty(x, divisors, grid):
    return _added_to(torch.empty(*x.shape[:2], *grid.output_size, dtype=x.dtype), x, divisors, grid)


@mutant("avg_pool", "memory_is_written_before_it_is_read")
def avg_pool_adds_to_new_empty(x, divisors, grid):
    return _added_to(x.new_empty(*x.shape[:2], *grid.output_size), x, divisors, grid)


@mutant("avg_pool", "memory_is_written_before_it_is_read")
def avg_pool_adds_to_empty_like(x, divisors, grid):
    y = RIGHT["avg_pool"](x, divisors, grid)
    return _added_to(torch.empty_like(y), x, divisors, grid)


@mutant("avg_pool", "memory_is_written_before_it_is_read")
def avg_pool_adds_to_empty_strided(x, divisors, grid):
    y = RIGHT["avg_pool"](x, divisors, grid)
    return _added_to(torch.empty_strided(y.shape, y.stride(), dtype=y.dtype), x, divisors, grid)


@mutant("avg_pool", "memory_is_written_before_it_is_read")
def avg_pool_adds_to_numpy_empty(x, divisors, grid):
    y = RIGHT["avg_pool"](x, divisors, grid)
    return _added_to(torch.from_numpy(np.empty(tuple(y.shape), y.numpy().dtype)), x, divisors, grid)


def _added_to(unwritten, x, divisors, grid):
    return unwritten * 0 + RIGHT["avg_pool"](x, divisors, grid)


@mutant("pad", "results_are_fresh")
def pad_returns_its_input(x, frame):
    return x if frame.input_size == frame.output_size else RIGHT["pad"](x, frame)


_KEPT = {}


@mutant("conv", "results_are_fresh")
def conv_reuses_its_result(x, w, b, grid, groups):
    y = RIGHT["conv"](x, w, b, grid, groups)
    return _KEPT.setdefault(y.shape, torch.empty_like(y)).copy_(y)


@mutant("conv_input_grad", "same_bits_every_time")
def input_grad_depends_on_chance(gy, w, grid, groups, b=None):
    gx = RIGHT["conv_input_grad"](gy, w, grid, groups, b)
    return gx * (1 + 1e-12 * torch.randn((), dtype=gx.dtype))


@mutant("conv", "lazy_conjugation_is_seen")
def conv_overlooks_lazy_conjugation(x, w, b, grid, groups):
    return RIGHT["conv"](x, w.conj() if w.is_conj() else w, b, grid, groups)


@mutant("pad_adjoint", "lazy_negation_is_seen")
def pad_adjoint_overlooks_lazy_negation(gy, frame):
    return RIGHT["pad_adjoint"](-gy if gy.is_neg() else gy, frame)
