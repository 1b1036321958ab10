"""What does the machine execute? Innermost loops are fused multiply-adds of whole vectors, and keep their sums.

Written for x86-64, whose words this file reads.
"""

import re

import pytest
import torch

from scratchlayers.backends.numba_cpu import target
from scratchlayers.backends.numba_cpu.conv import dots
from scratchlayers.backends.numba_cpu.conv.dense_blocks import SHAPES
from scratchlayers.backends.numba_cpu.conv.images_tile import MOST_ROWS as MOST_FILTERS
from scratchlayers.backends.numba_cpu.conv.images_tile import images_tile
from scratchlayers.backends.numba_cpu.conv.matrix import PIXELS, along_inputs
from scratchlayers.backends.numba_cpu.conv.outer_tile import MOST_ROWS, outer_tile
from scratchlayers.backends.numba_cpu.conv.tile import tile_kernel
from tests.widths import at_narrower_widths

pytestmark = [
    pytest.mark.skipif(target.ARM, reason="it reads the words of x86-64"),
    pytest.mark.skipif("fma" not in target.FEATURES, reason="this machine has no fused multiply-add"),
]
test_it_all_holds_at_a_narrower_width = at_narrower_widths(__file__)
REGISTER = {64: "%zmm", 32: "%ymm", 16: "%xmm"}[target.VECTOR_BYTES]
WIDER = {64: (), 32: ("%zmm",), 16: ("%zmm", "%ymm")}[target.VECTOR_BYTES]
FMA = re.compile(r"\tvf(n?)m(add|sub)\d+p[sd]\b")
SPILL = re.compile(r"%[xyz]mm\d+, .*\(|\(%rsp.*%[xyz]mm")  # a vector is stored, or comes from the stack


def blocks(assembly):
    """The code between labels and jumps, as lists of lines."""
    parts = re.split(r"^\.?L\w+:.*$|^\tj\w+\t.*$", assembly, flags=re.MULTILINE)
    return [[line for line in part.splitlines() if line.startswith("\t") and line[1] != "."] for part in parts]


def innermost(assembly):
    """The block with the most multiply-adds."""
    return max(blocks(assembly), key=lambda lines: sum(bool(FMA.match(line)) for line in lines))


def check(kernel, rows, vectors, dtype, across="VECTORS", **constants):
    assembly = kernel.assembly(dtype, ROWS=rows, **{across: vectors}, **constants)
    loop = innermost(assembly)
    products = [line for line in loop if FMA.match(line)]
    text = "\n".join(loop)
    assert len(products) == rows * vectors, text
    assert all(REGISTER in line for line in products), text
    assert not [line for line in loop if SPILL.search(line)], f"spills:\n{text}"
    suffix = {torch.float32: "ps", torch.float64: "pd"}[dtype]
    numbers = [line for line in assembly.splitlines() if re.match(rf"\tv\w*{suffix}\b", line)]
    assert not [line for line in numbers if any(register in line for register in WIDER)]  # masks count in wider ones
    assert all(line.split()[0].endswith(suffix) for line in products), text


def test_a_kernel_is_one_function_that_hands_nothing_on():
    assembly = outer_tile.assembly(torch.float32)
    assert len(re.findall(r"^[^.\s]\S*:$", assembly, flags=re.MULTILINE)) == 1
    assert "call" not in {line.split()[0][:4] for line in assembly.splitlines() if line.startswith("\t")}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize(("rows", "vectors"), SHAPES)
def test_a_tile_of_a_convolution_stays_in_registers(rows, vectors, dtype):
    check(tile_kernel, rows, vectors, dtype)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize(("vectors", "rows"), MOST_ROWS.items())
def test_a_tile_of_a_weight_gradient_stays_in_registers(rows, vectors, dtype):
    check(outer_tile, rows, vectors, dtype, UNIT=1)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize(("vectors", "rows"), MOST_FILTERS.items())
def test_a_tile_with_an_image_in_each_lane_stays_in_registers(rows, vectors, dtype):
    check(images_tile, rows, vectors, dtype)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("rows", [rows for rows in PIXELS if rows <= dots.MOST_ROWS])
def test_a_tile_of_rows_along_the_sum_stays_in_registers(rows, dtype):
    check(along_inputs, rows, dots.columns_beside(rows), dtype, "COLUMNS")


def test_a_tile_too_large_would_be_noticed():
    """There are no registers for so many sums."""
    with pytest.raises(AssertionError, match="spills"):
        check(tile_kernel, 12, 4, torch.float32)
