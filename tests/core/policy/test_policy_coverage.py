"""What is demanded to be covered: elements, and everything, so that nothing was added."""

from __future__ import annotations

from typing import Any

import pytest

from dcmseal.findings import Outcome
from dcmseal.model.verdict import Verdict
from dcmseal.tags import format_tag
from tests.core.policy.policy_helpers import Verify, build_trust, build_verifier, unmet_codes
from tests.support import builder as b
from tests.support import tags as t
from tests.support.pki import Pki
from tests.support.real_files import real_file
from tests.support.signed_files import edit_signed, sign_dataset

NAME, ID, ACCESSION, PIXELS = "PatientName", "PatientID", t.ACCESSION_NUMBER, "PixelData"
FAILED, UNKNOWN = Outcome.FAILED, Outcome.UNKNOWN


@pytest.fixture(scope="module")
def ask(pki: Pki) -> Verify:
    return build_verifier(build_trust(pki))


@pytest.fixture(scope="module")
def plain() -> bytes:
    return b.file(b.image())


def test_elements_that_have_to_be_covered(ask: Verify, plain: bytes, pki: Pki) -> None:
    data = sign_dataset(plain, pki["rsa2048"], tags=[NAME])
    assert ask(data, covered=[NAME]).verdict is Verdict.VALID
    (missing,) = ask(data, covered=[NAME, ID, PIXELS]).unmet
    assert (missing.code, missing.where) == ("required-not-covered", "(0010,0020) (7FE0,0010)")
    assert unmet_codes(ask(data, f"covers:{NAME},{ID}")) == [("covers-not-met", FAILED)]
    together = sign_dataset(data, pki["p256"], tags=[ID, PIXELS])
    assert ask(together, covered=[NAME, ID, PIXELS]).verdict is Verdict.VALID
    assert unmet_codes(ask(together, f"covers:{NAME},{ID}")) == [("covers-not-met", FAILED)]


def test_absent_elements_need_no_coverage_but_additions_do(ask: Verify, plain: bytes, pki: Pki) -> None:
    data = sign_dataset(plain, pki["rsa2048"])
    assert ask(data, covered=[ACCESSION, NAME]).verdict is Verdict.VALID
    added = edit_signed(data, main={ACCESSION: b.text(ACCESSION, "SH", "4711")})
    assert ask(added).verdict is Verdict.VALID
    assert unmet_codes(ask(added, covered=[ACCESSION])) == [("required-not-covered", FAILED)]
    assert unmet_codes(ask(plain, covered=[ACCESSION])) == [
        ("required-not-covered", FAILED)
    ]  # nothing states which elements exist


def test_no_unsigned_additions(ask: Verify, plain: bytes, pki: Pki) -> None:
    data = sign_dataset(plain, pki["rsa2048"])
    assert ask(data, no_unsigned_additions=True).verdict is Verdict.VALID
    added = edit_signed(data, main={ACCESSION: b.text(ACCESSION, "SH", "4711")})
    (finding,) = ask(added, no_unsigned_additions=True).unmet
    assert (finding.code, finding.outcome, finding.where) == ("unsigned-additions", FAILED, "(0008,0050)")
    again = sign_dataset(added, pki["p256"], tags=[ACCESSION])
    assert ask(again, no_unsigned_additions=True).verdict is Verdict.VALID


@pytest.mark.parametrize(
    "node",
    [b.Value(0x00091001, "UN", b"??"), b.Sequence(0x00091002, (b.Item((b.Value(0x00091001, "UN", b"??"),)),))],
    ids=["UN", "UN in a sequence"],
)
def test_unsignable_elements_may_have_been_added(ask: Verify, plain: bytes, pki: Pki, node: Any) -> None:
    data = edit_signed(sign_dataset(plain, pki["rsa2048"]), main={node.tag: node})
    report = ask(data, no_unsigned_additions=True)
    assert (report.verdict, unmet_codes(report)) == (Verdict.NOT_ESTABLISHED, [("unsigned-additions", UNKNOWN)])
    assert unmet_codes(ask(data, covered=[node.tag])) == [("required-not-covered", FAILED)]


@pytest.mark.parametrize("tag", [t.FILE_SET_ID, 0xFFFA0010])
def test_elements_that_are_never_signed_may_be_additions(ask: Verify, plain: bytes, pki: Pki, tag: int) -> None:
    data = edit_signed(sign_dataset(plain, pki["rsa2048"]), main={tag: b.text(tag, "LO", "odd")})
    (finding,) = ask(data, no_unsigned_additions=True).unmet
    assert (finding.outcome, finding.where) == (UNKNOWN, format_tag(tag))


def test_pixels_whose_syntax_is_in_question_are_not_established(ask: Verify, pki: Pki) -> None:
    data = sign_dataset(real_file("JPEG2000.dcm").data, pki["rsa2048"])
    assert ask(data, covered=[PIXELS]).verdict is Verdict.VALID
    other = data.replace(b"1.2.840.10008.1.2.4.91", b"1.2.840.10008.1.2.4.93", 1)
    assert ask(other).verdict is Verdict.VALID
    assert unmet_codes(ask(other, covered=[PIXELS, NAME])) == [("required-not-covered", UNKNOWN)]
