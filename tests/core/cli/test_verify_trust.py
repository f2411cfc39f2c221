"""``dcmseal verify`` with trust: on the command line, and by a name in the configuration file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.backends.trust.trust_pki import PkiAuthority, Site, make_root, utc_date
from tests.core.cli.conftest import Run
from tests.core.cli.test_start import modules_after
from tests.support.evidence_files import sign_by
from tests.support.pki import Pki


@pytest.fixture(scope="session")
def anchor(pki: Pki) -> Path:
    return pki.root.certificate_pem


@pytest.fixture
def config(tmp_path: Path, anchor: Path) -> Path:
    path = tmp_path / "config.toml"
    path.write_text(f'[trust.hospital]\nanchors = "{anchor}"\nkey-usages = ["digital_signature"]\n')
    path.chmod(0o600)
    return path


def test_a_trust_anchor_makes_it_valid(run: Run, signed: Path, anchor: Path) -> None:
    ran = run("verify", signed, "--trust-anchor", anchor)
    assert ran.code == 0
    assert ran.out.startswith(f"{signed}: valid (1 signature)\n")
    assert "  chain         CN=p256,O=dcmseal tests <- CN=root,O=dcmseal tests\n" in ran.out
    assert "  trust         passed\n" in ran.out
    assert "+00:00, claimed\n" in ran.out


def test_an_unknown_signer_is_not_established(run: Run, signed: Path, pki: Pki) -> None:
    ran = run("verify", signed, "--trust-anchor", pki["stranger-root"].certificate_pem)
    assert ran.code == 4
    first, second, third = ran.out.splitlines()[:3]
    assert first == f"{signed}: not established (1 signature)"
    assert second == "  the signer is not trusted"
    assert third == "  the data is unchanged; the problem is the signer"
    assert "  unknown trust issuer-missing: " in ran.out


@pytest.fixture
def told(tmp_path: Path) -> Callable[..., list[str]]:
    """The options for an anchor and its CRL."""

    def options(ca: PkiAuthority, *material: bytes) -> list[str]:
        site = Site(tmp_path)
        (anchor,), crls = site.file(ca), site.file(*material)
        return ["--trust-anchor", anchor, *(word for crl in crls for word in ("--crl", crl))]

    return options


def test_a_revoked_signature_is_reported_in_the_second_line(
    run: Run, tmp_path: Path, told: Callable[..., list[str]]
) -> None:
    ca = make_root("lasting")
    leaf = ca.issue("leaf")
    file = tmp_path / "revoked.dcm"
    file.write_bytes(sign_by(leaf))
    for since, words in ((utc_date(2024, 1), "invalid"), (utc_date(2025), "not established")):
        ran = run("verify", file, *told(ca, ca.crl((leaf, since))))
        first, second, third, fourth = ran.out.splitlines()[:4]
        assert first == f"{file}: {words} (1 signature)"
        assert second == "  the signer's certificate is revoked"
        assert "the data is unchanged" in third
        assert "signed again" in fourth
    # changed data gets no such hint
    file.write_bytes(sign_by(leaf).replace(b"Doe", b"Roe"))
    ran = run("verify", file, *told(ca, ca.crl((leaf, utc_date(2024, 1)))))
    first_reason, second_reason = ran.out.splitlines()[1:3]
    assert "the signature or the certificate has changed" in first_reason
    assert "revoked" in second_reason
    assert "the data is unchanged" not in ran.out


def test_the_document_names_moment_and_chain(run: Run, signed: Path, anchor: Path) -> None:
    (signature,) = run("verify", signed, "--trust-anchor", anchor, "--json").document["signatures"]
    assert signature["trust"]["basis"] == "claimed"
    assert signature["trust"]["time"] == signature["signing_time"].partition(".")[0] + signature["signing_time"][-8:]
    assert [each["subject"] for each in signature["trust"]["chain"]] == [
        "CN=p256,O=dcmseal tests",
        "CN=root,O=dcmseal tests",
    ]


def test_by_name(run: Run, signed: Path, config: Path) -> None:
    assert run("verify", signed, "--trust", "hospital", "--config", config).code == 0
    pinned = ("--pin-subject", "CN=somebody else")
    ran = run("verify", signed, "--trust", "hospital", "--config", config, *pinned)
    assert ran.code == 1
    assert "subject-not-pinned" in ran.out


def test_hard_revocation_without_any_source_is_not_established(run: Run, signed: Path, anchor: Path) -> None:
    ran = run("verify", signed, "--trust-anchor", anchor, "--revocation", "hard")
    assert ran.code == 4
    assert "  unknown trust revocation-unknown: " in ran.out


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (["--trust", "hospitl"], 2, "defined: none"),
        (["--crl", "some.crl"], 2, "no trust anchor is named"),
        (["--trust-anchor", "/no/such/file"], 6, "cannot be read"),
        (["--trust-anchor", "ca.pem", "--integrity-only"], 2, "exclude each other"),
        (["--revocation", "maybe"], 2, "unknown value 'maybe' for --revocation"),
    ],
)
def test_contradictory_options_are_refused_with_a_hint(
    run: Run, signed: Path, options: list[str], code: int, said: str
) -> None:
    ran = run("verify", signed, *options)
    assert (ran.code, ran.out) == (code, "")
    assert said in ran.err
    assert "hint: " in ran.err


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('revocation = "maybe"', "trust.hospital.revocation"),
        ("fetch = 1", "true or false"),
        ('anchor = "ca.pem"', "did you mean anchors?"),
        ("crls = [1]", "text in quotes"),
        ('options = { pin = "1234" }', "must not contain a passphrase or PIN"),
    ],
)
def test_a_setup_that_is_not_understood_is_refused(run: Run, signed: Path, config: Path, line: str, said: str) -> None:
    config.write_text(f"{config.read_text()}{line}\n")
    ran = run("verify", signed, "--trust", "hospital", "--config", config)
    assert ran.code == 2
    assert said in ran.err
    assert "1234" not in ran.err


def test_nothing_of_it_is_imported_unless_asked_for(signed: Path, anchor: Path) -> None:
    without = modules_after("verify", str(signed), "--integrity-only", "-q")
    assert not [each for each in without if each.startswith(("pyhanko", "asn1crypto", "dcmseal_trust", "pluggy"))]
    modules = modules_after("verify", str(signed), "--trust-anchor", str(anchor), "-q")
    assert "pyhanko_certvalidator" in modules
    assert not modules & {"oscrypto", "requests", "lxml"}
