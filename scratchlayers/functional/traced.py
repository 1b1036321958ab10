"""What does a tracer see of a function? One operator.

While Dynamo compiles, a call becomes ``torch.ops.scratchlayers.functional``: Dynamo, which reads Python, must not read
how a function of ours checks its words, plans its windows and builds its autograd Functions. That operator is
composite: it has no derivative of its own but runs the function, on whatever tensors it is given.

While a program is written that others will run (``torch.export``, ONNX, TorchScript), a call becomes torch's own
operator: such a file must not need this package.

Where an operand overrides torch's functions (a proxy of FX, a subclass of Tensor), it is asked first.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from functools import cache, partial, wraps
from typing import Any, TypeVar, cast

import torch
from torch import Tensor
from torch.compiler import is_compiling, is_exporting
from torch.overrides import handle_torch_function, has_torch_function

from ..library import NAMESPACE
from ..registry import use_backend

Function = TypeVar("Function", bound=Callable[..., Any])
_functions: dict[str, Callable[..., Any]] = {}
_noted: list[str] = []  # the backends of the modules that Dynamo is inside of
_functorch, _BATCHED = torch._C._functorch, torch._C.DispatchKey.FuncTorchBatched
_is_tracing: Callable[[], bool] = torch._C._is_tracing  # torch.jit.is_tracing at a third of its time


def traceable(torchs: Callable[..., Any] | Mapping[int, Callable[..., Any]]) -> Callable[[Function], Function]:
    """Let a function of tensors and words be one operator for whoever traces it.

    ``torchs`` does the same by operators of torch: with the same arguments, or one for each of the ranks, which then
    is the first argument.
    """
    exported = torchs if callable(torchs) else partial(_at_rank, torchs)

    def decorate(function: Function) -> Function:
        name = f"{function.__module__.rpartition('.')[2]}.{function.__name__}"
        _functions[name] = function
        _leave_alone(function)

        @wraps(function)
        def call(*arguments: Any, **named: Any) -> Any:
            if is_compiling():
                return (exported if is_exporting() else compiled)(*arguments, **named)
            if _is_tracing():
                return exported(*arguments, **named)
            if has_torch_function(arguments):
                return handle_torch_function(call, arguments, *arguments, **named)
            try:
                return function(*arguments, **named)
            except (RuntimeError, TypeError, ValueError):
                if all(map(_has_memory, arguments)):
                    raise
                return exported(*arguments, **named)

        def compiled(*arguments: Any, **named: Any) -> Any:
            operands: list[Tensor] = []
            numbers: list[int | torch.SymInt] = []
            reals: list[float] = []
            words = _written((arguments, tuple(named.items())), operands, numbers, reals)
            by = f"{name}@{_noted[-1]}" if _noted else name
            y = torch.ops.scratchlayers.functional(by, words, operands, numbers, reals)
            return y[0] if len(y) == 1 else tuple(y)

        return cast(Function, call)

    return decorate


def _has_memory(a: Any) -> bool:
    """Whether kernels can read an operand; quantized, sparse, nested and oneDNN tensors only torch's operators can."""
    return not isinstance(a, Tensor) or (a.layout is torch.strided and not a.is_quantized and not a.is_nested)


def _at_rank(torchs: Mapping[int, Callable[..., Any]], rank: int, *words: Any) -> Any:
    return torchs[rank](*words)


def _leave_alone(function: Callable[..., Any]) -> None:
    """Keep Dynamo from compiling what the function calls where its caller could not be compiled."""
    dynamo = torch._C._dynamo.eval_frame
    skip = dynamo._FrameAction.SKIP
    dynamo.set_code_exec_strategy(function.__code__, dynamo._FrameExecStrategy(skip, skip))


def _written(value: Any, operands: list[Tensor], numbers: list[int | torch.SymInt], reals: list[float]) -> str:
    """Return a Python expression for a value, with x for the next tensor, n for an integer and r for a real number."""
    if isinstance(value, Tensor):
        operands.append(value)
        return "x"
    if isinstance(value, (tuple, list)):
        return "(" + "".join([_written(item, operands, numbers, reals) + "," for item in value]) + ")"
    if isinstance(value, (int, torch.SymInt)) and not isinstance(value, bool):
        numbers.append(value)
        return "n"
    if isinstance(value, float):
        reals.append(value)
        return "r"
    return repr(value)


@cache
def _tree(words: str) -> ast.expr:
    return ast.parse(words, mode="eval").body


def _read(tree: ast.expr, lists: dict[str, Iterator[Any]]) -> Any:
    if isinstance(tree, ast.Tuple):
        return tuple([_read(item, lists) for item in tree.elts])
    return next(lists[tree.id]) if isinstance(tree, ast.Name) else ast.literal_eval(tree)


class Noted:
    """``use_backend`` while Dynamo compiles, which cannot read context variables: what is traced carries the name."""

    def __init__(self, backend: str):
        self.backend = backend

    def __enter__(self) -> None:
        _noted.append(self.backend)

    def __exit__(self, *_: object) -> None:
        _noted.pop()


def _functional(name: str, words: str, operands: list[Tensor], numbers: list[int], reals: list[float]) -> list[Tensor]:
    lists = {"x": iter(operands), "n": iter(numbers), "r": map(float, reals)}  # integers may stay symbols
    arguments, named = _read(_tree(words), lists)
    name, _, backend = name.partition("@")
    with use_backend(backend) if backend else nullcontext():
        y = _functions[name](*arguments, **dict(named))
    return [y] if isinstance(y, Tensor) else list(y)


def _of_slices(info: Any, dims: Any, name: str, words: str, operands: list[Tensor], *lists: Any) -> Any:
    """Run the function on tensors that hide the axis again: the operators that it calls know how to map over it."""
    level = cast(int, _functorch.maybe_current_level())  # of this rule: it is not None
    at = zip(operands, dims[2], strict=True)
    hiding = [z if axis is None else _functorch._add_batch_dim(z, axis, level) for z, axis in at]
    torch._C._dispatch_tls_set_dispatch_key_excluded(_BATCHED, False)  # a rule of vmap runs without vmap
    try:
        y = _functional(name, words, hiding, *lists)
    finally:
        torch._C._dispatch_tls_set_dispatch_key_excluded(_BATCHED, True)
    return [_functorch._remove_batch_dim(part, level, info.batch_size, 0) for part in y], [0] * len(y)


def _define() -> torch.library.Library:
    library = torch.library.Library(NAMESPACE, "FRAGMENT")  # type: ignore[no-untyped-call]  # torch has no types here
    schema = "functional(str name, str words, Tensor[] operands, SymInt[] numbers, Scalar[] reals) -> Tensor[]"
    library.define(schema, tags=(torch.Tag.pt2_compliant_tag,))  # type: ignore[no-untyped-call]  # torch has no types here
    library.impl("functional", _functional, "CompositeImplicitAutograd")  # type: ignore[no-untyped-call]  # torch has no types here
    torch.library.register_vmap(f"{NAMESPACE}::functional", _of_slices, lib=library)
    return library


_LIBRARY = _define()
