"""Which colour is meant by a role? Light, dark, and "both" for a picture without ground that stands on either.

The hues are Okabe and Ito's, which the colour-blind tell apart (Wong, Nature Methods 8:441, 2011); the paler and the
stronger ones are mixed from them. Nothing in a picture is told by its hue alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..draw.marks import Colour, Image, On, Scale

Rgb = tuple[int, int, int]


@dataclass(frozen=True)
class Theme:
    """Roles and scales of colours; ``paper`` is None where the ground shines through."""

    name: str
    roles: dict[str, str]
    scales: dict[Scale, tuple[str, ...]]
    inks: tuple[str, str]

    @property
    def paper(self) -> str | None:
        """The ground."""
        return self.roles.get("paper")

    def colour(self, wanted: Colour | On) -> str:
        """Return it as #rrggbb."""
        if isinstance(wanted, On):
            ground = self.colour(wanted.ground)
            return max(self.inks, key=lambda ink: contrast(ink, ground))
        if isinstance(wanted, str):
            return self.roles[wanted]
        low = -1 if wanted.scale == "signed" else 0
        place = (wanted.value - low) / (1 - low)
        return "#{:02x}{:02x}{:02x}".format(*self.mapped(np.array(place), wanted.scale))

    def pixels(self, image: Image) -> np.ndarray:
        """Return (rows, columns, 3) bytes."""
        places = (image.values + 1) / 2 if image.scale == "signed" else image.values
        return self.mapped(places.clip(0, 1), image.scale)

    def mapped(self, places: np.ndarray, scale: Scale) -> np.ndarray:
        """Return (..., 3) bytes for places from 0 to 1, mixed from the two stops beside each."""
        stops = np.array([rgb(stop) for stop in self.scales[scale]], float)
        at = np.linspace(0, 1, len(stops))
        channels = [np.interp(places, at, stops[:, channel]) for channel in range(3)]
        return np.stack(channels, -1).round().astype(np.uint8)


def rgb(colour: str) -> Rgb:
    """Return the three bytes of #rrggbb."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio, 1 to 21, of WCAG 2.2."""
    lights = sorted((_luminance(one), _luminance(other)))
    return (lights[1] + 0.05) / (lights[0] + 0.05)


def _luminance(colour: str) -> float:
    parts = [part / 255 for part in rgb(colour)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


_INKS = ("#000000", "#ffffff")  # the better of these has a contrast of 4.58 or more on any colour
_LIGHT = Theme(
    "light",
    {
        "paper": "#ffffff", "ink": "#1f2933", "soft": "#5f6b76", "edge": "#2f3d49", "faint": "#c9d1d8",
        "cell": "#f3f5f7",
        "input": "#b5d9f2", "input_on": "#0072b2", "outside": "#ffffff", "outside_on": "#c3cdd6",
        "output": "#fbe1a6", "output_on": "#e69f00", "weight": "#b8e4d5", "weight_on": "#009e73",
        "alarm": "#d55e00", "alarm_on": "#f3c4a5",
    },
    {
        "amount": ("#f4f8fb", "#9fcbe9", "#2f8cc7", "#063a5e"),
        "signed": ("#8f3500", "#e8985c", "#ffffff", "#6db0de", "#00466f"),
        "grey": ("#000000", "#ffffff"),
    },
    _INKS,
)  # fmt: skip
_DARK = Theme(
    "dark",
    {
        "paper": "#0d1117", "ink": "#e6edf3", "soft": "#9aa7b3", "edge": "#0d1117", "faint": "#3a444e",
        "cell": "#1c232c",
        "input": "#1f4e70", "input_on": "#56b4e9", "outside": "#0d1117", "outside_on": "#3d4854",
        "output": "#69511a", "output_on": "#f0b73a", "weight": "#17503e", "weight_on": "#2fc79c",
        "alarm": "#ff8a3c", "alarm_on": "#6b3a17",
    },
    {
        "amount": ("#151c24", "#164e76", "#3d9bd6", "#d6eeff"),
        "signed": ("#ffab69", "#8f4a17", "#12171e", "#1c608f", "#86caf8"),
        "grey": ("#000000", "#ffffff"),
    },
    _INKS,
)  # fmt: skip
_BOTH = Theme(
    "both",
    {
        "ink": "#7d8590", "soft": "#7d8590", "edge": "#24303b", "faint": "#7d8590",
        "cell": "#c3ccd4",
        "input": "#8cc4ea", "input_on": "#0072b2", "outside_on": "#9aa5b0",
        "output": "#f3cd79", "output_on": "#d98e00", "weight": "#7fcdb4", "weight_on": "#00865f",
        "alarm": "#d55e00", "alarm_on": "#eeb48c",
    },
    _LIGHT.scales,
    _INKS,
)  # fmt: skip
_BOTH.roles["outside"] = _BOTH.roles["cell"]
THEMES = {theme.name: theme for theme in (_LIGHT, _DARK, _BOTH)}
