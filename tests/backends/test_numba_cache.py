"""Compiled code on disk: found again, never trusted blindly, and never needed."""

import multiprocessing
import os
import stat
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from scratchlayers.backends.numba_cpu import cache

ROOT = getattr(os, "geteuid", lambda: 1)() == 0


@pytest.fixture
def place(monkeypatch, tmp_path):
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "kernels"))
    return tmp_path / "kernels"


def only(place):
    (path,) = place.iterdir()
    return path


# Where


def test_the_variable_names_the_directory(monkeypatch):
    monkeypatch.setenv(cache.VARIABLE, "/a/b")
    assert cache.directory() == Path("/a/b")


@pytest.mark.parametrize("empty", [True, False])
def test_else_it_is_the_users_cache(monkeypatch, empty):
    monkeypatch.setenv(cache.VARIABLE, "") if empty else monkeypatch.delenv(cache.VARIABLE, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", "/caches")
    assert cache.directory() == Path("/caches/scratchlayers/kernels")
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/home/me")
    assert cache.directory() == Path("/home/me/.cache/scratchlayers/kernels")


@pytest.fixture
def homeless(monkeypatch):
    for variable in (cache.VARIABLE, "XDG_CACHE_HOME", "HOME"):
        monkeypatch.delenv(variable, raising=False)

    def nobody(self):
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "expanduser", nobody)


@pytest.mark.usefixtures("homeless")
def test_without_a_home_nothing_is_kept():
    with pytest.raises(OSError, match="home"):
        cache.directory()
    assert cache.read("a") is None
    assert cache.write("a", b"1") is False


# Reading and writing


def test_what_was_written_is_read(place):
    assert cache.read("a") is None
    assert cache.write("a", b"one")
    assert cache.write("a", b"two")
    assert cache.write("b", b"")
    assert (cache.read("a"), cache.read("b")) == (b"two", b"")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other permissions")
def test_it_is_the_users_own(place):
    cache.write("a", b"one")
    assert stat.S_IMODE(place.stat().st_mode) == 0o700
    assert stat.S_IMODE(only(place).stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "damage", [lambda b: b[:-1], lambda b: b[:10], lambda b: b"", lambda b: b + b"!", lambda b: b[::-1]]
)
def test_a_damaged_file_is_not_there(place, damage):
    cache.write("a", b"one")
    path = only(place)
    path.write_bytes(damage(path.read_bytes()))
    assert cache.read("a") is None
    cache.write("a", b"one")
    assert cache.read("a") == b"one"


def test_a_file_by_another_name_is_not_there(place):
    cache.write("a", b"one")
    path = only(place)
    path.rename(path.with_name(path.name.replace("a", "b", 1)))
    assert cache.read("b") is None


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other permissions")
@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_what_others_may_write_is_not_read(place, mode):
    cache.write("a", b"one")
    only(place).chmod(mode)
    assert cache.read("a") is None


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="nobody owns a file here")
@pytest.mark.parametrize(("owner", "trusted"), [(0, True), (1000, True), (1001, False)])
def test_only_the_users_own_and_roots_files_are_read(monkeypatch, place, owner, trusted):
    cache.write("a", b"one")
    real = os.fstat
    monkeypatch.setattr(cache.os, "geteuid", lambda: 1000)
    monkeypatch.setattr(cache.os, "fstat", lambda handle: os.stat_result((*real(handle)[:4], owner, *real(handle)[5:])))
    assert (cache.read("a") == b"one") is trusted


def test_a_directory_that_cannot_be_made_keeps_nothing(monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "file" / "kernels"))
    assert cache.write("a", b"one") is False
    assert cache.read("a") is None


@pytest.mark.skipif(ROOT or sys.platform == "win32", reason="root may write anywhere")
def test_a_read_only_directory_is_read(place):
    cache.write("a", b"one")
    place.chmod(0o500)
    try:
        assert cache.write("b", b"two") is False
        assert cache.read("a") == b"one"
    finally:
        place.chmod(0o700)


def test_a_full_disk_leaves_nothing_behind(monkeypatch, place):
    def full(*_):
        raise OSError(28, "No space left on device")

    cache.write("a", b"one")
    monkeypatch.setattr(Path, "replace", full)
    assert cache.write("b", b"two") is False
    assert len(list(place.iterdir())) == 1


def test_a_name_too_long_for_a_file_keeps_nothing(place):
    assert cache.write("a" * 400, b"one") is False
    assert cache.read("a" * 400) is None


def test_what_was_used_longest_ago_goes(monkeypatch, place):
    monkeypatch.setattr(cache, "MOST", 3)
    for age, name in enumerate("dcba"):
        cache.write(name, name.encode())
        os.utime(place / f"{name}.kernel", (1000 + age, 1000 + age))
    assert cache.read("c") == b"c"  # and so it is younger than b
    (place / "somebody's").write_text("else's")
    cache.write("e", b"e")
    assert sorted(path.name for path in place.iterdir()) == ["a.kernel", "c.kernel", "e.kernel", "somebody's"]


def write_often(place, content):
    os.environ[cache.VARIABLE] = place
    for _ in range(300):
        cache.write("a", content)
        if cache.read("a") not in (b"1" * 10_000, b"2" * 20_000):
            os._exit(1)


def test_two_processes_may_write_at_once(place):
    """Each finds one or the other file, whole."""
    context = multiprocessing.get_context("spawn")
    contents = (b"1" * 10_000, b"2" * 20_000)
    processes = [context.Process(target=write_often, args=(str(place), content)) for content in contents]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0]
    assert len(list(place.iterdir())) == 1


# Whole processes

LAYER = """
    import torch
    from scratchlayers import functional as F, use_backend
    from scratchlayers.backends.numba_cpu import patience
    patience.PATIENCE = 0.0
    with use_backend("numba"):
        y = F.max_pool1d(torch.arange(10.0).reshape(1, 1, -1), 2)
    assert y.flatten().tolist() == [1, 3, 5, 7, 9], y
    print(patience.spent["compile"] > 0)
"""


def layer(**variables):
    """Whether a new process that runs a layer compiles something; and what it says on stderr."""
    environment = {name: value for name, value in os.environ.items() if name not in ("HOME", "XDG_CACHE_HOME")}
    done = subprocess.run(
        [sys.executable, "-c", dedent(LAYER)],
        env={**environment, **variables},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout in ("True\n", "False\n")
    return done.stdout == "True\n", done.stderr


def test_a_second_process_compiles_nothing_unless_the_files_are_damaged(place):
    assert layer()[0] is True
    assert layer() == (False, "")
    for path in place.iterdir():
        path.write_bytes(path.read_bytes()[:-100])
    assert layer()[0] is True
    assert layer() == (False, "")


def test_without_a_place_every_process_compiles_and_stdout_is_clean(tmp_path):
    (tmp_path / "file").touch()
    for _ in range(2):
        compiled, said = layer(**{cache.VARIABLE: str(tmp_path / "file")})
        assert compiled
        assert said.startswith("scratchlayers: compiling for this machine, ")
