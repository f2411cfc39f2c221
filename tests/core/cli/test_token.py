"""A key on a token of SoftHSM: listed, pasted, named, used for many files, pulled out and put back."""

from __future__ import annotations

import re
import shutil
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

import dcmseal
from tests.core.cli.conftest import Run, Terminal
from tests.support.dcmsign import Dcmtk
from tests.support.pki import Pki
from tests.support.softhsm_token import PIN, SoftHsm, SoftToken


@pytest.fixture(scope="module")
def token(softhsm: SoftHsm, pki: Pki) -> SoftToken:
    """Two keys, of which the second is expired."""
    token = softhsm.token("dictation")
    token.add("doe", pki["rsa2048"])
    token.add("expired", pki["expired"])
    return token


@pytest.fixture(autouse=True)
def pin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN_PIN", PIN)


@pytest.fixture
def images(image: Path, in_folder: Path) -> list[str]:
    names = [f"{number}.dcm" for number in range(4)]
    for name in names:
        shutil.copy(image, in_folder / name)
    return names


def test_a_listed_key_is_pasted_and_signs(
    run: Run, token: SoftToken, images: list[str], pki: Pki, dcmsign: Dcmtk
) -> None:
    ran = run("keys", token.uri())
    assert (ran.code, ran.err) == (0, "")
    block, expired, end = ran.out.split("\n\n")
    head, *lines = block.splitlines()
    assert head == "doe: usable"
    told = dict(re.split("  +", line.strip(), maxsplit=1) for line in lines)
    assert told["token"] == "dictation"
    assert Path(told["module"]).samefile(token.module)
    assert (told["key type"], told["key size"]) == ("RSA", "2048")
    assert told["certificate subject"] == "CN=rsa2048,O=dcmseal tests"
    assert told["valid until"].startswith("2")
    assert re.match("expired: not usable\n  problem +the certificate has expired\n", expired)
    assert end.splitlines()[-1] == "1 usable, 1 not usable"
    uri = told["URI"]
    assert run("sign", images[0], "out.dcm", "--key", uri, "--passphrase-env", "TOKEN_PIN").code == 0
    assert dcmsign.verify(Path("out.dcm"), trust=pki.trust).ok


def test_all_tokens_are_listed_where_no_module_is_named(run: Run, token: SoftToken) -> None:
    document = run("keys", "--json").document
    assert [each["label"] for each in document["keys"] if each["detail"].get("token") == token.label] == [
        *("doe", "expired")
    ]


def test_many_files_with_the_name_of_a_setup(run: Run, token: SoftToken, images: list[str], in_folder: Path) -> None:
    config = in_folder / "config.toml"
    config.write_text(
        f'[keys.dictation]\nuri = "{token.uri("doe")}"\nprofile = "base-rsa"\npin-source = "env:TOKEN_PIN"'
    )
    config.chmod(0o600)
    (setup,) = run("config", "check", "--open", "--config", config, "--json").document["keys"]
    assert setup["certificate"].startswith("CN=rsa2048,")
    ran = run("sign", *images, "-o", "out", "--key", "dictation", "--config", config)
    assert (ran.code, ran.err) == (0, "")
    assert [len(dcmseal.signatures(Path("out", name))) for name in images] == [1] * 4


def test_a_token_pulled_out_and_put_back(
    run: Run, token: SoftToken, images: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The token vanishes after the first file, and is back when Enter is pressed."""

    class Somebody(BytesIO):
        def read1(self, size: int | None = -1, /) -> bytes:
            token.put_back()
            return super().read1(size)

    sign = dcmseal.sign
    signed: list[str] = []

    def sign_and_pull(*words: Any, **more: Any) -> Any:
        if len(signed) == 1:
            token.remove()
        signed.append("")
        return sign(*words, **more)

    monkeypatch.setattr("dcmseal.cli.run.sign_files.sign", sign_and_pull)
    monkeypatch.setattr("tests.core.cli.conftest.Terminal", lambda _: Terminal(Somebody(b"\n")))
    words = [*images, "-o", "out", "--key", token.uri("doe"), "--passphrase-env", "TOKEN_PIN", "--wait-for-device"]
    ran = run("sign", *words, typed="")
    assert "Insert the card or token" in ran.err
    assert ran.code == 0
    assert [len(dcmseal.signatures(Path("out", name))) for name in images] == [1] * 4
