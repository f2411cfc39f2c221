"""The contract for signer backends finds what it is there to find."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from unittest import SkipTest

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import rsa

from dcmseal.errors import SealError
from dcmseal.terms import MacAlgorithm
from dcmseal.testing import SignerContract
from tests.core.testing import broken_backends as bad
from tests.core.testing import misbehaving_backends as ill
from tests.core.testing.one_key import PIN, OneKey
from tests.support.pki import Pki

HERE: Final = __package__ or ""
FOUND_BY: Final[Mapping[str, tuple[type[OneKey], ...]]] = {
    "test_signatures_verify_with_the_certificate": (
        bad.BareDigest,
        bad.BareRipemd160,
        bad.Pss,
        bad.HashedTwice,
        bad.PaddedSignature,
        bad.ShortMessagesOnly,
        bad.OneAlgorithm,
        bad.OtherCertificate,
    ),
    "test_unsupported_algorithms_are_refused_and_the_key_still_signs": (OneKey, bad.StuckOnceRefused),
    "test_signed_data_set_is_valid": (bad.HashedTwice, bad.OtherCertificate),
    "test_certificate_chain_is_der": (bad.NoChain, bad.PaddedCertificate),
    "test_key_type_matches_the_certificate": (bad.OtherKeyType,),
    "test_signs_and_opens_repeatedly": (bad.OpensOnce,),
    "test_signs_from_many_threads": (bad.OneMessageAtATime,),
    "test_opens_in_many_threads": (bad.OneOpeningAtATime,),
    "test_closing_one_signer_leaves_the_other_open": (bad.OneSession,),
    "test_secret_is_requested_only_if_the_key_has_one": (ill.NeverAsks, ill.AsksForEachSignature),
    "test_wrong_secret_is_rejected_and_not_retried": (
        ill.NeverAsks,
        ill.TriesThreeTimes,
        ill.EncodesCarelessly,
        ill.RepeatsTheWrongSecret,
        ill.HidesTheWrongSecretBadly,
        ill.KeepsTheSecretInItsFrame,
        ill.LocksAtOnce,
        ill.RaisesItsOwn,
    ),
    "test_missing_secret_is_rejected": (ill.NeverAsks, ill.TriesThreeTimes, ill.RaisesItsOwn),
    "test_cancelled_prompt_aborts_opening": (ill.CatchesWhatThePromptRaises, ill.LocksAtOnce),
    "test_reprs_do_not_disclose_the_secret": (ill.Talkative,),
    "test_logs_output_and_errors_do_not_disclose_the_secret": (ill.Logs, ill.Prints, ill.RepeatsTheWrongSecret),
    "test_invalid_key_uris_raise_dcmseal_errors": (ill.NoHint, ill.ForeignUriErrors),
    "test_secret_in_the_key_uri_is_rejected": (ill.TakesAnyUri,),
    "test_closed_key_refuses_to_sign": (ill.StaysOpen,),
    "test_application_errors_propagate_and_close_the_key": (ill.SwallowsErrors, ill.ClosesOnSuccessOnly),
    "test_message_errors_propagate_and_the_key_still_signs": (
        ill.BlamesTheDataSetOnItself,
        ill.StuckOnceTheDataSetFailed,
    ),
    "test_opening_without_the_device_fails": (
        ill.FailsWithTheSecretInItsFrame,
        ill.NeverMissesItsDevice,
        ill.KnowsNoDevice,
        ill.ForeignDeviceErrors,
        ill.NeverTheSameAgain,
    ),
    "test_listing_without_the_device_succeeds_or_gives_a_hint": (ill.ListsWhatIsGone,),
    "test_signing_without_the_device_fails": (ill.NeverMissesItsDevice, ill.KnowsNoDevice, ill.NeverTheSameAgain),
    "test_signing_after_reconnection_succeeds_or_gives_a_hint": (ill.SignsNonsenseAfterwards,),
    "test_closing_without_the_device_succeeds": (ill.ClosesNeverWithoutDevice,),
    "test_scheme_and_summary_are_valid": (ill.Nameless,),
    "test_listed_keys_have_its_scheme": (ill.ListsOthers, ill.ListsOthersForAUri),
    "test_plugin_contributes_the_backend_without_heavy_imports": (),
}
"""``OneKey`` stands for a backend that can do more than its author says."""

FAILURES: Final = (AssertionError, InvalidSignature, SealError, ValueError, ill.ForeignError)


class Suite(SignerContract):
    backend: OneKey
    uri = "one:key"
    secret: str | None = PIN
    plugin_module = f"{HERE}.light_plugin"

    def __init__(self, backend: OneKey) -> None:
        self.backend = backend

    def remove_device(self) -> None:
        self.backend.is_there = False

    def return_device(self) -> None:
        self.backend.is_there = True


@pytest.fixture
def suite(request: pytest.FixtureRequest, pki: Pki) -> Suite:
    """The contract for a backend, the good one unless a test says otherwise."""
    identity = pki["rsa2048"]
    assert isinstance(identity.key, rsa.RSAPrivateKey)
    kind: type[OneKey] = getattr(request, "param", OneKey)
    return Suite(kind(identity.key, (identity.der, pki.root.der)))


def checks(suite: type[SignerContract] = Suite) -> list[str]:
    return [name for name in dir(suite) if name.startswith("test_")]


def findings() -> list[tuple[type[OneKey], str]]:
    return [(kind, check) for check, kinds in FOUND_BY.items() for kind in kinds]


@pytest.mark.parametrize("check", checks())
def test_a_good_backend_meets_the_contract(suite: Suite, check: str) -> None:
    getattr(suite, check)()


@pytest.mark.parametrize("suite", [bad.OneAlgorithm], indirect=True)
@pytest.mark.parametrize("check", checks())
def test_so_does_one_that_declares_its_algorithms(suite: Suite, check: str) -> None:
    suite.algorithms = (MacAlgorithm.SHA256,)
    getattr(suite, check)()


@pytest.mark.parametrize("suite", [ill.AsksForEachSignature], indirect=True)
def test_so_does_one_that_declares_a_prompt_for_each_signature(suite: Suite) -> None:
    suite.secret_for_each_signature = True
    suite.test_secret_is_requested_only_if_the_key_has_one()


@pytest.mark.parametrize("suite", [ill.NeverAsks], indirect=True)
@pytest.mark.parametrize("check", checks())
def test_so_does_one_without_a_secret(suite: Suite, check: str) -> None:
    suite.secret = None
    getattr(suite, check)()


@pytest.mark.parametrize(("suite", "check"), findings(), indirect=["suite"])
def test_a_bad_backend_is_found(suite: Suite, check: str) -> None:
    if "unsupported_algorithms" in check:
        suite.algorithms = (MacAlgorithm.SHA256,)
    with pytest.raises(FAILURES):
        getattr(suite, check)()


def test_every_test_of_the_contract_finds_something() -> None:
    assert set(FOUND_BY) == set(checks())
    values = (*vars(bad).values(), *vars(ill).values())
    kinds = {value for value in values if isinstance(value, type) and issubclass(value, OneKey)}
    assert kinds - {OneKey} == {kind for kind, _ in findings()} - {OneKey}


@pytest.mark.parametrize(
    "module", [f"{HERE}.heavy_plugin", "dcmseal_software.plugin", "dcmseal_profiles.plugin", f"{HERE}.no_such_plugin"]
)
def test_a_plugin_that_is_heavy_broken_or_another_is_found(suite: Suite, module: str) -> None:
    suite.plugin_module = module
    with pytest.raises(AssertionError):
        suite.test_plugin_contributes_the_backend_without_heavy_imports()


class NoDevice(SignerContract):
    """Leaves out what its author may leave out."""


@pytest.mark.parametrize(
    ("check", "reason"),
    [
        *((check, "override remove_device") for check in checks() if "device" in check),
        ("test_plugin_contributes_the_backend_without_heavy_imports", "set plugin_module"),
    ],
)
def test_untestable_behaviour_is_skipped_with_a_reason(suite: Suite, check: str, reason: str) -> None:
    bare = NoDevice()
    bare.backend, bare.uri, bare.secret = suite.backend, suite.uri, suite.secret
    with pytest.raises(SkipTest, match=reason):
        getattr(bare, check)()


def test_the_secret_is_not_in_the_message_of_a_failed_test(suite: Suite) -> None:
    suite.backend = ill.Talkative(suite.backend.key, suite.backend.chain)
    with pytest.raises(AssertionError) as caught:
        suite.test_reprs_do_not_disclose_the_secret()
    assert PIN not in str(caught.value)
