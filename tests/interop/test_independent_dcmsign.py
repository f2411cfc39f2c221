"""dcmsign and dcmseal on the same signers and authorities of an independent PKI: they agree, but for what stands here.

Each difference stands in docs/how-to/interoperate-with-dcmtk.md, too.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

import dcmseal
from dcmseal.model.verdict import Verdict
from dcmseal.plugins.trust import Strictness, TrustSettings
from tests.interop.conftest import STAMPED, Stamp
from tests.support.dcmsign import Dcmtk
from tests.support.independent_pki import IndependentPki

INTERMEDIATES: Final = ("issuing", "small")
SITES: Final[dict[str, tuple[tuple[str, ...], tuple[tuple[str, int], ...]]]] = {
    "without CRLs": (INTERMEDIATES, ()),
    "with CRLs": (INTERMEDIATES, (("root", 0), ("issuing", 0))),
    "with the CRL of the signer's issuer": (("issuing",), (("issuing", 0),)),
    "with a stale CRL": (("issuing",), (("root", 0), ("issuing", 100))),
    "with a CRL of another issuer": (("issuing",), (("root", 0), ("stranger", 0))),
    "without intermediates": ((), ()),
}
"""Which intermediates a site knows, and which CRLs, of how many days ago."""

SIGNERS: Final = (
    *("good", "listed", "revoked-before", "revoked-since", "short-lived", "of-tomorrow", "encipherer", "mailer"),
    *("of-small-key", "by-sha1", "of-stranger"),
)

NOT_FOR_SIGNING: Final = {
    ("encipherer", site): Verdict.INVALID
    for site in ("without CRLs", "with CRLs", "with the CRL of the signer's issuer")
}
"""dcmsign does not look at key usage."""
ISSUER_NOT_ASKED_ABOUT: Final = {
    (signer, "with the CRL of the signer's issuer"): Verdict.NOT_ESTABLISHED
    for signer in ("good", "listed", "mailer", "by-sha1")
}
"""dcmsign looks at the CRL for the signer only."""
DIFFERENT: Final = NOT_FOR_SIGNING | ISSUER_NOT_ASKED_ABOUT


@dataclass(frozen=True)
class Verifiers:
    """Both, with the same files about whom to trust, and today's clock."""

    dcmtk: Dcmtk
    pki: IndependentPki

    def verdicts(self, file: Path, site: str, *, timestamp: bool = False) -> tuple[bool, Verdict]:
        """Whether dcmsign says OK, and what dcmseal says."""
        now = dt.datetime.now(dt.UTC)
        intermediates, listed = SITES[site]
        crls = tuple(self.pki.crl(label, now - dt.timedelta(days=days)) for label, days in listed)
        roots, between = self.pki.pem("root"), self.pki.pem(*intermediates)
        theirs = self.dcmtk.verify(
            file,
            trust=[Path(each) for each in roots],
            untrusted=[Path(each) for each in between],
            crl=[Path(each) for each in crls],
            require=["timestamp"] if timestamp else ["signature"],
        )
        # dcmsign calls the expired and revoked invalid, whenever, and has no objection to what is weak
        settings = TrustSettings(
            anchors=roots,
            intermediates=between,
            crls=crls,
            weak=Strictness.ACCEPT,
            claimed_time=Strictness.REFUSE,
        )
        ours = dcmseal.verify(file, trust=settings, timestamp="require" if timestamp else "verify")
        return theirs.ok, ours.verdict


@pytest.fixture
def verifiers(dcmsign: Dcmtk, independent: IndependentPki) -> Verifiers:
    return Verifiers(dcmsign, independent)


@pytest.mark.parametrize("site", SITES)
def test_signers(verifiers: Verifiers, signed_by: Callable[[str], Path], site: str) -> None:
    differences = {}
    for signer in SIGNERS:
        theirs, ours = verifiers.verdicts(signed_by(signer), site)
        if theirs != (ours is Verdict.VALID):
            assert theirs
            differences[signer, site] = ours
    assert differences == {case: ours for case, ours in DIFFERENT.items() if case[1] == site}


@pytest.mark.parametrize(
    ("service", "dcmsign_says", "we_say"),
    [
        ("tsa", True, Verdict.VALID),
        ("of-stranger", False, Verdict.NOT_ESTABLISHED),
        ("without-usage", False, Verdict.INVALID),
        ("not-critical", False, Verdict.INVALID),
        # dcmsign does not look for the authority in CRLs
        ("revoked", True, Verdict.INVALID),
    ],
)
def test_timestamp_authorities(
    verifiers: Verifiers, stamp: Stamp, tmp_path: Path, service: str, dcmsign_says: bool, we_say: Verdict
) -> None:
    file = tmp_path / "stamped.dcm"
    file.write_bytes(stamp(service))
    assert verifiers.verdicts(file, "with CRLs", timestamp=True) == (dcmsign_says, we_say)


@pytest.mark.parametrize(
    ("signer", "site", "we_say"),
    [
        # dcmsign evaluates the certificate at the current time despite the timestamp
        ("revoked-since", "with CRLs", Verdict.VALID),
        ("short-lived", "without CRLs", Verdict.VALID),
        ("revoked-before", "with CRLs", Verdict.INVALID),
    ],
)
def test_a_certified_time_does_not_impress_dcmsign(
    verifiers: Verifiers, signed_by: Callable[[str], Path], tmp_path: Path, signer: str, site: str, we_say: Verdict
) -> None:
    file = tmp_path / "stamped.dcm"
    verifiers.pki.live_at(STAMPED)
    dcmseal.add_timestamp(signed_by(signer), verifiers.pki.tsa("tsa"), output=file)
    assert verifiers.verdicts(file, site, timestamp=True) == (False, we_say)
