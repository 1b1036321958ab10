"""How does a test have a backend, or a whole registry, of its own?"""

from __future__ import annotations

import importlib.util
from contextlib import contextmanager
from functools import wraps

from scratchlayers import registry
from scratchlayers.contract import NAMES, Backend


def recording(name="recorder", kernels=NAMES, devices=("cpu",), **limits):
    """Return a backend that computes as ``torch`` does, and the list to which it adds each kernel that it runs."""
    calls = []

    def noted(kernel):
        run = registry.get("torch").kernels[kernel]

        @wraps(run)
        def note(*operands):
            calls.append(kernel)
            return run(*operands)

        return note

    return Backend(name, {kernel: noted(kernel) for kernel in kernels}, frozenset(devices), **limits), calls


@contextmanager
def registered(*backends):
    """Have backends registered inside the block."""
    for backend in backends:
        registry.register(backend)
    try:
        yield
    finally:
        for backend in backends:
            registry.unregister(backend.name)


@contextmanager
def recorder(**options):
    """Have a recording backend registered inside the block, and give its list."""
    backend, calls = recording(**options)
    with registered(backend):
        yield calls


def imported_anew():
    """Return a registry that nobody has used, beside the real one."""
    spec = importlib.util.find_spec("scratchlayers.registry")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
