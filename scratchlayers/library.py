"""How does PyTorch's dispatcher see a kernel? As an operator of its own, which tracers and dispatch modes can handle.

Each kernel of the contract is an operator ``torch.ops.scratchlayers.<kernel>``: its schema is read off the contract's
signature, grids and frames travel as lists of integers (which may be symbolic), and a word says which backend and
precision were wanted. A fake kernel gives the result's shape, dtype and strides without computing it. In plain eager
mode nothing of this runs: there the kernels are called directly.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from math import prod
from types import SimpleNamespace
from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd import forward_ad

from . import registry
from .contract import NAMES, Kernels, tap_dtype
from .geometry import Frame, Grid, Run, Sizes
from .ops.layout import like

NAMESPACE = "scratchlayers"
_PLAIN = (Tensor, torch.nn.Parameter, torch.nn.Buffer)
_modes: Callable[[], int] = torch._C._len_torch_dispatch_stack


def kernels(x: Tensor, rank: int) -> Kernels:
    """Return the kernels that answer a call with this tensor: themselves, or as operators where something looks on."""
    device = "cpu" if x.is_cpu else x.device.type  # which makes a new word at every call
    if _modes() or type(x) not in _PLAIN or device == "meta":
        return operators(*registry.wanted())
    return registry.kernels(device, x.dtype, rank, _resolve)


@lru_cache(maxsize=1024)
def _resolve(backend: str | None, precision: str, *of: Any) -> Kernels:
    """Return the kernels themselves and, beside them, their ``operators``, for where something looks on later."""
    found = registry.resolve(backend, precision, *of)
    return cast(Kernels, SimpleNamespace(**vars(found), operators=operators(backend, precision)))


def has_values(x: Tensor) -> bool:
    """Whether the numbers in a tensor may be looked at now: not where a tracer or a vmap stands between."""
    return not (_modes() or type(x) not in _PLAIN or x.is_meta or torch._C._functorch.is_batchedtensor(x))


@lru_cache(maxsize=64)
def operators(backend: str | None, precision: str) -> Kernels:
    """Return the kernels as operators that ask for this backend and precision when they run."""
    how = f"{backend or ''} {precision}"

    def face(name: str) -> Callable[..., Any]:
        operator, kinds = getattr(torch.ops.scratchlayers, name).default, _KINDS[name]

        def call(*operands: Any) -> Any:
            flat = [_flat(v, k) for v, k in zip(operands, kinds, strict=False)]
            # an op has recorded its derivative; one that a level below would record has not been lost
            with torch._C._AutoDispatchBelowAutograd(), torch.enable_grad(), forward_ad._set_fwd_grad_enabled(True):
                return operator(how, *flat)

        return call

    return cast(Kernels, SimpleNamespace(**{name: face(name) for name in NAMES}))


def asked(how: str) -> tuple[str | None, str]:
    """Return the backend, if any, and the precision that an operator's word asks for."""
    backend, precision = how.split(" ")
    return backend or None, precision


def arguments(name: str, operands: Sequence[Any]) -> tuple[Any, ...]:
    """Return an operator's operands as the contract has them."""
    return tuple(_deep(v, k) for v, k in zip(operands, _KINDS[name], strict=False))


def run(name: str, how: str, *operands: Any) -> Any:
    """Compute what the operator of this name computes, of its operands."""
    operands = arguments(name, operands)
    x = operands[0]
    rank = next((v.rank for v in operands if isinstance(v, (Grid, Frame))), x.dim() - 2)
    found = registry.resolve(*asked(how), x.device.type, x.dtype, rank, registry.generation())
    y = getattr(found, name)(*operands)
    tensors = [t for t in operands if isinstance(t, Tensor) and t.dim() == x.dim()]
    return tuple(like(part, *tensors) for part in y) if isinstance(y, tuple) else like(y, *tensors)


def _fake(name: str, how: str, *operands: Any) -> Any:
    """Return empty tensors of the size, dtype and layout that ``run`` would return."""
    operands = arguments(name, operands)
    x = operands[0]
    tensors = [t for t in operands if isinstance(t, Tensor) and t.dim() == x.dim()]
    made = [like(x.new_empty(shape, dtype=dtype or x.dtype), *tensors) for shape, dtype in _RESULTS[name](*operands)]
    return tuple(made) if len(made) > 1 else made[0]


Result = tuple[Sequence[int], torch.dtype | None]


def _of_output(x: Tensor, *how: Any) -> Iterator[Result]:
    yield (*x.shape[:2], *how[-1].output_size), None


def _of_input(y: Tensor, *how: Any) -> Iterator[Result]:
    yield (*y.shape[:2], *how[-1].input_size), None


def _of_pad(x: Tensor, frame: Frame, value: float = 0) -> Iterator[Result]:
    yield (*x.shape[:2], *frame.output_size), None


def _of_conv(x: Tensor, w: Tensor, b: Tensor | None, grid: Grid, groups: int) -> Iterator[Result]:
    yield (x.shape[0], w.shape[0], *grid.output_size), None


