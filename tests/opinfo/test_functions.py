"""Each function of ours on the inputs by which PyTorch tests its own."""

import pytest

from tests.opinfo import checks, entries

functions = pytest.mark.parametrize("name", [name for name in entries.FUNCTIONS if name not in entries.WITHOUT_ENTRY])
SHARES = [
    pytest.param(6, id="some"),
    pytest.param(30, id="many", marks=pytest.mark.slow),
    pytest.param(None, id="all", marks=pytest.mark.thorough),
]
shares = pytest.mark.parametrize("most", SHARES)
quiet = pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths:UserWarning")
scripted = pytest.mark.filterwarnings("ignore:.*torch.jit.script.* is deprecated:DeprecationWarning")  # forward mode
EXTENSIONS = {"conv3d": "padding='same' is not supported for strided convolutions"}


def none_differ(tally):
    assert tally.cases
    assert not tally.differing, "\n".join([f"{len(tally.differing)} of {tally.cases} differ", *tally.differing[:20]])


@pytest.mark.compatible("PyTorch's own test inputs", "OpInfo: values, gradients, strides")
@functions
@shares
@quiet
def test_values_gradients_and_strides(name, most):
    none_differ(checks.values(name, most))


@pytest.mark.compatible("PyTorch's own test inputs", "OpInfo: gradcheck, gradgradcheck, forward mode")
@functions
@shares
@quiet
@scripted
def test_derivatives(name, most):
    none_differ(checks.derivatives(name, most))


@pytest.mark.compatible("PyTorch's own test inputs", "OpInfo: batched gradients")
@functions
@quiet
@scripted
def test_batched_derivatives(name):
    none_differ(checks.derivatives(name, 3, batched=True))


@pytest.mark.compatible("PyTorch's own test inputs", "OpInfo: error inputs")
@functions
def test_errors(name):
    cases, differing = checks.errors(name)
    assert [line for line in differing if EXTENSIONS.get(name, "none") not in line] == []
    assert len(differing) == (name in EXTENSIONS)
    assert cases or not any(entry.error_inputs_func for entry in entries.functions(name))


def test_every_function_has_its_entries():
    assert [name for name in entries.FUNCTIONS if not entries.functions(name)] == [
        name for name in entries.FUNCTIONS if name in entries.WITHOUT_ENTRY
    ]
