"""unfold, fold and conv_tbc are torch's: values, gradients, dtypes, layouts and errors."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from scratchlayers import functional as F
from scratchlayers.geometry import Window
from tests.compare import EXACT, agree
from tests.draw import Call, batches, examples, extents, ints, layouts, seeds, spatial, tensor

DTYPES = (torch.float64, torch.float32, torch.bfloat16, torch.float16, torch.complex128, torch.complex64, torch.bool)
OTHERS = (torch.int64, torch.int32, torch.uint8)


@st.composite
def unfoldings(draw):
    """(call of unfold, call of fold) for one window over one image."""
    kernel, dilation, stride = draw(ints(2, 1, 3)), draw(ints(2, 1, 3)), draw(ints(2, 1, 4))
    padding = draw(ints(2, 0, 2))
    size = spatial(draw, extents(kernel, dilation), padding)
    grid = Window.parse(2, kernel, stride, padding, dilation).over(tuple(size))
    batch, channels, dtype = draw(batches()), draw(st.integers(1, 3)), draw(st.sampled_from(DTYPES))
    lead = [] if batch is None else [batch]
    windows = grid.output_size[0] * grid.output_size[1]
    x = tensor([*lead, channels, *size], dtype, draw(layouts()), draw(seeds()))
    y = tensor([*lead, channels * kernel[0] * kernel[1], windows], dtype, draw(layouts()), draw(seeds()))
    words = [draw(twice(word)) for word in (kernel, dilation, padding, stride)]
    return Call((x,), tuple(words)), Call((y,), (draw(twice(size)), *words))


def twice(values):
    """Torch's ways to write two ints; these operators know no sequence of one."""
    ways = [tuple(values), list(values)] + [values[0]] * (values[0] == values[1])
    return st.sampled_from(ways)


@given(unfoldings())
@examples(150)
def test_unfolding_is_torchs(calls):
    agree("unfold", *calls[0], **EXACT)


@given(unfoldings())
@examples(150)
def test_folding_is_torchs(calls):
    agree("fold", *calls[1], **EXACT)


WORDS = (
    0,
    -1,
    2,
    3,
    1.0,
    True,
    None,
    "a",
    "same",
    (),
    (1,),
    (1, 2),
    (2, 1),
    (1, 1, 1),
    (0, 1),
    (1, -1),
    ((1, 0), (0, 1)),
)
SHAPES = (
    (),
    (3,),
    (3, 4),
    (2, 3, 4),
    (2, 3, 4, 5),
    (1, 2, 3, 4, 5),
    (0, 3, 4, 5),
    (2, 0, 4, 5),
    (0, 4, 5),
    (2, 3, 0, 5),
)
COLUMNS = ((), (12,), (12, 12), (2, 12, 12), (2, 12, 11), (2, 13, 12), (2, 0, 12), (2, 12, 0), (0, 12, 12), (0, 12))


@pytest.mark.parametrize("place", range(4))
def test_any_word_of_unfold_does_what_it_does_in_torch(place):
    for word in WORDS:
        words = [2, 1, 0, 1]
        words[place] = word
        agree("unfold", [tensor((2, 3, 4, 5), torch.float64)], words, **EXACT)


@pytest.mark.parametrize("place", range(5))
def test_any_word_of_fold_does_what_it_does_in_torch(place):
    for word in (*WORDS, (4, 5), 4):
        words = [(4, 5), 2, 1, 0, 1]
        words[place] = word
        agree("fold", [tensor((2, 12, 12), torch.float64)], words, **EXACT)


def test_any_shape_and_dtype_does_what_it_does_in_torch():
    for shape in SHAPES:
        agree("unfold", [tensor(shape, torch.float64)], [2], **EXACT)
    for shape in COLUMNS:
        agree("fold", [tensor(shape, torch.float64)], [(4, 5), 2], **EXACT)
    for dtype in OTHERS:
        agree("unfold", [tensor((2, 3, 4, 5), dtype)], [2])
        agree("fold", [tensor((2, 12, 12), dtype)], [(4, 5), 2])
    for wrong in ([1], None, tensor((2, 3, 4, 5), torch.float64).numpy()):
        agree("unfold", [], [wrong, 2])
        agree("fold", [], [wrong, 2, 2])


def test_gradients_of_gradients():
    x = torch.randn(1, 2, 4, 5, dtype=torch.float64, requires_grad=True)
    columns = torch.randn(1, 8, 12, dtype=torch.float64, requires_grad=True)
    for function, operand in ((lambda x: F.unfold(x, 2), x), (lambda y: F.fold(y, (4, 5), 2), columns)):
        assert torch.autograd.gradcheck(function, operand)
        assert torch.autograd.gradgradcheck(lambda x, function=function: function(x).square(), operand)


def test_folding_what_was_unfolded_counts_the_windows():
    x = torch.randn(2, 3, 6, 7, dtype=torch.float64)
    counts = F.fold(F.unfold(torch.ones_like(x), 3, padding=1), (6, 7), 3, padding=1)
    torch.testing.assert_close(F.fold(F.unfold(x, 3, padding=1), (6, 7), 3, padding=1), counts * x)
    assert counts[0, 0].tolist()[0] == [4, 6, 6, 6, 6, 6, 4]


@given(st.data())
@examples(60)
def test_conv_tbc_is_torchs(data):
    dtype = data.draw(st.sampled_from([*FLOATS, torch.int64, torch.int16]))
    t, n, c, o, k, pad = (data.draw(st.integers(1, 4)) for _ in range(6))
    t, pad = t + k, pad - 2
    x, w, b = tensor((t + 4, n, c), dtype, seed=1), tensor((k, c, o), dtype, seed=2), tensor((o,), dtype, seed=3)
    agree("conv_tbc", (x, w, b), (pad,), **EXACT)


FLOATS = (torch.float64, torch.float32, torch.bfloat16)


def test_wrong_operands_of_conv_tbc_get_torchs_errors():
    x, w, b = tensor((7, 2, 3), torch.float64), tensor((2, 3, 4), torch.float64), tensor((4,), torch.float64)
    agree("conv_tbc", (x, w, b), **EXACT)
    for operands in (
        (x[0], w, b),
        (x, w[0], b),
        (x, w, b[:2]),
        (x, w[:, :2], b),
        (x, w.float(), b),
        (x.bool(), w.bool(), b.bool()),
    ):
        agree("conv_tbc", operands)
    for words in ((1.0,), (True,), ((1,),), ("same",)):
        agree("conv_tbc", (x, w, b), words)
    agree("conv_tbc", (), (x, w, None))
    agree("conv_tbc", (x, w, b.float()))


def test_conv_tbc_has_gradients_of_gradients_and_autocast():
    leaves = [torch.randn(shape, dtype=torch.float64, requires_grad=True) for shape in ((5, 2, 3), (2, 3, 2), (2,))]
    assert torch.autograd.gradgradcheck(lambda *leaves: F.conv_tbc(*leaves, 1), leaves)
    with torch.autocast("cpu", torch.bfloat16):
        assert F.conv_tbc(*(leaf.float() for leaf in leaves)).dtype is torch.bfloat16
