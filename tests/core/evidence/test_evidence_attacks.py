"""Forged or altered evidence does not make a signer trusted under the verifier's own anchors."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from dcmseal.errors import EvidenceError
from dcmseal.evidence.evidence_store import build_evidence, pack_archive, unpack_archive
from dcmseal.model.evidence_record import EvidenceRecord, TrustMaterial
from dcmseal.model.report import VerificationReport
from dcmseal.model.verdict import Verdict
from dcmseal.plugins.trust import TrustSettings
from tests.backends.trust.trust_pki import NOW, PkiAuthority, Site, make_root, utc_date
from tests.support.evidence_files import (
    evidence_codes,
    make_lasting_root,
    make_timestamp_authority,
    rebuild_evidence,
    replay,
    report_without_evidence,
    sign_by,
    timestamp_evidence,
    verify_first,
)


@dataclass(frozen=True)
class Theft:
    """A key that was stolen and revoked, files that it signed, and the evidence about one."""

    own: TrustSettings
    leaf: PkiAuthority
    ca: PkiAuthority
    data: bytes
    evidence: bytes
    """Honest: it says that the key was revoked."""
    report: VerificationReport


REVOKED = utc_date(2024)
GENUINE = "a genuine authority of time, later on"


@pytest.fixture(scope="module")
def theft(tmp_path_factory: pytest.TempPathFactory) -> Theft:
    ca = make_lasting_root()
    leaf, site = ca.issue("leaf"), Site(tmp_path_factory.mktemp("theft"))
    data = sign_by(leaf)
    report = verify_first(data, site.settings(ca, crls=[ca.crl((leaf, REVOKED))]))
    assert report.verdict is Verdict.INVALID
    evidence = timestamp_evidence(build_evidence(report), make_timestamp_authority(ca))
    own = site.settings(ca)
    assert report_without_evidence(replay(data, own, evidence)) == report_without_evidence(report)
    return Theft(own=own, leaf=leaf, ca=ca, data=data, evidence=evidence, report=report)


def test_no_byte_of_the_evidence_is_idle(theft: Theft) -> None:
    """After any changed bit, the evidence is unreadable or ineffective."""

    @settings(max_examples=300)
    @given(st.integers(0, len(theft.evidence) - 1), st.integers(0, 7))
    def flipped(position: int, bit: int) -> None:
        evidence = bytearray(theft.evidence)
        evidence[position] ^= 1 << bit
        assert not_valid(theft, bytes(evidence))

    flipped()


@given(cut=st.integers(0, 10_000), junk=st.binary(max_size=64))
def test_truncated_or_extended_evidence_is_refused(theft: Theft, cut: int, junk: bytes) -> None:
    end = cut % len(theft.evidence)
    assert not_valid(theft, theft.evidence[:end] + junk)


def not_valid(theft: Theft, evidence: bytes) -> bool:
    try:
        return replay(theft.data, theft.own, evidence).verdict is not Verdict.VALID
    except EvidenceError:
        return True


def test_members_match_the_manifest(theft: Theft) -> None:
    members = unpack_archive(theft.evidence)
    (crl,) = (name for name in members if name.startswith("crls/"))
    older = theft.ca.crl(issued=utc_date(2023, 12), due=utc_date(2030))
    certificate = next(name for name in members if name.startswith("certificates/"))
    for changed in (
        {**members, crl: older},
        {name: each for name, each in members.items() if name != crl},
        {**members, "crls/" + "0" * 64 + ".crl": older},
        {**members, "report.json": b"{}"},
        {**members, certificate: make_root("stranger").der},
        {name: each for name, each in members.items() if name != "manifest.json"},
    ):
        with pytest.raises(EvidenceError):
            replay(theft.data, theft.own, pack_archive(changed))


def made_up(theft: Theft, moment: dt.datetime, crls: tuple[bytes, ...], **more: Any) -> bytes:
    def change(grounds: EvidenceRecord) -> EvidenceRecord:
        rules = {**grounds.settings, "revocation": "off", "claimed_time": "accept", "weak": "accept"}
        material = TrustMaterial(anchors=(theft.ca.der,), certificates=grounds.material.certificates, crls=crls, **more)
        return replace(grounds, moment=moment, material=material, settings=rules)

    return rebuild_evidence(theft.evidence, change)


def test_an_older_crl_at_an_older_moment(theft: Theft) -> None:
    """The best case for a thief: the theft was unknown at that time."""
    older = theft.ca.crl(issued=utc_date(2023, 12), due=utc_date(2024, 7))
    evidence = made_up(theft, utc_date(2024, 6, 2), (older,))
    report = replay(theft.data, theft.own, evidence)
    assert report.verdict is Verdict.NOT_ESTABLISHED
    assert "evidence-timestamp-invalid" in evidence_codes(report)
    # the certifier of the file does not know of the change, but the timestamp shows it
    assert replay(theft.data, theft.own, evidence, moment=True).verdict is Verdict.NOT_ESTABLISHED
    without = pack_archive({name: each for name, each in unpack_archive(evidence).items() if name != "manifest.tst"})
    report = replay(theft.data, theft.own, without)
    assert report.verdict is Verdict.NOT_ESTABLISHED
    assert "evidence-time-claimed" in evidence_codes(report)
    assert report.signatures[0].verdict is Verdict.NOT_ESTABLISHED


@given(
    moment=st.integers(0, 30 * 365).map(lambda days: utc_date(2020) + dt.timedelta(days=days)),
    issued=st.lists(
        st.sampled_from([utc_date(2021), utc_date(2023, 12), utc_date(2024, 5), utc_date(2025, 12, 31)]), max_size=3
    ),
    by=st.sampled_from([None, "a stranger", GENUINE]),
)
def test_nothing_that_can_be_made_up_clears_a_stolen_key(
    theft: Theft, moment: dt.datetime, issued: list[dt.datetime], by: str | None
) -> None:
    """Old CRLs are real ones; new ones say that it was revoked."""
    crls = []
    for each in issued:
        known = [(theft.leaf, REVOKED)] if each > REVOKED else []
        crls.append(theft.ca.crl(*known, issued=each, due=each + dt.timedelta(days=45)))
    evidence = made_up(theft, moment, tuple(crls))
    if by is not None:
        # the thief can ask a genuine one, too, but not in the past
        genuine = by == GENUINE
        tsa = make_timestamp_authority(
            theft.ca if genuine else make_root("stranger", valid=(utc_date(2020), utc_date(2060)))
        )
        evidence = timestamp_evidence(evidence, tsa, max(moment, NOW) if genuine else moment)
    assert replay(theft.data, theft.own, evidence).verdict is not Verdict.VALID


def test_evidence_of_a_good_file_does_not_clear_another(theft: Theft, tmp_path: Path) -> None:
    """Signed with the same key after it was stolen, and dated back; the evidence is genuine."""
    leaf = theft.ca.issue("leaf")
    good = verify_first(sign_by(leaf), Site(tmp_path).settings(theft.ca, crls=[theft.ca.crl()]))
    evidence = timestamp_evidence(build_evidence(good), make_timestamp_authority(theft.ca))
    forged = sign_by(leaf, patient="forged")
    report = replay(forged, theft.own, evidence)
    assert report.verdict is Verdict.NOT_ESTABLISHED
    assert "evidence-signature-missing" in evidence_codes(report)
    # as if it were about that one
    collected = verify_first(forged, Site(tmp_path).settings(theft.ca)).evidence
    assert collected is not None
    (kept,) = collected.signatures
    renamed = rebuild_evidence(evidence, lambda grounds: replace(grounds, signatures=(kept,)))
    assert replay(forged, theft.own, renamed).verdict is Verdict.NOT_ESTABLISHED


def test_an_anchor_that_was_swapped_is_not_trusted(theft: Theft, tmp_path: Path) -> None:
    fake = make_lasting_root("fake")
    data = sign_by(fake.issue("leaf"))
    report = verify_first(data, Site(tmp_path).settings(fake, crls=[fake.crl()]))
    assert report.verdict is Verdict.VALID
    evidence = timestamp_evidence(build_evidence(report), make_timestamp_authority(fake))
    assert replay(data, theft.own, evidence).verdict is Verdict.NOT_ESTABLISHED
    assert replay(data, theft.own, evidence, moment=True).verdict is Verdict.NOT_ESTABLISHED
    as_intermediate = rebuild_evidence(
        evidence, lambda kept: replace(kept, material=replace(kept.material, certificates=(fake.der,), anchors=()))
    )
    assert replay(data, theft.own, as_intermediate, moment=True).verdict is Verdict.NOT_ESTABLISHED


def test_material_that_cannot_be_read_is_passed_over(theft: Theft) -> None:
    junk = (b"", b"0\x80", b"0\x84\xff\xff\xff\xff", bytes(1000))
    evidence = made_up(theft, NOW, junk, ocsp_responses=junk)
    assert replay(theft.data, theft.own, evidence, moment=True).verdict is Verdict.NOT_ESTABLISHED
