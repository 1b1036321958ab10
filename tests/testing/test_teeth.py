"""Does the kit bite? Every mutant is caught by the law that is there for it."""

import pytest

from scratchlayers.testing import checks
from scratchlayers.testing.laws import LAWS

from .mutants import MUTANTS

A_BROKEN_MUTANT = (TypeError, NameError, AttributeError, IndexError)


def failures(name):
    """(report, exception) of every check of the expected law that the mutant fails."""
    mutant = MUTANTS[name]
    for check in checks(mutant.backend, quick=True):
        if check.law.name == mutant.caught_by and mutant.kernel in check.group and (found := check.run().failures):
            yield check.report(found), found[0][1]


@pytest.mark.parametrize("name", MUTANTS)
def test_the_named_law_catches_the_mutant(name):
    found = list(failures(name))
    assert found, f"{MUTANTS[name].caught_by} lets {name} pass"
    assert not any(isinstance(why, A_BROKEN_MUTANT) for _, why in found), found


def test_no_law_is_toothless():
    assert {mutant.caught_by for mutant in MUTANTS.values()} == {law.name for law in LAWS}


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("conv_is_wrong_in_the_last_column", "only in the last"),
        ("conv_is_wrong_in_the_corners", "only in the corners"),
        ("conv_drops_the_bias", "it is right when b is None"),
        (
            "conv_flips_the_kernel",
            "through tap (0,) of channel 0 of filter 0 lands nowhere instead of at output (0,)",
        ),
        ("conv_ignores_dilation", "smallest case: all_taps_step_over_the_input"),
        ("conv_swaps_the_two_sides_of_padding", "smallest case: border_on_the_left_only"),
        ("weight_grad_counts_the_last_image_twice", "smallest case: two_images"),
        ("weight_grad_of_nothing_is_nan", "smallest case: empty_batch"),
        ("pad_repeats_the_edge_when_it_mirrors", "smallest case: mirrored"),
        ("conv_assumes_contiguous_input", "with x sliced with a step of 2"),
        ("weight_grad_assumes_contiguous_gy", "with gy sliced with a step of 2"),
        ("conv_writes_to_its_input", "the kernel wrote to its input x"),
        ("scatter_writes_to_its_input_through_numpy", "the kernel wrote to its input gy"),
        ("pad_returns_its_input", "y of this call shares memory with its input x"),
        ("max_pool_keeps_wide_taps", "tap is (1, 1, 1) torch.int64 on cpu instead of (1, 1, 1) torch.uint8 on cpu"),
        ("max_pool_overlooks_nan", "with nan at x[0, 0, 0]"),
    ],
)
def test_the_report_says_where(name, said):
    report, _ = next(failures(name))
    assert said in report
