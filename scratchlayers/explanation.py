"""Which backend runs each layer of a model, what does it keep for backward, and why did others refuse?"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch import nn as torch_nn

from . import nn, registry
from .conversion import left_alone

_KERNELS = {
    (nn.Conv1d, nn.Conv2d, nn.Conv3d): ("conv", "conv_input_grad", "conv_weight_grad"),
    (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d): ("conv_input_grad", "conv", "conv_weight_grad"),
    (nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d): ("max_pool", "scatter"),
    (nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d): ("avg_pool", "avg_pool_adjoint"),
}


@dataclass
class Layer:
    """One call of one layer, as it was observed."""

    name: str
    kind: str
    backends: dict[str, str | None] = field(default_factory=dict)
    refusals: dict[str, dict[str, str]] = field(default_factory=dict)
    saved_bytes: int = 0
    output: tuple[int, ...] = ()


def explain(model: torch_nn.Module, *example: Any) -> None:
    """Print, for each layer of ours that ``model(*example)`` calls, what ran it, what it saved, and who refused.

    Layers of the family that are not ours are listed with the reason. See :func:`observe` for the same as data.
    """
    rows = observe(model, *example)
    width = max((len(f"{row.name} ({row.kind})") for row in rows), default=0)
    for row in rows:
        runs = ", ".join(sorted({str(name) for name in row.backends.values()}))
        label = f"{row.name} ({row.kind})".ljust(width)
        print(f"{label}  {runs:<8} saves {_bytes(row.saved_bytes):>10} for backward, output {row.output}")
        for backend, kernels in _by_reason(row):
            print(f"{'':{width}}  {backend}: {kernels}")
    print(f"{len(rows)} calls of hand-written layers, {_bytes(sum(row.saved_bytes for row in rows))} kept for backward")
    for name, why in left_alone(model).items():
        print(f"{name or 'the model itself'} is not ours: {why}")


def observe(model: torch_nn.Module, *example: Any) -> list[Layer]:
    """Run ``model(*example)`` as in training and return what each layer of ours did, in the order of the calls."""
    rows: list[Layer] = []
    handles = []
    for name, module in model.named_modules():
        if type(module).__module__.startswith(nn.__name__ + "."):
            handles += _watched(name or "the model itself", module, rows)
    try:
        with torch.enable_grad():
            model(*example)
    finally:
        for handle in handles:
            handle.remove()
    return rows


def _watched(name: str, module: torch_nn.Module, rows: list[Layer]) -> list[Any]:
    """Hook a module so that each call appends its Layer."""
    kept: list[Any] = []

    def enter(module, inputs):
        row = Layer(name, type(module).__name__)
        with module._chosen():
            for kernel in _kernels(module):
                where = (inputs[0].device.type, inputs[0].dtype, _rank(module))
                row.backends[kernel], row.refusals[kernel] = registry.choice(kernel, *where)
        hooks = torch.autograd.graph.saved_tensors_hooks(_counting(row, module), lambda tensor: tensor)
        hooks.__enter__()
        kept.append((row, hooks))

    def leave(module, inputs, output):
        row, hooks = kept.pop()
        hooks.__exit__(None, None, None)
        row.output = tuple((output[0] if isinstance(output, tuple) else output).shape)
        rows.append(row)

    return [module.register_forward_pre_hook(enter), module.register_forward_hook(leave)]


def _counting(row: Layer, module: torch_nn.Module):
    """Return a hook that adds each saved tensor's bytes once, parameters left out: they are kept anyway."""
    seen = {parameter.data_ptr() for parameter in module.parameters(recurse=False)}

    def pack(tensor: Tensor) -> Tensor:
        if tensor.data_ptr() not in seen:
            seen.add(tensor.data_ptr())
            row.saved_bytes += tensor.nbytes
        return tensor

    return pack


def _kernels(module: torch_nn.Module) -> tuple[str, ...]:
    padding = ("pad", "pad_adjoint")
    for kinds, kernels in _KERNELS.items():
        if isinstance(module, kinds):
            return kernels + (padding if getattr(module, "padding_mode", "zeros") != "zeros" else ())
    return padding


def _rank(module: torch_nn.Module) -> int:
    return int(type(module).__name__[-2])


def _by_reason(row: Layer) -> list[tuple[str, str]]:
    """(backend, "reason (kernels)") for everyone who refused."""
    found: dict[tuple[str, str], list[str]] = {}
    for kernel, refusals in row.refusals.items():
        for backend, reason in refusals.items():
            found.setdefault((backend, reason.replace(kernel, "such kernel")), []).append(kernel)
    return [(backend, f"{reason} ({', '.join(kernels)})") for (backend, reason), kernels in found.items()]


def _bytes(count: float) -> str:
    for unit in ("B", "KiB", "MiB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.2f} GiB"
