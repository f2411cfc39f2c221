"""What dcmseal expects of every signer backend, for each kind of key in KMS."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from conftest import Kms, Wire
from dcmseal.plugins import MacAlgorithm
from dcmseal.testing import SignerContract
from dcmseal_awskms.backend import AwsKmsBackend


class Case(NamedTuple):
    spec: str
    algorithms: tuple[MacAlgorithm, ...]


CASES = (
    Case("RSA_2048", (MacAlgorithm.SHA256, MacAlgorithm.SHA384, MacAlgorithm.SHA512)),
    Case("ECC_NIST_P256", (MacAlgorithm.SHA256,)),
)


@pytest.fixture(scope="module", params=CASES, ids=lambda case: case.spec)
def case(request: pytest.FixtureRequest, kms: Kms) -> tuple[str, tuple[MacAlgorithm, ...]]:
    """A key URI, and what the key can do."""
    return kms.key(request.param.spec), request.param.algorithms


class TestAwsKms(SignerContract):
    backend = AwsKmsBackend()
    plugin_module = "dcmseal_awskms.plugin"

    @pytest.fixture(autouse=True)
    def _key(self, case: tuple[str, tuple[MacAlgorithm, ...]], wire: Wire) -> None:
        self.uri, self.algorithms = case
        self.wire = wire

    def remove_device(self) -> None:
        self.wire.is_cut = True

    def return_device(self) -> None:
        self.wire.is_cut = False
