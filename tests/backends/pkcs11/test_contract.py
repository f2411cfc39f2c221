from __future__ import annotations

import pytest

from dcmseal.testing.signer_contract import SignerContract
from dcmseal_pkcs11.pkcs11_backend import Pkcs11Backend
from tests.backends.pkcs11.conftest import KEYS
from tests.support.softhsm_token import PIN, SoftToken


@pytest.mark.parametrize("key", [*KEYS, "each-time"])
class TestPkcs11Backend(SignerContract):
    backend = Pkcs11Backend()
    secret = PIN
    plugin_module = "dcmseal_pkcs11.plugin"

    @pytest.fixture(autouse=True)
    def _open(self, key: str, token: SoftToken) -> None:
        self.uri = token.uri(key)
        self.token = token

    def remove_device(self) -> None:
        self.token.remove()

    def return_device(self) -> None:
        self.token.put_back()
