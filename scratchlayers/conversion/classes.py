"""Which class does a module get that is not exactly one of torch's?

A user's subclass of ``torch.nn.Conv2d`` gets a class made for it, of the same name, with our ``Conv2d`` as a second
base: Python's method resolution order then finds the user's methods first, ours next and torch's last. If the user's
class computes by itself, with ``F.conv2d`` or ``F.pad``, its ``forward`` runs in a :class:`Redirect` block besides.
Such a class is remembered as long as it is used. A pickle holds the user's class, and the wish to have it converted.
"""

from __future__ import annotations

from abc import ABCMeta
from collections.abc import Callable
from functools import wraps
from types import FunctionType
from typing import Any, cast
from weakref import WeakValueDictionary

from torch.nn.utils import parametrize

from ..nn.choice import Chooses, readable
from .redirect import Redirect
from .table import CLASSES, THEIRS

_ORIGIN = "_converted_from"
_made: WeakValueDictionary[type, type] = WeakValueDictionary()


class Refused(TypeError):  # noqa: N818 it is an answer, not an accident
    """Why a class is left as it is."""


def ours(kind: type) -> type:
    """Return the class of ours for a class of the family; Refused if there is none."""
    if kind in CLASSES:
        return CLASSES[kind]
    if issubclass(kind, Chooses):
        return kind
    if (made := _made.get(kind)) is None:
        made = _made[kind] = _parametrized(kind, ours(kind.__bases__[0])) if _is_parametrized(kind) else _joined(kind)
    return made


def theirs(kind: type) -> type:
    """Return the class that :func:`ours` made a class from; Refused if it did not."""
    if kind in THEIRS:
        return THEIRS[kind]
    origin: type | None = vars(kind).get(_ORIGIN)
    if _is_parametrized(kind):
        same = origin is not None and _properties(origin) == _properties(kind)
        return origin if origin is not None and same else _parametrized(kind, theirs(kind.__bases__[0]))
    if origin is None:
        raise Refused(f"{kind.__qualname__} is a subclass of ours")
    return origin


def describe(kind: type) -> str:
    """Say in words what a class of ours is."""
    origin: type | None = vars(kind).get(_ORIGIN)
    if origin is None or _is_parametrized(kind):
        return kind.__name__ if kind in THEIRS or _is_parametrized(kind) else _full(kind)
    own = ", its own forward included" if _computes_itself(origin) else ""
    return f"{_full(origin)}, a {_base(origin).__name__}{own}"


def _computes_itself(kind: type) -> bool:
    """Whether a subclass has a method that hides ours."""
    before = kind.__mro__[: kind.__mro__.index(_base(kind))]
    return any(name in vars(each) for each in before for name in ("forward", "_conv_forward"))


def _base(kind: type) -> type:
    return next(torchs for torchs in kind.__mro__ if torchs in CLASSES)


def _joined(kind: type) -> type:
    """Return a subclass of the user's class and of ours."""
    if why := _objection(kind):
        raise Refused(why)
    body: dict[str, Any] = {name: getattr(kind, name) for name in ("__module__", "__qualname__", "__doc__")}
    body |= {_ORIGIN: kind, "__reduce_ex__": _reduce_ex}
    if _computes_itself(kind):
        body["forward"] = _redirected(kind)
    lazily: type | None = getattr(kind, "cls_to_become", None)
    if lazily is not None and issubclass(lazily, tuple(CLASSES)):
        body["cls_to_become"] = ours(lazily)
    try:
        return type(kind)(kind.__name__, (kind, CLASSES[_base(kind)]), body)
    except TypeError as error:
        raise Refused(f"no class can be both {_full(kind)} and ours: {error}") from error


def _objection(kind: type) -> str | None:
    if kind.__module__.split(".")[0] == "torch":
        return f"{_full(kind)} is torch's own and not a layer of torch.nn"
    if type(kind) not in (type, ABCMeta):
        return f"{_full(kind)} has a metaclass, which would be told of one more class; scratchlayers.patch() covers it"
    if hasattr(kind.__init_subclass__, "__func__"):
        return f"{_full(kind)} notes its subclasses and would be told of one more; scratchlayers.patch() covers it"
    return None


def _full(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


def _redirected(kind: Any) -> Callable[..., Any]:
    theirs, redirect = kind.forward, Redirect

    def forward(self: Any, *args: Any, **kwargs: Any) -> Any:
        with self._chosen(), redirect():
            return theirs(self, *args, **kwargs)

    return readable(cast(FunctionType, forward), theirs) if isinstance(theirs, FunctionType) else wraps(theirs)(forward)


def _is_parametrized(kind: type) -> bool:
    """Whether torch made the class for a module with parametrizations; it holds them as properties."""
    return kind.__module__ == parametrize.__name__


def _properties(kind: type) -> set[str]:
    return {name for name, value in vars(kind).items() if isinstance(value, property)}


def _parametrized(kind: type, base: type) -> type:
    """Return a class as torch would have made it for a module of another base."""
    body = {name: value for name, value in vars(kind).items() if name != _ORIGIN}
    return type(kind)(kind.__name__, (base,), body | ({_ORIGIN: kind} if issubclass(base, Chooses) else {}))


def _reduce_ex(self: Any, protocol: Any) -> Any:
    made, origin = type(self), getattr(type(self), _ORIGIN)
    reduced = origin.__reduce_ex__(self, max(2, protocol))
    if not isinstance(reduced, tuple) or _ORIGIN not in vars(made):
        return reduced
    make, args, *rest = reduced
    make, *args = (origin if word is made else word for word in (make, *args))
    return (_again, (make, *args), *rest)


def _again(make: Callable[..., Any], *args: Any) -> Any:
    """Make the user's object, as its pickle says, and convert it."""
    module = make(*args)
    module.__class__ = ours(type(module))
    return module
