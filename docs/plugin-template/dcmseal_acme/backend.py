"""The signer backend ``acme:`` for keys in an Acme HSM, by their label, such as ``acme:reading-room``."""

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
    """Opens keys of the connected HSM."""

    scheme: str = "acme"
    summary: str = "key in an Acme HSM: acme:LABEL"

    @contextmanager
    def open(self, uri: str, secrets: Secrets) -> Generator[Signer]:
        """Log in and find the key; the session ends with the context.

        Raises:
            UsageError: The key URI is invalid, or has attributes.
            KeyNotFound: The HSM has no key of this label.
            PinRejected: The PIN is wrong or missing.
            PinLocked: The PIN is locked.
            DeviceUnavailable: The HSM is not connected.
        """
        from dcmseal_acme.device import connected_device
        from dcmseal_acme.failures import translate_errors
        from dcmseal_acme.signer import AcmeSigner

        parsed = KeyUri.parse(uri)
        parsed.check_attributes()
        with translate_errors():
            device = connected_device()
            key = device.find(parsed.path)
        session = _log_in(device, parsed, secrets)
        signer = AcmeSigner(device, session, key)
        try:
            yield signer
        finally:
            signer.close()

    def list_keys(self, uri: str = "") -> Iterable[KeyListing]:
        """List the keys of the HSM, or the key of a URI; raises DeviceUnavailable if the HSM is not connected."""
        from dcmseal_acme.device import connected_device
        from dcmseal_acme.failures import translate_errors

        label = unquote(KeyUri.parse(uri).body) if uri else ""
        with translate_errors():
            keys = connected_device().all_keys()
        return tuple(
            KeyListing(uri=f"acme:{escape_path(key.label)}", label=key.label, key_type=KeyType[key.kind])
            for key in keys
            if label in ("", key.label)
        )


@strip_traceback
def _log_in(device: Device, uri: KeyUri, secrets: Secrets) -> Session:
    """Log in. The decorator keeps the PIN, a local variable here and in the library, out of tracebacks."""
    from dcmseal_acme.failures import translate_errors

    with translate_errors():
        return device.login(_request_pin(uri, secrets))


def _request_pin(uri: KeyUri, secrets: Secrets) -> str:
    pin = secrets(SecretRequest(purpose="Acme HSM", uri=uri.without_query()))
    if pin is None:
        raise PinRejected(
            "the Acme HSM needs a PIN, but none was given",
            hint="pass secrets=, a function that returns the PIN",
            code="pin-missing",
        )
    if not (pin.isascii() and pin.isdecimal()):
        # The device would count this as a wrong PIN.
        raise PinRejected("the PIN of an Acme HSM has digits only; it was not tried", hint="check the PIN")
    return pin
