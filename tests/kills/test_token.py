"""A token that signs thousands of digests after one login, and one that is taken away on the way: `make test-kills`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import dcmseal
from tests.kills.test_kills import IMAGE
from tests.support.interrupted_run import InterruptedRun
from tests.support.pki import Pki
from tests.support.softhsm_token import PIN, SoftHsm


def archive_of(folder: Path, files: int) -> Path:
    for number in range(files):
        path = folder / f"{number % 10}" / f"{number}.dcm"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(IMAGE)
    return folder


def test_5000_digests_after_one_login(tmp_path: Path, softhsm: SoftHsm, pki: Pki) -> None:
    archive = archive_of(tmp_path / "archive", 5000)
    token = softhsm.token("thousands")
    token.add("rsa2048", pki["rsa2048"])
    asked: list[object] = []

    def secrets(request: object) -> str:
        asked.append(request)
        return PIN

    results = dcmseal.sign_many([archive], key=token.uri("rsa2048"), secrets=secrets, in_place=True, jobs=2)
    assert [each.verdict for each in results] == ["signed"] * 5000
    assert len(asked) == 1
    verified = dcmseal.verify_many([archive], integrity_only=True, jobs=2)
    assert [each.verdict for each in verified] == ["valid"] * 5000


def test_a_run_goes_on_by_its_journal_when_the_token_is_back(tmp_path: Path, softhsm: SoftHsm, pki: Pki) -> None:
    token = softhsm.token("taken-away")
    token.add("rsa2048", pki["rsa2048"])
    pin = tmp_path / "pin"
    pin.touch(mode=0o600)
    pin.write_text(PIN)
    signing = InterruptedRun(
        archive=archive_of(tmp_path / "archive", 500),
        journal=tmp_path / "run.journal",
        key=token.uri("rsa2048", **{"pin-source": f"file:{pin}"}),
        jobs=2,
        by_command=True,
    )
    with signing.start() as run:
        assert run.stdout is not None
        for _ in range(70):
            assert run.stdout.readline()
        token.remove()
        _, errors = run.communicate(timeout=120)
    assert run.returncode == 6, errors
    assert "Traceback" not in errors
    assert 70 <= signing.status().files < 500
    token.put_back()
    replace(signing, jobs=1).finish()
    signing.check()
