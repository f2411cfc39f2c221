"""Demands on signatures that dcmsign made: who signed, for what, and over which elements."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dcmseal
from dcmseal import Policy, Verdict
from dcmseal.plugins.trust import TrustSettings
from tests.support import builder as b
from tests.support.dcmsign import Dcmtk
from tests.support.pki import Pki
from tests.support.signed_files import sign_dataset


def test_dcmsign_and_dcmseal_sign_together(dcmsign: Dcmtk, pki: Pki, tmp_path: Path) -> None:
    source, target, first = tmp_path / "in.dcm", tmp_path / "out.dcm", pki["rsa2048"]
    source.write_bytes(b.file(b.image()))
    options: dict[str, Any] = {"profile": "creator", "purpose": 1, "tags": ["PixelData"]}
    dcmsign.sign(source, target, first.key_pem, first.certificate_pem, **options)
    both = sign_dataset(target.read_bytes(), pki["p256"], purpose="verification")
    trust = dcmseal.open_trust(TrustSettings(anchors=(str(pki.root.certificate_pem),)))

    def verdict(data: bytes, policy: Policy) -> Verdict:
        return dcmseal.verify(data, policy=policy, trust=trust).verdict

    theirs = Policy.build(require=["signer:CN=rsa2048 + purpose:author + creator-rsa"])
    assert verdict(target.read_bytes(), theirs) is Verdict.VALID
    four_eyes = Policy.build(
        require=["creator-rsa + purpose:author", "purpose:verification"],
        distinct_signers=True,
        no_unsigned_additions=True,
    )
    assert verdict(both, four_eyes) is Verdict.VALID
    assert verdict(target.read_bytes(), four_eyes) is Verdict.INVALID
    assert verdict(both, Policy.build(require=["signer:CN=p256 + creator-rsa"])) is Verdict.INVALID
    # dcmsign signs for the Creator profile what that names, and not who the patient is
    assert verdict(target.read_bytes(), Policy.build(covered=["PixelData", "SOPInstanceUID"])) is Verdict.VALID
    assert verdict(target.read_bytes(), Policy.build(covered=["PatientID"])) is Verdict.INVALID
    assert verdict(both, Policy.build(covered=["PatientID"])) is Verdict.VALID
