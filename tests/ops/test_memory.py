"""What is kept for backward? The least there can be, and nothing where nothing is recorded."""

import pytest
import torch
from torch.autograd.graph import saved_tensors_hooks

from scratchlayers import functional as F
from scratchlayers import nn, registry
from tests.draw import tensor

backends = pytest.mark.parametrize("backend", registry.names())


def saved(call, *tensors):
    """Every tensor that a call keeps for backward."""
    kept = []
    with saved_tensors_hooks(lambda t: kept.append(t) or t, lambda t: t):
        call(*tensors)
    return kept


def leaf(*shape):
    return tensor(shape, torch.float64).requires_grad_()


@backends
@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("return_indices", [False, True])
def test_max_pool_keeps_a_byte_for_each_output(backend, rank, return_indices):
    pool = getattr(F, f"max_pool{rank}d")
    with registry.use_backend(backend):
        (tap,) = saved(lambda x: pool(x, 2, return_indices=return_indices), leaf(2, 3, *(4,) * rank))
    assert tap.dtype is torch.uint8
    assert tap.shape == (2, 3, *(2,) * rank)
    assert tap.untyped_storage().nbytes() == tap.numel()


@backends
def test_max_pool_keeps_four_bytes_where_a_window_has_more_taps_than_a_byte_counts(backend):
    with registry.use_backend(backend):
        (byte,), (word,) = (saved(lambda x, k=k: F.max_pool2d(x, k), leaf(1, 1, 18, 17)) for k in (16, (16, 17)))
    assert (byte.dtype, word.dtype) == (torch.uint8, torch.int32)


@pytest.mark.parametrize("padding", [0, 1, "same", "full", ((1, 0), (0, 2))])
def test_convolution_keeps_its_operands_and_nothing_else(padding):
    x, w, b = leaf(2, 2, 5, 5), leaf(3, 2, 2, 2), leaf(3)
    kept = saved(lambda x, w, b: F.conv2d(x, w, b, 1, padding), x, w, b)
    assert [t.data_ptr() for t in kept] == [x.data_ptr(), w.data_ptr()]


@backends
@pytest.mark.parametrize("mode", ["reflect", "replicate", "circular"])
@pytest.mark.parametrize("rank", [1, 2, 3])
def test_convolution_keeps_its_operands_and_no_padded_tensor(backend, mode, rank):
    conv = getattr(nn, f"Conv{rank}d")(2, 3, 3, padding=2, padding_mode=mode, dtype=torch.float64)
    x = leaf(2, 2, *(5,) * rank)
    with registry.use_backend(backend):
        kept = saved(conv, x)
        assert [t.data_ptr() for t in kept] == [x.data_ptr(), conv.weight.data_ptr()]
        assert [t.data_ptr() for t in saved(conv, x.detach())] == [x.data_ptr()]
        conv.weight.requires_grad_(False)
        assert [t.data_ptr() for t in saved(conv, x)] == [conv.weight.data_ptr()]


def test_transposed_convolution_keeps_its_operands_and_nothing_else():
    x, w, b = leaf(2, 2, 5, 5), leaf(2, 3, 2, 2), leaf(3)
    kept = saved(lambda x, w, b: F.conv_transpose2d(x, w, b, 2), x, w, b)
    assert [t.data_ptr() for t in kept] == [x.data_ptr(), w.data_ptr()]


LINEAR = {
    "avg_pool": lambda x: F.avg_pool2d(x, 2, 1, 1),
    "constant": lambda x: F.pad(x, (1, 1)),
    "constant_of_value": lambda x: F.pad(x, (1, 1), value=2.0),
    "reflect": lambda x: F.pad(x, (1, 1, 1, 1), "reflect"),
    "replicate": lambda x: F.pad(x, (1, 1, 1, 1), "replicate"),
    "circular": lambda x: F.pad(x, (1, 1, 1, 1), "circular"),
    "cropped": lambda x: F.pad(x, (-1, -1)),
}


@pytest.mark.parametrize("call", LINEAR.values(), ids=LINEAR)
def test_linear_maps_keep_nothing(call):
    assert saved(call, leaf(2, 2, 4, 4)) == []


ALL = {
    **LINEAR,
    "conv": lambda x: F.conv2d(x, torch.ones(2, 2, 2, 2).double()),
    "conv_transpose": lambda x: F.conv_transpose2d(x, torch.ones(2, 2, 2, 2).double()),
    "max_pool": lambda x: F.max_pool2d(x, 2),
}


@pytest.mark.parametrize("call", ALL.values(), ids=ALL)
def test_nothing_is_recorded_where_nothing_requires_a_gradient(call):
    assert call(leaf(2, 2, 4, 4)).grad_fn is not None
    assert call(leaf(2, 2, 4, 4).detach()).grad_fn is None
    with torch.no_grad():
        assert call(leaf(2, 2, 4, 4)).grad_fn is None


@pytest.mark.parametrize("call", ALL.values(), ids=ALL)
def test_saved_tensors_may_be_packed_away(call):
    x, y = leaf(2, 2, 4, 4), leaf(2, 2, 4, 4)
    with saved_tensors_hooks(lambda t: t.clone(), lambda t: t):
        packed = call(x)
    packed.sum().backward()
    call(y).sum().backward()
    assert torch.equal(x.grad, y.grad)


def test_indices_have_no_gradient():
    _, index = F.max_pool2d(leaf(1, 1, 4, 4), 2, return_indices=True)
    assert not index.requires_grad
    assert index.dtype is torch.int64
