"""On what was it measured? The processor, the versions, the commit, and how busy it was."""

from __future__ import annotations

import datetime
import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from .._version import __version__

_FLAGS = (
    "sse4_2",
    "avx",
    "avx2",
    "fma",
    "f16c",
    "avx512f",
    "avx512bw",
    "avx512_bf16",
    "amx_bf16",
    "asimd",
    "asimdhp",
    "sve",
)
_VARIABLES = ("OMP_NUM_THREADS", "OMP_WAIT_POLICY", "OMP_PROC_BIND", "MKL_NUM_THREADS", "SCRATCHLAYERS_SIMD")
BUSY = 0.3  # of a core: above it, times say more about the other processes than about the layers


def load() -> float | None:
    """Return the load average of the last minute for each core, None where the system knows none."""
    try:
        return os.getloadavg()[0] / (os.cpu_count() or 1)
    except (AttributeError, OSError):
        return None


def described(command: str) -> dict[str, Any]:
    """Return everything about this run that its figures depend on."""
    cpu = _cpuinfo()
    return {
        "command": command,
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "commit": _commit(),
        "cpu": cpu.get("model name") or platform.processor() or platform.machine(),
        "cpu_family": ", ".join(f"{key} {cpu[key]}" for key in ("cpu family", "model", "stepping") if key in cpu),
        "cpu_flags": [flag for flag in _FLAGS if flag in f"{cpu.get('flags', '')} {cpu.get('Features', '')}".split()],
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "load_per_core": load(),
        "platform": platform.platform(),
        "python": platform.python_version(),
        "scratchlayers": __version__,
        "torch": torch.__version__,
        "torch_config": _torch_build(),
        **{name: _version(name) for name in ("numba", "llvmlite", "numpy")},
        "environment": {name: os.environ[name] for name in _VARIABLES if name in os.environ},
    }


def _torch_build() -> str:
    """Return what torch was built with, without the paths and flags of the machine that built it."""
    lines = torch.__config__.show().splitlines()
    return "\n".join(line for line in lines if "Build settings" not in line)


def _cpuinfo() -> dict[str, str]:
    try:
        lines = Path("/proc/cpuinfo").read_text().split("\n\n")[0].splitlines()
    except OSError:
        return {}
    return {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}


def _commit() -> str | None:
    """Return the commit of the checkout, with a mark if files differ from it; None outside of one."""
    command = ("git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty", "--abbrev=10")
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
