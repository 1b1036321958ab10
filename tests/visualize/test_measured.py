"""The numbers that are drawn keep the laws of what they show, and meet known values."""

import copy

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from scratchlayers import nn, visualize
from scratchlayers.visualize.measure import (
    backward,
    columns,
    coverage,
    field,
    inside,
    padding,
    response,
    shapes,
    sliding,
)
from scratchlayers.visualize.measure import flip as flips
from scratchlayers.visualize.measure.kernels import KERNELS, named
from scratchlayers.visualize.measure.layers import example

LAYERS = [
    nn.Conv2d(1, 1, 3, stride=2, padding=1), nn.Conv2d(1, 1, 2, dilation=2, bias=False), torch.nn.Conv2d(1, 2, 3),
    nn.MaxPool2d(2), nn.AvgPool2d(3, stride=1, padding=1), nn.LPPool2d(2, 2), nn.ConvTranspose2d(1, 1, 3, stride=2),
    nn.Conv1d(1, 1, 3, padding=1), nn.MaxPool1d(2), nn.ReflectionPad2d(1),
]  # fmt: skip


@pytest.mark.parametrize("layer", LAYERS, ids=repr)
def test_each_output_is_the_sum_that_is_written_and_reads_no_more(layer):
    data = sliding.measure(layer, 5)
    sums = (data.weights * data.input).sum((2, 3)) + data.rest
    np.testing.assert_allclose(sums, data.output, atol=1e-12)
    bias = getattr(layer, "bias", None)
    np.testing.assert_allclose(data.rest, 0 if bias is None else bias[0].item(), atol=1e-6)
    assert not (data.weights.astype(bool) & ~data.reads).any()


@pytest.mark.parametrize(("padding_", "ring"), [("valid", 0), ("same", 1), ("full", 2)])
def test_cells_beyond_the_border_are_those_of_the_padding(padding_, ring):
    data = sliding.measure(nn.Conv2d(1, 1, 3, padding=padding_), 5)
    assert data.padding == ((ring, ring), (ring, ring))
    assert data.output.shape == (3 + 2 * ring,) * 2
    counts = [len(cells) + reads.sum() for cells, reads in zip(data.outside, data.reads.reshape(-1, 5, 5), strict=True)]
    assert set(counts) == {9}


def test_coverage_of_a_line_has_the_known_counts():
    layers = [nn.Conv1d(1, 1, 3, padding=p) for p in range(3)]
    counts = [c.tolist() for c in coverage.measure(layers, 5).counts]
    assert counts == [[[1, 2, 3, 2, 1]], [[2, 3, 3, 3, 2]], [[3, 3, 3, 3, 3]]]


def test_coverage_of_a_plane_is_the_layers_backward_of_ones():
    data = visualize.coverage(size=(4, 6)).data
    for word, counts, shape in zip(("valid", "same", "full"), data.counts, data.outputs, strict=True):
        layer, x = nn.Conv2d(1, 1, 3, padding=word, bias=False), torch.ones(1, 1, 4, 6, requires_grad=True)
        torch.nn.init.ones_(layer.weight)
        y = layer(x)
        y.sum().backward()
        np.testing.assert_array_equal(counts, x.grad[0, 0])
        assert tuple(y.shape[2:]) == shape


@pytest.mark.parametrize("layer", LAYERS, ids=repr)
def test_shares_add_up_to_the_whole_gradient(layer):
    data = backward.measure(layer, 5)
    x = torch.from_numpy(data.input).squeeze(0)[None, None].requires_grad_()
    y = copy.deepcopy(layer).double()(x)[:, :1]
    y.backward(torch.from_numpy(data.gradient).view(y.shape))
    np.testing.assert_allclose(data.parts.sum(0), x.grad.numpy().reshape(data.input.shape), atol=1e-12)
    for part, reads in zip(data.parts, data.reads.reshape(data.parts.shape), strict=True):
        assert not part[~reads].any()


def test_shares_of_the_weight_are_windows_times_the_gradient():
    layer = nn.Conv2d(1, 1, 3, stride=2)
    data = backward.measure(layer, 5, of="weight")
    for part, place in zip(data.parts, np.ndindex(2, 2), strict=True):
        window = data.input[2 * place[0] :, 2 * place[1] :][:3, :3]
        np.testing.assert_allclose(part, window * data.gradient[place])


