"""The contract suites find what they are there to find."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import count

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa, utils

from dcmseal.errors import PinRejected, SignerError
from dcmseal.plugins.protocols import (
    KeyListing,
    ProfiledDataset,
    Requirements,
    SecretRequest,
    Secrets,
    SignableMessage,
    SignatureFacts,
    Signer,
)
from dcmseal.plugins.rules import unmet
from dcmseal.report import Aspect, Finding, Outcome
from dcmseal.terms import KeyType, MacAlgorithm
from dcmseal.testing.profile_contract import ProfileContract
from dcmseal.testing.profiled import IMAGE
from dcmseal.testing.signer_contract import SignerContract
from tests.support.pki import Pki

PIN = "1234"
Sign = Callable[[rsa.RSAPrivateKey, SignableMessage], bytes]


def proper(key: rsa.RSAPrivateKey, message: SignableMessage) -> bytes:
    return key.sign(message.digest_info, padding.PKCS1v15(), utils.NoDigestInfo())


def bare_digest(key: rsa.RSAPrivateKey, message: SignableMessage) -> bytes:
    return key.sign(message.digest, padding.PKCS1v15(), utils.NoDigestInfo())


def pss(key: rsa.RSAPrivateKey, message: SignableMessage) -> bytes:
    return key.sign(message.digest, padding.PSS(padding.MGF1(hashes.SHA1()), 0), utils.Prehashed(hashes.SHA256()))


def hashed_twice(key: rsa.RSAPrivateKey, message: SignableMessage) -> bytes:
    return key.sign(message.digest, padding.PKCS1v15(), hashes.SHA256())


def padded(key: rsa.RSAPrivateKey, message: SignableMessage) -> bytes:
    return proper(key, message) + b"\0"


@dataclass
class OneSigner:
    key: rsa.RSAPrivateKey
    certificate_chain: tuple[bytes, ...]
    key_type: KeyType
    how: Sign
    stays_open: bool
    is_open: bool = True

    def sign(self, message: SignableMessage) -> bytes:
        if not (self.is_open or self.stays_open):
            raise SignerError("closed")
        return self.how(self.key, message)


@dataclass(frozen=True)
class OneKey:
    """A backend that keeps the contract, unless told otherwise."""

    key: rsa.RSAPrivateKey
    chain: tuple[bytes, ...]
    key_type: KeyType = KeyType.RSA
    how: Sign = proper
    stays_open: bool = False
    attempts: int = 1
    asks: bool = True
    foreign: bool = False
    talkative: bool = False
    scheme: str = "one"
    summary: str = "one key"

    def __repr__(self) -> str:
        return f"OneKey(pin={PIN if self.talkative else '...'})"

    @contextmanager
    def open(self, uri: str, secrets: Secrets) -> Generator[Signer]:
        if self.asks:
            request = SecretRequest(purpose="the key", uri="one:key")
            answers = (secrets(request) for _ in range(self.attempts))
            if PIN not in answers:
                if self.foreign:
                    raise ValueError("wrong PIN")
                raise PinRejected("wrong PIN", hint="try another")
        signer = OneSigner(self.key, self.chain, self.key_type, self.how, self.stays_open)
        try:
            yield signer
        finally:
            signer.is_open = False

    def list_keys(self, uri: str = "") -> Iterable[KeyListing]:
        return ()


@pytest.fixture
def good(pki: Pki) -> OneKey:
    identity = pki["rsa2048"]
    assert isinstance(identity.key, rsa.RSAPrivateKey)
    return OneKey(identity.key, (identity.der, pki.root.der))


def contract(backend: OneKey) -> SignerContract:
    suite = SignerContract()
    suite.backend, suite.uri, suite.secret = backend, "one:key", PIN
    return suite


def run_all(suite: object) -> None:
    for name in dir(suite):
        if name.startswith("test_"):
            getattr(suite, name)()


class TestSignerContract:
    def test_is_met_by_a_good_backend(self, good: OneKey) -> None:
        run_all(contract(good))

    @pytest.mark.parametrize("how", [bare_digest, pss, hashed_twice, padded])
    def test_finds_signatures_made_the_wrong_way(self, good: OneKey, how: Sign) -> None:
        suite = contract(replace(good, how=how))
        suite.algorithms = (MacAlgorithm.SHA256,)
        with pytest.raises((AssertionError, InvalidSignature)):
            suite.test_signatures_verify_with_the_certificate()

    def test_finds_ripemd160_without_digest_info(self, good: OneKey) -> None:
        suite = contract(replace(good, how=bare_digest))
        suite.algorithms = (MacAlgorithm.RIPEMD160,)
        with pytest.raises(AssertionError):
            suite.test_signatures_verify_with_the_certificate()

    def test_finds_a_certificate_of_another_key(self, good: OneKey) -> None:
        with pytest.raises(InvalidSignature):
            contract(replace(good, chain=good.chain[1:])).test_signatures_verify_with_the_certificate()

    def test_finds_a_chain_that_is_none(self, good: OneKey) -> None:
        for chain in ((), (b"0\0",), (good.chain[0] + b"\0",)):
            with pytest.raises((AssertionError, ValueError)):
                contract(replace(good, chain=chain)).test_certificate_chain_is_der()

    def test_finds_the_wrong_key_type(self, good: OneKey) -> None:
        with pytest.raises(AssertionError):
            contract(replace(good, key_type=KeyType.EC)).test_key_type_is_that_of_the_certificate()

    def test_finds_a_key_that_stays_open(self, good: OneKey) -> None:
        with pytest.raises(AssertionError):
            contract(replace(good, stays_open=True)).test_refuses_once_closed()

    def test_finds_attempts_to_guess(self, good: OneKey) -> None:
        with pytest.raises(AssertionError):
            contract(replace(good, attempts=3)).test_wrong_secret_is_rejected_and_not_tried_again()

    def test_finds_a_key_that_opens_with_any_secret(self, good: OneKey) -> None:
        suite = contract(replace(good, asks=False))
        for check in (
            suite.test_wrong_secret_is_rejected_and_not_tried_again,
            suite.test_declining_to_give_the_secret_is_rejected,
            suite.test_secret_is_asked_for_if_and_only_if_there_is_one,
        ):
            with pytest.raises(AssertionError):
                check()

    def test_finds_foreign_errors(self, good: OneKey) -> None:
        with pytest.raises(ValueError, match="wrong PIN"):
            contract(replace(good, foreign=True)).test_declining_to_give_the_secret_is_rejected()

    def test_finds_a_secret_in_a_repr(self, good: OneKey) -> None:
        with pytest.raises(AssertionError):
            contract(replace(good, talkative=True)).test_no_secret_in_any_repr()


@dataclass(frozen=True)
class SomeProfile:
    """A profile that keeps the contract, unless told otherwise."""

    required: Requirements
    checked: Requirements | None = None
    extra: tuple[Finding, ...] = ()
    name: str = "some"
    title: str = "Some profile"
    reference: str = "none"

    def requirements(self, dataset: ProfiledDataset) -> Requirements:
        return self.required

    def check(self, dataset: ProfiledDataset, facts: SignatureFacts) -> tuple[Finding, ...]:
        return unmet(self.checked or self.required, dataset, facts) + self.extra


FULL = Requirements(
    elements=frozenset(IMAGE.tags),
    mac_algorithms=frozenset({MacAlgorithm.SHA512}),
    key_types=frozenset({KeyType.EC}),
    purposes=frozenset({1}),
    purpose_required=True,
    main_dataset_only=True,
)


def profile_contract(profile: SomeProfile) -> ProfileContract:
    suite = ProfileContract()
    suite.profile = profile
    return suite


class TestProfileContract:
    @pytest.mark.parametrize("required", [FULL, Requirements()])
    def test_is_met_by_a_good_profile(self, required: Requirements) -> None:
        run_all(profile_contract(SomeProfile(required)))

    @pytest.mark.parametrize(
        "laxer",
        [
            replace(FULL, elements=FULL.elements - {0x00080018}),
            replace(FULL, mac_algorithms=frozenset[MacAlgorithm]()),
            replace(FULL, key_types=frozenset(KeyType)),
            replace(FULL, purposes=frozenset[int]()),
            replace(FULL, purpose_required=False),
        ],
    )
    def test_finds_checks_that_differ_from_the_requirements(self, laxer: Requirements) -> None:
        with pytest.raises(AssertionError):
            profile_contract(SomeProfile(FULL, checked=laxer)).test_what_breaks_a_requirement_fails_the_check()
        with pytest.raises(AssertionError):
            profile_contract(
                SomeProfile(laxer, checked=FULL)
            ).test_what_is_planned_by_the_requirements_passes_the_check()

    def test_finds_items_let_through(self) -> None:
        suite = profile_contract(SomeProfile(replace(Requirements(), main_dataset_only=True), checked=Requirements()))
        with pytest.raises(AssertionError):
            suite.test_what_breaks_a_requirement_fails_the_check()

    def test_finds_answers_that_vary(self) -> None:
        numbers = count()

        class Moody(SomeProfile):
            def requirements(self, dataset: ProfiledDataset) -> Requirements:
                return Requirements(elements=frozenset({next(numbers)}))

        with pytest.raises(AssertionError):
            profile_contract(Moody(FULL)).test_answers_do_not_vary()

    @pytest.mark.parametrize(("aspect", "code"), [(Aspect.TRUST, "fine"), (Aspect.CONFORMANCE, "Not Fine")])
    def test_finds_findings_of_another_kind(self, aspect: Aspect, code: str) -> None:
        finding = Finding(aspect=aspect, outcome=Outcome.FAILED, code=code, message="message")
        with pytest.raises(AssertionError):
            profile_contract(SomeProfile(FULL, extra=(finding,))).test_findings_are_about_conformance()
