"""Which network does a YAML list describe? Names are torch's in short, arguments are torch's own.

An entry is a name, or a name with the class's arguments: ``relu``, ``max_pool: 2``, ``conv: [16, 5]``,
``conv: {out_channels: 16, kernel_size: 5, padding: 2}``. The number of input channels or features is inferred and
not written; ``linear: classes`` has an output per class of the data.
"""

import difflib
import importlib
import inspect
from typing import Any, Literal

import torch
from torch import nn

from lightning_app.errors import AppError

Layers = Literal["scratch", "torch", "numpy"]
Entry = str | dict[str, Any]

PACKS = {"scratch": "scratchlayers.nn", "torch": "torch.nn", "numpy": "scratchlayers.nn"}
CLASSES = {
    "conv": "Conv2d",
    "conv_transpose": "ConvTranspose2d",
    "max_pool": "MaxPool2d",
    "avg_pool": "AvgPool2d",
    "global_max_pool": "AdaptiveMaxPool2d",
    "global_avg_pool": "AdaptiveAvgPool2d",
    "zero_pad": "ZeroPad2d",
    "constant_pad": "ConstantPad2d",
    "reflection_pad": "ReflectionPad2d",
    "replication_pad": "ReplicationPad2d",
    "circular_pad": "CircularPad2d",
    "batch_norm": "BatchNorm2d",
    "linear": "Linear",
    "flatten": "Flatten",
    "dropout": "Dropout",
    "relu": "ReLU",
    "leaky_relu": "LeakyReLU",
    "elu": "ELU",
    "gelu": "GELU",
    "silu": "SiLU",
    "tanh": "Tanh",
    "sigmoid": "Sigmoid",
}
SIZED_BY_INPUT = ("conv", "conv_transpose", "linear", "batch_norm")  # first argument: input channels or features
GLOBAL = ("global_max_pool", "global_avg_pool")

DEFAULT_NET: list[Entry] = [
    {"conv": {"out_channels": 16, "kernel_size": 5, "stride": 2, "padding": 2, "bias": False}},
    "batch_norm",
    "relu",
    {"conv": {"out_channels": 32, "kernel_size": 3, "padding": 1, "bias": False}},
    "batch_norm",
    "relu",
    {"max_pool": 2},
    {"conv": {"out_channels": 32, "kernel_size": 3, "bias": False}},
    "batch_norm",
    "relu",
    "flatten",
    {"linear": "classes"},
]


def build(layers: Layers, net: list[Entry], shape: tuple[int, ...], classes: int) -> nn.Sequential:
    """The network for images of ``shape`` (channels, height, width); its state_dict is the same for every pack.

    Raises an AppError naming the entry that cannot be built, and with which input.
    """
    pack = importlib.import_module(PACKS[layers])
    modules = []
    x = torch.zeros(1, *shape)
    for number, entry in enumerate(net, 1):
        name, arguments, options = _read(entry, number, classes)
        module, x = _layer(pack, f"model.net, layer {number} ({name})", name, arguments, options, x)
        modules.append(module)
    if x.shape != (1, classes):
        raise AppError(f"model.net: ends with shape {_size(x)}; {classes} are needed, end with: linear: classes")
    return _on_backend(nn.Sequential(*modules), layers)


def _read(entry: Entry, number: int, classes: int) -> tuple[str, list, dict]:
    """(name, positional arguments, keyword arguments) of an entry."""
    name, given = (entry, []) if isinstance(entry, str) else next(iter(entry.items()), ("", []))
    if name not in CLASSES or (isinstance(entry, dict) and len(entry) != 1):
        close = difflib.get_close_matches(str(name), CLASSES, 1, 0.4)
        hint = f"did you mean {close[0]}?" if close else f"there are: {', '.join(CLASSES)}"
        raise AppError(f"model.net, layer {number}: {entry!r} is no layer; {hint}")
    options = dict(given) if isinstance(given, dict) else {}
    arguments = [] if isinstance(given, dict) else list(given) if isinstance(given, list) else [given]
    if name == "linear":
        arguments = [classes if argument == "classes" else argument for argument in arguments]
    return name, arguments, options


def _layer(
    pack: Any, where: str, name: str, arguments: list, options: dict, x: torch.Tensor
) -> tuple[nn.Module, torch.Tensor]:
    """The module for input like ``x``, and its output for it."""
    inferred = [x.shape[1]] if name in SIZED_BY_INPUT else [1] if name in GLOBAL else []
    kind = "BatchNorm1d" if name == "batch_norm" and x.ndim == 2 else CLASSES[name]
    try:
        module = getattr(pack, kind)(*inferred, *arguments, **options)
        with torch.no_grad():
            return module, module.eval()(x)
    except (TypeError, ValueError, RuntimeError, IndexError, NotImplementedError) as error:
        takes = ", ".join(list(inspect.signature(getattr(nn, kind)).parameters)[len(inferred) :])
        raise AppError(f"{where}: {_first_line(error)}; its input is {_size(x)}, it takes: {takes}") from error


def _on_backend(net: nn.Sequential, layers: Layers) -> nn.Sequential:
    if layers == "numpy":
        for module in net:
            if hasattr(module, "backend"):
                module.backend = "numpy"
    return net.train()


def _size(x: torch.Tensor) -> str:
    return " x ".join(map(str, x.shape[1:]))


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0]
