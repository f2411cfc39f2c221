"""Verify signatures with the package ``cryptography``, independently of dcmseal."""

from __future__ import annotations

from typing import Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, padding, rsa, utils
from cryptography.x509 import load_der_x509_certificate

from dcmseal.plugins.signer_backend import Signer
from dcmseal.terms import MacAlgorithm
from dcmseal.testing.signable_messages import BytesMessage

_HASHES: Final[dict[MacAlgorithm, hashes.HashAlgorithm]] = {
    MacAlgorithm.MD5: hashes.MD5(),  # noqa: S303 - one of the six of PS3.15 C.1
    MacAlgorithm.SHA1: hashes.SHA1(),  # noqa: S303 - one of the six of PS3.15 C.1
    MacAlgorithm.SHA256: hashes.SHA256(),
    MacAlgorithm.SHA384: hashes.SHA384(),
    MacAlgorithm.SHA512: hashes.SHA512(),
}


def assert_verifies(signer: Signer, message: BytesMessage, signature: bytes) -> None:
    """Fail unless the signature verifies with the signer's certificate, and is encoded as DICOM requires.

    Args:
        signer: The signer.
        message: The message that was signed.
        signature: The signature.

    Raises:
        AssertionError: The signature has the wrong encoding.
        InvalidSignature: The signature does not verify.
    """
    public_key = load_der_x509_certificate(signer.certificate_chain[0]).public_key()
    assert isinstance(signature, bytes)
    if isinstance(public_key, rsa.RSAPublicKey):
        assert len(signature) == (public_key.key_size + 7) // 8
        if message.algorithm in _HASHES:
            public_key.verify(signature, message.content, padding.PKCS1v15(), _HASHES[message.algorithm])
        else:
            # The library lacks RIPEMD160, so compare the signed bytes (RFC 2437 section 9.2.1).
            signed = public_key.recover_data_from_signature(signature, padding.PKCS1v15(), None)
            assert signed == bytes.fromhex("3021300906052b2403020105000414") + message.digest
        return
    prehashed = utils.Prehashed(next(h for h in _HASHES.values() if h.digest_size == len(message.digest)))
    assert utils.encode_dss_signature(*utils.decode_dss_signature(signature)) == signature
    if isinstance(public_key, ec.EllipticCurvePublicKey):
        public_key.verify(signature, message.digest, ec.ECDSA(prehashed))
    else:
        assert isinstance(public_key, dsa.DSAPublicKey)
        public_key.verify(signature, message.digest, prehashed)
