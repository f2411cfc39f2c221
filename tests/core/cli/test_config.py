"""``dcmseal config``, and keys by the name of their setup."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import dcmseal
from tests.core.cli.conftest import Run
from tests.core.cli.removable_card import PIN, Card, build_registry
from tests.core.cli.test_plugins import complete
from tests.core.cli.test_sign import signed_elements
from tests.support.pki import Pki


@pytest.fixture
def config(in_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The configuration file at the usual place; the tests write it."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(in_folder / "home"))
    path = in_folder / "home" / "dcmseal" / "config.toml"
    path.parent.mkdir(parents=True)
    return path


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o600)
    return path


@pytest.fixture
def reading_room(config: Path, pki: Pki) -> Path:
    """One setup, of an RSA key."""
    return write(
        config,
        f"""
        [keys.reading-room]
        uri = "pem:{pki["rsa2048"].key_pem}"
        cert = "{pki["rsa2048"].certificate_pem}"
        profile = "base-rsa"
        algorithm = "SHA512"
        purpose = "verification"
        """,
    )


def asked_for(path: str) -> tuple[str, str]:
    (signature,) = dcmseal.signatures(path)
    assert signature.purpose is not None
    return signature.mac_algorithm, signature.purpose.value


@pytest.mark.usefixtures("reading_room")
def test_a_key_goes_by_its_name_and_brings_its_defaults(run: Run, image: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run("sign", image, "a.dcm", "--key", "reading-room").code == 0
    assert asked_for("a.dcm") == ("SHA512", "5")
    monkeypatch.setenv("DCMSEAL_KEY", "reading-room")
    assert run("sign", image, "b.dcm", "--mac", "SHA384", "--purpose", "review").code == 0
    assert asked_for("b.dcm") == ("SHA384", "13")
    plan = run("sign", image, "--dry-run", "--json").document
    assert plan["profile"]["name"] == "base-rsa"
    assert plan["signature"]["mac"]["algorithm"] == "SHA512"


def test_an_option_for_the_pin_overrides_the_configuration(
    run: Run, image: Path, config: Path, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = Card(key)
    monkeypatch.setattr("dcmseal.plugins.registry.installed_registry", build_registry(card))
    write(config, '[keys.reading-room]\nuri = "card:"\npin-source = "file:pin"')
    write(config.with_name("pin"), f"{PIN}\n")
    assert run("sign", image, "a.dcm", "--key", "reading-room").code == 0
    monkeypatch.setenv("OTHER", "111111")
    assert run("sign", image, "b.dcm", "--key", "reading-room", "--passphrase-env", "OTHER").code == 6
    assert card.pins == [PIN, "111111"]


def test_unknown_names(run: Run, image: Path, reading_room: Path) -> None:
    ran = run("sign", image, "a.dcm", "--key", "readingroom")
    assert ran.code == 2
    assert "did you mean reading-room?" in ran.err
    ran = run("sign", image, "a.dcm", "--key", "reading-room", "--config", "none.toml")
    assert ran.code == 2
    assert "none.toml cannot be read" in ran.err
    write(reading_room, '[keys.a]\nuri = "pem:a"\nbroken = 1')
    ran = run("sign", image, "a.dcm", "--key", "a")
    assert ran.code == 2
    assert "config.toml, line 3: keys.a.broken" in ran.err


def test_a_key_uri_needs_no_configuration(run: Run, image: Path, config: Path, key: str) -> None:
    write(config, "broken")
    assert run("sign", image, "a.dcm", "--key", key).code == 0


def test_check_without_a_file(run: Run, config: Path) -> None:
    ran = run("config", "check")
    assert ran.code == 0
    assert "no configuration file" in ran.out
    assert run("config", "check", "--json").document["path"] == ""
    ran = run("config", "path")
    assert (ran.code, ran.out) == (0, f"{config}\n")
    assert run("config", "path", "--json").document["exists"] is False


def test_check_explains_the_configuration(run: Run, reading_room: Path, pki: Pki) -> None:
    ran = run("config", "check")
    assert (ran.code, ran.err) == (0, "")
    key = pki["rsa2048"]
    assert ran.out.splitlines() == [
        f"{reading_room}: valid",
        "",
        "reading-room: usable",
        f"  key           pem:{key.key_pem}?cert={key.certificate_pem}",
        "  PIN           prompted for if needed",
        "  profile       base-rsa",
        "  MAC algorithm SHA512",
        "  purpose       Verification Signature",
    ]
    (setup,) = run("config", "check", "--open", "--json").document["keys"]
    assert setup["certificate"].startswith("CN=rsa2048,O=dcmseal tests, valid from 20")
    assert setup["problems"] == []


def test_check_finds_missing_files(run: Run, config: Path) -> None:
    write(
        config,
        """
        [keys.a]
        uri = "nothing:a"
        cert = "none.pem"
        profile = "base-rs"
        pin-source = "env:NO_SUCH_VARIABLE"
        [keys.b]
        uri = "pem:b"
        pin-source = "file:none"
        """,
    )
    ran = run("config", "check")
    assert ran.code == 6
    assert "a: not usable" in ran.out
    for said in (
        "no plugin opens keys of scheme nothing:",
        f"file not found: {config.parent / 'none.pem'}",
        "did you mean base-rsa?",
        "environment variable NO_SUCH_VARIABLE is not set",
        f"cannot read {config.parent / 'none'}",
    ):
        assert f"  problem       {said}" in ran.out or f"; {said}" in ran.out


def test_check_opens_keys_on_request_only(run: Run, config: Path, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    card = Card(key)
    monkeypatch.setattr("dcmseal.plugins.registry.installed_registry", build_registry(card))
    monkeypatch.setenv("CARD_PIN", "111111")
    write(config, '[keys.card]\nuri = "card:"\npin-source = "env:CARD_PIN"')
    assert run("config", "check").code == 0
    assert card.pins == []
    ran = run("config", "check", "--open")
    assert ran.code == 6
    assert "  problem       the PIN is wrong; one try is left" in ran.out
    assert card.pins == ["111111"]
    assert "111111" not in ran.out + ran.err


def test_check_reports_problems_with_their_lines(run: Run, config: Path) -> None:
    write(config, '[keys.a]\nuri = "pem:a"\npin = 739154\npurpos = "review"\n')
    ran = run("config", "check")
    assert ran.code == 2
    assert f"{config}: 2 problems; the file is not used" in ran.out
    assert "  line 3: keys.a.pin: the configuration file must not contain a passphrase or PIN" in ran.out
    assert "  line 4: keys.a.purpos: unknown key" in ran.out
    assert "739154" not in ran.out + ran.err
    document = run("config", "check", "--json").document
    assert [(each["line"], each["where"]) for each in document["problems"]] == [(3, "keys.a.pin"), (4, "keys.a.purpos")]


def test_check_of_an_invalid_file(run: Run, config: Path) -> None:
    write(config, "[keys")
    ran = run("config", "check", "--json")
    assert ran.code == 2
    assert ran.document["document"] == "error"
    config.chmod(0o666)
    assert "others can write" in run("config", "check").err


@pytest.mark.usefixtures("reading_room")
def test_names_are_completed(in_folder: Path) -> None:
    assert complete("dcmseal sign x.dcm --key read", in_folder) == ["reading-room"]
    assert complete("dcmseal keys read", in_folder) == ["reading-room"]
    other = write(in_folder / "other.toml", '[keys.theatre]\nuri = "pem:a"')
    assert complete(f"dcmseal sign --config {other} --key ", in_folder) == ["theatre"]


def test_a_broken_file_completes_nothing(in_folder: Path, config: Path) -> None:
    write(config, "[keys")
    assert complete("dcmseal sign x.dcm --key ", in_folder) == [""]


@pytest.fixture
def site(reading_room: Path) -> Path:
    """A site with a folder of profiles, one of them broken; its key is to sign by the other."""
    text = reading_room.read_text().replace('"base-rsa"', '"st-elsewhere"')
    write(reading_room, f'{text}\n[profiles]\nfolder = "profiles"\n')
    folder = reading_room.parent / "profiles"
    folder.mkdir()
    (folder / "ours.toml").write_text('name = "st-elsewhere"\nbase = "base-rsa"\nrequired = ["PatientID"]\n')
    return folder


def test_the_profiles_of_a_site_go_by_their_names(run: Run, image: Path, site: Path, in_folder: Path) -> None:
    assert any(line.startswith("st-elsewhere ") for line in run("profiles").out.splitlines())
    assert run("profiles", "show", "st-elsewhere").code == 0
    assert run("sign", image, "signed.dcm", "--key", "reading-room", "--only-required").code == 0
    assert signed_elements(Path("signed.dcm")) == ["PatientID"]
    assert run("verify", "signed.dcm", "--integrity-only", "--require", "st-elsewhere").code == 0
    assert complete("dcmseal verify x.dcm --require st-", in_folder) == ["st-elsewhere"]
    assert run("config", "check").code == 0
    assert run("config", "check").out.splitlines()[1] == f"  profiles in   {site}"


def test_a_profile_file_beside_the_configuration(run: Run, image: Path, site: Path) -> None:
    config = site.with_name("config.toml")
    write(config, config.read_text().replace('"st-elsewhere"', '"profiles/ours.toml"'))
    assert run("sign", image, "signed.dcm", "--key", "reading-room", "--only-required").code == 0
    assert signed_elements(Path("signed.dcm")) == ["PatientID"]


def test_check_reports_problems_of_profiles(run: Run, site: Path) -> None:
    (site / "broken.toml").write_text("name = 1")
    ran = run("config", "check")
    assert ran.code == 6
    assert "  problem " in ran.out
    assert run("config", "check", "--json").document["profile_problems"]
    shutil.rmtree(site)
    ran = run("config", "check")
    assert ran.code == 6
    assert "cannot be read: No such file" in ran.out
