"""What do all pictures share? Colours (told apart by the colour-blind), type sizes, and a bare axes."""

from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap

DPI = 160
INK, GREY, FAINT = "#073642", "#657b83", "#dfe5e6"
BLUE, ORANGE = "#1f77b8", "#cb4b16"
AMOUNT = LinearSegmentedColormap.from_list("amount", ["#ffffff", "#b9dcf2", BLUE, "#073b5c"])
SIGNED = LinearSegmentedColormap.from_list("signed", ["#8c2d04", "#f0a070", "#ffffff", "#86bfe6", "#073b5c"])
PIXELS = LinearSegmentedColormap.from_list("pixels", ["#0b1f2a", "#ffffff"])


def plain(text: str) -> str:
    """A name as it is: no mathematics between dollars, and no legend that leaves out what begins with _."""
    return text.replace("$", r"\$").replace("_", "\u200b_", 1) if text.startswith("_") else text.replace("$", r"\$")


def bare(axes: Axes) -> None:
    """No ticks, a thin frame."""
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set(color=GREY, linewidth=0.5)


def open_frame(axes: Axes) -> None:
    """Axes with a left and a bottom line only, and a faint grid."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(GREY)
    axes.tick_params(which="both", colors=INK, labelsize=10)
    axes.grid(color=FAINT, linewidth=0.8)
    axes.set_axisbelow(True)


def colours(n: int) -> list[tuple[float, ...]]:
    """``n`` colours ordered by lightness, which the colour-blind see too; none too pale or too dark."""
    return [tuple(colormaps["viridis"](0.25 + 0.62 * i / max(1, n - 1))) for i in range(n)]
