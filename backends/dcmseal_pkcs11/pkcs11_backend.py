"""The signer backend ``pkcs11:``: keys on smart cards, tokens and HSMs, named by PKCS #11 URIs (RFC 7512).

    pkcs11:token=reading-room;object=sign?module-name=opensc-pkcs11
    pkcs11:token=hsm;id=%01?module-path=/usr/lib/softhsm/libsofthsm2.so&cert=cert.pem&chain=chain.pem

The module is that of ``module-path`` or ``module-name``, else all that are found on the machine are looked into. The
certificate comes from the token, or from a file. The PIN comes from the application, from ``pin-source``, or is
entered at the reader. The backend and the URI hold no secret and can be pickled: a worker opens the key itself.

    from dcmseal_pkcs11.pkcs11_backend import Pkcs11Backend

    for listing in Pkcs11Backend().list_keys():
        print(listing.uri, listing.problem)
"""

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass

from dcmseal.plugins.signer_backend import KeyListing, Secrets, Signer


@dataclass(frozen=True, slots=True, kw_only=True)
class Pkcs11Backend:
    """Opens keys on tokens."""

    scheme: str = "pkcs11"
    summary: str = "key on a smart card, token or HSM: pkcs11:token=LABEL;object=KEY?module-path=MODULE"

    @contextmanager
    def open(self, uri: str, secrets: Secrets) -> Generator[Signer]:
        """Open the key; the last one to close a key of a token logs out of it.

        Raises UsageError for a key URI that cannot be read; KeyNotFound, also if it fits several keys or tokens;
        DeviceUnavailable and its kind ModuleUnusable; PinRejected and PinLocked; MechanismUnavailable and
        WeakAlgorithm, both before the PIN is asked for where the token lets that be known; CertificateMismatch and
        CertificateNotValid.
        """
        from dcmseal_pkcs11.pin import PinProvider
        from dcmseal_pkcs11.pkcs11_signer import Pkcs11Signer
        from dcmseal_pkcs11.pkcs11_uri import Pkcs11Uri
        from dcmseal_pkcs11.token_key import open_key_by_uri

        parsed = Pkcs11Uri.parse(uri)
        parsed.check_private_key()
        entry = PinProvider(uri=parsed, secrets=secrets)
        signer = Pkcs11Signer(open_key_by_uri(entry), entry)
        try:
            yield signer
        finally:
            signer.close()

    def list_keys(self, uri: str = "") -> Iterable[KeyListing]:
        """Keys and certificates on the tokens that a URI fits, or on all; without a PIN, so not what needs one.

        What cannot be used is listed too, with the reason: modules that do not load, readers without a card, tokens
        that are not initialized, certificates that have expired.
        """
        from dcmseal_pkcs11.key_listing import iter_listings
        from dcmseal_pkcs11.pkcs11_uri import Pkcs11Uri

        return iter_listings(Pkcs11Uri.parse(uri or f"{self.scheme}:"))
