"""Whatever surrounds a call, its result is the same: poisoned or read-only memory, threads, forks, inference mode."""

import threading

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, Dataset

from scratchlayers import functional as F
from scratchlayers import registry
from tests.draw import tensor

x, w, v, b = (tensor(s, torch.float64, seed=i) for i, s in enumerate([(2, 4, 6, 7), (6, 2, 3, 2), (4, 3, 2, 3), (6,)]))
CALLS = {
    "conv": (lambda x, w, v, b: F.conv2d(x, w, b, (1, 2), (1, 0), (2, 1), 2)),
    "conv_same": (lambda x, w, v, b: F.conv2d(x, w, b, 2, "same", 1, 2)),
    "conv_transpose": (lambda x, w, v, b: F.conv_transpose2d(x, v, b, 2, 1, 1, 2)),
    "max_pool": (lambda x, w, v, b: F.max_pool2d(x, 3, 2, 1, 1, True)),
    "max_pool_indices": (lambda x, w, v, b: F.max_pool2d(x, 3, 2, 1, 1, True, True)[0]),
    "avg_pool": (lambda x, w, v, b: F.avg_pool2d(x, 3, 2, 1, True, False)),
    "pad_constant": (lambda x, w, v, b: F.pad(x, (1, 2, -1, 1), value=2.0)),
    "pad_reflect": (lambda x, w, v, b: F.pad(x, (1, 2, -1, 1), "reflect")),
    "pad_replicate": (lambda x, w, v, b: F.pad(x, (1, 2, -1, 1), "replicate")),
    "pad_circular": (lambda x, w, v, b: F.pad(x, (1, 2, -1, 1), "circular")),
    "convolve": (lambda x, w, v, b: F.convolve2d(x, b[None, :3])),
}
calls = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
backends = pytest.mark.parametrize("backend", registry.names())


def run(call, *tensors):
    """The result and all gradients."""
    leaves = [t.detach().requires_grad_() for t in tensors]
    y = call(*leaves)
    return [y.detach(), *torch.autograd.grad(y.sum(), leaves, allow_unused=True)]


def equal(results, wanted):
    return all(a is c or torch.equal(a, c) for a, c in zip(results, wanted, strict=True))


@pytest.mark.compatible("Memory", "torch.use_deterministic_algorithms, which fills new tensors with NaN")
@calls
@backends
def test_results_do_not_depend_on_what_memory_held(call, backend):
    with registry.use_backend(backend):
        clean = run(call, x, w, v, b)
        torch.use_deterministic_algorithms(True)  # fills every torch.empty with NaN
        try:
            assert torch.utils.deterministic.fill_uninitialized_memory
            assert equal(run(call, x, w, v, b), clean)
        finally:
            torch.use_deterministic_algorithms(False)


@pytest.mark.compatible("Memory", "inputs are not written to, and may be read-only")
@calls
@backends
@pytest.mark.filterwarnings("ignore:The given NumPy array is not writable:UserWarning")
def test_inputs_may_be_read_only_and_are_not_written(call, backend):
    arrays = [t.numpy().copy() for t in (x, w, v, b)]
    for array in arrays:
        array.flags.writeable = False
    with registry.use_backend(backend):
        frozen = run(call, *map(torch.from_numpy, arrays))
        assert equal(frozen, run(call, x, w, v, b))
    assert all(np.array_equal(array, t.numpy()) for array, t in zip(arrays, (x, w, v, b), strict=True))


@pytest.mark.compatible("Memory", "outputs may be changed in place")
@calls
def test_outputs_are_fresh_and_may_be_changed_in_place(call):
    y = call(x, w, v, b)
    before = [t.clone() for t in (x, w, v, b)]
    y.fill_(7.0)
    assert equal((x, w, v, b), before)
    leaf = x.clone().requires_grad_()
    call(leaf, w, v, b).mul_(2).sum().backward()
    assert equal([leaf.grad], [2 * run(call, x, w, v, b)[1]])


@calls
def test_inference_mode_and_no_grad_compute_the_same(call):
    y = run(call, x, w, v, b)[0]
    for mode in (torch.inference_mode, torch.no_grad):
        with mode():
            assert torch.equal(call(x.clone().requires_grad_(), w, v, b), y)
    assert not call(x, w, v, b).requires_grad


@calls
def test_inference_tensors_are_computed_with_outside_of_inference_mode(call):
    with torch.inference_mode():
        frozen = [t.clone() for t in (x, w, v, b)]
    assert torch.equal(call(*frozen), call(x, w, v, b))


@pytest.mark.compatible("Processes and threads", "functions called in four threads at once")
@calls
def test_four_threads_at_once_get_what_one_gets(call):
    wanted, found = run(call, x, w, v, b), []
    start = threading.Barrier(4)

    def work():
        start.wait()
        found.extend(equal(run(call, x, w, v, b), wanted) for _ in range(20))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 80
    assert all(found)


