"""What do both pictures share? Colours that the colour-blind tell apart, an open frame, and where it was measured."""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes

DPI = 150
INK, GREY, FAINT = "#073642", "#657b83", "#dfe5e6"


def open_frame(axes: Axes) -> None:
    """Only a left and a bottom line, and a faint grid."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(GREY)
    axes.tick_params(colors=INK, which="both")
    axes.grid(color=FAINT, linewidth=0.8)
    axes.set_axisbelow(True)


def where(results: dict[str, Any]) -> str:
    """Return the line under a title."""
    at = results["environment"]
    threads = f"{at['threads']} thread{'s' * (at['threads'] != 1)}"
    return f"{at['cpu']} ({at['cpu_family']}), {threads}, float32, torch {at['torch']}, backend {at['backend']}"
