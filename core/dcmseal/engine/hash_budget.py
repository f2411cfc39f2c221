"""How many bytes verification may hash beyond the Data Set itself, so that hostile nesting does not keep it busy."""

from __future__ import annotations

from typing import Final, Self

_LEAST: Final = 64 << 20
_TIMES: Final = 32
"""The budget of small files, and that of large ones as a multiple of their size."""


class HashBudget:
    """Bytes that may still be hashed.

    Each signed level is hashed with all that is nested in it, and again for other readings if a signature does not
    match.
    """

    def __init__(self, size: int) -> None:
        self._left = size

    @classmethod
    def of(cls, size: int) -> Self:
        """The budget for a Data Set of so many bytes."""
        return cls(max(_LEAST, _TIMES * size))

    def takes(self, size: int) -> bool:
        """Whether so much is left; it is then taken."""
        if size > self._left:
            return False
        self._left -= size
        return True
