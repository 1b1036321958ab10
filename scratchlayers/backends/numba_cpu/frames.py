"""Which rows does a padding copy, and which parts of them? Tables of integers that the padding kernels read.

Any frame over any number of axes is one problem: *blocks* of elements that always stay together (the channels of a
channels_last tensor, the two halves of a complex number, axes behind the last padded one) make rows, and rows make
planes. Which row of its plane a row copies is a table; along the row all rows are alike, a few runs of blocks.
"""

from __future__ import annotations

from math import prod
from typing import NamedTuple

import numpy as np

from ...geometry import Frame, Run, Sizes

NOTHING = 2  # the step of a run that copies nothing
EDGES = 32  # numbers beside a run that are moved one at a time


class Plan(NamedTuple):
    """What a kernel is called with: the result's shape, how many rows it has, numbers and tables."""

    shape: Sizes
    rows: int
    numbers: tuple[int, ...]
    tables: tuple[np.ndarray, ...]


class Row(NamedTuple):
    """A row that is all of one run but for a few numbers: where in y the run begins and ends, how much further on in x.

    ``edges`` holds, for each of the few, where it is in a row of y and where in one of x.
    """

    start: int
    stop: int
    shift: int
    edges: np.ndarray

    @property
    def words(self) -> Sizes:
        """The numbers that a kernel takes: start, stop, shift, and how many edges there are."""
        return self.start, self.stop, self.shift, len(self.edges) // 2


class _Axis(NamedTuple):
    n: int
    m: int
    runs: tuple[Run, ...]

    @property
    def is_itself(self) -> bool:
        return self.n == self.m and (self.n == 0 or self.runs == ((0, self.n, 0, 1),))


def copies(shape: Sizes, frame: Frame, last: bool, width: int) -> Plan:
    """Plan a padding of x of this shape, each element being ``width`` numbers.

    ``rows`` are y's; the numbers: block, rows of a plane of y and of x, blocks of a row of y and of x, how many runs,
    and two tables: for each row of a plane of y the row of x that it copies or −1, and of the runs.
    """
    planes, outer, along, block = _merged(shape, frame, last, width)
    rows = np.zeros(1, np.int64)
    for axis in outer:
        table = np.array(_sources(axis), np.int64)
        rows = np.where((rows[:, None] < 0) | (table < 0), -1, rows[:, None] * axis.n + table).ravel()
    size = (*shape[:2], *frame.output_size)
    runs = np.array(_gapless(along), np.int64).ravel()
    numbers = (block, len(rows), prod(a.n for a in outer), along.m, along.n, len(runs) // 4)
    count = planes * len(rows) if prod(size) else 0
    return Plan(size, count, numbers, (rows, runs))


def collections(shape: Sizes, frame: Frame, last: bool, width: int) -> Plan:
    """Plan the transpose, ``shape`` being that of gy.

    ``rows`` are gx's; the numbers: block, rows of a plane of gx and of gy, blocks of a row of gx and of gy, how many
    runs, whether the first of them fills the row; and three tables: where the list of each row of gx
    begins, the rows of gy on the lists, and the runs.
    """
    planes, outer, along, block = _merged((*shape[:2], *frame.input_size), frame, last, width)
    there = copies((*shape[:2], *frame.input_size), frame, last, width)
    sources, count = there.tables[0], prod(a.n for a in outer)
    order = np.argsort(sources, kind="stable")[np.count_nonzero(sources < 0) :].astype(np.int64)
    begins = np.searchsorted(sources[order], np.arange(count + 1)).astype(np.int64)
    size = (*shape[:2], *frame.input_size)
    ordered = sorted(along.runs, key=lambda run: not _fills(along, run))
    runs = np.array(ordered, np.int64).ravel()
    whole = bool(ordered) and _fills(along, ordered[0])
    numbers = (block, count, len(sources), along.n, along.m, len(ordered), int(whole))
    rows = planes * count if prod(size) else 0
    return Plan(size, rows, numbers, (begins, order, runs))


def row_of(runs: np.ndarray, block: int) -> Row | None:
    """Return the row that these runs make, if a single one makes almost all of it."""
    every = [Run(*(int(v) for v in run)) for run in runs.reshape(-1, 4) if run[3] != NOTHING]
    longest = max(
        (run for run in every if run.step == 1), key=lambda run: run.stop - run.start, default=Run(0, 0, 0, 1)
    )
    few = [run for run in every if run is not longest]
    if sum(run.stop - run.start for run in few) * block > EDGES:
        return None
    pairs = [
        ((run.start + i) * block + j, (run.source + i * run.step) * block + j)
        for run in few
        for i in range(run.stop - run.start)
        for j in range(block)
    ]
    start, stop = longest.start * block, longest.stop * block
    return Row(start, stop, longest.source * block - start, np.array(pairs, np.int64).ravel())


def _merged(shape: Sizes, frame: Frame, last: bool, width: int) -> tuple[int, list[_Axis], _Axis, int]:
    """(planes, axes that number the rows of a plane, the axis along them, numbers in a block)."""
    spatial = [_Axis(*axis) for axis in zip(*frame, strict=True)]
    n, c = shape[:2]
    planes, block = (n, c * width) if last else (n * c, width)
    while len(spatial) > 1 and spatial[0].is_itself:
        planes *= spatial.pop(0).n
    while len(spatial) > 1 and spatial[-1].is_itself:
        block *= spatial.pop().n
    *outer, along = spatial
    return planes, outer, along, block


def _sources(axis: _Axis) -> list[int]:
    table = [-1] * axis.m
    for start, stop, source, step in axis.runs:
        table[start:stop] = [source + i * step for i in range(stop - start)]
    return table


def _fills(axis: _Axis, run: Run) -> bool:
    """Whether a run copies the whole axis, in order."""
    return run.step == 1 and run.stop - run.start == axis.n


def _gapless(axis: _Axis) -> list[tuple[int, int, int, int]]:
    """Return the runs of an axis, and between them runs that copy nothing."""
    every, at = [], 0
    for run in axis.runs:
        every += [(at, run.start, 0, NOTHING), run] if run.start > at else [run]
        at = run.stop
    return [*every, (at, axis.m, 0, NOTHING)] if axis.m > at else every
