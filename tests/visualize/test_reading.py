"""What a layer reads, found by gradients, is what the formula of its arguments says: index = p·s + t·d − before."""

from itertools import product

import numpy as np
import pytest
import torch

from scratchlayers import nn
from scratchlayers.visualize.measure.lattice import windows
from scratchlayers.visualize.measure.layers import sizes
from scratchlayers.visualize.measure.reading import reads

CASES = [  # size, kernel, stride, padding, dilation
    (5, 3, 1, 0, 1), (5, 3, 2, 1, 1), (6, 2, 2, 0, 1), (7, 3, 1, 2, 2), (7, 3, 3, 1, 2), (4, 4, 1, 0, 1),
    (3, 5, 1, 2, 1), (1, 1, 1, 0, 1), (8, 3, 4, 0, 1), (2, 3, 1, 1, 1),
]  # fmt: skip


def axis(size, kernel, stride, padding, dilation):
    """For each output of one axis, all cells under its window."""
    outputs = (size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1
    return [[p * stride + t * dilation - padding for t in range(kernel)] for p in range(outputs)]


def inside(cells, size):
    return [i for i in cells if 0 <= i < size]


@pytest.mark.parametrize("home", [nn, torch.nn], ids=["ours", "torch"])
@pytest.mark.parametrize("case", CASES)
def test_a_convolution_along_a_line(case, home):
    size, *rest = case
    read = reads(home.Conv1d(1, 2, *rest), (size,))
    expected = np.zeros_like(read)
    for p, cells in enumerate(axis(*case)):
        expected[p, inside(cells, size)] = True
    np.testing.assert_array_equal(read, expected)


@pytest.mark.parametrize(("rows", "columns"), [(CASES[1], CASES[3]), (CASES[2], CASES[0]), (CASES[0], CASES[8])])
def test_a_convolution_over_a_plane(rows, columns):
    (h, *_), (w, *_) = rows, columns
    pairs = [list(pair) for pair in zip(rows[1:], columns[1:], strict=True)]
    layer = nn.Conv2d(2, 1, *map(tuple, pairs))
    read = reads(layer, (h, w))
    expected = np.zeros_like(read)
    for (p, a), (q, b) in product(enumerate(axis(*rows)), enumerate(axis(*columns))):
        expected[p, q][np.ix_(inside(a, h), inside(b, w))] = True
    np.testing.assert_array_equal(read, expected)
    under = [list(product(a, b)) for a, b in product(axis(*rows), axis(*columns))]
    assert windows(layer, read, (h, w)) == under


@pytest.mark.parametrize("kind", ["MaxPool1d", "AvgPool1d", "LPPool1d"])
@pytest.mark.parametrize("case", [(6, 2, 2), (5, 3, 1), (7, 3, 2)])
def test_pooling_reads_its_whole_window_although_a_maximum_has_one_winner(kind, case):
    size, kernel, stride = case
    layer = nn.LPPool1d(2, kernel, stride) if kind == "LPPool1d" else getattr(nn, kind)(kernel, stride)
    read = reads(layer, (size,))
    assert [np.flatnonzero(row).tolist() for row in read] == axis(size, kernel, stride, 0, 1)


def test_the_weights_do_not_matter_not_even_zeros():
    layer = nn.Conv1d(1, 1, 3)
    torch.nn.init.zeros_(layer.weight)
    assert reads(layer, (5,)).sum() == 9
    assert layer.weight.abs().sum() == 0  # nor are they changed


def test_a_layer_of_ones_own_shows_what_it_reads():
    class Ends(torch.nn.Module):
        def forward(self, x):
            return x[..., :1] - x[..., -1:]

    assert reads(Ends(), (4,)).tolist() == [[True, False, False, True]]
    assert windows(Ends(), reads(Ends(), (4,)), (4,)) is None


@pytest.mark.parametrize(
    "layer",
    [
        nn.AdaptiveAvgPool1d(3),
        nn.ConvTranspose1d(1, 1, 3, stride=2),
        nn.Conv1d(1, 1, 3, padding=1, padding_mode="circular"),
    ],
    ids=repr,
)
def test_without_one_pattern_no_padding_is_claimed(layer):
    assert windows(layer, reads(layer, (5,)), (5,)) is None


def test_sizes_are_of_a_plane_or_a_line_as_the_layer_takes_them():
    assert sizes(nn.Conv2d(3, 1, 3), 5) == (5, 5)
    assert sizes(nn.Conv1d(1, 1, 3), 5) == (5,)
    assert sizes(nn.MaxPool2d(2), (4, 6)) == (4, 6)
    for size in (0, -1, (2, 2, 2), (2.5,), "5"):
        with pytest.raises(ValueError, match="one or two lengths from 1"):
            sizes(nn.Conv2d(1, 1, 3), size)
    with pytest.raises(ValueError, match=r"over an input of 2×2: .*[Kk]ernel"):
        sizes(nn.Conv2d(1, 1, 3), 2)
    with pytest.raises(ValueError, match="take a smaller one"):
        reads(nn.Conv2d(1, 1, 3), (64, 64))


def test_what_cannot_be_asked_is_said_in_a_line():
    with pytest.raises(ValueError, match="call it once"):
        sizes(nn.LazyConv2d(1, 3), 5)
    with pytest.raises(ValueError, match="is random"):
        sizes(nn.FractionalMaxPool2d(2, output_size=9), 20)
    with pytest.raises(ValueError, match="its output has the shape"):
        sizes(torch.nn.Flatten(), 5)
    for size, said in (("5", "5"), (True, "True")):
        with pytest.raises(ValueError, match=f"not .*{said}"):
            sizes(nn.Conv2d(1, 1, 3), size)


def test_a_layer_of_one_size_has_windows_but_no_pattern():
    layer = torch.nn.Linear(5, 3)
    read = reads(layer, (2, 5))
    assert [np.argwhere(read[i, 0]).tolist() for i in range(2)] == [[[i, j] for j in range(5)] for i in range(2)]
    assert windows(layer, read, (2, 5)) is None
