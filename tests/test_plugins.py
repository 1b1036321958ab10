"""Backends of other people, found by their entry point; in ``plugins/`` lie one that works and one that does not."""

import ast
import os
import runpy
import subprocess
import sys
import threading
import tomllib
import warnings
from configparser import ConfigParser
from pathlib import Path

import pytest
import torch

from scratchlayers import functional as F
from scratchlayers.registry import ENTRY_POINTS, use_backend
from scratchlayers.testing import parametrize_with_checks

from .operators import Watching
from .registries import imported_anew, registered

PLUGINS = Path(__file__).parent / "plugins"
GOOD, BROKEN = PLUGINS / "tap_by_tap", PLUGINS / "broken"


# not imported, so that the other tests of this process do not find it installed
TAPS = runpy.run_path(str(GOOD / "scratchlayers_taps.py"))["BACKEND"]


@pytest.fixture
def installed(monkeypatch):
    """A registry as a process has it that finds the plugins in these folders; and what it warned of."""

    def start(*folders):
        for folder in reversed(folders):
            monkeypatch.syspath_prepend(folder)
            for file in folder.glob("*.py"):
                monkeypatch.delitem(sys.modules, file.stem, raising=False)
        registry = imported_anew()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            registry.names()
        return registry, [(each.category, str(each.message)) for each in caught]

    return start


def plugin(folder, name, code):
    """Write a plugin as an installer leaves it."""
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.py").write_text(code)
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[{ENTRY_POINTS}]\n{name} = {name}:BACKEND\n")
    return folder


def python(code, *folders, **variables):
    """Run code in a new process that has the plugins installed."""
    paths = os.pathsep.join(map(str, folders))
    environment = {**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1", **variables}
    return subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=120)


# The example


@parametrize_with_checks(TAPS)
def test_example_keeps_the_contract(check):
    check()


def test_example_holds_no_windows_side_by_side():
    """What its docstring promises: no tensor much larger than the padded input and the output."""

    class Largest(Watching):
        elements = 0

        def met(self, function, result):
            if isinstance(result, torch.Tensor):
                self.elements = max(self.elements, result.untyped_storage().nbytes() // result.element_size())

    x, w = torch.ones(1, 4, 32, 32), torch.ones(4, 4, 5, 5)
    largest = {}
    with registered(TAPS):
        for name in ("taps", "torch"):
            with use_backend(name), Largest() as mode:
                F.conv2d(x, w, padding=2)
            largest[name] = mode.elements
    assert largest["taps"] == 4 * 36 * 36
    assert largest["torch"] == 4 * 32 * 32 * 5 * 5


def test_example_is_as_short_as_we_say():
    tree = ast.parse((GOOD / "scratchlayers_taps.py").read_text())
    kernel = next(node for node in tree.body if isinstance(node, ast.FunctionDef))
    assert kernel.end_lineno - kernel.lineno <= 15


def test_example_is_found_as_its_project_file_says():
    written = tomllib.loads((GOOD / "pyproject.toml").read_text())["project"]["entry-points"][ENTRY_POINTS]
    found = ConfigParser()
    found.read(GOOD / "scratchlayers_taps-0.1.dist-info" / "entry_points.txt")
    assert written == dict(found[ENTRY_POINTS])


def test_example_is_found_and_runs_in_a_new_process():
    code = """
import torch, scratchlayers
from scratchlayers import nn, registry
assert registry.names() == ["numba", "torch", "numpy", "taps"], registry.names()
torch.manual_seed(0)
layer, x = nn.Conv2d(4, 6, 3, stride=2, padding=1, groups=2).double(), torch.randn(2, 4, 9, 9).double()
want = torch.nn.functional.conv2d(x, layer.weight, layer.bias, 2, 1, 1, 2)
with scratchlayers.use_backend("taps"):
    torch.testing.assert_close(layer(x), want)
    scratchlayers.explain(layer, x)
"""
    ran = python(code, GOOD)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "numba, taps" in ran.stdout
    assert "taps: has no such kernel (conv_input_grad, conv_weight_grad)" in ran.stdout


# What is found


def test_a_plugin_joins_the_chain_and_runs_only_what_it_has(installed):
    registry, warned = installed(GOOD)
    assert warned == []
    assert registry.names() == ["numba", "torch", "numpy", "taps"]
    with registry.use_backend("taps"):
        kernels = registry.kernels("cpu", torch.float32, 2)
        assert kernels.conv is registry.get("taps").kernels["conv"]
        assert kernels.pad is registry.get("numba").kernels["pad"]
        assert registry.choice("conv", "cpu", torch.int64, 2)[0] == "torch"


def test_a_plugin_may_be_the_environments_choice(installed, monkeypatch):
    monkeypatch.setenv("SCRATCHLAYERS_BACKEND", "taps")
    registry, warned = installed(GOOD)
    assert warned == []
    assert registry.names() == ["taps", "numba", "torch", "numpy"]


def test_a_plugin_that_is_not_there_is_asked_for_in_vain(installed):
    registry, _ = installed()
    missing = r"no backend is named 'taps'; there are numba, numpy, torch$"
    with pytest.raises(registry.UnknownBackendError, match=missing):
        registry.get("taps")


def test_plugins_are_not_loaded_by_the_import_but_by_the_first_use():
    code = """
import sys, warnings
warnings.simplefilter("error")
import scratchlayers, scratchlayers.nn, scratchlayers.functional
assert "scratchlayers_broken" not in sys.modules
warnings.simplefilter("always")
scratchlayers.nn.ZeroPad2d(1)(__import__("torch").ones(1, 1, 2, 2))
scratchlayers.nn.ZeroPad2d(1)(__import__("torch").ones(1, 1, 2, 2))
print(scratchlayers.registry.names())
"""
    ran = python(code, BROKEN, GOOD)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout == "['numba', 'torch', 'numpy', 'taps']\n"
    assert ran.stderr.count("RuntimeWarning") == 1
    assert "'broken' (scratchlayers_broken:BACKEND) is left out" in ran.stderr


# What is wrong costs one warning


def test_a_broken_plugin_costs_one_warning_and_nothing_else(installed):
    registry, warned = installed(BROKEN, GOOD)
    ((category, message),) = warned
    assert category is RuntimeWarning
    assert message == (
        "the backend plugin 'broken' (scratchlayers_broken:BACKEND) is left out: "
        "ModuleNotFoundError: No module named 'a_library_that_is_not_installed'"
    )
    assert registry.names() == ["numba", "torch", "numpy", "taps"]


def test_a_broken_plugin_costs_nothing_else_where_warnings_are_errors(monkeypatch):
    for folder, module in ((GOOD, "scratchlayers_taps"), (BROKEN, "scratchlayers_broken")):
        monkeypatch.syspath_prepend(folder)
        monkeypatch.delitem(sys.modules, module, raising=False)
    registry = imported_anew()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(RuntimeWarning, match="'broken'"):
            registry.names()
        assert registry.names() == ["numba", "torch", "numpy", "taps"]


def test_a_broken_plugin_is_named_when_it_is_asked_for(installed):
    registry, _ = installed(BROKEN)
    missing = "no backend is named 'broken'; there are numba, numpy, torch"
    with pytest.raises(registry.UnknownBackendError, match=missing):
        registry.get("broken")


IMPORTS = "from scratchlayers.contract import Backend\n"


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("BACKEND = {'conv': print}", "TypeError: it must name a scratchlayers.contract.Backend, this is a dict"),
        ("KERNELS = {}", "AttributeError: module 'wrong' has no attribute 'BACKEND'"),
        (IMPORTS + "BACKEND = Backend", "TypeError: it must name a scratchlayers.contract.Backend, this is a type"),
        (IMPORTS + "BACKEND = Backend('torch', {}, frozenset({'cpu'}))", "ValueError: the name 'torch' is taken"),
        (IMPORTS + "BACKEND = Backend('x', {'relu': 1}, frozenset())", "ValueError: backend 'x' has unknown kernels"),
        ("def", "SyntaxError: "),
        ("1 / 0", "ZeroDivisionError: division by zero"),
    ],
)
def test_whatever_is_wrong_is_said_and_the_others_work(installed, tmp_path, code, why):
    registry, warned = installed(plugin(tmp_path, "wrong", code), GOOD)
    ((category, message),) = warned
    assert category is RuntimeWarning
    assert message.startswith(f"the backend plugin 'wrong' (wrong:BACKEND) is left out: {why}")
    assert registry.names() == ["numba", "torch", "numpy", "taps"]


