"""A plugin that imports nothing until it is asked for a key."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager

from dcmseal.plugins.hookspecs import hookimpl
from dcmseal.plugins.signer_backend import Secrets, Signer, SignerBackend


class Later:
    scheme = "one"
    summary = "one key, which is one:key"

    def open(self, uri: str, secrets: Secrets) -> AbstractContextManager[Signer]:
        raise NotImplementedError

    def list_keys(self, uri: str = "") -> tuple[()]:
        raise NotImplementedError


@hookimpl
def dcmseal_signer_backends() -> Iterable[SignerBackend]:
    return (Later(),)
