"""Demands on the command line, and as a named policy of the configuration file."""

from __future__ import annotations

from pathlib import Path

import pytest

import dcmseal
from tests.core.cli.conftest import Run
from tests.core.cli.test_plugins import complete
from tests.support.pki import Pki


@pytest.fixture(scope="module")
def two(image: Path, pki: Pki, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Signed by the author with RSA, and by a second person for verification."""
    path = tmp_path_factory.mktemp("signed") / "two.dcm"
    path.write_bytes(image.read_bytes())
    for name, purpose in (("rsa2048", "author"), ("p256", "verification")):
        identity = pki[name]
        key = f"pem:{identity.key_pem}?cert={identity.certificate_pem}"
        dcmseal.sign(path, key=key, purpose=purpose, in_place=True)
    return path


@pytest.fixture
def config(in_folder: Path, pki: Pki) -> Path:
    """A site that demands four eyes of those it trusts."""
    return write(
        in_folder / "config.toml",
        f"""
        [trust.hospital]
        anchors = "{pki.root.certificate_pem}"

        [policies.release]
        trust = "hospital"
        require = ["base-rsa + purpose:author", "purpose:verification"]
        covered = ["PixelData", "PatientID"]
        signatures = 2
        distinct-signers = true
        no-unsigned-additions = true
        """,
    )


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o600)
    return path


@pytest.mark.parametrize(
    ("demand", "code"),
    [
        (("--require", "signer:CN=p256 + purpose:verification"), 0),
        (("--require", "signer:CN=p256 + purpose:author"), 1),
        (("--require", "purpose:author", "--require", "purpose:5", "--distinct-signers"), 0),
        (("--require-covered", "PixelData,(0010,0020)", "--require-covered", "PatientName"), 0),
        (("--require-signatures", "2", "--distinct-signers"), 0),
        (("--require-signatures", "3"), 1),
        (("--no-unsigned-additions",), 0),
        (("--require", "timestamp"), 1),
        (("--require", "timestamp", "--timestamp-mode", "ignore"), 2),
        (("--require", "purpose:nothing"), 2),
        (("--require", "nobodys-profile"), 2),
        (("--require", "signer:p256"), 2),
        (("--require-covered", "PixelDate"), 2),
        (("--require-covered", "DigitalSignaturesSequence"), 2),
        (("--require-signatures", "0"), 2),
        (("--require-signatures", "-1"), 2),
        (("--require-signatures", "two"), 2),
        (("--distinct-signers",), 2),
        (("--policy", "nobodys"), 2),
        # the value of an unset shell variable
        (("--policy", ""), 2),
        (("--require", ""), 2),
        (("--require-covered", ""), 2),
    ],
)
def test_demands_decide(run: Run, two: Path, pki: Pki, demand: tuple[str, ...], code: int) -> None:
    assert run("verify", two, "--trust-anchor", pki.root.certificate_pem, "-q", *demand).code == code


def test_missing_requirements_come_first(run: Run, two: Path, pki: Pki) -> None:
    ran = run("verify", two, "--trust-anchor", pki.root.certificate_pem, "--require", "purpose:consent")
    first, second = ran.out.splitlines()[:2]
    assert first.endswith("invalid (2 signatures)")
    assert "no signature at main meets the rule; the closest one is" in second


def test_a_name_needs_trust(run: Run, two: Path) -> None:
    assert run("verify", two, "--integrity-only", "-q", "--require", "signer:CN=p256").code == 4
    assert run("verify", two, "-q", "--require", "signer:CN=p256").code == 4


def test_an_unsigned_file_has_the_verdict_no_signature_under_any_policy(run: Run, image: Path) -> None:
    ran = run("verify", image, "--require", "purpose:author", "--require-signatures", "2", "--json")
    assert (ran.code, ran.document["verdict"]) == (3, "no-signature")
    assert [each["code"] for each in ran.document["unmet"]] == ["purpose-not-met", "too-few-signatures"]


def test_a_named_policy_brings_its_trust(run: Run, two: Path, config: Path) -> None:
    assert run("verify", two, "--config", config, "-q").code == 4
    assert run("verify", two, "--config", config, "-q", "--policy", "release").code == 0
    assert run("verify", two, "--config", config, "-q", "--policy", "release", "--trust", "hospital").code == 0
    dcmseal.remove(two, uids=[dcmseal.signatures(two)[1].uid], output="one.dcm")
    ran = run("verify", "one.dcm", "--config", config, "--policy", "release", "--json")
    assert (ran.code, [each["code"] for each in ran.document["unmet"]]) == (1, ["purpose-not-met", "too-few-signers"])


def test_the_command_line_adds_to_a_policy_and_takes_nothing_away(run: Run, two: Path, config: Path) -> None:
    named = ("verify", two, "--config", config, "-q", "--policy", "release")
    assert run(*named, "--require", "purpose:consent").code == 1
    assert run(*named, "--require-signatures", "3").code == 1
    assert run(*named, "--require-signatures", "1").code == 0
    write(config, config.read_text().replace("signatures = 2", "signatures = 3"))
    assert run(*named, "--require-signatures", "1").code == 1


def test_options_that_would_weaken_a_policy_are_refused(run: Run, two: Path, config: Path) -> None:
    named = ("verify", two, "--config", config, "--policy", "release")
    assert "--integrity-only and trust options exclude each other" in run(*named, "--integrity-only").err
    write(config, config.read_text() + "\n[trust.other]\nsystem-anchors = true\n")
    ran = run(*named, "--trust", "other")
    assert (ran.code, "[trust.hospital]" in ran.err) == (2, True)


@pytest.mark.parametrize(
    ("line", "where", "said"),
    [
        ('require = "purpose:secret"', "policies.a.require", "3 co-participant"),
        ('require = "profil:a"', "policies.a.require", "did you mean profile?"),
        ('covered = "secret"', "policies.a.covered", "keywords"),
        ("covered = 1", "policies.a.covered", 'covered = "..."'),
        ("signatures = true", "policies.a.signatures", "signatures = 2"),
        ("signatures = -1", "policies.a", "from 1"),
        ("distinct-signers = true", "policies.a", "require 2"),
        ('timestamps = "all"', "policies.a.timestamps", "timestamps = true"),
        ('trust = "secret"', "policies.a.trust", "(none defined)"),
        ('requires = "a"', "policies.a.requires", "did you mean require?"),
    ],
)
def test_check_reports_problems_of_a_policy(run: Run, config: Path, line: str, where: str, said: str) -> None:
    write(config, f"[policies.a]\n{line}\n")
    ran = run("config", "check", "--config", config, "--json")
    (problem,) = ran.document["problems"]
    assert (ran.code, problem["where"]) == (2, where)
    assert said in problem["hint"]
    assert "secret" not in ran.out


def test_check_lists_trust_and_policies(run: Run, config: Path, pki: Pki) -> None:
    ran = run("config", "check", "--config", config)
    assert ran.code == 0
    assert ran.out.splitlines()[2:] == [
        "trust hospital: usable",
        f"  anchors       {pki.root.certificate_pem}",
        "  revocation    soft",
        "  claimed time  indeterminate",
        "  weak          indeterminate",
        "",
        "policy release: usable",
        "  trust         hospital",
        "  require       purpose:author + base-rsa",
        "  require       purpose:verification",
        "  covered       PatientID, PixelData",
        "  signatures    2",
        "  signers       must be different",
        "  additions     every element must be signed",
    ]
    (policy,) = run("config", "check", "--config", config, "--json").document["policies"]
    assert policy["require"] == ["purpose:author + base-rsa", "purpose:verification"]


def test_check_reads_trust_material_and_looks_up_profiles(run: Run, config: Path) -> None:
    write(config.with_name("none.pem"), "no certificate")
    write(
        config,
        """
        [trust.gone]
        anchors = "gone.pem"
        [trust.empty]
        anchors = "none.pem"
        [trust.nobody]
        crls = "none.pem"
        [trust.strange]
        scheme = "oracle"
        [policies.a]
        require = "base-rs + timestamp"
        [policies.b]
        require = "rules/gone.toml"
        """,
    )
    ran = run("config", "check", "--config", config, "--json")
    assert ran.code == 6
    problems = {each["name"]: each["problems"] for each in (*ran.document["trust"], *ran.document["policies"])}
    for name, said in (
        ("gone", "gone.pem' cannot be read: the file does not exist"),
        ("empty", "none.pem' contains no usable certificate"),
        ("nobody", "no trust anchor is named"),
        ("strange", "oracle"),
        ("a", "did you mean base-rsa?"),
        ("b", str(config.parent / "rules" / "gone.toml")),
    ):
        assert said in problems[name][0]
    assert "trust gone: not usable" in run("config", "check", "--config", config).out


def test_profile_files_are_beside_the_configuration(run: Run, two: Path, config: Path) -> None:
    (config.parent / "rules").mkdir()
    (config.parent / "rules" / "ours.toml").write_text('name = "ours"\nbase = "base-rsa"\nrequired = ["PatientID"]')
    write(config, '[policies.a]\nrequire = "rules/ours.toml + purpose:author"')
    assert run("verify", two, "--integrity-only", "--config", config, "--policy", "a", "-q").code == 0


def test_names_and_rules_are_completed(config: Path, in_folder: Path) -> None:
    line = f"dcmseal verify x.dcm --config {config}"
    assert complete(f"{line} --policy ", in_folder) == ["release"]
    assert complete(f"{line} --trust ", in_folder) == ["hospital"]
    assert complete(f"{line} --require purpose:ver", in_folder) == ["purpose:verification"]
    assert "timestamp" in complete(f"{line} --require t", in_folder)


def test_python_reads_the_same(two: Path, config: Path) -> None:
    settings = dcmseal.load_config(config)
    setup = settings.policy_setup("release")
    report = dcmseal.verify(two, policy=setup.policy, trust=settings.trust_setup(setup.trust))
    assert report.verdict is dcmseal.Verdict.VALID
