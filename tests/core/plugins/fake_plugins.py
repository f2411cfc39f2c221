"""Plugins made on the spot, well-behaved and not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from dcmseal.plugins.hookspecs import hookimpl
from dcmseal.plugins.profile import ProfiledDataset, Requirements, SignatureFacts
from dcmseal.plugins.signer_backend import Secrets, SignableMessage
from dcmseal.terms import KeyType

SECRET = "hunter2"


def make_plugin(name: str, **hooks: Callable[..., Any]) -> ModuleType:
    """A plugin module with these hooks."""
    module = ModuleType(name)
    for hook, answer in hooks.items():
        setattr(module, hook, hookimpl(answer))
    return module


def make_contributing_plugin(
    name: str, *, backends: tuple[Any, ...] = (), profiles: tuple[Any, ...] = ()
) -> ModuleType:
    """A plugin that contributes these."""
    return make_plugin(name, dcmseal_signer_backends=lambda: backends, dcmseal_profiles=lambda: profiles)


@dataclass
class FakeSigner:
    certificate_chain: Any = (b"0\x00",)
    key_type: Any = KeyType.EC
    signature: Any = b"signature"

    def sign(self, message: SignableMessage) -> Any:
        if isinstance(self.signature, BaseException):
            raise self.signature
        return self.signature


@dataclass
class FakeBackend:
    scheme: Any = "fake"
    summary: Any = "keys that do not exist"
    signer: Any = field(default_factory=FakeSigner)
    on_open: BaseException | None = None
    on_close: BaseException | None = None
    log: list[str] = field(default_factory=list)
    listed: Any = ()

    @contextmanager
    def open(self, uri: str, secrets: Secrets) -> Iterator[Any]:
        if self.on_open:
            raise self.on_open
        self.log.append("open")
        try:
            yield self.signer
        finally:
            self.log.append("close")
            if self.on_close:
                raise self.on_close

    def list_keys(self, uri: str = "") -> Any:
        if isinstance(self.listed, BaseException):
            raise self.listed
        return self.listed


@dataclass
class FakeProfile:
    name: Any = "fake"
    title: Any = "A profile"
    reference: Any = "none"
    required: Any = field(default_factory=Requirements)
    findings: Any = ()

    def requirements(self, dataset: ProfiledDataset) -> Any:
        if isinstance(self.required, BaseException):
            raise self.required
        return self.required

    def check(self, dataset: ProfiledDataset, facts: SignatureFacts) -> Any:
        if isinstance(self.findings, BaseException):
            raise self.findings
        return self.findings
