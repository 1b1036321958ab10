"""Who runs a call: the wanted backend, then the others by priority, kernel by kernel."""

import asyncio
import copy
import pickle
import threading
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from importlib import import_module

import pytest
import torch

import scratchlayers
from scratchlayers import functional as F
from scratchlayers import nn, registry
from scratchlayers.contract import NAMES, Backend

from .nn.build import USUAL, rank_of, usual
from .registries import imported_anew, recorder, recording, registered

HERE = ("cpu", torch.float64, 2)
CPU = frozenset({"cpu"})


@pytest.fixture
def fresh():
    return imported_anew()


@pytest.fixture
def started_with(monkeypatch):
    """A registry as a process has it that is started with the variable set."""

    def start(value, variable=registry.VARIABLE):
        monkeypatch.setenv(variable, value)
        return imported_anew()

    return start


def convolve():
    x = torch.ones(1, 1, 3, 3, dtype=torch.float64, requires_grad=True)
    return F.conv2d(x, torch.ones(1, 1, 2, 2, dtype=torch.float64, requires_grad=True))


# The chain


def test_chain_goes_by_priority_and_then_by_age(fresh):
    for name, priority in [("low", -9), ("late", 5), ("high", 7), ("later", 5), ("floor", 0)]:
        fresh.register(Backend(name, {}, CPU, priority=priority))
    names = [name for name in fresh.names() if name in {"low", "late", "high", "later", "floor", "torch", "numpy"}]
    assert names == ["high", "late", "later", "torch", "floor", "numpy", "low"]


def test_wanted_backend_goes_first_and_the_others_keep_their_order(fresh):
    usual = fresh.names()
    with fresh.use_backend("numpy"):
        assert fresh.names() == ["numpy", *(name for name in usual if name != "numpy")]
    assert fresh.names() == usual


def test_the_numba_backend_is_the_built_in_choice_on_cpus():
    assert registry.names()[0] == "numba"
    assert registry.choice("conv", *HERE) == ("numba", {})


@pytest.mark.parametrize("device", ["cpu", "cuda", "mps", "meta", "a device of the future"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.int8, torch.complex64])
@pytest.mark.parametrize("rank", [1, 2, 3, 7])
def test_somebody_runs_every_kernel_anywhere(device, dtype, rank):
    assert [name for name in NAMES if registry.choice(name, device, dtype, rank)[0] is None] == []


def test_priority_above_zero_goes_before_the_built_in_choice():
    with recorder(priority=1) as calls:
        convolve().sum().backward()
    assert calls == ["conv", "conv_input_grad", "conv_weight_grad"]


def test_default_priority_waits_to_be_asked():
    with recorder() as calls:
        convolve().sum().backward()
    assert calls == []


def test_partial_backend_is_filled_from_the_chain():
    with recorder(kernels=["conv"]) as calls, registry.use_backend("recorder"):
        kernels = registry.kernels(*HERE)
        convolve().sum().backward()
    assert calls == ["conv"]
    torchs = {**registry.get("torch").kernels, **registry.get("numba").kernels}
    assert {name for name in NAMES if getattr(kernels, name) is not torchs[name]} == {"conv"}


def test_gaps_of_the_wanted_backend_go_to_the_next_by_priority():
    first, asked = recording("first", kernels=["conv"])
    second, helped = recording("second", kernels=["conv", "conv_input_grad"], priority=3)
    with registered(first, second), registry.use_backend("first"):
        convolve().sum().backward()
    assert (asked, helped) == (["conv"], ["conv_input_grad"])


# Refusals


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        ({"kernels": ["pad"]}, "has no conv"),
        ({"devices": ["xpu", "cuda"]}, "runs on cuda, xpu, not on cpu"),
        ({"dtypes": frozenset({torch.float32})}, "has no kernels for torch.float64"),
        ({"ranks": frozenset({1, 3})}, "has no kernels for 2 spatial axes"),
    ],
)
def test_refusal_says_why_and_the_next_one_runs(limits, reason):
    with recorder(**limits) as calls, registry.use_backend("recorder"):
        assert registry.choice("conv", *HERE) == ("numba", {"recorder": reason})
        convolve().sum().backward()
    assert calls == []


