"""Storages of plugins, well-behaved and not; and the URLs by which they are found."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import dcmseal
from dcmseal import Registry, Verdict
from dcmseal.errors import (
    DatasetError,
    OutputError,
    PluginBroken,
    PluginConflict,
    PluginNotFound,
    StorageUnavailable,
    UsageError,
)
from dcmseal.plugins.guard import Origin
from dcmseal.plugins.hookspecs import hookimpl
from dcmseal.plugins.storage import GuardedStorage, StorageEntry, Write
from dcmseal.plugins.storage_urls import is_url, parse_url_scheme, redact_secrets
from dcmseal.sources.remote_objects import list_objects, resolve_file_url
from tests.support import builder as b
from tests.support.pki import Pki
from tests.support.signed_files import integrity_verdict, sign_dataset, verify_integrity
from tests.support.wrong_types import wrong_type

SECRET = "hunter2"
URL = "shelf://a/image.dcm"


@dataclass
class Shelf:
    """Objects in memory; answers other than these are given if they are set."""

    scheme: Any = "shelf"
    summary: Any = "objects in memory"
    objects: dict[str, bytes] = field(default_factory=dict)
    answers: dict[str, Any] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)

    @hookimpl
    def dcmseal_storages(self) -> tuple[Shelf]:
        return (self,)

    def answer(self, name: str, otherwise: Any) -> Any:
        value = self.answers.get(name, otherwise)
        if isinstance(value, BaseException):
            raise value
        return value

    def entry(self, url: str) -> StorageEntry:
        return StorageEntry(url=url, size=len(self.objects[url]), version=str(hash(self.objects[url])))

    def find(self, url: str) -> StorageEntry | None:
        found: StorageEntry | None = self.answer("find", self.entry(url) if url in self.objects else None)
        return found

    def list(self, url: str) -> Iterator[StorageEntry]:
        entries = [self.entry(each) for each in sorted(self.objects) if each.startswith(url)]
        yield from self.answer("list", entries)

    @contextmanager
    def open(self, url: str) -> Iterator[Any]:
        self.answer("open", None)
        entry, shelf = self.answer("entry", self.entry(url)), self

        class Opened:
            def __init__(self) -> None:
                self.entry = entry

            def read(self, start: int, end: int) -> bytes:
                data: bytes = shelf.answer("read", shelf.objects[url][start:end])
                return data

        try:
            yield Opened()
        finally:
            self.log.append("closed")
            self.answer("close", None)

    @contextmanager
    def write(self, url: str, expected_version: str | None) -> Iterator[Write]:
        self.answer("begin", None)
        buffer = BytesIO()
        self.log.append(f"over {expected_version}")

        def write(data: Any) -> None:
            self.answer("write", None)
            buffer.write(data)

        try:
            yield write
        except BaseException:
            self.log.append("aborted")
            if self.answer("swallow", None):
                return
            self.answer("abort", None)
            raise
        self.answer("commit", None)
        self.objects[url] = buffer.getvalue()


def guarded(shelf: Shelf) -> GuardedStorage:
    return GuardedStorage(shelf, Origin(name="shelf", distribution="shelf-plugin", version="1.0"))


@pytest.fixture
def image(pki: Pki) -> bytes:
    return sign_dataset(b.file(b.image()), pki["p256"])


class _Opens(Shelf):
    def __init__(self, stored: object) -> None:
        super().__init__()
        self.stored = stored

    @contextmanager
    def open(self, url: str) -> Iterator[Any]:
        yield self.stored


class TestFound:
    def test_by_scheme_and_used_by_everything(self, image: bytes, pki: Pki) -> None:
        shelf = Shelf(objects={URL: image})
        registry = Registry.from_plugins(shelf)
        assert integrity_verdict(URL, registry=registry) is Verdict.VALID
        (signature,) = dcmseal.signatures(URL, registry)
        assert dcmseal.find_signature(URL, signature.uid, registry).uid == signature.uid
        stream = bytearray()
        dcmseal.write_mac_stream(URL, signature.uid, stream.extend, registry)
        assert stream
        key = f"pem:{pki['p256'].key_pem}?cert={pki['p256'].certificate_pem}"
        (plugin,) = (each for each in Registry.from_plugins(shelf).plugins())
        assert plugin.contributes == ("storage:shelf",)
        with pytest.raises(PluginNotFound):
            dcmseal.sign(URL, key=key, in_place=True, registry=registry)
        removed = dcmseal.remove(URL, in_place=True, registry=registry)
        assert len(removed.removed) == 1
        assert integrity_verdict(shelf.objects[URL]) is Verdict.NO_SIGNATURE
        version = f"over {hash(image)}"
        assert shelf.log[-2:] == [version, "closed"]
        assert [each.url for each in list_objects("shelf://a/", lambda: registry)] == [URL]
        assert [each.source for each in dcmseal.iter_inputs(["shelf://a/"], registry=registry)] == [URL]
        assert dcmseal.compare(URL, shelf.objects[URL], registry=registry).differences == ()

    def test_in_place_where_no_version_is_known(self, image: bytes) -> None:
        entry = StorageEntry(url=URL, size=len(image))
        shelf = Shelf(objects={URL: image}, answers={"entry": entry})
        dcmseal.remove(URL, in_place=True, registry=Registry.from_plugins(shelf))
        assert shelf.log[0] == "over None"

    def test_by_no_plugin_or_by_two(self) -> None:
        with pytest.raises(PluginNotFound, match="no plugin supports shelf: URLs"):
            integrity_verdict(URL, registry=Registry.from_plugins())
        with pytest.raises(PluginConflict, match="storage:shelf"):
            integrity_verdict(URL, registry=Registry.from_plugins(Shelf(), Shelf()))

    @pytest.mark.parametrize("wrong", [{"scheme": "A shelf"}, {"scheme": None}, {"summary": "a\nb"}])
    def test_an_invalid_storage_is_a_broken_plugin(self, wrong: dict[str, Any]) -> None:
        registry = Registry.from_plugins(Shelf(**wrong))
        assert "storage" in registry.plugins()[0].problem
        with pytest.raises(PluginBroken):
            integrity_verdict(URL, registry=registry)


class TestGuard:
    @pytest.mark.parametrize(
        ("answer", "value"),
        [
            ("open", ValueError(SECRET)),
            ("entry", None),
            ("entry", StorageEntry(url=URL, size=-1)),
            ("entry", StorageEntry(url=URL, size=1 << 61)),
            ("entry", StorageEntry(url=URL, size=wrong_type("1"))),
            ("entry", StorageEntry(url=URL, size=1, version="x" * 1001)),
            ("read", ValueError(SECRET)),
            ("read", SystemExit(SECRET)),
            ("read", None),
            ("read", b""),
            ("read", bytes(100_000)),
            ("read", "text"),
            ("close", ValueError(SECRET)),
        ],
    )
    def test_nonsense_in_reading(self, image: bytes, answer: str, value: Any) -> None:
        registry = Registry.from_plugins(Shelf(objects={URL: image}, answers={answer: value}))
        with pytest.raises(DatasetError) as caught:
            verify_integrity(URL, registry=registry)
        assert caught.value.hint
        assert SECRET not in "".join(traceback.format_exception(caught.value))

    @pytest.mark.parametrize(("said", "used"), [(1, 1), (3, 3), (0, 1), (-5, 1), (1000, 4)])
    def test_reads_at_once_have_a_limit(self, said: int, used: int) -> None:
        stored = SimpleNamespace(
            entry=StorageEntry(url=URL, size=1), read=lambda start, end: b"", concurrent_reads=said
        )
        with guarded(_Opens(stored)).open(URL) as opened:
            assert getattr(opened, "concurrent_reads", None) == used

    @pytest.mark.parametrize("lie", [-100, 100, 1 << 40])
    def test_a_size_that_is_a_lie(self, image: bytes, lie: int) -> None:
        entry = StorageEntry(url=URL, size=len(image) + lie)
        with pytest.raises(DatasetError):
            verify_integrity(URL, registry=Registry.from_plugins(Shelf(objects={URL: image}, answers={"entry": entry})))

    @pytest.mark.parametrize("value", [[StorageEntry(url="shelf://b/c.dcm", size=1)], [1], 7, ValueError(SECRET)])
    def test_nonsense_in_listing(self, value: Any) -> None:
        entries = guarded(Shelf(answers={"list": value})).list("shelf://a/")
        with pytest.raises(DatasetError) as caught:
            list(entries)
        assert SECRET not in "".join(traceback.format_exception(caught.value))

    @pytest.mark.parametrize("moment", ["begin", "write", "commit"])
    def test_nonsense_in_writing(self, image: bytes, moment: str) -> None:
        shelf = Shelf(objects={URL: image}, answers={moment: ValueError(SECRET)})
        with pytest.raises(OutputError) as caught:
            dcmseal.remove(URL, in_place=True, registry=Registry.from_plugins(shelf))
        assert SECRET not in "".join(traceback.format_exception(caught.value))
        assert shelf.objects[URL] == image

    @pytest.mark.parametrize("answers", [{}, {"swallow": True}, {"abort": ValueError(SECRET)}])
    def test_the_error_of_the_writer_is_raised(self, answers: dict[str, Any]) -> None:
        shelf = Shelf(answers=answers)

        def fail(context: AbstractContextManager[Write]) -> None:
            with context as write:
                write(b"half")
                raise StorageUnavailable("mine")

        with pytest.raises(StorageUnavailable, match="mine"):
            fail(guarded(shelf).write(URL, None))
        assert shelf.log == ["over None", "aborted"]
        assert not shelf.objects


class TestUrls:
    @pytest.mark.parametrize("word", ["image.dcm", "/a/b", "C:/a", "C://a", "a:b", "://", "./s3://x", "2://x"])
    def test_invalid_storages(self, word: str) -> None:
        assert not is_url(word)

    @pytest.mark.parametrize(
        "url",
        [
            f"sftp://reader:{SECRET}@host/image.dcm",
            f"https://{SECRET}@host/image.dcm",
            f"https://reader:{SECRET}@host:8080/image.dcm",
            f"ftp://:{SECRET}@host/",
            f"sftp://reader:pass/{SECRET}@host/image.dcm",
            f"https://bucket.s3.example/i.dcm?X-Amz-Algorithm=AWS4&X-Amz-Signature={SECRET}",
            f"https://host/image.dcm?sig={SECRET}&se=2026",
            f"https://host/image.dcm?a=b&access_token={SECRET}",
            f"https://host/image.dcm?Password={SECRET}",
            f"s3://bucket/\n{SECRET}",
            f"https://[{SECRET}/",
        ],
    )
    def test_secrets_are_refused_and_not_repeated(self, url: str, image: bytes) -> None:
        for ask in (
            lambda: parse_url_scheme(url),
            lambda: verify_integrity(url),
            lambda: dcmseal.remove(image, output=url),
        ):
            with pytest.raises(UsageError) as caught:
                ask()
            assert SECRET not in "".join(traceback.format_exception(caught.value)) + caught.value.hint

    @pytest.mark.parametrize(
        "url",
        [
            *("s3://bucket/a@b:c.dcm", "sftp://reader@host:2222/image.dcm", "abfs://box@account.example/image.dcm"),
            *("https://[::1]:8443/image.dcm?id=7&series=8", "s3://bucket/image.dcm?versionId=abc", "memory://a/b"),
        ],
    )
    def test_others_are_not(self, url: str) -> None:
        assert parse_url_scheme(url.replace("s3", "S3", 1)) == url.partition(":")[0]
        assert redact_secrets(url) == url

    def test_masked(self) -> None:
        text = f"unrecognized: sftp://me:{SECRET}@host/x https://{SECRET}@h/y?sig={SECRET}&a=b ftp://a:{SECRET}@{SECRET}/{SECRET}@b"
        assert SECRET not in redact_secrets(text)
        assert redact_secrets(text).endswith("***@h/y?sig=***&a=b ftp://***@b")

    def test_file_urls_are_paths(self, image: bytes, tmp_path: Path) -> None:
        path = tmp_path / "an image.dcm"
        path.write_bytes(image)
        url = path.as_uri()
        assert "%20" in url
        assert resolve_file_url(url) == str(path)
        assert integrity_verdict(url) is Verdict.VALID
        dcmseal.remove(url, in_place=True)
        assert integrity_verdict(path) is Verdict.NO_SIGNATURE
        for wrong in ("file://server/x", "file:///x?y=z", "file://"):
            with pytest.raises(UsageError, match="this machine"):
                resolve_file_url(wrong)
