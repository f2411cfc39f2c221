"""Tests for this plugin only."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import dcmseal
from dcmseal import ProfileViolation
from dcmseal.plugins import PinLocked, PinRejected, SecretRequest
from dcmseal.testing import SAMPLE_FILE
from dcmseal_acme import device, plugin
from dcmseal_acme.backend import AcmeBackend

REGISTRY = dcmseal.Registry.from_plugins(plugin)


def pin(_: SecretRequest) -> str:
    return device.PIN


@pytest.fixture(autouse=True)
def _new_device() -> Iterator[None]:
    yield
    device.connected_device.cache_clear()


def test_what_the_profile_asks_for_is_signed_and_found_again() -> None:
    result = dcmseal.sign(
        SAMPLE_FILE,
        key="acme:reading-room",
        profile="acme-ecdsa",
        only_required=True,
        secrets=pin,
        registry=REGISTRY,
    )
    assert result.data is not None
    report = dcmseal.verify(result.data, integrity_only=True, require=["acme-ecdsa"], registry=REGISTRY)
    assert report.verdict is dcmseal.Verdict.VALID


def test_the_profile_refuses_rsa() -> None:
    with pytest.raises(ProfileViolation):
        dcmseal.sign(SAMPLE_FILE, key="acme:archive", profile="acme-ecdsa", secrets=pin, registry=REGISTRY)


def test_three_wrong_pins_lock() -> None:
    backend = AcmeBackend()
    for kind in (PinRejected, PinRejected, PinRejected, PinLocked):
        with pytest.raises(kind), backend.open("acme:archive", lambda _: "000000"):
            pass


def test_its_keys_are_listed() -> None:
    both = ["acme:reading-room", "acme:archive"]
    for asked, expected in (("", both), ("acme:", both), ("acme:archive", both[1:]), ("acme:nothing", [])):
        assert [listing.uri for listing in AcmeBackend().list_keys(asked)] == expected
