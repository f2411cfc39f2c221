"""``dcmseal keys``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dcmseal.errors import DeviceUnavailable
from dcmseal.plugins.signer_backend import KeyListing
from dcmseal.terms import KeyType
from tests.core.cli.conftest import Run
from tests.core.cli.removable_card import Card, build_registry
from tests.support.wrong_types import wrong_type

LISTED = (
    KeyListing(
        uri="card:token=reading-room;object=sign",
        label="sign",
        key_type=KeyType.RSA,
        detail={"token": "reading-room", "subject": "CN=Doe\x1b[2J", "key size": "2048 bits"},
    ),
    KeyListing(uri="card:token=old;object=sign", label="", problem="the certificate has expired"),
)


@pytest.fixture
def insert(key: str, monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], None]:
    """Puts a card in that lists these keys."""

    def insert(listed: Any) -> None:
        monkeypatch.setattr("dcmseal.plugins.registry.installed_registry", build_registry(Card(key, listed=listed)))

    return insert


def test_found_keys_are_shown_with_a_uri_to_paste(run: Run, insert: Callable[[Any], None]) -> None:
    insert(LISTED)
    ran = run("keys")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.splitlines() == [
        "sign: usable",
        "  key type  RSA",
        "  token     reading-room",
        "  subject   CN=Doe\\x1b[2J",
        "  key size  2048 bits",
        "  URI       card:token=reading-room;object=sign",
        "",
        "(without a name): not usable",
        "  problem   the certificate has expired",
        "  URI       card:token=old;object=sign",
        "",
        "KEY               TYPE  USABLE",
        "sign              RSA   yes",
        "(without a name)        the certificate has expired",
        "1 usable, 1 not usable",
    ]


def test_as_a_document(run: Run, insert: Callable[[Any], None]) -> None:
    insert(LISTED)
    document = run("keys", "--json").document
    assert document["problems"] == []
    assert document["keys"][0] == {
        "uri": "card:token=reading-room;object=sign",
        "label": "sign",
        "key_type": "RSA",
        "detail": {"token": "reading-room", "subject": "CN=Doe\x1b[2J", "key size": "2048 bits"},
        "problem": "",
    }
    assert [each["problem"] for each in document["keys"]] == ["", "the certificate has expired"]


@pytest.mark.parametrize(
    ("word", "uris"),
    [
        ("card:", [each.uri for each in LISTED]),
        ("card:token=old", [LISTED[1].uri]),
        ("reading-room", [LISTED[0].uri]),
        ("pem:", []),
    ],
)
def test_one_scheme_key_uri_or_setup(
    run: Run, insert: Callable[[Any], None], tmp_path: Path, word: str, uris: list[str]
) -> None:
    insert(LISTED)
    config = tmp_path / "config.toml"
    config.write_text('[keys.reading-room]\nuri = "card:token=reading-room"')
    config.chmod(0o600)
    ran = run("keys", word, "--config", config, "--json")
    assert ran.code == 0
    assert [each["uri"] for each in ran.document["keys"]] == uris


def test_without_a_key(run: Run) -> None:
    assert run("keys", "pem:").out == "no key found that matches\n"
    assert run("keys", "nothing:").code == 6
    assert run("keys", "nobody").code == 2


@pytest.mark.parametrize(
    "wrong",
    [
        DeviceUnavailable("no reader", hint="plug one in"),
        ValueError("secret"),
        (KeyListing(uri=wrong_type(3), label=""),),
        (KeyListing(uri="", label=wrong_type(None)),),
        (KeyListing(uri="pem:a", label=""),),
        (KeyListing(uri="card:?pin=1234", label=""),),
        (KeyListing(uri="", label="", detail=wrong_type(3)),),
        (KeyListing(uri="", label="", detail=wrong_type({"a": 3})),),
        (KeyListing(uri="", label="", key_type=wrong_type("RSA")),),
        (KeyListing(uri="", label="x" * 10_001),),
    ],
    ids=range(10),
)
def test_a_plugin_that_cannot_look_does_not_hide_the_others(
    run: Run, wrong: Any, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Faulty(Card):
        def list_keys(self, uri: str = "") -> Any:
            if isinstance(wrong, BaseException):
                raise wrong
            return wrong

    others = Card(key, listed=LISTED, scheme="zcard")
    others.listed = (KeyListing(uri="zcard:1", label="good"),)
    monkeypatch.setattr("dcmseal.plugins.registry.installed_registry", build_registry(Faulty(key), others))
    ran = run("keys")
    assert ran.code == 6
    assert "good: usable" in ran.out
    assert ran.err.startswith("dcmseal: ")
    assert "secret" not in ran.err
    assert "1234" not in ran.err
    document = run("keys", "--json").document
    assert [each["uri"] for each in document["keys"]] == ["zcard:1"]
    assert [each["document"] for each in document["problems"]] == ["error"]
