import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROGRAM = """
import torch, scratchlayers, lightning_app
from scratchlayers import nn
assert "site" in scratchlayers.__file__ and "site" in lightning_app.__file__, scratchlayers.__file__
x = torch.randn(2, 1, 8, 8)
with scratchlayers.use_backend("numpy"):
    a = nn.Conv2d(1, 1, 3)
    torch.testing.assert_close(a(x), torch.nn.functional.conv2d(x, a.weight, a.bias))
print("works outside", scratchlayers.__version__)
"""


@pytest.mark.slow
def test_the_wheel_works_outside_the_checkout(tmp_path):
    def run(*arguments):
        return subprocess.run(
            [sys.executable, *arguments], cwd=tmp_path, check=True, capture_output=True, text=True
        ).stdout

    run("-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(tmp_path), str(ROOT))
    (wheel,) = tmp_path.glob("*.whl")
    run("-m", "pip", "install", "--quiet", "--no-deps", "--target", "site", str(wheel))
    assert "works outside" in run("-c", f"import sys; sys.path.insert(0, 'site')\n{PROGRAM}")
    files = {str(path.relative_to(tmp_path / "site")) for path in (tmp_path / "site").rglob("*")}
    assert "scratchlayers/py.typed" in files
    assert "lightning_app/data/digits.npz" in files
    assert {"lightning_app/templates/page.html", "lightning_app/export/assets/net.js"} <= files
    assert not any(path.startswith("tests") for path in files)
