"""SoftHSM: a PKCS #11 module with tokens in a folder, for tests that sign with a real one; needs no root.

SoftHSM reads where its tokens are from ``SOFTHSM2_CONF`` when it is initialized, once a process. So there is one folder
for a process and all that it starts, and tests tell their tokens apart by labels of their own.
"""

from __future__ import annotations

import glob
import os
import shutil
import subprocess
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509 import Certificate

from tests.support.pki import Identity

if TYPE_CHECKING:
    from pkcs11 import TokenFlag

PIN: Final = "correct-4711"
SO_PIN: Final = "officer-0815"
_TOKEN_FLAGS: Final = (0x8000_534B).to_bytes(8) + (2).to_bytes(8)
"""What stands before the flags of a token in its file: the type of the attribute, and that its value is a number."""
_PATTERNS: Final = (
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib/*/softhsm/libsofthsm2.so",
    "/usr/lib64/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
    "/opt/homebrew/lib/softhsm/libsofthsm2.so",
    "/usr/local/lib/softhsm/libsofthsm2.so",
)


@dataclass(frozen=True, slots=True)
class SoftToken:
    """A token of SoftHSM."""

    label: str
    module: str
    folder: Path

    def uri(self, key: str = "", **query: str) -> str:
        """The key URI of a key on it, or of the token."""
        path = f"pkcs11:token={self.label}" + (f";object={key}" if key else "")
        more = "".join(f"&{name}={value}" for name, value in query.items())
        return f"{quote(path, safe=':;=')}?module-path={self.module}{more}"

    def remove(self) -> None:
        """Take the token away, as a card is pulled out."""
        self.folder.rename(self._elsewhere)

    def put_back(self) -> None:
        """Undo ``remove``."""
        self._elsewhere.rename(self.folder)

    def set_flag(self, flag: TokenFlag) -> None:
        """Have the token say so of itself, as that its PIN is locked: SoftHSM tells what stands in the token's file."""
        from dcmseal_pkcs11.loaded_modules import load_module

        module = load_module(self.module)
        file = self.folder / "token.object"
        before, mark, behind = file.read_bytes().partition(_TOKEN_FLAGS)
        flags = int.from_bytes(behind[:8]) | flag
        file.write_bytes(before + mark + flags.to_bytes(8) + behind[8:])
        with module.lock:
            module.reinitialize()

    @property
    def _elsewhere(self) -> Path:
        return self.folder.parent.parent / f"removed-{self.folder.name}"

    def add(self, name: str, identity: Identity, **more: Any) -> None:
        """Put a key and its certificate on the token; ``more`` are attributes of the private key."""
        identifier = more.pop("id", name.encode())
        self.add_key(name, identity, id=identifier, **more)
        self.add_certificate(name, identity.certificate, id=identifier)

    def add_key(self, name: str, identity: Identity, **more: Any) -> None:
        """Put a private key on the token, and its public key if it is an EC key."""
        from pkcs11 import Attribute
        from pkcs11.util import ec as ec_keys
        from pkcs11.util import rsa as rsa_keys

        identifier = more.pop("id", name.encode())
        common = {Attribute.TOKEN: True, Attribute.LABEL: name, Attribute.ID: identifier}
        secret = {Attribute.PRIVATE: True, Attribute.SENSITIVE: True, Attribute.SIGN: True}
        secret |= {Attribute[key.upper()]: value for key, value in more.items()}
        if isinstance(identity.key, rsa.RSAPrivateKey):
            der = identity.key.private_bytes(Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption())
            self._create(rsa_keys.decode_rsa_private_key(der) | common | secret)
            return
        assert isinstance(identity.key, ec.EllipticCurvePrivateKey)
        der = identity.key.private_bytes(Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption())
        self._create(ec_keys.decode_ec_private_key(der) | common | secret)
        from cryptography.hazmat.primitives.serialization import PublicFormat

        public = identity.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        self._create(ec_keys.decode_ec_public_key(public) | common)

    def add_certificate(self, name: str, certificate: Certificate, **more: Any) -> None:
        """Put a certificate on the token."""
        from pkcs11 import Attribute
        from pkcs11.util import x509

        template = x509.decode_x509_certificate(certificate.public_bytes(Encoding.DER))
        common = {Attribute.TOKEN: True, Attribute.LABEL: name, Attribute.ID: more.pop("id", name.encode())}
        self._create(template | common | {Attribute.PRIVATE: False})

    def _create(self, template: dict[Any, Any]) -> None:
        from pkcs11 import Attribute
        from pkcs11.attributes import AttributeMapper

        from dcmseal_pkcs11.loaded_modules import load_module

        module = load_module(self.module)
        attributes = AttributeMapper()
        attributes.register_handler(Attribute.ALLOWED_MECHANISMS, bytes, bytes)
        with module.lock:
            token = next(each for each in module.library.get_tokens() if each.label == self.label)
            with token.open(rw=True, user_pin=PIN, attribute_mapper=attributes) as session:
                session.create_object(template)


def find_module() -> str | None:
    """Path of the module; None if it, or the program that makes tokens, is not installed."""
    found = (path for pattern in _PATTERNS for path in glob.glob(pattern))
    return next(found, None) if shutil.which("softhsm2-util") else None


class SoftHsm:
    """SoftHSM with a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.configuration = folder / "softhsm2.conf"
        self.tokens = folder / "tokens"
        self.tokens.mkdir(parents=True)
        self.configuration.write_text(
            f"directories.tokendir = {self.tokens}\nobjectstore.backend = file\nlog.level = ERROR\n"
        )

    @cached_property
    def module(self) -> str:
        """Path of the module; on CI its absence fails the test, elsewhere it skips it."""
        found = find_module()
        if found:
            return found
        hint = "SoftHSM is not installed (Debian: apt-get install softhsm2)"
        if os.environ.get("CI"):
            pytest.fail(hint)
        pytest.skip(hint)

    def token(self, label: str, pin: str = PIN) -> SoftToken:
        """Make a token, and let the module see it."""
        from dcmseal_pkcs11.loaded_modules import load_module

        module = load_module(self.module)
        with module.lock:
            assert not module.sessions, "a token made now would not be seen"
            before = set(self.tokens.iterdir())
            subprocess.run(
                ["softhsm2-util", "--init-token", "--free", "--label", label, "--so-pin", SO_PIN, "--pin", pin],
                env=os.environ | {"SOFTHSM2_CONF": str(self.configuration)},
                check=True,
                capture_output=True,
            )
            module.reinitialize()
            (folder,) = set(self.tokens.iterdir()) - before
        return SoftToken(label, self.module, folder)
