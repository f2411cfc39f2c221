from __future__ import annotations

from collections.abc import Iterator

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from pkcs11 import Mechanism

from dcmseal.errors import SignerError
from dcmseal.terms import KeyType, MacAlgorithm
from dcmseal.testing.signable_messages import BytesMessage
from dcmseal_pkcs11.mechanisms import KeyKind, TokenCapabilities, encode_ecdsa_signature, hash_to_sign

SIZES = {256: 32, 384: 48, 521: 64}


@pytest.mark.parametrize("algorithm", MacAlgorithm)
@pytest.mark.parametrize("bits", SIZES)
def test_ecdsa_signs_the_same_number_in_as_many_octets_as_usual(bits: int, algorithm: MacAlgorithm) -> None:
    message = BytesMessage(algorithm=algorithm, content=b"content")
    abilities = TokenCapabilities(token="token", sizes={Mechanism.ECDSA: (256, 521)})
    kind = KeyKind(type=KeyType.EC, bits=bits)
    assert abilities.signing_mechanisms(kind)[algorithm] == ((Mechanism.ECDSA, True),)
    signed = hash_to_sign(message, kind)
    assert len(signed) == SIZES[bits]
    # FIPS 186-4 section 6.4: the leftmost bits of the digest, at most as many as the order has
    assert int.from_bytes(signed) == int.from_bytes(message.digest[: (bits + 7) // 8])


def test_mechanisms_that_hash_the_message_are_the_second_choice() -> None:
    sizes = {Mechanism.RSA_PKCS: (2048, 4096), Mechanism.SHA256_RSA_PKCS: (2048, 4096)}
    found = TokenCapabilities(token="token", sizes=sizes).signing_mechanisms(KeyKind(type=KeyType.RSA, bits=2048))
    assert found[MacAlgorithm.SHA256] == ((Mechanism.RSA_PKCS, True), (Mechanism.SHA256_RSA_PKCS, False))
    assert found[MacAlgorithm.SHA512] == ((Mechanism.RSA_PKCS, True),)


def test_algorithms_without_a_mechanism_are_left_out() -> None:
    abilities = TokenCapabilities(token="token", sizes={Mechanism.ECDSA_SHA384: (256, 521)})
    assert set(abilities.signing_mechanisms(KeyKind(type=KeyType.EC, bits=256))) == {MacAlgorithm.SHA384}


def _numbers() -> Iterator[tuple[int, int, int]]:
    for octets in (32, 48, 66):
        top = 1 << (521 if octets == 66 else 8 * octets)
        for number in (0, 1, 0x7F, 0x80, 0xFF, 0x100, top >> 8, top >> 1, (top >> 1) - 1, top - 1):
            yield octets, number, top - 1
            yield octets, top - 1, number
            yield octets, number, number


def test_ecdsa_signatures_have_the_der_that_cryptography_writes() -> None:
    for octets, r, s in _numbers():
        raw = r.to_bytes(octets) + s.to_bytes(octets)
        assert encode_ecdsa_signature(raw, octets) == encode_dss_signature(r, s)


@pytest.mark.parametrize("size", [0, 62, 63, 65, 66])
def test_an_ecdsa_signature_of_another_length_is_refused(size: int) -> None:
    with pytest.raises(SignerError, match=f"of {size} bytes instead of 64"):
        encode_ecdsa_signature(bytes(size), 32)
