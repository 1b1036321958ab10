"""How is the documentation built? By Sphinx from MyST Markdown; the tutorials are run, and any warning is an error."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE / "_extensions")]

from scratchlayers import __version__  # noqa: E402 the package lies beside this folder

project = "scratchlayers"
author = "The scratchlayers authors"
copyright = author
version = release = __version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
    "mathml",
    "plain_docstrings",
]
exclude_patterns = ["_build", "_extensions"]
nitpicky = True
suppress_warnings = ["config.cache"]  # myst-nb's own settings hold functions; nothing of ours is lost

myst_enable_extensions = ["amsmath", "colon_fence", "dollarmath", "deflist"]
myst_heading_anchors = 3

nb_execution_mode = "cache"
nb_execution_cache_path = str(HERE / "_build" / "notebooks")
nb_execution_timeout = 120
nb_execution_raise_on_error = True
nb_output_stderr = "remove"  # "compiling ..." at the first use of a kernel
nb_merge_streams = True

autodoc_typehints = "none"  # the docstrings give shapes and dtypes, which types do not
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True}

html_theme = "furo"
html_title = "scratchlayers"
html_static_path = ["_static"]
html_css_files = ["pages.css"]
html_js_files = ["frames.js"]
html_show_sphinx = False
html_show_copyright = False
copybutton_exclude = ".linenos, .gp, .go"
smartquotes = False
