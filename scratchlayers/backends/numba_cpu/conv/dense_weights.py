"""How do weights get into the order in which tiles read them?

By phase of the output, group, piece of the channels, and block of as many filters as a tile has rows; in a block the
filters' biases, and for every channel and tap their weights.
"""

from __future__ import annotations

from ..jit import Longs, Real, inner, kernel
from ..simd import at
from . import dense_table as table


@kernel
def pack(task, plan: Longs, w: Real, b: Real, biased, packed: Real):
    """Pack the block of this number: block[0, m] = b[m], 0 without one, and block[1 + (c, t), m] = w[m, c, t].

    Rows that are no filter's are 0; so are the biases of all pieces but the first, which nobody reads.
    """
    block, rest = task % plan[table.ROW_BLOCKS], task // plan[table.ROW_BLOCKS]
    piece, rest = rest % plan[table.PIECES], rest // plan[table.PIECES]
    group, entry = rest % plan[table.GROUPS], plan[table.PHASE_TABLE] + 4 * (rest // plan[table.GROUPS])
    channel, filter_0 = piece * plan[table.CHANNELS_AT_ONCE], block * plan[table.ROWS]
    source = group * plan[table.GROUP_STEP] + channel * plan[table.CHANNEL_STEP] + filter_0 * plan[table.FILTER_STEP]
    target, bias = (
        at(packed, packed_place(plan, entry, group, piece, block)),
        group * plan[table.GROUP_FILTERS] + filter_0,
    )
    channels = min(plan[table.CHANNELS_AT_ONCE], plan[table.GROUP_CHANNELS] - channel)
    for m in range(plan[table.ROWS]):
        if filter_0 + m < plan[table.GROUP_FILTERS]:
            target[m] = b[bias + m] if biased and piece == 0 else 0.0
            weights = at(w, source + m * plan[table.FILTER_STEP])
            pack_filter(at(target, m), weights, plan, channels, plan[entry], at(plan, plan[entry + 3]))
        else:
            for i in range(1 + channels * plan[entry]):
                target[i * plan[table.ROWS] + m] = 0.0


@inner
def pack_filter(target, w, plan, channels, count, taps):
    """Pack the weights of one filter, a tile's row."""
    rows, step, i = plan[table.ROWS], plan[table.CHANNEL_STEP], 0
    for c in range(channels):
        for t in range(count):
            i += rows
            target[i] = w[c * step + taps[t]]


@inner
def packed_place(plan, entry, group, piece, block):
    """Return where a block lies; its phase is named by an entry of the table."""
    rank = (group * plan[table.PIECES] + piece) * plan[table.ROW_BLOCKS] + block
    return plan[entry + 1] + rank * (1 + plan[table.CHANNELS_AT_ONCE] * plan[entry]) * plan[table.ROWS]
