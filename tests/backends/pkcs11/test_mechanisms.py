from __future__ import annotations

import pytest
from pkcs11 import Mechanism

from dcmseal.terms import KeyType, MacAlgorithm
from dcmseal.testing.signable_messages import BytesMessage
from dcmseal_pkcs11.mechanisms import KeyKind, TokenCapabilities

SIZES = {256: 32, 384: 48, 521: 64}


@pytest.mark.parametrize("algorithm", MacAlgorithm)
@pytest.mark.parametrize("bits", SIZES)
def test_ecdsa_signs_the_same_number_in_as_many_octets_as_usual(bits: int, algorithm: MacAlgorithm) -> None:
    message = BytesMessage(algorithm=algorithm, content=b"content")
    abilities = TokenCapabilities(token="token", sizes={Mechanism.ECDSA: (256, 521)})
    (way,) = abilities.signing_mechanisms(KeyKind(type=KeyType.EC, bits=bits), message)
    assert way.data is not None
    assert len(way.data) == SIZES[bits]
    # FIPS 186-4 section 6.4: the leftmost bits of the digest, at most as many as the order has
    assert int.from_bytes(way.data) == int.from_bytes(message.digest[: (bits + 7) // 8])
