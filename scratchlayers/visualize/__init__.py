"""How does it look? Pictures of layers, computed by calling the layer that is drawn.

>>> from scratchlayers import nn, visualize
>>> picture = visualize.sliding_window(nn.Conv2d(1, 1, 3, stride=2, padding=1), size=5)
>>> len(picture.frames)
9
"""
from .draw.sliding import sliding_window
from .draw.coverage import coverage
from .draw.padding import padding_modes, padding_values
from .draw.backward import input_gradient, weight_gradient, pool_gradient
from .draw.columns import im2col
from .draw.flip import flip
from .draw.photo import kernels, responses, pooled
