"""Certificate files: their contents, and files without certificates."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from dcmseal.errors import CertificateNotValid, KeyNotFound, TrustError, UsageError
from dcmseal.plugins.certificate_files import load_certificates
from dcmseal.plugins.pem import MAX_PEM_BYTES, iter_pem_blocks, load_file
from tests.support.pki import Pki

KEY = b"-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n"
HOLLOW = b"-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "certificates"


@pytest.fixture(scope="module")
def pems(pki: Pki) -> list[bytes]:
    return [pki[name].certificate_pem.read_bytes() for name in ("p256", "p384")]


def ders(path: Path) -> list[bytes]:
    return [each.public_bytes(Encoding.DER) for each in load_certificates(path)]


def test_one_in_der(path: Path, pki: Pki) -> None:
    path.write_bytes(pki["p256"].der)
    assert ders(path) == [pki["p256"].der]


@pytest.mark.parametrize("form", ["plain", "windows", "old mac", "indented", "with blank lines", "other label"])
def test_several_in_pem_and_other_things_between(path: Path, pki: Pki, pems: list[bytes], form: str) -> None:
    text = b"Subject: CN=p256\n" + pems[0] + KEY + b"and -----END\n" + pems[1]
    changes = {
        "windows": (b"\n", b"\r\n"),
        "old mac": (b"\n", b"\r"),
        "indented": (b"\n", b" \n\t "),
        "with blank lines": (b"\n", b"\n\n"),
        "other label": (b" CERTIFICATE", b" X509 CERTIFICATE"),
    }
    if form != "plain":
        text = text.replace(*changes[form])
    path.write_bytes(b"\xef\xbb\xbf" + text if form == "windows" else text)
    assert ders(path) == [pki["p256"].der, pki["p384"].der]


@pytest.mark.parametrize("damage", ["empty", "key", "text", "no end", "other end"])
def test_no_certificate(path: Path, pems: list[bytes], damage: str) -> None:
    samples = {
        "empty": b"",
        "key": KEY,
        "text": b"no certificate",
        "no end": pems[0].partition(b"-----END")[0],
        "other end": pems[0].replace(b"END CERTIFICATE", b"END CERTIFICATES"),
    }
    path.write_bytes(samples[damage])
    with pytest.raises(CertificateNotValid, match="contains no usable certificate") as caught:
        load_certificates(path)
    assert caught.value.hint


@pytest.mark.parametrize("damage", ["cut", "longer", "DER of nothing", "second", "hollow", "no base64", "nested"])
def test_a_damaged_certificate(path: Path, pki: Pki, pems: list[bytes], damage: str) -> None:
    der = pki["p256"].der
    samples = {
        "cut": der[:-1],
        "longer": der + b"\0",
        "DER of nothing": b"\x30\x00",
        "second": pems[0] + pems[1].replace(b"M", b"N", 1),
        "hollow": HOLLOW,
        "no base64": HOLLOW.replace(b"\n-----END", b"\n!!!!\n-----END"),
        "nested": b"\x30\x80" * 10_000,
    }
    path.write_bytes(samples[damage])
    with pytest.raises(CertificateNotValid, match="cannot be read") as caught:
        load_certificates(path)
    assert caught.value.hint


def test_paths_that_are_not_files(tmp_path: Path) -> None:
    for name, said in (
        (tmp_path / "none", "does not exist"),
        (tmp_path, "folder"),
        ("nul\0", "path is invalid"),
        ("x" * 5000, ""),
    ):
        with pytest.raises(KeyNotFound, match=f"cannot be read: .*{said}") as caught:
            load_certificates(name)
        assert caught.value.hint


def test_a_file_is_read_to_a_limit(path: Path) -> None:
    path.write_bytes(bytes(MAX_PEM_BYTES))
    assert len(load_file(path)) == MAX_PEM_BYTES
    path.write_bytes(bytes(MAX_PEM_BYTES + 1))
    with pytest.raises(KeyNotFound, match="larger than 1 MiB"):
        load_file(path)
    with pytest.raises(KeyNotFound, match="a terminal or another device"):
        load_file("/dev/zero")


def test_the_caller_names_the_errors(path: Path) -> None:
    with pytest.raises(TrustError):
        load_certificates(path, unreadable=TrustError)
    path.write_bytes(KEY)
    with pytest.raises(UsageError):
        load_certificates(path, invalid=UsageError)


@pytest.mark.parametrize(
    "data",
    [
        b"-----BEGIN A-----\n" * 50_000,
        b"".join(b"-----BEGIN %d-----\n" % number for number in range(40_000)),
        b"-----BEGIN A-----\n" + b"\n" * MAX_PEM_BYTES,
        b"-----BEGIN A-----\n" + b" " * MAX_PEM_BYTES,
        b"-----BEGIN " * 90_000,
        b"-----" * 200_000,
    ],
    ids=["begins", "other begins", "lines", "blanks", "no ends", "dashes"],
)
def test_beginnings_without_end_cost_little(data: bytes) -> None:
    """Each byte is looked at a few times, however often a block begins: else this would not end."""
    assert not list(iter_pem_blocks(data))


@pytest.mark.parametrize("filling", [b" ", b"\n", b"A", b"A\n", b"=", b"-"])
def test_hollow_blocks_cost_little(path: Path, filling: bytes) -> None:
    path.write_bytes(HOLLOW.replace(b"\n", b"\n" + filling * (MAX_PEM_BYTES // 2 // len(filling)) + b"\n", 1))
    with pytest.raises(CertificateNotValid):
        load_certificates(path)


def test_blocks_are_given_as_they_are(pems: list[bytes]) -> None:
    (block,) = iter_pem_blocks(b"before\n  " + pems[0].replace(b"\n", b"\r\n  ") + b"after")
    assert (block.label, block.text) == ("CERTIFICATE", pems[0])
