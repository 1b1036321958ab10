from pathlib import Path

import pytest

from lightning_app.data import download, mnist

from .miniature import install


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """No data set is here, and no mirror answers: a port nobody listens on."""
    monkeypatch.delenv(mnist.ROOT_VARIABLE, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(download, "MIRRORS", ("http://127.0.0.1:9/mnist/",))
    return tmp_path


@pytest.fixture
def files(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """A miniature of MNIST, not yet anywhere."""
    return install(monkeypatch)
