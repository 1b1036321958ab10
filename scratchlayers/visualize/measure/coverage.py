"""How often is each input cell read? By counting the outputs whose gradient reaches it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .layers import Layer, Size, name, sizes
from .reading import reads


@dataclass(frozen=True, eq=False)
class Coverage:
    """Of some layers, over inputs of one size: their names, their output sizes, and (H, W) counts."""

    layers: tuple[str, ...]
    outputs: tuple[tuple[int, ...], ...]
    counts: tuple[np.ndarray, ...]


def measure(layers: Sequence[Layer], size: Size) -> Coverage:
    """Count, for each layer, how many outputs read each input cell; a line is one row."""
    outputs, counts = [], []
    for layer in layers:
        shape = sizes(layer, size)
        read = reads(layer, shape)
        outputs.append(read.shape[: len(shape)])
        counts.append(np.atleast_2d(read.sum(axis=tuple(range(len(shape))))))
    return Coverage(tuple(map(name, layers)), tuple(outputs), tuple(counts))
