"""The ``torch`` backend: arithmetic on strided views, for any device, dtype and rank. The floor of every chain."""

from ...contract import Backend
from .avg_pool import avg_pool, avg_pool_adjoint
from .columns import fold, unfold
from .conv import conv, conv_input_grad, conv_weight_grad
from .max_pool import gather, max_pool, put, scatter, take, tap_index
from .pad import pad, pad_adjoint

KERNELS = (
    *(conv, conv_input_grad, conv_weight_grad),
    *(pad, pad_adjoint),
    *(max_pool, gather, scatter, tap_index, take, put),
    *(avg_pool, avg_pool_adjoint),
    *(unfold, fold),
)


BACKEND = Backend("torch", {kernel.__name__: kernel for kernel in KERNELS}, devices=None, priority=0)
