"""The ``numpy`` backend: what every kernel means, as plain loops. Read it to learn, run it to check, not for speed.

The steps of the classical from-scratch convolution are here by name and work on NumPy arrays on their own:
``zero_pad``, ``conv_single_step``, ``conv_forward``, ``conv_backward``, ``pool_forward``, ``create_mask_from_window``,
``distribute_value`` and ``pool_backward``. The kernels of the contract run the same loops on tensors.

An array is (N, C, *spatial): batch, channels, then any number of spatial axes. Begin with ``padding``, ``windows`` and
``convolution``.
"""

from ...contract import Backend
from .average_pooling import avg_pool, avg_pool_adjoint, distribute_value
from .columns import fold, unfold
from .convolution import conv, conv_backward, conv_forward, conv_input_grad, conv_single_step, conv_weight_grad
from .max_pooling import create_mask_from_window, gather, max_pool, put, scatter, take, tap_index
from .padding import pad, pad_adjoint, zero_pad
from .pooling import pool_backward, pool_forward
from .tensors import DTYPES, on_tensors

__all__ = [
    "BACKEND",
    "conv_backward",
    "conv_forward",
    "conv_single_step",
    "create_mask_from_window",
    "distribute_value",
    "pool_backward",
    "pool_forward",
    "zero_pad",
]

LOOPS = (
    *(conv, conv_input_grad, conv_weight_grad),
    *(pad, pad_adjoint),
    *(max_pool, gather, scatter, tap_index, take, put),
    *(avg_pool, avg_pool_adjoint),
    *(unfold, fold),
)

BACKEND = Backend(
    "numpy",
    {loop.__name__: on_tensors(loop) for loop in LOOPS},
    devices=frozenset({"cpu"}),
    dtypes=DTYPES,
    priority=-1,
)
