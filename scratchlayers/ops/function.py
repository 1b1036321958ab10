"""How is an op called? Through autograd where it must be, as the bare kernel where nothing is recorded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch._functorch.utils import enable_single_level_autograd_function
from torch.autograd import Function, forward_ad
from torch.torch_version import TorchVersion

from . import legacy_vmap

# ``Function.apply`` re-reads the signature of ``forward`` on every call when ``setup_context`` is defined, 16 µs of
# Python in torch 2.13. What it adds to the C++ apply matters only to functorch, so without functorch we skip it.
_TESTED = TorchVersion("2.13") <= TorchVersion(torch.__version__) < TorchVersion("2.14")
_SHORTCUT = _TESTED and hasattr(torch._C, "_are_functorch_transforms_active") and hasattr(torch._C, "_FunctionBase")


functorch_is_active: Callable[[], bool] = torch._C._are_functorch_transforms_active if _SHORTCUT else lambda: True


def _inside_a_level() -> bool:
    """Whether an operator is running that torch.func has already taken apart: its own autograd records this level."""
    return torch._C._dispatch_tls_is_dispatch_key_excluded(torch._C.DispatchKey.FuncTorchDynamicLayerFrontMode)


# what torch.func.vjp kept outlives the transform, wrapped in a level that is no more
_is_dead: Callable[[Tensor], bool] = getattr(torch._C._functorch, "is_dead_tensor_wrapper", lambda x: False)
_alive: Callable[[Tensor], Tensor] = getattr(torch._C._functorch, "unwrap_if_dead", lambda x: x)
_modes: Callable[[], int] = torch._C._len_torch_dispatch_stack
_will_run: Callable[[Any], bool] = getattr(torch._C, "_will_engine_execute_node", lambda node: True)
_Leaf: type = getattr(torch._C._functions, "AccumulateGrad", type(None))
WORTH_ASKING = 2**13  # elements: where torch answers with an exception, that takes 8 µs
autocast_may_be_on: Callable[[], bool] = getattr(torch._C, "_is_any_autocast_enabled", lambda: True)


def autocast_is_on(x: Tensor) -> bool:
    """Whether autocast is enabled for the device of a tensor, which not every device knows."""
    device = x.device.type
    return torch.amp.is_autocast_available(device) and torch.is_autocast_enabled(device)


class _Direct(type(Function)):
    """Let the engine call a class's own ``backward``: torch's wrapper asks at every call whether it has a ``vjp``."""

    def __init__(cls, name: str, bases: tuple[type, ...], attributes: dict[str, Any]) -> None:
        super().__init__(name, bases, attributes)
        if _SHORTCUT:
            cls._backward_cls.apply = cls.backward


class Op(Function, metaclass=_Direct):
    """A Function whose ``forward(*args)`` takes no ctx, called by :meth:`call`.

    Its first arguments are ``operands`` tensors or Nones, the first of all a tensor; the last one is the kernels.
    """

    operands = 1

    @classmethod
    def call(cls, *args: Any) -> Any:
        """Run forward, recorded for autograd only if something could ask for a derivative.

        Autocast was settled at the border; here it is off, so that a kernel's matrix products keep their dtype.
        Where a dispatch mode looks on, which may have come since the kernels were chosen, it is shown operators.
        """
        if autocast_may_be_on() and autocast_is_on(args[0]):
            with torch.autocast(args[0].device.type, enabled=False):
                return cls.call(*args)
        if legacy_vmap.is_active() and any(map(legacy_vmap.hides_an_axis, args)):
            return legacy_vmap.mapped(cls, args)
        if modes := _modes():
            *args, kernels = args
            args = (*args, getattr(kernels, "operators", kernels))
        if functorch_is_active():
            if not _inside_a_level():
                return cls.apply(*args)
            with enable_single_level_autograd_function():
                return super(Function, cls).apply(*args)
        recorded = False
        for a in args[: cls.operands]:
            if a is not None:
                if _is_dead(a):
                    return cls.call(*[_alive(a) if isinstance(a, Tensor) else a for a in args])
                if a.requires_grad:
                    recorded = True
        if modes or (recorded and torch.is_grad_enabled()) or forward_ad._current_level >= 0:
            return super(Function, cls).apply(*args)
        return cls.forward(*args)


def is_bare(*operands: Tensor | None) -> bool:
    """Whether several calls with these operands could all run forward at once: asked together, it costs less."""
    if torch.is_grad_enabled() or autocast_may_be_on() or legacy_vmap.is_active() or _modes() or functorch_is_active():
        return False
    for a in operands:
        if a is not None and _is_dead(a):
            return False
    return forward_ad._current_level < 0


def asked(ctx: Any, operand: Tensor) -> tuple[bool, ...]:
    """Tell for each input whether this backward is asked for its gradient, where several require one.

    ``autograd.grad`` by the input alone has no use for that of the weights, and the other way round. Where one of the
    leaves is asked for, those before it are taken to be; and so is everything where an ``operand`` is small.
    """
    needs: tuple[bool, ...] = ctx.needs_input_grad
    if needs.count(True) < 2 or operand.numel() < WORTH_ASKING:
        return needs
    edges = ctx.next_functions  # of all tensors among the inputs, which come first
    found, leaves = list(needs), False
    for i in reversed(range(len(edges))):
        node = edges[i][0]
        if needs[i] and not (leaves and isinstance(node, _Leaf)):
            try:
                found[i] = _will_run(node)
            except RuntimeError:  # torch cannot tell of a leaf only where ``autograd.grad`` returns its gradient
                leaves = True
    return tuple(found) if any(found) else needs  # called by hand, in no run of the engine or another one's


def forward_mode() -> bool:
    """Whether tangents may be asked for: only then does forward keep what they are made of.

    A tracer, which is a dispatch mode, enters the level without saying so.
    """
    return forward_ad._current_level >= 0 or _modes() > 0


def total(terms: Sequence[Tensor]) -> Tensor:
    """Return the sum of at least one tensor."""
    first, *others = terms
    for term in others:
        first = first + term
    return first
