"""How much of a difference is chance? Runs that differ only by their seed are one group, with mean and spread."""

import json
import statistics
from typing import NamedTuple

from lightning_app.report.record import Record

SEEDS = ("seed_everything", "data.seed")


class Group(NamedTuple):
    """Runs with the same settings but for the seed; ``label`` says what sets it apart from the other groups."""

    label: str
    runs: list[Record]

    @property
    def accuracies(self) -> list[float]:
        """Of the test, run by run."""
        return [run.results["test_accuracy"] for run in self.runs]

    @property
    def mean(self) -> float:
        """Of the test accuracies."""
        return statistics.fmean(self.accuracies)

    @property
    def deviation(self) -> float:
        """The sample's standard deviation (n - 1); 0 of a single run, of which nothing is known."""
        return statistics.stdev(self.accuracies) if len(self.runs) > 1 else 0.0

    @property
    def accuracy(self) -> str:
        """In words: mean, spread and number of runs."""
        if len(self.runs) == 1:
            return f"{self.mean:.2%}"
        return f"{100 * self.mean:.2f} ± {100 * self.deviation:.2f} % (mean and standard deviation of {len(self.runs)})"


def groups(runs: list[Record]) -> list[Group]:
    """In the order of their first runs."""
    found: dict[str, list[Record]] = {}
    for run in runs:
        found.setdefault(_key(run), []).append(run)
    return [Group(_label(members, len(found)), members) for members in found.values()]


def differing(runs: list[Record]) -> dict[str, list[str]]:
    """The settings that are not the same in all runs, with their values run by run."""
    settings = [run.settings for run in runs]
    names = dict.fromkeys(name for each in settings for name in each)
    values = {name: [_text(each.get(name)) for each in settings] for name in names}
    return {name: texts for name, texts in values.items() if len(set(texts)) > 1}


def _key(run: Record) -> str:
    same = {name: value for name, value in run.settings.items() if name not in SEEDS}
    return json.dumps(same | {"dataset": run.results["dataset"]}, sort_keys=True, default=str)


def _label(members: list[Record], of: int) -> str:
    first = members[0]
    several = f"{first.name} and {len(members) - 1} more" if len(members) > 1 else first.name
    return several if of > 1 or len(members) == 1 else f"{len(members)} runs"


def _text(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return text if len(text) <= 60 else f"{text[:57]}..."