@pytest.mark.parametrize("limits", [{"dtypes": None}, {"ranks": None}, {"dtypes": frozenset({torch.float64})}])
def test_what_is_not_limited_is_accepted(limits):
    backend, _ = recording(**limits)
    assert backend.refuses("conv", *HERE) is None


def test_a_backend_may_refuse_for_reasons_of_its_own(fresh):
    class Weekdays(Backend):
        def refuses(self, kernel, device, dtype, rank):
            return super().refuses(kernel, device, dtype, rank) or "rests on Sundays"

    fresh.register(Weekdays("weekdays", {"conv": print}, CPU, priority=1))
    assert fresh.choice("conv", *HERE) == ("numba", {"weekdays": "rests on Sundays"})
    assert fresh.choice("pad", *HERE) == ("numba", {"weekdays": "has no pad"})


def test_one_call_may_refuse_what_another_accepts():
    with recorder(dtypes=frozenset({torch.float32})) as calls, registry.use_backend("recorder"):
        F.avg_pool1d(torch.ones(1, 1, 4, dtype=torch.float64), 2)
        assert calls == []
        F.avg_pool1d(torch.ones(1, 1, 4), 2)
        assert calls == ["avg_pool"]


def test_nobody_runs_it_names_every_refusal(fresh):
    fresh.register(Backend("plain", {"pad": print}, CPU))
    fresh.unregister("torch")
    named, refusals = fresh.choice("conv", "cuda", torch.float32, 2)
    assert named is None
    assert refusals.items() >= {"numpy": "runs on cpu, not on cuda", "plain": "has no conv"}.items()
    with pytest.raises(NotImplementedError) as failed:
        fresh.kernels("cuda", torch.float32, 2).conv(None, None, None, None, 1)
    for part in ("no backend runs conv", "numpy runs on cpu, not on cuda", "plain has no conv"):
        assert part in str(failed.value)


# The record


def test_record_rejects_kernels_that_the_contract_does_not_name():
    with pytest.raises(ValueError, match=r"'typo' .* kernels \['con2d', 'relu'\]; the contract names .*'conv'"):
        Backend("typo", {"relu": print, "con2d": print, "conv": print}, CPU)


def test_record_does_not_change():
    backend, _ = recording()
    with pytest.raises(AttributeError):
        backend.priority = 5


@pytest.mark.parametrize("name", ["torch", "numpy"])
def test_built_in_backends_are_complete(name):
    assert set(registry.get(name).kernels) == set(NAMES)


# use_backend


def test_use_backend_as_a_block():
    with recorder() as calls:
        with registry.use_backend("recorder"):
            convolve()
        convolve()
    assert calls == ["conv"]


def test_use_backend_as_a_decorator_again_and_again():
    with recorder() as calls:

        @registry.use_backend("recorder")
        def factorial(n):
            convolve()
            return n * factorial(n - 1) if n else 1

        assert factorial(3) == 6
        convolve()
        assert factorial(0) == 1
    assert calls == ["conv"] * 5


def test_a_decorator_of_an_unknown_backend_is_refused_at_once():
    with pytest.raises(registry.UnknownBackendError, match="did you mean 'numpy'"):
        registry.use_backend("nunpy")


def test_blocks_nest_and_end_with_an_exception():
    outer, first = recording("outer")
    inner, second = recording("inner")
    with registered(outer, inner), registry.use_backend("outer"):
        with registry.use_backend("inner"):
            convolve()
        assert (first, second) == ([], ["conv"])
        with pytest.raises(ZeroDivisionError), registry.use_backend("inner"):
            raise ZeroDivisionError
        convolve()
    assert (first, second) == (["conv"], ["conv"])
    assert registry.names()[0] == "numba"


