"""``dcmseal list``, ``show``, ``certificate`` and ``stream``: they look, and verify nothing."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from cryptography import x509

import dcmseal
from tests.core.cli.conftest import Run
from tests.support.pki import Pki
from tests.support.real_files import real_file


def test_list_has_a_line_for_each_signature(run: Run, signed_twice: Path, uids: list[str]) -> None:
    ran = run("list", signed_twice)
    assert ran.code == 0
    heading, *lines = ran.out.splitlines()
    assert heading.split() == ["LOCATION", "UID", "TIME", "SIGNER", "MAC", "ELEMENTS", "PURPOSE"]
    assert [line.split()[:2] for line in lines] == [["main", uid] for uid in uids]
    assert "CN=p256,O=dcmseal tests" in lines[0]
    assert lines[0].endswith("SHA256  1         Verification Signature (5, ASTM-sigpurpose)")
    assert lines[1].endswith("SHA256  257")


def test_list_without_signatures(run: Run, image: Path) -> None:
    ran = run("list", image)
    assert (ran.code, ran.out) == (3, f"{image}: no signature\n")
    assert run("list", image, "--json").document["signatures"] == []


def test_list_as_document(run: Run, signed_twice: Path, uids: list[str]) -> None:
    document = run("list", signed_twice, "--json").document
    assert (document["document"], document["file"]) == ("signatures", str(signed_twice))
    assert [each["uid"] for each in document["signatures"]] == uids


def test_list_from_standard_input(run: Run, signed: Path, uid: str) -> None:
    ran = run("list", "-", stdin=signed.read_bytes())
    assert uid in ran.out


def test_show_all_there_is(run: Run, signed_twice: Path, uids: list[str], pki: Pki) -> None:
    ran = run("show", signed_twice, "-v")
    assert ran.code == 0
    certificate = pki["p256"].certificate
    for uid in uids:
        assert f"signature {uid}\n" in ran.out
    for line in (
        "  location      main",
        "  MAC ID        1",
        "  MAC algorithm SHA256",
        "  MAC syntax    Explicit VR Little Endian (1.2.840.10008.1.2.1)",
        "  timestamp     none",
        "  type          X509_1993_SIG",
        "  subject       CN=p256,O=dcmseal tests",
        "  issuer        CN=root,O=dcmseal tests",
        f"  serial        {certificate.serial_number:x}",
        "  valid         2024-01-01 00:00:00+00:00 to 2124-01-01 00:00:00+00:00",
        "  key           EC secp256r1 256 bits",
        f"  SHA-256       {hashlib.sha256(pki['p256'].der).hexdigest()}",
        "signed elements: 1",
        "(7FE0,0010)  OW  PixelData  yes",
        "signed elements: 257",
    ):
        assert f"{line}\n" in ran.out


def test_show_is_short(run: Run, signed: Path, uid: str) -> None:
    lines = run("show", signed).out.splitlines()
    assert lines[0] == f"signature {uid}"
    assert {line[:16].strip(): line[16:] for line in lines[1:]}.items() >= {
        "signer": "CN=p256,O=dcmseal tests",
        "issuer": "CN=root,O=dcmseal tests",
        "timestamp": "none",
        "MAC syntax": "Explicit VR Little Endian",
        "signed": "257 elements (-v lists them)",
    }.items()
    assert len(lines) < 12


@pytest.mark.parametrize(
    "words", [["FILE", "--uid", "UID"], ["UID", "FILE"], ["FILE", "UID"], ["--uid", "UID", "FILE"]]
)
def test_one_signature_in_every_word_order(run: Run, signed_twice: Path, uids: list[str], words: list[str]) -> None:
    known = {"FILE": str(signed_twice), "UID": uids[1]}
    ran = run("show", *(known.get(word, word) for word in words))
    assert ran.code == 0
    assert uids[1] in ran.out
    assert uids[0] not in ran.out
    document = run("show", *(known.get(word, word) for word in words), "--json").document
    assert (document["document"], document["uid"]) == ("signature", uids[1])


@pytest.mark.usefixtures("in_folder")
def test_files_may_be_named_by_a_uid(run: Run, signed: Path, uid: str) -> None:
    Path("1.2.840.1").write_bytes(signed.read_bytes())
    assert uid in run("show", "1.2.840.1").out
    assert uid in run("show", "1.2.840.1", uid).out
    assert uid in run("show", uid, "1.2.840.1").out
    assert run("show", "1.2.840.1", "1.2.3").code == 3


@pytest.mark.parametrize("command", ["show", "certificate", "stream"])
def test_missing_objects(run: Run, signed: Path, image: Path, uid: str, command: str) -> None:
    assert run(command, image).code == 3
    assert run(command, signed, "--uid", "1.2.3").code == 3
    assert run(command, signed, signed).code == 2
    assert run(command, uid, signed, "--uid", uid).code == 2


def test_an_element_that_is_gone_is_shown_as_absent(run: Run, image: Path, key: str, tmp_path: Path) -> None:
    path = tmp_path / "signed.dcm"
    dcmseal.sign(image, key=key, output=path, tags=["PatientAge", "PatientWeight"])
    data = path.read_bytes()
    start = data.index(b"\x10\x00\x10\x10AS")
    length = 8 + int.from_bytes(data[start + 6 : start + 8], "little")
    path.write_bytes(data[:start] + data[start + length :])
    assert "  signed        2 elements, 1 of them absent (-v lists them)\n" in run("show", path).out
    ran = run("show", path, "-v")
    assert "(0010,1010)      PatientAge     no\n" in ran.out
    assert "(0010,1030)  DS  PatientWeight  yes\n" in ran.out
    assert "  absent        1 element listed as signed: PatientAge\n" in run("verify", path).out


def test_a_certificate_as_pem_der_and_document(run: Run, signed: Path, pki: Pki, tmp_path: Path) -> None:
    certificate = pki["p256"].certificate
    assert x509.load_pem_x509_certificate(run("certificate", signed).raw) == certificate
    assert run("certificate", signed, "--der").raw == pki["p256"].der
    out = tmp_path / "cert.pem"
    ran = run("certificate", signed, "-o", out)
    assert (ran.code, ran.out) == (0, "")
    assert x509.load_pem_x509_certificate(out.read_bytes()) == certificate
    document = run("certificate", signed, "--json").document
    assert x509.load_pem_x509_certificate(document["pem"].encode()) == certificate


def test_the_certificate_must_be_selected(run: Run, signed_twice: Path, uids: list[str]) -> None:
    for command in ("certificate", "stream"):
        ran = run(command, signed_twice)
        assert (ran.code, ran.raw) == (2, b"")
        assert all(uid in ran.err for uid in uids)
        assert run(command, signed_twice, uids[0]).code == 0


def test_a_certificate_that_cannot_be_read(run: Run, signed: Path, pki: Pki, tmp_path: Path) -> None:
    path = tmp_path / "spoilt.dcm"
    path.write_bytes(signed.read_bytes().replace(pki["p256"].der[:8], b"\x04" + pki["p256"].der[1:4] + b"\xff" * 4))
    assert run("certificate", path).code == 2
    assert "(unknown: the certificate cannot be read" in run("list", path).out
    assert "  problem       the certificate cannot be read" in run("show", path, "-v").out
    assert "  signer        (unknown: the certificate cannot be read" in run("show", path).out
    assert run("verify", path, "--integrity-only").code == 1


@pytest.mark.parametrize("command", ["certificate", "stream"])
def test_nothing_is_overwritten_without_leave(run: Run, signed: Path, tmp_path: Path, command: str) -> None:
    out = tmp_path / "out"
    out.write_bytes(b"precious")
    assert run(command, signed, "-o", out).code == 2
    assert out.read_bytes() == b"precious"
    assert run(command, signed, "-o", out, "--force").code == 0
    assert out.read_bytes() != b"precious"
    assert run(command, signed, "-o", tmp_path / "no" / "out").code == 5


def test_the_stream_matches_the_mac(run: Run, signed: Path, uid: str, tmp_path: Path) -> None:
    pieces: list[bytes] = []
    dcmseal.write_mac_stream(signed, uid, lambda piece: pieces.append(bytes(piece)))
    expected = b"".join(pieces)
    assert run("stream", signed).raw == expected
    assert run("stream", uid, "-", stdin=signed.read_bytes()).raw == expected
    ran = run("stream", signed, "-o", tmp_path / "stream", "--json")
    assert (tmp_path / "stream").read_bytes() == expected
    assert ran.document["length"] == len(expected)
    assert ran.document["sha256"] == hashlib.sha256(expected).hexdigest()
    assert run("stream", signed, "--json").document == ran.document
    assert run("stream", signed, "-o", "-", "--json").code == 2


def test_a_stream_that_fails_leaves_no_file(run: Run, signed: Path, tmp_path: Path) -> None:
    """(0009,1001) is listed as signed, but has become UN."""
    path, out = tmp_path / "un.dcm", tmp_path / "stream"
    data = signed.read_bytes()
    start = data.index(b"\x09\x00\x01\x10LO")
    length = int.from_bytes(data[start + 6 : start + 8], "little")
    unknown = b"\x09\x00\x01\x10UN\0\0" + length.to_bytes(4, "little")
    path.write_bytes(data[:start] + unknown + data[start + 8 :])
    ran = run("stream", path, "-o", out)
    assert ran.code == 2
    assert "cannot be signed" in ran.err
    assert not out.exists()


def test_bytes_do_not_go_to_a_terminal(run: Run, signed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    for words in (("stream", signed), ("certificate", signed, "--der"), ("remove", signed, "-", "--all")):
        ran = run(*words)
        assert (ran.code, ran.raw) == (2, b"")
        assert "terminal" in ran.err
    assert run("certificate", signed).raw.startswith(b"-----BEGIN CERTIFICATE-----")


def test_hostile_text_in_a_signature_is_escaped(run: Run, signed: Path, uid: str, tmp_path: Path) -> None:
    path = tmp_path / "hostile.dcm"
    hostile = "\x1b[2J\x1b]0;x\x07"
    data = signed.read_bytes().replace(uid.encode(), hostile.encode().ljust(len(uid), b"."))
    path.write_bytes(data.replace(b"SHA256", b"SH\x1b[mA"))
    for command in ("list", "show", "verify"):
        ran = run(command, path)
        assert "\\x1b[2J\\x1b]0;x\\x07" in ran.out
        assert (ran.out + ran.err).replace("\n", "").isprintable()


@pytest.mark.parametrize("command", ["list", "show", "certificate", "stream", "verify"])
def test_damaged_files_are_unreadable(run: Run, broken: Path, command: str) -> None:
    assert run(command, broken).code == 5


def test_items_have_their_place(run: Run, key: str, tmp_path: Path) -> None:
    plan = tmp_path / "plan.dcm"
    dcmseal.sign(real_file("rtplan.dcm").path, key=key, output=plan, location="BeamSequence[0]")
    assert "BeamSequence[0]" in run("list", plan).out
    assert "  location      BeamSequence[0]\n" in run("show", plan).out
