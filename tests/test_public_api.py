"""What may users rely on? The names, their documentation, and what an import costs."""

import doctest
import importlib
import inspect
import json
import pkgutil
import statistics
import subprocess
import sys

import pytest

import scratchlayers

PUBLIC = [
    "scratchlayers",
    "scratchlayers.functional",
    "scratchlayers.nn",
    "scratchlayers.testing",
    "scratchlayers.registry",
    "scratchlayers.visualize",
]
HEAVY = (
    "numba",
    "llvmlite",
    "matplotlib",
    "lightning",
    "pytorch_lightning",
    "scipy",
    "pandas",
    "PIL",
    "torchvision",
    "sympy.plotting",
)


def modules():
    found = pkgutil.walk_packages(scratchlayers.__path__, "scratchlayers.")
    return [name for _, name, _ in found if not name.endswith("__main__")]


def public(module):
    return getattr(module, "__all__", None) or [
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and getattr(value, "__module__", None) == module.__name__
    ]


@pytest.mark.parametrize("name", ["scratchlayers", *modules()])
def test_every_public_name_is_there_and_documented(name):
    module = importlib.import_module(name)
    assert module.__doc__, name
    for word in public(module):
        value = getattr(module, word)
        if inspect.isclass(value) or inspect.isroutine(value):
            assert value.__doc__, f"{name}.{word}"


@pytest.mark.parametrize("name", ["scratchlayers", "scratchlayers.functional", "scratchlayers.nn"])
def test_all_is_sorted_and_all_there_is(name):
    module = importlib.import_module(name)
    assert sorted(module.__all__) == module.__all__
    assert set(module.__all__) <= set(dir(module))
    assert all(hasattr(module, word) for word in module.__all__)
    ours = {
        word
        for word, value in vars(module).items()
        if not word.startswith("_") and str(getattr(value, "__module__", "")).startswith("scratchlayers")
    }
    assert ours <= set(module.__all__)


def test_functional_has_torchs_signatures():
    """As torch documents them: its own operators show none."""
    words = {
        "avg_pool1d": "input, kernel_size, stride, padding, ceil_mode, count_include_pad",
        "conv2d": "input, weight, bias, stride, padding, dilation, groups",
        "conv_transpose2d": "input, weight, bias, stride, padding, output_padding, groups, dilation",
        "max_pool2d": "input, kernel_size, stride, padding, dilation, ceil_mode, return_indices",
        "avg_pool2d": "input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override",
        "pad": "input, pad, mode, value",
        "unfold": "input, kernel_size, dilation, padding, stride",
        "fold": "input, output_size, kernel_size, dilation, padding, stride",
    }
    for name, expected in words.items():
        for twin in {name, name.replace("2", "3"), name.replace("2", "1") if "avg" not in name else name}:
            ours = getattr(scratchlayers.functional, twin)
            assert ", ".join(inspect.signature(ours).parameters) == expected, twin


@pytest.mark.parametrize("name", modules())
def test_examples_in_docstrings_hold(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_the_package_example_holds():
    assert doctest.testmod(scratchlayers) == (0, doctest.testmod(scratchlayers).attempted)
    assert doctest.testmod(scratchlayers).attempted > 0


def fresh(code):
    """Run code in a new interpreter and return the JSON it prints."""
    done = subprocess.run([sys.executable, "-c", f"import json, sys, time\n{code}"], capture_output=True, check=True)
    return json.loads(done.stdout)


def test_importing_the_package_imports_nothing_heavy():
    loaded = fresh("import scratchlayers\nprint(json.dumps(sorted(sys.modules)))")
    assert not [name for name in loaded if name.split(".")[0] in ("torch", "numpy", *HEAVY)]


def test_the_layers_import_torch_and_nothing_else_heavy():
    before = set(fresh("import torch\nprint(json.dumps(sorted(sys.modules)))"))
    after = set(fresh("import scratchlayers.nn, scratchlayers.functional\nprint(json.dumps(sorted(sys.modules)))"))
    assert not [name for name in after - before if name.split(".")[0] in HEAVY]


def test_the_import_adds_little_to_torchs():
    code = "import torch\nstart = time.perf_counter()\nimport scratchlayers.nn\nprint(time.perf_counter() - start)"
    seconds = statistics.median(fresh(code) for _ in range(3))
    assert seconds < 0.2, f"import scratchlayers.nn adds {seconds:.3f} s to import torch"


def test_version_is_a_version():
    assert scratchlayers.__version__.count(".") == 2


def test_unknown_names_are_errors():
    with pytest.raises(AttributeError, match="no_such_name"):
        scratchlayers.no_such_name  # noqa: B018 the look-up is what fails
