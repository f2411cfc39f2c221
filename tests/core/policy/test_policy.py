"""What is demanded of signatures together: signers, purposes, numbers, coverage; and that only what holds counts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from msgspec.structs import replace

import dcmseal
from dcmseal import Policy, Rule, tags
from dcmseal.errors import UsageError
from dcmseal.findings import Finding, Outcome
from dcmseal.model.verdict import Verdict
from dcmseal.policy.evaluate import unmet_findings
from dcmseal.verification.signer_trust import Trust
from tests.core.policy.policy_helpers import Verify, build_trust, build_verifier, unmet_codes
from tests.support import builder as b
from tests.support import tags as t
from tests.support.pki import NOT_AFTER, NOT_BEFORE, Identity, Pki
from tests.support.real_files import real_file
from tests.support.sample_objects import KINDS
from tests.support.signed_files import edit_signed, read_items, sign_dataset

NAME = "PatientName"
FAILED, UNKNOWN = Outcome.FAILED, Outcome.UNKNOWN


@pytest.fixture(scope="module")
def trust(pki: Pki) -> Trust:
    return build_trust(pki)


@pytest.fixture(scope="module")
def ask(trust: Trust) -> Verify:
    return build_verifier(trust)


@pytest.fixture(scope="module")
def plain() -> bytes:
    return b.file(b.image())


@pytest.fixture(scope="module")
def both(plain: bytes, pki: Pki) -> bytes:
    """Signed by the author with the RSA profile, and by a second person for verification."""
    written = sign_dataset(plain, pki["rsa2048"], purpose="author", profile="base-rsa")
    return sign_dataset(written, pki["p256"], purpose="verification")


def by_name(pki: Pki, key: str, *names: str) -> Identity:
    """An identity with a key of the tests' PKI under another name, certified by its root."""
    identity = pki[key]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name.from_rfc4514_string(",".join(names)))
        .issuer_name(pki.root.certificate.subject)
        .public_key(identity.certificate.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOT_BEFORE)
        .not_valid_after(NOT_AFTER)
        .sign(pki.root.key, hashes.SHA256())
    )
    return Identity("-".join((key, *names)), identity.key, certificate, pki.folder)


@pytest.mark.parametrize(
    ("require", "code"),
    [
        ("base-rsa", ""),
        ("purpose:author", ""),
        ("purpose:5", ""),
        ("purpose:review or verification", ""),
        ("purpose:review", "purpose-not-met"),
        ("signer:CN=p256", ""),
        ("signer:CN=p256,O=dcmseal tests", ""),
        ("signer:CN=nobody or CN=p256", ""),
        ("signer:CN=p25", "signer-not-met"),
        ("signer:CN=dcmseal tests", "signer-not-met"),
        ("signer:CN=p256,O=elsewhere", "signer-not-met"),
        ("certificate:" + "ab" * 32, "certificate-not-met"),
        ("covers:PatientName,00100020", ""),
        ("timestamp", "timestamp-not-met"),
        ("signer:CN=p256 + purpose:verification", ""),
        ("signer:CN=p256+purpose:author", "rule-not-met"),
        ("signer:CN=rsa2048 + purpose:author + base-rsa", ""),
        ("purpose:verification + profile:base-rsa", "rule-not-met"),
        ("purpose:verification + timestamp", "rule-not-met"),
    ],
)
def test_one_signature_has_to_have_all_that_a_rule_names(ask: Verify, both: bytes, require: str, code: str) -> None:
    report = ask(both, require)
    assert unmet_codes(report) == ([(code, FAILED)] if code else [])
    assert report.verdict is (Verdict.INVALID if code else Verdict.VALID)
    assert [each.where for each in report.unmet] == [str(Rule.parse(require))] * bool(code)


def test_a_certificate_is_named_by_its_fingerprint(ask: Verify, both: bytes, pki: Pki) -> None:
    digest = pki["p256"].certificate.fingerprint(hashes.SHA256()).hex(":").upper()
    assert ask(both, f"certificate:{digest} + purpose:verification").verdict is Verdict.VALID
    assert ask(both, f"certificate:{digest}", trust=None, integrity_only=True).verdict is Verdict.VALID
    assert unmet_codes(ask(both, f"certificate:{digest} + purpose:author")) == [("rule-not-met", FAILED)]


