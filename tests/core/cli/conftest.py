"""The command line, run inside this process, and a file that is signed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import Any, Protocol

import pytest

import dcmseal
from dcmseal.cli.main import main
from tests.core.cli.removable_card import PIN, Card, build_registry
from tests.support.pki import Pki
from tests.support.real_files import real_file

PIXEL = 20_000
"""A byte of CT_small.dcm inside Pixel Data, before and after signing."""


@dataclass(frozen=True)
class Ran:
    """The exit code and output of a command."""

    code: int
    raw: bytes
    err: str

    @property
    def out(self) -> str:
        return self.raw.decode()

    @property
    def document(self) -> Any:
        return json.loads(self.raw)


class Run(Protocol):
    def __call__(self, *words: str | Path, stdin: bytes | None = b"", typed: str | None = None) -> Ran: ...


class Terminal(TextIOWrapper):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def run(capsysbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs ``dcmseal`` with these words; without ``stdin``, or with something ``typed``, in a terminal."""

    def run(*words: str | Path, stdin: bytes | None = b"", typed: str | None = None) -> Ran:
        with monkeypatch.context() as patch:
            if stdin is None or typed is not None:
                patch.setattr("sys.stdin", Terminal(BytesIO((typed or "").encode())))
            else:
                patch.setattr("sys.stdin", TextIOWrapper(BytesIO(stdin)))
            try:
                code: Any = main([str(word) for word in words])
            except SystemExit as end:
                code = end.code
        written = capsysbinary.readouterr()
        return Ran(code, written.out, written.err.decode())

    return run


@pytest.fixture(autouse=True)
def without_environment(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """No environment variables or configuration of the user."""
    for name in ("DCMSEAL_KEY", "DCMSEAL_CONFIG", "DCMSEAL_DEBUG", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.getbasetemp() / "no-such-home"))


@pytest.fixture(scope="session")
def image() -> Path:
    return real_file("CT_small.dcm").path


@pytest.fixture(scope="session")
def key(pki: Pki) -> str:
    """A key URI."""
    return f"pem:{pki['p256'].key_pem}?cert={pki['p256'].certificate_pem}"


@pytest.fixture(scope="session")
def make_signed(image: Path, key: str, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Signs the image, once for each file given before, into a new file."""

    def make(*options: dict[str, Any]) -> Path:
        path = tmp_path_factory.mktemp("signed") / "signed.dcm"
        path.write_bytes(image.read_bytes())
        for each in options or ({},):
            dcmseal.sign(path, key=key, in_place=True, **each)
        return path

    return make


@pytest.fixture(scope="session")
def signed(make_signed: Callable[..., Path]) -> Path:
    """Everything signed."""
    return make_signed()


@pytest.fixture(scope="session")
def signed_twice(make_signed: Callable[..., Path]) -> Path:
    """Pixels first, then everything."""
    return make_signed({"tags": ["PixelData"], "purpose": "verification"}, {})


@pytest.fixture(scope="session")
def tampered(signed: Path) -> Path:
    """A bit of a pixel is another."""
    data = bytearray(signed.read_bytes())
    data[PIXEL] ^= 1
    path = signed.with_name("tampered.dcm")
    path.write_bytes(data)
    return path


@pytest.fixture(scope="session")
def broken(signed: Path) -> Path:
    """Cut short inside Pixel Data."""
    path = signed.with_name("broken.dcm")
    path.write_bytes(signed.read_bytes()[:PIXEL])
    return path


@pytest.fixture
def uid(signed: Path) -> str:
    return dcmseal.signatures(signed)[0].uid


@pytest.fixture
def uids(signed_twice: Path) -> list[str]:
    return [each.uid for each in dcmseal.signatures(signed_twice)]


@pytest.fixture
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The current folder is a new one."""
    with monkeypatch.context() as patch:
        patch.chdir(tmp_path)
        yield tmp_path


@pytest.fixture
def card(key: str, monkeypatch: pytest.MonkeyPatch) -> Card:
    """A removable card, the only installed backend besides key files; its PIN is in the environment."""
    card = Card(key)
    monkeypatch.setattr("dcmseal.plugins.registry.installed_registry", build_registry(card))
    monkeypatch.setenv("CARD_PIN", PIN)
    return card
