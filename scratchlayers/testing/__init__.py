"""Does a backend keep the contract? The public conformance kit, for our backends and for yours.

In pytest: :func:`parametrize_with_checks`. At the command line: ``python -m scratchlayers verify``.
"""

from .case import Border, Case
from .cases import CASES
from .compare import BrokenLawError
from .modules import module_checks
from .suite import Check, checks, parametrize_with_checks

__all__ = ["CASES", "Border", "BrokenLawError", "Case", "Check", "checks", "module_checks", "parametrize_with_checks"]
