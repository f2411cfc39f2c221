"""Somebody in the folder of the demonstration, who tries what goes wrong, and hears what dcmseal says of it."""

from __future__ import annotations

import re
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path
from typing import Final

import pytest

import dcmseal
from dcmseal.cli.main import main
from tests.support.pki import Identity, Pki
from tests.support.softhsm_token import SoftHsm

KEY: Final = "pem:signer.key.pem?cert=signer.cert.pem"
"""The key of the demonstration."""
_SECRET: Final = "SECRET"
_TAG: Final = re.compile(r"<[^>]+>")


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """A folder to work in, which is the current one, and keys besides that of the demonstration."""

    pki: Pki
    softhsm: SoftHsm
    capture: pytest.CaptureFixture[str]
    heard: list[str] = field(default_factory=list)

    def dcmseal(self, *words: str | Path) -> None:
        """Run a command, however it ends."""
        with suppress(SystemExit):
            main([str(word) for word in words])
        self.heard.extend(self.capture.readouterr())

    def sign(self, *options: str, key: str = KEY, source: str = "image.dcm", secret: str = "") -> None:
        """Sign a file, or try to; ``secret`` is the passphrase or PIN that is given."""
        given = ("--passphrase-env", _SECRET) if secret else ()
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv(_SECRET, secret)
            self.dcmseal("sign", source, "out.dcm", "--key", key, *given, *options)

    @contextmanager
    def in_python(self) -> Generator[None]:
        """For what Python is needed for, and is expected to raise an error."""
        with pytest.raises(dcmseal.SealError) as caught:
            yield
        self.heard.append(str(caught.value))

    def read(self, page: Path) -> None:
        """Read a page of HTML, as a browser shows it."""
        shown = unescape(_TAG.sub(" ", page.read_text("utf-8")))
        self.heard.append(" ".join(shown.split()))


def pem_key(identity: Identity) -> str:
    """The URI of a key in a file."""
    return f"pem:{identity.key_pem}?cert={identity.certificate_pem}"
