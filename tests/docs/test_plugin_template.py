"""The template for plugins is what its page says: copied, renamed and installed, it passes its tests, and works."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from dcmseal.cli.main import main
from dcmseal.exit_codes import ExitCode
from tests.core.plugins.test_discovery import install, run
from tests.docs.doc_pages import DOCS

TEMPLATE = DOCS / "plugin-template"
COMMAND = "import sys; from dcmseal.cli.main import main; sys.exit(main(sys.argv[1:]))"


class Copy(NamedTuple):
    project: Path
    installed: Path

    def command(self, *arguments: str) -> str:
        return run(["-c", COMMAND, *arguments], self.installed)


@pytest.fixture(scope="session")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template under another name."""
    project = tmp_path_factory.mktemp("template") / "dcmseal-contoso"
    shutil.copytree(TEMPLATE, project, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    run([str(project / "rename.py"), "contoso"])
    return project


@pytest.fixture(scope="session")
def contoso(copied: Path, tmp_path_factory: pytest.TempPathFactory) -> Copy:
    """The template under another name, installed."""
    return Copy(copied, install(copied, tmp_path_factory.mktemp("contoso")))


def test_nothing_keeps_the_old_name(copied: Path) -> None:
    files = [file for file in copied.rglob("*") if file.is_file()]
    old = [file for file in TEMPLATE.rglob("*") if file.is_file() and "__pycache__" not in file.parts]
    assert len(files) == len(old) - 1, "all but rename.py"
    assert [file for file in files if "acme" in f"{file.relative_to(copied)}{file.read_text('utf-8')}".lower()] == []


@pytest.mark.parametrize("name", ["", "Contoso", "con-toso", "../contoso", "1st"])
def test_an_invalid_name_is_refused_and_changes_nothing(tmp_path: Path, name: str) -> None:
    project = shutil.copytree(TEMPLATE, tmp_path / "copy")
    script = [sys.executable, str(project / "rename.py"), name]
    done = subprocess.run(script, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "rename.py NAME" in done.stderr
    assert (project / "dcmseal_acme").is_dir()


def test_its_page_names_every_file() -> None:
    page = (TEMPLATE / "README.md").read_text("utf-8")
    files = {file.name for file in TEMPLATE.rglob("*.py")} | {"pyproject.toml"}
    assert {name for name in files - {"__init__.py"} if f"{name}`" not in page} == set()


def test_its_tests_pass(contoso: Copy) -> None:
    output = run(["-m", "pytest", "-q", "-p", "no:cacheprovider", str(contoso.project)], contoso.installed)
    assert "passed" in output
    assert "skipped" not in output


def test_it_is_listed(contoso: Copy) -> None:
    assert "signer:contoso profile:contoso-ecdsa" in contoso.command("plugins")


def test_it_signs_and_its_profile_is_met(contoso: Copy, tmp_path: Path) -> None:
    assert main(["demo", str(tmp_path / "demo"), "--json"]) == ExitCode.OK
    pin = tmp_path / "pin"
    pin.write_text("571043")
    pin.chmod(0o600)
    image, signed = tmp_path / "demo" / "image.dcm", tmp_path / "signed.dcm"
    options = ("--key", "contoso:reading-room", "--profile", "contoso-ecdsa", "--passphrase-file", str(pin))
    contoso.command("sign", str(image), str(signed), *options)
    verified = contoso.command("verify", str(signed), "--integrity-only", "--require", "contoso-ecdsa")
    assert "valid" in verified
