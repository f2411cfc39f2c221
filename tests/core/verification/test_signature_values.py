"""Signature values as attackers and careless libraries write them: one form of each is right, and no other."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from dcmseal.macro.public_key import SignatureMatch, match_signature
from dcmseal.macro.signer_certificate import Certificate, read_certificate
from dcmseal.terms import MacAlgorithm
from tests.support.pki import Identity, Pki
from tests.support.raw_certificates import PublicKey, integer, public_key_info, seq, tlv
from tests.vectors import wycheproof

MESSAGE = b"the MAC byte stream"
DIGEST = hashlib.sha256(MESSAGE).digest()
P256 = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def match(identity: Identity, value: bytes) -> SignatureMatch:
    return match_signature(read_certificate(identity.der), MacAlgorithm.SHA256, DIGEST, value)


def numbers_of(identity: Identity) -> tuple[int, int, int]:
    """r and s of a signature, and the order they are below."""
    key = identity.key
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return *decode_dss_signature(key.sign(MESSAGE, ec.ECDSA(hashes.SHA256()))), P256
    assert isinstance(key, dsa.DSAPrivateKey)
    order = key.parameters().parameter_numbers().q
    return *decode_dss_signature(key.sign(MESSAGE, hashes.SHA256())), order


def unsigned(number: int) -> bytes:
    """An INTEGER without the zero that keeps it positive."""
    return tlv(0x02, number.to_bytes((number.bit_length() + 7) // 8))


def long_form(value: bytes) -> bytes:
    """The value with its length in one byte more than DER has it (X.690 10.1)."""
    assert value[1] < 0x80
    return value[:1] + b"\x81" + value[1:]


WRONG: dict[str, Callable[[int, int, int], bytes]] = {
    "r is zero": lambda r, s, n: seq(integer(0), integer(s)),
    "s is zero": lambda r, s, n: seq(integer(r), integer(0)),
    "both are zero": lambda r, s, n: seq(integer(0), integer(0)),
    "both are one": lambda r, s, n: seq(integer(1), integer(1)),
    "r is the order": lambda r, s, n: seq(integer(n), integer(s)),
    "s is the order": lambda r, s, n: seq(integer(r), integer(n)),
    "r beyond the order": lambda r, s, n: seq(integer(r + n), integer(s)),
    "s beyond the order": lambda r, s, n: seq(integer(r), integer(s + n)),
    "r below zero": lambda r, s, n: seq(integer(r - n), integer(s)),
    "s below zero": lambda r, s, n: seq(integer(r), integer(-s)),
    "r far beyond": lambda r, s, n: seq(integer(r + (1 << 4096)), integer(s)),
    "length of the sequence in BER": lambda r, s, n: long_form(seq(integer(r), integer(s))),
    "length of r in BER": lambda r, s, n: seq(long_form(integer(r)), integer(s)),
    "indefinite length": lambda r, s, n: b"\x30\x80" + integer(r) + integer(s) + b"\0\0",
    "a zero too many": lambda r, s, n: seq(tlv(0x02, b"\0\0", integer(r)[2:]), integer(s)),
    "a third number": lambda r, s, n: seq(integer(r), integer(s), integer(0)),
    "NULL behind them": lambda r, s, n: seq(integer(r), integer(s), b"\5\0"),
    "no s": lambda r, s, n: seq(integer(r)),
    "nothing": lambda r, s, n: seq(),
    "a set": lambda r, s, n: tlv(0x31, integer(r), integer(s)),
    "octets": lambda r, s, n: seq(tlv(0x04, integer(r)[2:]), integer(s)),
    "bare numbers": lambda r, s, n: r.to_bytes(32) + s.to_bytes(32),
    "swapped": lambda r, s, n: seq(integer(s), integer(r)),
    "cut short": lambda r, s, n: seq(integer(r), integer(s))[:-1],
    "two bytes behind": lambda r, s, n: seq(integer(r), integer(s)) + b"\0\0",
    "a space behind": lambda r, s, n: seq(integer(r), integer(s)) + b" ",
    "empty": lambda r, s, n: b"",
}


@pytest.mark.parametrize("name", ["p256", "dsa2048"])
@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_der_has_one_form(name: str, wrong: Callable[[int, int, int], bytes], pki: Pki) -> None:
    r, s, order = numbers_of(pki[name])
    assert match(pki[name], wrong(r, s, order)) is not SignatureMatch.MATCHES


@pytest.mark.parametrize("name", ["p256", "dsa2048"])
def test_der_and_its_padding(name: str, pki: Pki) -> None:
    """A value of odd length gets a byte 00 (PS3.5 6.2)."""
    r, s, _ = numbers_of(pki[name])
    assert match(pki[name], seq(integer(r), integer(s))) is SignatureMatch.MATCHES
    assert match(pki[name], seq(integer(r), integer(s)) + b"\0") is SignatureMatch.MATCHES


def test_an_integer_without_its_leading_zero(pki: Pki) -> None:
    r, s, _ = numbers_of(pki["p256"])
    while not r >> 255:
        r, s, _ = numbers_of(pki["p256"])
    assert match(pki["p256"], seq(integer(r), integer(s))) is SignatureMatch.MATCHES
    assert match(pki["p256"], seq(unsigned(r), integer(s))) is not SignatureMatch.MATCHES


INFO = bytes.fromhex("3031300d060960864801650304020105000420") + DIGEST
BLOCKS: dict[str, bytes] = {
    "NULL is missing": bytes.fromhex("302f300b0609608648016503040201") + b"\x04\x20" + DIGEST,
    "length in BER": b"\x30\x81" + INFO[1:],
    "length of the algorithm in BER": b"\x30\x32\x30\x81" + INFO[3:],
    "indefinite length": b"\x30\x80" + INFO[2:] + b"\0\0",
    "bytes behind": INFO + b"\0",
    "bytes inside": b"\x30\x33" + INFO[2:] + b"\5\0",
    "parameters that are not NULL": INFO.replace(b"\5\0", b"\4\0"),
    "the digest twice": INFO + INFO,
    "another algorithm": INFO.replace(b"\x04\x02\x01", b"\x04\x02\x08"),
    "no DigestInfo": DIGEST,
}


def raw_rsa(identity: Identity, block: bytes) -> bytes:
    key = identity.key
    assert isinstance(key, rsa.RSAPrivateKey)
    numbers = key.private_numbers()
    return pow(int.from_bytes(block), numbers.d, numbers.public_numbers.n).to_bytes(256)


@pytest.mark.parametrize("info", BLOCKS.values(), ids=BLOCKS)
def test_digest_info_has_one_form(info: bytes, pki: Pki) -> None:
    block = b"\0\1" + b"\xff" * (253 - len(info)) + b"\0" + info
    assert match(pki["rsa2048"], raw_rsa(pki["rsa2048"], block)) is not SignatureMatch.MATCHES


@pytest.mark.parametrize(
    "block",
    [
        b"\0\2" + b"\xff" * (253 - len(INFO)) + b"\0" + INFO,
        b"\0\0" + b"\xff" * (253 - len(INFO)) + b"\0" + INFO,
        b"\0\1" + b"\xff" * (252 - len(INFO)) + b"\xfe\0" + INFO,
        b"\0\1" + b"\xff" * 8 + b"\0" + INFO + bytes(245 - len(INFO)),
        b"\0\1" + b"\xff" * (254 - len(INFO)) + INFO,
        bytes(256 - len(INFO)) + INFO,
        b"\0\1\0" + bytes(253 - len(INFO)) + INFO,
    ],
    ids=["type 2", "type 0", "not all ones", "short padding", "no end of padding", "no padding", "empty padding"],
)
def test_padding_of_pkcs1_has_one_form(block: bytes, pki: Pki) -> None:
    """Bleichenbacher's forgery needs room behind the digest (CVE-2006-4339)."""
    assert match(pki["rsa2048"], raw_rsa(pki["rsa2048"], block)) is not SignatureMatch.MATCHES


