"""Web servers: with and without ranges, and operations that none supports."""

from __future__ import annotations

import base64
import re
import ssl
import stat
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

import dcmseal
from dcmseal import Verdict
from dcmseal.errors import DatasetError, StorageUnavailable, UsageError
from dcmseal.plugins.registry import installed_registry
from dcmseal.sources.remote_objects import list_objects
from dcmseal.testing.signer_suite.disclosure import assert_not_disclosed, iter_error_texts
from dcmseal_remote.web_storage import RequestLimits, WebStorage
from tests.backends.remote.conftest import MEGABYTE
from tests.core.cli.conftest import Run
from tests.support.signed_files import integrity_verdict
from tests.support.web_server import Script, WebAnswer, WebServer, answer_honestly, answer_without_ranges, web_server


@pytest.fixture(scope="module")
def _server() -> Iterator[WebServer]:
    with web_server() as server:
        yield server


@pytest.fixture
def server(_server: WebServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> WebServer:
    monkeypatch.setenv("HOME", str(tmp_path))
    return _server


def test_read_in_ranges(server: WebServer, medium: bytes) -> None:
    url = server.put("image.dcm", medium)
    assert integrity_verdict(url) is Verdict.VALID
    first, tail = (each["Range"] for each in server.requests[:2])
    assert first == "bytes=0-131071"
    assert re.fullmatch(f"bytes=209[0-9]{{4}}-{len(medium) - 1}", tail)
    assert len(server.requests) <= 5
    assert all("If-Match" in each for each in server.requests[1:])
    server.requests.clear()
    assert dcmseal.signatures(url) == dcmseal.signatures(medium)
    assert len(server.requests) == 2


def test_a_server_without_ranges_is_read_as_a_whole(server: WebServer, medium: bytes) -> None:
    url = server.put("image.dcm", medium)
    server.script = answer_without_ranges
    assert integrity_verdict(url) is Verdict.VALID
    assert len(server.requests) == 1


def test_a_small_object_takes_one_request(server: WebServer, small: bytes, run: Run) -> None:
    url = server.put("image.dcm", small)
    assert run("verify", url, "--integrity-only").out.startswith(f"{url}: valid")
    assert len(server.requests) == 1


def test_the_certificate_of_the_server_is_verified(
    small: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = certificate_for_this_machine(tmp_path)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(*files)
    with web_server(tls) as server:
        url = server.put("image.dcm", small)
        with pytest.raises(StorageUnavailable, match="certificate"):
            integrity_verdict(url)
        monkeypatch.setenv("SSL_CERT_FILE", str(files[0]))
        assert integrity_verdict(url) is Verdict.VALID


def certificate_for_this_machine(folder: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that vouches for itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a server")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1)
    builder = builder.not_valid_before(datetime(2020, 1, 1, tzinfo=UTC)).not_valid_after(
        datetime(2100, 1, 1, tzinfo=UTC)
    )
    here = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    certificate = builder.add_extension(here, False).sign(key, hashes.SHA256())
    paths = folder / "certificate.pem", folder / "key.pem"
    paths[0].write_bytes(certificate.public_bytes(Encoding.PEM))
    paths[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return paths


def moved(_: WebServer, __: str, ___: Mapping[str, str]) -> WebAnswer:
    return 302, {"Location": "http://169.254.169.254/latest/meta-data"}, b""


def forbidden(_: WebServer, __: str, ___: Mapping[str, str]) -> WebAnswer:
    return 403, {}, b""


def coded(server: WebServer, path: str, headers: Mapping[str, str]) -> WebAnswer:
    status, more, body = answer_honestly(server, path, headers)
    return status, {**more, "Content-Encoding": "gzip"}, body


def elsewhere(server: WebServer, path: str, headers: Mapping[str, str]) -> WebAnswer:
    status, more, body = answer_honestly(server, path, headers)
    return status, {**more, "Content-Range": f"bytes 1-{len(body) - 1}/{len(server.objects[path])}"}, body


def without_saying_which(server: WebServer, path: str, headers: Mapping[str, str]) -> WebAnswer:
    status, more, body = answer_honestly(server, path, headers)
    return status, {**more, "Content-Range": ""}, body


def larger_than_announced(server: WebServer, path: str, headers: Mapping[str, str]) -> WebAnswer:
    """The total is a lie that shows when what is beyond the end is read."""
    data = server.objects[path]
    if len(server.requests) > 1:
        return answer_honestly(server, path, headers)
    size = end_of_range(headers)
    return 206, {"Content-Range": f"bytes 0-{size - 1}/{1 << 40}", "ETag": '"1"'}, data[:size]


def end_of_range(headers: Mapping[str, str]) -> int:
    return int(headers["Range"].partition("-")[2]) + 1


def another_each_time(server: WebServer, path: str, headers: Mapping[str, str]) -> WebAnswer:
    """Without an ETag that could be asked for."""
    status, more, body = answer_honestly(server, path, headers)
    return status, {**more, "ETag": f'W/"{len(server.requests)}"'}, body


def ranges_once(server: WebServer, path: str, headers: Mapping[str, str]) -> WebAnswer:
    script = answer_without_ranges if len(server.requests) > 1 else answer_honestly
    return script(server, path, headers)


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (moved, "has been moved to 169.254.169.254"),
        (forbidden, "permission denied"),
        (coded, "compressed the response"),
        (elsewhere, "another range"),
        (without_saying_which, "without a valid Content-Range"),
        (larger_than_announced, "changed while it was read"),
        (another_each_time, "changed while it was read"),
        (ranges_once, "no longer supports ranges"),
    ],
)
def test_errors_of_the_object(server: WebServer, medium: bytes, run: Run, script: Script, said: str) -> None:
    url = server.put("image.dcm", medium)
    server.script = script
    ran = run("verify", url, "--integrity-only")
    assert ran.code == 5, ran.err
    assert said in ran.err
    assert "hint: " in ran.err


def busy(_: WebServer, __: str, ___: Mapping[str, str]) -> WebAnswer:
    return 503, {}, b""


def cut_short(server: WebServer, path: str, headers: Mapping[str, str]) -> WebAnswer:
    status, more, body = answer_honestly(server, path, headers)
    return status, {**more, "Content-Length": str(len(body))}, body[:-1]


def cut_short_as_a_whole(server: WebServer, path: str, headers: Mapping[str, str]) -> WebAnswer:
    return cut_short(server, path, {name: value for name, value in headers.items() if name != "Range"})


def nonsense(_: WebServer, __: str, ___: Mapping[str, str]) -> WebAnswer:
    return 999999, {}, b""


@pytest.mark.parametrize("script", [busy, cut_short, cut_short_as_a_whole, nonsense])
def test_errors_of_the_server(server: WebServer, medium: bytes, run: Run, script: Script) -> None:
    url = server.put("image.dcm", medium)
    server.script = script
    ran = run("verify", url, "--integrity-only")
    assert ran.code == 6, ran.err
    assert "cannot be reached" in ran.err
    assert len(server.requests) == 3


def test_a_server_that_is_busy_once_is_asked_again(server: WebServer, small: bytes) -> None:
    url = server.put("image.dcm", small)
    server.script = lambda *asked: answer_honestly(*asked) if len(server.requests) > 1 else busy(*asked)
    assert integrity_verdict(url) is Verdict.VALID
    assert len(server.requests) == 2


def test_an_endless_answer_ends(server: WebServer, medium: bytes) -> None:
    """Of a range no more is read than was asked for, and of a whole no more than is allowed."""
    url = server.put("image.dcm", medium)

    def endless(server: WebServer, path: str, headers: Mapping[str, str]) -> WebAnswer:
        status, more, body = answer_honestly(server, path, headers)
        return status, {**more, "Content-Length": ""}, body + bytes(4 * MEGABYTE)

    server.script = endless
    assert integrity_verdict(url) is Verdict.VALID
    server.script = lambda *asked: endless(asked[0], asked[1], {})
    storage = WebStorage("http", RequestLimits(max_size=3 * MEGABYTE))
    with pytest.raises(DatasetError, match="server without ranges"), storage.open(url):
        pass


def test_a_login_comes_from_netrc_and_goes_nowhere_else(server: WebServer, small: bytes, tmp_path: Path) -> None:
    netrc = tmp_path / ".netrc"
    netrc.write_text("machine 127.0.0.1 login reader password hunter2\n")
    netrc.chmod(stat.S_IRUSR)
    url = server.put("image.dcm", small)
    assert integrity_verdict(url) is Verdict.VALID
    assert server.requests[0]["Authorization"] == f"Basic {base64.b64encode(b'reader:hunter2').decode()}"
    netrc.chmod(0o600)
    netrc.write_text("machine\n")
    with pytest.raises(UsageError, match="netrc"):
        integrity_verdict(url)


@pytest.mark.parametrize("script", [busy, forbidden, moved, cut_short, coded])
def test_a_login_is_in_no_frame_of_an_error(server: WebServer, small: bytes, tmp_path: Path, script: Script) -> None:
    netrc = tmp_path / ".netrc"
    netrc.write_text("machine 127.0.0.1 login reader password hunter2\n")
    netrc.chmod(0o600)
    url = server.put("image.dcm", small)
    server.script = script
    error = error_of(url)
    assert "Authorization" in server.requests[0]
    for secret in ("hunter2", base64.b64encode(b"reader:hunter2").decode()):
        assert_not_disclosed(secret, *iter_error_texts(error))


def error_of(url: str) -> DatasetError:
    """No frame of it is one that knows the server."""
    with pytest.raises(DatasetError) as caught:
        integrity_verdict(url)
    return caught.value


def test_nothing_is_listed_or_written(server: WebServer, small: bytes, key: str) -> None:
    url = server.put("image.dcm", small)
    with pytest.raises(UsageError, match="read-only"):
        dcmseal.sign(url, key=key, in_place=True)
    with pytest.raises(UsageError, match="cannot be listed"):
        list(list_objects(f"{server.url}/folder/", installed_registry))
    (entry,) = list_objects(url, installed_registry)
    assert entry.size == len(small)
    with pytest.raises(DatasetError, match="does not exist"):
        list(list_objects(f"{server.url}/none.dcm", installed_registry))
