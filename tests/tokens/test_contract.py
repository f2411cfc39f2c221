"""The contract for signer backends, on every kind of token and with every kind of key."""

from __future__ import annotations

import pytest

from dcmseal.testing.signer_contract import SignerContract
from dcmseal_pkcs11.pkcs11_backend import Pkcs11Backend
from tests.tokens.token_device import WRONG_PIN, TokenDevice, TokenKind
from tests.tokens.token_kinds import EVERY_KEY


@pytest.mark.parametrize(("kind", "key"), EVERY_KEY, ids=str)
class TestContract(SignerContract):
    backend = Pkcs11Backend()
    wrong_answer = WRONG_PIN
    plugin_module = "dcmseal_pkcs11.plugin"

    @pytest.fixture(autouse=True)
    def _present(self, kind: TokenKind, key: str, device: TokenDevice) -> None:
        self._device = device
        self.uri = device.present(key)
        self.secret = device.pin
        self.secret_for_each_signature = key in kind.pin_each_time

    def remove_device(self) -> None:
        self._device.remove()

    def return_device(self) -> None:
        self._device.reinsert()
