"""How fast is it, beside ``torch.nn`` in the same run? Problems, checks, interleaved timing, tables and pictures."""

from .command import command
from .problems import Problem
from .suite import SUITE

__all__ = ["SUITE", "Problem", "command"]
