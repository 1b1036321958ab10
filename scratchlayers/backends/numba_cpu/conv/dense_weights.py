"""How do weights get into the order in which tiles read them?

By phase of the output, group, piece of the channels, and block of as many filters as a tile has rows; in a block the
filters' biases, and for every channel and tap their weights.
"""

from __future__ import annotations

from ..jit import Longs, Real, inner, kernel
from ..simd import at, length, load_first, prefetch, store_first
from . import dense_table as table
from .transpose import transpose, transpose_apart


@kernel
def pack(task, plan: Longs, w: Real, b: Real, biased, packed: Real):
    """Pack a block of every phase: block[0, m] = b[m], 0 without one, and block[1 + (c, t), m] = w[m, c, t].

    Rows that are no filter's repeat the last one's or are 0. Only the biases of the first piece are read. Where taps
    belong to several phases, or lie apart, the task packs as many weights of other blocks, which are read in order.
    """
    block, rest = task % plan[table.ROW_BLOCKS], task // plan[table.ROW_BLOCKS]
    piece, group = rest % plan[table.PIECES], rest // plan[table.PIECES]
    channel, filter_0, rows = piece * plan[table.CHANNELS_AT_ONCE], block * plan[table.ROWS], plan[table.ROWS]
    source = group * plan[table.GROUP_STEP] + channel * plan[table.CHANNEL_STEP] + filter_0 * plan[table.FILTER_STEP]
    last, bias = plan[table.GROUP_FILTERS] - 1, group * plan[table.GROUP_FILTERS]
    channels = min(plan[table.CHANNELS_AT_ONCE], plan[table.GROUP_CHANNELS] - channel)
    w, whole = at(w, source), (rows + length(w) - 1) // length(w) * length(w)
    places = at(plan, plan[table.ROW_PLACES] + whole * (block + 1 == plan[table.ROW_BLOCKS]))
    apart = plan[table.FILTER_STEP] != 1
    for phase in range(plan[table.PHASES]):
        entry = plan[table.PHASE_TABLE] + 3 * phase
        target, count = at(packed, packed_place(plan, entry, group, piece, block)), plan[entry]
        for m in range(rows):
            target[m] = b[bias + min(filter_0 + m, last)] if biased and piece == 0 else 0.0
        target = at(target, rows)
        if plan[table.CHANNEL_STEP] == count and plan[table.TAP_ROWS] == 0:
            # the phase has all taps, and a filter's weights lie in this order
            pack_in_order(target, w, rows, places, channels * count)
            apart = False
        elif plan[table.FILTER_STEP] == 1:
            pack_beside(target, w, rows, min(last + 1 - filter_0, rows), plan[table.CHANNEL_STEP], channels * count)
    some = at(w, -filter_0 * plan[table.FILTER_STEP])
    if apart and plan[table.PACKS] == 0:
        pack_apart(packed, some, plan, group, piece, (block, block + 1), (0, channels))
    elif apart:  # some channels of all blocks, not all channels of this one
        blocks = plan[table.ROW_BLOCKS]
        share = channels * block // blocks, channels * (block + 1) // blocks
        pack_apart(packed, some, plan, group, piece, (0, blocks), share)


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
        prefetch(w, i * step + 2 * rows - 1)
        for m in range(0, rows, lanes):
            values = load_first(w, i * step + m, filters - m)
            store_first(target, i * rows + m, values, rows - m)


@inner
def pack_apart(packed, w, plan, group, piece, share, channels):
    """Bring the weights of some blocks' channels, all taps beside each other, to where their phases have them."""
    lanes, rows, blocks, step = length(w), plan[table.ROWS], plan[table.ROW_BLOCKS], plan[table.FILTER_STEP]
    taps = min(step, plan[table.CHANNEL_STEP])
    whole = (rows + lanes - 1) // lanes * lanes
    for c in range(channels[0], channels[1]):
        for block in range(share[0], share[1]):
            rank = rank_of(plan, group, piece, block)
            places = at(plan, plan[table.ROW_PLACES] + whole * (block + 1 == blocks))
            source = at(w, c * plan[table.CHANNEL_STEP] + block * rows * step)
            for line in range(0, rows * taps, lanes):
                prefetch(source, rows * taps + line)
            for t in range(0, taps, lanes):
                spots, count = at(plan, plan[table.TAP_TABLE] + 3 * t), min(taps - t, lanes)
                for m in range(0, rows, lanes):
                    target = at(packed, m)
                    transpose_apart(source, at(places, m), t, count, target, spots, rank, c, rows - m)


@inner
def packed_place(plan, entry, group, piece, block):
    """Return where a block lies; its phase is named by an entry of the table."""
    size = (1 + plan[table.CHANNELS_AT_ONCE] * plan[entry]) * plan[table.ROWS]
    return plan[entry + 1] + rank_of(plan, group, piece, block) * size


@inner
def rank_of(plan, group, piece, block):
    """Return how many blocks of its phase lie before this one: none where it is packed by the task that needs it."""
    return 0 if plan[table.PACKS] == 0 else pack_task(plan, group, piece, block)


@inner
def pack_task(plan, group, piece, block):
    """Return the number of the task that packs a block."""
    return (group * plan[table.PIECES] + piece) * plan[table.ROW_BLOCKS] + block
