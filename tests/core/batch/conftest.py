"""Trees of signed and other files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import dcmseal
from dcmseal.batch.journal.journal_settings import JournalSettings
from tests.core.batch.journal_files import Tree, journal_of
from tests.support import builder as b
from tests.support.pki import Pki


@pytest.fixture(scope="session")
def key(pki: Pki) -> str:
    """A key URI."""
    return f"pem:{pki['p256'].key_pem}?cert={pki['p256'].certificate_pem}"


@pytest.fixture(scope="session")
def image() -> bytes:
    return b.file(b.image())


@pytest.fixture(scope="session")
def signed(image: bytes, key: str) -> bytes:
    data = dcmseal.sign(image, key=key).data
    assert data is not None
    return data


@pytest.fixture
def tree(tmp_path: Path) -> Callable[..., Path]:
    """Writes files by their path below a new folder."""

    def write(files: dict[str, bytes], name: str = "archive") -> Path:
        for path, data in files.items():
            file = tmp_path / name / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
        return tmp_path / name

    return write


@pytest.fixture
def no_lock_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    """Report a journal that is in use at once."""
    monkeypatch.setattr("dcmseal.batch.journal.journal_database.LOCK_TIMEOUT", 0.0)


@pytest.fixture
def archive(tree: Tree, signed: bytes) -> Path:
    return tree({f"{number % 3}/{number}.dcm": signed for number in range(12)})


@pytest.fixture
def journal(archive: Path, tmp_path: Path) -> Path:
    (archive / "0" / "0.dcm").write_bytes((archive / "0" / "0.dcm").read_bytes()[:300])
    return Path(journal_of(tmp_path / "run.journal", archive))


@pytest.fixture
def settings(tmp_path: Path) -> JournalSettings:
    return JournalSettings(path=str(tmp_path / "run.journal"))
