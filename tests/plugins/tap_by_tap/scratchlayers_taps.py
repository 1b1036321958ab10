"""A backend with one kernel: convolution tap by tap, for large images in little memory.

The usual matrix product first lays all windows side by side: the output's positions times the channels times the taps.
This one multiplies by one tap of the filter at a time, and so holds the padded input and what one tap reads of it. It
is the slower of the two on small images; all other kernels, those of the gradients included, are other backends'.
"""

from itertools import product

import torch

from scratchlayers.contract import Backend


def conv(x, w, b, grid, groups):
    """y[n,o,p] = b[o] + Σ_t (Σ_c x[n,c,p,t] · w[o,c,t])."""
    reach = [(m - 1) * s + (k - 1) * d + 1 for _, m, k, s, d, *_ in zip(*grid, strict=True)]
    inside = [slice(before, before + n) for n, before in zip(grid.input_size, grid.before, strict=True)]
    padded = x.new_zeros(*x.shape[:2], *(max(r, i.stop) for r, i in zip(reach, inside, strict=True)))
    padded[(..., *inside)] = x
    y = x.new_zeros(x.shape[0], groups, w.shape[0] // groups, *grid.output_size)
    for tap in product(*map(range, grid.kernel_size)):
        starts = [t * d for t, d in zip(tap, grid.dilation, strict=True)]
        axes = zip(starts, grid.output_size, grid.stride, strict=True)
        read = padded[(..., *(slice(start, start + (m - 1) * s + 1, s) for start, m, s in axes))]
        each = (read.unflatten(1, (groups, -1)), w[(..., *tap)].unflatten(0, (groups, -1)))
        y += torch.einsum("ngc...,goc->ngo...", *each)
    y = y.flatten(1, 2)
    return y if b is None else y + b.reshape(-1, *(1,) * grid.rank)


BACKEND = Backend("taps", {"conv": conv}, frozenset({"cpu"}), frozenset({torch.float32, torch.float64}))
