"""No layer borrows: not one operator of torch that convolves, pools, pads or (un)folds runs, forwards or backwards."""

import ast
import re
from pathlib import Path

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from scratchlayers import backends as built_in
from scratchlayers import functional as F
from scratchlayers import nn, registry
from tests.draw import tensor
from tests.nn.build import CASES, IDS, shapes

# matched in the name of an aten (or oneDNN, cuDNN, XNNPACK) operator; names that only sound alike are exempt
FORBIDDEN = re.compile(
    r"conv|pool|pad|im2col|col2im|fold|upsample|interpolate|grid_sampler|correlat|unfold|mkldnn|cudnn|miopen|xnnpack"
)
EXEMPT = {"aten._conj", "aten.padded_dense_to_jagged"}


class BorrowedError(AssertionError):
    """A layer ran an operator that does its work for it."""


class HandWritten(TorchDispatchMode):
    """Within this block the forbidden operators raise; ``seen`` are the names of all that ran."""

    def __init__(self):
        super().__init__()
        self.seen = set()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = str(func).rsplit(".", 1)[0]
        self.seen.add(name)
        if name not in EXEMPT and FORBIDDEN.search(name.split(".", 1)[1]):
            raise BorrowedError(f"{name} ran")
        return func(*args, **(kwargs or {}))


def differentiate(call, *tensors):
    """Forward, backward and double backward."""
    leaves = [t.detach().requires_grad_() for t in tensors]
    y = call(*leaves)
    y = y[0] if isinstance(y, tuple) else y
    gradients = torch.autograd.grad(energy(y), leaves, create_graph=True)
    torch.autograd.grad(sum(map(energy, gradients)), leaves)


def energy(y):
    return y.abs().square().sum()


def x(rank, dtype=torch.float64):
    return tensor((2, 2, *(5, 4, 3)[:rank]), dtype)


def w(rank, dtype=torch.float64):
    return tensor((2, 2, *(2,) * rank), dtype)


def named(space, name, rank):
    return getattr(space, f"{name}{rank}d")


CALLS = {
    "conv": lambda space, r: differentiate(
        lambda x, w, b: named(space, "conv", r)(x, w, b, 2, 1), x(r), w(r), tensor((2,), torch.float64)
    ),
    "conv_dense": lambda space, r: differentiate(lambda x, w: named(space, "conv", r)(x, w), x(r), w(r)),
    "conv_groups": lambda space, r: differentiate(
        lambda x, w: named(space, "conv", r)(x, w[:, :1], None, 1, 1, 2, 2), x(r), w(r)
    ),
    "conv_half": lambda space, r: differentiate(
        lambda x, w: named(space, "conv", r)(x, w), x(r, torch.bfloat16), w(r, torch.bfloat16)
    ),
    "conv_complex": lambda space, r: differentiate(
        lambda x, w: named(space, "conv", r)(x, w), x(r, torch.complex128), w(r, torch.complex128)
    ),
    "conv_whole": lambda space, r: named(space, "conv", r)(x(r, torch.int64), w(r, torch.int64)),
    "conv_transpose": lambda space, r: differentiate(
        lambda x, w: named(space, "conv_transpose", r)(x, w, None, 2, 1, 1), x(r), w(r)
    ),
    "max_pool": lambda space, r: differentiate(lambda x: named(space, "max_pool", r)(x, 2, 1, 1, 1, True), x(r)),
    "max_pool_indices": lambda space, r: differentiate(
        lambda x: named(space, "max_pool", r)(x, 2, return_indices=True), x(r)
    ),
    "avg_pool": lambda space, r: differentiate(lambda x: named(space, "avg_pool", r)(x, 2, 2, 1, True, False), x(r)),
    "constant": lambda space, r: differentiate(lambda x: space.pad(x, (1, 2) * r, value=1.0), x(r)),
    "reflect": lambda space, r: differentiate(lambda x: space.pad(x, (1, 2) * r, "reflect"), x(r)),
    "replicate": lambda space, r: differentiate(lambda x: space.pad(x, (1, 2) * r, "replicate"), x(r)),
}
OURS_ONLY = {
    "circular": lambda space, r: differentiate(lambda x: space.pad(x, (1, 2) * r, "circular"), x(r)),
    "cropped": lambda space, r: differentiate(lambda x: space.pad(x, (-1, 0) * r), x(r)),
    "full": lambda space, r: differentiate(lambda x, w: named(space, "conv", r)(x, w, None, 2, "full"), x(r), w(r)),
    "same": lambda space, r: differentiate(lambda x, w: named(space, "conv", r)(x, w, None, 2, "same"), x(r), w(r)),
    "convolve": lambda space, r: differentiate(lambda x, w: named(space, "convolve", r)(x, w), x(r), w(r)),
}
ranks = pytest.mark.parametrize("rank", [1, 2, 3])
backends = pytest.mark.parametrize("backend", registry.names())


