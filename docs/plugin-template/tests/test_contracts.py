"""The contracts that every plugin has to pass."""

from __future__ import annotations

from dcmseal.plugins import MacAlgorithm
from dcmseal.testing import ProfileContract, SignerContract
from dcmseal_acme.backend import AcmeBackend
from dcmseal_acme.device import PIN, connected_device
from dcmseal_acme.profile import AcmeEcdsa


class AcmeContract(SignerContract):
    backend = AcmeBackend()
    plugin_module = "dcmseal_acme.plugin"
    secret = PIN
    wrong_secret = "740219"

    def remove_device(self) -> None:
        connected_device().disconnect()

    def return_device(self) -> None:
        connected_device().connect()


class TestEcKey(AcmeContract):
    uri = "acme:reading-room"
    algorithms = (MacAlgorithm.SHA256, MacAlgorithm.SHA384, MacAlgorithm.SHA512)


class TestRsaKey(AcmeContract):
    uri = "acme:archive"


class TestProfile(ProfileContract):
    profile = AcmeEcdsa()
