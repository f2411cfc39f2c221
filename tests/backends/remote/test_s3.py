"""S3: which ranges of an object are read, and how a new version is noticed."""

from __future__ import annotations

import socket
import tracemalloc
from pathlib import Path

import fsspec.config
import pytest

import dcmseal
from dcmseal import Verdict
from dcmseal.errors import DatasetError, OutputError, StorageUnavailable, UsageError
from dcmseal.plugins.registry import installed_registry
from dcmseal.sources.remote_objects import list_objects, open_url, open_url_for_writing
from tests.backends.remote.conftest import MEGABYTE
from tests.support.s3_server import BUCKET, S3Server
from tests.support.signed_files import integrity_verdict


def test_listing_signatures_jumps_over_the_pixels(s3: S3Server, large: bytes) -> None:
    url = s3.put("large.dcm", large)
    (signature,) = dcmseal.signatures(url)
    assert signature == dcmseal.signatures(large)[0]
    assert s3.sent < MEGABYTE // 2
    assert len(s3.requests) <= 4


def test_verifying_reads_each_byte_once_in_few_requests(s3: S3Server, large: bytes) -> None:
    url = s3.put("large.dcm", large)
    assert integrity_verdict(url) is Verdict.VALID
    assert len(large) <= s3.sent <= 1.01 * len(large)
    assert len(s3.requests) <= len(large) / (8 * MEGABYTE) + 6, s3.requests


def test_a_small_object_takes_two_requests(s3: S3Server, small: bytes) -> None:
    url = s3.put("small.dcm", small)
    assert integrity_verdict(url) is Verdict.VALID
    assert s3.requests == ["HEAD /archive/small.dcm", "GET /archive/small.dcm"]
    assert s3.sent == len(small)


def test_a_file_that_changes_while_it_is_read_has_no_verdict(s3: S3Server, large: bytes) -> None:
    url = s3.put("large.dcm", large)
    other = bytearray(large)
    other[-1] ^= 1

    def change(_: str) -> None:
        if len(s3.requests) == 6:
            s3.client.put_object(Bucket=BUCKET, Key="large.dcm", Body=bytes(other))

    s3.before = change
    with pytest.raises(DatasetError, match="changed while it was read"):
        integrity_verdict(url)


def test_signed_in_place_and_from_and_to_everywhere(s3: S3Server, image: bytes, key: str, tmp_path: Path) -> None:
    url = s3.put("a/image.dcm", image)
    dcmseal.sign(url, key=key, in_place=True)
    dcmseal.sign(url, key=key, output=f"s3://{BUCKET}/b/twice.dcm")
    dcmseal.sign(f"s3://{BUCKET}/b/twice.dcm", key=key, output=tmp_path / "local.dcm")
    dcmseal.sign(str(tmp_path / "local.dcm"), key=key, output=f"s3://{BUCKET}/c.dcm")
    assert s3.names() == ["a/image.dcm", "b/twice.dcm", "c.dcm"]
    assert len(dcmseal.signatures(s3.get("a/image.dcm"))) == 1
    assert len(dcmseal.signatures(f"s3://{BUCKET}/c.dcm")) == 4
    assert integrity_verdict(f"s3://{BUCKET}/c.dcm") is Verdict.VALID
    dcmseal.remove(f"s3://{BUCKET}/c.dcm", in_place=True)
    assert integrity_verdict(s3.get("c.dcm")) is Verdict.NO_SIGNATURE


def test_in_place_preserves_the_metadata_of_the_object(s3: S3Server, image: bytes, key: str) -> None:
    about = {"ContentType": "application/dicom; x=y", "Metadata": {"study": "4711"}, "CacheControl": "no-store"}
    s3.client.put_object(Bucket=BUCKET, Key="image.dcm", Body=image, **about)
    dcmseal.sign(f"s3://{BUCKET}/image.dcm", key=key, in_place=True)
    head = s3.client.head_object(Bucket=BUCKET, Key="image.dcm")
    assert {name: head[name] for name in about} == about
    assert head["ContentLength"] > len(image)


@pytest.mark.parametrize("moment", [3, 6])
def test_in_place_never_overwrites_a_concurrent_change(
    s3: S3Server, image: bytes, small: bytes, key: str, moment: int
) -> None:
    """Neither once it was read, nor between the last look and the upload."""
    url = s3.put("image.dcm", image)

    def change(request: str) -> None:
        if len(s3.requests) == moment:
            assert request.startswith("PUT" if moment == 6 else "HEAD")
            s3.client.put_object(Bucket=BUCKET, Key="image.dcm", Body=small)

    s3.before = change
    with pytest.raises(OutputError, match="changed in the meantime") as caught:
        dcmseal.sign(url, key=key, in_place=True)
    assert "nothing was written" in caught.value.hint
    assert s3.get("image.dcm") == small