def test_several_rules_may_be_met_by_different_signatures(ask: Verify, both: bytes) -> None:
    rules = ("signer:CN=rsa2048 + purpose:author", "signer:CN=p256 + purpose:verification")
    assert ask(both, *rules).verdict is Verdict.VALID
    (missing,) = ask(both, *rules, "purpose:consent").unmet
    assert missing.where == "purpose:consent"


def test_missing_requirements_are_reported(ask: Verify, both: bytes) -> None:
    (missing,) = ask(both, "signer:CN=p256 + purpose:author + timestamp").unmet
    verifying = dcmseal.signatures(both)[1]
    assert f"the closest one is {dcmseal.signatures(both)[0].uid}: its signer is CN=rsa2048" in missing.message or (
        f"the closest one is {verifying.uid}: its purpose is Verification Signature" in missing.message
    )
    assert "it has no certified timestamp" in missing.message


def test_a_signature_that_does_not_hold_meets_nothing(ask: Verify, both: bytes) -> None:
    broken = edit_signed(both, main={t.PATIENT_ID: b.text(t.PATIENT_ID, "LO", "other")})
    report = ask(broken, "signer:CN=p256", "base-rsa", covered=[NAME], signatures=1, no_unsigned_additions=True)
    assert report.verdict is Verdict.INVALID
    assert {outcome for _, outcome in unmet_codes(report)} == {FAILED}
    assert {code for code, _ in unmet_codes(report)} == {
        *("signer-not-met", "profile-not-met", "required-not-covered", "too-few-signatures", "unsigned-additions")
    }


def test_signatures_that_are_not_established_leave_a_requirement_open(ask: Verify, both: bytes) -> None:
    demands = {"covered": [NAME], "signatures": 2, "distinct_signers": True, "no_unsigned_additions": True}
    report = ask(both, "purpose:author", "purpose:verification", trust=None, **demands)
    assert report.verdict is Verdict.NOT_ESTABLISHED
    assert {outcome for _, outcome in unmet_codes(report)} == {UNKNOWN}
    # but not whether there is a purpose that no signature has
    assert ask(both, "purpose:consent", trust=None).verdict is Verdict.INVALID


def test_a_name_is_only_claimed_without_trust(ask: Verify, both: bytes) -> None:
    report = ask(both, "signer:CN=p256", trust=None, integrity_only=True)
    assert (report.verdict, unmet_codes(report)) == (Verdict.NOT_ESTABLISHED, [("signer-not-met", UNKNOWN)])
    assert "only claimed" in report.unmet[0].message
    report = ask(both, "purpose:author", signatures=2, distinct_signers=True, trust=None, integrity_only=True)
    assert unmet_codes(report) == [("too-few-signers", UNKNOWN)]
    report = ask(both, "purpose:author", "purpose:5", distinct_signers=True, trust=None, integrity_only=True)
    assert unmet_codes(report) == [("signers-not-distinct", UNKNOWN)]


def test_a_stranger_of_the_right_name_does_not_meet_a_rule(ask: Verify, plain: bytes, pki: Pki) -> None:
    report = ask(sign_dataset(plain, pki["stranger"]), "signer:CN=stranger")
    assert (report.verdict, unmet_codes(report)) == (Verdict.NOT_ESTABLISHED, [("signer-not-met", UNKNOWN)])


def test_a_copied_signature_does_not_count_twice(ask: Verify, plain: bytes, pki: Pki) -> None:
    data = sign_dataset(plain, pki["rsa2048"])
    (item,) = read_items(data, tags.DIGITAL_SIGNATURES_SEQUENCE)
    copied = edit_signed(
        data, main={tags.DIGITAL_SIGNATURES_SEQUENCE: b.Sequence(tags.DIGITAL_SIGNATURES_SEQUENCE, (item, item))}
    )
    report = ask(copied, signatures=2)
    assert len(report.signatures) == 2
    assert unmet_codes(report) == [("too-few-signatures", FAILED)]


