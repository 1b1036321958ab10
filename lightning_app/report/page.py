"""What stands on the page, in which order? All runs side by side, then each by itself."""

from lightning_app.page import Picture, Section, Table, environment
from lightning_app.report.draw import comparison
from lightning_app.report.record import PICTURES, Record
from lightning_app.report.spread import Group, differing, groups

HEAD = ["run", "data", "layers", "parameters", "epochs", "seed", "training", "test accuracy", "wrong"]


def reported(runs: list[Record]) -> str:
    """The whole page as text."""
    together = groups(runs)
    sections = [_results(runs, together)]
    changed = differing(runs)
    if changed:
        rows = [[name, *values] for name, values in changed.items()]
        sections.append(Section("What differs", [Table(["setting", *(run.name for run in runs)], rows)]))
    sections += [_one(run) for run in runs]
    title = f"Run {runs[0].name}" if len(runs) == 1 else f"{len(runs)} runs"
    values = {"title": title, "lead": _lead(runs, together), "facts": _facts(runs), "sections": sections, "runs": runs}
    return environment().get_template("report.html").render(values)


def _lead(runs: list[Record], together: list[Group]) -> str:
    data = ", ".join(dict.fromkeys(run.results["dataset"] for run in runs))
    if len(together) == 1:
        return f"Trained on {data}: test accuracy {together[0].accuracy}."
    best = max(together, key=lambda group: group.mean)
    comparable = len({run.results["dataset"] for run in runs}) == 1
    best_of = (
        f" Best: {best.label}, {best.accuracy}." if comparable else " Accuracies on different data do not compare."
    )
    return f"Trained on {data}, with {len(together)} different settings.{best_of}"


def _facts(runs: list[Record]) -> dict[str, str]:
    accuracies = sorted(run.results["test_accuracy"] for run in runs)
    least, most = f"{accuracies[0]:.2%}", f"{accuracies[-1]:.2%}"
    facts = {
        "test accuracy": most if least == most else f"{least} to {most}",
        "training": _seconds(sum(run.results["training_seconds"] for run in runs)),
        "layers": ", ".join(dict.fromkeys(run.results["layers"] for run in runs)),
    }
    versions = runs[0].results["versions"]
    return facts | {"made with": ", ".join(f"{name} {versions[name]}" for name in ("torch", "pytorch-lightning"))}


def _results(runs: list[Record], together: list[Group]) -> Section:
    blocks: list[str | Picture | Table] = [Table(HEAD, [_row(run) for run in runs])]
    if any(len(group.runs) > 1 for group in together):
        rows = [_spread(group) for group in together]
        caption = "Runs that differ only by their seed, together; the spread is the sample's standard deviation."
        blocks.append(Table(["settings of", "runs", "mean", "spread", "least", "most"], rows, caption))
    if len(runs) > 1:
        blocks.append(
            Picture(comparison(runs, together), "validation accuracy by epoch, and test accuracy of every run")
        )
    return Section("Results", blocks)


def _row(run: Record) -> list[str]:
    found = run.results
    wrong = round((1 - found["test_accuracy"]) * found["test_images"])
    return [
        run.name,
        found["dataset"],
        found["layers"],
        f"{found['parameters']:,}",
        str(found["epochs"]),
        str(found["seed"]),
        _seconds(found["training_seconds"]),
        f"{found['test_accuracy']:.2%}",
        f"{wrong:,} of {found['test_images']:,}",
    ]


def _spread(group: Group) -> list[str]:
    spread = f"± {100 * group.deviation:.2f} points" if len(group.runs) > 1 else "one run only"
    accuracies = group.accuracies
    return [
        group.label,
        str(len(group.runs)),
        f"{group.mean:.2%}",
        spread,
        f"{min(accuracies):.2%}",
        f"{max(accuracies):.2%}",
    ]


def _one(run: Record) -> Section:
    about = run.results
    threads = f"{about['threads']} thread{'s' * (about['threads'] > 1)}"
    text = (
        f"{about['layers']} layers, {about['parameters']:,} parameters, {about['epochs']} epochs on {about['dataset']} "
        f"in {_seconds(about['training_seconds'])} of training, on {about['device']} with {threads}, "
        f"seed {about['seed']}."
    )
    pictures = [
        Picture(run.folder / name, f"{run.name}: {caption}", caption, wide=name != "confusion_matrix.png")
        for name, caption in PICTURES.items()
        if (run.folder / name).is_file()
    ]
    return Section(run.name, [text, *pictures, _classes(run)])


def _classes(run: Record) -> Table:
    rows = []
    for name, found in run.results["classes"].items():
        precision, recall = found["precision"], found["recall"]
        f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
        rows.append([name, f"{precision:.2%}", f"{recall:.2%}", f"{f1:.2%}", f"{found['images']:,}"])
    return Table(["class", "precision", "recall", "F1", "test images"], rows)


def _seconds(value: float) -> str:
    return f"{value:.1f} s" if value < 120 else f"{value / 60:.1f} min"
