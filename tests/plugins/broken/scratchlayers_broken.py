"""A plugin whose import fails, as one does that was installed without what it needs."""

import a_library_that_is_not_installed as library

from scratchlayers.contract import Backend

BACKEND = Backend("broken", {"conv": library.conv}, frozenset({"cpu"}))
