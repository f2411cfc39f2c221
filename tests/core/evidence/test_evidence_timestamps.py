"""Evidence that an authority certifies: at the present, for that is when it has to be."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from msgspec.structs import replace

import dcmseal
from dcmseal.errors import TimestampError, TimestampRejected, UsageError
from dcmseal.model.verdict import Verdict
from dcmseal.plugins.trust import RevocationMode, TrustSettings
from tests.backends.trust.trust_pki import utc_date
from tests.support import builder as b
from tests.support.evidence_files import evidence_codes
from tests.support.pki import Pki
from tests.support.tsa import TimestampAuthority, openssl


@pytest.fixture(scope="module")
def authority(pki: Pki, tmp_path_factory: pytest.TempPathFactory) -> TimestampAuthority:
    return TimestampAuthority(pki, tmp_path_factory.mktemp("tsa"))


@pytest.fixture(scope="module")
def file(pki: Pki) -> bytes:
    signer = pki["p256"]
    key = f"pem:{signer.key_pem}?cert={signer.certificate_pem}"
    return dcmseal.sign(b.file(b.image()), key=key).data or b""


@pytest.fixture
def trust(pki: Pki) -> TrustSettings:
    return TrustSettings(anchors=(str(pki.root.certificate_pem),), revocation=RevocationMode.SOFT)


def test_one_is_asked_for_and_taken_apart_with_openssl(
    authority: TimestampAuthority, file: bytes, trust: TrustSettings, pki: Pki, tmp_path: Path
) -> None:
    path = tmp_path / "evidence"
    report = dcmseal.verify(file, trust=trust, keep_evidence=True)
    with authority.serving() as served:
        dcmseal.save_evidence(report, path, timestamp=["http://127.0.0.1:1/", served.url])
    again = dcmseal.verify(file, trust=trust, evidence=dcmseal.load_evidence(path))
    assert again.verdict is Verdict.VALID
    assert "evidence-time-certified" in evidence_codes(again)
    folder = tmp_path / "apart"
    zipfile.ZipFile(path).extractall(folder)
    manifest, token = folder / "manifest.json", folder / "manifest.tst"
    told = openssl(
        *("ts", "-verify", "-data", manifest, "-in", token, "-token_in", "-CAfile", pki.root.certificate_pem)
    )
    assert "Verification: OK" in told
    (anchor,) = (folder / "anchors").iterdir()
    assert "CN=root" in openssl("x509", "-in", anchor, "-noout", "-subject").replace(" = ", "=")


def test_late_or_refused_evidence_is_not_written(
    authority: TimestampAuthority, file: bytes, trust: TrustSettings, tmp_path: Path
) -> None:
    path = tmp_path / "evidence"
    early = dcmseal.verify(file, trust=replace(trust, now=utc_date(2025)), keep_evidence=True)
    with authority.serving() as served, pytest.raises(TimestampRejected, match="too far from the time of verification"):
        dcmseal.save_evidence(early, path, timestamp=served.url)
    report = dcmseal.verify(file, trust=trust, keep_evidence=True)
    for times in ("http://127.0.0.1:1/", "file:///etc/passwd"):
        with pytest.raises((TimestampError, UsageError)):
            dcmseal.save_evidence(report, path, timestamp=times)
    assert not path.exists()