def test_two_profiles_of_one_name_have_both_to_be_met(both: bytes, trust: Trust, tmp_path: Path) -> None:
    strict = tmp_path / "strict.toml"
    strict.write_text('name = "base-rsa"\nbase = "base-rsa"\nforbidden = ["PatientName"]')
    for rules in (("base-rsa", str(strict)), (str(strict), "base-rsa")):
        report = dcmseal.verify(both, require=rules, trust=trust)
        assert ("profile-not-met", FAILED) in unmet_codes(report)


def test_so_many_signatures(ask: Verify, both: bytes) -> None:
    assert ask(both, signatures=2).verdict is Verdict.VALID
    assert unmet_codes(ask(both, signatures=3)) == [("too-few-signatures", FAILED)]
    removed = dcmseal.remove(both, uids=[dcmseal.signatures(both)[1].uid]).data
    assert removed is not None
    assert unmet_codes(ask(removed, signatures=2)) == [("too-few-signatures", FAILED)]
    assert unmet_codes(ask(removed, "signer:CN=p256")) == [("signer-not-met", FAILED)]


@pytest.mark.parametrize(
    ("second", "enough"),
    [
        (("rsa2048",), False),
        (("p256", "CN=rsa2048", "O=dcmseal tests"), False),
        (("p256", "O=dcmseal  tests", "CN=RSA2048"), False),
        (("rsa2048", "CN=somebody else"), False),
        (("p256", "CN=somebody else"), True),
    ],
)
def test_certificates_with_the_same_key_or_name_are_one_signer(
    ask: Verify, plain: bytes, pki: Pki, second: tuple[str, ...], *, enough: bool
) -> None:
    key, *names = second
    again = by_name(pki, key, *names) if names else pki[key]
    data = sign_dataset(sign_dataset(plain, pki["rsa2048"], purpose="author"), again, purpose="verification")
    assert ask(data, signatures=2).verdict is Verdict.VALID
    report = ask(data, signatures=2, distinct_signers=True)
    assert unmet_codes(report) == ([] if enough else [("too-few-signers", FAILED)])
    report = ask(data, "purpose:author", "purpose:verification", distinct_signers=True)
    assert unmet_codes(report) == ([] if enough else [("signers-not-distinct", FAILED)])


def test_a_chain_of_keys_and_names_is_one_signer(ask: Verify, plain: bytes, pki: Pki) -> None:
    for who in (by_name(pki, "rsa2048", "CN=a"), by_name(pki, "p384", "CN=b"), by_name(pki, "rsa2048", "CN=b")):
        plain = sign_dataset(plain, who)
    assert ask(plain, signatures=3).verdict is Verdict.VALID
    assert unmet_codes(ask(plain, signatures=2, distinct_signers=True)) == [("too-few-signers", FAILED)]


def test_four_eyes_are_not_two_and_a_bystander(ask: Verify, plain: bytes, pki: Pki) -> None:
    rules = ("purpose:author", "purpose:verification")
    alone = sign_dataset(sign_dataset(plain, pki["rsa2048"], purpose="author"), pki["rsa2048"], purpose="verification")
    joined = sign_dataset(alone, pki["p256"], purpose="review")
    assert ask(joined, *rules, signatures=2).verdict is Verdict.VALID
    assert unmet_codes(ask(joined, *rules, distinct_signers=True)) == [("signers-not-distinct", FAILED)]
    coauthored = sign_dataset(joined, pki["p256"], purpose="author")
    assert ask(coauthored, *rules, distinct_signers=True).verdict is Verdict.VALID
    assert unmet_codes(ask(coauthored, *rules, "purpose:review", distinct_signers=True)) == [
        ("signers-not-distinct", FAILED)
    ]


def test_two_verifiers(ask: Verify, both: bytes, pki: Pki) -> None:
    twice = ("purpose:verification", "purpose:verification")
    assert unmet_codes(ask(both, *twice, distinct_signers=True)) == [("signers-not-distinct", FAILED)]
    assert ask(sign_dataset(both, pki["p384"], purpose=5), *twice, distinct_signers=True).verdict is Verdict.VALID


