"""gw[o,c,t] = Σ_{n,p} x[n,c,p,t] · gy[n,o,p], for any problem: outer products of x and gy, summed in registers.

A task goes through its boxes of output positions. Of each it copies the piece of x that the windows read, with zeros
around the input, and packs gy a few filters at a time, all of them beside each other at a position; then every tile of
sums runs along the positions (:mod:`outer_tile`).
"""

from __future__ import annotations

import torch
from torch import Tensor

from ....geometry import Grid
from .. import team, workspace
from ..choose import Algorithm, Problem
from ..jit import Longs, Real, inner, kernel
from ..simd import at, length, load, store
from .outer_tile import call_tile, outer_tile
from .transpose import transpose
from .weight_grad_plan import plan


def weight_grad(x: Tensor, gy: Tensor, grid: Grid, groups: int) -> Tensor:
    """Return gw."""
    x, gy = x.contiguous(), gy.contiguous()
    p = plan(Problem(x.dtype, x.shape[0], x.shape[1], gy.shape[1], groups, grid))
    gw = torch.empty(gy.shape[1], x.shape[1] // groups, *grid.kernel_size, dtype=x.dtype)
    threads = team.threads(p.tasks, p.work)
    scratch = workspace.scratch(p.sums + threads * p.slice)
    sums, own = scratch.data_ptr(), scratch.data_ptr() + p.sums
    pointers = x.data_ptr(), gy.data_ptr(), sums, p.table.ctypes.data, own, own
    tile = outer_tile.compiled(x.dtype, **p.shape)
    team.run(add_products.compiled(x.dtype), p.tasks, p.work, *pointers, tile, *p.numbers)
    team.run(add_copies.compiled(x.dtype), p.tiles, p.sums, sums, gw.data_ptr(), *p.finish)
    return gw


@kernel
def add_products(
    lo, hi, thread, x: Real, gy: Real, sums: Real, taps: Longs, longs: Longs, reals: Real, tile_of,
    rows, columns, unit, chunks, row_parts, column_parts, blocks, tiles, panels, sides,
    channels, filters, taps_each, streams, images, box_n,
    depth, out_d, stride_d, before_d, box_d, reach_d, window_d,
    height, out_h, stride_h, before_h, box_h, reach_h, window_h,
    width, out_w, stride_w, before_w, box_w, reach_w, window_w,
    plane, x_image, gy_image, x_stream, gy_stream,
    lines_at, panel_at, panel_size, own_longs, own_reals,
):  # fmt: skip
    """sums[chunk][side][panel][tile][rows][columns] = the products of a chunk's boxes. See the plan for the numbers."""
    places = at(longs, thread * own_longs)
    lines = at(places, lines_at)
    panel = at(reals, thread * own_reals + panel_at)
    box = at(panel, panel_size)
    read_d = at(taps, tiles * rows)
    read_h = at(read_d, reach_d)
    boxes_w = (out_w + box_w - 1) // box_w
    boxes_h = (out_h + box_h - 1) // box_h
    boxes_d = (out_d + box_d - 1) // box_d
    for task in range(lo, hi):
        chunk, rest = task % chunks, task // chunks
        row_part, rest = rest % row_parts, rest // row_parts
        column_part, side = rest % column_parts, rest // column_parts
        first_tile, last_tile = tiles * row_part // row_parts, tiles * (row_part + 1) // row_parts
        first_panel, last_panel = panels * column_part // column_parts, panels * (column_part + 1) // column_parts
        first_channel = first_tile * rows // taps_each
        last_channel = min((last_tile * rows - 1) // taps_each + 1, channels)
        first_block, last_block = blocks * chunk // chunks, blocks * (chunk + 1) // chunks
        shape = -1
        for block in range(first_block, last_block):
            w0, rest = block % boxes_w * box_w, block // boxes_w
            h0, rest = rest % boxes_h * box_h, rest // boxes_h
            d0, n0 = rest % boxes_d * box_d, rest // boxes_d * box_n
            w, h = min(box_w, out_w - w0), min(box_h, out_h - h0)
            d, n = min(box_d, out_d - d0), min(box_n, images - n0)
            steps = n * d * h * w
            this_shape = ((n * (box_d + 1) + d) * (box_h + 1) + h) * (box_w + 1) + w
            if this_shape != shape:
                shape, i = this_shape, 0
                for a in range(n):
                    for b in range(d):
                        for c in range(h):
                            place = (a * channels_in_box(first_channel, last_channel)) * plane + (
                                b * stride_d * reach_h + c * stride_h
                            ) * reach_w * unit
                            for e in range(w):
                                places[i] = place + e * stride_w * unit
                                i += 1
            spot = 0
            for a in range(n):
                for channel in range(first_channel, last_channel):
                    for u in range(unit):
                        source = (n0 + a) * x_image + min(side * unit + u, streams - 1) * x_stream
                        source += channel * depth * height * width
                        copy_box(
                            at(x, source), at(box, spot + u), unit,
                            d0 * stride_d - before_d, (d - 1) * stride_d + window_d, depth, read_d,
                            h0 * stride_h - before_h, (h - 1) * stride_h + window_h, height, read_h,
                            w0 * stride_w - before_w, (w - 1) * stride_w + window_w, width,
                            reach_h, reach_w,
                        )  # fmt: skip
                    spot += plane
            for j in range(first_panel, last_panel):
                for lane in range(columns):
                    o = min((j * columns + lane) // unit, filters - 1)
                    stream = min(side * unit + lane % unit, streams - 1)
                    lines[lane] = stream * gy_stream + o * out_d * out_h * out_w
                run, runs_h, runs_d = w, h, d
                if w == out_w:
                    run, runs_h = run * h, 1
                    if h == out_h:
                        run, runs_d = run * d, 1
                step = 0
                for a in range(n):
                    for b in range(runs_d):
                        for c in range(runs_h):
                            source = (n0 + a) * gy_image + ((d0 + b) * out_h + h0 + c) * out_w + w0
                            for v in range(columns // length(x)):
                                pack(
                                    at(gy, source),
                                    at(lines, v * length(x)),
                                    at(panel, step * columns + v * length(x)),
                                    columns,
                                    run,
                                )
                            step += run
                for tile in range(first_tile, last_tile):
                    cell = (((chunk * sides + side) * panels + j) * tiles + tile) * rows * columns
                    call_tile(
                        tile_of, at(box, -first_channel * plane), places, at(taps, tile * rows),
                        panel, at(sums, cell), steps, block == first_block,
                    )  # fmt: skip


@inner
def channels_in_box(first, last):
    return last - first


@inner
def copy_box(x, box, unit, d0, d, depth, read_d, h0, h, height, read_h, w0, w, width, reach_h, reach_w):
    """Copy the piece of one channel that windows read, zeros where it lies outside the input; unit elements apart."""
    first, last = min(max(-w0, 0), w), max(min(width - w0, w), 0)
    for i in range(d):
        for j in range(h):
            if read_d[i] and read_h[j]:
                line = at(box, (i * reach_h + j) * reach_w * unit)
                if 0 <= d0 + i < depth and 0 <= h0 + j < height:
                    source = at(x, ((d0 + i) * height + h0 + j) * width + w0)
                    for e in range(first):
                        line[e * unit] = 0
                    for e in range(first, last):
                        line[e * unit] = source[e]
                    for e in range(max(first, last), w):
                        line[e * unit] = 0
                else:
                    for e in range(w):
                        line[e * unit] = 0


@inner
def pack(gy, lines, panel, columns, count):
    """panel[i · columns + r] = gy[lines[r] + i] for i < count and r < lanes."""
    lanes = length(gy)
    if count >= lanes:
        for i in range(0, count, lanes):
            start = min(i, count - lanes)
            transpose(gy, lines, start, panel, start * columns, columns)
    else:
        for i in range(count):
            for r in range(lanes):
                panel[i * columns + r] = gy[lines[r] + i]


@kernel
def add_copies(
    lo, hi, thread, sums: Real, gw: Real, rows, columns, unit, chunks, tiles, panels, sides, pairs, filters, groups
):
    """gw = the sums of all chunks, each where it belongs; a task is a tile."""
    lanes = length(sums)
    size = rows * columns
    copy = sides * panels * tiles * size
    for task in range(lo, hi):
        cell = at(sums, task * size)
        for chunk in range(1, chunks):
            for i in range(0, size, lanes):
                store(cell, i, load(cell, i) + load(cell, chunk * copy + i))
        tile, rest = task % tiles, task // tiles
        panel, side = rest % panels, rest // panels
        for column in range(0, columns // unit):
            o = panel * (columns // unit) + column
            if o < filters:
                for u in range(unit):
                    group = side * unit + u
                    for m in range(rows):
                        pair = tile * rows + m
                        value = cell[m * columns + column * unit + u]
                        if pair < pairs:
                            if groups > 1:
                                if group < groups:
                                    gw[(group * filters + o) * pairs + pair] = value
                            elif u == 0:
                                gw[o * pairs + pair] = value
                            else:
                                gw[o * pairs + pair] += value


def _any(problem: Problem) -> bool:
    return True


WEIGHT_GRAD = Algorithm("outer", _any, _any, weight_grad)
