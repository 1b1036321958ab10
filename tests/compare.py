"""How is a function of ours compared with torch's? Both are called alike; all that they return or raise is compared."""

from __future__ import annotations

import torch
import torch.nn.functional as torch_functional

from scratchlayers import functional

# where torch's kernels stumble over what the operator means well enough; ours may compute it
GAPS = (
    '"slow_conv_dilated<>" not implemented for',
    '"avg_pool3d_out_frame" not implemented for',
    "Expected input_depth",
    "Unsupported memory format",
    "smaller than kernel size",
    "Output size is too small",
)
EXACT = {"rtol": 0.0, "atol": 0.0}
ROUNDED = {torch.float64: {"rtol": 1e-12, "atol": 1e-12}, torch.float32: {"rtol": 1e-5, "atol": 1e-6}}


def agree(name, tensors, words=(), *, strides=True, gradients=True, **tolerance):
    """Assert that our function of this name and torch's give the same values, strides and gradients, or errors."""
    ours, torchs = getattr(functional, name), getattr(torch_functional, name)
    ours_leaves, torchs_leaves = leaves(tensors), leaves(tensors)
    want, got = outcome(torchs, *torchs_leaves, *words), outcome(ours, *ours_leaves, *words)
    if isinstance(want, (RuntimeError, NotImplementedError)) and any(gap in str(want) for gap in GAPS):
        return
    if isinstance(want, Exception) or isinstance(got, Exception):
        same_error(got, want)
        return
    got, want = outputs(got), outputs(want)
    assert len(got) == len(want)
    for y, z in zip(got, want, strict=True):
        torch.testing.assert_close(y, z, equal_nan=True, **tolerance)
        assert not strides or same_memory(y, z), (y.shape, y.stride(), z.stride())
    asked = [i for i, leaf in enumerate(ours_leaves) if leaf is not None and leaf.requires_grad]
    if gradients and asked:
        gy = torch.randint(-3, 4, want[0].shape, generator=torch.Generator().manual_seed(1)).to(want[0].dtype)
        grads = torch.autograd.grad(got[0], [ours_leaves[i] for i in asked], gy)
        wanted = torch.autograd.grad(want[0], [torchs_leaves[i] for i in asked], gy)
        for gx, expected in zip(grads, wanted, strict=True):
            torch.testing.assert_close(gx, expected, equal_nan=True, **tolerance)


def same_error(got, want):
    """The types are equal; and the messages, up to the list of argument types that C++ adds."""
    assert type(got) is type(want), f"ours: {got!r}\ntorch's: {want!r}"
    assert str(got).split(" got (")[0] == str(want).split(" got (")[0], f"ours: {got!r}\ntorch's: {want!r}"


def same_memory(y, z):
    """Whether two tensors lie in memory alike: equal strides, but for axes of one element and empty tensors."""
    strides = zip(y.shape, y.stride(), z.stride(), strict=True)
    return y.numel() == 0 or all(n == 1 or s == t for n, s, t in strides)


def outcome(function, *arguments, **options):
    """Return what a call returns, or the exception that it raises."""
    try:
        return function(*arguments, **options)
    except Exception as why:  # noqa: BLE001 whatever torch raises, we have to raise too
        return why


def leaves(tensors):
    """Return the tensors as leaves of a new graph."""
    return [None if t is None else t.detach().requires_grad_(t.is_floating_point() or t.is_complex()) for t in tensors]


def outputs(result):
    return result if isinstance(result, tuple) else (result,)
