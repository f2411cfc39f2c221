"""The contracts of dcmseal: ``pytest --pyargs dcmseal_foreign_example.contract_checks``."""

from __future__ import annotations

from dcmseal.testing.profile_contract import ProfileContract
from dcmseal.testing.signer_contract import SignerContract

from .backend import PIN, ExampleBackend
from .profile import ExampleEcdsa


class TestEcKey(SignerContract):
    backend = ExampleBackend()
    uri = "example:ec"


class TestRsaKey(SignerContract):
    backend = ExampleBackend()
    uri = "example:rsa"
    secret = PIN


class TestProfile(ProfileContract):
    profile = ExampleEcdsa()
