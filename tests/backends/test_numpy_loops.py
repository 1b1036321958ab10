"""The classical steps on examples that a reader can check by hand."""

import doctest
from importlib import import_module
from pkgutil import iter_modules

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from scratchlayers.backends import numpy_loops
from scratchlayers.backends.numpy_loops import (
    conv_backward,
    conv_forward,
    conv_single_step,
    create_mask_from_window,
    distribute_value,
    pool_backward,
    pool_forward,
    zero_pad,
)

NAN, INF = float("nan"), float("inf")
MODULES = [import_module(f"{numpy_loops.__name__}.{module.name}") for module in iter_modules(numpy_loops.__path__)]


def image(*rows):
    """One image of one channel."""
    return np.array(rows, dtype=float)[None, None]


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__.rsplit(".")[-1])
def test_the_examples_in_the_docstrings_hold(module):
    assert doctest.testmod(module).failed == 0


def test_every_classical_step_has_an_example():
    steps = [getattr(numpy_loops, name) for name in numpy_loops.__all__ if name != "BACKEND"]
    assert len(steps) == 8
    assert all(">>>" in step.__doc__ for step in steps)


class TestZeroPad:
    def test_sides_may_differ_by_axis_and_end(self):
        padded = zero_pad(image([1, 2], [3, 4]), before=(1, 0), after=(0, 2))
        assert_array_equal(padded, image([0, 0, 0, 0], [1, 2, 0, 0], [3, 4, 0, 0]))

    def test_both_ends_are_alike_unless_told_otherwise(self):
        assert_array_equal(zero_pad(np.array([[[5]]]), 2), [[[0, 0, 5, 0, 0]]])

    def test_what_it_returns_is_fresh(self):
        x = image([1])
        zero_pad(x, 0)[...] = 7
        assert x.item() == 1

    @pytest.mark.parametrize("dtype", [bool, np.int8, np.uint64, np.float16, np.complex64])
    def test_the_dtype_stays(self, dtype):
        assert zero_pad(np.ones((1, 1, 2), dtype), 1).dtype == dtype

    def test_negative_padding_is_refused(self):
        with pytest.raises(ValueError, match="before must be an int of at least 0 or 2 of them, got -1"):
            zero_pad(image([1]), -1)

    def test_padding_for_other_axes_is_refused(self):
        with pytest.raises(ValueError, match="after must be"):
            zero_pad(image([1]), 1, (1, 2, 3))


class TestConvSingleStep:
    def test_is_a_sum_of_products_and_a_bias(self):
        window, w = np.array([[[1, 2], [3, 4]], [[5, 6], [7, 8]]]), np.array([[[1, 0], [0, 1]], [[0, 1], [-1, 0]]])
        assert conv_single_step(window, w, 100) == 1 + 4 + 6 - 7 + 100

    def test_has_no_bias_by_default(self):
        assert conv_single_step(np.array([2.0]), np.array([3.0])) == 6


