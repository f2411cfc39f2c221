"""dcmsign and dcmseal trust the same signers for signatures of both."""

from __future__ import annotations

from pathlib import Path

import pytest

import dcmseal
from dcmseal.model.verdict import Verdict
from dcmseal.plugins.trust import Strictness, TrustSettings
from tests.support import builder as b
from tests.support.dcmsign import Dcmtk
from tests.support.pki import Pki
from tests.support.signed_files import sign_dataset


@pytest.mark.parametrize("by_dcmsign", [False, True], ids=["ours", "theirs"])
@pytest.mark.parametrize("anchor", ["root", "stranger-root"])
@pytest.mark.parametrize("name", ["rsa2048", "p256", "twin", "expired", "not-yet-valid", "stranger"])
def test_they_agree(name: str, anchor: str, by_dcmsign: bool, dcmsign: Dcmtk, pki: Pki, tmp_path: Path) -> None:
    source, output = tmp_path / "in.dcm", tmp_path / "out.dcm"
    source.write_bytes(b.file(b.image()))
    if by_dcmsign:
        dcmsign.sign(source, output, pki[name].key_pem, pki[name].certificate_pem)
    else:
        output.write_bytes(sign_dataset(source, pki[name], allow_expired=True))
    anchors = (pki[anchor].certificate_pem,)
    settings = TrustSettings(anchors=tuple(map(str, anchors)), weak=Strictness.ACCEPT, claimed_time=Strictness.REFUSE)
    ours = dcmseal.verify(output, trust=settings).verdict
    assert (ours is Verdict.VALID) == dcmsign.verify(output, trust=anchors).ok
    assert (ours is Verdict.VALID) == (
        (name in ("rsa2048", "p256", "twin") and anchor == "root") or (name, anchor) == ("stranger", "stranger-root")
    )
