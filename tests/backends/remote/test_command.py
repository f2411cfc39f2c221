"""URLs on the command line: every command that takes a file takes them, and no password gets out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import dcmseal
from tests.core.cli.conftest import Run
from tests.support.s3_server import BUCKET, S3Server

SECRET = "hunter2"
OUT = f"s3://{BUCKET}/out.dcm"


def timeless(output: bytes) -> bytes:
    """The output without the moment of verification."""
    return re.sub(rb'"(?:signing_)?time": "[^"]+"', b"", output)


def test_every_command_that_reads_a_file_reads_objects(s3: S3Server, small: bytes, run: Run, tmp_path: Path) -> None:
    url = s3.put("image.dcm", small)
    path = tmp_path / "image.dcm"
    path.write_bytes(small)
    for command, *options in (
        ("verify", "--integrity-only"),
        ("verify", "--integrity-only", "--json"),
        ("list",),
        ("list", "--json"),
        ("show",),
        ("show", "--json"),
        ("stream",),
        ("certificate",),
    ):
        remote, there = run(command, url, *options), run(command, path, *options)
        assert remote.code == there.code == 0, remote.err
        assert timeless(remote.raw) == timeless(there.raw.replace(str(path).encode(), url.encode()))


def test_signed_removed_and_written_to_objects(s3: S3Server, image: bytes, run: Run, key: str, tmp_path: Path) -> None:
    url = s3.put("image.dcm", image)
    assert run("sign", url, OUT, "--key", key).code == 0
    refused = run("sign", url, OUT, "--key", key)
    assert refused.code == 2
    assert f"{OUT} already exists" in refused.err
    assert run("sign", url, OUT, "--key", key, "--force").code == 0
    assert run("sign", OUT, "--in-place", "--key", key).code == 0
    assert len(dcmseal.signatures(s3.get("out.dcm"))) == 2
    assert run("sign", url, url, "--key", key).code == 2
    signed = run("sign", url, OUT, "--in-place", "--key", key)
    assert signed.code == 0, "both are there, so both are meant"
    missing = run("sign", url, f"s3://{BUCKET}/none.dcm", "--in-place", "--key", key)
    assert missing.code == 2
    assert run("sign", url, OUT, "-o", f"s3://{BUCKET}/signed", "--key", key).code == 0
    assert run("sign", url, "-o", tmp_path / "signed", "--key", key).code == 0
    assert run("verify", tmp_path / "signed" / "image.dcm", "--integrity-only").code == 0
    assert run("remove", "--all", OUT, f"s3://{BUCKET}/plain.dcm").code == 0
    assert run("certificate", OUT, "-o", f"s3://{BUCKET}/cert.pem", "--uid", uid_of(s3, "out.dcm")).code == 0
    assert run("timestamp", "request", f"s3://{BUCKET}/image.dcm", "-o", tmp_path / "query.tsq").code == 0
    assert s3.get("cert.pem").startswith(b"-----BEGIN CERTIFICATE-----")
    expected = ["cert.pem", "image.dcm", "out.dcm", "plain.dcm", "signed/image.dcm", "signed/out.dcm"]
    assert s3.names() == expected


def uid_of(s3: S3Server, name: str) -> str:
    return dcmseal.signatures(s3.get(name))[0].uid


def test_a_failure_writes_nothing(s3: S3Server, image: bytes, run: Run, key: str) -> None:
    url = s3.put("image.dcm", image)
    assert run("sign", url, OUT, "--key", key, "--tag", "PatientBirthName").code == 2
    assert run("sign", url, OUT, "--key", f"{key}x").code == 6
    assert run("timestamp", "add", url, OUT, "--timestamp", "http://127.0.0.1:1/").code == 3
    assert s3.names() == ["image.dcm"]


@pytest.mark.parametrize("json", [[], ["--json"]], ids=["text", "json"])
@pytest.mark.parametrize("host", ["127.0.0.1:1", f"a/{SECRET}@127.0.0.1"])
@pytest.mark.parametrize(
    "command",
    [
        *("verify URL", "verify x.dcm URL", "list URL", "show URL", "show 2.25.1 URL", "stream URL", "certificate URL"),
        *("sign URL out.dcm --key pem:k", "sign x.dcm URL --key pem:k", "sign x.dcm -o URL --key pem:k"),
        *("sign x.dcm URL --in-place --key pem:k", "remove URL --all --in-place", "remove x.dcm URL --all"),
        *(
            "timestamp request URL",
            "timestamp add URL --in-place --timestamp http://127.0.0.1:1/",
            "list x.dcm URL",
            "plugins URL",
        ),
        *(
            "verify --crl URL x.dcm",
            "verify URL --no-such-option",
            "certificate x.dcm -o URL",
            "verify --references URL x",
        ),
    ],
)
def test_passwords_are_refused_and_go_nowhere(
    run: Run, monkeypatch: pytest.MonkeyPatch, command: str, host: str, json: list[str]
) -> None:
    monkeypatch.setenv("DCMSEAL_DEBUG", "1")
    words = command.replace("URL", f"sftp://reader:{SECRET}@{host}/image.dcm").split()
    ran = run(*words, *json)
    assert ran.code == 2
    assert SECRET not in ran.out + ran.err


def test_one_object_out_of_reach_stops_no_other_file(s3: S3Server, small: bytes, run: Run) -> None:
    url = s3.put("image.dcm", small)
    ran = run("verify", "sftp://127.0.0.1:1/none.dcm", f"s3://{BUCKET}/none.dcm", url, "--integrity-only")
    assert ran.out.strip().startswith(f"{url}: valid")
    assert "cannot be reached" in ran.err
    assert "does not exist" in ran.err
    assert ran.code == 5
    assert run("verify", "sftp://127.0.0.1:1/none.dcm", url, "--integrity-only").code == 6


def test_an_unknown_url_scheme(run: Run) -> None:
    ran = run("verify", "gopher://host/image.dcm")
    assert ran.code == 6
    assert "no plugin supports gopher: URLs" in ran.err
