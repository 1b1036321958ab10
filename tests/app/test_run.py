import json
from pathlib import Path

import pytest

from lightning_app import run
from lightning_app.errors import AppError


@pytest.fixture
def first(tmp_path) -> run.Run:
    made = run.new(str(tmp_path / "runs"), "first")
    made.create(resume=False)
    return made


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_files_are_written_whole(first):
    first.write_json("a.json", {"Zürich": 1})
    assert json.loads((first.folder / "a.json").read_text(encoding="utf-8")) == {"Zürich": 1}
    assert names(first.folder) == {"a.json"}


def test_or_not_at_all(first):
    def fail():
        with first.writing("a.txt") as part:
            part.write_text("half")
            raise RuntimeError

    first.write("a.txt", "old")
    with pytest.raises(RuntimeError):
        fail()
    assert (first.folder / "a.txt").read_text() == "old"
    assert names(first.folder) == {"a.txt"}


def test_latest_is_the_one_that_was_made_latest(first, tmp_path):
    runs = str(tmp_path / "runs")
    second = run.new(runs, "second")
    second.create(resume=False)
    for each in (first, second, first):
        each.make_latest()
        assert run.latest(runs) == each
    assert names(tmp_path / "runs") == {"first", "second", "latest"}


def test_latest_works_where_there_are_no_links(first, tmp_path, monkeypatch):
    def refuse(self, target):
        raise OSError("links need a privilege here")

    monkeypatch.setattr(Path, "symlink_to", refuse)
    for _ in range(2):
        first.make_latest()
    assert run.latest(str(tmp_path / "runs")) == first
    assert not (tmp_path / "runs/latest").is_symlink()


def test_without_a_finished_run_there_is_no_latest(tmp_path):
    with pytest.raises(AppError, match="no finished run"):
        run.latest(str(tmp_path / "runs"))


def test_a_deleted_run_is_not_the_latest(first, tmp_path):
    first.make_latest()
    first.folder.rmdir()
    with pytest.raises(AppError, match="no finished run"):
        run.latest(str(tmp_path / "runs"))


def test_runs_are_named_by_time_or_as_told(tmp_path):
    assert run.new("runs", "mine").folder == Path("runs/mine")
    assert len(run.new("runs", None).folder.name) == len("2026-11-21_20-15-00")


def test_a_checkpoint_knows_its_run(first):
    assert run.run_of(first.checkpoints / "best.ckpt") == first
    assert run.run_of(Path("elsewhere/best.ckpt")) is None
