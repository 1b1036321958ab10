"""Arrows only downward: who may import whom, as the design has it."""

import ast
from pathlib import Path

import pytest

import scratchlayers

ROOT = Path(scratchlayers.__file__).parent
LOW = ["geometry", "contract", "registry", "ops", "library", "derivatives", "flops", "functional", "nn"]
MAY_IMPORT = {
    "geometry": [],
    "contract": ["geometry"],
    "backends": ["geometry", "contract"],
    "source": [],
    "registry": ["contract"],
    "ops": [],
    "library": ["geometry", "contract", "registry", "ops"],
    "derivatives": ["contract", "ops", "library"],
    "flops": ["library"],
    "functional": ["geometry", "registry", "ops", "library", "derivatives", "flops"],
    "nn": ["geometry", "registry", "functional"],
    "keras_style": ["geometry", "functional", "nn"],
    "conversion": ["geometry", "functional", "nn"],
    "explanation": [*LOW, "conversion"],
    "testing": [*LOW, "source", "conversion", "explanation"],
    "bench": [*LOW, "conversion", "explanation", "testing"],
    "warmup": [*LOW, "backends"],
    "visualize": [*LOW, "source", "conversion", "explanation"],
    "_version": [],
}
MODULES = [path.relative_to(ROOT) for path in sorted(ROOT.rglob("*.py"))]


def part(path):
    """The layer that a file belongs to."""
    return path.parts[0].removesuffix(".py")


def imported(path):
    """The layers of ours that a file names in an import, wherever in the file that stands."""
    package = ["scratchlayers", *path.parent.parts]
    for node in ast.walk(ast.parse((ROOT / path).read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom):
            start = package[: len(package) + 1 - node.level] if node.level else []
            full = [*start, *(node.module or "").split(".")]
            names = [[*filter(None, full), alias.name] for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name.split(".") for alias in node.names]
        else:
            continue
        yield from (name[1] for name in names if name[0] == "scratchlayers" and len(name) > 1)


@pytest.mark.parametrize("path", [p for p in MODULES if part(p) not in ("__init__", "__main__")], ids=str)
def test_a_layer_imports_only_what_lies_below_it(path):
    allowed = {part(path), "_version", *MAY_IMPORT[part(path)]}
    assert set(imported(path)) - allowed == set()


@pytest.mark.parametrize("path", [p for p in MODULES if part(p) == "backends" and len(p.parts) > 2], ids=str)
def test_a_backend_knows_no_other(path):
    text = (ROOT / path).read_text("utf-8")
    others = {p.parts[1] for p in MODULES if part(p) == "backends" and len(p.parts) > 2} - {path.parts[1]}
    assert not any(other in text for other in others)


def test_the_application_uses_only_public_names():
    """No name with a leading underscore, and no module that is not documented as public."""
    for path in sorted((ROOT.parent / "lightning_app").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("scratchlayers"):
                assert not any(alias.name.startswith("_") and alias.name != "__version__" for alias in node.names), path
                assert not any(word.startswith("_") for word in node.module.split(".")), path


def test_the_rules_see_an_upward_arrow(tmp_path, monkeypatch):
    (tmp_path / "ops").mkdir()
    (tmp_path / "ops" / "conv.py").write_text(
        "def f():\n    from .. import registry\n    from ..functional.conv import plan\n"
    )
    monkeypatch.setattr("tests.test_layering.ROOT", tmp_path)
    assert set(imported(Path("ops/conv.py"))) == {"registry", "functional"}
