"""How is metrics.csv written? By Lightning's CSV logger, taught to go on when a run is resumed."""

import csv
from pathlib import Path

from pytorch_lightning.callbacks import Checkpoint
from pytorch_lightning.loggers import CSVLogger

from lightning_app.run import Run


class Metrics(CSVLogger):
    """Writes <run>/metrics.csv. ``resumed_at``: the step that is next; rows logged before it are kept."""

    def __init__(self, to: Run, resumed_at: int | None = None):
        file = to.folder / "metrics.csv"
        before = [row for row in _rows(file) if int(row["step"]) < resumed_at] if resumed_at else []
        super().__init__(to.folder.parent, name="", version=to.folder.name)
        if before:
            self.experiment.metrics = before

    def after_save_checkpoint(self, checkpoint_callback: Checkpoint) -> None:
        """Be as far as the checkpoint is, so that whoever resumes from it finds every row."""
        self.save()


def _rows(path: Path) -> list[dict[str, str]]:
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
