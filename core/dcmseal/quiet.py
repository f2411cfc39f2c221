"""Odd values are judged, and judging them warns nobody: a reader's warnings are no findings.

>>> import warnings
>>> with without_warnings():
...     warnings.warn("a serial number that is not positive")
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_warnings() -> Iterator[None]:
    """Silence the warnings of what is called inside, also where warnings are errors."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
