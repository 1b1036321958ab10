"""Which checks does a backend get?"""

import pytest
import torch

from scratchlayers.contract import NAMES, Backend
from scratchlayers.testing import CASES, Border, checks
from scratchlayers.testing.inputs import Values, inputs
from scratchlayers.testing.laws import LAWS
from scratchlayers.testing.reference import reference

from .mutants import RIGHT, TORCH


def part(*names, **limits):
    return Backend("part", {name: RIGHT[name] for name in names}, devices=frozenset({"cpu"}), **limits)


def test_every_law_is_checked():
    assert {check.law.name for check in checks(TORCH)} == {law.name for law in LAWS}


@pytest.mark.parametrize("name", NAMES)
def test_every_kernel_is_checked_and_partners_are_supplied(name):
    found = list(checks(part(name), quick=True))
    assert found
    assert all(name in check.group for check in found)
    assert not [check.report(failures) for check in found if (failures := check.run().failures)]


def test_what_a_backend_refuses_is_not_asked():
    limited = part("conv", dtypes=frozenset({torch.float32}), ranks=frozenset({2}))
    found = list(checks(limited))
    assert {check.dtype for check in found} == {torch.float32}
    assert {case.rank for check in found for case in check.cases} == {2}
    assert not list(checks(limited, device="cuda"))
    assert not list(checks(limited, dtypes=[torch.float64]))


def test_exact_kernels_are_checked_as_well():
    def wrong(*operands):
        return RIGHT["conv"](*operands) * 2

    checked = list(checks(part("conv", "pad", exact={"conv": wrong}), quick=True))
    broken = {str(check) for check in checked if check.run().failures}
    assert {check.group for check in checked if check.backend.name == "part exact"} == {
        check.group for check in checks(part("conv"), quick=True)
    }
    assert "part exact-values_are_torchs-conv-float64" in broken
    assert all(name.startswith("part exact") for name in broken)


def test_a_quick_run_leaves_out_the_large_cases_only():
    whole, quick = ({case for check in checks(TORCH, quick=q) for case in check.cases} for q in (False, True))
    assert whole == set(CASES)
    assert whole - quick == {case for case in CASES if case.large} != set()


def test_cases_have_names_of_their_own_and_come_smallest_first():
    for kind in (Border, type(CASES[0])):
        names = [case.name for case in CASES if isinstance(case, kind)]
        assert len(names) == len(set(names))
    sizes = [case.size for case in CASES if case.size]
    assert sizes == sorted(sizes)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_reference_answers_every_case(case):
    """Even without a backend at hand, the expected shapes are the contract's."""
    for kernel in filter(case.fits, NAMES):
        asked = inputs(kernel, case, Values(case.name, torch.float64, "cpu"))
        results = reference(kernel, case, asked)
        if kernel in ("pad", "max_pool", "gather", "tap_index", "take", "avg_pool"):
            assert {tuple(y.shape) for y in results} == {case.output}
        if kernel in ("pad_adjoint", "scatter", "put", "avg_pool_adjoint", "conv_input_grad"):
            assert results[0].shape == case.input


def test_the_decorator_gives_one_test_per_check():
    from scratchlayers.testing import parametrize_with_checks

    mark = parametrize_with_checks(part("pad"), quick=True).mark
    assert mark.args[0] == "check"
    assert list(map(str, mark.args[1])) == list(map(str, checks(part("pad"), quick=True)))
