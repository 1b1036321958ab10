import pytest
from matplotlib.patches import Rectangle

from scratchlayers.bench.charts.ratios import ratios
from scratchlayers.bench.charts.roofline import roofline
from scratchlayers.bench.suite import SUITE
from tests.bench.figures import RESULTS, ROWS, row


def bars(axes):
    """(left end, right end, edge width) of every bar, from top to bottom."""
    found = [patch for patch in axes.patches if isinstance(patch, Rectangle)]
    found.sort(key=lambda patch: patch.get_y())
    return [(patch.get_x(), patch.get_x() + patch.get_width(), patch.get_linewidth()) for patch in found]


def test_there_is_a_bar_from_1_to_every_ratio_and_losses_have_an_edge():
    (axes,) = ratios(RESULTS).axes
    assert axes.get_xscale() == "log"
    assert [end for _, end, _ in bars(axes)] == pytest.approx([4, 2, 1, 8, 0.5, 0.5])
    assert {start for start, _, _ in bars(axes)} == {1}
    assert [edge > 0 for _, _, edge in bars(axes)] == [False] * 4 + [True] * 2
    low, high = axes.get_xlim()
    assert low < 0.5
    assert high > 8


def test_bars_are_labelled_and_grouped():
    (axes,) = ratios(RESULTS).axes
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert names == ["few channels", "c01 the c01", "c08 the c08", "pooling", "p1 the p1"]
    assert {"4.00", "8.00", "0.50"} <= {text.get_text() for text in axes.texts}


def test_a_whole_suite_stands_in_two_columns_of_which_none_is_much_longer():
    rows = [row(problem.id, problem.group, kind, 2.0) for problem in SUITE for kind in ("forward", "step")]
    left, right = ratios(RESULTS | {"rows": rows}).axes
    assert len(bars(left)) + len(bars(right)) == len(rows)
    assert abs(len(bars(left)) - len(bars(right))) < len(rows) / 4


def test_other_passes_are_not_drawn():
    (axes,) = ratios(RESULTS | {"rows": [*ROWS, row("c01", "few channels", "input", 3.0)]}).axes
    assert len(bars(axes)) == len(ROWS)


def lines(axes):
    return {tuple(map(tuple, line.get_xydata())): line for line in axes.lines}


def test_an_arrow_leads_from_torchs_rate_to_ours():
    forward, step = roofline(RESULTS).axes
    for axes, names in ((forward, {"c01": (250, 1000), "c08": (1000, 1000)}), (step, {"c01": (500, 1000)})):
        assert names.keys() <= {text.get_text() for text in axes.texts}
        for torchs, ours in names.values():
            assert any(
                len(line) == 2
                and line[0] == pytest.approx((10, torchs), rel=0.05)
                and line[1][1] == pytest.approx(ours)
                for line in lines(axes)
            )


def test_the_roofs_are_drawn_as_measured():
    for axes in roofline(RESULTS).axes:
        (roof,) = [line.get_xydata() for line in axes.lines if line.get_label() == "roof"]
        (low, at_low), corner, (_, peak) = roof
        assert at_low == pytest.approx(low * 10)
        assert tuple(corner) == (10, 100)
        assert peak == 100


def test_what_multiplies_nothing_has_no_place_below_the_roofs():
    assert not any(text.get_text() == "p1" for axes in roofline(RESULTS).axes for text in axes.texts)


def test_names_of_neighbours_stand_apart():
    rows = [row(f"c{n:02}", "dense 3x3", "forward", 2.0) for n in range(6)]
    axes = roofline(RESULTS | {"rows": rows}).axes[0]
    places = {(text.xy, tuple(text.get_position())) for text in axes.texts}
    assert len(places) == 6
    assert len({x for (x, _), _ in places}) == 6


def test_a_run_without_convolutions_can_be_drawn():
    assert roofline(RESULTS | {"rows": ROWS[4:]}).axes
