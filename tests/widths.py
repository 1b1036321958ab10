"""How does a test file run at every width of vectors? Once in this process, and once in others that ask for less."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from scratchlayers.backends.numba_cpu import target

HERE = next(name for name, width in target.widths().items() if width == target.VECTOR_BYTES)
NARROWER = [name for name, width in target.widths().items() if width < target.VECTOR_BYTES]


def at_narrower_widths(*files: str, words: tuple[str, ...] = ()):
    """Return a test that runs these files in a new process at each width below this process's."""

    @pytest.mark.thorough
    @pytest.mark.parametrize("width", NARROWER)
    def test_it_all_holds_at_a_narrower_width(width):
        environment = {**os.environ, target.VARIABLE: width, "OMP_NUM_THREADS": "1"}
        command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *words, *files]
        skip = ["--deselect", f"{files[0]}::test_it_all_holds_at_a_narrower_width"]
        done = subprocess.run(command + skip, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-5000:]
        assert " passed" in done.stdout

    return test_it_all_holds_at_a_narrower_width
