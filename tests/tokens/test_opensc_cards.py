"""Smart cards that are removed and inserted while files are signed."""

from __future__ import annotations

from pathlib import Path

import pytest

import dcmseal
from dcmseal.errors import DeviceRemoved, DeviceReplaced, DeviceUnavailable, PinRejected
from dcmseal.plugins.signer_backend import SecretRequest
from dcmseal.terms import MacAlgorithm
from dcmseal.testing import assert_verifies
from dcmseal.testing.signable_messages import BytesMessage
from dcmseal_pkcs11.pkcs11_backend import Pkcs11Backend
from tests.support import builder as b
from tests.tokens.opensc import Cards
from tests.tokens.piv.card import MAX_TRIES, CardPulled
from tests.tokens.token_device import WRONG_PIN, TokenDevice
from tests.tokens.token_kinds import KINDS
from tests.tokens.token_results import Results

BACKEND = Pkcs11Backend()
MESSAGE = BytesMessage(algorithm=MacAlgorithm.SHA256, content=b"content")

pytestmark = pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.name == "OpenSC"], ids=str)


@pytest.fixture
def cards(device: TokenDevice) -> Cards:
    assert isinstance(device, Cards)
    return device


def pull_out() -> None:
    raise CardPulled


def test_a_wrong_pin_is_tried_once(cards: Cards) -> None:
    uri = cards.present("rsa2048 9A")
    with pytest.raises(PinRejected), BACKEND.open(uri, lambda _: WRONG_PIN):
        pass
    assert cards.present_card.tries == MAX_TRIES - 1
    with BACKEND.open(uri, lambda _: cards.pin):
        pass
    assert cards.present_card.tries == MAX_TRIES


def test_an_empty_pin_costs_no_try(cards: Cards) -> None:
    uri = cards.present("rsa2048 9A")
    with pytest.raises(PinRejected), BACKEND.open(uri, lambda _: ""):
        pass
    assert cards.present_card.tries == MAX_TRIES


def test_a_key_that_wants_the_pin_each_time_gets_it(cards: Cards) -> None:
    uri = cards.present("rsa2048 9C")
    before = cards.present_card.signatures
    with BACKEND.open(uri, lambda _: cards.pin) as signer:
        for _ in range(3):
            signer.sign(MESSAGE)
    assert cards.present_card.signatures - before == 3


def test_no_card(cards: Cards, results: Results) -> None:
    uri = cards.present("rsa2048 9A")
    cards.remove()
    with pytest.raises(DeviceUnavailable) as caught, BACKEND.open(uri, lambda _: cards.pin):
        pass
    assert "card" in caught.value.hint
    cards.reinsert()
    results.behaviour["No card"] = type(caught.value).__name__


def test_pulled_out_while_it_signs_nothing_is_written(cards: Cards, results: Results, tmp_path: Path) -> None:
    source, output = tmp_path / "in.dcm", tmp_path / "out.dcm"
    source.write_bytes(b.file(b.image()))
    for key in ("rsa2048 9A", "p256 9C"):
        uri = cards.present(key)
        cards.present_card.before_signing = pull_out
        with pytest.raises(DeviceRemoved) as caught:
            dcmseal.sign(source, output=output, key=uri, secrets=lambda _: cards.pin)
        assert caught.value.hint
        assert sorted(tmp_path.iterdir()) == [source]
        cards.put_in(cards.issue(key.partition(" ")[0]))
        dcmseal.sign(source, output=output, key=uri, secrets=lambda _: cards.pin)
        output.unlink()
    results.behaviour["Card removed while it signs"] = "DeviceRemoved, nothing written"


def test_back_in_the_same_signer_goes_on(cards: Cards, results: Results) -> None:
    asked: list[SecretRequest] = []

    def answer(request: SecretRequest) -> str:
        asked.append(request)
        return cards.pin

    with BACKEND.open(cards.present("rsa2048 9A"), answer) as signer:
        assert_verifies(signer, MESSAGE, signer.sign(MESSAGE))
        cards.remove()
        for _ in range(2):
            with pytest.raises(DeviceRemoved):
                signer.sign(MESSAGE)
        cards.reinsert()
        assert_verifies(signer, MESSAGE, signer.sign(MESSAGE))
    assert len(asked) == 2
    results.behaviour["Card reinserted"] = "signs again, PIN asked again"


@pytest.mark.parametrize("identity", ["rsa2048", "p256"], ids=["same name", "other name"])
def test_another_card_is_not_signed_with(identity: str, cards: Cards, results: Results) -> None:
    with BACKEND.open(cards.present("rsa2048 9A"), lambda _: cards.pin) as signer:
        signer.sign(MESSAGE)
        cards.remove()
        other = cards.issue(identity)
        cards.put_in(other)
        with pytest.raises(DeviceRemoved):
            signer.sign(MESSAGE)
        with pytest.raises(DeviceReplaced) as caught:
            signer.sign(MESSAGE)
        assert caught.value.hint
        assert other.signatures == 0
        assert other.tries == MAX_TRIES
    results.behaviour["Other card inserted"] = f"{type(caught.value).__name__}, does not sign"