def test_two_plugins_of_one_name_are_one_and_a_warning(installed, tmp_path):
    code = IMPORTS + "BACKEND = Backend('same', {}, frozenset({'cpu'}))"
    registry, warned = installed(plugin(tmp_path / "a", "first", code), plugin(tmp_path / "b", "second", code))
    ((_, message),) = warned
    assert "'second'" in message
    assert "the name 'same' is taken" in message
    assert registry.names().count("same") == 1


def test_one_plugin_found_twice_is_one(installed):
    registry, warned = installed(GOOD, GOOD)
    assert (registry.names(), warned) == (["numba", "torch", "numpy", "taps"], [])


def test_first_use_by_many_threads_finds_each_plugin_once(installed, tmp_path, monkeypatch):
    slow = plugin(tmp_path, "slow", "import time; time.sleep(0.2)\n" + (GOOD / "scratchlayers_taps.py").read_text())
    monkeypatch.syspath_prepend(slow)
    monkeypatch.delitem(sys.modules, "slow", raising=False)
    registry, seen = imported_anew(), []
    threads = [threading.Thread(target=lambda: seen.append(registry.names())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [["numba", "torch", "numpy", "taps"]] * 4


def test_a_plugin_may_run_a_layer_or_register_itself_while_it_is_imported(tmp_path):
    warms_up = """
import torch
from scratchlayers import nn
from scratchlayers.contract import Backend
nn.AvgPool1d(2)(torch.ones(1, 1, 4, dtype=torch.int64))  # by no backend that compiles, and might say so
BACKEND = Backend("warm", {}, frozenset({"cpu"}), priority=2)
"""
    registers_itself = """
from scratchlayers import register
from scratchlayers.contract import Backend
BACKEND = register(Backend("eager", {}, frozenset({"cpu"}), priority=1))
"""
    plugins = [
        plugin(tmp_path / "a", "warms_up", warms_up),
        plugin(tmp_path / "b", "registers_itself", registers_itself),
    ]
    ran = python("from scratchlayers import registry; print(registry.names())", *plugins)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout == "['warm', 'eager', 'numba', 'torch', 'numpy']\n"