UNBATCHED = {
    "conv": lambda x: F.conv2d(x, torch.ones(2, 4, 2, 2).double()),
    "conv_transpose": lambda x: F.conv_transpose2d(x, torch.ones(4, 2, 2, 2).double(), torch.ones(2).double()),
    "max_pool": lambda x: F.max_pool2d(x, 2),
    "avg_pool": lambda x: F.avg_pool2d(x, 2),
    "pad": lambda x: F.pad(x, (1, 1, 1, 1), "reflect"),
    "pad_last_axis": lambda x: F.pad(x, (1, 1)),
    "pad_everything": lambda x: F.pad(x, (1, 1, 1, 1, 1, 1), value=1.0),
    "convolve": lambda x: F.convolve2d(x, torch.ones(2, 2).double()),
}


@pytest.mark.parametrize("call", UNBATCHED.values(), ids=UNBATCHED)
def test_unbatched_outputs_may_be_changed_in_place_too(call):
    leaf, again = x[0].clone().requires_grad_(), x[0].clone().requires_grad_()
    y = call(leaf)
    y.mul_(2)
    y.sum().backward()
    (2 * call(again)).sum().backward()
    assert torch.equal(leaf.grad, again.grad)


LARGE = {
    "conv": lambda space, x, w: space.conv2d(x, w, None, 1, 1),
    "conv_strided": lambda space, x, w: space.conv2d(x, w, None, 2, 1),
    "conv_groups": lambda space, x, w: space.conv2d(x, w[:, :4], None, 2, 1, 1, 2),
    "conv_single": lambda space, x, w: space.conv2d(x.float(), w.float(), None, (1, 2), 1),
    "conv_transpose": lambda space, x, w: space.conv_transpose2d(x, w.transpose(0, 1), None, 2, 1, 1),
    "max_pool": lambda space, x, w: space.max_pool2d(x, 3, 1, 1) + 0 * w.sum(),
    "max_pool_strided": lambda space, x, w: space.max_pool2d(x, 3, 2, 1, 2, True, True)[0] + 0 * w.sum(),
}


@pytest.mark.parametrize("call", LARGE.values(), ids=LARGE)
def test_batches_too_large_for_one_go_are_the_sum_of_their_parts(call):
    results = []
    for space in (F, torch.nn.functional):
        leaves = [
            tensor((7, 8, 66, 65), torch.float64).requires_grad_(),
            tensor((4, 8, 3, 3), torch.float64).requires_grad_(),
        ]
        y = call(space, *leaves)
        results.append([y, *torch.autograd.grad(y.sum(), leaves)])
    assert all(torch.equal(a, c) for a, c in zip(*results, strict=True))


class _Convolved(Dataset):
    def __len__(self):
        return len(CALLS)

    def __getitem__(self, index):
        return run(list(CALLS.values())[index], x, w, v, b)[:2]


@pytest.mark.compatible("Processes and threads", "functions called in forked workers of a loader")
def test_forked_workers_of_a_loader_get_the_same():
    wanted = [run(call, x, w, v, b)[:2] for call in CALLS.values()]  # in this process first: the fork has warm caches
    loader = DataLoader(_Convolved(), batch_size=None, num_workers=2, multiprocessing_context="fork")
    assert all(equal(got, want) for got, want in zip(loader, wanted, strict=True))


def test_a_tensor_may_be_both_operands():
    z = tensor((2, 2, 2, 2), torch.float64).requires_grad_()
    y = tensor((2, 2, 2, 2), torch.float64).requires_grad_()
    F.conv2d(z, z, padding=1).sum().backward()
    torch.nn.functional.conv2d(y, y, padding=1).sum().backward()
    assert torch.equal(z.grad, y.grad)


@pytest.mark.compatible("Memory", "a saved tensor that was changed in place is noticed")
@pytest.mark.parametrize("functional", [F, torch.nn.functional], ids=["ours", "torch's"])
def test_changing_a_saved_tensor_in_place_is_noticed(functional):
    hidden = x.clone().requires_grad_() * 1
    y = functional.conv2d(hidden, w.clone().requires_grad_(), groups=2)
    hidden.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


@pytest.mark.parametrize("name", ["max_pool2d", "avg_pool2d"])
def test_what_is_not_saved_may_change_in_place(name):
    hidden = x.clone().requires_grad_() * 1
    y = getattr(F, name)(hidden, 2)
    hidden.add_(1)
    y.sum().backward()


def test_names_are_arguments():
    assert F.conv2d(input=x, weight=w, bias=b, stride=1, padding=1, dilation=1, groups=2).shape == (2, 6, 6, 8)
    assert F.conv_transpose2d(
        input=x, weight=v, bias=b, stride=2, padding=0, output_padding=1, groups=2, dilation=1
    ).shape == (2, 6, 13, 16)
    pooled = F.max_pool2d(input=x, kernel_size=2, stride=2, padding=0, dilation=1, ceil_mode=True, return_indices=True)
    assert [y.shape[-1] for y in pooled] == [4, 4]
    words = {"kernel_size": 2, "stride": 2, "padding": 0, "ceil_mode": True, "count_include_pad": False}
    assert F.avg_pool2d(input=x, **words, divisor_override=3).shape == (2, 4, 3, 4)
    assert F.avg_pool1d(input=x[0], **words).shape == (4, 6, 4)
    assert F.pad(input=x, pad=(1, 1), mode="constant", value=1.0).shape == (2, 4, 6, 9)
