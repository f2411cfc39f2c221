"""One key for any number of files: opened when it is first needed, once, and once more if its device was away."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, suppress
from types import TracebackType
from typing import Self

from dcmseal.cli.secrets import Given
from dcmseal.errors import SealError, SignerError
from dcmseal.plugins import registry
from dcmseal.plugins.protocols import SecretRequest, Secrets, SignableMessage, Signer
from dcmseal.terms import KeyType


class OpenKey:
    """A Signer that opens itself; ``before_asking`` is called before a passphrase or PIN is asked for."""

    def __init__(self, uri: str, secrets: Secrets, before_asking: Callable[[], None]) -> None:
        self._uri = uri
        self._secrets = secrets
        self._before_asking = before_asking
        self._resources = ExitStack()
        self._signer: Signer | None = None
        self.refused = False
        """Whether the last attempt to open it failed."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool | None:
        self._signer = None
        return self._resources.__exit__(kind, error, traceback)

    def let_go(self) -> None:
        """Close it, whatever its device says to that; it is opened again when it is needed again."""
        self._signer = None
        with suppress(SignerError):
            self._resources.close()

    @property
    def certificate_chain(self) -> tuple[bytes, ...]:
        return self._opened().certificate_chain

    @property
    def key_type(self) -> KeyType:
        return self._opened().key_type

    def sign(self, message: SignableMessage) -> bytes:
        """Sign; raises SignerError or one of its kinds."""
        signature = self._opened().sign(message)
        self._proven()
        return signature

    def ends_with(self, error: SealError) -> bool:
        """Whether no further file can be signed after this error."""
        return self.refused or isinstance(error, SignerError)

    def _opened(self) -> Signer:
        if self._signer is None:
            self.refused = True
            self._signer = self._resources.enter_context(registry.installed().open_signer(self._uri, self._answer))
            self.refused = False
            self._proven()
        return self._signer

    def _answer(self, request: SecretRequest) -> str | None:
        self._before_asking()
        return self._secrets(request)

    def _proven(self) -> None:
        if isinstance(self._secrets, Given):
            self._secrets.proven()
