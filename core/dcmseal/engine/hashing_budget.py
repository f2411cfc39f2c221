"""A limit to what a verification may hash: signatures inside signatures must not make it endless."""

from __future__ import annotations


class HashingBudget:
    """Bytes that may still be hashed beyond the data set itself.

    Each signed level is hashed with all that is nested in it, and again for other readings if a signature does not
    match.
    """

    def __init__(self, size: int) -> None:
        self._left = size

    def try_consume(self, size: int) -> bool:
        """Whether so much is left; it is then taken."""
        if size > self._left:
            return False
        self._left -= size
        return True
