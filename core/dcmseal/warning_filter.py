"""Odd values are judged, and judging them warns nobody: a reader's warnings are no findings.

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
"""Filters belong to the whole process: a thread that leaves would bring back what another one is without."""


@contextmanager
def suppress_warnings() -> Generator[None]:
    """Silence the warnings of what is called inside, also where warnings are errors."""
    with _LOCK, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
