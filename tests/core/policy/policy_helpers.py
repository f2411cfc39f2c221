"""What the tests of policies share: verification with trust and demands, and what came out as unmet."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import dcmseal
from dcmseal import Policy
from dcmseal.findings import Outcome
from dcmseal.model.report import VerificationReport
from dcmseal.plugins.trust import TrustSettings
from dcmseal.verification.signer_trust import Trust
from tests.support.pki import Pki

Verify = Callable[..., VerificationReport]


def build_trust(pki: Pki) -> Trust:
    return dcmseal.open_trust(TrustSettings(anchors=(str(pki.root.certificate_pem),)))


def build_verifier(trust: Trust) -> Verify:
    """Verifies with trust and a policy of the demands it is given."""

    def ask(data: bytes, *require: str, trust: Trust | None = trust, **demands: Any) -> VerificationReport:
        asked = {name: demands.pop(name) for name in ("location", "uid", "integrity_only") if name in demands}
        return dcmseal.verify(data, policy=Policy.build(require=require, **demands), trust=trust, **asked)

    return ask


def unmet_codes(report: VerificationReport) -> list[tuple[str, Outcome]]:
    return [(each.code, each.outcome) for each in report.unmet]
