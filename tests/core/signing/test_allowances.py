"""What may be allowed, what is added, and what a plan says before anything is written."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

import dcmseal
from dcmseal.errors import MechanismUnavailable
from dcmseal.model.verdict import Verdict
from dcmseal.plugins.profile import Requirements
from dcmseal.terms import KeyType
from tests.core.signing.strict_profile import PLAIN, RICH, StrictProfile
from tests.support import builder as b
from tests.support import reference
from tests.support import tags as t
from tests.support.pki import Pki
from tests.support.signed_files import (
    build_signer,
    finding_outcomes,
    integrity_verdict,
    sign_by_hand,
    sign_dataset,
    verify_integrity,
)


def test_elements_that_a_profile_requires_are_added(pki: Pki) -> None:
    profile = StrictProfile(
        Requirements(elements=frozenset({t.PATIENT_NAME, t.ETHNIC_GROUP}), key_types=frozenset({KeyType.EC}))
    )
    for options, elements in (
        ({"tags": [t.PATIENT_ID]}, (t.PATIENT_NAME, t.PATIENT_ID)),
        ({"only_required": True}, (t.PATIENT_NAME,)),
    ):
        with dcmseal.plan_signing(b.file(PLAIN), profile=profile, **options) as plan:
            assert plan.elements == elements
    data = sign_dataset(b.file(PLAIN), pki["p256"], profile=profile, only_required=True)
    assert integrity_verdict(data, require=[profile]) is Verdict.VALID


@pytest.mark.parametrize("name", ["expired", "not-yet-valid"])
def test_expired_certificates_may_be_allowed(name: str, pki: Pki) -> None:
    assert integrity_verdict(sign_dataset(b.file(PLAIN), pki[name], allow_expired=True)) is Verdict.INVALID


@pytest.mark.parametrize("algorithm", ["MD5", "SHA1", "RIPEMD160"])
def test_weak_algorithms_may_be_allowed(algorithm: str, pki: Pki) -> None:
    for name in ("rsa2048", "p256"):
        data = sign_dataset(b.file(PLAIN), pki[name], algorithm=algorithm, allow_weak=True)
        assert integrity_verdict(data) is Verdict.VALID
        (signature,) = dcmseal.signatures(data)
        assert signature.mac_algorithm == algorithm


def test_digests_that_openssl_does_not_have(pki: Pki, monkeypatch: pytest.MonkeyPatch) -> None:
    """RIPEMD160, DCMTK's default, is gone from many builds, MD5 from some: pycryptodome has them."""
    before = {
        algorithm: sign_by_hand(pki["p256"], PLAIN, algorithm=algorithm) for algorithm in ("RIPEMD160", "MD5", "SHA256")
    }
    genuine = hashlib.new

    def reduced(name: str, *arguments: Any, **options: Any) -> Any:
        if name in ("ripemd160", "md5"):
            raise ValueError(f"unsupported hash type {name}")
        return genuine(name, *arguments, **options)

    monkeypatch.setattr(hashlib, "new", reduced)
    for algorithm, data in before.items():
        assert integrity_verdict(data) is Verdict.VALID, algorithm
        assert (
            integrity_verdict(sign_dataset(data, pki["rsa2048"], algorithm=algorithm, allow_weak=True)) is Verdict.VALID
        )


def test_unsupported_digests(pki: Pki, monkeypatch: pytest.MonkeyPatch) -> None:
    """One signature that cannot be judged must not keep the others from being judged."""
    data = sign_dataset(sign_by_hand(pki["p256"], PLAIN, algorithm="RIPEMD160"), pki["rsa2048"])
    genuine = hashlib.new

    def none(name: str, *arguments: Any, **options: Any) -> Any:
        if name == "ripemd160":
            raise ValueError("unsupported hash type")
        return genuine(name, *arguments, **options)

    monkeypatch.setattr(hashlib, "new", none)
    monkeypatch.setitem(__import__("sys").modules, "Crypto.Hash", None)
    with pytest.raises(MechanismUnavailable) as caught:
        sign_dataset(b.file(PLAIN), pki["rsa2048"], algorithm="RIPEMD160", allow_weak=True)
    assert "pycryptodome" in caught.value.hint
    report = verify_integrity(data)
    assert [each.integrity_verdict for each in report.signatures] == [Verdict.NOT_ESTABLISHED, Verdict.VALID]
    assert "mac-algorithm-unsupported" in finding_outcomes(report)


def test_a_plan_is_complete_and_writes_nothing(pki: Pki, tmp_path: Path) -> None:
    path = tmp_path / "file.dcm"
    path.write_bytes(b.file(RICH))
    with dcmseal.plan_signing(path, purpose="verification", algorithm="SHA384") as plan:
        assert plan.elements == reference.signable_tags(reference.parse_file(path.read_bytes()).dataset)
        assert [tag for tag, _ in plan.unsignable] == [t.REFERENCED_IMAGE_SEQUENCE, 0x00091001]
        assert plan.signature.purpose is not None
        assert plan.signature.purpose.meaning == "Verification Signature"
        assert plan.mac.algorithm == "SHA384"
        signature = dcmseal.make_signature(plan, build_signer(pki["p256"]))
        data = dcmseal.attach_signature(plan, signature)
    assert path.read_bytes() == b.file(RICH)
    assert data is not None
    assert integrity_verdict(data) is Verdict.VALID
    assert dcmseal.find_signature(data, signature.uid).content.purpose == signature.purpose


@pytest.mark.parametrize(
    "purpose", [5, "5", "verification", "Verification Signature", "co-participant", "Source Signature"]
)
def test_purposes_by_number_and_name(purpose: int | str, pki: Pki) -> None:
    data = sign_dataset(b.file(PLAIN), pki["p256"], purpose=purpose)
    assert integrity_verdict(data) is Verdict.VALID
    (signature,) = dcmseal.signatures(data)
    assert signature.purpose is not None
    assert signature.purpose.scheme == "ASTM-sigpurpose"
