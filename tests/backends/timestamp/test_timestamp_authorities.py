"""Authorities over HTTP: asked in turn, with patience and nothing more than they need, and never believed."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dcmseal.errors import TimestampError, TimestampRejected, UsageError
from dcmseal.plugins.signer_backend import SecretRequest
from dcmseal.plugins.timestamp_backend import RetryPolicy, TimestampBackend, TimestampQuery
from dcmseal.terms import MacAlgorithm
from dcmseal_timestamp.cms_tsp import CmsTspBackend
from tests.support.pki import Pki
from tests.support.responder import SLOWLY, Responder
from tests.support.responder import serving as slowly_serving
from tests.support.tsa import (
    OTHER_POLICY,
    ReceivedQuery,
    TimestampAuthority,
    make_refusal,
    make_response,
    openssl,
    serving,
)

VALUE = b"the value of Signature"
BACKEND: TimestampBackend = CmsTspBackend()
ONCE = RetryPolicy(seconds=5, attempts=1)


@pytest.fixture(scope="session")
def authority(pki: Pki, tmp_path_factory: pytest.TempPathFactory) -> TimestampAuthority:
    return TimestampAuthority(pki, tmp_path_factory.mktemp("tsa"))


@pytest.fixture
def query() -> bytes:
    return BACKEND.build_query(VALUE, TimestampQuery())


def nobody(_: SecretRequest) -> str | None:
    return None


def codes(error: TimestampRejected) -> list[str]:
    return [finding.code for finding in error.findings]


def test_openssl_reads_queries_and_verifies_their_tokens(
    pki: Pki, authority: TimestampAuthority, tmp_path: Path
) -> None:
    asked, answered, data = tmp_path / "q.tsq", tmp_path / "r.tsr", tmp_path / "value"
    data.write_bytes(VALUE)
    for algorithm in ("SHA256", "SHA384", "SHA512"):
        query = BACKEND.build_query(VALUE, TimestampQuery(algorithm=MacAlgorithm(algorithm), policy=OTHER_POLICY))
        asked.write_bytes(query)
        told = openssl("ts", "-query", "-in", asked, "-text")
        assert f"Hash Algorithm: {algorithm.lower()}" in told
        assert f"Policy OID: {OTHER_POLICY}" in told
        assert "Certificate required: yes" in told
        assert "Nonce: 0x" in told
        answered.write_bytes(authority.reply(query))
        told = openssl(
            *("ts", "-verify", "-queryfile", asked, "-in", answered, "-CAfile", pki.root.certificate_pem),
            *("-untrusted", authority.certificate_pem),
        )
        assert "Verification: OK" in told
        token = tmp_path / "token"
        token.write_bytes(BACKEND.accept_response(answered.read_bytes(), query))
        told = openssl(
            *("ts", "-verify", "-data", data, "-in", token, "-token_in", "-CAfile", pki.root.certificate_pem),
        )
        assert "Verification: OK" in told


def test_queries_of_openssl_are_read(authority: TimestampAuthority, tmp_path: Path) -> None:
    data, asked = tmp_path / "value", tmp_path / "q.tsq"
    data.write_bytes(VALUE)
    openssl("ts", "-query", "-data", data, "-sha512", "-cert", "-out", asked)
    token = BACKEND.accept_response(authority.reply(asked.read_bytes()), asked.read_bytes())
    assert {each.code for each in BACKEND.verify(token, (VALUE,), ()).findings} == {
        "timestamp-imprint-matches",
        "timestamp-signature-valid",
    }


def test_two_queries_have_two_nonces(query: bytes) -> None:
    assert query != BACKEND.build_query(VALUE, TimestampQuery())
    bare = TimestampQuery(nonce=False, certificates=False)
    assert BACKEND.build_query(VALUE, bare) == BACKEND.build_query(VALUE, bare)


@pytest.mark.parametrize(
    "wish",
    [
        TimestampQuery(algorithm=MacAlgorithm.MD5),
        TimestampQuery(algorithm=MacAlgorithm.SHA1),
        TimestampQuery(policy="1.x"),
    ],
)
def test_weak_digests_and_invalid_policies_are_refused(wish: TimestampQuery) -> None:
    with pytest.raises(UsageError):
        BACKEND.build_query(VALUE, wish)


def test_an_answer_comes_over_http(authority: TimestampAuthority, query: bytes) -> None:
    with authority.serving() as served:
        answer = BACKEND.send_query(served.url, query, ONCE, nobody)
    assert BACKEND.accept_response(answer, query)
    (asked,) = served.queries
    assert asked.body == query
    assert asked.headers["Content-Type"] == "application/timestamp-query"
    assert "Authorization" not in asked.headers


def test_a_busy_authority_is_asked_again(authority: TimestampAuthority, query: bytes) -> None:
    with authority.serving(lambda number, _: (503, {}, b"") if number < 2 else None) as served:
        assert BACKEND.accept_response(BACKEND.send_query(served.url, query, RetryPolicy(attempts=3), nobody), query)
    assert len(served.queries) == 3
    with authority.serving(lambda *_: (503, {}, b"")) as served, pytest.raises(TimestampError, match="503"):
        BACKEND.send_query(served.url, query, RetryPolicy(attempts=2), nobody)
    assert len(served.queries) == 2


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((404, {}, b""), "status 404"),
        ((302, {"Location": "http://127.0.0.1:9/"}, b""), "status 302"),
        ((307, {"Location": "http://127.0.0.1:9/"}, b""), "status 307"),
        ((200, {}, bytes(1 << 20)), "larger than 262144 bytes"),
    ],
)
def test_an_invalid_answer_ends_the_attempt(query: bytes, answer: Any, said: str) -> None:
    with serving(lambda *_: answer) as served, pytest.raises(TimestampError, match=said) as caught:
        BACKEND.send_query(served.url, query, RetryPolicy(attempts=3), nobody)
    assert len(served.queries) == 1
    assert caught.value.hint


def test_silence_is_not_waited_for(query: bytes) -> None:
    def silent(*_: object) -> Any:
        time.sleep(1)
        return 200, {}, b""

    with serving(silent) as served, pytest.raises(TimestampError, match=r"no response within 0\.2 s"):
        BACKEND.send_query(served.url, query, RetryPolicy(seconds=0.2, attempts=1), nobody)


def test_no_server(query: bytes) -> None:
    with serving(lambda *_: (200, {}, b"")) as served:
        url = served.url
    with pytest.raises(TimestampError, match="cannot be reached"):
        BACKEND.send_query(url, query, ONCE, nobody)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://tsa.example/",
        "file:///etc/passwd",
        "tsa.example",
        "https://",
        "http://[",
        "http://a\nb/",
        "http://a/b c",
        "http://ä/",
        "http://a:b/",
    ],
)
def test_invalid_urls(query: bytes, url: str) -> None:
    with pytest.raises(UsageError):
        BACKEND.send_query(url, query, ONCE, nobody)


def test_a_password_has_no_place_in_a_url(query: bytes) -> None:
    with pytest.raises(UsageError) as caught:
        BACKEND.send_query("https://user:hunter2@tsa.example/", query, ONCE, nobody)
    assert "hunter2" not in f"{caught.value} {caught.value.hint}"


def test_a_login_is_given_only_when_asked_for(authority: TimestampAuthority, query: bytes) -> None:
    requests: list[SecretRequest] = []

    def login(request: SecretRequest) -> str | None:
        requests.append(request)
        return "site:hunter2" if request.attempt == 1 else None

    def locked(_: int, asked: ReceivedQuery) -> Any:
        expected = f"Basic {base64.b64encode(b'site:hunter2').decode()}"
        return None if asked.headers.get("Authorization") == expected else (401, {}, b"")

    with authority.serving(locked) as served:
        assert BACKEND.accept_response(BACKEND.send_query(served.url, query, ONCE, login), query)
    assert ["Authorization" in asked.headers for asked in served.queries] == [False, True]
    assert [request.attempt for request in requests] == [1]
    with authority.serving(lambda *_: (401, {}, b"")) as served, pytest.raises(TimestampError) as caught:
        BACKEND.send_query(served.url, query, ONCE, login)
    assert len(served.queries) == 2
    assert "hunter2" not in f"{caught.value} {caught.value.hint}"
    with authority.serving(locked) as served, pytest.raises(TimestampError, match="requires a login"):
        BACKEND.send_query(served.url, query, ONCE, nobody)


def test_a_login_is_not_asked_for_without_end(query: bytes) -> None:
    with serving(lambda *_: (401, {}, b"")) as served, pytest.raises(TimestampError, match="rejected the login"):
        BACKEND.send_query(served.url, query, ONCE, lambda _: "site:hunter2")
    assert len(served.queries) == 4


def test_a_refusal_says_why(query: bytes) -> None:
    with pytest.raises(TimestampRejected, match="bad_alg; not with us") as caught:
        BACKEND.accept_response(make_refusal(), query)
    assert codes(caught.value) == ["timestamp-refused"]
    with pytest.raises(TimestampRejected) as caught:
        BACKEND.accept_response(make_refusal(text="\x1b[31m" + "x" * 5000), query)
    assert "\x1b" not in str(caught.value)
    assert len(str(caught.value)) < 300


def test_an_authority_that_does_not_know_the_policy_refuses(authority: TimestampAuthority) -> None:
    query = BACKEND.build_query(VALUE, TimestampQuery(policy="1.2.3.4"))
    with pytest.raises(TimestampRejected, match="unaccepted_policy"):
        BACKEND.accept_response(authority.reply(query), query)


@pytest.mark.parametrize(
    ("wish", "answer", "code"),
    [
        (TimestampQuery(), lambda authority: authority.token(VALUE, nonce=4711), "timestamp-nonce-differs"),
        (TimestampQuery(), lambda authority: authority.token(VALUE), "timestamp-nonce-differs"),
        (TimestampQuery(nonce=False), lambda authority: authority.token(VALUE + b"!"), "timestamp-other-query"),
        (
            TimestampQuery(nonce=False),
            lambda authority: authority.token(VALUE, digest="sha384"),
            "timestamp-other-query",
        ),
        (
            TimestampQuery(nonce=False, policy=OTHER_POLICY),
            lambda authority: authority.token(VALUE),
            "timestamp-policy-differs",
        ),
        (TimestampQuery(), lambda _: b"<html>", "timestamp-response-unreadable"),
        (TimestampQuery(), lambda _: b"", "timestamp-response-unreadable"),
    ],
)
def test_an_answer_to_something_else_is_rejected(
    authority: TimestampAuthority, wish: TimestampQuery, answer: Callable[[TimestampAuthority], bytes], code: str
) -> None:
    token = answer(authority)
    for data in (token, make_response(token)) if token[:1] == b"0" else (token,):
        with pytest.raises(TimestampRejected) as caught:
            BACKEND.accept_response(data, BACKEND.build_query(VALUE, wish))
        assert codes(caught.value) == [code]
        assert caught.value.hint


def test_an_invalid_query_is_reported(authority: TimestampAuthority) -> None:
    for query in (b"", b"query", bytes(1 << 17), authority.token(VALUE)):
        with pytest.raises(TimestampError, match="not an RFC 3161 timestamp request"):
            BACKEND.accept_response(authority.token(VALUE), query)


@pytest.mark.parametrize("part", SLOWLY)
def test_a_dripping_answer_ends_at_the_deadline(monkeypatch: pytest.MonkeyPatch, query: bytes, part: str) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    started = time.monotonic()
    with slowly_serving(Responder()) as responder:
        responder.answers["/"] = SLOWLY[part]
        with pytest.raises(TimestampError, match=r"no response within 0\.2 s"):
            BACKEND.send_query(f"{responder.url}/", query, RetryPolicy(seconds=0.2, attempts=1), nobody)
    assert time.monotonic() - started < 20