def test_threads_choose_for_themselves():
    both, seen = threading.Barrier(2), {}

    def work(name):
        with registry.use_backend(name) if name else nullcontext():
            both.wait(10)
            seen[name] = registry.names()[0]
            both.wait(10)

    with registry.use_backend("numpy"):
        threads = [threading.Thread(target=work, args=(name,)) for name in ("numpy", None)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert seen == {"numpy": "numpy", None: "numba"}


def test_tasks_choose_for_themselves():
    async def work(name):
        with registry.use_backend(name):
            await asyncio.sleep(0)
            return registry.names()[0]

    async def together():
        return await asyncio.gather(work("numpy"), work("torch"), work("numpy"))

    assert asyncio.run(together()) == ["numpy", "torch", "numpy"]


@pytest.mark.parametrize(
    ("name", "hint"), [("nunpy", "did you mean 'numpy'?"), ("Torch", "did you mean 'torch'?"), ("", "")]
)
def test_unknown_name_lists_what_exists_and_suggests(name, hint):
    with pytest.raises(registry.UnknownBackendError) as failed, registry.use_backend(name):
        pytest.fail("the block must not be entered")
    assert f"no backend is named {name!r}; there are" in str(failed.value)
    assert "numpy, torch" in str(failed.value)
    assert str(failed.value).endswith(hint)


def test_far_off_name_gets_no_suggestion():
    with pytest.raises(registry.UnknownBackendError) as failed:
        registry.get("cublas")
    assert "did you mean" not in str(failed.value)


@pytest.mark.parametrize("name", [None, 3, ["numpy"], recording()[0]], ids=["None", "int", "list", "Backend"])
def test_what_is_no_name_is_explained(name):
    with pytest.raises(TypeError, match=f"chosen by its name, a str, got {type(name).__name__}"):
        registry.get(name)


# The environment


def test_environment_names_the_default(started_with):
    fresh = started_with("numpy")
    numpys, torchs = fresh.get("numpy").kernels, fresh.get("torch").kernels
    assert fresh.names()[0] == "numpy"
    assert fresh.kernels(*HERE).conv is numpys["conv"]
    with fresh.use_backend("torch"):
        assert fresh.kernels(*HERE).conv is torchs["conv"]
    assert fresh.kernels(*HERE).conv is numpys["conv"]


def test_environment_holds_in_every_thread(started_with):
    fresh, seen = started_with("numpy"), []
    thread = threading.Thread(target=lambda: seen.extend(fresh.names()))
    thread.start()
    thread.join()
    assert seen[0] == "numpy"


def test_empty_environment_means_none(started_with):
    assert started_with("").names()[0] == "numba"


def test_wrong_environment_raises_at_every_call_and_lists(started_with):
    fresh = started_with("nunpy")
    message = r"SCRATCHLAYERS_BACKEND asks for 'nunpy'.*there are .*numpy, torch.*did you mean 'numpy'"
    for _ in range(2):
        with pytest.raises(fresh.UnknownBackendError, match=message):
            fresh.kernels(*HERE)
    with fresh.use_backend("torch"):
        assert fresh.kernels(*HERE).conv is fresh.get("torch").kernels["conv"]


def test_environment_may_name_what_is_registered_later(started_with):
    fresh = started_with("late")
    with pytest.raises(fresh.UnknownBackendError):
        fresh.kernels(*HERE)
    fresh.register(Backend("late", {"conv": print}, CPU))
    assert fresh.kernels(*HERE).conv is print


def test_environment_is_read_once_so_that_what_is_explained_is_what_runs(fresh, monkeypatch):
    fresh.kernels(*HERE)
    monkeypatch.setenv(registry.VARIABLE, "numpy")
    for dtype in (torch.float64, torch.float32):
        named, _ = fresh.choice("conv", "cpu", dtype, 2)
        assert fresh.kernels("cpu", dtype, 2).conv is fresh.get(named).kernels["conv"]


# Precision


@contextmanager
def two_precisions():
    """A backend at priority 1, and what it was called for."""
    fast, calls = recording(priority=1)
    slow, exactly = recording(kernels=("conv", "conv_input_grad", "conv_weight_grad"))
    with registered(replace(fast, exact=slow.kernels)):
        yield calls, exactly


def test_fast_is_the_default_and_exact_is_a_block():
    with two_precisions() as (fast, exact):
        convolve()
        assert (fast, exact) == (["conv"], [])
        with registry.precision("exact"):
            convolve()
            with registry.precision("fast"):
                convolve()
        assert (fast, exact) == (["conv", "conv"], ["conv"])


def test_forwards_precision_is_backwards():
    with two_precisions() as (fast, exact):
        with registry.precision("exact"):
            y = convolve()
        y.sum().backward()
        assert (fast, exact) == ([], ["conv", "conv_input_grad", "conv_weight_grad"])
        exact.clear()
        y = convolve()
        with registry.precision("exact"):
            y.sum().backward()
        assert exact == []


def test_precision_as_a_decorator_and_in_another_thread():
    with two_precisions() as (fast, exact):

        @scratchlayers.precision("exact")
        def work():
            convolve()
            thread = threading.Thread(target=convolve)
            thread.start()
            thread.join()

        work()
        work()
    assert (fast, exact) == (["conv", "conv"], ["conv", "conv"])


def test_kernels_without_an_exact_form_run_at_any_precision():
    with two_precisions() as (fast, _), registry.precision("exact"):
        F.avg_pool1d(torch.ones(1, 1, 4, dtype=torch.float64), 2)
    assert fast == ["avg_pool"]


@pytest.mark.parametrize("word", ["Exact", "", "high", 3, None])
def test_unknown_precision_names_the_two_there_are(word):
    with pytest.raises(ValueError, match=r'a precision is "fast" or "exact", not ') as failed:
        registry.precision(word)
    assert repr(word) in str(failed.value)


def test_environment_names_the_precision(started_with):
    fresh = started_with("exact", registry.PRECISION)
    fresh.register(Backend("mine", {"conv": print, "pad": print}, CPU, priority=1, exact={"conv": repr}))
    kernels = fresh.kernels(*HERE)
    assert (kernels.conv, kernels.pad) == (repr, print)
    with fresh.precision("fast"):
        assert fresh.kernels(*HERE).conv is print


def test_wrong_precision_in_the_environment_raises_at_every_call(started_with):
    fresh = started_with("exakt", registry.PRECISION)
    for _ in range(2):
        with pytest.raises(ValueError, match=r"not 'exakt'; see .*SCRATCHLAYERS_PRECISION"):
            fresh.kernels(*HERE)
    with fresh.precision("fast"):
        fresh.kernels(*HERE)


def test_empty_precision_in_the_environment_means_fast(started_with):
    fresh = started_with("", registry.PRECISION)
    fresh.register(Backend("mine", {"conv": print}, CPU, priority=1, exact={"conv": repr}))
    assert fresh.kernels(*HERE).conv is print


# Registration


def test_registered_backend_is_returned_and_found(fresh):
    backend, _ = recording()
    assert fresh.register(backend) is backend
    assert fresh.get("recorder") is backend


@pytest.mark.parametrize("name", ["torch", "recorder"])
def test_taken_name_is_refused_unless_replaced(fresh, name):
    old, _ = recording()
    fresh.register(old)
    new, _ = recording(name, priority=1)
    with pytest.raises(ValueError, match=f"{name!r} is already registered; pass replace=True"):
        fresh.register(new)
    fresh.kernels(*HERE)
    fresh.register(new, replace=True)
    assert fresh.get(name) is new
    assert fresh.kernels(*HERE).conv is new.kernels["conv"]


def test_unregistered_backend_is_gone_at_once(fresh):
    backend, _ = recording(priority=1)
    fresh.register(backend)
    assert fresh.kernels(*HERE).conv is backend.kernels["conv"]
    fresh.unregister("recorder")
    assert "recorder" not in fresh.names()
    assert fresh.kernels(*HERE).conv is fresh.get("numba").kernels["conv"]
    with pytest.raises(fresh.UnknownBackendError, match="'recorder'"):
        fresh.unregister("recorder")


def test_what_is_no_backend_is_explained(fresh):
    with pytest.raises(TypeError, match=r"contract\.Backend, got str"):
        fresh.register("numpy")


def test_default_does_not_depend_on_who_asked_first(fresh):
    with fresh.use_backend("numpy"):
        fresh.resolve(None, "fast", *HERE)
    assert fresh.kernels(*HERE).conv is fresh.get("numba").kernels["conv"]


def test_a_built_in_backend_that_cannot_be_imported_costs_one_warning(fresh, monkeypatch):
    def failing(name):
        if name.endswith("numba_cpu"):
            raise ImportError("Numba needs another NumPy")
        return import_module(name)

    monkeypatch.setattr(fresh, "import_module", failing)
    with pytest.warns(RuntimeWarning, match=r"numba_cpu is left out: ImportError: Numba needs another NumPy") as caught:
        found = fresh.names()
    assert len(caught) == 1
    assert found == fresh.names() == [name for name in registry.names() if name != "numba"]


# A module's own choice

SHAPES = {1: (1, 2, 6), 2: (1, 2, 6, 6), 3: (1, 2, 4, 4, 4)}


def built(name):
    """A module of this name and an input for it."""
    words = usual(name, SHAPES[rank_of(name)])
    x = torch.randn(SHAPES[rank_of(name)], generator=torch.Generator().manual_seed(0), requires_grad=True)
    return getattr(nn, name)(*words), x


@pytest.mark.parametrize("name", USUAL)
def test_every_module_may_choose(name):
    module, x = built(name)
    module.backend = "recorder"
    with recorder() as calls, registry.use_backend("numpy"):
        y = module(x)
        forward = list(calls)
        y.sum().backward()
    assert len(forward) == 1
    assert len(calls) > len(forward)


@pytest.mark.parametrize("name", USUAL)
def test_no_module_chooses_by_itself(name):
    module, x = built(name)
    assert module.backend is None
    with recorder() as calls, registry.use_backend("recorder"):
        module(x)
    assert len(calls) == 1


def test_a_modules_choice_ends_with_its_call():
    chosen, other = nn.ZeroPad2d(1), nn.AvgPool2d(2)
    chosen.backend = "recorder"
    with recorder() as calls:
        other(chosen(torch.ones(1, 1, 2, 2)))
    assert calls == ["pad"]


def test_a_modules_choice_covers_its_padding_mode():
    conv = nn.Conv2d(1, 1, 3, padding=1, padding_mode="reflect")
    conv.backend = "recorder"
    with recorder() as calls:
        conv(torch.ones(1, 1, 4, 4)).sum().backward()
    assert calls == ["pad", "conv", "pad", "conv_weight_grad"]


def test_a_modules_unknown_choice_raises_when_it_is_called():
    conv = nn.Conv2d(1, 1, 3)
    conv.backend = "nunpy"
    with pytest.raises(registry.UnknownBackendError, match="did you mean 'numpy'"):
        conv(torch.ones(1, 1, 4, 4))
    assert registry.names()[0] == "numba"


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda module: pickle.loads(pickle.dumps(module))])
def test_a_modules_choice_is_copied_with_it(copied):
    pool = nn.MaxPool2d(2)
    pool.backend = "numpy"
    assert copied(pool).backend == "numpy"
    assert pool.state_dict() == {}


