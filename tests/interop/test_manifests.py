"""OpenSSL verifies manifests like dcmseal, for every kind of key, also on tokens."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import dcmseal
from tests.core.change_manifest.manifest_helpers import manifest_codes, sign_with_manifest
from tests.core.comparison.node_paths import flip_bit
from tests.docs.source_codes import ROOT
from tests.support.pki import Pki
from tests.support.real_files import real_file
from tests.support.softhsm_token import PIN, SoftHsm

SCHEMA = json.loads((ROOT / "docs" / "reference" / "manifest.schema.json").read_text("utf-8"))


def openssl(manifest: bytes, anchor: Path, folder: Path) -> Any:
    """The content, if OpenSSL takes the manifest for genuine; None if not."""
    program = shutil.which("openssl")
    assert program, "install openssl"
    (folder / "manifest").write_bytes(manifest)
    ran = subprocess.run(
        [program, "cms", "-verify", "-inform", "DER", "-in", "manifest", "-CAfile", anchor, "-purpose", "any"],
        cwd=folder,
        check=False,
        capture_output=True,
    )
    return json.loads(ran.stdout) if ran.returncode == 0 else None


@pytest.mark.parametrize("name", ["rtplan.dcm", "JPEG-lossy.dcm", "CT_small.dcm"])
@pytest.mark.parametrize(
    ("identity", "algorithm"),
    [("rsa2048", "SHA256"), ("rsa3072", "SHA512"), ("p256", "SHA256"), ("p384", "SHA384"), ("dsa2048", "SHA256")],
)
def test_openssl_verifies_it(pki: Pki, tmp_path: Path, name: str, identity: str, algorithm: str) -> None:
    signed, manifest = sign_with_manifest(real_file(name).data, pki[identity], algorithm=algorithm)
    content = openssl(manifest, pki.root.certificate_pem, tmp_path)
    jsonschema.validate(content, SCHEMA, cls=jsonschema.Draft202012Validator)
    assert content["signature"]["uid"] == dcmseal.signatures(signed)[0].uid
    assert manifest_codes(signed, manifest) == [("elements-unchanged", "")]
    at = manifest.index(content["salt"].encode())
    assert openssl(flip_bit(manifest, at), pki.root.certificate_pem, tmp_path) is None
    assert openssl(manifest, pki["stranger"].certificate_pem, tmp_path) is None


def test_a_weak_mac_makes_no_weak_manifest(pki: Pki, tmp_path: Path) -> None:
    signed, manifest = sign_with_manifest(
        real_file("rtplan.dcm").data, pki["rsa2048"], algorithm="SHA1", allow_weak=True
    )
    assert openssl(manifest, pki.root.certificate_pem, tmp_path)
    assert manifest_codes(signed, manifest) == [("elements-unchanged", "")]


@pytest.mark.parametrize("identity", ["rsa2048", "p256"])
def test_a_key_on_a_token_signs_it_with_one_login(pki: Pki, softhsm: SoftHsm, tmp_path: Path, identity: str) -> None:
    token = softhsm.token(f"manifest-{identity}")
    token.add(identity, pki[identity])
    asked: list[str] = []

    def secrets(request: Any) -> str:
        asked.append(request.uri)
        return PIN

    out = io.BytesIO()
    result = dcmseal.sign(real_file("rtplan.dcm").data, key=token.uri(identity), secrets=secrets, manifest=out)
    assert out.getvalue() == result.manifest
    assert openssl(out.getvalue(), pki.root.certificate_pem, tmp_path)
    assert manifest_codes(result.data or b"", out.getvalue()) == [("elements-unchanged", "")]
    assert len(asked) == 1
