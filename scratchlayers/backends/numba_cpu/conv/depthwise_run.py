"""How is a depthwise job run? Memory for the result and for scratch, and the addresses of both and of the operands."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from ..choose import Ready
from ..team import Job
from ..workspace import scratch


def forward_of(job: Job, new: Callable[[], Tensor], nbytes: int) -> Ready:
    """Return what runs a job of (x, w, b, y, scratch, whether there is a bias), each thread having so much scratch."""

    def run(x: Tensor, w: Tensor, b: Tensor | None) -> Tensor:
        y, memory = new(), scratch(nbytes * job.threads())
        bias = 0 if b is None else b.data_ptr()
        job.run(x.data_ptr(), w.data_ptr(), bias, y.data_ptr(), memory.data_ptr(), b is not None)
        return y

    return run


def weight_grad_of(job: Job, new: Callable[[], Tensor], nbytes: int) -> Ready:
    """Return what runs a job of (x, gy, gw, scratch)."""

    def run(x: Tensor, gy: Tensor) -> Tensor:
        gw, memory = new(), scratch(nbytes * job.threads())
        job.run(x.data_ptr(), gy.data_ptr(), gw.data_ptr(), memory.data_ptr())
        return gw

    return run
