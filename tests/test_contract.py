"""A backend is a small frozen record that says what it refuses, and why."""

import dataclasses
import inspect

import pytest
import torch

from scratchlayers.contract import NAMES, Backend, Kernels, tap_dtype
from scratchlayers.geometry import Window


def backend(**changes):
    given = {"name": "mine", "kernels": {"pad": lambda x, frame: x}, "devices": frozenset({"cpu"}), **changes}
    return Backend(**given)


def test_the_names_are_those_of_the_protocol_and_each_is_documented():
    assert (
        *("conv", "conv_input_grad", "conv_weight_grad", "pad", "pad_adjoint"),
        *("max_pool", "gather", "scatter", "tap_index", "take", "put", "avg_pool", "avg_pool_adjoint"),
        *("unfold", "fold"),
    ) == NAMES
    assert all(getattr(Kernels, name).__doc__ for name in NAMES)
    assert all("self" in inspect.signature(getattr(Kernels, name)).parameters for name in NAMES)


def test_an_unknown_kernel_is_refused_when_the_record_is_made():
    with pytest.raises(ValueError, match=r"'mine' has unknown kernels \['convolute'\]; the contract names"):
        backend(kernels={"convolute": print})


def test_exact_kernels_take_the_place_of_others():
    mine = backend(kernels={"pad": print, "conv": print}, exact={"conv": repr})
    assert [mine.kernel("conv", word) for word in ("fast", "exact")] == [print, repr]
    assert [mine.kernel("pad", word) for word in ("fast", "exact")] == [print, print]
    with pytest.raises(ValueError, match=r"'mine' has exact kernels \['conv'\] in place of none"):
        backend(exact={"conv": print})


def test_there_is_nothing_to_watch_unless_a_backend_says_so():
    with backend().watch() as noted:
        pass
    assert noted == {}


def test_a_record_does_not_change():
    with pytest.raises(dataclasses.FrozenInstanceError):
        backend().name = "other"


@pytest.mark.parametrize(
    ("changes", "question", "reason"),
    [
        ({}, ("pad", "cpu", torch.float32, 2), None),
        ({}, ("conv", "cpu", torch.float32, 2), "has no conv"),
        ({}, ("pad", "cuda", torch.float32, 2), "runs on cpu, not on cuda"),
        ({"dtypes": frozenset({torch.float32})}, ("pad", "cpu", torch.float64, 2), "has no kernels for torch.float64"),
        ({"dtypes": frozenset({torch.float32})}, ("pad", "cpu", torch.float32, 2), None),
        ({"ranks": frozenset({1, 2})}, ("pad", "cpu", torch.float32, 3), "has no kernels for 3 spatial axes"),
        ({"ranks": frozenset({1, 2})}, ("pad", "cpu", torch.float32, 1), None),
    ],
)
def test_a_refusal_has_its_reason(changes, question, reason):
    assert backend(**changes).refuses(*question) == reason


@pytest.mark.parametrize(("kernel", "dtype"), [((16, 16), torch.uint8), ((16, 17), torch.int32), ((1,), torch.uint8)])
def test_a_tap_is_a_byte_while_a_byte_can_count_it(kernel, dtype):
    assert tap_dtype(Window.parse(len(kernel), kernel).over((20,) * len(kernel))) is dtype
