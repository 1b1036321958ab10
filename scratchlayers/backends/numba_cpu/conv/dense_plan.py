"""What the dense kernel needs to know of a problem, worked out once: a table of integers, and how much memory."""

from __future__ import annotations

from itertools import product
from math import prod
from typing import NamedTuple

import numpy as np
import torch

from ..choose import Problem
from ..target import lanes
from ..workspace import rounded
from . import dense_table as table
from .dense_blocks import Blocks, Size, blocks_of, skips
from .dense_layout import Layout
from .dense_lines import fill
from .dense_sums import empty
from .dense_weights import pack
from .sweep import Sweep, backward, forward
from .tile import tile_kernel


class Plan(NamedTuple):
    """What a call hands on: how many tasks there are of either kind; memory in bytes; a table.

    ``packed`` is shared by all threads, ``scratch`` is each one's own.
    """

    packs: int
    tasks: int
    work: float
    packed: int
    scratch: int
    table: np.ndarray


def plan_of(problem: Problem, transposed: bool) -> Plan:
    """Return the plan of ``conv``, or of ``conv_input_grad``, which reads what ``conv`` writes."""
    dtype, batch, channels, filters, groups, grid, *_ = problem
    sweep = (backward if transposed else forward)(grid)
    filters, channels, taps = filters // groups, channels // groups, prod(grid.kernel_size)
    steps = {"GROUP_STEP": filters * channels * taps, "FILTER_STEP": channels * taps, "CHANNEL_STEP": taps}
    if transposed:
        steps |= {"FILTER_STEP": taps, "CHANNEL_STEP": channels * taps}
        filters, channels = channels, filters
    size = Size(batch, groups, channels, filters, dtype.itemsize)
    return plan(sweep, size, blocks_of(sweep, size), steps, dtype)


