"""How does it look? Pictures of layers, computed by calling and differentiating the layer that is drawn.

>>> from scratchlayers import nn, visualize
>>> picture = visualize.sliding_window(nn.Conv2d(1, 1, 3, stride=2, padding=1), size=5)
>>> len(picture.frames)
9

Each function takes layers of ours, torch's or your own and returns a :class:`Picture`, whose ``save`` writes .gif,
.webp, .png, .svg or .html, and which shows itself in a notebook. Only saving imports matplotlib and pillow
(``pip install "scratchlayers[viz]"``). ``python -m scratchlayers draw`` does the same from a command line.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .draw.architecture import architecture
    from .draw.backward import input_gradient, pool_gradient, weight_gradient
    from .draw.columns import im2col
    from .draw.coverage import coverage
    from .draw.field import receptive_field
    from .draw.flip import flip
    from .draw.inside import activations, filters
    from .draw.padding_modes import padding_modes
    from .draw.padding_values import padding_values
    from .draw.photo import kernels, pooled, responses
    from .draw.shapes import shapes
    from .draw.sliding import sliding_window
    from .measure.kernels import KERNELS
    from .picture import Picture

__all__ = [
    "KERNELS",
    "Picture",
    "activations",
    "architecture",
    "coverage",
    "filters",
    "flip",
    "im2col",
    "input_gradient",
    "kernels",
    "padding_modes",
    "padding_values",
    "pool_gradient",
    "pooled",
    "receptive_field",
    "responses",
    "shapes",
    "sliding_window",
    "weight_gradient",
]

_HOME = {
    "KERNELS": "measure.kernels",
    "Picture": "picture",
    **dict.fromkeys(("activations", "filters"), "draw.inside"),
    "architecture": "draw.architecture",
    "coverage": "draw.coverage",
    "flip": "draw.flip",
    "im2col": "draw.columns",
    **dict.fromkeys(("input_gradient", "pool_gradient", "weight_gradient"), "draw.backward"),
    **dict.fromkeys(("kernels", "pooled", "responses"), "draw.photo"),
    "padding_modes": "draw.padding_modes",
    "padding_values": "draw.padding_values",
    "receptive_field": "draw.field",
    "shapes": "draw.shapes",
    "sliding_window": "draw.sliding",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f".{_HOME[name]}", __name__), name)
    return value


def __dir__() -> list[str]:
    return __all__
