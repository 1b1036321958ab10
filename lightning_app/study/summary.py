"""What do several seeds say together? Means with their spread, and which variants cannot be told apart."""

from dataclasses import dataclass
from math import sqrt
from statistics import mean, median, stdev
from typing import Any

from lightning_app.study.studies import Variant

SURE = 2.0  # standard errors of a difference


@dataclass(frozen=True)
class Summary:
    """One variant over all seeds; ``shifted``: (mean, spread) of the accuracy by pixels moved."""

    variant: Variant
    accuracies: list[float]
    shifted: dict[int, tuple[float, float]]
    parameters: int
    macs: int
    sizes: str
    step_ms: float

    @property
    def accuracy(self) -> float:
        """The mean."""
        return mean(self.accuracies)

    @property
    def spread(self) -> float:
        """The standard deviation from seed to seed."""
        return stdev(self.accuracies)

    @property
    def near(self) -> float:
        """The mean accuracy when moved by two pixels, left or right."""
        return mean(self.shifted[move][0] for move in (-2, 2))


def summaries(results: list[tuple[Variant, dict[str, Any]]]) -> list[Summary]:
    """One for each variant, in order of first appearance."""
    variants = {variant.name: variant for variant, _ in results}
    return [
        _summary(variant, [result for each, result in results if each.name == name])
        for name, variant in variants.items()
    ]


def told_apart(best: Summary, other: Summary) -> bool:
    """Whether the difference of the means is more than `SURE` standard errors."""
    n = len(best.accuracies)
    error = sqrt((best.spread**2 + other.spread**2) / n)
    return best.accuracy - other.accuracy > SURE * error


def verdict(found: list[Summary]) -> str:
    """Who is best, and who may be as good: a sentence that claims no more than the seeds show."""
    best = max(found, key=lambda each: each.accuracy)
    rivals = [each.variant.name for each in found if each is not best and not told_apart(best, each)]
    head = f"Best: {best.variant.name} ({best.accuracy:.2%} ± {best.spread:.2%} over {len(best.accuracies)} seeds)."
    if not rivals:
        return f"{head} All others are worse by more than {SURE:g} standard errors."
    return f"{head} Not told apart from it, within {SURE:g} standard errors: {'; '.join(rivals)}."


def tolerance(found: list[Summary], move: int = 4) -> str:
    """What is left when the digits are moved: a sentence."""
    left = {each.variant.name: mean(each.shifted[way][0] for way in (-move, move)) for each in found}
    return f"Moved by {move} pixels, right: " + "; ".join(f"{name} {share:.0%}" for name, share in left.items()) + "."


def advantage(found: list[Summary], of: str, over: str) -> str:
    """How much one line is above another at each value, with the standard error of the difference: a sentence."""
    at = {(each.variant.line, each.variant.value): each for each in found}
    parts = []
    for (line, value), each in at.items():
        if line == of and (over, value) in at:
            other = at[over, value]
            error = sqrt((each.spread**2 + other.spread**2) / len(each.accuracies))
            parts.append(f"{value:,} images {100 * (each.accuracy - other.accuracy):+.1f} ± {100 * error:.1f}")
    return f"{of} above {over}, points of accuracy and their standard error: {'; '.join(parts)}."


def _summary(variant: Variant, results: list[dict[str, Any]]) -> Summary:
    moves = {int(move): [result["shifted"][move] for result in results] for move in results[0]["shifted"]}
    return Summary(
        variant,
        [result["accuracy"] for result in results],
        {move: (mean(values), stdev(values)) for move, values in moves.items()},
        results[0]["parameters"],
        results[0]["macs"],
        results[0]["sizes"],
        median(result["step_ms"] for result in results),
    )