@backends
@ranks
@pytest.mark.parametrize("call", {**CALLS, **OURS_ONLY}.values(), ids={**CALLS, **OURS_ONLY})
def test_functions_borrow_nothing(call, rank, backend):
    with registry.use_backend(backend), HandWritten():
        call(F, rank)


@backends
@pytest.mark.parametrize(("name", "words"), CASES, ids=IDS)
def test_modules_borrow_nothing(name, words, backend):
    layer = getattr(nn, name)(**words).double()
    layer.backend = backend
    with HandWritten():
        differentiate(lambda x, *_: layer(x), tensor(shapes(name)[0], torch.float64))


@ranks
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_the_guard_catches_torchs_own(call, rank):
    with HandWritten(), pytest.raises(BorrowedError):
        call(torch.nn.functional, rank)


@pytest.mark.parametrize(
    "call", [lambda x: torch.nn.functional.conv2d(x, w(2)), lambda x: torch.nn.functional.max_pool2d(x, 2)]
)
def test_the_guard_catches_a_borrowed_backward(call):
    leaf = x(2).requires_grad_()
    y = call(leaf)
    with HandWritten(), pytest.raises(BorrowedError):
        y.sum().backward()


@pytest.mark.parametrize(
    "call",
    [
        lambda: torch.nn.functional.unfold(x(2), 2),
        lambda: torch.nn.functional.fold(torch.zeros(1, 8, 12), (5, 4), 2),
        lambda: x(2).unfold(2, 2, 1),
        lambda: torch.nn.functional.interpolate(x(2), 8),
        lambda: torch.nn.functional.adaptive_avg_pool2d(x(2), 2),
        lambda: torch.nn.functional.grid_sample(x(2), torch.zeros(2, 3, 3, 2).double(), align_corners=False),
    ],
)
def test_the_guard_catches_their_relatives(call):
    with HandWritten(), pytest.raises(BorrowedError):
        call()


def test_the_guard_lets_arithmetic_through():
    with HandWritten() as guard:
        (x(2) @ x(2).mT).sum().expand(3).clone()
    assert {"aten.clone", "aten.sum"} <= guard.seen


KERNELS = sorted(Path(built_in.__file__).parent.rglob("*.py"))


def borrowed(source):
    """Functions of other libraries, among those that a source names, which convolve, pool, pad or (un)fold."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in ("np", "torch"):
            if FORBIDDEN.search(node.attr):
                yield f"{node.value.id}.{node.attr}"
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            names = [alias.name for alias in node.names] + [getattr(node, "module", None) or ""]
            yield from (name for name in names if re.match("scipy|torch.nn|torchvision|skimage|cv2", name))


@pytest.mark.parametrize("path", KERNELS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_no_kernel_names_another_librarys_either(path):
    """NumPy's functions, and torch's where a dispatch mode sees none, are looked for in the text."""
    assert list(borrowed(path.read_text("utf-8"))) == []


def test_the_reader_finds_them():
    source = "import numpy as np\nfrom scipy import signal\nnp.convolve(a, b)\nnp.pad(a, 1)\ntorch.conv2d(x, w)"
    assert {"scipy", "np.convolve", "np.pad", "torch.conv2d"} <= set(borrowed(source))
