"""No layer borrows: not one operator of torch that convolves, pools, pads or (un)folds runs, forwards or backwards."""

import ast
import re
from pathlib import Path

import pytest
import torch

from scratchlayers import backends as built_in
from scratchlayers import functional as F
from scratchlayers import nn, registry
from tests.draw import tensor
from tests.nn.build import CASES, IDS, shapes
from tests.operators import Watching

# looked for in the names of operators, of aten and all other namespaces
FORBIDDEN = re.compile(
    "conv|correlat|pool|pad|fold|im2col|col2im|upsample|interpolate|grid_sampler|mkldnn|cudnn|miopen|xnnpack"
)


class BorrowedError(AssertionError):
    """A layer ran an operator that does its work for it."""


class HandWritten(Watching):
    """Within this block the forbidden operators raise; ``seen`` are the names of all that ran."""

    def __init__(self):
        super().__init__()
        self.seen = set()

    def met(self, function, result):
        name = str(function).rsplit(".", 1)[0]
        self.seen.add(name)
        if FORBIDDEN.search(name):
            raise BorrowedError(f"{name} ran")


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


def conv(name, *words, channels=2, dtype=torch.float64):
    def call(space, rank):
        function, b = getattr(space, f"{name}{rank}d"), tensor((2,), dtype)
        differentiate(lambda x, w, b: function(x, w[:, :channels], b, *words), x(rank, dtype), w(rank, dtype), b)

    return call


def pool(name, *words):
    return lambda space, rank: differentiate(lambda x: getattr(space, f"{name}{rank}d")(x, *words), x(rank))


def padding(before, after, *words):
    return lambda space, rank: differentiate(lambda x: space.pad(x, (before, after) * rank, *words), x(rank))


def whole(space, rank):
    getattr(space, f"conv{rank}d")(x(rank, torch.int64), w(rank, torch.int64))


def convolve(space, rank):
    differentiate(getattr(space, f"convolve{rank}d"), x(rank), w(rank))


CALLS = {
    "conv": conv("conv"),
    "conv_strided": conv("conv", 2, 1, 2),
    "conv_groups": conv("conv", 1, 1, 1, 2, channels=1),
    "conv_half": conv("conv", dtype=torch.bfloat16),
    "conv_complex": conv("conv", dtype=torch.complex128),
    "conv_whole": whole,
    "conv_transpose": conv("conv_transpose", 2, 1, 1),
    "max_pool": pool("max_pool", 2, 1, 1, 1, True),
    "max_pool_indices": pool("max_pool", 2, 2, 0, 1, False, True),
    "avg_pool": pool("avg_pool", 2, 2, 1, True, False),
    "constant": padding(1, 2, "constant", 1.0),
    "reflect": padding(1, 2, "reflect"),
    "replicate": padding(1, 2, "replicate"),
}
OURS_ONLY = {
    "circular": padding(1, 2, "circular"),  # of slices, in torch too
    "cropped": padding(-1, 0),
    "full": conv("conv", 2, "full"),
    "same": conv("conv", 2, "same"),
    "convolve": convolve,
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
