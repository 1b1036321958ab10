"""How do images become transformed tiles, and products images again?

A vector holds one pixel of as many channels as it has lanes. Images with the channels last lie so already; of others,
the pixels that a block of tiles reads are staged first, and those that it writes are staged before they are.

A convolution of dilation δ is one of dilation 1 for each of the δ · δ classes of outputs whose coordinates leave the
same rests: they read inputs of one class. To the tiles these classes are just more images.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from ..jit import inner
from ..simd import at, length, load, load_first, splat, store
from .winograd_lanes import TAPS, stage, unstage
from .winograd_squares import data_square, filter_square, gradient_square, output_square

SIZE = 4  # outputs of a tile, along each axis
SOME = 16  # channels whose weights are staged at once


class Image(NamedTuple):
    """A batch of images, and how far apart its images, channels, rows and pixels are."""

    data: Any
    height: int
    width: int
    batch: int
    channel: int
    row: int
    pixel: int


class Block(NamedTuple):
    """Tiles: rows ``row`` to ``last`` of all images' (``down`` rows each), and ``columns`` from ``column`` on.

    The window of an image's first output begins ``top`` pixels above the image and ``left`` before it.
    """

    row: int
    last: int
    column: int
    columns: int
    down: int
    top: int
    left: int
    dilation: int


class Room(NamedTuple):
    """A thread's own memory: one window of pixels, and staged pixels."""

    window: Any
    staged: Any


@inner
def part(image, n, c, first_h, first_w, dilation):
    """Return what is left of image n from channel c on, of every ``dilation``-th row and pixel from the first."""
    height = (image.height - first_h + dilation - 1) // dilation
    width = (image.width - first_w + dilation - 1) // dilation
    data = at(image.data, n * image.batch + c * image.channel + first_h * image.row + first_w * image.pixel)
    return Image(data, height, width, image.batch, image.channel, image.row * dilation, image.pixel * dilation)


@inner
def cut(x, h, w, height, width, down, across, size, window):
    """window[(size · r + s) · lanes] = the vector of pixel (h + r, w + s), 0 outside the height and the width."""
    lanes = length(x)
    for r in range(size):
        for s in range(size):
            v = splat(x, 0.0)
            if 0 <= h + r < height and 0 <= w + s < width:
                v = load(x, (h + r) * down + (w + s) * across)
            store(window, (size * r + s) * lanes, v)


def _packer(square, size):
    """Return the function that transforms the tiles of a block: windows of ``size`` pixels, ``SIZE`` apart."""

    @inner
    def band(image, block, top, rows, h0, w0, channels, v, lead, plane, room):
        """Transform rows of tiles of one image, the first tile's window at (h0, w0), for a vector of channels."""
        lanes = length(v)
        low_h, high_h = max(h0, 0), min(h0 + SIZE * rows + size - SIZE, image.height)
        low_w, high_w = max(w0, 0), min(w0 + SIZE * block.columns + size - SIZE, image.width)
        height, width = max(high_h - low_h, 0), max(high_w - low_w, 0)
        source, down, across = at(image.data, low_h * image.row + low_w * image.pixel), image.row, image.pixel
        if image.channel != 1 or channels < lanes:
            runs, run = (1, height * width) if width * image.pixel == image.row else (height, width)
            for r in range(runs):
                stage(at(source, r * down), image.channel, across, channels, run, at(room.staged, r * run * lanes))
            source, down, across = room.staged, width * lanes, lanes
        for a in range(rows):
            for b in range(block.columns):
                h, w = h0 + SIZE * a - low_h, w0 + SIZE * b - low_w
                window, window_down, window_across = at(source, h * down + w * across), down, across
                if h < 0 or w < 0 or h + size > height or w + size > width:
                    cut(source, h, w, height, width, down, across, size, room.window)
                    window, window_down, window_across = room.window, size * lanes, lanes
                square(window, window_down, window_across, at(v, (a * block.columns + b) * lead), plane)

    @inner
    def pack(image, block, channel, channels, v, lead, plane, room):
        """v[(6r + s) · plane + t · lead + c] = value [r, s] of tile t of the block, of channel ``channel`` + c."""
        lanes = length(v)
        for c in range(0, channels, lanes):
            row = block.row
            while row < block.last:
                number, top = row // block.down, row % block.down
                rows = min(block.down - top, block.last - row)
                d = block.dilation
                n, class_h, class_w = number // (d * d), number // d % d, number % d
                first_h, first_w = (class_h - block.top) % d, (class_w - block.left) % d
                h0 = SIZE * top + (class_h - block.top - first_h) // d
                w0 = SIZE * block.column + (class_w - block.left - first_w) // d
                source = part(image, n, channel + c, first_h, first_w, d)
                place = at(v, c + (row - block.row) * block.columns * lead)
                band(source, block, top, rows, h0, w0, channels - c, place, lead, plane, room)
                row += rows

    return pack


