"""Who runs a kernel's tasks: each task once, on as many threads as torch has, whoever calls and wherever."""

import multiprocessing
import os
import subprocess
import sys
import threading
import weakref
from textwrap import dedent

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, Dataset

from scratchlayers.backends.numba_cpu import team
from scratchlayers.backends.numba_cpu.jit import Longs, Real, inner, kernel

MUCH = 1e9  # operations: work for any number of threads
TASKS = 103
FORK = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")


@inner
def wait_for(counter, count):
    """Wait until counter[0] has reached ``count``, but not for ever."""
    patience = 2**28
    while team.take(counter, 0, 0) < count and patience:
        patience -= 1


@kernel
def sign_in(lo, hi, thread, times: Longs, who: Longs, arrived: Longs, threads):
    """Count each task, and note who did it; but first wait for all the others, who may be slow to wake."""
    if team.take(arrived, 1 + thread, 1) == 0:
        team.take(arrived, 0, 1)
    wait_for(arrived, threads)
    for task in range(lo, hi):
        times[task] += 1
        who[task] = thread


@kernel
def dawdle(lo, hi, thread, times: Longs, done: Longs, others):
    """Count each task; whoever has the first one waits until the ``others`` are done."""
    if lo == 0:
        wait_for(done, others)
    for task in range(lo, hi):
        times[task] += 1
    team.take(done, 0, hi - lo)


@kernel
def square(lo, hi, thread, x: Real, y: Real, size):
    """y = x², ``size`` elements a task."""
    for i in range(lo * size, hi * size):
        y[i] = x[i] * x[i]


@kernel
def multiply(lo, hi, thread, x: Real, y: Real, factors: Longs):
    """y = x · factors[0]."""
    for i in range(lo, hi):
        y[i] = x[i] * factors[0]


@kernel
def weigh(
    lo, hi, thread, y: Longs,
    a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15, a16, a17, a18, a19, a20, a21, a22, a23, a24,
    a25, a26, a27, a28, a29, a30, a31, a32, a33, a34, a35, a36, a37, a38, a39, a40, a41, a42, a43, a44, a45, a46, a47,
    a48, a49, a50, a51, a52, a53, a54,
):  # fmt: skip
    """As many arguments as there may be."""
    y[0] = a0 + 2 * a1 + 4 * a5 + 8 * a31 + 16 * a53 + 32 * a54


@pytest.fixture
def torch_threads():
    yield torch.set_num_threads
    torch.set_num_threads(1)


@pytest.fixture(params=["torch's team", "Python's threads"])
def either_team(request, monkeypatch, torch_threads):
    torch_threads(3)
    if request.param == "Python's threads":
        monkeypatch.setattr(team, "openmp", lambda: None)
    return request.param


def signed(work=MUCH, tasks=TASKS):
    times, who, arrived = torch.zeros(tasks, dtype=torch.int64), torch.full((tasks,), -1), torch.zeros(9).long()
    job = team.Job(sign_in.compiled(torch.float32), tasks, work, 3, threads(tasks, work))
    job.run(times.data_ptr(), who.data_ptr(), arrived.data_ptr())
    assert times.tolist() == [1] * tasks
    return who


def threads(tasks, work):
    return team.Job(0, tasks, work, 0).threads()


