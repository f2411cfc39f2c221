"""The signer backend ``acme:``: keys in an Acme HSM, by their label, as in ``acme:reading-room``."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote

from dcmseal.plugins import (
    KeyListing,
    KeyType,
    KeyUri,
    PinRejected,
    SecretRequest,
    Secrets,
    Signer,
    escape_path,
    strip_traceback,
)

if TYPE_CHECKING:
    from dcmseal_acme.device import Device, Session


@dataclass(frozen=True, slots=True, kw_only=True)
class AcmeBackend:
    """Opens keys of the HSM that is connected."""

    scheme: str = "acme"
    summary: str = "key in an Acme HSM: acme:LABEL"

    @contextmanager
    def open(self, uri: str, secrets: Secrets) -> Generator[Signer]:
        """Log in and find the key; the session ends with the context.

        Raises UsageError for a key URI with attributes, KeyNotFound, PinRejected, PinLocked and DeviceUnavailable.
        """
        from dcmseal_acme.device import connected
        from dcmseal_acme.failures import in_words_of_dcmseal
        from dcmseal_acme.signer import AcmeSigner

        parsed = KeyUri.parse(uri)
        parsed.check_attributes()
        with in_words_of_dcmseal():
            device = connected()
            key = device.find(parsed.path)
        session = _logged_in(device, parsed, secrets)
        signer = AcmeSigner(device, session, key)
        try:
            yield signer
        finally:
            signer.close()

    def list_keys(self, uri: str = "") -> Iterable[KeyListing]:
        """The keys of the HSM, or the one that a key URI names; raises DeviceUnavailable if there is no HSM."""
        from dcmseal_acme.device import connected
        from dcmseal_acme.failures import in_words_of_dcmseal

        label = unquote(KeyUri.parse(uri).body) if uri else ""
        with in_words_of_dcmseal():
            keys = connected().all_keys()
        return tuple(
            KeyListing(uri=f"acme:{escape_path(key.label)}", label=key.label, key_type=KeyType[key.kind])
            for key in keys
            if label in ("", key.label)
        )


@strip_traceback
def _logged_in(device: Device, uri: KeyUri, secrets: Secrets) -> Session:
    """Log in; no error takes along the PIN, which is in local variables meanwhile, of the library as well."""
    from dcmseal_acme.failures import in_words_of_dcmseal

    with in_words_of_dcmseal():
        return device.login(_pin(uri, secrets))


def _pin(uri: KeyUri, secrets: Secrets) -> str:
    pin = secrets(SecretRequest(purpose="Acme HSM", uri=uri.without_query()))
    if pin is None:
        raise PinRejected(
            "the Acme HSM wants a PIN, and none was given",
            hint="run this in a terminal to be asked, or give --passphrase-env, --passphrase-file or --passphrase-fd",
        )
    if not (pin.isascii() and pin.isdecimal()):
        # The device would take this for a wrong PIN, and count it.
        raise PinRejected("the PIN of an Acme HSM is made of digits", hint="check what was given")
    return pin
