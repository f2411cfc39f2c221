"""The passphrase of a key file: asked for once, when it turns out to be needed."""

from __future__ import annotations

import os.path

from dcmseal.errors import PinRejected
from dcmseal.plugins.key_uri import KeyUri
from dcmseal.plugins.guarded_signer import SecretRequest, Secrets


class Passphrase:
    """Asks the application for the passphrase of the key file that a key URI names."""

    __slots__ = ("_secrets", "_uri")

    def __init__(self, uri: KeyUri, secrets: Secrets) -> None:
        self._uri = uri
        self._secrets = secrets

    def request(self) -> bytes:
        """The passphrase in UTF-8; raises PinRejected if the application has none."""
        path = self._uri.path
        purpose = f"private key {os.path.basename(path)}"
        secret = self._secrets(SecretRequest(purpose=purpose, uri=self._uri.without_query()))
        if secret is None:
            raise PinRejected(
                f"{path!r} is encrypted, and no passphrase was given",
                hint="run this in a terminal to be asked, or give --passphrase-env, --passphrase-file "
                "or --passphrase-fd; in Python, secrets=",
            )
        # OpenSSL takes passphrases as C strings; UTF-8 has no form for a lone surrogate.
        passphrase = secret.encode("utf-8", "ignore")
        if b"\0" in passphrase or passphrase.decode() != secret:
            raise self.wrong_passphrase_error()
        return passphrase

    def wrong_passphrase_error(self) -> PinRejected:
        """The error for a wrong passphrase."""
        return PinRejected(
            f"the passphrase of {self._uri.path!r} is wrong, or the file is damaged",
            hint="try again with the right passphrase; it was tried once",
        )
