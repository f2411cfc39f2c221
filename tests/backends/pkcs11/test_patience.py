from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pkcs11
import pytest

from dcmseal_pkcs11.loaded_modules import Pkcs11Module
from dcmseal_pkcs11.tokens import retry_softhsm


class Driver:
    """A module that fails so many times, and counts."""

    def __init__(self, maker: str, failures: int, error: type[pkcs11.PKCS11Error] = pkcs11.GeneralError) -> None:
        self.library = SimpleNamespace(manufacturer_id=maker)
        self.sessions: dict[object, object] = {}
        self.failures, self.error = failures, error
        self.tried = self.begun_anew = 0

    def reinitialize(self) -> None:
        self.begun_anew += 1

    def action(self) -> str:
        self.tried += 1
        if self.tried <= self.failures:
            raise self.error
        return "done"

    def result(self) -> str:
        return retry_softhsm(cast("Pkcs11Module", cast("Any", self)), self.action)


def test_softhsm_is_retried_after_initializing_again() -> None:
    driver = Driver("SoftHSM", 2)
    assert driver.result() == "done"
    assert (driver.tried, driver.begun_anew) == (3, 2)


def test_open_sessions_are_not_ended_by_that() -> None:
    driver = Driver("SoftHSM", 2)
    driver.sessions["token"] = object()
    assert driver.result() == "done"
    assert driver.begun_anew == 0


def test_patience_ends() -> None:
    with pytest.raises(pkcs11.GeneralError):
        Driver("SoftHSM", 1000).result()


@pytest.mark.parametrize(
    ("maker", "error"),
    [("OpenSC Project", pkcs11.GeneralError), ("SoftHSM", pkcs11.PinIncorrect), ("SoftHSM", pkcs11.PinLocked)],
)
def test_cards_and_pins_are_not_tried_again(maker: str, error: type[pkcs11.PKCS11Error]) -> None:
    driver = Driver(maker, 1, error)
    with pytest.raises(error):
        driver.result()
    assert (driver.tried, driver.begun_anew) == (1, 0)
