"""The example for a remote key store is a project of its own: installed, it passes its tests, and is listed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.core.plugins.test_discovery import LISTING, evaluate, install, run
from tests.docs.doc_pages import DOCS

AWS_KMS = DOCS / "examples" / "aws-kms"


@pytest.fixture(scope="session")
def awskms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the example for AWS KMS is installed."""
    return install(AWS_KMS, tmp_path_factory.mktemp("awskms"))


def test_aws_kms_passes_its_tests(awskms: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # entries of other tests would be used instead of its own
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    output = run(["-m", "pytest", "-q", "-p", "no:cacheprovider", str(AWS_KMS)], awskms)
    assert "passed" in output
    assert "skipped" not in output


def test_aws_kms_is_listed(awskms: Path) -> None:
    listed = evaluate(LISTING, awskms)["dcmseal-awskms awskms"]
    assert listed["contributes"] == ["signer:awskms"]
    assert not listed["problem"]
