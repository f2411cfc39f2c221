"""Manifests that are not genuine say nothing, no manifest changes a verdict, and none is written without its file."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import dcmseal
from dcmseal import tags
from dcmseal.change_manifest.manifest_content import FORMAT
from dcmseal.change_manifest.manifest_signing import sign_content
from dcmseal.change_manifest.signed_data import parse_signed_data
from dcmseal.errors import CertificateMismatch, OutputError, UsageError
from dcmseal.findings import Outcome
from dcmseal.model.verdict import Verdict
from dcmseal.terms import MacAlgorithm
from tests.core.change_manifest.manifest_helpers import (
    limited_codes,
    manifest_findings,
    parse_manifest,
    replace_elements,
    sign_with_manifest,
)
from tests.core.comparison.node_paths import flip_bit
from tests.support import builder as b
from tests.support import tags as t
from tests.support.pki import Pki
from tests.support.signed_files import build_signer, edit_signed


@pytest.fixture(scope="session")
def changed_image(pki: Pki) -> tuple[bytes, bytes]:
    """A signed file in which PatientID was changed, and its manifest."""
    signed, manifest = sign_with_manifest(b.file(b.image()), pki["p256"])
    return signed.replace(b"4711", b"4712", 1), manifest


def test_it_never_changes_a_verdict(pki: Pki) -> None:
    signed, manifest = sign_with_manifest(b.file(b.image()), pki["p256"])
    changed = signed.replace(b"4711", b"4712", 1)
    for each, verdict in ((signed, Verdict.VALID), (changed, Verdict.INVALID)):
        for given_manifest in (manifest, b"", b"nothing", manifest[:-1]):
            report = dcmseal.verify(each, manifest=given_manifest, integrity_only=True)
            assert report.verdict is verdict
            assert report.signatures == dcmseal.verify(each, integrity_only=True).signatures


def test_a_manifest_that_is_not_genuine_is_ignored(pki: Pki) -> None:
    signed, manifest = sign_with_manifest(b.file(b.image()), pki["p256"])
    again, of_another = sign_with_manifest(b.file(b.image()), pki["p256"])
    changed = signed.replace(b"4711", b"4712", 1)

    def alone(data: bytes) -> tuple[str, Outcome]:
        (found,) = manifest_findings(changed, data)
        return found.code, found.outcome

    assert alone(of_another) == ("manifest-of-other-signature", Outcome.UNKNOWN)
    for stranger in ("twin", "stranger", "p384", "rsa2048"):
        _, theirs = sign_with_manifest(b.file(b.image()), pki[stranger])
        assert alone(theirs) == ("manifest-of-other-signature", Outcome.UNKNOWN)
        resealed = sign_content(
            parse_signed_data(manifest).content, build_signer(pki[stranger]), MacAlgorithm.SHA256, moment()
        )
        assert alone(resealed) == ("manifest-of-other-signature", Outcome.UNKNOWN)
    content = parse_signed_data(manifest).content
    assert alone(manifest.replace(content[-40:-30], b"0123456789")) == ("manifest-not-authentic", Outcome.FAILED)
    assert alone(flip_bit(manifest, len(manifest) - 5)) == ("manifest-not-authentic", Outcome.FAILED)
    for data in (
        b"",
        b"\x30",
        b"\x30\x80",
        b"\x30\x84\xff\xff\xff\xff",
        b"\x30\x80" * 100_000,
        b"\x30\x02\x06\x00",
        b"{}",
        signed,
        manifest[:-20],
        manifest[: len(manifest) // 2],
    ):
        assert alone(data) == ("manifest-unreadable", Outcome.UNKNOWN)
    value = dcmseal.signatures(signed)[0].content.value
    other_value = edit_signed(signed, signature={tags.SIGNATURE: b.Value(tags.SIGNATURE, "OB", flip_bit(value, 20))})
    assert manifest_findings(other_value, manifest)[0].code == "manifest-of-other-signature"
    assert manifest_findings(b.file(b.image()), manifest)[0].code == "manifest-of-other-signature"
    assert manifest_findings(again, manifest)[0].code == "manifest-of-other-signature"


def moment() -> datetime:
    return datetime(2026, 1, 31, 12, tzinfo=UTC)


@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_a_bit_of_the_manifest_changed_is_never_believed(
    changed_image: tuple[bytes, bytes], place: float, bit: int
) -> None:
    changed, manifest = changed_image
    codes = [each.code for each in manifest_findings(changed, flip_bit(manifest, int(place * len(manifest)), 1 << bit))]
    # the chain that comes along, and unsigned forms of algorithm identifiers, are for others
    assert codes in (
        ["manifest-unreadable"],
        ["manifest-not-authentic"],
        ["manifest-of-other-signature"],
        ["manifest-verified", "element-changed"],
    )


@pytest.mark.parametrize(
    "content",
    [
        b"", b"{}", b"[]", b"1", b"\xff", b"[" * 100_000, b'{"format":"dcmseal-manifest/2"}',
        b'{"format":"dcmseal-manifest/1"}', b'{"format":"x","format":"dcmseal-manifest/2"}', b'{"format":NaN}',
    ],
)  # fmt: skip
def test_signed_content_is_parsed_strictly(pki: Pki, content: bytes) -> None:
    signed, _ = sign_with_manifest(b.file(b.image()), pki["p256"])
    sealed = sign_content(content, build_signer(pki["p256"]), MacAlgorithm.SHA256, moment())
    assert [each.code for each in manifest_findings(signed, sealed)] == ["manifest-unreadable"]


def test_a_manifest_of_another_version_is_refused_with_both_versions(pki: Pki) -> None:
    signed, _ = sign_with_manifest(b.file(b.image()), pki["p256"])
    content = b'{"format":"dcmseal-manifest/1"}'
    sealed = sign_content(content, build_signer(pki["p256"]), MacAlgorithm.SHA256, moment())
    (finding,) = manifest_findings(signed, sealed)
    assert finding.message.endswith(
        "its format is dcmseal-manifest/1, and this version of dcmseal reads dcmseal-manifest/2"
    )


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("salt",), "00"), (("frame_size",), -1), (("frame_size",), True), (("frame_size",), "1"), (("signed",), {}),
        (("signed", 0), []), (("signed", 0, 0), "0010"), (("signed", 0, 1), "P"), (("signed", 0, 2), "zz"),
        (("signed", 0, 2), [[["00100010", "PN", 7]]]), (("signed", 0, 2), {"frames": [], "fragments": []}),
        (("signed", 0, 2), {"frames": "00"}), (("signed", 0, 2), None), (("unsigned",), None),
        (("signature", "uid"), "x"), (("signature", "value_sha256"), 7), (("signature",), []),
        (("signature", "location"), 1),
        (("else",), 1), (("signature", "else"), 1), (("signed", 0), ["00100010", "PN", "00" * 16, 1]),
    ],
)  # fmt: skip
def test_content_of_another_form_is_ignored(pki: Pki, path: tuple[Any, ...], value: Any) -> None:
    signed, manifest = sign_with_manifest(b.file(b.image()), pki["p256"])
    document = parse_manifest(manifest)
    assert document["format"] == FORMAT
    *way, last = path
    holder = document
    for step in way:
        holder = holder[step]
    holder[last] = value
    sealed = sign_content(json.dumps(document).encode(), build_signer(pki["p256"]), MacAlgorithm.SHA256, moment())
    assert [each.code for each in manifest_findings(signed, sealed)] == ["manifest-unreadable"]


def test_frames_without_end_are_not_counted(pki: Pki) -> None:
    signed, manifest = sign_with_manifest(b.file(b.image(pixels=bytes(100))), pki["p256"])
    document = parse_manifest(manifest)
    document["frame_size"] = 1
    sealed = sign_content(json.dumps(document).encode(), build_signer(pki["p256"]), MacAlgorithm.SHA256, moment())
    assert limited_codes(signed, sealed, entries=60) == ["manifest-verified", "manifest-not-comparable"]


def test_of_many_changes_the_first_are_named(pki: Pki) -> None:
    signed, manifest = sign_with_manifest(b.file(b.image()), pki["p256"])
    codes = limited_codes(replace_elements(signed, b.image()[-2:]), manifest, changes=3)
    assert codes == ["manifest-verified", *["element-removed"] * 3, "manifest-more-changes"]
    assert limited_codes(signed, manifest, size=100) == ["manifest-unreadable"]


def test_nesting_beyond_measure_is_refused_before_anything_is_written(pki: Pki) -> None:
    data = b.encode([b.text(t.BEAM_NAME, "LO", "AP")])
    for _ in range(120):
        data = b.encode([b.Sequence(t.BEAM_SEQUENCE, (b.Item((b.Raw(data),)),))])
    deep = b.image(b.Sequence(t.BEAM_SEQUENCE, (b.Item((b.Raw(data),)),)))
    out = io.BytesIO()
    with pytest.raises(UsageError, match="nested"):
        dcmseal.sign(b.file(deep), signer=build_signer(pki["p256"]), output=out, manifest=io.BytesIO())
    assert not out.getvalue()


def test_a_signer_whose_second_signature_is_broken_writes_nothing(pki: Pki, tmp_path: Any) -> None:
    good = build_signer(pki["p256"])

    class Tired:
        certificate_chain, key_type, signed = good.certificate_chain, good.key_type, 0

        def sign(self, message: Any) -> bytes:
            self.signed += 1
            return good.sign(message) if self.signed == 1 else b"0" * 70

    target, manifest = tmp_path / "signed.dcm", tmp_path / "manifest"
    with pytest.raises(CertificateMismatch):
        dcmseal.sign(b.file(b.image()), signer=Tired(), output=target, manifest=manifest)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(OutputError):
        dcmseal.sign(b.file(b.image()), signer=good, output=target, manifest=tmp_path / "no" / "manifest")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(OutputError):
        dcmseal.sign(b.file(b.image()), signer=good, output=tmp_path / "no" / "signed.dcm", manifest=manifest)
    assert list(tmp_path.iterdir()) == []
