"""Where is the window at output position p? In the padded input, from p·stride on, every dilation-th place.

    padded index = p·stride + t·dilation        for tap t = 0 … kernel_size − 1, on every axis

Padding by ``before`` has moved every element up by as much, so this is the index formula of ``scratchlayers.geometry``
without its ``− before``.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ...geometry import Frame, Grid

Place = tuple[int, ...]
Slices = tuple[slice, ...]


def windows(grid: Grid) -> Iterator[tuple[Place, Slices]]:
    """(p, window) for every output position: ``x_pad[n, c, *window]`` are the elements it reads, tap by tap.

    >>> from scratchlayers.geometry import Window
    >>> for p, window in windows(Window.parse(1, 3, stride=2).over((7,))):
    ...     print(p, window)
    (0,) (slice(0, 3, 1),)
    (1,) (slice(2, 5, 1),)
    (2,) (slice(4, 7, 1),)
    """
    for p in np.ndindex(grid.output_size):
        axes = zip(p, grid.stride, grid.kernel_size, grid.dilation, strict=True)
        yield p, tuple(slice(i * s, i * s + (k - 1) * d + 1, d) for i, s, k, d in axes)


def surroundings(grid: Grid) -> Frame:
    """The input with as many zeros around it as the windows of the grid reach.

    After the input that may be more than its padding: with ``ceil_mode`` the last window may hang over.
    """
    axes = zip(*grid, strict=True)
    reach = [(m - 1) * s + (k - 1) * d + 1 - n - before for n, m, k, s, d, before, _ in axes]
    after = [max(padding, beyond) for padding, beyond in zip(grid.after, reach, strict=True)]
    return Frame.around(grid.input_size, tuple(zip(grid.before, after, strict=True)), "constant")
