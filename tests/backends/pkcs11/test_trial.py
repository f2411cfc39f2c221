from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from pkcs11 import _pkcs11

from dcmseal.errors import ModuleUnusable
from dcmseal_pkcs11 import module_probe
from dcmseal_pkcs11.loaded_modules import load_module
from dcmseal_pkcs11.module_discovery import ModuleCandidate
from tests.support.softhsm_token import SoftHsm


@pytest.fixture(autouse=True)
def _as_if_nothing_was_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module_probe, "is_loaded", lambda _: False)


def test_a_module_that_works_is_loaded(softhsm: SoftHsm) -> None:
    assert module_probe.load_candidate(ModuleCandidate(path=softhsm.module)) is load_module(softhsm.module)


def test_a_file_that_is_not_a_module_is_not_loaded_in_this_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module_probe, "load_module", lambda path: pytest.fail(f"{path} was loaded"))
    (tmp_path / "text.so").write_text("no library")
    for path, reason in ((str(tmp_path / "text.so"), "PKCS11Error"), (_pkcs11.__file__, "C_GetFunctionList")):
        with pytest.raises(ModuleUnusable, match=reason) as caught:
            module_probe.load_candidate(ModuleCandidate(path=path))
        assert "module-path=" in caught.value.hint


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "crashes"),
        ("import time; time.sleep(60)", "respond"),
    ],
)
def test_a_module_that_crashes_or_hangs_does_not_affect_the_process(
    code: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module_probe, "_PROBE_CODE", code)
    monkeypatch.setattr(module_probe, "_TIMEOUT", 1)
    monkeypatch.setattr(module_probe, "load_module", lambda path: pytest.fail(f"{path} was loaded"))
    with pytest.raises(ModuleUnusable, match=reason):
        module_probe.load_candidate(ModuleCandidate(path="/lib/driver.so"))


@pytest.mark.parametrize("executable", ["", None, "/opt/viewer/viewer"])
def test_no_other_program_is_started(executable: str | None, softhsm: SoftHsm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", executable)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("something was started"))
    assert module_probe.load_candidate(ModuleCandidate(path=softhsm.module)) is load_module(softhsm.module)


def test_a_named_module_is_loaded_at_once(softhsm: SoftHsm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("something was started"))
    assert module_probe.load_candidate(ModuleCandidate(path=softhsm.module, is_named=True)) is load_module(
        softhsm.module
    )
