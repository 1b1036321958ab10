import pytest
import torch

from scratchlayers.bench import SUITE
from scratchlayers.bench.passes import direction
from scratchlayers.bench.problems import FORWARD, INPUT, STEP, WEIGHT, Side
from scratchlayers.bench.suite import GROUPS
from scratchlayers.bench.work import work

# What the forward of each convolution multiplies and adds in 10⁹, and what it must move in 10⁶ bytes, by hand.
PUBLISHED = {
    "c01": (0.015, 1.4),
    "c02": (0.031, 0.7),
    "c03": (0.025, 5.7),
    "c04": (1.359, 15.0),
    "c05": (0.604, 16.8),
    "c06": (1.387, 107.6),
    "c07": (14.798, 28.0),
    "c08": (3.776, 61.1),
    "c09": (3.699, 25.8),
    "c10": (3.699, 32.7),
    "c11": (3.699, 8.8),
    "c12": (3.699, 12.6),
    "c13": (1.644, 64.3),
    "c14": (1.644, 17.1),
    "c15": (3.288, 77.6),
    "c16": (0.462, 25.8),
    "c17": (0.130, 57.8),
    "c18": (0.087, 96.3),
    "c19": (0.075, 12.1),
    "c20": (0.236, 19.3),
    "c21": (1.543, 6.9),
    "c22": (10.277, 18.4),
    "c23": (1.074, 25.3),
    "c24": (2.147, 8.4),
    "c25": (3.624, 12.8),
    "c26": (2.089, 49.1),
    "c27": (0.081, 3.1),
    "c28": (0.127, 16.4),
}
PARAMETERS = {
    "e1": 61_706,
    "e2": 1_199_882,
    "e3": 269_722,
    "e4": 25_557_032,
    "e5": 3_504_872,
    "e6": 3_504_872,
    "e7": 28_589_128 - 6624,  # without the scales of its layers
}
by_id = {problem.id: problem for problem in SUITE}


def on_meta(problem):
    """The work of each pass and the shape of the output, without computing."""
    with torch.device("meta"):
        side = Side(module := problem.build(), module)
        x = torch.empty(problem.shape)
        gy = direction(side, x)
        return work(problem, side, x, gy), gy.shape


def test_ids_are_unique_and_groups_known():
    assert len(by_id) == len(SUITE)
    assert {problem.group for problem in SUITE} == set(GROUPS)


def test_there_are_28_convolutions_8_poolings_and_6_paddings():
    assert [f"c{n:02}" for n in range(1, 29)] == [id for id in by_id if id[0] == "c" and len(id) == 3]
    assert [f"p{n}" for n in range(1, 9)] == [id for id in by_id if id[0] == "p" and len(id) == 2]
    assert [f"q{n}" for n in range(1, 7)] == [id for id in by_id if id[0] == "q"]


def test_the_quick_ones():
    quick = {problem.id for problem in SUITE if problem.quick}
    assert quick >= {"c01", "c04", "c08", "c09", "c13", "c16", "c17", "c20", "c23", "c26", "p1", "q1", "t1", "e1", "e4"}


@pytest.mark.parametrize("id", PUBLISHED)
def test_a_convolution_is_the_one_that_is_meant(id):
    gflop, megabytes = PUBLISHED[id]
    found, _ = on_meta(by_id[id])
    assert found[FORWARD].flops / 1e9 == pytest.approx(gflop, abs=6e-4)
    assert found[FORWARD].bytes / 1e6 == pytest.approx(megabytes, abs=0.06)


@pytest.mark.parametrize("problem", SUITE, ids=lambda problem: problem.id)
def test_every_problem_fits_together(problem):
    for each in (problem, problem.quickly()):
        found, _ = on_meta(each)
        assert set(each.passes) <= set(found)
    parameters = list(problem.build().parameters()) if not problem.net else [True]
    assert (WEIGHT in problem.passes) <= bool(parameters)
    assert (INPUT in problem.passes) <= (not problem.net)


@pytest.mark.parametrize("id", PARAMETERS)
def test_a_net_is_the_one_that_is_meant(id):
    with torch.device("meta"):
        assert sum(parameter.numel() for parameter in by_id[id].build().parameters()) == PARAMETERS[id]


def test_nets_give_scores():
    shapes = {problem.id: tuple(on_meta(problem)[1]) for problem in SUITE if problem.net}
    assert shapes.pop("e8") == (4, 2, 128, 128)
    assert {id: (by_id[id].shape[0], 10 if id[1:] in ("1", "2", "3") else 1000) for id in shapes} == shapes


def test_the_work_of_resnet50_is_the_known_one():
    """4.09 · 10⁹ multiply-adds an image; a step is three times that, but for the gradient of the photographs."""
    found, _ = on_meta(by_id["e4"])
    assert found[FORWARD].flops / 16 == pytest.approx(2 * 4.09e9, rel=0.002)
    stem = 16 * 2 * 64 * 112 * 112 * 3 * 49
    assert found[STEP].flops == 3 * found[FORWARD].flops - stem


def test_patterns():
    assert by_id["c01"].matches("c0?")
    assert by_id["c01"].matches("lenet")
    assert by_id["c01"].matches("Few channels")
    assert not by_id["p1"].matches("c*")
