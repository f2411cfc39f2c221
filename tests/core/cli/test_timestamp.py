"""Timestamps on the command line: with sign, in one step later, in two without network; logins that stay secret."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pydicom
import pytest

import dcmseal
from dcmseal import tags
from tests.core.cli.conftest import Run
from tests.docs.source_codes import ROOT
from tests.support.tsa import OTHER_POLICY, ReceivedQuery, RunningAuthority, TimestampAuthority

pytestmark = pytest.mark.usefixtures("in_folder")

SCHEMA = json.loads((ROOT / "docs" / "reference" / "report.schema.json").read_text("utf-8"))
PASSWORD = "hunter2"


@pytest.fixture
def locked(authority: TimestampAuthority) -> Iterator[RunningAuthority]:
    """Asks for a password."""
    expected = f"Basic {base64.b64encode(f'site:{PASSWORD}'.encode()).decode()}"

    def answer(_: int, asked: ReceivedQuery) -> Any:
        return None if asked.headers.get("Authorization") == expected else (401, {}, b"")

    with authority.serving(answer) as served:
        yield served


def checked(document: Any, kind: str) -> Any:
    jsonschema.validate(document, SCHEMA, cls=jsonschema.Draft202012Validator)
    assert document["document"] == kind
    return document


def test_sign_and_verify(run: Run, image: Path, key: str, served: RunningAuthority) -> None:
    ran = run("sign", image, "out.dcm", "--key", key, "--timestamp", served.url)
    assert ran.code == 0
    assert "  certified     20" in ran.out
    assert "by CN=timestamp authority" in ran.out
    ran = run("verify", "out.dcm", "--integrity-only", "--timestamp-mode", "require")
    assert ran.code == 0
    assert ", claimed\n  certified     20" in ran.out
    assert " (not verified)" in ran.out
    assert "tsa-trust-unknown" in ran.out
    ran = run("verify", "out.dcm", "--timestamp-mode", "require")
    assert ran.code == 4
    assert "timestamp-not-established" in ran.out


def test_documents(run: Run, image: Path, key: str, served: RunningAuthority) -> None:
    signing = run("sign", image, "out.dcm", "--key", key, "--timestamp", served.url, "--json").document
    certified = checked(signing, "signing")["certified_time"]
    assert certified["authority"]["subject"] == "CN=timestamp authority"
    assert certified["accuracy_microseconds"] == 1_000_000
    verification = checked(run("verify", "out.dcm", "--json", "--integrity-only").document, "verification")
    assert verification["signatures"][0]["certified_time"] == certified
    assert verification["signatures"][0]["timestamp"] == {"type": "CMS_TSP"}
    again = run("timestamp", "add", "out.dcm", "--in-place", "--replace", "--timestamp", served.url, "--json").document
    assert checked(again, "timestamping")["signature"]["uid"] == signing["signature"]["uid"]
    assert [each["code"] for each in again["findings"] if each["outcome"] != "passed"] == ["tsa-trust-unknown"]
    query = run("timestamp", "request", "out.dcm", "-o", "query.tsq", "--json").document
    assert checked(query, "query")["uid"] == signing["signature"]["uid"]
    Path("wrong.tsr").write_bytes(b"<html>")
    wrong = run("timestamp", "attach", "out.dcm", "new.dcm", "--replace", "--response", "wrong.tsr", "--json")
    assert wrong.code == 6
    error = checked(wrong.document, "error")
    assert (error["error"], [each["code"] for each in error["findings"]]) == (
        "TimestampRejected",
        ["timestamp-response-unreadable"],
    )


def test_a_profile_may_ask_for_a_timestamp(run: Run, image: Path, key: str, served: RunningAuthority) -> None:
    Path("rules.toml").write_text('name = "stamped"\nbase = "none"\ntimestamp_required = true\n')
    arguments = ("sign", image, "out.dcm", "--key", key, "--profile", "rules.toml")
    assert "timestamp" in run(*arguments).err
    assert run(*arguments, "--timestamp", served.url, "--dry-run").code == 0
    assert run(*arguments, "--timestamp", served.url).code == 0
    words = ("verify", "--integrity-only", "--require", "rules.toml")
    assert run(*words, "out.dcm").code == 0
    # an invalid timestamp does not meet the profile
    dataset = pydicom.dcmread("out.dcm")
    dataset[tags.DIGITAL_SIGNATURES_SEQUENCE][0][tags.CERTIFIED_TIMESTAMP].value = b"nothing!"
    dataset.save_as("broken.dcm")
    ran = run(*words, "broken.dcm")
    assert ran.code == 1
    assert "timestamp-missing" in ran.err + ran.out


def test_an_unverifiable_token_is_attached_with_a_warning(
    run: Run, signed: Path, authority: TimestampAuthority
) -> None:
    value = dcmseal.signatures(signed)[0].content.value
    Path("answer.tsr").write_bytes(authority.token(value, embedded=()))
    words = ("timestamp", "attach", signed, "out.dcm", "--response", "answer.tsr", "--force")
    ran = run(*words)
    assert ran.code == 0
    assert "warning       verification will not accept the timestamp: the certificate of the" in ran.out
    document = checked(run(*words, "--json").document, "timestamping")
    assert [each["code"] for each in document["warnings"]] == ["timestamp-not-accepted"]
    ran = run("verify", "out.dcm", "--integrity-only")
    assert ran.code == 4
    assert "use --timestamp-mode ignore" in ran.out
    assert run("verify", "out.dcm", "--integrity-only", "--timestamp-mode", "ignore").code == 0
    authority_file = ("--timestamp-certificate", authority.certificate_pem)
    assert run("verify", "out.dcm", "--integrity-only", *authority_file).code == 0


def test_two_steps(run: Run, signed: Path, authority: TimestampAuthority) -> None:
    assert run("timestamp", "request", signed, "-o", "query.tsq", "--timestamp-policy", OTHER_POLICY).code == 0
    query = Path("query.tsq").read_bytes()
    Path("answer.tsr").write_bytes(authority.reply(query))
    words = ("timestamp", "attach", signed, "out.dcm", "--response", "answer.tsr", "--query", "query.tsq")
    ran = run(*words)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("out.dcm: timestamp added\n")
    (report,) = dcmseal.verify("out.dcm").signatures
    assert report.certified_time is not None
    assert report.certified_time.policy == OTHER_POLICY
    ran = run(*words)
    assert (ran.code, "exists" in ran.err) == (2, True)
    other = run("timestamp", "request", signed)
    assert other.code == 0
    Path("query.tsq").write_bytes(other.raw)
    ran = run(*words, "--force")
    assert ran.code == 6
    assert "nonce" in ran.err or "policy" in ran.err


def test_pipes(run: Run, signed: Path, served: RunningAuthority) -> None:
    ran = run("timestamp", "add", "-", "-", "--timestamp", served.url, stdin=signed.read_bytes())
    assert ran.code == 0
    assert ran.err.startswith("standard output: timestamp added\n")
    assert dcmseal.verify(ran.raw).signatures[0].certified_time is not None


def test_the_signature_is_named(run: Run, signed_twice: Path, uids: list[str], served: RunningAuthority) -> None:
    words = ("timestamp", "add", signed_twice, "out.dcm", "--timestamp", served.url)
    ran = run(*words)
    assert ran.code == 2
    assert "2 signatures are there" in ran.err
    assert run(*words, "--uid", "2.25.1").code == 3
    assert run("timestamp", "request", signed_twice, "--uid", uids[1], "--write-uid-file", "uid.dcm").code == 0
    assert run(*words, "--uid-file", "uid.dcm").code == 0
    assert [each.certified_time is not None for each in dcmseal.verify("out.dcm").signatures] == [False, True]
    ran = run(*words, "--force", "--uid-file", signed_twice)
    assert (ran.code, "has no Digital Signature UID" in ran.err) == (5, True)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["add", "IN", "OUT"], "no timestamp authority given"),
        (["attach", "IN", "OUT"], "no response given"),
        (["attach", "IN", "OUT", "--response", "nowhere"], "cannot read nowhere"),
        (
            ["attach", "IN", "OUT", "--response", "IN", "--timestamp", "http://x/"],
            "does not apply to attach",
        ),
        (["add", "IN", "OUT", "--query", "q", "--timestamp", "http://x/"], "does not apply to add"),
        (["request", "IN", "OUT"], "expected one file"),
        (["request", "IN", "--in-place"], "--in-place does not apply to request"),
        (["request", "IN", "--json"], "cannot write both"),
        (["request", "IN", "--timestamp-digest", "MD5"], "MD5 is too weak for a timestamp"),
        (["request", "IN", "--timestamp-digest", "MD6"], "unknown digest 'MD6'"),
        (["request", "IN", "--timestamp-policy", "x"], "not an object identifier"),
        (["add", "IN", "OUT", "--timestamp", "http://x/", "--timestamp-timeout", "0"], "out of range"),
        (["add", "IN", "OUT", "--timestamp", "http://x/", "--timestamp-attempts", "0"], "out of range"),
        (["add", "IN", "OUT", "--timestamp", "tsa.example"], "must begin with http:// or https://"),
        (["add", "IN", "IN2", "OUT", "--timestamp", "http://x/"], "one input and one output"),
        (["stamp", "IN", "OUT"], "unknown value 'stamp' for action"),
    ],
)
def test_contradictory_options_are_refused(
    run: Run, signed: Path, in_folder: Path, words: list[str], said: str
) -> None:
    ran = run("timestamp", *(str(signed) if word == "IN" else word for word in words))
    assert ran.code == 2
    assert said in ran.err
    assert "\nhint: " in ran.err
    assert list(in_folder.iterdir()) == []


def test_a_login_comes_from_a_file_or_the_environment(
    run: Run, signed: Path, locked: RunningAuthority, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("timestamp", "add", signed, "out.dcm", "--force", "--timestamp", locked.url)
    ran = run(*words)
    assert ran.code == 6
    assert "--timestamp-login-env" in ran.err
    login = Path("login.txt")
    login.write_text(f"site:{PASSWORD}\n")
    login.chmod(0o600)
    assert run(*words, "--timestamp-login-file", login).code == 0
    monkeypatch.setenv("TSA_LOGIN", f"site:{PASSWORD}")
    assert run(*words, "--timestamp-login-env", "TSA_LOGIN").code == 0
    ran = run(*words, "--timestamp-login-env", "TSA_LOGIN", "--timestamp", "http://other.example/")
    assert (ran.code, "exactly one --timestamp" in ran.err) == (2, True)
    monkeypatch.setenv("TSA_LOGIN", f"other:{PASSWORD}")
    ran = run(*words, "--timestamp-login-env", "TSA_LOGIN")
    assert ran.code == 6
    assert PASSWORD not in ran.err + ran.out
    assert not any("hunter2" in str(asked) for asked in locked.queries)


def test_nothing_is_written_without_a_timestamp(
    run: Run, image: Path, key: str, served: RunningAuthority, in_folder: Path
) -> None:
    url = served.url.replace("/tsr", "")
    with_nobody = ("sign", image, "out.dcm", "--key", key, "--timestamp-attempts", "1", "--timestamp")
    ran = run(*with_nobody, "http://127.0.0.1:1/")
    assert ran.code == 6
    assert "127.0.0.1:1/ did not respond" in ran.err
    assert list(in_folder.iterdir()) == []
    assert run(*with_nobody, "http://127.0.0.1:1/", "--timestamp", url).code == 0


def test_certificates_of_authorities_are_read(run: Run, make_signed: Any, authority: TimestampAuthority) -> None:
    signed = make_signed()
    (signature,) = dcmseal.signatures(signed)
    Path("answer.tsr").write_bytes(authority.token(signature.content.value, embedded=()))
    ran = run("timestamp", "attach", signed, "out.dcm", "--response", "answer.tsr")
    if ran.code:  # the value of an odd signature is certified without its padding
        Path("answer.tsr").write_bytes(authority.token(signature.content.value[:-1], embedded=()))
        ran = run("timestamp", "attach", signed, "out.dcm", "--response", "answer.tsr")
    assert ran.code == 0
    assert "  certified     not verified\n" in ran.out
    assert run("verify", "out.dcm", "--integrity-only", "--timestamp-mode", "require").code == 4
    Path("tsa.der").write_bytes(authority.der)
    for file in (authority.certificate_pem, "tsa.der"):
        words = (
            "verify",
            "out.dcm",
            "--integrity-only",
            "--timestamp-mode",
            "require",
            "--timestamp-certificate",
            file,
        )
        assert run(*words).code == 0
    ran = run("verify", "out.dcm", "--timestamp-certificate", "answer.tsr")
    assert (ran.code, "a PKCS #7 file without certificates" in ran.err) == (2, True)
