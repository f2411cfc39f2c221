"""Imported first by the server from which the processes of a pool are forked, and nowhere else.

Imports create no garbage, so collection is off meanwhile. Objects that exist before a fork are never collected, and
their memory stays shared with the server.
"""

from __future__ import annotations

import gc
import os
from typing import Final

_THRESHOLDS: Final = gc.get_threshold()
"""How often processes look for garbage."""
_IMPORT_THRESHOLD: Final = 100_000
"""Objects: more than all that is imported makes."""

gc.set_threshold(_IMPORT_THRESHOLD)
os.register_at_fork(before=gc.freeze, after_in_child=lambda: gc.set_threshold(*_THRESHOLDS))
