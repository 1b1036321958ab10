"""How are results drawn? With matplotlib's Figure itself (no window, no global state), one picture a file."""

from lightning_app.figures.confusion import confusion_matrix
from lightning_app.figures.curves import learning_curves
from lightning_app.figures.maps import feature_maps
from lightning_app.figures.style import DPI

__all__ = ["DPI", "confusion_matrix", "feature_maps", "learning_curves"]
