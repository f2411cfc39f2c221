"""Whether a file has a certain signature, and the signed data is unchanged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dcmseal.api.verify import verify
from dcmseal.errors import SealError
from dcmseal.findings import Aspect, Outcome

if TYPE_CHECKING:
    from dcmseal.model.signature import DigitalSignature


def find_intact_signature(target: str, uid: str) -> DigitalSignature | None:
    """Find the signature with a UID; None if it is missing, or the signed data has changed."""
    try:
        report = verify(target, uid=uid, integrity_only=True, timestamp="ignore")
    except SealError:
        return None
    for each in report.signatures:
        if each.signature.uid == uid and each.outcome(Aspect.INTEGRITY) is Outcome.PASSED:
            return each.signature
    return None
