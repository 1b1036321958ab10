"""Made-up results of a run: two groups, a win, a loss, one that may be either."""

ENVIRONMENT = {
    "cpu": "Some CPU",
    "cpu_family": "family 1",
    "threads": 2,
    "torch": "2.13.0",
    "backend": "some",
    "commit": None,
    "date": "2026-01-02T03:04:05+00:00",
    "command": "python -m scratchlayers bench",
    "torch_config": "built so",
}
ROOFS = {"flops": 1e11, "bytes": 1e10}


def row(id, group, kind, ratio, flops=10**9, low=None, high=None):
    ours = 1000.0
    rates = {
        f"{side}_{what}": value
        for side, us in (("torch", ours * ratio), ("ours", ours))
        for what, value in (("gflops", flops / us / 1e3), ("gbytes", 1e8 / us / 1e3), ("roof", 0.5))
    }
    steps = {"torch_saved": 2048, "ours_saved": 1024, "torch_peak": 4 * 2**20, "ours_peak": 3 * 2**20}
    return {
        "id": id,
        "name": f"the {id}",
        "group": group,
        "pass": kind,
        "input": "1x2x3x4",
        "layer": f"Layer({id})",
        "dtype": "float32",
        "layout": "contiguous_format",
        "baseline": "torch.nn",
        "rounds": 9,
        "torch_us": ours * ratio,
        "ours_us": ours,
        "torch_min_us": ours * ratio,
        "ours_min_us": ours,
        "ratio_median": ratio,
        "ratio_p20": ratio * 0.9,
        "ratio_p80": ratio * 1.1,
        "ratio_low": low or ratio * 0.99,
        "ratio_high": high or ratio * 1.01,
        "ratio_min": ratio,
        "flops": flops,
        "bytes": 10**8,
        "torch_error": 1e-7,
        "ours_error": 2e-7,
        **rates,
        **(steps if kind == "step" else dict.fromkeys(steps)),
    }


ROWS = [
    row("c01", "few channels", "forward", 4.0),
    row("c01", "few channels", "step", 2.0),
    row("c08", "few channels", "forward", 1.0, low=0.98, high=1.02),
    row("c08", "few channels", "step", 8.0),
    row("p1", "pooling", "forward", 0.5, flops=0),
    row("p1", "pooling", "step", 0.5, flops=0),
]
RESULTS = {"environment": ENVIRONMENT, "roofs": ROOFS, "rows": ROWS}