class TestConvForward:
    def test_two_channels_two_filters(self):
        x = np.array([[[[1, 2, 3], [4, 5, 6]], [[0, 1, 0], [1, 0, 1]]]])
        ones, first_minus_second = np.ones((2, 2, 2), int), np.array([[[1, 0], [0, 0]], [[-1, 0], [0, 0]]])
        y = conv_forward(x, np.stack([ones, first_minus_second]), np.array([0, 10]))
        assert_array_equal(y, [[[[12 + 2, 16 + 2]], [[1 - 0 + 10, 2 - 1 + 10]]]])

    def test_an_edge_filter_answers_at_the_edges_only(self):
        x = np.zeros((1, 1, 4, 8))
        x[..., 2:6] = 1
        y = conv_forward(x, image([-1, 1]))
        assert_array_equal(y[0, 0], [[0, 1, 0, 0, 0, -1, 0]] * 4)
        assert_array_equal(conv_forward(x, image([-1], [1])), np.zeros((1, 1, 3, 8)))

    def test_it_correlates_and_does_not_flip_the_filter(self):
        assert_array_equal(conv_forward(np.array([[[0, 0, 1, 0, 0]]]), np.array([[[1, 2, 3]]])), [[[3, 2, 1]]])

    @pytest.mark.parametrize(
        ("padding", "expected"), [(0, [6, 9, 12]), ("same", [3, 6, 9, 12, 9]), ("full", [1, 3, 6, 9, 12, 9, 5])]
    )
    def test_padding_by_number_and_by_word(self, padding, expected):
        x = np.arange(1, 6)[None, None]
        assert_array_equal(conv_forward(x, np.ones((1, 1, 3), int), padding=padding), [[expected]])

    def test_unequal_padding(self):
        y = conv_forward(np.array([[[1, 2]]]), np.array([[[10, 1]]]), padding=((2, 0),))
        assert_array_equal(y, [[[0, 1, 12]]])

    def test_stride_and_dilation(self):
        x, w = np.arange(8)[None, None], np.array([[[100, 10, 1]]])
        assert_array_equal(conv_forward(x, w, stride=3, dilation=2), [[[0 + 20 + 4, 300 + 50 + 7]]])

    def test_each_group_sees_its_own_channels(self):
        x = np.array([[[1], [2], [3], [4]]])
        w = np.array([[[1], [10]], [[100], [1000]]])
        assert_array_equal(conv_forward(x, w, groups=2), [[[21], [4300]]])

    def test_three_spatial_axes(self):
        y = conv_forward(np.ones((1, 1, 3, 3, 3)), np.ones((1, 1, 2, 2, 2)))
        assert_array_equal(y, np.full((1, 1, 2, 2, 2), 8))

    def test_whole_numbers_and_real_filters_give_real_numbers(self):
        y = conv_forward(np.array([[[1, 2]]]), np.array([[[0.5, 0.25]]]), np.array([0.125]))
        assert_array_equal(y, [[[1.125]]])

    @pytest.mark.parametrize(("w_shape", "groups"), [((2, 3, 2), 1), ((2, 4, 2), 2), ((3, 2, 2), 2), ((2, 4, 2, 2), 1)])
    def test_shapes_that_do_not_fit_are_refused(self, w_shape, groups):
        with pytest.raises(ValueError, match=rf"x \(1, 4, 5\) must be .* and groups = {groups} must divide C and O"):
            conv_forward(np.ones((1, 4, 5)), np.ones(w_shape), groups=groups)


class TestConvBackward:
    def test_the_coverage_of_the_input_by_its_windows(self):
        """An all-ones gradient through an all-ones filter counts how many windows read each element."""
        x, w = np.zeros((1, 1, 5)), np.ones((1, 1, 3))
        for padding, expected in ((0, [1, 2, 3, 2, 1]), (1, [2, 3, 3, 3, 2]), (2, [3, 3, 3, 3, 3])):
            gx, _, _ = conv_backward(np.ones((1, 1, 3 + 2 * padding)), x, w, padding=padding)
            assert_array_equal(gx, [[expected]])

    def test_two_images_add_up_in_the_filter_and_the_bias(self):
        x, w = np.array([[[1.0, 2.0]], [[3.0, 5.0]]]), np.array([[[1.0]]])
        gx, gw, gb = conv_backward(np.array([[[1.0, 10.0]], [[100.0, 1000.0]]]), x, w)
        assert_array_equal(gx, [[[1, 10]], [[100, 1000]]])
        assert_array_equal(gw, [[[1 + 20 + 300 + 5000]]])
        assert_array_equal(gb, [1111])

    def test_stride_leaves_what_no_window_reads_without_gradient(self):
        gx, gw, _ = conv_backward(np.array([[[1.0, 2.0]]]), np.arange(6.0)[None, None], np.ones((1, 1, 2)), stride=3)
        assert_array_equal(gx, [[[1, 1, 0, 2, 2, 0]]])
        assert_array_equal(gw, [[[0 + 2 * 3, 1 + 2 * 4]]])

    def test_whole_numbers_do_not_truncate_real_gradients(self):
        gx, gw, gb = conv_backward(np.array([[[0.5]]]), np.array([[[3]]]), np.array([[[1]]]))
        assert (gx.item(), gw.item(), gb.item()) == (0.5, 1.5, 0.5)

    def test_halves_may_pass_their_range_on_the_way_to_the_sum(self):
        gy = np.array([65504, 65504, -65504], np.float16).reshape(3, 1, 1).repeat(2, axis=1)
        _, gw, gb = conv_backward(gy, np.ones((3, 1, 1), np.float16), np.zeros((2, 1, 1), np.float16))
        assert gw.ravel().tolist() == gb.tolist() == [65504, 65504]
        assert gb.dtype == np.float16

    def test_a_gradient_of_another_shape_is_refused(self):
        with pytest.raises(ValueError, match=r"gy must have the shape of the output, \(1, 1, 2\), got \(1, 1, 3\)"):
            conv_backward(np.ones((1, 1, 3)), np.ones((1, 1, 3)), np.ones((1, 1, 2)))

    def test_gradient_descent_finds_the_edge_filter(self):
        """What learning is: from pictures of an input and its edges alone, the filter [−1, 1] is recovered."""
        x = np.zeros((1, 1, 6, 8))
        x[..., 2:6] = 1
        y, w = conv_forward(x, image([-1, 1])), image([0.0, 0.5])
        for _ in range(60):
            error = conv_forward(x, w) - y
            _, gw, _ = conv_backward(2 * error, x, w)
            w -= 0.01 * gw
        np.testing.assert_allclose(w, image([-1, 1]), atol=1e-3)


