"""Which backend does a module ask for?"""

from __future__ import annotations

from contextlib import nullcontext

from ..registry import use_backend


class Chooses:
    """A module that may prefer one backend: set ``module.backend`` to its name, or leave it None for the default."""

    backend: str | None = None

    def _chosen(self):
        return nullcontext() if self.backend is None else use_backend(self.backend)
