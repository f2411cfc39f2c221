"""Suppression of library warnings about unusual values, which dcmseal reports as findings instead.

>>> import warnings
>>> with suppress_warnings():
...     warnings.warn("a serial number that is not positive")
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

_LOCK: Final = threading.RLock()
"""Warning filters are global: without a lock, a thread that restores them would change those of another."""


@contextmanager
def suppress_warnings() -> Generator[None]:
    """Ignore warnings inside the context, even if they are configured to be errors."""
    with _LOCK, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