pack_data = _packer(data_square, 6)
pack_gradients = _packer(gradient_square, 4)


@inner
def pack_filters(w, filter_step, channel_step, turned, filters, channels, u, panel, lead, plane, room):
    """u[(6r + s) · plane + c · lead + o] = value [r, s] of filter o, channel c; panels of ``lead`` filters.

    The taps of filter o, channel c begin at w[o · filter_step + c · channel_step]; ``turned`` by half a circle.
    """
    lanes = length(w)
    first, tap = ((TAPS - 1) * lanes, -lanes) if turned else (0, lanes)
    for c in range(0, channels, SOME):
        some = min(SOME, channels - c)
        runs, run = (1, some) if channel_step == TAPS else (some, 1)
        for o in range(0, filters, lanes):
            for k in range(runs):
                taps = at(w, o * filter_step + (c + k) * channel_step)
                stage(taps, filter_step, 1, filters - o, TAPS * run, at(room.staged, TAPS * k * lanes))
            for k in range(some):
                taps = at(room.staged, TAPS * k * lanes + first)
                filter_square(taps, 3 * tap, tap, at(u, o // lead * panel + o % lead + (c + k) * lead), plane)


@inner
def unpack(image, block, b, biased, channel, channels, m, lead, step, room, suspect):
    """Write the outputs of a block of tiles; m[t · lead + (6r + s) · step + c] holds their products.

    Return ``suspect``, with NaN where not all of them are finite.
    """
    lanes = length(m)
    for c in range(0, channels, lanes):
        bias = load_first(b, channel + c, min(channels - c, lanes)) if biased else splat(m, 0.0)
        row = block.row
        while row < block.last:
            number, top = row // block.down, row % block.down
            rows = min(block.down - top, block.last - row)
            d = block.dilation
            target = part(image, number // (d * d), channel + c, number // d % d, number % d, d)
            place = at(m, c + (row - block.row) * block.columns * lead)
            suspect = _unpack_band(target, block, top, rows, channels - c, bias, place, lead, step, room, suspect)
            row += rows
    return suspect


@inner
def _unpack_band(image, block, top, rows, channels, bias, m, lead, step, room, suspect):
    """Write rows of tiles of one image, from the row of tiles ``top`` on, for a vector of channels."""
    lanes = length(m)
    h0, w0 = SIZE * top, SIZE * block.column
    height, width = max(min(SIZE * rows, image.height - h0), 0), max(min(SIZE * block.columns, image.width - w0), 0)
    start = at(image.data, h0 * image.row + w0 * image.pixel)
    staged = image.channel != 1 or channels < lanes
    target, down, across = start, image.row, image.pixel
    if staged:
        target, down, across = room.staged, width * lanes, lanes
    for a in range(rows):
        for b in range(block.columns):
            high, wide = min(height - SIZE * a, SIZE), min(width - SIZE * b, SIZE)
            tile, products = at(target, SIZE * (a * down + b * across)), at(m, (a * block.columns + b) * lead)
            whole = high == SIZE and wide == SIZE
            place, place_down, place_across = tile, down, across
            if not whole:
                place, place_down, place_across = room.window, SIZE * lanes, lanes
            suspect = output_square(products, step, bias, place, place_down, place_across, suspect)
            if not whole:
                for r in range(high):
                    for s in range(wide):
                        store(tile, r * down + s * across, load(room.window, (SIZE * r + s) * lanes))
    if staged:
        runs, run = (1, height * width) if width * image.pixel == image.row else (height, width)
        for r in range(runs):
            pixels = at(room.staged, r * run * lanes)
            unstage(pixels, at(start, r * image.row), image.channel, image.pixel, channels, run)
    return suspect
