"""A token that is ready to be tested, and how its keys get there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeAlias
from unittest import SkipTest
from urllib.parse import quote

from tests.support.pki import Identity, Pki
from tests.tokens.programs import NotReady, run

PIN: Final = "471147"
WRONG_PIN: Final = "740210"
SO_PIN: Final = "87654321"
_FOLDERS: Final = ("usr/lib/*-linux-gnu", "usr/lib64", "usr/lib", "usr/local/lib")


@dataclass(slots=True, kw_only=True)
class TokenDevice:
    """A token with keys, and the environment in which its module finds it."""

    module: Path
    label: str
    ids: Mapping[str, bytes]
    """The keys, and the CKA_ID of each."""
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    pin: str = field(default=PIN, repr=False)

    def present(self, key: str) -> str:
        """Make sure that the key can be used and all tries of the PIN are there; returns the key URI."""
        return key_uri(self.module, token=self.label, key_id=self.ids[key])

    def remove(self) -> None:
        """Take the token away."""
        raise SkipTest("this token cannot be taken away")

    def reinsert(self) -> None:
        """Undo ``remove``."""


Ready: TypeAlias = Callable[[Path, Pki], AbstractContextManager[TokenDevice]]


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenKind:
    """A kind of token: how to start it, and its abilities."""

    name: str
    package: str
    """Of Debian: its version is that of the module."""
    ready: Ready = field(repr=False)
    keys: tuple[str, ...]
    pin_each_time: frozenset[str] = frozenset()
    """Keys with CKA_ALWAYS_AUTHENTICATE."""
    locks_after: int = 0
    """Wrong PINs; 0: never, or not soon."""
    forks: bool = True
    """A child of fork can use the module."""

    def __str__(self) -> str:
        return self.name.replace(" ", "-")


def key_uri(module: Path, *, token: str, key_id: bytes) -> str:
    """A key URI that names token, key and module."""
    return f"pkcs11:token={quote(token)};id={quote(key_id)}?module-path={quote(str(module))}"


def find_module(name: str) -> Path:
    """The path of a PKCS #11 module by the name of its file, folder included; raises NotReady."""
    for folder in _FOLDERS:
        for path in sorted(Path("/").glob(f"{folder}/{name}")):
            return path
    raise NotReady(f"the module {name} is not installed: run sh tools/token_packages.sh")


def import_keys(
    module: Path, label: str, identities: Iterable[Identity], environment: Mapping[str, str] | None = None
) -> Mapping[str, bytes]:
    """Put keys and their certificates on a token and return their ids; raises NotReady."""
    ids: dict[str, bytes] = {}
    for number, identity in enumerate(identities, 1):
        ids[identity.name] = bytes([number])
        token = ("--module", module, "--token-label", label, "--login", "--pin", PIN)
        what = ("--id", f"{number:02x}", "--label", identity.name)
        for kind, file in (("privkey", identity.key_der), ("cert", identity.certificate_der)):
            run("pkcs11-tool", *token, "--write-object", file, "--type", kind, *what, env=environment)
    return ids
