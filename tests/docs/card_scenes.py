"""How to make dcmseal say what the pages quote about cards: one scene for each message, with tokens of SoftHSM."""

from __future__ import annotations

import sys
from pathlib import Path
from struct import pack

import pytest
from pkcs11 import Mechanism, TokenFlag

import dcmseal
from dcmseal import Registry
from tests.docs.desk import Desk
from tests.support.softhsm_token import PIN, SoftToken

KEY = "sign"


def card(desk: Desk, label: str) -> SoftToken:
    """A card with one key, and its certificate."""
    made = desk.softhsm.token(label)
    made.add(KEY, desk.pki["rsa2048"])
    return made


def card_that_is_not_there(desk: Desk) -> None:
    desk.sign(key=f"pkcs11:token=nobody?module-path={desk.softhsm.module}")


def driver_that_is_not_there(desk: Desk) -> None:
    desk.sign(key="pkcs11:token=Doe?module-name=no-such-driver")


def driver_that_is_none(desk: Desk) -> None:
    driver = Path("driver.so").absolute()
    driver.write_text("no library")
    desk.sign(key=f"pkcs11:token=Doe?module-path={driver}")


def card_with_two_keys(desk: Desk) -> None:
    two = card(desk, "two keys")
    two.add("other", desk.pki["p256"])
    desk.sign(key=two.uri(), secret=PIN)


def wrong_pin(desk: Desk) -> None:
    desk.sign(key=card(desk, "wrong PIN").uri(KEY), secret=PIN[::-1])


def locked_pin(desk: Desk) -> None:
    locked = card(desk, "locked PIN")
    locked.set_flag(TokenFlag.USER_PIN_LOCKED)
    desk.sign(key=locked.uri(KEY), secret=PIN)


def card_that_is_pulled_out(desk: Desk) -> None:
    pulled = card(desk, "pulled out")
    with Registry.discover().open_signer(pulled.uri(KEY), lambda _: PIN) as signer, desk.in_python():
        pulled.remove()
        dcmseal.sign("image.dcm", signer=signer, output="out.dcm")


def card_that_is_exchanged(desk: Desk) -> None:
    other = card(desk, "exchanged")
    other.remove()
    first = card(desk, "exchanged")
    with Registry.discover().open_signer(first.uri(KEY), lambda _: PIN) as signer:
        first.remove()
        other.put_back()
        for _ in ("the session ends", "another card answers"):
            with desk.in_python():
                dcmseal.sign("image.dcm", signer=signer, output="out.dcm")


def card_without_a_certificate(desk: Desk) -> None:
    bare = desk.softhsm.token("no certificate")
    bare.add_key(KEY, desk.pki["rsa2048"])
    desk.sign(key=bare.uri(KEY), secret=PIN)


def certificate_of_another_key(desk: Desk) -> None:
    desk.sign(key=card(desk, "other certificate").uri(KEY, cert="signer.cert.pem"), secret=PIN)


def mechanism_that_the_card_refuses(desk: Desk) -> None:
    narrow = desk.softhsm.token("narrow")
    narrow.add(KEY, desk.pki["rsa2048"], allowed_mechanisms=pack("L", Mechanism.SHA512_RSA_PKCS))
    desk.sign(key=narrow.uri(KEY), secret=PIN)


def sign_at_a_terminal(desk: Desk, token: SoftToken) -> None:
    """Sign with a card, and type its PIN."""

    def type_pin(prompt: str) -> str:
        print(prompt, file=sys.stderr)
        return PIN

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("getpass.getpass", type_pin)
        patch.setattr("sys.stdin.isatty", lambda: True)
        desk.dcmseal("sign", "image.dcm", "signed.dcm", "--force", "--key", token.uri(KEY))


def pin_that_is_asked_for(desk: Desk) -> None:
    sign_at_a_terminal(desk, card(desk, "Doe Jane"))


def few_tries_left(desk: Desk) -> None:
    tried = card(desk, "few tries")
    tried.set_flag(TokenFlag.USER_PIN_COUNT_LOW)
    sign_at_a_terminal(desk, tried)


def one_try_left(desk: Desk) -> None:
    tried = card(desk, "one try")
    tried.set_flag(TokenFlag.USER_PIN_FINAL_TRY)
    sign_at_a_terminal(desk, tried)
