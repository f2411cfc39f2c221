"""The signer backend ``pkcs11:`` for keys on smart cards, tokens and HSMs, named by PKCS #11 URIs (RFC 7512).

    pkcs11:token=reading-room;object=sign?module-name=opensc-pkcs11
    pkcs11:token=hsm;id=%01?module-path=/usr/lib/softhsm/libsofthsm2.so&cert=cert.pem&chain=chain.pem

``module-path`` or ``module-name`` selects the module; without them, all modules found on the machine are searched. The
certificate comes from the token or from a file. The PIN comes from the application or from ``pin-source``, or the user
enters it at the reader. Backend and URI contain no secret and can be pickled, so that workers can open the key.

    from dcmseal_pkcs11.pkcs11_backend import Pkcs11Backend

    for listing in Pkcs11Backend().list_keys():
        print(listing.uri, listing.problem)
"""

# Kept apart: imported only when plugins are listed; it imports python-pkcs11 only when it opens a key.

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import contextmanager

from msgspec import Struct

from dcmseal.plugins.signer_backend import KeyListing, Secrets, Signer


class Pkcs11Backend(Struct, frozen=True, kw_only=True):
    """Opens keys on tokens."""

    scheme: str = "pkcs11"
    summary: str = "key on a smart card, token or HSM: pkcs11:token=LABEL;object=KEY?module-path=MODULE"

    @contextmanager
    def open(self, uri: str, secrets: Secrets) -> Generator[Signer]:
        """Open a key; closing the last key of a token logs out.

        The type and size of the key are checked before the PIN is requested, if the token shows them without it.

        Raises:
            UsageError: The key URI is invalid.
            ModuleUnusable: The PKCS #11 module is missing, or cannot be loaded.
            DeviceUnavailable: No token matches, or the token failed.
            KeyNotFound: No key matches, or several keys or tokens do.
            PinRejected: The PIN is wrong or missing.
            PinLocked: The PIN is locked.
            MechanismUnavailable: The key or the token cannot make DICOM signatures.
            WeakAlgorithm: The key is too small.
            CertificateMismatch: No certificate belongs to the key.
            CertificateNotValid: There are too many certificates.
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
        """List keys and certificates on the tokens that match a URI, or on all tokens, as far as visible without a PIN.

        The list includes what cannot be used, with the reason: modules that do not load, readers without a card,
        tokens that are not initialized, certificates that have expired.
        """
        from dcmseal_pkcs11.key_listing import iter_listings
        from dcmseal_pkcs11.pkcs11_uri import Pkcs11Uri

        return iter_listings(Pkcs11Uri.parse(uri or f"{self.scheme}:"))
