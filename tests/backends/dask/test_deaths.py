"""Files that kill each worker that opens them: each is one failed result, and a cluster without workers is an error."""

from __future__ import annotations

from pathlib import Path

import pytest

from dcmseal.errors import PluginError
from tests.support.dask_deaths import CHUNK, deadly_cluster, run_with_deaths


def test_one_worker_and_its_nanny_get_over_files_far_apart(tmp_path: Path) -> None:
    deadly = {"5", "93"}
    hasty = {"no_workers_timeout": "100ms"}  # far less than a nanny needs
    with deadly_cluster(tmp_path, workers=1, nannies=True, allowed_failures=0, **hasty) as cluster:
        run_with_deaths(cluster, tmp_path, deadly).check(deadly)


def test_each_file_costs_three_workers_until_no_worker_is_left(tmp_path: Path) -> None:
    with deadly_cluster(tmp_path, workers=4, nannies=False, allowed_failures=0) as cluster:
        outcome = run_with_deaths(cluster, tmp_path, {"50"})
        outcome.check({"50"})
        assert outcome.deaths == 3, "with others, with its chunk, and by itself"
        chunk = {str(number) for number in range(48, 48 + CHUNK)}
        tries = {name: count for name, count in outcome.cleaned_up.items() if name != "50"}
        assert all(count <= (2 if name in chunk else 1) for name, count in tries.items())

        with pytest.raises(PluginError, match="no workers left") as caught:
            run_with_deaths(cluster, tmp_path, {"50"}, patience=1)
    assert "nannies" in caught.value.hint
