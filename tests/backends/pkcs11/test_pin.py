"""PINs: their sources, the number of tries left, and no wrong PIN is tried twice."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pkcs11
import pytest
from pkcs11 import PROTECTED_AUTH, SlotFlag, TokenFlag

from dcmseal.errors import DeviceUnavailable, PinLocked, PinRejected, SealError, SignerError
from dcmseal.plugins.signer_backend import SecretRequest
from dcmseal_pkcs11.loaded_modules import Pkcs11Module
from dcmseal_pkcs11.pin import PinProvider, PinRequest
from dcmseal_pkcs11.pkcs11_backend import Pkcs11Backend
from dcmseal_pkcs11.pkcs11_errors import to_signer_error
from dcmseal_pkcs11.pkcs11_uri import Pkcs11Uri
from dcmseal_pkcs11.token_session import TokenSession
from dcmseal_pkcs11.tokens import Pkcs11Token
from tests.backends.pkcs11.test_opening import Asked
from tests.support.softhsm_token import PIN, SoftToken

BACKEND = Pkcs11Backend()


def test_a_wrong_pin_is_reported_with_the_tries_that_are_left(token: SoftToken) -> None:
    wrong = Asked("1234567")
    for _ in range(2):
        with (
            pytest.raises(PinRejected, match="few attempts are left") as caught,
            BACKEND.open(token.uri("p256"), wrong),
        ):
            pass
        assert "tried once" in caught.value.hint
    first, second = (request.purpose for request in wrong.requests)
    assert "reading-room" in first
    assert "wrong PIN was entered before" not in first
    assert "wrong PIN was entered before" in second
    right = Asked()
    for _ in range(2):
        with BACKEND.open(token.uri("p256"), right):
            pass
    assert "wrong PIN" not in right.requests[1].purpose


@pytest.mark.parametrize("form", ["{}", "file:{}", "file://{}"])
def test_the_pin_may_be_in_a_file(form: str, token: SoftToken, tmp_path: Path) -> None:
    path = tmp_path / "pin"
    path.write_text(f"{PIN}\r\nsecond line")
    asked = Asked()
    with BACKEND.open(token.uri("p256", **{"pin-source": form.format(path)}), asked):
        pass
    assert not asked.requests


def test_the_pin_may_be_in_the_environment(token: SoftToken, monkeypatch: pytest.MonkeyPatch) -> None:
    uri = token.uri("p256", **{"pin-source": "env:TEST_TOKEN_PIN"})
    monkeypatch.setenv("TEST_TOKEN_PIN", PIN)
    with BACKEND.open(uri, Asked(None)):
        pass
    monkeypatch.delenv("TEST_TOKEN_PIN")
    with pytest.raises(PinRejected, match="TEST_TOKEN_PIN") as caught, BACKEND.open(uri, Asked()):
        pass
    assert caught.value.hint


@pytest.mark.parametrize("content", [None, b"", b"\n1234", b"\xff\xfe1234", b"12\x0034"])
def test_an_impossible_pin_is_not_tried(content: bytes | None, token: SoftToken, tmp_path: Path) -> None:
    path = tmp_path / "pin"
    if content is not None:
        path.write_bytes(content)
    with (
        pytest.raises(PinRejected) as caught,
        BACKEND.open(token.uri("p256", **{"pin-source": str(path)}), Asked()),
    ):
        pass
    assert caught.value.hint
    assert "1234" not in f"{caught.value!r} {caught.value.__context__!r}"
    asked = Asked()
    with BACKEND.open(token.uri("p256"), asked):
        pass
    assert "wrong PIN" not in asked.requests[0].purpose


def test_a_pin_source_is_not_tried_again() -> None:
    entry = PinProvider(uri=Pkcs11Uri.parse("pkcs11:token=a?pin-source=/nowhere"), secrets=Asked())
    with pytest.raises(PinRejected, match="not tried again"):
        entry.request_pin("token", attempt=2)


def test_one_login_for_all_keys_of_a_token_and_the_last_logs_out(token: SoftToken) -> None:
    asked = Asked()
    with BACKEND.open(token.uri("p256"), asked) as first:
        with BACKEND.open(token.uri("rsa2048"), asked) as second, BACKEND.open(token.uri("p384"), asked):
            assert len({first.certificate_chain[0], second.certificate_chain[0]}) == 2
        with BACKEND.open(token.uri("p521"), asked):
            pass
    assert len(asked.requests) == 1
    with BACKEND.open(token.uri("p256"), asked):
        pass
    assert len(asked.requests) == 2


class Hardware:
    """A simulated token with configurable flags and refusals."""

    def __init__(self, flags: TokenFlag, refusal: pkcs11.PKCS11Error | None = None) -> None:
        self.label, self.serial, self.model, self.manufacturer_id = "card", b"1", "model", "maker"
        self.flags = flags | TokenFlag.TOKEN_INITIALIZED | TokenFlag.LOGIN_REQUIRED
        self.slot = SimpleNamespace(
            slot_id=0, slot_description="reader", flags=SlotFlag.REMOVABLE_DEVICE, get_token=lambda: self
        )
        self.refusal = refusal
        self.pins: list[object] = []

    def open(self, user_pin: object = None) -> SimpleNamespace:
        if user_pin is not None:
            self.pins.append(user_pin)
            if self.refusal:
                raise self.refusal
        return SimpleNamespace(close=lambda: None)

    def session(self) -> TokenSession:
        library = SimpleNamespace(get_slots=lambda **_: [self.slot])
        module = cast("Pkcs11Module", SimpleNamespace(inherited=False, sessions={}, path="/m.so", library=library))
        return TokenSession(Pkcs11Token(module=module, handle=cast("Any", self)))


def asking(answer: str | None = PIN) -> tuple[PinRequest, list[SecretRequest]]:
    asked = Asked(answer)
    return PinRequest(PinProvider(uri=Pkcs11Uri.parse("pkcs11:"), secrets=asked), 1), asked.requests


def test_a_reader_with_a_pin_pad_asks_itself() -> None:
    card = Hardware(TokenFlag.PROTECTED_AUTHENTICATION_PATH)
    secrets, requests = asking()
    assert card.session().log_in(secrets) is None
    assert card.pins == [PROTECTED_AUTH]
    assert not requests


def test_a_locked_pin_is_not_asked_for() -> None:
    card = Hardware(TokenFlag.USER_PIN_LOCKED)
    secrets, requests = asking()
    with pytest.raises(PinLocked) as caught:
        card.session().log_in(secrets)
    assert "PUK" in caught.value.hint
    assert not requests
    assert not card.pins


def test_the_last_pin_try_is_announced_and_reported() -> None:
    card = Hardware(TokenFlag.USER_PIN_COUNT_LOW | TokenFlag.USER_PIN_FINAL_TRY, pkcs11.PinIncorrect())
    secrets, requests = asking("0000")
    with pytest.raises(PinRejected, match=r"wrong PIN for card 'card' in reader.*last attempt before"):
        card.session().log_in(secrets)
    assert "last attempt before" in requests[0].purpose
    assert card.pins == ["0000"]


@pytest.mark.parametrize(
    ("foreign", "kind"),
    [
        (pkcs11.PinIncorrect, PinRejected),
        (pkcs11.PinLenRange, PinRejected),
        (pkcs11.PinExpired, PinRejected),
        (pkcs11.UserPinNotInitialized, PinRejected),
        (pkcs11.FunctionCancelled, PinRejected),
        (pkcs11.PinLocked, PinLocked),
        (pkcs11.DeviceError, DeviceUnavailable),
        (pkcs11.PKCS11Error, DeviceUnavailable),
    ],
)
def test_every_refusal_is_an_error_of_dcmseal_with_a_hint(
    foreign: type[pkcs11.PKCS11Error], kind: type[SealError]
) -> None:
    error = to_signer_error(foreign("foreign text"), "token 'a'")
    assert type(error) is kind
    assert isinstance(error, SignerError)
    assert error.hint
    assert "foreign text" not in str(error)
