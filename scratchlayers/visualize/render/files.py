"""Which format does a file's ending mean, and how is it written? Whole or not at all."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from .theme import THEMES

if TYPE_CHECKING:
    from ..picture import Picture

Writer = Callable[["Picture", Path, "str | None", float], None]


def save(picture: Picture, file: Path, theme: str | None, scale: float) -> Path:
    """Write the picture and return the path; ValueError, in one line, if that cannot be."""
    writer = check(file, theme)
    if not 0 < scale < math.inf:
        raise ValueError(f"scale is a finite factor above 0, not {scale}")
    return whole(file, lambda part: writer(picture, part, theme, scale))


def whole(file: Path, write: Callable[[Path], object]) -> Path:
    """Write beside the file, then put it in its place; ValueError, in one line, if that cannot be."""
    part = file.with_name(file.name + ".part")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write(part)
        part.replace(file)
    except ImportError as why:
        raise ValueError(f'pictures need {why.name}: pip install "scratchlayers[viz]"') from why
    except OSError as why:
        raise ValueError(f"cannot write {file}: {why.strerror or why}") from why
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)
    return file


def check(file: Path, theme: str | None) -> Writer:
    """Return who writes such a file; ValueError if nobody does."""
    if theme is not None and theme not in THEMES:
        raise ValueError(f"there is no theme {theme!r}{closest(theme, THEMES)}; themes: {', '.join(THEMES)}")
    suffix = file.suffix.lower()
    if suffix not in WRITERS:
        raise ValueError(f"{file.name!r}: the ending says the format, one of {', '.join(WRITERS)}")
    return WRITERS[suffix]


def closest(word: str, known: object) -> str:
    """Return ", did you mean ...?" if one of the known is near."""
    near = get_close_matches(word, list(known), 1)
    return f", did you mean {near[0]!r}?" if near else ""


def _gif(picture: Picture, file: Path, theme: str | None, scale: float) -> None:
    from .raster import stills

    first, *others = [_few_colours(still) for still in stills(picture, theme or "light", scale)]
    clear = {"transparency": 0, "disposal": 2} if THEMES[theme or "light"].paper is None else {"disposal": 1}
    first.save(file, "GIF", save_all=True, append_images=others, loop=0, duration=_milliseconds(picture), **clear)


def _few_colours(still):
    from PIL import Image

    if still.getextrema()[3][0] == 255:
        return still.convert("RGB").quantize(96, dither=Image.Dither.NONE)
    clear = still.getchannel("A").point(lambda alpha: 255 * (alpha < 128))
    palette = still.convert("RGB").quantize(95, dither=Image.Dither.NONE)
    shifted = palette.point(lambda index: index + 1)
    shifted.putpalette([0, 0, 0, *palette.getpalette()])
    shifted.paste(0, mask=clear)
    return shifted


def _webp(picture: Picture, file: Path, theme: str | None, scale: float) -> None:
    from .raster import stills

    first, *others = stills(picture, theme or "light", scale)
    moving = {"save_all": True, "append_images": others, "loop": 0, "duration": _milliseconds(picture)}
    first.save(file, "WEBP", lossless=True, quality=80, **(moving if others else {}))


def _png(picture: Picture, file: Path, theme: str | None, scale: float) -> None:
    from .raster import stills

    first, *others = stills(picture, theme or "light", scale)
    moving = {"save_all": True, "append_images": others, "loop": 0, "duration": _milliseconds(picture)}
    first.save(file, "PNG", optimize=not others, **(moving if others else {}))


def _svg(picture: Picture, file: Path, theme: str | None, scale: float) -> None:
    from .svg import svg

    file.write_text(svg(picture, theme), "utf-8")


def _html(picture: Picture, file: Path, theme: str | None, scale: float) -> None:
    from .page import page

    file.write_text(page(picture, theme), "utf-8")


def _milliseconds(picture: Picture) -> list[int]:
    """The last frame stays twice as long."""
    each = round(1000 * picture.seconds)
    return [each] * (len(picture.frames) - 1) + [2 * each]


WRITERS: dict[str, Writer] = {
    ".gif": _gif, ".webp": _webp, ".png": _png, ".apng": _png, ".svg": _svg, ".html": _html
}  # fmt: skip
