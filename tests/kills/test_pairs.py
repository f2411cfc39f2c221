"""Two programs that sign one file at once: the file has both signatures, or one program reports an error."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

import dcmseal
from dcmseal.model.verdict import Verdict
from tests.support import builder as b
from tests.support.pki import Pki

PAIRS = 200

SIGN = """
import sys
import dcmseal
from dcmseal.errors import ConcurrentModification
from dcmseal.plugins.registry import installed_registry
key, number, in_place = sys.argv[1], int(sys.argv[2]), sys.argv[3] == "in-place"
with installed_registry().open_signer(key, lambda _: None) as signer:
    for line in sys.stdin:
        path = line.rstrip()
        try:
            if in_place:
                uid = dcmseal.sign(path, signer=signer, in_place=True).uid
            else:
                (uid,) = (each.value.uid for each in dcmseal.sign_many([path], signer=signer, output_dir="out")
                          if each.error is None)
        except (ConcurrentModification, ValueError):
            uid = ""
        print(uid, flush=True)
"""


@pytest.mark.parametrize("way", ["in-place", "to a folder"])
def test_200_pairs(tmp_path: Path, pki: Pki, way: str) -> None:
    key = f"pem:{pki['p256'].key_pem}?cert={pki['p256'].certificate_pem}"
    command = [sys.executable, "-c", SIGN, key]
    pair = [
        subprocess.Popen(
            [*command, str(number), way], cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for number in range(2)
    ]
    outcomes: Counter[int] = Counter()
    for number in range(PAIRS):
        path = tmp_path / f"{number}.dcm"
        path.write_bytes(b.file(b.image()))
        for each in pair:
            assert each.stdin is not None
            each.stdin.write(f"{path}\n")
            each.stdin.flush()
        uids = {uid for each in pair if each.stdout is not None and (uid := each.stdout.readline().strip())}
        result = path if way == "in-place" else tmp_path / "out" / path.name
        report = dcmseal.verify(result, integrity_only=True)
        assert report.verdict is Verdict.VALID
        assert {each.signature.uid for each in report.signatures} == uids
        outcomes[len(uids)] += 1
    for each in pair:
        each.communicate()
        assert each.returncode == 0
    print(outcomes)
    assert outcomes.keys() <= {1, 2}
    assert not [name for name in os.listdir(tmp_path) if name.endswith(".tmp")]


def test_two_runs_over_one_archive(tmp_path: Path, pki: Pki) -> None:
    key = f"pem:{pki['p256'].key_pem}?cert={pki['p256'].certificate_pem}"
    archive = tmp_path / "archive"
    archive.mkdir()
    for number in range(PAIRS):
        (archive / f"{number}.dcm").write_bytes(b.file(b.image()))
    command = [sys.executable, "-m", "dcmseal", "sign", str(archive), "--in-place", "--key", key, "--json-lines"]
    runs = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) for _ in range(2)]
    written = [run.communicate()[0] for run in runs]
    signed = sum(text.count('"document":"signing"') for text in written)
    there = [len(dcmseal.signatures(path)) for path in archive.iterdir()]
    assert sum(there) == signed
    assert set(there) <= {1, 2}
