"""Trust in a report: the time that counts, weak algorithms, and answers of plugins."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from msgspec.structs import replace

import dcmseal
from dcmseal.errors import PluginNotFound, SealError, TrustError
from dcmseal.evidence.evidence_store import build_evidence, parse_evidence
from dcmseal.findings import Aspect, Finding, Outcome
from dcmseal.model.evidence_record import TrustMaterial
from dcmseal.model.report import TimeBasis
from dcmseal.model.verdict import Verdict
from dcmseal.plugins.registry import Registry
from dcmseal.plugins.trust import Strictness, TrustRequest, TrustResult, TrustSettings
from dcmseal.verification.signer_trust import Trust
from tests.core.plugins.fake_plugins import SECRET, make_plugin
from tests.support import builder as b
from tests.support.pki import Pki
from tests.support.signed_files import sign_dataset
from tests.support.wrong_types import wrong_type

CERTIFIED = dt.datetime(2025, 5, 5, tzinfo=dt.UTC)
NOW = dt.datetime(2030, 1, 1, tzinfo=dt.UTC)
GOOD = Finding(aspect=Aspect.TRUST, outcome=Outcome.PASSED, code="known", message="known")


class Evaluator:
    """Returns a given answer, and records the requests."""

    def __init__(self, answer: Any = None) -> None:
        self.answer = TrustResult(findings=(GOOD,)) if answer is None else answer
        self.questions: list[TrustRequest] = []

    def evaluate(self, question: TrustRequest) -> Any:
        self.questions.append(question)
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer


class Backend:
    scheme = "fake"
    summary = "whatever it is told"

    def __init__(self, evaluator: Any) -> None:
        self.evaluator = evaluator

    def open(self, settings: TrustSettings) -> Any:
        if isinstance(self.evaluator, BaseException):
            raise self.evaluator
        return self.evaluator


SETTINGS = TrustSettings(scheme="fake", now=NOW)


def registry(*backends: Any) -> Registry:
    return Registry.from_plugins(make_plugin("fakes", dcmseal_trust_backends=lambda: backends))


def opened(evaluator: Any, settings: TrustSettings = SETTINGS) -> Trust:
    return Trust.open(settings, registry(Backend(evaluator)))


@pytest.fixture(scope="module")
def file(pki: Pki) -> bytes:
    return sign_dataset(b.file(b.image()), pki["rsa2048"])


def test_with_trust_a_signature_is_valid_and_without_it_is_not_established(file: bytes, pki: Pki) -> None:
    trust = TrustSettings(anchors=(str(pki.root.certificate_pem),))
    report = dcmseal.verify(file, trust=trust)
    assert report.verdict is Verdict.VALID
    (signature,) = report.signatures
    assert signature.trust is not None
    assert signature.trust.basis is TimeBasis.CLAIMED
    assert signature.trust.chain == (pki["rsa2048"].der, pki.root.der)
    without = dcmseal.verify(file)
    assert without.verdict is Verdict.NOT_ESTABLISHED
    assert without.signatures[0].trust is None
    stranger = TrustSettings(anchors=(str(pki["stranger-root"].certificate_pem),))
    assert dcmseal.verify(file, trust=stranger).verdict is Verdict.NOT_ESTABLISHED


def test_trust_cannot_mend_data_that_changed(file: bytes, pki: Pki) -> None:
    trust = TrustSettings(anchors=(str(pki.root.certificate_pem),))
    report = dcmseal.verify(file.replace(b"4711", b"0815"), trust=trust)
    assert report.signatures[0].outcome(Aspect.TRUST) is Outcome.PASSED
    assert report.verdict is Verdict.INVALID


def test_the_moment_is_certified_or_claimed_or_now(file: bytes) -> None:
    evaluator = Evaluator()
    trust = opened(evaluator)
    stated = dcmseal.verify(file).signatures[0].signature
    for claim in ("20240101", "", "99991231235959.000000-1400"):
        trust.evaluate_signer(replace(stated, datetime=claim), b"", None)
    trust.evaluate_signer(stated, b"", None)
    trust.evaluate_signer(stated, b"", CERTIFIED)
    assert [(each.basis, each.moment) for each in evaluator.questions] == [
        *((TimeBasis.NOW, NOW),) * 3,
        (TimeBasis.CLAIMED, stated.moment),
        (TimeBasis.CERTIFIED, CERTIFIED),
    ]
    assert {each.now for each in evaluator.questions} == {NOW}


@pytest.mark.parametrize(
    ("leniency", "verdict"),
    [
        (Strictness.ACCEPT, Verdict.VALID),
        (Strictness.INDETERMINATE, Verdict.NOT_ESTABLISHED),
        (Strictness.REFUSE, Verdict.INVALID),
    ],
)
def test_weak_algorithms_are_as_the_settings_have_them(pki: Pki, leniency: Strictness, verdict: Verdict) -> None:
    weak = sign_dataset(b.file(b.image()), pki["rsa2048"], algorithm="MD5", allow_weak=True)
    report = dcmseal.verify(weak, trust=opened(Evaluator(), replace(SETTINGS, weak=leniency)))
    assert report.verdict is verdict
    codes = [each.code for each in report.signatures[0].findings if each.aspect is Aspect.TRUST]
    assert codes == ["weak-mac-algorithm", "known"]


def test_unknown_is_not_passed(file: bytes) -> None:
    doubt = replace(GOOD, outcome=Outcome.UNKNOWN)
    trust = opened(Evaluator(TrustResult(findings=(GOOD, doubt))))
    assert dcmseal.verify(file, trust=trust).verdict is Verdict.NOT_ESTABLISHED


@pytest.mark.parametrize(
    "answer",
    [
        True,
        TrustResult(findings=()),
        TrustResult(findings=(replace(GOOD, aspect=Aspect.INTEGRITY),)),
        TrustResult(findings=wrong_type(("known",))),
        TrustResult(findings=(GOOD,), chain=wrong_type(("CN=root",))),
        ValueError(SECRET),
        SystemExit(SECRET),
    ],
)
def test_nonsense_stops_the_verification(file: bytes, answer: Any) -> None:
    with pytest.raises(TrustError, match="trust backend fake of fakes") as refused:
        dcmseal.verify(file, trust=opened(Evaluator(answer)))
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize("evaluator", [None, "no evaluator", RuntimeError(SECRET)])
def test_a_backend_that_does_not_open(evaluator: Any) -> None:
    with pytest.raises(TrustError, match="trust backend fake of fakes") as refused:
        opened(evaluator)
    assert SECRET not in str(refused.value)


def test_schemes_are_found_by_name_and_belong_to_one() -> None:
    good = Backend(Evaluator())
    assert [each.scheme for each in registry(good).trust_backends()] == ["fake"]
    assert "trust:fake" in registry(good).plugins()[0].contributes
    with pytest.raises(PluginNotFound, match="of scheme 'other'"):
        registry(good).trust_backend("other")
    twice = Registry.from_plugins(
        *(make_plugin(name, dcmseal_trust_backends=lambda: (good,)) for name in ("one", "two"))
    )
    with pytest.raises(SealError, match="more than once"):
        twice.trust_backend("fake")
    broken = registry(type("Nameless", (), {"scheme": "FAKE", "summary": "", "open": None})())
    assert "scheme" in broken.plugins()[0].problem


@pytest.mark.parametrize(
    "material", [None, TrustMaterial(crls=wrong_type(["no tuple"])), TrustMaterial(anchors=wrong_type(("no bytes",)))]
)
def test_nonsense_for_material_stops_the_verification(file: bytes, material: Any) -> None:
    answer = TrustResult(findings=(GOOD,), material=material)
    with pytest.raises(TrustError, match="trust backend fake of fakes"):
        dcmseal.verify(file, trust=opened(Evaluator(answer)), keep_evidence=True)


def test_a_plugin_that_knows_of_no_material_has_evidence_of_its_chain(file: bytes, pki: Pki) -> None:
    """It is asked again when the verdict is repeated, and at the same moment."""
    evaluator = Evaluator(TrustResult(findings=(GOOD,), chain=(pki["rsa2048"].der, pki.root.der)))
    plugins = registry(Backend(evaluator))
    report = dcmseal.verify(file, trust=SETTINGS, registry=plugins, keep_evidence=True)
    assert evaluator.questions[-1].collect_material
    evidence = replace(parse_evidence(build_evidence(report)), trust_moment=True)
    assert evidence.record.material.anchors == (pki.root.der,)
    assert evidence.record.material.certificates == (pki["rsa2048"].der,)
    years_on = replace(SETTINGS, now=NOW.replace(year=2050))
    again = dcmseal.verify(file, trust=years_on, registry=plugins, evidence=evidence)
    assert again.verdict is Verdict.VALID
    assert evaluator.questions[-1].now == NOW
