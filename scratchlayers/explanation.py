"""Which backend runs each layer of a model, and how; what is kept for backward, and why did others refuse?"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch import nn as torch_nn
from torch.nn.parameter import is_lazy

from . import nn, registry
from .conversion import left_alone
from .nn.choice import Chooses

_KERNELS = {
    (nn.Conv1d, nn.Conv2d, nn.Conv3d): ("conv", "conv_input_grad", "conv_weight_grad"),
    (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d): ("conv_input_grad", "conv", "conv_weight_grad"),
    (nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d): ("max_pool", "scatter"),
    (nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d): ("avg_pool", "avg_pool_adjoint"),
    (nn.AdaptiveMaxPool1d, nn.AdaptiveMaxPool2d, nn.AdaptiveMaxPool3d): ("pad", "max_pool", "scatter", "pad_adjoint"),
    (nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d, nn.AdaptiveAvgPool3d): (
        *("pad", "avg_pool"),
        *("avg_pool_adjoint", "pad_adjoint"),
    ),
    (nn.LPPool1d, nn.LPPool2d, nn.LPPool3d): ("avg_pool", "avg_pool_adjoint"),
    ((), nn.FractionalMaxPool2d, nn.FractionalMaxPool3d): ("take", "max_pool", "put"),
    (nn.MaxUnpool1d, nn.MaxUnpool2d, nn.MaxUnpool3d): ("put", "take"),
}


@dataclass
class Layer:
    """One call of one layer, as it was observed.

    ``algorithms`` has, for the kernels of which the backend says so, how it computes them; ``saved`` the bytes kept for
    backward by place in memory.
    """

    name: str
    kind: str
    backends: dict[str, str | None] = field(default_factory=dict)
    refusals: dict[str, dict[str, str]] = field(default_factory=dict)
    algorithms: dict[str, str] = field(default_factory=dict)
    saved: dict[int, int] = field(default_factory=dict)
    output: tuple[int, ...] = ()

    @property
    def saved_bytes(self) -> int:
        """The bytes this call keeps for backward, parameters left out."""
        return sum(self.saved.values())


def explain(model: torch_nn.Module, *example: Any) -> None:
    """Print, for each layer of ours that ``model(*example)`` calls, what ran it and how, what it saved, who refused.

    Layers of the family that are not ours are listed with the reason. The same as data:
    :func:`scratchlayers.explanation.observe`.
    """
    rows = observe(model, *example)
    width = max((len(f"{row.name} ({row.kind})") for row in rows), default=0)
    for row in rows:
        runs = ", ".join(sorted({str(name) for name in row.backends.values()}))
        label = f"{row.name} ({row.kind})".ljust(width)
        print(f"{label}  {runs:<8} saves {_bytes(row.saved_bytes):>10} for backward, output {row.output}")
        for algorithm, kernels in _by_algorithm(row):
            print(f"{'':{width}}  by {algorithm} ({', '.join(kernels)})")
        for backend, kernels in _by_reason(row):
            print(f"{'':{width}}  {backend}: {kernels}")
    calls = "1 call" if len(rows) == 1 else f"{len(rows)} calls"
    kept = sum({place: count for row in rows for place, count in row.saved.items()}.values())
    print(f"{calls} of hand-written layers, {_bytes(kept)} kept for backward")
    for name, why in left_alone(model).items():
        print(f"{name or 'the model itself'} is not ours: {why}")


def observe(model: torch_nn.Module, *example: Any) -> list[Layer]:
    """Run ``model(*example)`` as in training and return what each layer of ours did, in the order of the calls.

    Buffers, such as the running statistics of a batch normalisation, are put back as they were, unless lazy.
    """
    rows: list[Layer] = []
    with ExitStack() as undo, torch.enable_grad():
        undo.callback(_restore, [(buffer, buffer.clone()) for buffer in model.buffers() if not is_lazy(buffer)])
        for name, module in model.named_modules():
            if isinstance(module, Chooses):
                _watch(name or "the model itself", module, rows, undo)
        result = model(*example)  # kept alive, so that no saved tensor's place is taken by another
    del result
    return rows


def _restore(buffers: list[tuple[Tensor, Tensor]]) -> None:
    with torch.no_grad():
        for buffer, before in buffers:
            buffer.copy_(before)


def _watch(name: str, module: torch_nn.Module, rows: list[Layer], undo: ExitStack) -> None:
    """Hook a module so that each call appends its Layer; ``undo`` takes away whatever is left of that."""
    open_calls: list[tuple[Layer, ExitStack, dict[str, Mapping[str, str]]]] = []

    def enter(module, args, kwargs):
        row, counting = Layer(name, type(module).__name__), ExitStack()
        _choose(row, module, next(iter((*args, *kwargs.values()))))
        counting.enter_context(torch.autograd.graph.saved_tensors_hooks(_counting(row, module), lambda x: x))
        runners = filter(None, set(row.backends.values()))
        notes = {name: counting.enter_context(registry.get(name).watch()) for name in runners}
        undo.enter_context(counting)
        open_calls.append((row, counting, notes))

    def leave(module, args, output):
        row, counting, notes = open_calls.pop()
        counting.close()
        noted = {kernel: notes.get(name, {}).get(kernel) for kernel, name in row.backends.items()}
        row.algorithms = {kernel: words for kernel, words in noted.items() if words}
        row.output = tuple((output[0] if isinstance(output, tuple) else output).shape)
        rows.append(row)

    undo.callback(module.register_forward_pre_hook(enter, with_kwargs=True).remove)
    undo.callback(module.register_forward_hook(leave).remove)


def _choose(row: Layer, module: torch_nn.Module, x: Tensor) -> None:
    """Write down who runs each kernel of the module, and who refused."""
    kernels, rank = _kernels(module)
    with module._chosen():
        for kernel in kernels:
            over = max(rank, x.dim() - 2) if kernel.startswith("pad") else rank
            row.backends[kernel], row.refusals[kernel] = registry.choice(kernel, x.device.type, x.dtype, over)


def _counting(row: Layer, module: torch_nn.Module):
    """Return a hook that writes down each saved tensor, parameters left out: they are kept anyway."""
    parameters = {parameter.data_ptr() for parameter in module.parameters(recurse=False)}

    def pack(tensor: Tensor) -> Tensor:
        if tensor.data_ptr() not in parameters:
            row.saved[tensor.data_ptr()] = tensor.nbytes
        return tensor

    return pack


def _kernels(module: torch_nn.Module) -> tuple[tuple[str, ...], int]:
    """(the kernels a module calls, the number of its spatial axes)."""
    padding = ("pad", "pad_adjoint")
    told = getattr(module, "return_indices", False) and not hasattr(module, "_random_samples")
    index = ("tap_index",) if told else ()
    if isinstance(module, (nn.Unfold, nn.Fold)):
        return ("unfold", "fold"), 2
    for rank, kinds in enumerate(zip(*_KERNELS, strict=True), start=1):
        for kind, kernels in zip(kinds, _KERNELS.values(), strict=True):
            if isinstance(module, kind):
                return kernels + index + (padding if getattr(module, "padding_mode", "zeros") != "zeros" else ()), rank
    return padding, len(module.padding) // 2


def _by_algorithm(row: Layer) -> list[tuple[str, list[str]]]:
    """(algorithm, its kernels)."""
    found: dict[str, list[str]] = {}
    for kernel, algorithm in row.algorithms.items():
        found.setdefault(algorithm, []).append(kernel)
    return list(found.items())


def _by_reason(row: Layer) -> list[tuple[str, str]]:
    """(backend, "reason (kernels)") for everyone who refused."""
    found: dict[tuple[str, str], list[str]] = {}
    for kernel, refusals in row.refusals.items():
        for backend, reason in refusals.items():
            found.setdefault((backend, reason.replace(f"has no {kernel}", "has no such kernel")), []).append(kernel)
    return [(backend, f"{reason} ({', '.join(kernels)})") for (backend, reason), kernels in found.items()]


def _bytes(count: float) -> str:
    for unit in ("B", "KiB", "MiB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.2f} GiB"
