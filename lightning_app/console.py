"""What reaches the user's screen? One console for everything, and silence where the libraries would advertise."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from rich.console import Console

CHATTY = ("pytorch_lightning", "lightning_fabric")  # at level INFO: advertisements, and what our header says better
NOISE = {  # warnings about no fault of the user's
    r".*isinstance\(treespec, LeafSpec\).*": FutureWarning,  # Lightning 2.6 calls what torch 2.13 deprecates
    r"\s*``instantiate_classes`` was deprecated": DeprecationWarning,  # Lightning 2.6 calls it
    r"\s*By default only one JsonargparseDeprecationWarning": DeprecationWarning,  # and this comes with it
    r".*does not have many workers.*": UserWarning,  # images are in memory: workers would only cost
    r".*smaller than the logging interval.*": UserWarning,  # short epochs are fine
    r".*LightningCLI's args parameter is intended to run.*": UserWarning,  # our main() takes its arguments as a list
    r"(Experiment logs|Checkpoint) directory .* exists and is not empty.*": UserWarning,  # the run's own, or resumed
    r".*callbacks used to create the checkpoint.*": UserWarning,  # an evaluation needs only the weights
    r".*The dirpath has changed.*": UserWarning,  # a checkpoint was moved: its run gets a new folder
    r".*could not find the monitored key.*": UserWarning,  # an epoch need not be validated
    r".*it is recommended to use `.*devices=1.*": UserWarning,  # our samplers repeat no image to even out the ranks
}


@cache
def console() -> Console:
    """The screen. Made on first use, so that importing costs nothing."""
    return Console(highlight=False, soft_wrap=True)


@contextmanager
def quiet() -> Iterator[None]:
    """Inside, Lightning's chatter and the warnings in `NOISE` are not shown."""
    loggers = [logging.getLogger(name) for name in CHATTY]
    levels = [logger.level for logger in loggers]
    with warnings.catch_warnings():
        for message, category in NOISE.items():
            warnings.filterwarnings("ignore", message=message, category=category)
        for logger in loggers:
            logger.setLevel(logging.WARNING)
        try:
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)
