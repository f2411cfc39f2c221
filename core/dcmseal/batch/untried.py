"""What was not tried at all, because the key was gone by then: it is as if its turn had not come.

>>> is_untried(LaneClosed("the key is not used any more"))
True
"""

from __future__ import annotations

from dcmseal.errors import SealError, SignerError


class SignerClosed(SignerError):
    """The key is not used any more: what was to be signed is as if it had not been tried."""


def is_not_attempted(error: SealError | None) -> bool:
    """Whether an item was not tried at all, because the key was gone by then."""
    return isinstance(error, SignerClosed)