def _of_input_grad(gy: Tensor, w: Tensor, grid: Grid, groups: int, b: Tensor | None = None) -> Iterator[Result]:
    yield (gy.shape[0], w.shape[1] * groups, *grid.input_size), None


def _of_weight_grad(x: Tensor, gy: Tensor, grid: Grid, groups: int) -> Iterator[Result]:
    yield (gy.shape[1], x.shape[1] // groups, *grid.kernel_size), None


def _of_max_pool(x: Tensor, grid: Grid) -> Iterator[Result]:
    yield from _of_output(x, grid)
    yield (*x.shape[:2], *grid.output_size), tap_dtype(grid)


def _of_tap_index(tap: Tensor, grid: Grid) -> Iterator[Result]:
    yield tap.shape, torch.int64


def _of_take(x: Tensor, index: Tensor, size: Sizes) -> Iterator[Result]:
    yield index.shape, None


def _of_put(gy: Tensor, index: Tensor, size: Sizes, last: bool = False) -> Iterator[Result]:
    yield (*gy.shape[:2], *size), None


def _of_unfold(x: Tensor, grid: Grid) -> Iterator[Result]:
    yield (x.shape[0], x.shape[1] * prod(grid.kernel_size), prod(grid.output_size)), None


def _of_fold(gy: Tensor, grid: Grid) -> Iterator[Result]:
    yield (gy.shape[0], gy.shape[1] // prod(grid.kernel_size), *grid.input_size), None


_RESULTS: dict[str, Callable[..., Iterator[Result]]] = {
    "conv": _of_conv,
    "conv_input_grad": _of_input_grad,
    "conv_weight_grad": _of_weight_grad,
    "pad": _of_pad,
    "pad_adjoint": _of_input,
    "max_pool": _of_max_pool,
    "gather": _of_output,
    "scatter": _of_input,
    "tap_index": _of_tap_index,
    "take": _of_take,
    "put": _of_put,
    "avg_pool": _of_output,
    "avg_pool_adjoint": _of_input,
    "unfold": _of_unfold,
    "fold": _of_fold,
}


def _flat(value: Any, kind: str) -> Any:
    """Write a grid, a frame or divisors as one list of integers."""
    if kind == "Grid":
        return [n for field in value for n in field]
    if kind == "Frame":
        lengths = [len(runs) for runs in value.runs]
        numbers = [n for runs in value.runs for run in runs for n in run]
        return [*value.input_size, *value.output_size, *lengths, *numbers, value.rank]
    if kind == "tuple[Sizes, ...]":
        return [len(value), *map(len, value), *(n for axis in value for n in axis)]
    return value


def _deep(value: Any, kind: str) -> Any:
    """Read what ``_flat`` has written."""
    if kind == "Grid":
        rank = len(value) // 7
        return Grid(*(tuple(value[i : i + rank]) for i in range(0, 7 * rank, rank)))
    if kind == "Frame":
        *numbers, rank = value
        sizes, rest = numbers[: 2 * rank], iter(numbers[3 * rank :])
        runs = tuple(
            tuple(Run(*(next(rest) for _ in range(4))) for _ in range(length))
            for length in numbers[2 * rank : 3 * rank]
        )
        return Frame(tuple(sizes[:rank]), tuple(sizes[rank:]), runs)
    if kind == "Sizes":
        return tuple(value)
    if kind == "tuple[Sizes, ...]":
        rest = iter(value[1 + value[0] :])
        return tuple(tuple(next(rest) for _ in range(length)) for length in value[1 : 1 + value[0]])
    return value


_WRITTEN = {
    "Tensor": "Tensor",
    "Tensor | None": "Tensor?",
    "int": "SymInt",
    "float": "Scalar",
    "bool": "bool",
    "Sizes": "SymInt[]",
    "Grid": "SymInt[]",
    "Frame": "SymInt[]",
    "tuple[Sizes, ...]": "SymInt[]",
}
_KINDS = {
    name: [p.annotation for p in [*inspect.signature(getattr(Kernels, name)).parameters.values()][1:]] for name in NAMES
}


def _schema(name: str) -> str:
    parameters = [*inspect.signature(getattr(Kernels, name)).parameters.values()][1:]
    words = ", ".join(
        f"{_WRITTEN[p.annotation]} {p.name}{'' if p.default is p.empty else f'={p.default}'}" for p in parameters
    )
    result = "Tensor" if inspect.signature(getattr(Kernels, name)).return_annotation == "Tensor" else "(Tensor, Tensor)"
    return f"{name}(str how, {words}) -> {result}"


def _define() -> torch.library.Library:
    library = torch.library.Library(NAMESPACE, "FRAGMENT")
    for name in NAMES:
        library.define(_schema(name), tags=(torch.Tag.pt2_compliant_tag,))
        library.impl(name, lambda *operands, name=name: run(name, *operands), "CompositeExplicitAutograd")
        torch.library.register_fake(f"{NAMESPACE}::{name}", lambda *o, name=name: _fake(name, *o), lib=library)
    return library


_LIBRARY = _define()
