"""The contracts of dcmseal: ``pytest --pyargs dcmseal_foreign_example.contract_checks``."""

from __future__ import annotations

from dcmseal.testing import ProfileContract, SignerContract

from .backend import PIN, ExampleBackend
from .profile import ExampleEcdsa


class ExampleContract(SignerContract):
    backend = ExampleBackend()
    plugin_module = "dcmseal_foreign_example.plugin"

    def remove_device(self) -> None:
        self.backend.device.is_connected = False

    def return_device(self) -> None:
        self.backend.device.is_connected = True


class TestEcKey(ExampleContract):
    uri = "example:ec"


class TestRsaKey(ExampleContract):
    uri = "example:rsa"
    secret = PIN


class TestProfile(ProfileContract):
    profile = ExampleEcdsa()
