"""How do weights get into the order in which tiles read them?

By phase of the output, group, piece of the channels, and block of as many filters as a tile has rows; in a block the
filters' biases, and for every channel and tap their weights.
"""

from __future__ import annotations

from ..jit import Longs, Real, inner, kernel
from ..simd import at, length, load_first, store_first
from . import dense_table as table
from .transpose import transpose


@kernel
def pack(task, plan: Longs, w: Real, b: Real, biased, packed: Real):
    """Pack the block of this number: block[0, m] = b[m], 0 without one, and block[1 + (c, t), m] = w[m, c, t].

    Rows that are no filter's repeat the last one's or are 0. Only the biases of the first piece are read.
    """
    block, rest = task % plan[table.ROW_BLOCKS], task // plan[table.ROW_BLOCKS]
    piece, rest = rest % plan[table.PIECES], rest // plan[table.PIECES]
    group, entry = rest % plan[table.GROUPS], plan[table.PHASE_TABLE] + 4 * (rest // plan[table.GROUPS])
    channel, filter_0, rows = piece * plan[table.CHANNELS_AT_ONCE], block * plan[table.ROWS], plan[table.ROWS]
    source = group * plan[table.GROUP_STEP] + channel * plan[table.CHANNEL_STEP] + filter_0 * plan[table.FILTER_STEP]
    target, bias = at(packed, packed_place(plan, entry, group, piece, block)), group * plan[table.GROUP_FILTERS]
    last = plan[table.GROUP_FILTERS] - 1
    for m in range(rows):
        target[m] = b[bias + min(filter_0 + m, last)] if biased and piece == 0 else 0.0
    channels = min(plan[table.CHANNELS_AT_ONCE], plan[table.GROUP_CHANNELS] - channel)
    count, taps = plan[entry], at(plan, plan[entry + 3])
    w, target = at(w, source), at(target, rows)
    if plan[table.CHANNEL_STEP] == count:  # then the phase has all taps, and a filter's weights lie in this order
        many = (rows + length(w) - 1) // length(w) * length(w)
        places = at(plan, plan[table.ROW_PLACES] + many * (block + 1 == plan[table.ROW_BLOCKS]))
        pack_in_order(target, w, rows, places, channels * count)
    elif plan[table.FILTER_STEP] == 1:
        pack_beside(target, w, rows, min(last + 1 - filter_0, rows), plan[table.CHANNEL_STEP], channels * count)
    else:
        pack_apart(target, w, plan, min(last - filter_0, rows - 1), channels, count, taps)


@inner
def pack_in_order(target, w, rows, places, count):
    """target[i, m] = w[places[m] + i]: squares of a vector's lanes are turned, what is left goes one by one.

    A square may write a little more than its rows, but not beyond the block: what lies there is packed after it.
    """
    lanes, i = length(w), 0
    whole = (rows + lanes - 1) // lanes * lanes
    while (i + lanes - 1) * rows + whole <= count * rows:
        for m in range((rows - 1) // lanes * lanes, -1, -lanes):
            transpose(w, at(places, m), i, lanes, target, i * rows + m, rows)
        i += lanes
    while i < count:
        for m in range(rows):
            target[i * rows + m] = w[places[m] + i]
        i += 1


@inner
def pack_beside(target, w, rows, filters, step, count):
    """target[i, m] = w[i · step + m]: of one tap at most, the weights of all filters lie together."""
    lanes = length(w)
    for i in range(count):
        for m in range(0, rows, lanes):
            values = load_first(w, i * step + m, filters - m)
            store_first(target, i * rows + m, values, rows - m)


@inner
def pack_apart(target, w, plan, last, channels, count, taps):
    """target[(c, t), m] = w[m, c, taps[t]], wherever they lie."""
    rows, step, i = plan[table.ROWS], plan[table.FILTER_STEP], 0
    for c in range(channels):
        for t in range(count):
            weights = at(w, c * plan[table.CHANNEL_STEP] + taps[t])
            for m in range(last + 1):
                target[i + m] = weights[m * step]
            for m in range(last + 1, rows):
                target[i + m] = weights[last * step]
            i += rows


@inner
def packed_place(plan, entry, group, piece, block):
    """Return where a block lies; its phase is named by an entry of the table."""
    rank = (group * plan[table.PIECES] + piece) * plan[table.ROW_BLOCKS] + block
    return plan[entry + 1] + rank * (1 + plan[table.CHANNELS_AT_ONCE] * plan[entry]) * plan[table.ROWS]