def test_the_number_that_rsa_made(pki: Pki) -> None:
    identity = pki["rsa2048"]
    key = identity.key
    assert isinstance(key, rsa.RSAPrivateKey)
    right = key.sign(MESSAGE, padding.PKCS1v15(), hashes.SHA256())
    number, modulus = int.from_bytes(right), key.public_key().public_numbers().n
    assert match(identity, right) is SignatureMatch.MATCHES
    assert match(identity, right + b"\0") is SignatureMatch.MATCHES
    assert match(identity, key.sign(MESSAGE, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())) is (
        SignatureMatch.OTHER_KEY
    )
    wrong = [b"", b"\0", right[:-1], right + b"\1", right + b"\0\0", b"\0" + right, bytes(256)]
    wrong += [each.to_bytes(257) for each in (number + modulus, modulus - number, modulus)]
    wrong += [each.to_bytes(256) for each in (1, modulus - 1, modulus - number, (number * 2) % modulus)]
    assert {match(identity, each) for each in wrong}.isdisjoint({SignatureMatch.MATCHES})


class TestRunner:
    """What ``make test-vectors`` does with a suite."""

    def suite(self, folder: Path, kind: str, key: PublicKey | bytes, *tests: tuple[str, bytes, str]) -> Path:
        group = {
            "type": kind,
            "sha": "SHA-256",
            "publicKeyDer": (key if isinstance(key, bytes) else public_key_info(key)).hex(),
            "tests": [
                {
                    "tcId": number,
                    "comment": "",
                    "flags": [flag],
                    "msg": MESSAGE.hex(),
                    "sig": value.hex(),
                    "result": result,
                }
                for number, (flag, value, result) in enumerate(tests)
            ],
        }
        folder.mkdir(exist_ok=True)
        (folder / "some_test.json").write_text(json.dumps({"testGroups": [group]}))
        return folder

    def test_differences_are_found(self, pki: Pki, tmp_path: Path) -> None:
        r, s, _ = numbers_of(pki["p256"])
        key = pki["p256"].key.public_key()
        assert isinstance(key, ec.EllipticCurvePublicKey)
        right, wrong = seq(integer(r), integer(s)), seq(integer(s), integer(r))
        for tests, count in (
            ([("", right, "valid"), ("", wrong, "invalid")], 0),
            ([("", right, "invalid"), ("", wrong, "invalid")], 2),
            ([("", wrong, "valid")], 2),
            ([("MissingZero", wrong, "acceptable")], 0),
            ([("MissingZero", wrong, "valid")], 2),
            ([("Other", wrong, "acceptable")], 2),
        ):
            found = wycheproof.run(self.suite(tmp_path / "wycheproof", "EcdsaVerify", key, *tests).parent)
            padded = found.counts["run"] - 2 * len(tests)
            assert 0 <= len(found.unexplained) - count <= padded
            assert (len(found.unexplained) == 0) is (count == 0), str(found)

    def test_skipped_tests_are_counted(self, pki: Pki, tmp_path: Path) -> None:
        key = pki["p256"].key.public_key()
        assert isinstance(key, ec.EllipticCurvePublicKey)
        test = ("", b"", "valid")
        assert wycheproof.run(self.suite(tmp_path, "EcdsaP1363Verify", key, test)).counts == {"skipped": 1}
        curve = bytes.fromhex("304e301006072a8648ce3d020106052b8104000103") + b"\x2e\0\4" + bytes(44)
        found = wycheproof.run(self.suite(tmp_path, "EcdsaVerify", seq(curve[2:]), test))
        assert found.counts == {"key not supported": 1}
        assert found.unexplained == []


def test_every_explanation_has_a_reason() -> None:
    assert all(each.reason and each.clause for each in wycheproof.EXPLAINED)


def test_reading_is_remembered(pki: Pki) -> None:
    first: Certificate = read_certificate(pki["p256"].der)
    assert read_certificate(pki["p256"].der) is first
