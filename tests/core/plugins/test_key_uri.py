from __future__ import annotations

import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcmseal.errors import UsageError
from dcmseal.plugins import key_uri
from dcmseal.plugins.key_uri import KeyUri, escape_path, find_key_scheme

SECRET = "hunter2"


def test_examples_in_the_docstrings() -> None:
    results = doctest.testmod(key_uri)
    assert results.attempted > 0
    assert results.failed == 0


@pytest.mark.parametrize(
    ("text", "scheme", "path", "attributes"),
    [
        ("pem:key.pem", "pem", "key.pem", {}),
        ("PEM:key.pem?", "pem", "key.pem", {}),
        ("pem:/a b/key.pem?cert=c d.pem&chain=e.pem", "pem", "/a b/key.pem", {"cert": "c d.pem", "chain": "e.pem"}),
        (r"p12:C:\keys\a.p12", "p12", r"C:\keys\a.p12", {}),
        (r"pem:C:\k.pem?cert=D:\c=1.pem", "pem", r"C:\k.pem", {"cert": r"D:\c=1.pem"}),
        ("pem:50%25%3F.pem?cert=a%26b%20%C3%BC", "pem", "50%?.pem", {"cert": "a&b ü"}),
        ("pem:a#b+c.pem", "pem", "a#b+c.pem", {}),
    ],
)
def test_parts(text: str, scheme: str, path: str, attributes: dict[str, str]) -> None:
    uri = KeyUri.parse(text)
    assert (uri.scheme, uri.path, dict(uri.attributes)) == (scheme, path, attributes)


def test_body_keeps_the_syntax_of_its_scheme() -> None:
    uri = KeyUri.parse("pkcs11:token=a%3Bb;id=%FF%00?module-path=/lib/p11.so&pin-source=file:/pin")
    assert uri.body == "token=a%3Bb;id=%FF%00"
    assert uri.without_query() == "pkcs11:token=a%3Bb;id=%FF%00"
    with pytest.raises(UsageError):
        _ = uri.path


@pytest.mark.parametrize(
    "text",
    [
        "",
        "key.pem",
        "/dir/key:1.pem",
        r"C:\key.pem",
        ":key.pem",
        "1a:x",
        "pem:a?cert",
        "pem:a?cert=",
        "pem:a?=b",
        "pem:a?cert=b&&chain=c",
        "pem:a?cert=b&cert=c",
        "pem:a?cert=b&c%65rt=c",
        "pem:a?cert=%",
        "pem:a?cert=%4",
        "pem:a?cert=%00",
        "pem:a?cert=%FF",
        "pem:a\nb",
        "pem:a\0",
        "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
    ],
)
def test_refused_with_a_hint(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        KeyUri.parse(text)
    assert caught.value.hint


@pytest.mark.parametrize("text", ["pem:", "pem:?cert=c", "pem:%", "pem:%00", "pem:%FF"])
def test_path_refused_with_a_hint(text: str) -> None:
    uri = KeyUri.parse(text)
    with pytest.raises(UsageError) as caught:
        _ = uri.path
    assert caught.value.hint


@pytest.mark.parametrize("name", ["passphrase", "password", "pin", "pin-value", "PIN", "p%69n", "so-pin", " pin"])
@pytest.mark.parametrize("form", ["pem:a?{}=hunter2", "pem:a?cert=b&{}=hunter2", "pkcs11:token=x;{}=hunter2"])
def test_secret_refused_and_not_repeated(name: str, form: str) -> None:
    with pytest.raises(UsageError) as caught:
        KeyUri.parse(form.format(name))
    for way in ("asked for", "environment", "file", "pin-source"):
        assert way in caught.value.hint
    assert SECRET not in f"{caught.value!r} {caught.value} {caught.value.hint}"


def test_query_is_in_no_repr_and_no_error() -> None:
    uri = KeyUri.parse(f"pem:a?word={SECRET}")
    assert SECRET not in f"{uri!r} {uri} {uri.without_query()}"
    with pytest.raises(UsageError) as caught:
        uri.check_attributes("cert")
    assert SECRET not in f"{caught.value!r} {caught.value.hint}"
    for text in (f"pem:a?{SECRET}", f"pem:a?x={SECRET}&x={SECRET}", f"pem:a?x={SECRET}%", f"key.pem?x={SECRET}"):
        with pytest.raises(UsageError) as caught:
            KeyUri.parse(text)
        assert SECRET not in f"{caught.value!r} {caught.value.hint}"


def test_attributes_not_known() -> None:
    uri = KeyUri.parse("pem:a?cert=c&chain=d")
    uri.check_attributes("cert", "chain")
    with pytest.raises(UsageError, match="chain") as caught:
        uri.check_attributes("cert")
    assert "cert=" in caught.value.hint


def test_attributes_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        KeyUri.parse("pem:a?cert=c").attributes["cert"] = "d"  # type: ignore[index] # the test assigns to a read-only mapping


@pytest.mark.parametrize(("text", "scheme"), [("pem:a", "pem"), ("P12:a", "p12"), (r"c:\a", None), ("a/b:c", None)])
def test_scheme(text: str, scheme: str | None) -> None:
    assert find_key_scheme(text) == scheme


def refusal(text: str) -> UsageError | None:
    """The error for a text that is not a key URI of a file."""
    try:
        _ = KeyUri.parse(text).path
    except UsageError as error:
        return error
    return None


PATHS = st.text(st.characters(exclude_categories=["Cc"]), min_size=1)


@given(PATHS, PATHS)
def test_any_path_survives_escaping(path: str, certificate: str) -> None:
    text = f"pem:{escape_path(path)}?cert={escape_path(certificate)}"
    error = refusal(text)
    if error is None:
        uri = KeyUri.parse(text)
        assert (uri.path, uri.attributes["cert"]) == (path, certificate)
    else:
        assert "passphrase or PIN" in str(error)


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    for candidate in (text, f"pem:{text}", f"pem:a?{text}"):
        error = refusal(candidate)
        assert error is None or error.hint
