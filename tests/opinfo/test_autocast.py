"""Under autocast each function computes in the dtype that torch's computes in, and its gradients have the operands'."""

import pytest
import torch
from torch.utils._pytree import tree_map

from scratchlayers.functional import autocast
from tests.compare import same_error
from tests.opinfo import checks, entries
from tests.opinfo.compare import results
from tests.opinfo.test_functions import functions, quiet

HALF = (torch.bfloat16, torch.float16)
PAD_FAMILIES = {"reflect": "reflection_pad", "replicate": "replication_pad"}
OPERATORS = [
    *(f"{name}{rank}d" for name in ("conv", "avg_pool", "max_pool", "adaptive_avg_pool") for rank in (1, 2, 3)),
    *(f"{name}{rank}d" for name in ("adaptive_max_pool", "reflection_pad", "replication_pad") for rank in (1, 2, 3)),
    *(f"{name}{rank}d" for name in ("fractional_max_pool", "max_unpool") for rank in (2, 3)),
    *("conv_transpose1d", "conv_transpose2d.input", "conv_transpose3d.input", "conv_tbc"),
    *("max_pool2d_with_indices", "max_pool3d_with_indices", "constant_pad_nd", "_pad_circular", "im2col", "col2im"),
]


def rule(name, arguments, options, dtype):
    """The dtype that our table gives a call on the CPU, or None."""
    if name == "pad":
        mode = arguments[2] if len(arguments) > 2 else options.get("mode")
        name = f"{PAD_FAMILIES.get(mode)}{len(arguments[1]) // 2}d"
    if options.get("return_indices") and name == "max_pool3d":
        return None
    if name in autocast.LOWER:
        return dtype
    return torch.float32 if name in autocast.FLOAT32["cpu"] else None


def cast_to(dtype, *trees):
    """Cast all floats but float64."""

    def cast(x):
        floats = isinstance(x, torch.Tensor) and x.is_floating_point() and x.dtype is not torch.float64
        return x.to(dtype) if floats and dtype else x

    return tree_map(cast, trees)


@pytest.mark.parametrize("device", ["CPU", "CUDA"])
def test_the_table_names_the_operators_for_which_torch_has_a_rule(device):
    ruled = autocast.LOWER | autocast.FLOAT32.get(device.lower(), frozenset())
    for operator in OPERATORS:
        has_rule = torch._C._dispatch_has_kernel_for_dispatch_key(f"aten::{operator}", f"Autocast{device}")
        assert has_rule == (operator.split(".")[0] in ruled), operator
    assert ruled <= {operator.split(".")[0] for operator in OPERATORS}


@pytest.mark.compatible("Autocast and dtypes", "dtypes of results and gradients under CPU autocast to {dtype}")
@functions
@quiet
@pytest.mark.parametrize("dtype", HALF)
def test_dtypes_of_results_and_gradients_are_torchs(name, dtype):
    for entry in entries.functions(name):
        for sample in entries.samples(entry, torch.float32, 5):
            for given in (torch.float32, torch.float64, *HALF):
                call = tree_map(lambda x, to=given: x.to(to) if is_float(x) else x, entries.arguments(name, sample))
                with torch.autocast("cpu", dtype):
                    got, want = (results(function, *call) for function in (checks.ours(name), checks.torchs(name)))
                if isinstance(got, Exception) or isinstance(want, Exception):
                    same_error(got, want)
                else:
                    assert dtypes(got) == dtypes(want), (given, call)


@pytest.mark.compatible("Autocast and dtypes", "values under CPU autocast to {dtype}")
@functions
@quiet
@pytest.mark.parametrize("dtype", HALF)
def test_results_are_those_of_operands_cast_by_hand(name, dtype):
    for entry in entries.functions(name):
        for sample in entries.samples(entry, torch.float32, 5):
            arguments, options = entries.arguments(name, sample)
            with torch.autocast("cpu", dtype):
                got = results(checks.ours(name), arguments, options)
            target = rule(name, arguments, options, dtype)
            want = results(checks.ours(name), *cast_to(target, arguments, options))
            assert all(torch.equal(y, z.to(y.dtype)) for y, z in zip(got, want, strict=True) if z is not None)


def is_float(x):
    return isinstance(x, torch.Tensor) and x.is_floating_point()


def dtypes(tensors):
    return [None if x is None else x.dtype for x in tensors]
