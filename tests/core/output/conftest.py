"""Fixtures of outputs: a file to sign in place, and a function that signs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import dcmseal
from tests.core.output.output_checks import SMALL
from tests.support.pki import Pki
from tests.support.signed_files import build_signer


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "image.dcm"
    path.write_bytes(SMALL)
    return path


@pytest.fixture
def sign(pki: Pki) -> Callable[..., dcmseal.SigningResult]:
    signer = build_signer(pki["p256"])
    return lambda source, **options: dcmseal.sign(source, signer=signer, **options)
