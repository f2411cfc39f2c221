"""Documents and what they cite, changed at random: only SealError comes out, and nothing that changed is verified."""

from __future__ import annotations

import struct
import warnings
import zlib
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import dcmseal
from dcmseal import tags
from dcmseal.errors import SealError
from dcmseal.model.verdict import Verdict
from tests.fuzz.test_fuzz import Change, changes, fuzz
from tests.support import builder as b
from tests.support import reference
from tests.support.cited_evidence import make_citation, make_document, make_evidence_sequence
from tests.support.dicom_tree import Unreadable
from tests.support.oracle_removal import split_file
from tests.support.pki import Pki
from tests.support.signed_files import minimise_nodes, sign_dataset, to_nodes

FIRST, SECOND = "1.2.3.4.1", "1.2.3.4.2"


def put(folder: Path, pki: Pki) -> tuple[bytes, bytes]:
    """An instance without a signature, and one with."""
    first, second = b.file(b.image(instance=FIRST)), sign_dataset(b.file(b.image(instance=SECOND)), pki["p256"])
    (folder / "first.dcm").write_bytes(first)
    (folder / "second.dcm").write_bytes(second)
    return first, second


def changed(data: bytes, made: list[Change]) -> bytes:
    start = len(split_file(data)[0])
    for change in made:
        data = change.made(data, start)
    return data


@pytest.mark.parametrize("syntax", b.NATIVE_SYNTAXES, ids=lambda syntax: syntax.uid)
@fuzz
@given(made=st.lists(changes, min_size=1, max_size=3))
def test_changed_documents(
    syntax: b.Syntax, made: list[Change], tmp_path_factory: pytest.TempPathFactory, pki: Pki
) -> None:
    folder = tmp_path_factory.mktemp("study")
    put(folder, pki)
    plain = b.file(
        make_document(
            make_evidence_sequence(
                tags.CURRENT_REQUESTED_PROCEDURE_EVIDENCE_SEQUENCE, make_citation(FIRST), make_citation(SECOND)
            )
        ),
        syntax,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with suppress(SealError):
            dcmseal.verify(changed(sign_dataset(plain, pki["p256"], references=[folder]), made), references=[folder])
        try:
            again = sign_dataset(changed(plain, made), pki["p256"], references=[folder])
        except SealError:
            return
        report = dcmseal.verify(again, integrity_only=True, references=[folder])
        assert report.references
        assert {each.code for each in report.references} == {"reference-verified"}


@fuzz
@given(made=st.lists(changes, min_size=1, max_size=3))
def test_changed_instances(made: list[Change], tmp_path_factory: pytest.TempPathFactory, pki: Pki) -> None:
    folder = tmp_path_factory.mktemp("study")
    files = put(folder, pki)
    plain = b.file(
        make_document(
            make_evidence_sequence(
                tags.CURRENT_REQUESTED_PROCEDURE_EVIDENCE_SEQUENCE, make_citation(FIRST), make_citation(SECOND)
            )
        )
    )
    data = sign_dataset(plain, pki["p256"], references=[folder])
    for name, before in zip(("first.dcm", "second.dcm"), files, strict=True):
        after = changed(before, made)
        (folder / name).write_bytes(after)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            report = dcmseal.verify(data, integrity_only=True, references=[folder])
        (folder / name).write_bytes(before)
        if report.verdict is Verdict.VALID and not any(each.code.endswith("part") for each in report.references):
            assert stream(after) in (None, stream(before))


def stream(data: bytes) -> bytes | None:
    """All that can be signed, with minimal padding, by the reference encoder; None if it cannot read that."""
    try:
        dataset = reference.parse_file(b.file(minimise_nodes(to_nodes(reference.parse_file(data).dataset)))).dataset
        return reference.data_stream(dataset, reference.signable_tags(dataset))
    except (Unreadable, ValueError, struct.error, zlib.error, LookupError):
        return None
