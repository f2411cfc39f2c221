"""A key that is open in this process: opened once, before the first file is signed, or never if nothing is left.

>>> from dcmseal.plugins.registry import installed_registry
>>> with LocalKey(installed_registry().open_signer("pem:signer.key.pem?cert=signer.cert.pem", lambda _: None)) as key:
...     key.open().key_type
<KeyType.RSA: 'RSA'>
"""

from __future__ import annotations

from contextlib import AbstractContextManager, ExitStack
from typing import TYPE_CHECKING, Self

from dcmseal.batch.results import SignerClosed
from dcmseal.errors import DatasetError, SealError, SignerError

if TYPE_CHECKING:
    from dcmseal.batch.journal.journal_settings import JournalSettings
    from dcmseal.batch.signing_server import SigningServer
    from dcmseal.plugins.signer_backend import SignableMessage, Signer


class LocalKey:
    """A key of this process; ``signer`` is entered when the key is needed, and left when the context ends."""

    def __init__(self, signer: AbstractContextManager[Signer]) -> None:
        self._context = signer
        self._resources = ExitStack()
        self._signer: Signer | None = None
        self._checked: OneFailureSigner | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._resources.close()

    def open_for_new_journal(self, settings: JournalSettings | None) -> None:
        """Open the key, unless an earlier run with this journal may have left nothing to sign.

        No journal is created for a key that cannot be opened.
        """
        if settings is None or settings.is_new:
            self.open()

    def open(self) -> Signer:
        """Open the key for use in this process, or return the open one; raises the errors of opening it."""
        if self._checked is None:
            self._checked = OneFailureSigner(self._open_signer())
        return self._checked

    def serve(self) -> SigningServer:
        """Start a server through which workers use the key, until the context ends; raises the errors of ``open``."""
        from dcmseal.batch.signing_server import open_signing_server

        return self._resources.enter_context(open_signing_server(self._open_signer()))

    def _open_signer(self) -> Signer:
        if self._signer is None:
            self._signer = self._resources.enter_context(self._context)
        return self._signer


class OneFailureSigner:
    """A Signer that is not used again after it failed: the next file would send the same wrong PIN to the same card."""

    def __init__(self, signer: Signer) -> None:
        # a signer that opens itself does so here
        self.certificate_chain = signer.certificate_chain
        self.key_type = signer.key_type
        self._signer = signer
        self._has_failed = False

    def sign(self, message: SignableMessage) -> bytes:
        """Sign.

        Raises:
            SignerError: The key failed, now or before.
            DatasetError: The file cannot be read any more.
        """
        if self._has_failed:
            raise SignerClosed("not signed: the key cannot be used any more")
        try:
            return self._signer.sign(message)
        except DatasetError:
            raise
        except SealError as error:
            self._has_failed = True
            if isinstance(error, SignerError):
                raise
            raise SignerError(str(error), hint=error.hint, code=error.code, facts=error.facts) from None
        except Exception as error:  # noqa: BLE001 - an application's signer raises what it likes
            self._has_failed = True
            raise SignerError(f"the key failed with {type(error).__name__}") from None
