"""Many objects: found below prefixes, verified, and signed into a mirror or in place."""

from __future__ import annotations

from pathlib import Path

import pytest

from dcmseal import sign_many, verify_many
from dcmseal.batch.inputs.discovery import iter_inputs
from dcmseal.batch.inputs.input_file import InputFile, UnreadableInput
from dcmseal.batch.pool.executor_factory import make_process_pool
from tests.core.cli.conftest import Run
from tests.support.s3_server import BUCKET, S3Server
from tests.support.signed_files import integrity_verdict

STUDY = f"s3://{BUCKET}/study/"


def relatives(*words: str) -> list[str]:
    return [found.relative for found in iter_inputs(list(words)) if isinstance(found, InputFile)]


def test_items_are_objects_in_their_version(s3: S3Server, small: bytes) -> None:
    s3.put("study/b/1.dcm", small)
    s3.put("study/a.dcm", small)
    s3.put("study/notes.txt", small)
    first, second, other = iter_inputs([STUDY])
    assert isinstance(first, InputFile)
    assert (first.source, first.relative, first.size) == (f"{STUDY}a.dcm", "a.dcm", len(small))
    assert first.must_be_dicom, "its name says that it is DICOM"
    assert isinstance(second, InputFile)
    assert isinstance(other, InputFile)
    assert not other.must_be_dicom
    assert second.relative == "b/1.dcm"
    assert first.inode == second.inode > 0, "the same content has the same ETag"
    s3.put("study/a.dcm", small + b"\0\0")
    again = next(iter_inputs([STUDY]))
    assert isinstance(again, InputFile)
    assert again.inode != first.inode
    assert relatives(f"{STUDY}**/*.dcm") == ["a.dcm", "b/1.dcm"]
    assert relatives(f"{STUDY}b/1.dcm", STUDY) == [
        *("1.dcm", "study/a.dcm", "study/b/1.dcm", "study/notes.txt"),
    ]


def test_a_missing_file_is_a_result(s3: S3Server) -> None:
    words = [f"{STUDY}none.dcm", f"{STUDY}*.dcm", "sftp://me:hunter2@h/x", "file://server/x", "gopher://x/", STUDY]
    found = list(iter_inputs(words))
    assert [type(each) for each in found] == [UnreadableInput] * 5
    assert all(isinstance(each, UnreadableInput) and each.error.hint for each in found)
    assert "hunter2" not in repr(found)
    assert s3.requests


@pytest.mark.parametrize(
    "name", ["../../out.dcm", "/out.dcm", "a/../../../out.dcm", "a//b.dcm", "./a.dcm", "..\\out.dcm"]
)
def test_no_name_leads_out_of_the_folder(s3: S3Server, image: bytes, name: str, tmp_path: Path, key: str) -> None:
    s3.client.put_object(Bucket=BUCKET, Key=f"study/{name}", Body=image)
    folder = tmp_path / "deep" / "enough"
    (result,) = sign_many([STUDY], key=key, output_dir=folder)
    assert result.error is None, result.error
    assert [path for path in tmp_path.rglob("*.dcm") if folder not in path.parents] == []
    assert Path(result.output or "").is_relative_to(folder)
    assert integrity_verdict(result.output or "") == "valid"


def test_on_the_command_line(s3: S3Server, image: bytes, run: Run, key: str) -> None:
    for name in ("1.dcm", "a/2.dcm"):
        s3.client.put_object(Bucket=BUCKET, Key=f"study/{name}", Body=image)
    signed = run("sign", STUDY, "-o", f"{STUDY}signed", "--key", key)
    assert signed.code == 0, signed.err
    again = run("sign", STUDY, "-o", f"{STUDY}signed", "--key", key, "--force")
    assert again.code == 0, again.err
    names = [name.removeprefix("study/") for name in s3.names()]
    assert names == ["1.dcm", "a/2.dcm", "signed/1.dcm", "signed/a/2.dcm"], "what is written is not found again"
    listed = run("verify", "--files-from", "-", "--integrity-only", "--json-lines", stdin=f"{STUDY}signed/\n".encode())
    assert listed.code == 0, listed.err
    assert [line.count(b'"valid"') > 0 for line in listed.raw.splitlines()] == [True] * 3
    assert run("verify", f"{STUDY}signed/**/*.dcm", "--integrity-only").code == 0
    secret = run("verify", "--files-from", "-", "--json-lines", stdin=b"sftp://me:hunter2@h/x\n")
    assert secret.code == 2, secret.err
    assert "hunter2" not in secret.out + secret.err


def test_signed_into_a_mirror_and_in_place(s3: S3Server, image: bytes, key: str) -> None:
    for name, data in (("1.dcm", image), ("a/2.dcm", image), ("notes.txt", b"no DICOM")):
        s3.client.put_object(Bucket=BUCKET, Key=f"study/{name}", Body=data)
    output = f"s3://{BUCKET}/signed"
    results = list(sign_many([STUDY], key=key, output_dir=output))
    assert [result.output for result in results] == [f"{output}/1.dcm", f"{output}/a/2.dcm"]
    refused = list(sign_many([STUDY], key=key, output_dir=output))
    assert all("exists" in str(result.error) for result in refused)
    assert not any(result.error for result in sign_many([STUDY], key=key, in_place=True))
    checked = list(verify_many([STUDY, f"{output}/"], integrity_only=True, jobs=1))
    assert [result.verdict for result in checked] == ["valid"] * 4
    elsewhere = list(verify_many([STUDY], integrity_only=True, executor=make_process_pool(2)))
    assert [result.error for result in elsewhere] == [None] * 2
    assert [result.verdict for result in elsewhere] == ["valid"] * 2
    assert s3.get("study/notes.txt") == b"no DICOM"
