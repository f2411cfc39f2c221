"""Trust settings: their files are parsed strictly, and refused if they are something else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

import dcmseal_trust.trust_material
from dcmseal.errors import TrustError, UsageError
from dcmseal.findings import Outcome
from dcmseal.model.report import TimeBasis
from dcmseal.plugins.trust import RevocationMode, TrustRequest, TrustSettings
from dcmseal_trust.trust_material import MAX_MATERIAL_BYTES, iter_system_certificates
from dcmseal_trust.x509_backend import X509Backend
from tests.backends.trust.trust_pki import NOW, SIGNED, PkiAuthority, Site, finding_codes, make_root, result_outcome


def ask(leaf: PkiAuthority, **settings: Any) -> Outcome:
    evaluator = X509Backend().open(TrustSettings(**settings))
    question = TrustRequest(certificate=leaf.der, moment=SIGNED, basis=TimeBasis.CLAIMED, now=NOW)
    return result_outcome(evaluator.evaluate(question))


def pem(*authorities: PkiAuthority) -> bytes:
    return b"some words\n".join(each.certificate.public_bytes(Encoding.PEM) for each in authorities)


def test_anchors_in_one_pem_file_or_a_folder(tmp_path: Path, ca: PkiAuthority) -> None:
    stranger, leaf = make_root("stranger"), ca.issue("leaf")
    (tmp_path / "bundle.pem").write_bytes(pem(stranger, ca))
    assert ask(leaf, anchors=(str(tmp_path / "bundle.pem"),)) is Outcome.PASSED
    folder = tmp_path / "anchors"
    folder.mkdir()
    (folder / "stranger.pem").write_bytes(pem(stranger))
    (folder / "README").write_text("who these are")
    assert ask(leaf, anchors=(str(folder),)) is Outcome.UNKNOWN
    (folder / "ca.der").write_bytes(ca.der)
    (folder / "again.0").symlink_to(folder / "ca.der")
    assert ask(leaf, anchors=(str(folder),)) is Outcome.PASSED


def test_a_private_key_or_a_crl_is_not_an_anchor(tmp_path: Path, ca: PkiAuthority) -> None:
    path = tmp_path / "other"
    for content, said in (
        (b"", "contains no usable certificate"),
        (b"-----BEGIN PRIVATE KEY-----\nMII=\n-----END PRIVATE KEY-----\n", "contains no usable certificate"),
        (ca.crl(), "cannot be read"),
        (b"-----BEGIN CERTIFICATE-----\n?\n-----END CERTIFICATE-----\n", "cannot be read"),
        (ca.der[:-1], "cannot be read"),
        (ca.der + b"\0", "cannot be read"),
    ):
        path.write_bytes(content)
        with pytest.raises(TrustError, match=said) as refused:
            X509Backend().open(TrustSettings(anchors=(str(path),)))
        assert refused.value.hint
    for name in (tmp_path / "none", "\0"):
        with pytest.raises(TrustError, match="cannot be read"):
            X509Backend().open(TrustSettings(anchors=(str(name),)))


def test_a_damaged_certificate_in_a_pem_bundle_is_not_passed_over(tmp_path: Path, ca: PkiAuthority) -> None:
    (tmp_path / "ca.pem").write_bytes(pem(ca).replace(b"M", b"N", 1))
    with pytest.raises(TrustError, match="cannot be read"):
        X509Backend().open(TrustSettings(anchors=(str(tmp_path),)))


def test_a_huge_file_is_refused(tmp_path: Path) -> None:
    with (tmp_path / "ca.der").open("wb") as file:
        file.truncate(MAX_MATERIAL_BYTES + 1)
    with pytest.raises(TrustError, match="larger than"):
        X509Backend().open(TrustSettings(anchors=(str(tmp_path / "ca.der"),)))


def test_an_ocsp_response_without_an_answer_is_refused(site: Site, ca: PkiAuthority) -> None:
    with pytest.raises(TrustError, match="OCSP response"):
        X509Backend().open(site.settings(ca, ocsp_responses=[b"\x30\x03\x0a\x01\x06"]))


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"anchors": ()}, "no trust anchor"),
        ({"options": {"colour": "blue"}}, "colour"),
        ({"revocation": RevocationMode.OFF, "fetch": True}, "revocation is off"),
    ],
)
def test_settings_that_make_no_sense(site: Site, ca: PkiAuthority, more: dict[str, Any], said: str) -> None:
    settings: dict[str, Any] = {"anchors": site.file(ca), **more}
    with pytest.raises(UsageError, match=said) as refused:
        X509Backend().open(TrustSettings(**settings))
    assert refused.value.hint


def test_the_operating_systems_authorities_are_trusted_only_if_asked_for(
    site: Site, ca: PkiAuthority, monkeypatch: pytest.MonkeyPatch
) -> None:
    stranger = make_root("stranger")
    found = [b"damaged", stranger.der]
    monkeypatch.setattr(dcmseal_trust.trust_material, "iter_system_certificates", lambda: iter(found))
    leaf = stranger.issue("leaf")
    assert finding_codes(site.ask(leaf, ca, system_anchors=True), Outcome.FAILED) == []
    assert finding_codes(site.ask(leaf, ca), Outcome.UNKNOWN) == ["issuer-missing"]
    found.clear()
    with pytest.raises(TrustError, match="the operating system has no trust anchors"):
        X509Backend().open(TrustSettings(system_anchors=True))


def test_the_operating_systems_store_is_openssls(
    tmp_path: Path, ca: PkiAuthority, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "store.pem").write_bytes(pem(ca))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "store.pem"))
    assert ca.der in list(iter_system_certificates())


def test_without_settings_nothing_is_believed() -> None:
    nothing = TrustSettings()
    assert not nothing.anchors
    assert not nothing.system_anchors
    assert not nothing.fetch
    assert nothing.revocation_mode is RevocationMode.SOFT
    assert TrustSettings(fetch=True).revocation_mode is RevocationMode.HARD
