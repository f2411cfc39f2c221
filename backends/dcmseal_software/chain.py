"""The certificate that belongs to a key, and those that go with it."""

from __future__ import annotations

from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import Certificate

from dcmseal.errors import CertificateMismatch, CertificateNotValid, KeyNotFound
from dcmseal.plugins.certificate_files import load_certificates
from dcmseal.plugins.key_algorithms import certificate_key_algorithm, unsupported_key_error
from dcmseal_software.key_files import KeyFile

_MAX_CERTIFICATES: Final = 64


def build_chain(key_file: KeyFile, *, cert: str | None, chain: str | None) -> tuple[bytes, ...]:
    """DER certificates, the key's own first, then those of ``cert``, the key file and ``chain``, each once.

    The own certificate is sought in ``cert``, or in the key file if there is no ``cert``. Raises
    CertificateMismatch if none there belongs to the key, KeyNotFound if there is no certificate at all, and
    MechanismUnavailable if it says that the key is for something else.
    """
    named = load_certificates(cert) if cert else ()
    candidates = named or key_file.certificates
    if not candidates:
        raise KeyNotFound(
            f"there is no certificate for the key in {key_file.path!r}",
            hint="name the file of the certificate: ?cert=CERTIFICATE",
        )
    own = next((each for each in candidates if _matches_key(each, key_file)), None)
    # keys of some algorithms cannot be read, so that nobody can tell whose they are
    likely = own or (candidates[0] if len(candidates) == 1 else None)
    algorithm = None if likely is None else certificate_key_algorithm(likely)
    if algorithm is not None and algorithm.key_type is None:
        raise unsupported_key_error(f"the key of the certificate for {key_file.path!r}", algorithm)
    if own is None:
        raise CertificateMismatch(
            f"no certificate in {cert or key_file.path!r} belongs to the key in {key_file.path!r}",
            hint="check which certificate was issued for this key",
        )
    further = load_certificates(chain) if chain else ()
    all_of_them = dict.fromkeys(
        each.public_bytes(Encoding.DER) for each in (own, *named, *key_file.certificates, *further)
    )
    if len(all_of_them) > _MAX_CERTIFICATES:
        raise CertificateNotValid(
            f"more than {_MAX_CERTIFICATES} certificates go with the key in {key_file.path!r}",
            hint="keep only those that lead from the signer's certificate to its authority",
        )
    return tuple(all_of_them)


def _matches_key(certificate: Certificate, key_file: KeyFile) -> bool:
    try:
        return certificate.public_key() == key_file.key.public_key()
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return False