def plan(sweep: Sweep, size: Size, blocks: Blocks, steps: dict[str, int], dtype: torch.dtype) -> Plan:
    """Return the plan of a sweep in these blocks; ``steps`` say where in w the next group, channel and filter are."""
    batch, groups, channels, filters, itemsize = size
    layout, phases = blocks.layout, [tuple(product(*phase)) for phase in product(*(a.phases for a in sweep))]
    every = min(steps["FILTER_STEP"], steps["CHANNEL_STEP"])  # taps: they lie beside each other
    row_blocks, pieces = -(-filters // blocks.rows), -(-channels // blocks.channels)
    shares, total = -(-row_blocks // blocks.tiles), layout.total(batch, sweep)
    run, run_used = layout.runs(sweep)
    panel = blocks.vectors * lanes(itemsize)
    line = rounded((blocks.line + lanes(itemsize)) * itemsize) // itemsize
    shared = total > blocks.positions
    lists = _Lists()
    packed, entries, spots = 0, [], {}
    pairs = product(*(axis.phases[0] for axis in sweep[:2])) if skips(sweep) else ()
    tap_rows = [tuple(e for _, e in pair) for pair in pairs]
    for taps in phases:
        block = blocks.rows * (1 + blocks.channels * len(taps))
        each = len(taps) // max(len(tap_rows), 1)  # of a row; between them and the next row's, those of other channels
        for i, tap in enumerate(taps):
            step = i // each * blocks.channels * each + i % each if each else 0
            spots[sum(t for t, _ in tap)] = (packed + (1 + step) * blocks.rows, block, each * blocks.rows)
        entries += [len(taps), packed, lists.add(_offsets(taps, each, blocks, line))]
        packed += block * (groups * pieces * row_blocks if shared else 1)
    values = steps | {
        "BATCH": batch,
        "CHANNELS": groups * channels,
        "FILTERS": groups * filters,
        "GROUPS": groups,
        "GROUP_CHANNELS": channels,
        "GROUP_FILTERS": filters,
        "FILLS": layout.fills,
        "BASES": lists.add(list(product(*layout.copied))),
        "LINE": line,
        "LOW": layout.low,
        "REACH": layout.high - layout.low,
        "TOTAL": total,
        "BLOCK": blocks.positions,
        "PANEL": panel,
        "RUN": run,
        "RUN_USED": run_used,
        "CHANNELS_AT_ONCE": blocks.channels,
        "PIECES": pieces,
        "ROWS": blocks.rows,
        "ROW_BLOCKS": row_blocks,
        "ROW_PLACES": lists.add(_row_places(blocks.rows, filters, steps["FILTER_STEP"], lanes(itemsize))),
        "SHARE": blocks.tiles,
        "SHARES": shares,
        "PHASES": len(phases),
        "PHASE_TABLE": lists.add(entries),
        # of every tap: where its first weights go, how much further on those of the next block and channel
        "TAP_TABLE": lists.add([spots.get(t, (0, 0, 0)) for t in range(every)]),
        "TAP_ROWS": len(tap_rows),
        "ROW_TAPS": lists.add(tap_rows),
        "PACKS": groups * pieces * row_blocks if shared else 0,
        **{name.upper(): kernel.compiled(dtype) for name, kernel in (("fill", fill), ("empty", empty), ("pack", pack))},
        "TILE": tile_kernel.compiled(dtype, ROWS=blocks.rows, VECTORS=blocks.vectors),
        **_axes(sweep, layout),
        **_memory(size, blocks, line, len(phases), 0 if shared else packed),
    }
    whole = lists.after(values)
    work = 2.0 * batch * groups * filters * channels * sum(map(len, phases)) * prod(axis.positions for axis in sweep)
    tasks = -(-total // blocks.positions) * groups * shares
    scratch = values["THREAD_LONGS"] * 8
    return Plan(values["PACKS"], tasks, work, rounded(packed * itemsize) if shared else 0, scratch, whole)


class _Lists:
    """Lists of integers that stand one behind the other after the table's named values."""

    def __init__(self) -> None:
        self._arrays: list[np.ndarray] = []
        self._end = len(table.NAMES)

    def add(self, numbers: list) -> int:
        """Return the place at which the numbers will stand."""
        self._arrays.append(np.array(numbers, np.int64).reshape(-1))
        place, self._end = self._end, self._end + len(self._arrays[-1])
        return place

    def after(self, values: dict[str, int]) -> np.ndarray:
        """Return the table."""
        return np.concatenate([np.array([values[name] for name in table.NAMES], np.int64), *self._arrays])


def _row_places(rows: int, filters: int, step: int, many: int) -> list[int]:
    """Return where the filters of a full block and of the last one lie, each list filled up by its last filter's."""
    last = filters - (filters - 1) // rows * rows
    return [min(m, found - 1) * step for found in (rows, last) for m in range(-(-rows // many) * many)]


def _axes(sweep: Sweep, layout: Layout) -> dict[str, int]:
    values = {}
    for letter, axis, width in zip("DHW", sweep, layout.widths, strict=True):
        names = ("SOURCE", "STEP", "WIDTH", "POSITIONS", "OUTPUT", "PHASES")
        numbers = (axis.source, axis.step, width, axis.positions, axis.output, len(axis.phases))
        values |= {f"{name}_{letter}": number for name, number in zip(names, numbers, strict=True)}
    return values


def _memory(size: Size, blocks: Blocks, line: int, phases: int, packed: int) -> dict[str, int]:
    """Where the parts of a thread's scratch begin: lines, sums, its own weights, and lists of 64-bit integers."""
    pitch = rounded(blocks.positions * size.itemsize) // size.itemsize
    sums = blocks.channels * blocks.layout.fills * line
    weights = sums + phases * blocks.tiles * blocks.rows * pitch
    spots = (weights * size.itemsize + rounded(packed * size.itemsize)) // 8
    masks = spots + blocks.positions // (blocks.vectors * lanes(size.itemsize))
    rows = 2 * masks - spots
    end = rounded(8 * (rows + 6 * (blocks.line // blocks.layout.widths[-1] + 2)))
    return {
        "SUMS_START": sums,
        "SUMS_PITCH": pitch,
        "PACKED_START": weights,
        "SPOTS_START": spots,
        "MASKS_START": masks,
        "ROWS_START": rows,
        "THREAD_LONGS": end // 8,
        "THREAD_SCRATCH": end // size.itemsize,
    }


def _offsets(taps: tuple, each: int, blocks: Blocks, line: int) -> list[int]:
    """Return where a position reads for every row of ``each`` taps, channel and tap, counted from the first line."""
    layout = blocks.layout
    where = []
    for tap in taps:
        fill_number, shift = 0, 0
        for (_, e), lines, place in zip(tap, layout.copied, layout.places, strict=True):
            number, further = place[e]
            fill_number, shift = fill_number * len(lines) + number, shift + further
        where.append(fill_number * line + shift - layout.low)
    rows = [where[i : i + each] for i in range(0, len(where), each or 1)]
    return [c * layout.fills * line + offset for row in rows for c in range(blocks.channels) for offset in row]
