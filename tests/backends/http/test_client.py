"""The HTTP client: it keeps its deadline with slow servers, and sends logins only to their own server."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from dcmseal.errors import StorageUnavailable, TimestampError, UsageError
from dcmseal.plugins.signer_backend import SecretRequest
from dcmseal.plugins.timestamp_backend import RetryPolicy
from dcmseal_http.deadline import Deadline
from dcmseal_http.http_client import BodyTooLarge, HttpRequest, HttpStatus, TemporaryFailure, open_request, retry
from dcmseal_http.http_urls import is_confidential, is_loopback
from dcmseal_remote.web_storage import RequestLimits, WebStorage
from dcmseal_timestamp import tsa_client
from tests.support.slow_server import DRIPS, HANDSHAKE, serve_slowly
from tests.support.web_server import WebAnswer, WebServer, web_server

SECONDS = 0.3
BOUND = 20.0
"""Far more than it takes, and far less than for ever: servers here would drip until they are stopped."""
LOGIN = "site:hunter2"
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))


def fetch(url: str, *, login: str = "", seconds: float = SECONDS) -> bytes:
    with open_request(HttpRequest(url=url, login=login), Deadline(seconds)) as answer:
        return answer.read_body(1 << 20)


def read(url: str) -> bytes:
    with WebStorage("http", RequestLimits(seconds=SECONDS, attempts=2, pause=0.01)).open(url) as found:
        return found.read(0, found.entry.size)


def certify(url: str) -> bytes:
    return tsa_client.send_query(url, b"query", RetryPolicy(seconds=SECONDS, attempts=2), lambda _: None)


@pytest.mark.parametrize("part", DRIPS)
@pytest.mark.parametrize("user", [fetch, read, certify])
def test_a_slow_answer_ends_at_the_deadline(part: str, user: Callable[[str], bytes]) -> None:
    started = time.monotonic()
    with (
        serve_slowly(DRIPS[part]) as port,
        pytest.raises((TemporaryFailure, StorageUnavailable, TimestampError)) as caught,
    ):
        user(f"http://127.0.0.1:{port}/image.dcm")
    assert time.monotonic() - started < BOUND
    assert f"no response within {SECONDS:g} s" in str(caught.value)


@pytest.mark.parametrize("user", [fetch, read, certify])
def test_a_slow_handshake_ends_at_the_deadline(user: Callable[[str], bytes]) -> None:
    started = time.monotonic()
    with (
        serve_slowly(HANDSHAKE) as port,
        pytest.raises((TemporaryFailure, StorageUnavailable, TimestampError), match="no response within"),
    ):
        user(f"https://127.0.0.1:{port}/image.dcm")
    assert time.monotonic() - started < BOUND


@pytest.mark.parametrize("part", ["silence", "status line", "header", "headers"])
def test_a_slow_proxy_ends_at_the_deadline(part: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer to CONNECT has the deadline of the request."""
    started = time.monotonic()
    with serve_slowly(DRIPS[part]) as port:
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{port}")
        with pytest.raises(TemporaryFailure, match="no response within"):
            fetch("https://archive.invalid/image.dcm")
    assert time.monotonic() - started < BOUND


def test_a_body_that_keeps_coming_puts_the_deadline_off() -> None:
    """The deadline grows with the bytes received: a large object is read, a trickle is not."""
    with web_server() as server:
        url = server.put("large", bytes(1 << 20))
        deadline = Deadline(30)
        with open_request(HttpRequest(url=url), deadline, min_rate=1 << 14) as answer:
            assert len(answer.read_body(1 << 20)) == 1 << 20
        assert deadline.remaining() > 60
    with (
        serve_slowly(DRIPS["body"]) as port,
        pytest.raises(TemporaryFailure, match="no response within"),
        open_request(HttpRequest(url=f"http://127.0.0.1:{port}/"), Deadline(SECONDS), min_rate=1 << 14) as answer,
    ):
        answer.read_body(1 << 20)


def test_no_more_is_read_than_is_taken() -> None:
    with web_server() as server:
        url = server.put("large", bytes(2 << 20))
        with pytest.raises(BodyTooLarge):
            fetch(url, seconds=30)