def squared(x, size=1000):
    y = torch.empty_like(x)
    team.Job(square.compiled(x.dtype), x.numel() // size, MUCH, 2, size).run(x.data_ptr(), y.data_ptr())
    return y


def test_torchs_library_is_found_here():
    """On Linux, where torch brings its own; elsewhere Python's threads do it."""
    if sys.platform != "linux":
        pytest.skip("torch's library is looked for on Linux only")
    assert team.openmp() is not None


@pytest.mark.parametrize("tasks", [1, 2, 3, 4, 7, 103])
def test_every_task_is_done_once_and_every_thread_has_a_share(either_team, tasks):
    assert len(signed(tasks=tasks).unique()) == min(3, tasks)


def test_what_one_thread_is_slow_to_do_others_take(either_team):
    times, done = torch.zeros(TASKS, dtype=torch.int64), torch.zeros(1, dtype=torch.int64)
    first = max(TASKS // 3 // team.PIECES, 1)
    job = team.Job(dawdle.compiled(torch.float32), TASKS, MUCH, 2, TASKS - first)
    job.run(times.data_ptr(), done.data_ptr())
    assert times.tolist() == [1] * TASKS


def test_no_task_is_no_work(either_team):
    signed(tasks=0)


def test_the_number_of_threads_is_torchs_at_each_call(torch_threads):
    for count in (1, 4, 2, 3, 1):
        torch_threads(count)
        assert len(signed().unique()) == count == threads(TASKS, MUCH)
        assert torch.get_num_threads() == count


def test_little_work_is_done_by_the_caller(torch_threads):
    torch_threads(4)
    assert threads(TASKS, 0) == threads(TASKS, team.GRAIN - 1) == threads(0, MUCH) == 1
    assert threads(TASKS, team.GRAIN) == 2
    assert threads(2, MUCH) == 2
    assert signed(work=team.GRAIN - 1).unique().tolist() == [0]


def test_every_argument_arrives(either_team):
    y, words = torch.zeros(1, dtype=torch.int64), [3**i % (2**62) * (-1) ** i for i in range(55)]
    for tasks, work in ((1, 0), (8, MUCH)):
        team.Job(weigh.compiled(torch.float32), tasks, work, 4, *words[3:]).run(y.data_ptr(), *words[:3])
        expected = sum(words[at] << shift for shift, at in enumerate((0, 1, 5, 31, 53, 54)))
        assert (y.item() - expected) % 2**64 == 0


def test_a_job_keeps_its_arrays(torch_threads):
    """They stand for their addresses."""
    x, y = torch.randn(5), torch.empty(5)
    factors = np.array([3], np.int64)
    times = team.Job(multiply.compiled(x.dtype), 5, 0, 2, factors)
    kept = weakref.ref(factors)
    del factors
    times.run(x.data_ptr(), y.data_ptr())
    assert torch.equal(y, 3 * x)
    assert kept() is not None
    del times
    assert kept() is None


def test_too_many_arguments_are_refused():
    with pytest.raises(ValueError, match="57 arguments, of at most 56"):
        team.Job(0, 1, 0, 3, *range(54))


def test_same_bits_for_every_number_of_threads(torch_threads, monkeypatch):
    x = torch.randn(50_000)
    results = []
    for openmp in (team.openmp, lambda: None):
        monkeypatch.setattr(team, "openmp", openmp)
        for count in (1, 2, 3, 5):
            torch_threads(count)
            results.append(squared(x))
    assert all(torch.equal(y, x * x) for y in results)


def test_several_python_threads_may_call_at_once(either_team):
    """Some of them from a backward pass."""

    class Square(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return squared(x)

        @staticmethod
        def backward(ctx, gy):
            (x,) = ctx.saved_tensors
            return 2 * x * gy * (squared(x) >= 0)

    def work(seed):
        torch.set_num_threads(3)
        x = torch.randn(20_000, generator=torch.Generator().manual_seed(seed), requires_grad=True)
        for _ in range(30):
            (gx,) = torch.autograd.grad(Square.apply(x).sum(), x)
            right.append(torch.equal(gx, 2 * x.detach()) and torch.equal(squared(x.detach()), x.detach() ** 2))

    right = []
    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert right == [True] * 120


def in_child(queue):
    """Work in a child with three threads; twice, so that what the first call started is used again."""
    torch.set_num_threads(3)
    queue.put([len(signed().unique()) for _ in range(2)])


def started(method):
    context = multiprocessing.get_context(method)
    queue = context.SimpleQueue()
    process = context.Process(target=in_child, args=(queue,))
    process.start()
    process.join(60)
    assert process.exitcode == 0
    return queue.get()


@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_child_process_works_in_parallel_too(either_team, method):
    signed()
    assert started(method) == [3, 3]
    assert len(signed().unique()) == 3


@FORK
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_fork_of_a_fork_works(either_team):
    signed()
    child = os.fork()
    if child == 0:
        grandchild = os.fork()
        if grandchild == 0:
            os._exit(len(signed().unique()) != 3)
        _, status = os.waitpid(grandchild, 0)
        os._exit(status != 0 or len(signed().unique()) != 3)
    _, status = os.waitpid(child, 0)
    assert status == 0


@FORK
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_fork_while_another_thread_compiles_does_not_deadlock():
    """The child has no such thread, but it must not wait for its lock."""
    from scratchlayers.backends.numba_cpu import jit

    compiling, forked = threading.Event(), threading.Event()

    def hold():
        with jit._compiling:
            compiling.set()
            forked.wait(0.3)

    thread = threading.Thread(target=hold)
    thread.start()
    compiling.wait(10)
    child = os.fork()
    if child == 0:
        os._exit(0 if jit._compiling.acquire(timeout=10) else 1)
    forked.set()
    thread.join()
    _, status = os.waitpid(child, 0)
    assert status == 0


class Squares(Dataset):
    def __len__(self):
        return 8

    def __getitem__(self, i):
        x = torch.arange(1000.0) + i
        return squared(x, 1) - x * x


@pytest.mark.parametrize("context", multiprocessing.get_all_start_methods())
@pytest.mark.filterwarnings("ignore:This DataLoader will create 2 worker processes:UserWarning")  # of a single core
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_workers_of_a_data_loader_work(torch_threads, context):
    torch_threads(3)
    signed()
    loader = DataLoader(Squares(), batch_size=2, num_workers=2, multiprocessing_context=context)
    assert torch.cat(list(loader)).abs().max() == 0


MAPS = "7f00-7f01 r-xp 00000000 08:01 1    {}"


@pytest.mark.parametrize(
    ("loaded", "found"),
    [
        (["/torch/lib/libgomp-a34b.so.1", "/usr/lib/libgomp.so.1"], {"/torch/lib/libgomp-a34b.so.1"}),
        (["/usr/lib/libgomp.so.1"], {"/usr/lib/libgomp.so.1"}),
        (["/env/lib/libiomp5.so"], {"/env/lib/libiomp5.so"}),
        (["/usr/lib/libgomp.so.1", "/other/libgomp.so.1"], set()),
        (["/usr/lib/libc.so.6"], set()),
    ],
)
def test_the_library_is_torchs_own_or_the_only_one(monkeypatch, loaded, found):
    lines = [MAPS.format(path) for path in loaded for _ in range(2)]
    monkeypatch.setattr(team.torch, "__file__", "/torch/__init__.py")
    monkeypatch.setattr(team.Path, "read_text", lambda self: "\n".join([*lines, "7f00-7f01 rw-p 00000000 00:00 0"]))
    assert team._libraries() == found


def test_no_maps_no_library(monkeypatch):
    def missing(self):
        raise FileNotFoundError

    monkeypatch.setattr(team.Path, "read_text", missing)
    assert team._libraries() == set()


@pytest.mark.parametrize("paths", [{"/no/such/library.so"}, set()])
def test_without_a_library_pythons_threads_do_it(monkeypatch, torch_threads, paths):
    monkeypatch.setattr(team, "_libraries", lambda: paths)
    team.openmp.cache_clear()
    try:
        torch_threads(3)
        assert team.openmp() is None
        assert len(signed().unique()) == 3
    finally:
        team.openmp.cache_clear()


def test_a_process_that_ends_leaves_nobody_waiting():
    code = """
        import torch
        from scratchlayers.backends.numba_cpu import team
        from tests.backends.test_numba_team import signed
        torch.set_num_threads(3)
        signed()
        team.openmp = lambda: None
        signed()
    """
    done = subprocess.run([sys.executable, "-c", dedent(code)], timeout=120, check=False, capture_output=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
