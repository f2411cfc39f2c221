from __future__ import annotations

import pytest

from dcmseal.errors import UsageError
from dcmseal_pkcs11.pkcs11_uri import Pkcs11Uri, build_uri

EVERYTHING = (
    "pkcs11:token=reading%20room;manufacturer=M%26M;model=x%2fy;serial=47%3B11;object=Schl%C3%BCssel;id=%00%ff%3B;"
    "type=private;slot-id=007;slot-description=left%3Fright;slot-manufacturer=S;library-description=D;"
    "library-manufacturer=L;library-version=2"
    "?module-path=/opt/a%26b/m.so&module-name=m&pin-source=file:/run/pin&cert=c%3F.pem&chain=chain.pem"
)


def test_every_attribute_is_read_and_decoded() -> None:
    uri = Pkcs11Uri.parse(EVERYTHING)
    assert uri.path == {
        "token": "reading room",
        "manufacturer": "M&M",
        "model": "x/y",
        "serial": "47;11",
        "object": "Schlüssel",
        "type": "private",
        "slot-id": "7",
        "slot-description": "left?right",
        "slot-manufacturer": "S",
        "library-description": "D",
        "library-manufacturer": "L",
        "library-version": "2.0",
    }
    assert uri.id == b"\x00\xff;"
    assert (uri.module_path, uri.module_name, uri.pin_source) == ("/opt/a&b/m.so", "m", "file:/run/pin")
    assert (uri.cert, uri.chain) == ("c?.pem", "chain.pem")
    assert uri.text == EVERYTHING.partition("?")[0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("pem:key.pem", "no.*scheme|not the scheme"),
        ("pkcs11:token", "without a '='"),
        ("pkcs11:token=a;", "without a '='"),
        ("pkcs11:tokens=a", "unknown attribute 'tokens'"),
        ("pkcs11:TOKEN=a", "unknown attribute 'TOKEN'"),
        ("pkcs11:x-vendor=a", "unknown attribute 'x-vendor'"),
        ("pkcs11:token=a;token=a", "'token' twice"),
        ("pkcs11:id=%01;id=%01", "'id' twice"),
        ("pkcs11:id=;id=", "'id' twice"),
        ("pkcs11:?cert=a&cert=b", "'cert' twice"),
        ("pkcs11:?colour=red", "unknown attribute 'colour'"),
        ("pkcs11:token=%2", "stray '%'"),
        ("pkcs11:id=%zz", "stray '%'"),
        ("pkcs11:token=%ff", "not UTF-8"),
        ("pkcs11:token=%0a", "control characters"),
        ("pkcs11:token=\ud800", "invalid Unicode"),
        ("pkcs11:type=key", "type in the key URI is unknown"),
        ("pkcs11:slot-id=-1", "not a number"),
        ("pkcs11:slot-id=0x1", "not a number"),
        ("pkcs11:library-version=1.2.3", "not a version"),
        ("pkcs11:token=a?pin-value=1234", "must not contain a passphrase or PIN"),
        ("pkcs11:token=a;pin-value=1234", "must not contain a passphrase or PIN"),
        ("pkcs11:token=a?pin%2Dvalue=1234", "must not contain a passphrase or PIN"),
    ],
)
def test_an_invalid_uri_is_refused_with_a_hint(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        Pkcs11Uri.parse(text)
    assert caught.value.hint
    assert "1234" not in f"{caught.value} {caught.value.hint}"


def test_a_refused_pin_names_the_sources_for_it() -> None:
    with pytest.raises(UsageError) as caught:
        Pkcs11Uri.parse("pkcs11:token=a?pin-value=1234")
    assert "pin-source" in caught.value.hint


@pytest.mark.parametrize("kind", ["cert", "public", "secret-key", "data"])
def test_a_uri_without_a_private_key_cannot_sign(kind: str) -> None:
    with pytest.raises(UsageError, match=f"type={kind}"):
        Pkcs11Uri.parse(f"pkcs11:type={kind}").check_private_key()


def test_a_token_matches_a_uri_if_all_its_attributes_match() -> None:
    uri = Pkcs11Uri.parse("pkcs11:token=a;library-version=2.6;slot-id=01")
    assert uri.matches({})
    assert uri.matches({"token": "a", "serial": "1"})
    assert uri.matches({"library-version": "2.6", "slot-id": "1"})
    assert not uri.matches({"token": "a", "slot-id": "2"})
    assert not uri.matches({"token": "A"})
    assert not uri.matches({"token": ""})
    assert Pkcs11Uri.parse("pkcs11:token=").matches({"token": ""})


def test_uris_round_trip() -> None:
    path = {"token": "a;b?c&d/e%f=g ü'\"\\", "serial": "", "object": "k"}
    module = "/opt/a b&c?d%/m.so"
    text = build_uri(path, identifier=b"\x00;?\xff", module_path=module, private=True)
    uri = Pkcs11Uri.parse(text)
    assert uri.path == {"token": path["token"], "object": "k", "type": "private"}
    assert (uri.id, uri.module_path) == (b"\x00;?\xff", module)
    # so that a shell needs no more than one pair of quotes
    assert not set(text) & set(" \"'\\$`!")


def test_where_the_pin_is_is_not_shown() -> None:
    assert "/run/pin" not in repr(Pkcs11Uri.parse(EVERYTHING))
