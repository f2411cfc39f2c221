"""Cards that are pulled out, put back, or exchanged, while a key is open."""

from __future__ import annotations

from itertools import count
from pathlib import Path

import pytest

import dcmseal
from dcmseal.errors import DeviceRemoved, DeviceReplaced, PinRejected
from dcmseal.plugins.signer_backend import Signer
from dcmseal.terms import MacAlgorithm
from dcmseal.testing import assert_verifies
from dcmseal.testing.signable_messages import BytesMessage
from dcmseal_pkcs11.pkcs11_backend import Pkcs11Backend
from tests.backends.pkcs11.test_opening import Asked
from tests.support import builder as b
from tests.support.pki import Pki
from tests.support.softhsm_token import PIN, SoftHsm, SoftToken

BACKEND = Pkcs11Backend()
_NUMBERS = count(1)
MESSAGE = BytesMessage(algorithm=MacAlgorithm.SHA256, content=b"content")


def assert_signs(signer: Signer) -> None:
    assert_verifies(signer, MESSAGE, signer.sign(MESSAGE))


def assert_removed(signer: Signer) -> None:
    with pytest.raises(DeviceRemoved) as caught:
        signer.sign(MESSAGE)
    assert "reinsert it" in caught.value.hint


@pytest.fixture
def card(softhsm: SoftHsm, pki: Pki) -> SoftToken:
    made = softhsm.token(f"card {next(_NUMBERS)}")
    made.add("p256", pki["p256"])
    made.add("p384", pki["p384"])
    return made


def test_signing_goes_on_once_the_card_is_back(card: SoftToken) -> None:
    asked = Asked()
    with BACKEND.open(card.uri("p256"), asked) as signer, BACKEND.open(card.uri("p384"), asked) as other:
        assert_signs(signer)
        card.remove()
        assert_removed(signer)
        assert_removed(signer)
        assert_removed(other)
        assert len(asked.requests) == 1
        card.put_back()
        assert_signs(signer)
        assert_signs(other)
        assert_signs(signer)
    assert [request.attempt for request in asked.requests] == [1, 1]
    with BACKEND.open(card.uri("p256"), asked):
        pass
    assert len(asked.requests) == 3


def test_a_wrong_pin_after_that_is_counted_and_the_right_one_does(card: SoftToken) -> None:
    asked = Asked()
    with BACKEND.open(card.uri("p256"), asked) as signer:
        card.remove()
        assert_removed(signer)
        card.put_back()
        asked.answer = "wrong-1234"
        for _ in range(2):
            with pytest.raises(PinRejected):
                signer.sign(MESSAGE)
        asked.answer = PIN
        assert_signs(signer)
    assert [request.attempt for request in asked.requests] == [1, 1, 2, 3]


@pytest.fixture
def twins(softhsm: SoftHsm, pki: Pki) -> tuple[SoftToken, SoftToken]:
    """Two cards of one label, with a key and certificate in common; the first one is in the reader."""
    first = softhsm.token("twin")
    first.add("p256", pki["p256"])
    first.remove()
    second = softhsm.token("twin")
    second.add("p256", pki["p256"])
    second.remove()
    first.put_back()
    return first, second


def test_another_card_is_not_signed_with(twins: tuple[SoftToken, SoftToken]) -> None:
    first, second = twins
    asked = Asked()
    with BACKEND.open(first.uri("p256"), asked) as signer:
        first.remove()
        second.put_back()
        assert_removed(signer)
        with pytest.raises(DeviceReplaced) as caught:
            signer.sign(MESSAGE)
        assert "reinsert the first card" in caught.value.hint
        second.remove()
        assert_removed(signer)
        first.put_back()
        assert_signs(signer)
    assert len(asked.requests) == 2


def test_nothing_is_half_written_when_the_card_is_pulled(card: SoftToken, tmp_path: Path) -> None:
    source, target = tmp_path / "in.dcm", tmp_path / "out.dcm"
    source.write_bytes(b.file(b.image()))
    with BACKEND.open(card.uri("p256"), Asked()) as signer:
        card.remove()
        for where in ({"output": target}, {"in_place": True}):
            with pytest.raises(DeviceRemoved):
                dcmseal.sign(source, signer=signer, **where)
        assert [each.name for each in tmp_path.iterdir()] == ["in.dcm"]
        assert source.read_bytes() == b.file(b.image())
        card.put_back()
        dcmseal.sign(source, signer=signer, output=target)
    assert dcmseal.verify(target, integrity_only=True).verdict is dcmseal.Verdict.VALID
