"""DCMTK, an independent PKI, and files signed with its certificates."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from functools import cache
from io import BytesIO
from pathlib import Path

import pydicom
import pytest

import dcmseal
from dcmseal import tags
from dcmseal.plugins.timestamp_backend import RetryPolicy
from dcmseal_timestamp.cms_tsp import CmsTspBackend
from tests.interop.interop_bench import InteropBench
from tests.support.dcmsign import Dcmtk
from tests.support.independent_pki import NOW, SIGNED, IndependentPki
from tests.support.pki import Pki
from tests.support.real_files import real_file
from tests.support.signed_files import sign_at

STAMPED = SIGNED + dt.timedelta(minutes=1)

Stamp = Callable[..., bytes]


@pytest.fixture(scope="session")
def bench(dcmsign: Dcmtk, pki: Pki, tmp_path_factory: pytest.TempPathFactory) -> InteropBench:
    return InteropBench(dcmsign, pki, tmp_path_factory.mktemp("interop"))


@pytest.fixture(scope="session")
def independent_pki(tmp_path_factory: pytest.TempPathFactory) -> Iterator[IndependentPki]:
    with IndependentPki(tmp_path_factory.mktemp("independent")).serving() as pki:
        yield pki


@pytest.fixture
def independent(independent_pki: IndependentPki) -> IndependentPki:
    """The PKI as it is today, asked for nothing yet."""
    independent_pki.asked.clear()
    independent_pki.answers.clear()
    independent_pki.live_at(NOW)
    return independent_pki


@pytest.fixture(scope="session")
def signed_by(independent_pki: IndependentPki) -> Callable[[str], Path]:
    """A file that a signer of the independent PKI claims to have signed in June 2024."""

    @cache
    def signed_by(label: str) -> Path:
        path = independent_pki.folder / f"by-{label}.dcm"
        path.write_bytes(sign_at(real_file("MR_small.dcm").data, independent_pki.identity(label), SIGNED))
        return path

    return signed_by


@pytest.fixture
def stamp(independent: IndependentPki, signed_by: Callable[[str], Path]) -> Stamp:
    """The file of the good signer with an unchecked timestamp of an authority."""

    def stamp(service: str, at: dt.datetime = STAMPED, over: Path | None = None) -> bytes:
        file = signed_by("good")
        dataset = pydicom.dcmread(BytesIO(file.read_bytes()))
        item = dataset[tags.DIGITAL_SIGNATURES_SEQUENCE][0]
        token = token_of(independent, service, dcmseal.build_timestamp_query(over or file), at)
        item.add_new(tags.CERTIFIED_TIMESTAMP_TYPE, "CS", "CMS_TSP")
        item.add_new(tags.CERTIFIED_TIMESTAMP, "OB", token + bytes(len(token) % 2))
        out = BytesIO()
        dataset.save_as(out)
        return out.getvalue()

    return stamp


def token_of(independent: IndependentPki, service: str, query: bytes, at: dt.datetime) -> bytes:
    """What an authority answers at a moment."""
    backend = CmsTspBackend()
    independent.live_at(at)
    answer = backend.send_query(independent.tsa(service), query, RetryPolicy(attempts=1), lambda _: None)
    independent.live_at(NOW)
    return backend.accept_response(answer, None)
