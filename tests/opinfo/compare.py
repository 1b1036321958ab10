"""When are a result of ours and torch's the same? Dtype and memory exactly, values within the rounding of the dtype."""

from __future__ import annotations

import torch
from torch.utils._pytree import tree_leaves, tree_map, tree_map_with_path

from tests.compare import outcome, same_error, same_memory
from tests.opinfo.entries import seed

# by how many units of the largest sum of absolute terms a value may be off; half precision is rounded once
UNITS = {torch.float16: 1, torch.bfloat16: 1, torch.complex32: 1, torch.float32: 8, torch.complex64: 8}


def difference(ours, torchs, arguments, options):
    """Say how two functions differ on the same arguments, or None: values, gradients, dtypes and memory, or errors.

    The values of narrow dtypes are compared with those that torch finds in double precision, because torch rounds
    some of them after every addition; what equals torch's is right in any case.
    """
    got, want = (results(function, arguments, options) for function in (ours, torchs))
    if isinstance(got, Exception) or isinstance(want, Exception):
        return said(same_error, got, want)
    exact = sums = want
    if any(y is not None and y.dtype in UNITS for y in want):
        exact, sums = (results(torchs, *tree_map(change, (arguments, options))) for change in (_double, _absolute))
    return said(_all_same, got, want, exact, sums)


def results(function, arguments, options):
    """Return what a call returns and the gradients of all of its tensors, or the exception that it raises."""
    arguments, options = tree_map_with_path(_leaf, (arguments, options))
    seed()
    y = outcome(function, *arguments, **options)
    if isinstance(y, Exception):
        return y
    outputs = list(y) if isinstance(y, tuple) else [y]
    differentiable = [y for y in outputs if y.requires_grad]
    if not differentiable:
        return outputs
    leaves = [x for x in tree_leaves((arguments, options)) if isinstance(x, torch.Tensor) and x.requires_grad]
    gradients = torch.autograd.grad(differentiable, leaves, [_noise(y) for y in differentiable], allow_unused=True)
    return [*outputs, *gradients]


def _leaf(path, x):
    """Return a tensor as a leaf of a new graph, but as it is where its name says that it is not to be varied."""
    if not isinstance(x, torch.Tensor) or any(str(getattr(key, "key", "")).startswith("_") for key in path):
        return x
    return x.detach().requires_grad_(x.is_floating_point() or x.is_complex())


def _noise(y):
    """Return an output's gradient: small whole numbers, which every dtype holds."""
    return torch.randint(1, 4, y.shape, generator=torch.Generator().manual_seed(1)).to(y.dtype)


def _double(x):
    if not isinstance(x, torch.Tensor) or x.dtype not in UNITS:
        return x
    return x.to(torch.complex128 if x.is_complex() else torch.float64)


def _absolute(x):
    return _double(x).abs() if isinstance(x, torch.Tensor) and x.dtype in UNITS else x


def said(check, *what):
    """Return what an assertion says that does not hold, or None."""
    try:
        check(*what)
    except AssertionError as why:
        return str(why)
    return None


def _all_same(got, want, exact, sums):
    assert len(got) == len(want)
    for y, z, e, s in zip(got, want, exact, sums, strict=True):
        assert (y is None) == (z is None)
        if y is not None:
            _same(y, z, e, s)


def _same(y, z, exact, sums):
    assert (y.dtype, y.shape) == (z.dtype, z.shape), f"{y.dtype} {y.shape}, torch's {z.dtype} {z.shape}"
    assert same_memory(y, z), f"strides {y.stride()}, torch's {z.stride()} of {tuple(y.shape)}"
    if z.dtype not in UNITS or not z.numel():
        torch.testing.assert_close(y, z, equal_nan=True)
        return
    atol = UNITS[z.dtype] * torch.finfo(z.dtype).eps * float(sums.detach().abs().max())
    exact = torch.where(y == z, _double(y), exact)  # random numbers differ between dtypes
    torch.testing.assert_close(_double(y), exact, rtol=0.0, atol=atol, equal_nan=True)
