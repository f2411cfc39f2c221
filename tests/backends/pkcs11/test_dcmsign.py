"""DCMTK accepts signatures of a token: all MAC algorithms, and all types of key that it supports."""

from __future__ import annotations

from pathlib import Path

import pytest

import dcmseal
from dcmseal.model.verdict import Verdict
from dcmseal.terms import MacAlgorithm
from tests.backends.pkcs11.conftest import KEYS
from tests.support import builder as b
from tests.support.dcmsign import Dcmtk
from tests.support.pki import Pki
from tests.support.softhsm_token import PIN, SoftToken


@pytest.mark.parametrize("key", KEYS)
def test_signatures_of_a_token_are_valid_for_both(
    key: str, token: SoftToken, pki: Pki, dcmsign: Dcmtk, tmp_path: Path
) -> None:
    signed = b.file(b.image())
    for algorithm in MacAlgorithm:
        result = dcmseal.sign(
            signed, key=token.uri(key), secrets=lambda _: PIN, algorithm=algorithm, allow_weak=True
        ).data
        assert result is not None
        signed = result
        path = tmp_path / "signed.dcm"
        path.write_bytes(signed)
        verification = dcmsign.verify(path, trust=pki.trust)
        assert verification.ok, verification.text
    assert len(verification.signatures) == len(MacAlgorithm)
    report = dcmseal.verify(signed, integrity_only=True)
    assert report.verdict is Verdict.VALID
    assert len(report.signatures) == len(MacAlgorithm)
