"""A dry run on a Dask cluster: workers need no key, and write nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dcmseal.cli.main import main
from tests.support.dask_cluster import Cluster


def test_workers_plan_without_a_key(
    cluster: Cluster, tmp_path: Path, image: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [tmp_path / f"{number}.dcm" for number in range(40)]
    for each in files:
        each.write_bytes(image)
    code = main(["sign", str(tmp_path), "--dry-run", "--executor", f"dask:{cluster.address}", "--json-lines"])
    *plans, summary = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert (code, summary["verdicts"]) == (0, {"planned": 40})
    assert {each["document"] for each in plans} == {"plan"}
    assert [each.read_bytes() == image for each in files] == [True] * 40