# Forward's choice is backward's


def test_backward_outside_the_block_runs_on_forwards_backend():
    with recorder() as calls:
        with registry.use_backend("recorder"):
            y = convolve()
        y.sum().backward()
    assert calls == ["conv", "conv_input_grad", "conv_weight_grad"]


def test_a_block_around_backward_alone_changes_nothing():
    with recorder() as calls:
        y = convolve()
        with registry.use_backend("recorder"):
            y.sum().backward()
    assert calls == []


def test_second_derivatives_run_on_forwards_backend():
    x = torch.ones(1, 1, 3, 3, dtype=torch.float64, requires_grad=True)
    w = torch.ones(1, 1, 2, 2, dtype=torch.float64, requires_grad=True)
    with recorder() as calls:
        with registry.use_backend("recorder"):
            y = F.conv2d(x, w).square().sum()
        (gx,) = torch.autograd.grad(y, x, create_graph=True)
        calls.clear()
        gx.sum().backward()
    assert set(calls) == {"conv", "conv_input_grad", "conv_weight_grad"}


def test_backward_in_another_thread_runs_on_forwards_backend():
    with recorder() as calls:
        with registry.use_backend("recorder"):
            y = F.max_pool2d(torch.arange(16.0, requires_grad=True).reshape(1, 1, 4, 4), 2)
        thread = threading.Thread(target=lambda: y.sum().backward())
        thread.start()
        thread.join()
    assert calls == ["max_pool", "scatter"]


def test_backward_outlives_the_registration():
    with recorder() as calls, registry.use_backend("recorder"):
        y = convolve()
    y.sum().backward()
    assert calls == ["conv", "conv_input_grad", "conv_weight_grad"]
