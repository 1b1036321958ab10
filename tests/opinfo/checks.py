"""Does a function of ours do what PyTorch's entry says? Each check names the cases that differ and counts all."""

from __future__ import annotations

import re
from typing import NamedTuple

import torch
from torch.autograd import gradcheck, gradgradcheck

from scratchlayers import functional
from tests.compare import outcome, same_error
from tests.opinfo import entries
from tests.opinfo.compare import difference, said


class Tally(NamedTuple):
    """How many cases there were, and a line on each that differs."""

    cases: int
    differing: list[str]


def tally(names):
    """Count what a generator of (case, difference or None) yields."""
    said = list(names)
    return Tally(len(said), [f"{case}: {why}" for case, why in said if why])


def values(name, most=None):
    """Every sample in every dtype: values, gradients, dtype, strides or errors; as it is, and with odd strides."""
    return tally(_values(name, most))


def _values(name, most):
    for entry in entries.functions(name):
        for dtype in entries.dtypes(entry):
            for sample in entries.samples(entry, dtype, most):
                for view, seen in _views(sample, dtype):
                    call = entries.arguments(name, seen)
                    yield f"{view} {_shown(seen)}", difference(ours(name), torchs(name), *call)


def _views(sample, dtype):
    """A sample, its tensors with gaps between their elements, and, where there is such a view, lazily negated."""
    yield "plain", sample
    yield "noncontiguous", sample.noncontiguous()
    if dtype is torch.float64:
        yield "negated", sample.transform(lambda x: torch._neg_view(-x) if isinstance(x, torch.Tensor) else x)
    if dtype is torch.complex128:
        yield "conjugated", sample.transform(lambda x: x.conj() if isinstance(x, torch.Tensor) else x)


def errors(name):
    """Every input that torch refuses: the type of the error and the pattern of its message."""
    return tally(
        (_shown(error.sample_input), _refused(error, name))
        for entry in entries.functions(name)
        if entry.error_inputs_func
        for error in entry.error_inputs("cpu")
    )


def _refused(error, name):
    arguments, options = entries.arguments(name, error.sample_input)
    got = outcome(ours(name), *arguments, **options)
    if entries.INDICES in name:  # for which torch has other words than for the function whose entry it shares
        return said(same_error, got, outcome(torchs(name), *arguments, **options))
    return unlike(error, got)


def unlike(error, got):
    """Say how an outcome is not the error that an entry names, or None."""
    if isinstance(got, error.error_type) and re.search(error.error_regex, str(got)):
        return None
    return f"{got!r:.200} is not {error.error_type} {error.error_regex!r}"


def derivatives(name, most=None, batched=False):
    """First and second derivatives of every sample, backward and forward, or of many outputs at once.

    Along random directions, against finite differences and against one output at a time.
    """
    return tally(_derivatives(name, most, batched))


def _derivatives(name, most, batched):
    for entry in entries.differentiable(name):
        for dtype in (torch.float64, torch.complex128):
            if dtype not in entries.dtypes(entry):
                continue
            for sample in entries.samples(entry, dtype, most, requires_grad=True):
                yield _shown(sample), _underivable(name, sample, batched)


def _underivable(name, sample, batched):
    arguments, words = entries.arguments(name, sample)
    asked = [i for i, x in enumerate(arguments) if isinstance(x, torch.Tensor) and x.requires_grad]
    tensors = [arguments[i] for i in asked]

    def function(*leaves):
        given = dict(zip(asked, leaves, strict=True))
        entries.seed()
        y = ours(name)(*(given.get(i, x) for i, x in enumerate(arguments)), **words)
        return y[0] if isinstance(y, tuple) else y

    try:
        gradcheck(
            function,
            tensors,
            fast_mode=True,
            check_forward_ad=True,
            check_batched_grad=batched,
            check_batched_forward_grad=batched and name not in entries.RANDOM,
        )
        gradgradcheck(function, tensors, fast_mode=True, check_fwd_over_rev=True, check_batched_grad=batched)
    except RuntimeError as why:
        return f"{why!r:.300}"
    return None


def ours(name):
    """Return our function of this name."""
    return getattr(functional, name)


def torchs(name):
    """Return torch's function of this name."""
    return getattr(torch.nn.functional, name)


def _shown(sample):
    words = [f"{x.dtype} {tuple(x.shape)}" if isinstance(x, torch.Tensor) else repr(x) for x in sample.args]
    return f"{sample.input.dtype} {tuple(sample.input.shape)}, {', '.join(words)} {sample.kwargs}"