def test_a_proxy_of_another_kind_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "socks5://127.0.0.1:9")
    with pytest.raises(TemporaryFailure, match="the proxy in the environment"):
        fetch("http://archive.invalid/")


@pytest.mark.parametrize(
    "url",
    ["file:///etc/passwd", "ftp://h/", "http:///x", "http://[", "http://a b/", "http://u:hunter2@h/", "http://u@h/"],
)
def test_urls_that_are_not_asked(url: str) -> None:
    with pytest.raises(UsageError) as caught:
        fetch(url)
    assert "hunter2" not in f"{caught.value} {caught.value.hint}"


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_a_login_does_not_follow_a_redirection(code: int) -> None:
    with web_server() as elsewhere, web_server() as server:
        url = server.put("image.dcm", b"x")
        server.script = lambda *_: (code, {"Location": elsewhere.put("image.dcm", b"x")}, b"")
        with pytest.raises(HttpStatus) as caught:
            fetch(url, login=LOGIN, seconds=10)
    assert caught.value.code == code
    assert "Authorization" in server.requests[0]
    assert elsewhere.requests == []


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]"])
@pytest.mark.parametrize("variable", ["http_proxy", "HTTP_PROXY", "all_proxy"])
def test_this_machine_is_not_asked_through_a_proxy(host: str, variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with web_server() as proxy:
        proxy.script = refuse
        monkeypatch.setenv(variable, proxy.url)
        with pytest.raises(TemporaryFailure):
            fetch(f"http://{host}:9/tsr", login=LOGIN)
    assert proxy.requests == []


def refuse(_: WebServer, __: str, ___: object) -> WebAnswer:
    return 401, {"WWW-Authenticate": 'Basic realm="x"'}, b""


def test_other_machines_are_asked_through_the_proxy_and_without_a_login(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / ".netrc"
    netrc.write_text("machine archive.invalid login user password hunter2\n")
    netrc.chmod(0o600)
    asked: list[SecretRequest] = []

    def login(request: SecretRequest) -> str:
        asked.append(request)
        return LOGIN

    with web_server() as proxy:
        proxy.script = refuse
        monkeypatch.setenv("http_proxy", proxy.url)
        with pytest.raises(Exception, match="permission denied"):
            read("http://archive.invalid/image.dcm")
        with pytest.raises(TimestampError, match="without encryption"):
            tsa_client.send_query("http://archive.invalid/", b"query", RetryPolicy(attempts=1), login)
        with pytest.raises(ValueError, match="must not be sent without encryption"):
            fetch("http://archive.invalid/", login=LOGIN)
    assert len(proxy.requests) == 2
    assert all("Authorization" not in each for each in proxy.requests)
    assert asked == []


def test_a_tunnelling_proxy_does_not_receive_the_login(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor is anybody else before the server has shown its certificate."""
    with web_server() as proxy:
        monkeypatch.setenv("https_proxy", proxy.url)
        with pytest.raises(TemporaryFailure):
            fetch("https://archive.invalid/", login=LOGIN)
    assert all("Authorization" not in each for each in proxy.requests)


def test_a_login_is_sent_only_to_its_own_server() -> None:
    with web_server() as server:
        assert fetch(server.put("image.dcm", b"x"), login=LOGIN, seconds=10) == b"x"
    assert server.requests[0]["Authorization"] == f"Basic {base64.b64encode(LOGIN.encode()).decode()}"
    assert LOGIN not in repr(HttpRequest(url="https://archive.invalid/", login=LOGIN))


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.9.9.9", "::1"])
def test_hosts_that_are_this_machine(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["", "localhost.example", "127.0.0.1.example", "0.0.0.0", "10.0.0.1", "127.1", "::2"])
def test_hosts_that_are_not(host: str) -> None:
    assert not is_loopback(host)
    assert not is_confidential("http://archive.invalid/")


def test_temporary_errors_are_retried() -> None:
    failures = [TemporaryFailure("busy"), TemporaryFailure("busy")]

    def answer() -> str:
        if failures:
            raise failures.pop()
        return "answer"

    assert retry(answer, attempts=3, pause=0) == "answer"
    failures[:] = [TemporaryFailure("the last"), TemporaryFailure("the first")]
    with pytest.raises(TemporaryFailure, match="the last"):
        retry(answer, attempts=2, pause=0)
