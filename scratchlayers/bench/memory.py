"""How much memory does a step take? What is kept for backward, and the most there is at any time."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any

import torch
from torch import Tensor
from torch._C._profiler import _ExperimentalConfig
from torch.autograd import ProfilerConfig, ProfilerState


def saved_bytes(side: Any, x: Tensor) -> int:
    """Return the bytes that ``side.call(x)`` keeps for backward, parameters left out: they are there anyway."""
    kept: dict[int, int] = {}
    own = {parameter.data_ptr() for parameter in side.module.parameters()}

    def pack(tensor: Tensor) -> Tensor:
        if tensor.data_ptr() not in own:
            kept[tensor.data_ptr()] = min(tensor.nbytes, tensor.untyped_storage().nbytes())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        y = side.call(x)  # kept alive, so that no saved tensor's place is taken by another
    del y
    return sum(kept.values())


def peak_bytes(run: Callable[[], Any]) -> int:
    """Return the most that torch's allocator had handed out at once during ``run()``, beyond what it had before.

    It runs in a thread of its own, so that a workspace that is kept from call to call by each thread counts in full.
    """
    with ThreadPoolExecutor(1) as alone:
        return alone.submit(copy_context().run, _peak, run).result()


def _peak(run: Callable[[], Any]) -> int:
    # The first profiler of torch's: the newer one writes to the terminal when it is started from a thread.
    settings = ProfilerConfig(ProfilerState.CPU, False, True, False, False, False, _ExperimentalConfig())
    torch.autograd._enable_profiler_legacy(settings)
    try:
        result = run()
    finally:
        events = torch.autograd._disable_profiler_legacy()
    del result
    now = most = 0
    for event in (event for thread in events for event in thread if event.kind() == "memory_alloc"):
        now += event.cpu_memory_usage()
        most = max(most, now)
    return most
