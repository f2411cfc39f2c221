"""Imported first by the server that the processes of a pool are forked of, and nowhere else.

Importing makes no garbage, so that none is looked for meanwhile; and what is there when a process is forked stays: it
is not looked at again, and its memory remains shared with the server.
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
