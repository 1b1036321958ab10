"""How does a model of torch's layers become one of ours, in place, and torch's again?

:func:`convert` changes the classes of a model's modules and :func:`revert` changes them back, :func:`report` says which
and why not the others, :func:`patch` lends torch's own names to our functions.
"""

from .modules import convert, revert
from .patching import patch
from .reporting import Report, left_alone, report

__all__ = ["Report", "convert", "left_alone", "patch", "report", "revert"]
