"""How fast is it, beside ``torch.nn`` in the same run? Problems, checks, interleaved timing, tables and pictures."""

from .problems import Problem
from .suite import SUITE

__all__ = ["SUITE", "Problem"]
