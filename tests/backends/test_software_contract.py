from __future__ import annotations

from typing import NamedTuple

import pytest

from dcmseal.plugins.key_uri import escape_path
from dcmseal.testing.signer_contract import SignerContract
from dcmseal_software.file_backend import BACKENDS
from tests.backends.conftest import PASSPHRASE, KeyFolder


class Case(NamedTuple):
    scheme: str
    key: str
    certificate: str = ""
    secret: str | None = None

    def __str__(self) -> str:
        return f"{self.scheme}:{self.key}"


CASES = (
    Case("pem", "rsa.pkcs8.pem", "rsa.cert.pem"),
    Case("pem", "rsa.old.pem", "rsa.cert.der"),
    Case("pem", "rsa.locked.pem", "rsa.cert.pem", PASSPHRASE),
    Case("pem", "rsa.oldlocked.pem", "rsa.cert.pem", PASSPHRASE),
    Case("pem", "p256.old.pem", "p256.cert.pem"),
    Case("pem", "p384.oldlocked.pem", "p384.cert.pem", PASSPHRASE),
    Case("pem", "dsa.pkcs8.pem", "dsa.cert.pem"),
    Case("der", "rsa.old.der", "rsa.cert.pem"),
    Case("der", "rsa.locked.der", "rsa.cert.der", PASSPHRASE),
    Case("der", "p521.pkcs8.der", "p521.cert.der"),
    Case("der", "p384.old.der", "p384.cert.der"),
    Case("der", "dsa.old.der", "dsa.cert.der"),
    Case("p12", "rsa.locked.p12", secret=PASSPHRASE),
    Case("p12", "p256.p12"),
    Case("p12", "dsa.locked.p12", secret=PASSPHRASE),
)


@pytest.mark.parametrize("case", CASES, ids=str)
class TestSoftwareBackends(SignerContract):
    plugin_module = "dcmseal_software.plugin"

    @pytest.fixture(autouse=True)
    def _open(self, case: Case, keys: KeyFolder) -> None:
        self.backend = next(backend for backend in BACKENDS if backend.scheme == case.scheme)
        query = f"?cert={escape_path(keys[case.certificate])}" if case.certificate else ""
        self.uri = f"{case.scheme}:{escape_path(keys[case.key])}{query}"
        self.secret = case.secret