class TestCreateMaskFromWindow:
    @pytest.mark.parametrize(
        ("window", "place"),
        [
            ([1, 3, 2], 1),
            ([0, 0, 0], 0),
            ([1, 3, 3], 1),
            ([-INF, -INF], 0),
            ([INF, NAN, INF], 1),
            ([NAN, 9, NAN, 8], 2),
            ([-3, -1, -2], 1),
        ],
    )
    def test_first_maximum_last_nan(self, window, place):
        mask = create_mask_from_window(np.array(window))
        assert mask.dtype == bool
        assert_array_equal(np.flatnonzero(mask), [place])

    def test_row_major_order_decides_a_tie(self):
        assert_array_equal(create_mask_from_window(np.array([[0, 7], [7, 7]])), [[False, True], [False, False]])

    def test_only_places_inside_compete(self):
        window, inside = np.array([NAN, 9, -INF, -INF]), np.array([False, False, True, True])
        assert_array_equal(create_mask_from_window(window, inside), [False, False, True, False])

    def test_nothing_is_chosen_where_nothing_competes(self):
        assert not create_mask_from_window(np.array([1, 2]), np.array([False, False])).any()

    def test_integers_beyond_the_exact_floats_are_told_apart(self):
        assert_array_equal(create_mask_from_window(np.array([2**53, 2**53 + 1])), [False, True])


class TestDistributeValue:
    def test_shares_are_equal_and_add_up(self):
        assert_array_equal(distribute_value(3, (2, 3)), np.full((2, 3), 0.5))

    def test_a_divisor_of_its_own(self):
        assert_array_equal(distribute_value(3.0, (2,), divisor=4), [0.75, 0.75])


class TestPooling:
    def test_windows_overlap_when_the_stride_is_smaller(self):
        x = image([1, 9, 2], [3, 4, 5], [8, 6, 7])
        assert_array_equal(pool_forward(x, 2, 1), image([9, 9], [8, 7]))
        assert_array_equal(pool_forward(x, 2, 1, mode="average"), image([17 / 4, 20 / 4], [21 / 4, 22 / 4]))

    def test_padding_never_wins_but_counts_in_a_mean(self):
        x = image([-4, -8])
        assert_array_equal(pool_forward(x, 2, padding=1), image([-4, -8]))
        assert_array_equal(pool_forward(x, 2, padding=1, mode="average"), image([-1, -2]))

    def test_an_element_that_wins_twice_gets_both_gradients(self):
        assert_array_equal(
            pool_backward(np.array([[[1.0, 10.0]]]), np.array([[[0.0, 5.0, 1.0]]]), 2, 1), [[[0, 11, 0]]]
        )

    def test_dilation(self):
        x = np.array([[[5, 1, 2, 9, 3]]])
        assert_array_equal(pool_forward(x, 2, 1, dilation=2), [[[5, 9, 3]]])

    def test_the_mean_of_whole_numbers_is_a_real_number(self):
        assert pool_forward(np.array([[[1, 2]]]), 2, mode="average").item() == 1.5
        assert_array_equal(pool_backward(np.array([[[1]]]), np.array([[[1, 2]]]), 2, mode="average"), [[[0.5, 0.5]]])

    def test_halves_may_pass_their_range_on_the_way_to_the_mean(self):
        y = pool_forward(np.full((1, 1, 2), 65504, np.float16), 2, mode="average")
        assert (y.item(), y.dtype) == (65504, np.float16)

    def test_infinite_gradients_stay_where_they_belong(self):
        assert_array_equal(pool_backward(np.array([[[INF]]]), np.array([[[1.0, 2.0]]]), 2), [[[0, INF]]])

    @pytest.mark.parametrize("call", [pool_forward, lambda x, *a, **k: pool_backward(x, x, *a, **k)])
    def test_an_unknown_mode_is_refused(self, call):
        with pytest.raises(ValueError, match="mode must be 'max' or 'average', got 'mean'"):
            call(image([1]), 1, mode="mean")

    @pytest.mark.parametrize("mode", ["max", "average"])
    def test_a_gradient_of_another_shape_is_refused(self, mode):
        with pytest.raises(ValueError, match=r"gy must have the shape of the output, \(1, 1, 1\), got \(1, 1, 2\)"):
            pool_backward(np.ones((1, 1, 2)), np.ones((1, 1, 2)), 2, mode=mode)
