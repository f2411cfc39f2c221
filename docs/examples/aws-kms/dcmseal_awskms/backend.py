"""The signer backend ``awskms:`` for keys in AWS KMS.

    awskms:alias/reading-room?cert=signer.pem
    awskms:1234abcd-12ab-34cd-56ef-1234567890ab?cert=signer.pem&region=eu-central-1&profile=hospital
    awskms:arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab?cert=signer.pem

KMS does not store certificates, so ``cert`` names a file with the signer's certificate, and possibly its chain. Region
and credentials come from the AWS configuration, unless ``region`` and ``profile`` override them. The credentials need
the permissions ``kms:GetPublicKey`` and ``kms:Sign``.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterable
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Final

from dcmseal.plugins import KeyListing, KeyUri, Secrets, Signer, UsageError

_ID: Final = re.compile("[A-Za-z0-9:/_-]{1,2048}")
_REGION: Final = re.compile("[a-z0-9-]{1,32}")
_REGION_OF_ARN: Final = re.compile("arn:[a-z-]+:kms:([a-z0-9-]+):")


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsKmsBackend:
    """Opens keys by ID, alias or ARN."""

    scheme: str = "awskms"
    summary: str = "key in AWS KMS: awskms:alias/NAME?cert=cert.pem"

    @contextmanager
    def open(self, uri: str, secrets: Secrets) -> Generator[Signer]:
        """Fetch the public key, and find its certificate; ``secrets`` is not used.

        Raises:
            UsageError: The key URI or the AWS configuration is invalid.
            KeyNotFound: The key or the file with certificates does not exist.
            CertificateNotValid: The file contains no certificate, a damaged one, or too many.
            CertificateMismatch: No certificate belongs to the key.
            MechanismUnavailable: The key is not for signatures.
            DeviceUnavailable: KMS cannot be reached.
            SignerError: KMS refuses the request.
        """
        from dcmseal_awskms import connection
        from dcmseal_awskms.certificates import load_key_certificates
        from dcmseal_awskms.signer import AwsKmsSigner

        parsed = KeyUri.parse(uri)
        parsed.check_attributes("cert", "region", "profile")
        key_id, region = _key_id(parsed), _region(parsed)
        certificates = load_key_certificates(parsed.attributes.get("cert", ""))
        with closing(connection.connect(region, parsed.attributes.get("profile"))) as client:
            signer = AwsKmsSigner(client, key_id, certificates)
            try:
                yield signer
            finally:
                signer.close()

    def list_keys(self, uri: str = "") -> Iterable[KeyListing]:
        """Return nothing: a key cannot be used without the file of its certificate."""
        return ()


def _key_id(uri: KeyUri) -> str:
    if not _ID.fullmatch(uri.path):
        raise UsageError("the key URI has no valid KMS key ID", hint="write awskms:alias/NAME, awskms:ID or awskms:ARN")
    return uri.path


def _region(uri: KeyUri) -> str | None:
    # The region becomes part of a host name.
    region = uri.attributes.get("region")
    if region is None:
        in_arn = _REGION_OF_ARN.match(uri.path)
        return in_arn[1] if in_arn else None
    if not _REGION.fullmatch(region):
        raise UsageError("the key URI has an invalid AWS region", hint="write it like region=eu-central-1")
    return region
