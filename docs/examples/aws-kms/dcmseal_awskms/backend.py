"""The signer backend ``awskms:``.

    awskms:alias/reading-room?cert=signer.pem
    awskms:1234abcd-12ab-34cd-56ef-1234567890ab?cert=signer.pem&region=eu-central-1&profile=hospital
    awskms:arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab?cert=signer.pem

KMS keeps no certificates, so ``cert`` names a file; further certificates in it follow the signer's own. Region and
credentials are those of the AWS configuration, unless ``region`` and ``profile`` say otherwise. The credentials need
leave for ``kms:GetPublicKey`` and ``kms:Sign``.
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
    """Opens keys by id, alias or ARN."""

    scheme: str = "awskms"
    summary: str = "key in AWS KMS: awskms:alias/NAME?cert=cert.pem"

    @contextmanager
    def open(self, uri: str, secrets: Secrets) -> Generator[Signer]:
        """Fetch the public key, and compare it with the certificate; ``secrets`` is not asked.

        Raises UsageError, KeyNotFound, CertificateNotValid, CertificateMismatch, MechanismUnavailable,
        DeviceUnavailable if KMS does not answer, and SignerError if it refuses.
        """
        from dcmseal_awskms import connection
        from dcmseal_awskms.certificates import certificates_in
        from dcmseal_awskms.signer import AwsKmsSigner

        parsed = KeyUri.parse(uri)
        parsed.check_attributes("cert", "region", "profile")
        key_id, region = _key_id(parsed), _region(parsed)
        certificates = certificates_in(parsed.attributes.get("cert", ""))
        with closing(connection.connect(region, parsed.attributes.get("profile"))) as connected:
            signer = AwsKmsSigner(connected, key_id, certificates)
            try:
                yield signer
            finally:
                signer.close()

    def list_keys(self, uri: str = "") -> Iterable[KeyListing]:
        """None: KMS is not searched, because a key without its certificate cannot be used."""
        return ()


def _key_id(uri: KeyUri) -> str:
    if not _ID.fullmatch(uri.path):
        raise UsageError("the key URI names no key of KMS", hint="write awskms:alias/NAME, awskms:ID or awskms:ARN")
    return uri.path


def _region(uri: KeyUri) -> str | None:
    # The region becomes part of the name of the host that is asked.
    region = uri.attributes.get("region")
    if region is None:
        in_arn = _REGION_OF_ARN.match(uri.path)
        return in_arn[1] if in_arn else None
    if not _REGION.fullmatch(region):
        raise UsageError("the key URI names no region of AWS", hint="write region=eu-central-1, or another")
    return region
