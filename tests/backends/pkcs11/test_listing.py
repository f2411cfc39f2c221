from __future__ import annotations

from pathlib import Path

import pytest

from dcmseal.plugins.signer_backend import KeyListing
from dcmseal.terms import KeyType
from dcmseal_pkcs11.pkcs11_backend import Pkcs11Backend
from tests.support.pki import Pki
from tests.support.softhsm_token import PIN, SoftHsm, SoftToken

BACKEND = Pkcs11Backend()


def listed(uri: str) -> dict[str, KeyListing]:
    return {each.label: each for each in BACKEND.list_keys(uri)}


def test_keys_have_facts_and_a_uri_that_opens_them(token: SoftToken) -> None:
    found = listed(token.uri())
    for label, kind, size in (("rsa3072", KeyType.RSA, "3072"), ("p384", KeyType.EC, "384")):
        listing = found[label]
        assert (listing.key_type, listing.problem) == (kind, "")
        detail = listing.detail
        assert (detail["token"], detail["key size"]) == ("reading-room", size)
        assert detail["certificate subject"] == f"CN={label},O=dcmseal tests"
        assert detail["certificate issuer"] == "CN=root,O=dcmseal tests"
        assert detail["valid from"].startswith("2024-01-01")
        assert detail["valid until"].startswith("2124-01-01")
        assert Path(detail["module"]).samefile(token.module)
        assert detail["slot"]
        with BACKEND.open(listing.uri, lambda _: PIN) as signer:
            assert signer.key_type is kind


def test_a_uri_narrows_the_list_down(token: SoftToken) -> None:
    assert set(listed(token.uri("p256"))) == {"p256"}
    assert listed("pkcs11:token=nobodys?module-path=" + token.module) == {}
    assert "reading-room" in {each.detail.get("token") for each in BACKEND.list_keys()}


def test_unusable_keys_are_listed_with_the_reason(softhsm: SoftHsm, pki: Pki, token: SoftToken) -> None:
    made = softhsm.token("problems")
    for name in ("expired", "not-yet-valid", "dsa2048"):
        made.add_certificate(name, pki[name].certificate)
    made.add_key("bare", pki["p256"])
    problems = {label: each.problem for label, each in listed(made.uri()).items()}
    assert "expired" in problems["expired"]
    assert "not valid yet" in problems["not-yet-valid"]
    assert "neither RSA" in problems["dsa2048"]
    assert "no certificate" in problems["bare"]
    assert "CA certificate" in listed(token.uri())["authority"].problem


def test_a_certificate_in_a_file_makes_a_key_usable(softhsm: SoftHsm, pki: Pki) -> None:
    made = softhsm.token("hsm")
    for name in ("p256", "p384"):
        made.add_key(name, pki[name])
    (listing,) = BACKEND.list_keys(made.uri("p256", cert=str(pki["p256"].certificate_pem)))
    assert listing.problem == ""
    assert listing.detail["certificate subject"] == "CN=p256,O=dcmseal tests"
    with BACKEND.open(listing.uri, lambda _: PIN) as signer:
        assert signer.certificate_chain == (pki["p256"].der,)
    (other,) = BACKEND.list_keys(made.uri("p384", cert=str(pki["p256"].certificate_pem)))
    assert "no certificate" in other.problem
    (missing,) = BACKEND.list_keys(made.uri("p256", cert="/nowhere.pem"))
    assert "/nowhere.pem" in missing.problem


def test_a_key_that_cannot_be_seen_is_not_denied(token: SoftToken) -> None:
    (listing,) = BACKEND.list_keys(token.uri("hidden"))
    assert "without the PIN" in listing.problem


def test_a_token_on_which_nothing_can_be_seen_is_listed(softhsm: SoftHsm) -> None:
    (listing,) = BACKEND.list_keys(softhsm.token("empty").uri())
    assert "without the PIN" in listing.problem
    assert listing.detail["token"] == "empty"


def test_a_slot_without_a_token_is_listed(token: SoftToken) -> None:
    problems = [each.problem for each in BACKEND.list_keys(f"pkcs11:?module-path={token.module}")]
    assert "the token in it is not initialized" in problems


@pytest.mark.parametrize("name", ["text", "missing", "folder/"])
def test_a_module_that_does_not_load_is_listed(name: str, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no library")
    (tmp_path / "folder").mkdir()
    (listing,) = BACKEND.list_keys(f"pkcs11:?module-path={tmp_path / name}")
    assert listing.problem
    assert "module-path=" in listing.uri


def test_nothing_is_listed_twice_while_a_key_is_open(token: SoftToken) -> None:
    with BACKEND.open(token.uri("rsa2048"), lambda _: PIN) as signer:
        (listing,) = BACKEND.list_keys(token.uri("rsa2048"))
        with BACKEND.open(listing.uri, lambda _: PIN) as again:
            assert again.certificate_chain == signer.certificate_chain