def test_pooling_keeps_the_sum_of_the_gradient_a_maximum_in_one_cell():
    largest, mean = visualize.pool_gradient().data
    for data in (largest, mean):
        np.testing.assert_allclose(data.parts.sum((1, 2)), data.gradient.ravel())
    assert (np.count_nonzero(largest.parts, axis=(1, 2)) == 1).all()
    assert (np.count_nonzero(mean.parts, axis=(1, 2)) == 4).all()
    winners = largest.parts.sum(0) != 0
    assert sorted(largest.input[winners]) == sorted(largest.output.ravel())


@pytest.mark.parametrize(
    ("layer", "mode"),
    [
        (nn.ReflectionPad2d(2), "reflect"),
        (nn.ReplicationPad2d(2), "replicate"),
        (nn.CircularPad2d(2), "circular"),
        (nn.ZeroPad2d(2), "constant"),
    ],
)
def test_padded_values_and_where_they_came_from(layer, mode):
    data = padding.measure([layer], 4)
    numbers = torch.arange(1.0, 17).view(1, 1, 4, 4)
    expected = F.pad(numbers, (2, 2, 2, 2), mode)[0, 0].numpy()
    np.testing.assert_array_equal(data.layers[0].values, expected)
    np.testing.assert_array_equal(data.layers[0].source, expected)  # cell k holds the number k, and 0 is none


def test_what_does_not_copy_does_not_pad():
    with pytest.raises(ValueError, match="does not pad"):
        padding.measure([nn.AvgPool2d(2)], 4)


@pytest.mark.parametrize(
    "layer", [nn.Conv2d(1, 1, 3), nn.Conv2d(1, 1, 2, stride=2, padding=1), nn.Conv1d(1, 1, 3, dilation=2)], ids=repr
)
def test_im2col_is_unfold_and_its_product_the_output(layer):
    data = columns.measure(example(layer), 5)
    np.testing.assert_allclose(data.weight.ravel() @ data.matrix + data.bias, data.output.ravel())
    if isinstance(layer, torch.nn.Conv2d):
        x = torch.from_numpy(data.input)[None, None]
        expected = F.unfold(x, layer.kernel_size, layer.dilation, layer.padding, layer.stride)[0]
        np.testing.assert_array_equal(data.matrix, expected)


def test_of_an_impulse_convolution_makes_the_filter_and_correlation_the_filter_turned():
    data = visualize.flip().data
    np.testing.assert_array_equal(data.convolution, data.weight)
    np.testing.assert_array_equal(data.correlation, data.weight[::-1, ::-1])
    assert not np.array_equal(data.weight, data.turned)
    x = np.random.default_rng(0).normal(size=(6, 6))
    layer = nn.Conv2d(1, 1, 3, padding="full")
    both = flips.measure(layer, 6, x)
    product_ = np.fft.ifft2(np.fft.fft2(x, (8, 8)) * np.fft.fft2(both.weight, (8, 8))).real
    np.testing.assert_allclose(both.convolution, product_, atol=1e-6)


SMOOTH = {"identity", "box", "gaussian", "gaussian_5", "motion", "sharpen", "unsharp", "emboss"}


@pytest.mark.parametrize("name", KERNELS)
def test_a_kernel_of_the_bank_keeps_brightness_or_has_none(name):
    values = KERNELS[name].values
    assert values.sum() == pytest.approx(float(name in SMOOTH), abs=1e-12)
    assert KERNELS[name].signed == (name not in SMOOTH)


def test_kernels_are_each_others_turns():
    for kind in ("sobel", "prewitt", "scharr"):
        np.testing.assert_array_equal(KERNELS[f"{kind}_x"].values.T, KERNELS[f"{kind}_y"].values)
    np.testing.assert_allclose(KERNELS["gabor_0"].values.T, KERNELS["gabor_90"].values, atol=1e-12)
    np.testing.assert_allclose(KERNELS["gabor_45"].values[::-1], KERNELS["gabor_135"].values, atol=1e-12)


