"""What does PyTorch say of its own functions and layers? Its OpInfo and ModuleInfo entries, of those that we have.

An entry is found by the name of what it describes, so a function or layer that is new here brings its entries along.
"""

from __future__ import annotations

import random
import sys
import types
import unittest
from functools import cache
from itertools import pairwise
from unittest import mock

import torch

from scratchlayers import functional, nn

FUNCTIONS = [name for name in functional.__all__ if hasattr(torch.nn.functional, name)]
MODULES = [name for name in nn.__all__ if isinstance(getattr(nn, name), type)]
INDICES = "_with_indices"
# torch draws no random numbers inside a batch of tangents, in its own functions neither
RANDOM = {f"fractional_max_pool{rank}d{suffix}" for rank in (2, 3) for suffix in ("", INDICES)}
WITHOUT_ENTRY = {
    *("lp_pool1d", "lp_pool2d", "lp_pool3d", "fold", "conv_tbc"),
    *("Fold", "Unfold", "MaxUnpool1d", "MaxUnpool2d", "MaxUnpool3d"),
    *(name for name in MODULES if name.startswith("LazyAdaptive")),
}


@cache
def _databases():
    """Import PyTorch's entries, which takes seconds; they ask for a package of which they use one class name."""
    sys.modules.setdefault("expecttest", types.ModuleType("expecttest")).__dict__.setdefault(
        "TestCase", unittest.TestCase
    )
    with mock.patch.object(torch.backends, "disable_global_flags"):  # Lightning sets them
        from torch.testing._internal.common_methods_invocations import op_db
        from torch.testing._internal.common_modules import module_db
    return op_db, module_db


def seed():
    """Draw the same again; torch.manual_seed spends half a millisecond on devices that are not there."""
    torch.default_generator.manual_seed(0)


def functions(name):
    """Return the OpInfo entries of ``torch.nn.functional.<name>``; two names of a function share them."""
    wanted = f"nn.functional.{name.removesuffix(INDICES)}"
    return [entry for entry in _databases()[0] if entry.name == wanted]


def differentiable(name):
    """Return the entries whose samples have derivatives: of variants made for that, those alone."""
    found = functions(name)
    return [entry for entry in found if entry.variant_test_name == "grad"] or found


def modules(name):
    """Return the ModuleInfo entries of ``torch.nn.<name>``."""
    return [entry for entry in _databases()[1] if entry.module_cls is getattr(torch.nn, name)]


def dtypes(entry):
    """Return the dtypes that an entry lists for the CPU, in an order that does not change."""
    listed = entry.supported_dtypes("cpu") if hasattr(entry, "supported_dtypes") else entry.dtypes
    return sorted(listed, key=str)


def arguments(name, sample):
    """Return what a function of this name is called with, positional and by name."""
    return (sample.input, *sample.args), {
        word: value for word, value in sample.kwargs.items() if not (word == "return_indices" and INDICES in name)
    }


def samples(entry, dtype, most=None, requires_grad=False):
    """Return the sample inputs of an OpInfo entry, cheap to expensive: all, or ``most`` from all along that line."""
    seed()
    drawn = entry.sample_inputs_func(entry, "cpu", dtype, requires_grad)  # entry.sample_inputs seeds for each of them
    found = sorted(drawn, key=lambda sample: sample.input.numel())
    if most is None or len(found) <= most:
        return found
    draw = random.Random(0)
    edges = [len(found) * i // most for i in range(most + 1)]
    return [found[draw.randrange(low, high)] for low, high in pairwise(edges)]


def module_inputs(entry, dtype, training):
    """Return the inputs of a ModuleInfo entry: what to construct the layer with, and what to call it with."""
    seed()
    return entry.module_inputs_func(entry, device="cpu", dtype=dtype, requires_grad=False, training=training)


def module_errors(entry):
    """Return the inputs that a layer refuses, when it is constructed or called."""
    if entry.module_error_inputs_func is None:
        return []
    return entry.module_error_inputs_func(entry, device="cpu", dtype=torch.float64, requires_grad=False, training=True)
