"""Plugins that are really installed, found through their entry points by a fresh interpreter."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import dcmseal
from tests.support.real_files import real_file

TESTS = Path(__file__).resolve().parents[2]
FOREIGN = TESTS / "foreign_plugin"
BROKEN = TESTS / "foreign_plugin_broken"


def run(arguments: Sequence[str], *installed: Path) -> str:
    """Run Python with these folders of installed plugins, as well as what this Python has."""
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([*map(str, installed), *sys.path]),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    done = subprocess.run(
        [sys.executable, *arguments], env=environment, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def evaluate(code: str, *installed: Path) -> Any:
    """Run code that prints JSON."""
    return json.loads(run(["-c", code], *installed))


def install(project: Path, target: Path) -> Path:
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check"]
    run(["-m", "pip", "install", *options, "--target", str(target), str(project)])
    return target


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install(FOREIGN, tmp_path_factory.mktemp("foreign"))


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install(BROKEN, tmp_path_factory.mktemp("broken"))


LISTING = """
import json, msgspec
from dcmseal.plugins.registry import Registry
print(json.dumps({p.distribution + " " + p.name: msgspec.structs.asdict(p) for p in Registry.discover().plugins()}))
"""

ERRORS = """
import json
from dcmseal.errors import SealError
from dcmseal.plugins.registry import Registry
registry = Registry.discover()
def ask(name):
    try:
        return registry.profile(name).name
    except SealError as error:
        return f"{type(error).__name__}: {error}"
print(json.dumps([ask(name) for name in ("base-rsa", "example-ecdsa", "lenient", "nothing")]))
"""

SIGNING = """
import json
from dcmseal.plugins.registry import Registry
from dcmseal.terms import MacAlgorithm
from dcmseal.testing.signable_messages import BytesMessage
from dcmseal.testing import assert_verifies
message = BytesMessage(algorithm=MacAlgorithm.RIPEMD160, content=b"message")
with Registry.discover().open_signer("example:rsa", lambda request: "1234") as signer:
    assert_verifies(signer, message, signer.sign(message))
print(json.dumps(signer.key_type.value))
"""

HEAVY = """
import json, sys
from dcmseal.plugins.registry import Registry
registry = Registry.discover()
listed = [plugin.name for plugin in registry.plugins()]
names = [profile.name for profile in registry.profiles()] + [b.scheme for b in registry.signer_backends()]
print(json.dumps([listed, names, sorted({module.partition(".")[0] for module in sys.modules})]))
"""


def test_own_plugins_come_in_as_a_strangers_do(foreign: Path) -> None:
    listing = evaluate(LISTING, foreign)
    assert listing["dcmseal software"] == {
        "name": "software",
        "distribution": "dcmseal",
        "version": dcmseal.__version__,
        "contributes": ["signer:der", "signer:p12", "signer:pem"],
        "problem": "",
    }
    assert {"profile:base-rsa", "profile:none"} <= set(listing["dcmseal profiles"]["contributes"])
    assert listing["dcmseal-foreign-example reports"]["contributes"] == ["report:lines"]
    assert listing["dcmseal-foreign-example example"] == {
        "name": "example",
        "distribution": "dcmseal-foreign-example",
        "version": "1.0",
        "contributes": ["signer:example", "profile:example-ecdsa", "storage:example"],
        "problem": "",
    }


def test_strangers_key_signs(foreign: Path) -> None:
    assert evaluate(SIGNING, foreign) == "RSA"


def test_stranger_writes_reports(foreign: Path, tmp_path: Path) -> None:
    image = real_file("CT_small.dcm").path
    code = "import sys; from dcmseal.cli.main import main; sys.argv[0] = 'dcmseal'; assert main() == 3"
    report = tmp_path / "report.txt"
    run(["-c", code, "verify", str(image), "--report", f"lines:{report}"], foreign)
    assert report.read_text("utf-8") == f"no-signature 0 {image}\n"


def test_strangers_plugin_keeps_the_contracts(foreign: Path) -> None:
    options = ["-q", "-p", "no:cacheprovider", "-c", os.devnull, "--rootdir", str(foreign)]
    output = run(["-m", "pytest", *options, "--pyargs", "dcmseal_foreign_example.contract_checks"], foreign)
    assert "passed" in output
    assert "skipped" not in output


def test_broken_plugins_are_listed_with_their_reasons(foreign: Path, broken: Path) -> None:
    listing = evaluate(LISTING, foreign, broken)
    reasons = {name: listing[f"dcmseal-broken-example {name}"]["problem"] for name in ("absent", "misspelt", "raising")}
    assert "no_such_module" in reasons["absent"]
    assert "unknown hook 'dcmseal_profile'" in reasons["misspelt"]
    assert reasons["raising"] == "RuntimeError: the licence has expired"
    assert listing["dcmseal software"]["problem"] == ""


def test_entry_points_of_one_name_in_two_distributions_both_load(foreign: Path, broken: Path) -> None:
    listing = evaluate(LISTING, foreign, broken)
    theirs, twin = listing["dcmseal-foreign-example example"], listing["dcmseal-broken-example example"]
    assert theirs["contributes"] == ["signer:example", "profile:example-ecdsa", "storage:example"]
    assert twin["contributes"] == ["profile:example-ecdsa", "profile:lenient"]
    assert "profile:example-ecdsa is also contributed by dcmseal-broken-example 0.3" in theirs["problem"]
    assert "profile:example-ecdsa is also contributed by dcmseal-foreign-example 1.0" in twin["problem"]


def test_a_broken_plugin_raises_only_when_it_is_used(foreign: Path, broken: Path) -> None:
    good, conflict, own, unknown = evaluate(ERRORS, foreign, broken)
    assert (good, own) == ("base-rsa", "lenient")
    assert conflict.startswith("PluginConflict: ")
    assert "dcmseal-foreign-example 1.0" in conflict
    assert "dcmseal-broken-example 0.3" in conflict
    assert unknown.startswith("PluginBroken: ")
    assert "the licence has expired" in unknown


def test_of_two_copies_of_a_distribution_the_first_counts(foreign: Path, tmp_path: Path) -> None:
    copy = install(FOREIGN, tmp_path / "copy")
    listing = evaluate(LISTING, foreign, copy)
    assert listing["dcmseal-foreign-example example"]["problem"] == ""


def test_a_damaged_distribution_harms_no_plugin(foreign: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged-1.0.dist-info"
    damaged.mkdir()
    (damaged / "entry_points.txt").write_bytes(b"[dcmseal]\nx = \xff\xfe\n")
    nameless = tmp_path / "nameless-1.0.dist-info"
    nameless.mkdir()
    (nameless / "entry_points.txt").write_text("[dcmseal]\nx = no_such_module\n")
    listing = evaluate(LISTING, tmp_path, foreign)
    assert "ModuleNotFoundError" in listing.pop("unknown x")["problem"]
    assert listing == evaluate(LISTING, foreign)


def test_listing_and_profiles_import_nothing_heavy(foreign: Path) -> None:
    listed, names, modules = evaluate(HEAVY, foreign)
    assert {"software", "profiles", "example"} <= set(listed)
    assert {"none", "base-rsa", "example-ecdsa", "pem", "der", "p12", "example"} <= set(names)
    assert not {"cryptography", "pydicom", "pkcs11", "asn1crypto", "click", "rich", "jinja2"} & set(modules)
