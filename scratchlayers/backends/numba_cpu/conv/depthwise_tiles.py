"""The kernels within the kernels of depthwise convolution: compiled for each shape of tile, called for each block.

All that does not depend on the shape is compiled once, and calls these by address.
"""

from __future__ import annotations

from ..jit import Bytes, Longs, Real, kernel
from ..simd import at, length
from .depthwise_tile import sum_places, sum_taps

# replaced when compiled: vectors of a tile, taps of a run and of a shorter one, runs at a time, lanes across channels
ROWS = RUN = WIDTH = 1
REST = ACROSS = 0


@kernel
def sum_tiles(
    lo,
    hi,
    thread,
    tiles: Longs,
    x: Real,
    x_pitch,
    w: Real,
    begin: Real,
    shifts: Longs,
    runs,
    rests,
    y: Real,
    y_pitch,
    most,
    drop,
):
    """Every tile: ``sum_taps``, at what three numbers of ``tiles`` say: from, to, and lanes (at most ``most``)."""
    for tile in range(lo, hi):
        t = at(tiles, 3 * tile)
        lanes = min(t[2], most)
        sum_taps(
            ROWS, RUN, REST, ACROSS, x, t[0], x_pitch, shifts, w, runs, rests, begin, y, t[1], y_pitch, lanes, drop
        )


@kernel
def sum_runs(
    lo,
    hi,
    thread,
    x: Real,
    x_pitch,
    shifts: Longs,
    sums: Real,
    gy: Real,
    gy_pitch,
    valid: Bytes,
    valid_pitch,
    whole: Longs,
    wholes,
    part: Longs,
    parts,
):
    """Every ``WIDTH`` runs of taps: ``sum_places`` over the whole tiles, and over those of which lanes do not count."""
    for block in range(lo, hi):
        first, own = at(shifts, block * WIDTH), at(sums, block * WIDTH * RUN * length(x))
        sum_places(ROWS, RUN, WIDTH, 0, x, x_pitch, first, own, gy, gy_pitch, valid, valid_pitch, whole, wholes)
        sum_places(ROWS, RUN, WIDTH, 1, x, x_pitch, first, own, gy, gy_pitch, valid, valid_pitch, part, parts)
