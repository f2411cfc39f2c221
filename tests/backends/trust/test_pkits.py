"""NIST's Public Key Interoperability Test Suite: all 224 tests, from PyPI's cryptography-vectors.

The inputs are those that a site has: any policy will do, and none has to be there. What the suite says of other inputs
is not run, for there are no settings for them.
"""

from __future__ import annotations

import datetime as dt
import email
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

import cryptography_vectors
import pytest
from asn1crypto import cms

from dcmseal.findings import Outcome
from dcmseal.model.evidence_record import TrustMaterial
from dcmseal.model.report import TimeBasis
from dcmseal.plugins.asn1 import original_der
from dcmseal.plugins.trust import RevocationMode, Strictness, TrustEvaluator, TrustRequest, TrustResult, TrustSettings
from dcmseal_trust.x509_backend import X509Backend
from tests.backends.trust.trust_pki import finding_codes, result_outcome

DATA: Final = Path(cryptography_vectors.__file__).parent / "x509" / "PKITS_data"
MESSAGES: Final = sorted(DATA.glob("smime/Signed*.eml"))
WHEN: Final = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
INVALID_THOUGH_NOT_CALLED_SO: Final = frozenset(
    {"MissingCRLTest1", *(f"DifferentPoliciesTest{number}" for number in (4, 5, 7, 8, 9, 12))}
)
"""Of all others, the names begin with what the suite expects."""
EXPLAINED: Final = {
    "ValidDSAParameterInheritanceTest5": (
        "not established: cryptography does not read DSA keys with the parameters of their issuer (RFC 3279 2.3.2)"
    ),
}
"""Differences from what the suite expects, and why."""


class Message(NamedTuple):
    """A signed message of the suite: each is one of its tests."""

    leaf: bytes
    certificates: tuple[bytes, ...]
    crls: tuple[bytes, ...]


@cache
def message(path: Path) -> Message:
    parts = email.message_from_bytes(path.read_bytes()).walk()
    content = next(part.get_payload(decode=True) for part in parts if "pkcs7" in part.get_content_type())
    signed = cms.ContentInfo.load(content)["content"]
    signer = signed["signer_infos"][0]["sid"].chosen
    certificates = [each.chosen for each in signed["certificates"]]
    (leaf,) = (each for each in certificates if is_named(each, signer))
    crls = signed["crls"] if signed["crls"].native else ()
    return Message(
        leaf=original_der(leaf),
        certificates=tuple(original_der(each) for each in certificates if each is not leaf),
        crls=tuple(original_der(each.chosen) for each in crls),
    )


def is_named(certificate: Any, signer: Any) -> bool:
    return bool(
        certificate.serial_number == signer["serial_number"].native
        and certificate.issuer.dump() == signer["issuer"].dump()
    )


def trusting(certificates: tuple[bytes, ...], crls: tuple[bytes, ...]) -> TrustEvaluator:
    anchor = DATA.joinpath("certs", "TrustAnchorRootCertificate.crt").read_bytes()
    material = TrustMaterial(anchors=(anchor,), certificates=certificates, crls=crls)
    settings = TrustSettings(material=material, revocation=RevocationMode.HARD, weak=Strictness.ACCEPT)
    return X509Backend().open(settings)


def ask(evaluator: TrustEvaluator, leaf: bytes) -> TrustResult:
    return evaluator.evaluate(TrustRequest(certificate=leaf, moment=WHEN, basis=TimeBasis.NOW, now=WHEN))


def name_of(path: Path) -> str:
    return path.stem.removeprefix("Signed")


def is_valid(name: str) -> bool:
    return not name.startswith("Invalid") and name not in INVALID_THOUGH_NOT_CALLED_SO


def test_the_suite_is_whole() -> None:
    assert len(MESSAGES) == 224
    assert {name_of(path) for path in MESSAGES} >= {*EXPLAINED, *INVALID_THOUGH_NOT_CALLED_SO}


@pytest.mark.parametrize("path", MESSAGES, ids=name_of)
def test_with_the_material_of_the_test(path: Path) -> None:
    found = message(path)
    answer = ask(trusting(found.certificates, found.crls), found.leaf)
    expected = is_valid(name_of(path)) and name_of(path) not in EXPLAINED
    assert (result_outcome(answer) is Outcome.PASSED) is expected, finding_codes(answer)


def test_with_all_certificates_and_crls_of_the_suite() -> None:
    """The material of other tests must not make a difference."""
    certificates = tuple(path.read_bytes() for path in sorted(DATA.glob("certs/*Cert.crt")))
    evaluator = trusting(certificates, tuple(path.read_bytes() for path in sorted(DATA.glob("crls/*.crl"))))
    differing = {
        name_of(path)
        for path in MESSAGES
        if (result_outcome(ask(evaluator, message(path).leaf)) is Outcome.PASSED) is not is_valid(name_of(path))
    }
    assert differing == {*EXPLAINED}
