"""What reaches the user's screen? One console for everything, and silence where the libraries would advertise."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from rich.console import Console

ADVERTS = (
    "Tip:",
    "GPU available",
    "TPU available",
    "HPU available",
    "`Trainer.fit` stopped",
    "Restoring states from",
    "Restored all states from",
    "Loaded model weights from",
    "Detected KeyboardInterrupt",
    "Seed set to",
    "LOCAL_RANK",
    "distributed_backend",
    "Initializing distributed",
    "All distributed processes",
    "Starting with",
    "Running in `fast_dev_run`",
    "`Trainer(limit_",
    "to estimate number of stepping batches",
)
NOISE = {
    r".*isinstance\(treespec, LeafSpec\).*": FutureWarning,  # Lightning 2.6 calls what torch 2.13 deprecates
    r".*does not have many workers.*": UserWarning,  # images are in memory: workers would only cost
    r".*The dirpath has changed from.*": UserWarning,  # a resumed run has a folder of its own
    r".*smaller than the logging interval.*": UserWarning,  # short epochs are fine
    r".*LightningCLI's args parameter is intended to run.*": UserWarning,  # our main() takes its arguments as a list
    r".*found .* while the `DistributedSampler`.*": UserWarning,
    r".*it is recommended to use `.*devices=1.*": UserWarning,  # our samplers repeat no image to even out the ranks
}


@cache
def console() -> Console:
    """The screen. Made on first use, so that importing costs nothing."""
    return Console(highlight=False, soft_wrap=True)


@contextmanager
def quiet() -> Iterator[None]:
    """Lightning's advertisements and the warnings that are about no fault of the user's are not shown."""
    loggers = [
        logging.getLogger(name)
        for name in (
            "pytorch_lightning.utilities.rank_zero",
            "lightning_fabric.utilities.seed",
            "lightning_fabric.utilities.rank_zero",
            "lightning.pytorch.utilities.rank_zero",
            "pytorch_lightning.accelerators.cuda",
        )
    ]
    with warnings.catch_warnings():
        for message, category in NOISE.items():
            warnings.filterwarnings("ignore", message=message, category=category)
        for logger in loggers:
            logger.addFilter(_is_news)
        try:
            yield
        finally:
            for logger in loggers:
                logger.removeFilter(_is_news)


def _is_news(record: logging.LogRecord) -> bool:
    return not any(advert in record.getMessage() for advert in ADVERTS)
