"""What the dense kernel needs to know of a problem, worked out once: a table of integers, and how much memory."""

from __future__ import annotations

from functools import lru_cache
from itertools import product
from math import prod
from typing import NamedTuple

import numpy as np
import torch

from ....geometry import Grid
from ..target import lanes
from ..workspace import rounded
from . import dense_table as table
from .dense_blocks import Blocks, Size, blocks_of, phases_of
from .dense_layout import Layout
from .sweep import Sweep, backward, forward


class Plan(NamedTuple):
    """What a call hands on. ``packed`` (elements) is shared by all threads, ``scratch`` (bytes) is each one's own."""

    rows: int
    vectors: int
    table: np.ndarray
    packs: int
    tasks: int
    work: float
    packed: int
    scratch: int


@lru_cache(maxsize=4096)
def plan_of(grid: Grid, transposed: bool, batch: int, w: torch.Size, groups: int, dtype: torch.dtype) -> Plan:
    """Return the plan of ``conv``, or of ``conv_input_grad``, which reads what ``conv`` writes."""
    sweep = (backward if transposed else forward)(grid)
    filters, channels, taps = w[0] // groups, w[1], prod(grid.kernel_size)
    steps = {"GROUP_STEP": filters * channels * taps, "FILTER_STEP": channels * taps, "CHANNEL_STEP": taps}
    if transposed:
        steps |= {"FILTER_STEP": taps, "CHANNEL_STEP": channels * taps}
        filters, channels = channels, filters
    size = Size(batch, groups, channels, filters, dtype.itemsize)
    blocks = blocks_of(sweep, size)
    return _plan(sweep, size, blocks, steps)


def _plan(sweep: Sweep, size: Size, blocks: Blocks, steps: dict[str, int]) -> Plan:
    batch, groups, channels, filters, itemsize = size
    layout, phases = blocks.layout, [tuple(product(*phase)) for phase in phases_of(sweep)]
    total, row_blocks = layout.total(batch, sweep), -(-filters // blocks.rows)
    line = rounded((blocks.line + lanes(itemsize)) * itemsize) // itemsize
    pitch = rounded(blocks.positions * itemsize) // itemsize
    sums_start = blocks.channels * layout.fills * line
    spots_start = sums_start + len(phases) * blocks.tiles * blocks.rows * pitch
    spots_start = spots_start * itemsize // 8
    rows_start = spots_start + blocks.positions // (blocks.vectors * lanes(itemsize))
    run, run_used = _runs(sweep, layout)
    shares = -(-row_blocks // blocks.tiles)
    pieces = -(-channels // blocks.channels)
    packs = len(phases) * groups * pieces * row_blocks
    tasks = -(-total // blocks.positions) * groups * shares
    lists = []
    place = table.LENGTH

    def add(numbers):
        nonlocal place
        lists.append(np.array(numbers, np.int64).reshape(-1))
        place += len(lists[-1])
        return place - len(lists[-1])

    packed, entries = 0, []
    for phase in phases:
        offsets = add(_offsets(phase, blocks, line))
        entries += [len(phase), packed, offsets, add([sum(t for t, _ in tap) for tap in phase])]
        packed += groups * pieces * row_blocks * blocks.rows * (1 + blocks.channels * len(phase))
    values = {
        "BATCH": batch,
        "CHANNELS": groups * channels,
        "FILTERS": groups * filters,
        "FILLS": layout.fills,
        "BASES": add(list(product(*layout.copied))),
        "LINE": line,
        "LOW": layout.low,
        "REACH": layout.high - layout.low,
        "TOTAL": total,
        "BLOCK": blocks.positions,
        "SUMS_PITCH": pitch,
        "RUN": run,
        "RUN_USED": run_used,
        "GROUPS": groups,
        "GROUP_CHANNELS": channels,
        "GROUP_FILTERS": filters,
        "CHANNELS_AT_ONCE": blocks.channels,
        "ROW_BLOCKS": row_blocks,
        "SHARE": blocks.tiles,
        "SHARES": shares,
        "PHASES": len(phases),
        "PHASE_TABLE": add(entries),
        "PACKS": packs,
        "SUMS_START": sums_start,
        "SPOTS_START": spots_start,
        "PIECES": pieces,
        "ROWS_START": rows_start,
        "ROWS": blocks.rows,
        "LANES": lanes(itemsize),
        "PANEL": blocks.vectors * lanes(itemsize),
        **steps,
    }
    for a, letter in enumerate("DHW"):
        axis = sweep[a]
        values |= {
            f"SOURCE_{letter}": axis.source,
            f"STEP_{letter}": axis.step,
            f"WIDTH_{letter}": layout.widths[a],
            f"POSITIONS_{letter}": axis.positions,
            f"OUTPUT_{letter}": axis.output,
            f"PHASES_{letter}": len(axis.phases),
        }
    scratch = rounded(8 * (rows_start + 5 * (blocks.line // layout.widths[-1] + 2)))
    values |= {"THREAD_SCRATCH": scratch // itemsize, "THREAD_LONGS": scratch // 8}
    head = np.array([values[name] for name in table.NAMES], np.int64)
    work = 2.0 * batch * groups * filters * channels * sum(map(len, phases)) * prod(a.positions for a in sweep)
    packed = rounded(packed * itemsize) // itemsize
    return Plan(blocks.rows, blocks.vectors, np.concatenate([head, *lists]), packs, tasks, work, packed, scratch)


def _offsets(phase, blocks: Blocks, line: int) -> list[int]:
    layout = blocks.layout
    where = []
    for tap in phase:
        fill, shift = 0, 0
        for (_, e), lines, place in zip(tap, layout.copied, layout.places, strict=True):
            number, further = place[e]
            fill, shift = fill * len(lines) + number, shift + further
        where.append(fill * line + shift - layout.low)
    return [c * layout.fills * line + offset for c in range(blocks.channels) for offset in where]


def _runs(sweep: Sweep, layout: Layout) -> tuple[int, int]:
    """(every how many positions a run of contiguous outputs begins, how many of them are outputs)."""
    if any(len(axis.phases) > 1 for axis in sweep):
        return 1, 0
    run = 1
    for axis, width in zip(reversed(sweep), reversed(layout.widths), strict=True):
        run *= width
        if width != axis.positions:
            return run, run // width * axis.positions
    return run, run
