"""Tensors that no kernel of ours can read, quantized ones and others: under patch() torch's operators take them."""

import pytest
import torch
import torch.nn.functional as F

from scratchlayers import patch


def quantized():
    return torch.quantize_per_tensor(torch.randn(2, 3, 6, 6), 0.1, 10, torch.quint8)


def nested():
    return torch.nested.nested_tensor([torch.randn(3, 6, 6), torch.randn(3, 6, 6)])


def images():
    return torch.randn(2, 3, 6, 6)


CALLS = {
    "quantized, max_pool2d": lambda: F.max_pool2d(quantized(), 2),
    "quantized, avg_pool2d": lambda: F.avg_pool2d(quantized(), 2),
    "quantized, pad": lambda: F.pad(quantized(), (1, 1)),
    "quantized, adaptive_avg_pool2d": lambda: F.adaptive_avg_pool2d(quantized(), 2),
    "oneDNN, conv2d": lambda: F.conv2d(images().to_mkldnn(), torch.randn(4, 3, 3, 3)),
    "oneDNN, max_pool2d": lambda: F.max_pool2d(images().to_mkldnn(), 2),
    "sparse, conv2d": lambda: F.conv2d(images().to_sparse(), torch.randn(4, 3, 3, 3)),
    "nested, conv2d": lambda: F.conv2d(nested(), torch.randn(4, 3, 3, 3)),
}


def outcome(call):
    torch.manual_seed(0)
    try:
        y = call()
    except (RuntimeError, TypeError, NotImplementedError) as why:
        return type(why), str(why).splitlines()[0]
    return y.dtype, y.layout, (y.dequantize() if y.is_quantized else y.to_dense()).tolist()


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.filterwarnings("ignore:.*nested tensors:UserWarning", "ignore:.*quantize_per_tensor.*:UserWarning")
def test_they_are_taken_or_refused_as_by_torch(call):
    wanted = outcome(call)
    with patch():
        assert outcome(call) == wanted
