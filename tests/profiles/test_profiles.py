from __future__ import annotations

from dataclasses import replace

import pytest

from dcmseal.plugins.protocols import SignatureFacts
from dcmseal.terms import KeyType, MacAlgorithm
from dcmseal.testing.profile_contract import ProfileContract
from dcmseal.testing.profiled import IMAGE
from dcmseal_profiles.base_rsa import BaseRsa
from dcmseal_profiles.none import NoProfile

FACTS = SignatureFacts(
    mac_algorithm=MacAlgorithm.RIPEMD160,
    key_type=KeyType.RSA,
    certificate_type="X509_1993_SIG",
    timestamp_type="CMS_TSP",
    purpose=None,
    elements=frozenset({0x00080018}),
)


class TestNoProfile(ProfileContract):
    profile = NoProfile()

    def test_anything_goes(self) -> None:
        facts = replace(FACTS, mac_algorithm=None, key_type=KeyType.DSA, certificate_type="", timestamp_type="?")
        assert self.profile.check(IMAGE, facts) == ()


class TestBaseRsa(ProfileContract):
    profile = BaseRsa()

    @pytest.mark.parametrize("algorithm", MacAlgorithm)
    def test_all_six_algorithms(self, algorithm: MacAlgorithm) -> None:
        assert self.profile.check(IMAGE, replace(FACTS, mac_algorithm=algorithm)) == ()

    @pytest.mark.parametrize(
        ("facts", "code"),
        [
            (replace(FACTS, mac_algorithm=None), "mac-algorithm-not-allowed"),
            (replace(FACTS, key_type=KeyType.EC), "key-type-not-allowed"),
            (replace(FACTS, key_type=KeyType.DSA), "key-type-not-allowed"),
            (replace(FACTS, certificate_type="X509"), "certificate-type"),
            (replace(FACTS, timestamp_type="CMS_TS"), "timestamp-type"),
        ],
    )
    def test_refuses(self, facts: SignatureFacts, code: str) -> None:
        (finding,) = self.profile.check(IMAGE, facts)
        assert finding.code == code
        assert finding.clause == "PS3.15 C.1"

    def test_asks_for_no_element_and_no_purpose(self) -> None:
        required = self.profile.requirements(IMAGE)
        assert (required.elements, required.purposes, required.purpose_required) == (frozenset(), frozenset(), False)
        assert self.profile.check(replace(IMAGE, is_main=False), replace(FACTS, elements=frozenset[int]())) == ()
