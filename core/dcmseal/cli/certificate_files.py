"""Certificates in files that the command line names, in PEM or DER."""

from __future__ import annotations

from collections.abc import Iterable

from dcmseal.errors import UsageError

_MOST_BYTES = 1 << 20


def certificates_in(files: Iterable[str]) -> tuple[bytes, ...]:
    """The certificates of all these files, in DER; raises UsageError if one has none."""
    return tuple(certificate for file in files for certificate in _certificates(file))


def _certificates(file: str) -> list[bytes]:
    from cryptography.hazmat.primitives.serialization import Encoding
    from cryptography.x509 import load_der_x509_certificate, load_pem_x509_certificates

    try:
        with open(file, "rb") as stream:
            data = stream.read(_MOST_BYTES + 1)
        if len(data) > _MOST_BYTES:
            raise UsageError(f"{file} is too large to be a file of certificates", hint="check the name")
        is_pem = b"-----BEGIN CERTIFICATE-----" in data
        found = load_pem_x509_certificates(data) if is_pem else [load_der_x509_certificate(data)]
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}", hint="check the name") from None
    except ValueError:
        raise UsageError(f"{file} holds no certificate", hint="it has to be X.509, in PEM or DER") from None
    return [each.public_bytes(Encoding.DER) for each in found]
