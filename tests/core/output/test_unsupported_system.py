"""A system without POSIX file locks, such as Windows: reading works, and writing a file ends with a clear error."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import dcmseal
from dcmseal.errors import OutputError
from tests.support import builder as b
from tests.support.pki import Pki

_PROGRAM = """
import sys
sys.modules["fcntl"] = None
from dcmseal.cli.main import main
sys.exit(main(sys.argv[1:]))
"""


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", _PROGRAM, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def test_signing_a_file_reports_an_unsupported_system(
    pki: Pki, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "fcntl", None)
    output = tmp_path / "signed.dcm"
    key = f"pem:{pki['p256'].key_pem}?cert={pki['p256'].certificate_pem}"
    with pytest.raises(OutputError, match="not supported on this system") as caught:
        dcmseal.sign(b.file(b.image()), key=key, output=output)
    assert "WSL" in caught.value.hint
    assert not output.exists()


def test_commands_end_with_that_error_and_reading_works(pki: Pki, tmp_path: Path) -> None:
    image = tmp_path / "image.dcm"
    image.write_bytes(b.file(b.image()))
    key = f"pem:{pki['p256'].key_pem}?cert={pki['p256'].certificate_pem}"
    signing = run("sign", image, tmp_path / "signed.dcm", "--key", key)
    assert "not supported on this system" in signing.stderr
    assert "internal error" not in signing.stderr
    assert signing.returncode == 5
    assert "no signature" in run("verify", image, "--integrity-only").stdout