def test_a_large_object_is_seen_when_it_is_complete(s3: S3Server, large: bytes, key: str) -> None:
    url = s3.put("large.dcm", large)
    parts: list[list[str]] = []

    def look(request: str) -> None:
        if request.startswith("PUT"):
            parts.append(s3.names())

    s3.before = look
    dcmseal.sign(url, key=key, output=f"s3://{BUCKET}/new.dcm")
    assert s3.sent < 1.01 * len(large), "what was read to sign it is not read again to write it"
    assert len(parts) == 3
    assert all(keys == ["large.dcm", "new.dcm (unfinished)"] for keys in parts)
    assert s3.names() == ["large.dcm", "new.dcm"]
    assert integrity_verdict(s3.get("new.dcm")) is Verdict.VALID


def test_an_upload_that_is_given_up_leaves_nothing(s3: S3Server) -> None:
    def fail() -> None:
        with open_url_for_writing(f"s3://{BUCKET}/new.dcm", None, installed_registry) as write:
            for _ in range(3):
                write(bytes(16 * MEGABYTE))
            assert s3.names() == ["new.dcm (unfinished)"]
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert s3.names() == []


def test_an_upload_that_breaks_leaves_the_old_object(s3: S3Server, large: bytes, key: str) -> None:
    url = s3.put("large.dcm", large)

    def refuse(request: str) -> str | None:
        return "NoSuchUpload" if request.startswith("PUT") and s3.requests.count(request) == 2 else None

    s3.before = refuse
    with pytest.raises(OutputError):
        dcmseal.sign(url, key=key, in_place=True)
    s3.before = None
    assert s3.names() == ["large.dcm"]
    assert s3.get("large.dcm") == large


def test_memory_stays_flat(s3: S3Server, large: bytes) -> None:
    """Head, what is kept, what is looked at, and what is on its way."""
    url = s3.put("large.dcm", large)
    dcmseal.signatures(url)
    tracemalloc.start()
    with open_url(url, installed_registry) as file:
        while file.read(1 << 16):
            assert tracemalloc.get_traced_memory()[0] < 45 * MEGABYTE
    tracemalloc.stop()


def test_objects_below_a_prefix_come_page_by_page(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", "2")
    names = ["study/1.dcm", "study/2.dcm", "study/a/1.dcm", "study/a/b?=ü.dcm", "study/a/c#.dcm"]
    for name in ("study/", *names, "studying/1.dcm"):
        s3.client.put_object(Bucket=BUCKET, Key=name, Body=b"12")
    s3.count()
    entries = list_objects(f"s3://{BUCKET}/study/", installed_registry)
    first = next(entries)
    assert (first.url, first.size, bool(first.version)) == (f"s3://{BUCKET}/study/1.dcm", 2, True)
    assert len(s3.requests) == 1
    assert [each.url for each in entries] == [f"s3://{BUCKET}/{name}" for name in names[1:]]
    assert len(s3.requests) == 3
    found = [each.url.rpartition("/")[2] for each in list_objects(f"s3://{BUCKET}/**/1.dcm", installed_registry)]
    assert found == ["1.dcm", "1.dcm", "1.dcm"]
    assert [each.url for each in list_objects(f"s3://{BUCKET}/study/*.dcm", installed_registry)] == [
        f"s3://{BUCKET}/{name}" for name in names[:2]
    ]
    assert not list(list_objects(f"s3://{BUCKET}/none/", installed_registry))


@pytest.mark.usefixtures("s3")
def test_a_missing_object_is_reported_for_that_object() -> None:
    for url in (f"s3://{BUCKET}/none.dcm", "s3://no-such-bucket/none.dcm"):
        with pytest.raises(DatasetError, match="does not exist") as caught:
            integrity_verdict(url)
        assert not isinstance(caught.value, StorageUnavailable)
    with pytest.raises(UsageError, match="has no path"):
        integrity_verdict("s3://")


@pytest.mark.usefixtures("s3")
def test_a_server_out_of_reach_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        monkeypatch.setattr(
            fsspec.config, "conf", {"s3": {"endpoint_url": f"http://127.0.0.1:{nobody.getsockname()[1]}"}}
        )
        monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
        with pytest.raises(StorageUnavailable, match="cannot be reached") as caught:
            integrity_verdict(f"s3://{BUCKET}/image.dcm")
    assert "network" in caught.value.hint
