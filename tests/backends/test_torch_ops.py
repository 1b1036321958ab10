import sys

import pytest
import torch

from scratchlayers import functional, registry
from scratchlayers.geometry import Window
from scratchlayers.testing import checks

TORCH = registry.get("torch")
views, conv = (sys.modules[f"scratchlayers.backends.torch_ops.{name}"] for name in ("views", "conv"))
SPLIT = ("conv", "conv_input_grad", "conv_weight_grad", "max_pool")


@pytest.fixture
def small_parts(monkeypatch):
    """Let windows be made a few at a time, so that small cases are split as large ones are."""
    monkeypatch.setattr(views, "_AT_A_TIME", 50)
    _forget()
    yield
    _forget()


def _forget():
    views.parts.cache_clear()
    conv._sizes.cache_clear()


@pytest.mark.parametrize(
    "check", [c for c in checks(TORCH, quick=True) if set(c.group) & set(SPLIT) and "derivative" not in str(c)], ids=str
)
@pytest.mark.usefixtures("small_parts")
def test_parts_are_the_whole(check):
    check()


def test_an_image_is_split_into_rows():
    grid = Window.parse(2, 31, stride=1).over((128, 128))
    pieces = views.parts(2, 16, grid)
    row = 16 * 31 * 31 * 98
    assert all(row * piece.grid.output_size[0] <= max(views._AT_A_TIME, row) for piece in pieces)
    rows = [piece.rows for piece in pieces if piece.images == slice(0, 1)]
    assert [row.start for row in rows[1:]] == [row.stop for row in rows[:-1]]
    assert (rows[0].start, rows[-1].stop) == (0, 98)


@pytest.mark.parametrize("shape", [(8, 5, 3, 3), (1, 5, 3, 3), (3, 5, 12, 12)])
@pytest.mark.parametrize("groups", [1, 5])
def test_images_together_and_one_by_one_are_the_same(shape, groups, monkeypatch):
    """However many positions an output has, and for one image or several."""
    torch.manual_seed(0)
    x = torch.randn(shape, dtype=torch.float64, requires_grad=True)
    w = torch.randn(10, 5 // groups, 3, 3, dtype=torch.float64, requires_grad=True)
    results = []
    for few in (0, 10**6):
        monkeypatch.setattr(conv, "_FEW", few)
        conv._sizes.cache_clear()
        y = functional.conv2d(x, w, None, 1, 0, 1, groups)
        results.append([y, *torch.autograd.grad(y.square().sum(), (x, w))])
    conv._sizes.cache_clear()
    for a, b in zip(*results, strict=True):
        torch.testing.assert_close(a, b)