def test_responses_to_what_each_kernel_is_for():
    right = np.tile(np.arange(16.0), (16, 1))
    data = response.measure(right, named(["sobel_x", "sobel_y", "laplacian", "gaussian", "scharr_x"]))
    inner = [values[2:-2, 2:-2] for values in data.maps]
    for values, expected in zip(inner, (8, 0, 0, right[2:-2, 2:-2], 32), strict=True):
        np.testing.assert_allclose(values, np.broadcast_to(expected, values.shape), atol=1e-12)
    lines = np.tile(np.cos(2 * np.pi * np.arange(31) / 5), (31, 1))
    strength = {a: np.abs(response.measure(lines, named([f"gabor_{a}"])).maps[0]).mean() for a in (0, 45, 90, 135)}
    assert max(strength, key=strength.get) == 90


def test_a_fixed_kernel_may_be_of_torchs_layer_and_does_not_learn():
    kernel = KERNELS["sobel_x"]
    layer = response.fixed(kernel, torch.nn.Conv2d)
    assert type(layer) is torch.nn.Conv2d
    assert not any(p.requires_grad for p in layer.parameters())


def test_shapes_are_torchs_and_what_is_never_read_is_what_windows_leave():
    data = shapes.measure(9, range(1, 12), (1, 2, 3), (0, 1))
    for i, j, k in np.ndindex(data.output.shape):
        kernel, stride, pad = data.kernels[i], data.strides[j], data.paddings[k]
        try:
            out = torch.nn.Conv1d(1, 1, kernel, stride, pad)(torch.zeros(1, 1, 9)).shape[-1]
        except RuntimeError:
            out = 0
        read = {p * stride + t - pad for p in range(out) for t in range(kernel)}
        missed = tuple(sorted(set(range(9)) - read)) if out else ()
        assert (data.output[i, j, k], data.unread[i, j, k], data.which[kernel, stride, pad]) == (
            out,
            len(missed),
            missed,
        )


def test_a_theoretical_field_is_that_of_the_known_recurrence():
    net = torch.nn.Sequential(
        nn.Conv2d(1, 2, 3, padding=1), torch.nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(2, 2, 3, padding=1)
    )
    fields = field.measure(net, 16).fields
    assert [f.part for f in fields] == ["0", "2", "3"]
    assert [f.reads.any(0).sum() for f in fields] == [3, 4, 8]  # r += (k − 1)·jump; jump ·= s
    for f in fields:
        assert f.reads.sum() == f.reads.any(0).sum() * f.reads.any(1).sum()
        assert not (f.effective[~f.reads]).any()
        assert f.effective.max() == pytest.approx(1)


def test_a_field_of_a_single_layer_is_its_window():
    (only,) = field.measure(nn.Conv2d(1, 1, (3, 5)), 9).fields
    assert (only.part, only.reads.any(1).sum(), only.reads.any(0).sum()) == ("", 3, 5)


def test_the_effective_field_falls_off_from_the_middle():
    deep = visualize.receptive_field(size=20).data.fields[-1]
    rows = deep.effective.sum(1)[deep.reads.any(1)]
    assert rows[len(rows) // 2 - 2 : len(rows) // 2 + 2].mean() > 2 * (rows[0] + rows[-1]) / 2


def test_what_is_noted_inside_a_net_is_what_its_parts_make():
    net = torch.nn.Sequential(
        nn.Conv2d(1, 3, 3), torch.nn.ReLU(), nn.MaxPool2d(2), torch.nn.Flatten(), torch.nn.Linear(27, 4)
    )
    x = torch.rand(1, 8, 8, dtype=torch.float64)
    steps = inside.measure(net, x).steps
    assert [step.shape for step in steps] == [(3, 6, 6), (3, 6, 6), (3, 3, 3), (27,), (4,)]
    assert sum(step.parameters for step in steps) == sum(p.numel() for p in net.parameters())
    assert next(net.parameters()).dtype == torch.float32  # the caller's net is left as it was
    assert net.training
    np.testing.assert_allclose(steps[-1].output, net.double()(x[None])[0].detach())


def test_the_net_that_is_looked_into_has_learned():
    from scratchlayers.visualize.measure.learned import bars, trained

    x, label = bars(200, torch.Generator().manual_seed(99))
    assert (trained()(x).argmax(1) == label).float().mean() > 0.9
