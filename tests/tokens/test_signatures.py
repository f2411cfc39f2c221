"""Signatures of a token verify with DCMTK, for every MAC algorithm and kind of key."""

from __future__ import annotations

from pathlib import Path

import pytest

import dcmseal
from dcmseal.terms import MacAlgorithm
from tests.support import builder as b
from tests.support.dcmsign import Dcmtk
from tests.support.pki import Pki
from tests.tokens.token_device import TokenDevice
from tests.tokens.token_kinds import EVERY_KEY
from tests.tokens.token_results import Results


@pytest.mark.parametrize(("kind", "key"), EVERY_KEY, ids=str)
def test_dcmtk_verifies(
    key: str, device: TokenDevice, pki: Pki, dcmsign: Dcmtk, results: Results, tmp_path: Path
) -> None:
    source = tmp_path / "in.dcm"
    source.write_bytes(b.file(b.image()))
    uri = device.present(key)
    outcomes: dict[MacAlgorithm, str] = {}
    for algorithm in MacAlgorithm:
        signed = tmp_path / f"{algorithm}.dcm"
        dcmseal.sign(source, output=signed, key=uri, secrets=lambda _: device.pin, algorithm=algorithm, allow_weak=True)
        assert dcmsign.verify(signed, trust=pki.trust).ok, algorithm
        outcomes[algorithm] = "verified"
    results.record_signatures(key, outcomes)
