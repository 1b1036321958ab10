"""Do the maps move along when the input moves? Measured after each layer, on real digits and untrained nets alike.

‖maps(moved x) − moved maps(x)‖ / ‖maps(x)‖ on the inside, away from the borders. Where the layers so far step by s
pixels, the maps can follow only multiples of s; for other moves the nearest place is taken, and the rest is the error.
"""

import torch
from torch import Tensor, nn

from lightning_app.net import CLASSES
from lightning_app.pixels import scaled

BORDER = 2  # cells of a map that may see the border


def equivariance(net: nn.Sequential, x: Tensor, moves: tuple[int, ...] = (1, 2, 4)) -> dict[str, dict[int, float]]:
    """The relative error by layer ("1 Conv2d") and pixels moved, for images ``x`` (n, c, h, w) uint8."""
    found: dict[str, dict[int, float]] = {}
    with torch.no_grad():
        still = scaled(x)
        moved = {move: scaled(x.roll(move, 3)) for move in moves}
        for number, layer in enumerate(net.eval(), 1):
            still, moved = layer(still), {move: layer(each) for move, each in moved.items()}
            step = max(1, x.shape[-1] // still.shape[-1])
            if still.ndim != 4 or still.shape[-1] <= 2 * BORDER + max(moves) // step:  # nothing is inside both
                break
            if type(layer).__name__ in {"Conv2d", *(CLASSES[name] for name in ("max_pool", "avg_pool"))}:
                errors = {move: _error(each, still, move // step) for move, each in moved.items()}
                found[f"{number} {type(layer).__name__}"] = errors
    return found


def _error(moved: Tensor, still: Tensor, cells: int) -> float:
    """Where both maps are inside; a level that is everywhere the same is not counted as following."""
    followed = still.roll(cells, 3)
    inside = (..., slice(BORDER, -BORDER), slice(BORDER + cells, -BORDER))
    level = followed[inside].mean((2, 3), keepdim=True)
    return float((moved - followed)[inside].norm() / (followed[inside] - level).norm())