def test_a_signature_over_an_item_does_not_cover_the_object(ask: Verify, pki: Pki) -> None:

    plan = real_file("rtplan.dcm").data
    data = sign_dataset(plan, pki["rsa2048"], location="BeamSequence[0]", purpose="review")
    demands: dict[str, Any] = {"signatures": 1, "no_unsigned_additions": True, "covered": ["BeamName"]}
    report = ask(data, "purpose:review", "base-rsa", **demands)
    assert report.verdict is Verdict.INVALID
    assert len(report.unmet) == 6
    assert report.unmet[0].code == "object-not-signed"
    assert ask(data, "purpose:review", "base-rsa", location="BeamSequence[0]", **demands).verdict is Verdict.VALID
    uid = dcmseal.signatures(data)[0].uid
    assert ask(data, "purpose:review", uid=uid).verdict is Verdict.INVALID
    assert ask(data, "purpose:review", uid=uid, location="BeamSequence[0]").verdict is Verdict.VALID


def test_of_one_signature_only_that_counts(ask: Verify, both: bytes) -> None:
    author, verifier = (each.uid for each in dcmseal.signatures(both))
    assert ask(both, "purpose:author", uid=author).verdict is Verdict.VALID
    assert unmet_codes(ask(both, "purpose:author", uid=verifier, signatures=2)) == [
        ("purpose-not-met", FAILED),
        ("too-few-signatures", FAILED),
    ]


def test_an_unsigned_file_has_the_verdict_no_signature(ask: Verify, plain: bytes) -> None:
    report = ask(plain, "base-rsa", covered=[NAME], signatures=1, no_unsigned_additions=True, timestamps=True)
    assert report.verdict is Verdict.NO_SIGNATURE
    assert [code for code, _ in unmet_codes(report)] == [
        *("profile-not-met", "too-few-signatures", "required-not-covered", "unsigned-additions")
    ]


def test_a_verified_report(ask: Verify, pki: Pki) -> None:
    document = b.file(KINDS["verified SR"])
    rules = ("purpose:author", "purpose:verification + structured-report-rsa")
    verifying = sign_dataset(document, pki["rsa2048"], profile="structured-report-rsa")
    assert unmet_codes(ask(verifying, *rules)) == [("purpose-not-met", FAILED)]
    authored = sign_dataset(document, pki["p384"], purpose="author")
    assert ask(sign_dataset(authored, pki["rsa2048"], profile="structured-report-rsa"), *rules).verdict is Verdict.VALID


def test_rules_are_added_to_a_policy(both: bytes, trust: Trust) -> None:
    policy = Policy.build(require=["purpose:author"], covered=[t.PATIENT_NAME])
    report = dcmseal.verify(both, policy=policy, require=["purpose:consent", Rule(timestamp=True)], trust=trust)
    assert [code for code, _ in unmet_codes(report)] == ["purpose-not-met", "timestamp-not-met"]


def test_a_report_that_was_not_held_against_a_profile_leaves_it_open(both: bytes, trust: Trust) -> None:
    report = dcmseal.verify(both, trust=trust)
    (finding,) = unmet_findings(Policy.build(require=["base-rsa"]), report)
    assert (finding.code, finding.outcome) == ("rule-not-met", UNKNOWN)


def test_a_hostile_certificate_meets_no_name(both: bytes) -> None:
    report = dcmseal.verify(both, integrity_only=True)
    broken = replace(report.signatures[0].signature, certificate=b"\x30\x03\x02\x01\x01")
    report = replace(report, signatures=(replace(report.signatures[0], signature=broken),))
    findings: tuple[Finding, ...] = unmet_findings(Policy.build(require=["signer:CN=rsa2048"], signatures=1), report)
    assert [(each.code, each.outcome) for each in findings] == [("signer-not-met", FAILED)]


@pytest.mark.parametrize(
    "demands",
    [
        {"signatures": -1},
        {"signatures": 1001},
        {"distinct_signers": True},
        {"distinct_signers": True, "signatures": 1},
        {"covered": [t.TRANSFER_SYNTAX_UID]},
        {"covered": [0x00100000]},
        {"covered": ["PatientNam"]},
        {"require": ["timestamp"] * 65},
    ],
)
def test_no_policies(demands: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        Policy.build(**demands)
