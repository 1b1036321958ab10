"""Each layer of ours on the inputs by which PyTorch tests its own."""

import pytest
import torch

from scratchlayers import nn
from tests.compare import outcome
from tests.opinfo import checks, entries
from tests.opinfo.compare import difference
from tests.opinfo.test_functions import none_differ, quiet

COMPLEX = ("Complex modules are a new feature", "ComplexHalf support is experimental")
layers = pytest.mark.parametrize("name", [name for name in entries.MODULES if name not in entries.WITHOUT_ENTRY])


def constructed(space, name, words, dtype):
    """Return a layer, with the same weights for the same words."""
    entries.seed()
    return getattr(space, name)(*words.args, **words.kwargs).to(dtype)


def called(layer):
    """Return a function of a layer's parameters and inputs."""
    return lambda weights, *inputs, **options: torch.func.functional_call(layer, weights, inputs, options)


def cases(name, mode):
    for entry in entries.modules(name):
        for dtype in entries.dtypes(entry):
            for case in entries.module_inputs(entry, dtype, training=mode):
                yield f"{dtype} {case.desc}", _different(name, case, dtype)


def _different(name, case, dtype):
    ours, torchs = (constructed(space, name, case.constructor_input, dtype) for space in (nn, torch.nn))
    if "Lazy" in name:
        for layer in (ours, torchs):
            entries.seed()
            layer(*case.forward_input.args)
    weights = dict(torchs.state_dict())
    assert list(ours.state_dict()) == list(weights)
    arguments = (weights, *case.forward_input.args)
    return difference(called(ours), called(torchs), arguments, case.forward_input.kwargs)


@pytest.mark.compatible("PyTorch's own test inputs", "ModuleInfo: values, gradients, strides")
@layers
@quiet
@pytest.mark.filterwarnings(*(f"ignore:{start}:UserWarning" for start in COMPLEX))
@pytest.mark.parametrize("training", [True, False])
def test_values_gradients_and_strides(name, training):
    none_differ(checks.tally(cases(name, training)))


@pytest.mark.compatible("PyTorch's own test inputs", "ModuleInfo: error inputs")
@layers
def test_errors(name):
    for entry in entries.modules(name):
        for error in entries.module_errors(entry):
            assert checks.unlike(error, failure(name, error.module_error_input)) is None


def failure(name, case):
    """Return the exception of constructing a layer, or of calling it."""
    layer = outcome(getattr(nn, name), *case.constructor_input.args, **case.constructor_input.kwargs)
    if isinstance(layer, Exception) or case.forward_input is None:
        return layer
    return outcome(layer.double(), *case.forward_input.args, **case.forward_input.kwargs)


def test_every_layer_has_its_entries():
    assert {name for name in entries.MODULES if not entries.modules(name)} == {
        name for name in entries.MODULES if name in entries.WITHOUT_ENTRY
    }
