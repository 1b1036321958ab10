"""How fast is it, beside ``torch.nn`` in the same run? Problems, interleaved timing, and the command."""

from .command import command
from .problems import PROBLEMS, Problem
from .timing import Times, interleaved

__all__ = ["PROBLEMS", "Problem", "Times", "command", "interleaved"]
