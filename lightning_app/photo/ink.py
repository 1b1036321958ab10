"""Where on this picture is ink? It may be dark or light, unevenly lit, thinly written; it becomes white on black."""

import numpy as np
from PIL import Image, ImageFilter, ImageOps

SIDE = 200  # pixels worked on; a digit will be 20 high
BACKGROUND_SIDE = 64  # the paper's shading is smooth: fewer pixels show it
WIDEST_STROKE = 0.23  # of the picture's side; what is wider is paper
HALF = 127  # of 255: what is half covered is ink, whichever way its half was rounded
STROKE = 0.11  # width of a stroke of MNIST's, in heights of its digit


def ink(grey: Image.Image) -> np.ndarray | None:
    """(h, w) uint8, 255 where there is ink, 0 on paper, between at the edges; None if all is of one colour."""
    grey = grey.copy()
    grey.thumbnail((SIDE, SIDE), Image.Resampling.BOX)
    drawn = _drawn(grey)
    strokes = _photographed(grey) if drawn is None else drawn
    threshold = _otsu(strokes)
    full = np.percentile(strokes[strokes > threshold], 80) if (strokes > threshold).any() else 0
    if full < 8:  # of 255: the noise of a camera
        return None
    noise = threshold / 4 if drawn is None else 0
    soft = ((strokes - noise) / (full - noise)).clip(0, 1)
    return np.rint(255 * soft).astype(np.uint8)


def thickened(strokes: Image.Image) -> Image.Image:
    """A cropped digit, its strokes widened to MNIST's width if they are thinner: a pen's would vanish at 20 pixels."""
    inside = np.asarray(strokes) >= HALF
    edge = inside & ~(np.asarray(strokes.filter(ImageFilter.MinFilter(3))) >= HALF)
    width = 2 * inside.sum() / max(1, edge.sum())
    reach = round((STROKE * max(strokes.size) - width) / 2)
    return ImageOps.expand(strokes, reach).filter(ImageFilter.MaxFilter(2 * reach + 1)) if reach > 0 else strokes


def _drawn(grey: Image.Image) -> np.ndarray | None:
    """What differs from paper that is of exactly one grey all around, as only a program makes it; None for a photo."""
    values = np.asarray(grey, dtype=np.int16)
    paper = values[0, 0]
    around = (values[0], values[-1], values[:, 0], values[:, -1])
    return None if any((side != paper).any() for side in around) else abs(values - paper).astype(np.float32)


def _photographed(grey: Image.Image) -> np.ndarray:
    if min(grey.size) > BACKGROUND_SIDE:
        grey = grey.filter(ImageFilter.GaussianBlur(0.7))  # a camera's noise
    return _above_paper(_light_on_dark(grey))


def _light_on_dark(grey: Image.Image) -> Image.Image:
    """Inverted if needed. A plane through the border's greys is the paper; the ink is what differs from it most."""
    values = np.asarray(grey, dtype=np.float32)
    rows, columns = np.indices(values.shape)
    design = np.stack([np.ones_like(values), rows, columns], axis=-1)
    border = np.ones(values.shape, bool)
    border[1:-1, 1:-1] = False
    plane = np.linalg.lstsq(design[border], values[border])[0]
    low, high = np.percentile(values - design @ plane, (0.2, 99.8))
    return grey.point(lambda value: 255 - value) if -low > high else grey


def _above_paper(grey: Image.Image) -> np.ndarray:
    """The white top-hat: the picture less its morphological opening, which is too wide for a stroke to survive."""
    small = grey.copy()
    small.thumbnail((BACKGROUND_SIDE, BACKGROUND_SIDE), Image.Resampling.BOX)
    window = 2 * round(WIDEST_STROKE * max(small.size) / 2) + 1
    paper = small.filter(ImageFilter.MinFilter(window)).filter(ImageFilter.MaxFilter(window))
    paper = paper.filter(ImageFilter.GaussianBlur(window / 4)).resize(grey.size, Image.Resampling.BILINEAR)
    return (np.asarray(grey, dtype=np.float32) - np.asarray(paper, dtype=np.float32)).clip(0)


def _otsu(values: np.ndarray) -> float:
    """The threshold that parts values 0..255 best: the largest variance between the classes (Otsu 1979)."""
    counts = np.bincount(values.astype(np.uint8).ravel(), minlength=256).astype(np.float64)
    weight = counts.cumsum()
    total = (counts * np.arange(256)).cumsum()
    below, above = weight, weight[-1] - weight
    with np.errstate(divide="ignore", invalid="ignore"):
        between = below * above * (total / below - (total[-1] - total) / above) ** 2
    return float(np.nanargmax(np.nan_to_num(between)))
